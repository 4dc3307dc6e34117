"""Public bars of other venues by ccxt: no keys, no orders, no trust in how a venue fills a page.

ccxt is an extra; without it the error says how to get it. Only `fetch_ohlcv` is called, and every page is held against
what was asked (`paged_bars`). What is stored has the source `ccxt:VENUE`. The verb of fetching calls it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

from tradecore.core.errors import (
    RateLimitedError,
    ReplyError,
    UnknownPairError,
    UsageError,
    VenueError,
    VenueRefusedError,
    VenueUnavailableError,
)
from tradecore.core.types import Nanoseconds, Pair, Timeframe
from tradecore.market.frames import BAR_SCHEMA
from tradecore.market.lake import Lake
from tradecore.market.manifest import DatasetKey
from tradecore.market.sources.paged_bars import BarsFetched, BarsProgress, Wanted, fetch_bars
from tradecore.venues.kraken.answers import Answer, Done, Refused
from tradecore.venues.kraken.patience import A_FEW_TRIES, Asker, Wait

PAGE_BARS = 1000
"""How many bars are asked for at once; venues may give fewer."""
_MS = 1_000_000
_COLUMNS = ("open_time", "open", "high", "low", "close", "volume")


@dataclass(frozen=True, slots=True)
class ExchangeBars:
    """Which bars of which venue (ccxt's name for it), and their open times, both inclusive."""

    venue: str
    pair: Pair
    timeframe: Timeframe
    start: Nanoseconds
    end: Nanoseconds
    join: bool = False
    addresses: Mapping[str, Any] = field(default_factory=dict)
    """ccxt's own `urls`, to point it at another server; empty for the venue's own."""


async def fetch_exchange_bars(
    lake: Lake,
    asked: ExchangeBars,
    told: Callable[[BarsProgress], None] | None = None,
    waits: Callable[[Wait], None] | None = None,
) -> BarsFetched:
    """Bring the bars the lake lacks into it, a month at a time; what the venue does not give stays missing.

    Errors: UsageError without ccxt, for an unknown venue or timeframe; as `paged_bars.fetch_bars`.
    """
    wanted = Wanted(
        key=DatasetKey(asked.venue, asked.pair, asked.timeframe),
        source=f"ccxt:{asked.venue}",
        start=asked.start,
        end=asked.end,
        join=asked.join,
    )
    # Chance only spreads the waits; nothing that is stored depends on it.
    asker = Asker(A_FEW_TRIES, np.random.default_rng(0), waits)
    async with _opened(asked) as exchange:

        async def ask(start: Nanoseconds, end: Nanoseconds) -> pl.DataFrame:
            return await asker.ask(lambda: _page(exchange, asked, start, end))

        return await fetch_bars(lake, wanted, ask, told)


@asynccontextmanager
async def _opened(asked: ExchangeBars) -> AsyncIterator[Any]:
    """Open ccxt's client of a venue. Errors: UsageError."""
    try:
        import ccxt.async_support as ccxt
    except ImportError:
        raise UsageError(f"bars of {asked.venue} need ccxt: pip install 'tradecore[exchanges]'") from None
    if asked.venue not in ccxt.exchanges:
        raise UsageError(f"venue {asked.venue!r}: ccxt knows no such venue; expected one as binance, bybit, coinbase")
    exchange = getattr(ccxt, asked.venue)({"enableRateLimit": True, "timeout": 20_000})
    if asked.addresses:
        exchange.urls = exchange.deep_extend(exchange.urls, dict(asked.addresses))
    try:
        if not exchange.has.get("fetchOHLCV") or str(asked.timeframe) not in (exchange.timeframes or {}):
            made = ", ".join(exchange.timeframes or {}) or "none"
            raise UsageError(f"{asked.venue} makes no {asked.timeframe} bars; expected one of {made}")
        yield exchange
    finally:
        await exchange.close()


async def _page(exchange: Any, asked: ExchangeBars, start: Nanoseconds, end: Nanoseconds) -> Answer[pl.DataFrame]:
    import ccxt

    limit = min(PAGE_BARS, (end - start) // asked.timeframe.ns + 1)
    name = f"{asked.venue} {asked.pair} {asked.timeframe}"
    try:
        rows = await exchange.fetch_ohlcv(
            str(asked.pair), str(asked.timeframe), since=start // _MS, limit=limit, params={"until": end // _MS}
        )
        return Done(_table(rows, name))
    except ccxt.BaseError as error:
        return Refused(_narrow(error, name))
    except ReplyError as error:
        return Refused(error)


def _table(rows: Any, name: str) -> pl.DataFrame:
    """Return ccxt's rows as bars. Errors: ReplyError for a row that is none: nothing is put in place of a number."""
    if not isinstance(rows, list):
        raise ReplyError(f"{name}: no list of bars; expected one")
    for number, row in enumerate(rows, 1):
        good = isinstance(row, list) and len(row) >= len(_COLUMNS)
        if not good or any(not isinstance(one, (int, float)) for one in row[: len(_COLUMNS)]):
            raise ReplyError(f"{name}: row {number} is {str(row)[:80]}; expected time, four prices and a volume")
    columns = {key: [row[i] for row in rows] for i, key in enumerate(_COLUMNS)}
    columns["open_time"] = [int(one) * _MS for one in columns["open_time"]]
    frame = pl.DataFrame(columns, schema={key: BAR_SCHEMA[key] for key in _COLUMNS}, strict=False)
    return frame.with_columns(count=pl.lit(None, pl.Int64)).select(BAR_SCHEMA.names())


def _narrow(error: Exception, name: str) -> VenueError:
    """Return ccxt's error as one of ours, with the venue's own words."""
    import ccxt

    words = str(error)[:300]
    if isinstance(error, ccxt.BadSymbol):
        return UnknownPairError(f"{name}: the venue has no such pair ({words})", words=words)
    if isinstance(error, (ccxt.RateLimitExceeded, ccxt.DDoSProtection)):
        return RateLimitedError(f"{name}: asked too often; wait", words=words, retryable=True, retry_after_s=10.0)
    if isinstance(error, ccxt.OperationFailed):
        kind = type(error).__name__
        return VenueUnavailableError(
            f"{name}: no answer ({kind}: {words}); check the network, or try later", words=words, retryable=True
        )
    return VenueRefusedError(f"{name}: refused ({type(error).__name__}: {words})", words=words)
