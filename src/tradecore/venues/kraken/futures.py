"""Kraken's public charts of its futures: candles of trade, mark and index prices. No key, no orders.

A perpetual is another instrument than the spot pair of the same name; what is fetched here is never mixed with it. The
fetcher calls it. Times are asked in seconds and answered in milliseconds; inside they are nanoseconds as everywhere.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args
from urllib.parse import urlencode

import numpy as np

from tradecore.core.clock import Clock
from tradecore.core.errors import ReplyError, UsageError, VenueError
from tradecore.core.types import SECOND_NS, FloatArray, IntArray, Nanoseconds, Timeframe
from tradecore.venues.kraken.addresses import Addresses
from tradecore.venues.kraken.answers import Answer, Done, Refused
from tradecore.venues.kraken.fields import Fields
from tradecore.venues.kraken.limits import Pace, PaceSettings
from tradecore.venues.kraken.public import whole
from tradecore.venues.kraken.replies import decoded
from tradecore.venues.kraken.transport import Transport

TickType: TypeAlias = Literal["trade", "mark", "spot"]
"""Prices of trades, of the mark (what liquidates), or of the index, which has no volume."""
RESOLUTIONS = ("1m", "5m", "15m", "30m", "1h", "4h", "12h", "1d", "1w")
MOST_CANDLES = 2000
_MILLISECOND_NS = 1_000_000
_SYMBOL = re.compile(r"[A-Z]{2}_[A-Z0-9]{3,16}(?:_[0-9]{6})?")


@dataclass(frozen=True, slots=True)
class CandlesPage:
    """Candles of one symbol, oldest first. Shape: (T,) each; `more` says that the venue has later ones in the span."""

    symbol: str
    open_time: IntArray
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray
    more: bool


class KrakenFutures:
    """The public charts over one transport."""

    def __init__(
        self,
        transport: Transport,
        addresses: Addresses,
        clock: Clock,
        pace: Pace | None = None,
        timeout_s: float = 20.0,
    ) -> None:
        self._transport = transport
        self._host = addresses.futures.rstrip("/")
        self._pace = pace or Pace(clock, PaceSettings(interval_s=0.5))
        self._timeout_s = timeout_s

    async def candles(
        self, symbol: str, tick_type: TickType, timeframe: Timeframe, start_ns: Nanoseconds, end_ns: Nanoseconds
    ) -> Answer[CandlesPage]:
        """Ask for the candles that open from `start_ns` to `end_ns`; the venue gives at most 2,000 at once.

        Errors: UsageError for a symbol, kind or timeframe that cannot be meant.
        """
        if not _SYMBOL.fullmatch(symbol) or tick_type not in get_args(TickType):
            raise UsageError(
                f"futures {symbol!r} of {tick_type!r}: expected a symbol as PF_XBTUSD; trade, mark or spot"
            )
        if str(timeframe) not in RESOLUTIONS:
            raise UsageError(f"Kraken's futures have no {timeframe} candles; expected one of {', '.join(RESOLUTIONS)}")
        span = {"from": str(-(-start_ns // SECOND_NS)), "to": str(end_ns // SECOND_NS)}
        url = f"{self._host}/api/charts/v1/{tick_type}/{symbol}/{timeframe}?{urlencode(span)}"
        await self._pace.wait("charts", None, self._host)
        try:
            reply = await self._transport.request("GET", url, timeout_s=self._timeout_s)
            return Done(parse_candles(whole(reply, "charts"), symbol, timeframe))
        except VenueError as error:
            return Refused(error)


def parse_candles(body: bytes, symbol: str, timeframe: Timeframe) -> CandlesPage:
    """Return the candles of a charts reply. Errors: ReplyError for anything that is none."""
    reply = Fields.of(decoded(body, "charts"), "charts reply")
    rows = [Fields.of(one, f"charts reply, candle {i + 1}") for i, one in enumerate(reply.items("candles"))]
    times = np.array([_open_time(row, timeframe) for row in rows], dtype=np.int64)
    late = np.flatnonzero(np.diff(times) <= 0)
    if len(late):
        rows[int(late[0]) + 1].refuse("time", "more than that of the candle before it")
    prices = {key: _column([float(row.positive(key)) for row in rows]) for key in ("open", "high", "low", "close")}
    inside = (prices["low"] <= np.minimum(prices["open"], prices["close"])) & (
        prices["high"] >= np.maximum(prices["open"], prices["close"])
    )
    if not inside.all():
        row = int(np.flatnonzero(~inside)[0])
        raise ReplyError(
            f"charts reply, candle {row + 1}: high or low lies inside open and close; expected around them"
        )
    volume = _column([float(row.amount("volume")) for row in rows])
    return CandlesPage(symbol, times, **prices, volume=volume, more=reply.flag("more_candles"))


def _open_time(row: Fields, timeframe: Timeframe) -> Nanoseconds:
    time = row.whole("time", 4_102_444_800_000) * _MILLISECOND_NS
    # A week begins on a Monday; the epoch was a Thursday, so that only shorter grids start at zero.
    if time % min(timeframe.ns, 24 * 3600 * SECOND_NS) or time < 1_230_768_000 * SECOND_NS:
        row.refuse("time", f"an open time of {timeframe} in milliseconds")
    return time


def _column(values: list[float]) -> FloatArray:
    return np.array(values, dtype=np.float64)
