"""Verbs of the other sources: stored bars held against the venue's, candles of futures, bars of other venues.

Fetching trades is `control.fetching`. Each of these asks, stores what is proved, and says what is not there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl

from tradecore.control.data import Where, resolve
from tradecore.control.kraken import open_kraken_futures, open_kraken_public
from tradecore.control.lab import Lab, Progress, no_progress
from tradecore.core.errors import DataError, UsageError
from tradecore.core.types import Pair, Timeframe, iso, parse_time
from tradecore.market import ohlc
from tradecore.market.aggregate import ONE_MINUTE
from tradecore.market.coverage import Run, union
from tradecore.market.draft import Addition
from tradecore.market.fetching.sink import SOURCE, trades_ref
from tradecore.market.frames import TRADE_SCHEMA
from tradecore.market.manifest import DatasetKey
from tradecore.market.ohlc import OhlcCheck
from tradecore.market.sources.exchange_bars import ExchangeBars, fetch_exchange_bars
from tradecore.market.sources.futures_charts import Candles, fetch_candles, futures_pair, futures_symbol
from tradecore.market.sources.kraken_rest import trades_of
from tradecore.market.sources.paged_bars import BarsFetched, BarsProgress
from tradecore.venues.kraken.answers import value_of
from tradecore.venues.kraken.futures import TickType
from tradecore.venues.kraken.patience import A_FEW_TRIES, Asker, Wait
from tradecore.venues.kraken.public import MOST_TRADES, KrakenPublic

KRAKEN = "kraken"
PRICES: dict[str, TickType] = {"trade": "trade", "mark": "mark", "index": "spot"}
"""Kinds of price of a future, as a person says them, and as the venue's charts call them."""
MOST_PAGES = 200
"""Pages of trades that one run of minutes may take when it is fetched again."""

Waits = Callable[[Wait], None]


@dataclass(frozen=True, slots=True)
class Checked:
    """What holding stored bars against the venue's found, and what fetching the odd minutes again changed."""

    check: OhlcCheck
    refetched: tuple[Run, ...] = ()
    """Runs of minutes whose trades were asked for again."""
    added: int = 0
    """Trades the lake had not had."""
    after: OhlcCheck | None = None
    """The same check after that; what differs still is the venue's bars against the venue's own trades."""


@dataclass(frozen=True, slots=True)
class AskedBars:
    """Which bars to fetch, in the words of the command line."""

    symbol: str
    """A pair, or a futures symbol as PF_XBTUSD."""
    since: str
    until: str | None = None
    timeframe: str | None = None
    venue: str = "futures"
    """`futures` for Kraken's futures, or a venue as ccxt calls it."""
    price: str = "trade"
    """Of futures: trade, mark or index."""
    join: bool = False


def check(lab: Lab, where: Where, *, refetch: bool = False) -> Checked:
    """Hold stored bars against the venue's newest 720; `refetch` asks again for the trades of minutes that differ.

    Errors: NothingThereError when no such bars are stored; VenueError; DataError when trades fetched again contradict
            stored ones.
    """
    market = resolve(lab, where)
    if market.venue != KRAKEN:
        raise UsageError(f"check of {market.venue}: only bars of {KRAKEN} can be held against the venue")
    timeframe = market.timeframe if where.timeframe else ONE_MINUTE

    async def work() -> Checked:
        async with open_kraken_public(lab) as kraken:
            page = value_of(await kraken.ohlc(market.pair, timeframe))
            found = ohlc.check(lab.lake, page, timeframe)
            if not (refetch and found.differences):
                return Checked(found)
            runs = union(
                ((one.open_time, one.open_time + timeframe.ns - 1) for one in found.differences if one.open_time), 1
            )
            added = 0
            for run in runs:
                added += await _fetch_again(lab, kraken, market.pair, run)
            return Checked(found, runs, added, ohlc.check(lab.lake, page, timeframe))

    return asyncio.run(work())


def fetch_bars(lab: Lab, asked: AskedBars, progress: Progress = no_progress, waits: Waits | None = None) -> BarsFetched:
    """Fetch candles of a future, or bars of another venue, into the lake; only what it lacks is asked for.

    Errors: UsageError; VenueError; NothingThereError when the venue has no such bars; DataError when they contradict
            what is stored.
    """
    timeframe = Timeframe.parse(asked.timeframe or lab.settings.market.timeframe)
    end = lab.clock.now() if asked.until is None else parse_time(asked.until) - 1
    start = parse_time(asked.since)
    if start > end:
        raise UsageError(f"from {asked.since} to {iso(end + 1)}: expected the end, which is exclusive, to be later")

    def told(at: BarsProgress) -> None:
        progress(f"{asked.symbol} {timeframe}, {at.requests:,} requests", float(at.done), float(at.total))

    if asked.venue == "futures":
        candles = Candles(_futures_symbol(asked.symbol), timeframe, start, end, _tick_type(asked.price))
        return asyncio.run(_futures(lab, candles, told, waits))
    if asked.venue == KRAKEN:
        raise UsageError(f"bars of {KRAKEN}: they are made from its trades; run: tradecore data fetch {asked.symbol}")
    wanted = ExchangeBars(asked.venue, Pair.parse(asked.symbol), timeframe, start, end, asked.join)
    return asyncio.run(fetch_exchange_bars(lab.lake, wanted, told, waits))


def _tick_type(price: str) -> TickType:
    if price not in PRICES:
        raise UsageError(f"--price {price}: expected {', '.join(PRICES)}")
    return PRICES[price]


def _futures_symbol(text: str) -> str:
    """Read the venue's symbol, or a pair as the lake has it."""
    if "/" in text:
        return futures_symbol(Pair.parse(text))
    futures_pair(text)
    return text.strip().upper()


async def _futures(
    lab: Lab, candles: Candles, told: Callable[[BarsProgress], None], waits: Waits | None
) -> BarsFetched:
    async with open_kraken_futures(lab) as futures:
        return await fetch_candles(lab.lake, futures, candles, told, waits)


async def _fetch_again(lab: Lab, kraken: KrakenPublic, pair: Pair, run: Run) -> int:
    """Ask for every trade of some minutes and give the lake those it lacks; return how many.

    Errors: DataError when they are more than are asked for here; as `Asker.ask`.
    """
    asker = Asker(A_FEW_TRIES, np.random.default_rng(0))  # chance only spreads the waits
    parts, since, cursor = [pl.DataFrame(schema=TRADE_SCHEMA)], run[0] - 1, 0
    for _ in range(MOST_PAGES):
        asked = since
        page = await asker.ask(lambda asked=asked: kraken.trades(pair, asked))  # type: ignore[misc]
        parts.append(trades_of(page))
        if len(page.time) < MOST_TRADES or int(page.time[-1]) > run[1]:
            break
        # One step back: a page edge may part trades of one moment. Where that brings nothing new, over it.
        since, cursor = page.last - 1 if page.last > cursor else since + 1, max(cursor, page.last)
    else:
        raise DataError(
            f"{pair}: more than {MOST_PAGES:,} pages of trades between {iso(run[0])} and {iso(run[1])}; expected odd "
            "minutes, not days; fetch the span into another workspace and compare"
        )
    rows = pl.concat(parts).filter(pl.col("time").is_between(*run)).unique().sort(["time", "trade_id"])
    key = DatasetKey(KRAKEN, pair, None)
    with lab.lake.writer() as writer:
        gained = writer.add_trades(key, Addition(rows, run, SOURCE, trades_ref(key)))
        writer.commit()
    return gained
