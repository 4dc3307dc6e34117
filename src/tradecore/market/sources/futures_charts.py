"""Candles of Kraken's futures as instruments of their own, never beside the spot pair of the same name.

A perpetual follows spot at a distance and ends differently from a spot position, so it has another pair and another
venue in the lake: PF_XBTUSD is `BTC.PF/USD` at `kraken-futures`; its mark and index prices, which nobody trades, lie at
`kraken-futures-mark` and `kraken-futures-index`. A strategy on BTC/USD can therefore not be fed with them by mistake.
The verb of fetching calls it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl

from tradecore.core.errors import UsageError
from tradecore.core.types import Nanoseconds, Pair, Timeframe
from tradecore.market.frames import BAR_SCHEMA, PRICES
from tradecore.market.lake import Lake
from tradecore.market.manifest import DatasetKey
from tradecore.market.sources.paged_bars import BarsFetched, BarsProgress, Wanted, fetch_bars
from tradecore.venues.kraken.futures import KrakenFutures, TickType
from tradecore.venues.kraken.names import pair_from_kraken
from tradecore.venues.kraken.patience import A_FEW_TRIES, Asker, Wait

VENUES: dict[TickType, str] = {
    "trade": "kraken-futures",
    "mark": "kraken-futures-mark",
    "spot": "kraken-futures-index",
}
"""Where candles of each kind of price lie; the venue calls the index `spot`."""

_SYMBOL = re.compile(r"([A-Z]{2})_([A-Z0-9]{4,16}?)(?:_([0-9]{6}))?")


@dataclass(frozen=True, slots=True)
class Candles:
    """Which candles: of which symbol and kind of price, and their open times, both inclusive."""

    symbol: str
    timeframe: Timeframe
    start: Nanoseconds
    end: Nanoseconds
    tick_type: TickType = "trade"


def futures_pair(symbol: str) -> Pair:
    """Return the pair under which a futures symbol lies in the lake. Errors: UsageError.

    >>> futures_pair("PF_XBTUSD")
    Pair('BTC.PF/USD')
    >>> futures_pair("FI_XBTUSD_240628")
    Pair('BTC.FI.240628/USD')
    """
    match = _SYMBOL.fullmatch(symbol.strip().upper())
    if match is None:
        raise UsageError(f"futures symbol {symbol!r}: expected one as PF_XBTUSD or FI_XBTUSD_240628")
    spot = pair_from_kraken(match[2])
    return Pair(".".join(part for part in (spot.base, match[1], match[3]) if part), spot.quote)


def futures_symbol(pair: Pair) -> str:
    """Return the venue's symbol of a pair as `futures_pair` makes it. Errors: UsageError for a spot pair.

    >>> futures_symbol(Pair("BTC.PF", "USD"))
    'PF_XBTUSD'
    """
    base, _, rest = pair.base.partition(".")
    kind, _, expiry = rest.partition(".")
    if not re.fullmatch(r"[A-Z]{2}", kind):
        raise UsageError(f"{pair}: no futures pair; expected one as BTC.PF/USD, or the venue's symbol PF_XBTUSD")
    name = {"BTC": "XBT"}.get(base, base)
    return f"{kind}_{name}{pair.quote}" + (f"_{expiry}" if expiry else "")


def futures_key(candles: Candles) -> DatasetKey:
    """Return the dataset in which candles lie. Errors: UsageError."""
    if candles.tick_type not in VENUES:
        raise UsageError(f"prices of kind {candles.tick_type!r}: expected {', '.join(VENUES)}")
    return DatasetKey(VENUES[candles.tick_type], futures_pair(candles.symbol), candles.timeframe)


async def fetch_candles(
    lake: Lake,
    futures: KrakenFutures,
    candles: Candles,
    told: Callable[[BarsProgress], None] | None = None,
    waits: Callable[[Wait], None] | None = None,
) -> BarsFetched:
    """Bring the candles the lake lacks into it, a month at a time; a stopped fetch goes on where it was.

    `waits` hears of every answer that has to be asked for again. Errors: as `paged_bars.fetch_bars`.
    """
    # Chance only spreads the waits; nothing that is stored depends on it.
    asker = Asker(A_FEW_TRIES, np.random.default_rng(0), waits)

    async def ask(start: Nanoseconds, end: Nanoseconds) -> pl.DataFrame:
        page = await asker.ask(
            lambda: futures.candles(candles.symbol, candles.tick_type, candles.timeframe, start, end)
        )
        columns = {name: getattr(page, name) for name in ("open_time", *PRICES, "volume")}
        counts = pl.Series("count", [None] * len(page.open_time), dtype=pl.Int64)
        return pl.DataFrame({**columns, "count": counts}, schema=BAR_SCHEMA)

    wanted = Wanted(
        key=futures_key(candles),
        source=f"kraken-futures-{candles.tick_type}",
        start=candles.start,
        end=candles.end,
        has_trades=candles.tick_type == "trade",
    )
    return await fetch_bars(lake, wanted, ask, told)
