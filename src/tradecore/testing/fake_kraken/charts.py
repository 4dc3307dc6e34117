"""The public charts of Kraken Futures: `/api/charts/v1/{tick type}/{symbol}/{resolution}?from=&to=`, no key needed.

Trade candles come from the spot tape of the same asset, a little above it as perpetuals are, so that a client which
mixes the two up is found out; mark and spot (index) candles have no volume. The core asks it.
Invariant: a call returns at most 2,000 candles and says by `more_candles` whether it left any out.
"""

from __future__ import annotations

from typing import Any

from tradecore.core.types import DAY_NS, HOUR_NS, MINUTE_NS, SECOND_NS, Nanoseconds, Pair
from tradecore.testing.fake_kraken.bars import Bar, traded_bars
from tradecore.testing.fake_kraken.market import LOT_DECIMALS, Market, Track
from tradecore.testing.fake_kraken.wire import HttpRequest, fixed, to_json

CHARTS = "/api/charts/v1"
CAP = 2000

SYMBOLS = {
    "PF_XBTUSD": Pair("BTC", "USD"),
    "PI_XBTUSD": Pair("BTC", "USD"),
    "PF_ETHUSD": Pair("ETH", "USD"),
    "PI_ETHUSD": Pair("ETH", "USD"),
    "PF_SOLUSD": Pair("SOL", "USD"),
    "PF_XRPUSD": Pair("XRP", "USD"),
    "PF_DOGEUSD": Pair("DOGE", "USD"),
}
RESOLUTIONS = {
    "1m": MINUTE_NS,
    "5m": 5 * MINUTE_NS,
    "15m": 15 * MINUTE_NS,
    "30m": 30 * MINUTE_NS,
    "1h": HOUR_NS,
    "4h": 4 * HOUR_NS,
    "12h": 12 * HOUR_NS,
    "1d": DAY_NS,
    "1w": 7 * DAY_NS,
}
# Above the spot price, in units of 1e-4: trade and mark candles of a perpetual; the index is spot itself.
_PREMIUM = {"trade": 3, "mark": 2, "spot": 0}


class Charts:
    """Answers the charts' calls from the market."""

    def __init__(self, market: Market) -> None:
        self._market = market

    def answer(self, request: HttpRequest, now: Nanoseconds) -> bytes:
        """Return the body of an answer as of `now`; refusals come in the charts' own words, not in those of spot."""
        parts = request.path.removeprefix(CHARTS).strip("/").split("/")
        if parts == [""]:
            return to_json(list(_PREMIUM))
        tick_type, *rest = parts
        if tick_type not in _PREMIUM:
            return _refused("Invalid tick type")
        if not rest:
            return to_json(list(SYMBOLS))
        if rest[0] not in SYMBOLS:
            return _refused("Market not found")
        if len(rest) == 1:
            return to_json(list(RESOLUTIONS))
        if rest[1] not in RESOLUTIONS:
            return _refused("Invalid resolution")
        return self._candles(tick_type, SYMBOLS[rest[0]], RESOLUTIONS[rest[1]], request.arguments(), now)

    def _candles(
        self, tick_type: str, pair: Pair, length: Nanoseconds, arguments: dict[str, str], now: Nanoseconds
    ) -> bytes:
        try:
            first = _second(arguments.get("from", "0")) * SECOND_NS
            last = _second(arguments.get("to", str(now // SECOND_NS))) * SECOND_NS
        except (ValueError, OverflowError):
            return _refused("Invalid time")
        track = self._market.track(pair)
        if track is None:
            return to_json({"candles": [], "more_candles": False})
        if "from" not in arguments:
            first = max(0, last - CAP * length + length)
        first = -(-first // length) * length
        end = track.position(min(now, last - last % length + length - 1))
        candles: list[dict[str, Any]] = []
        for bar in _every(track, length, first, end, min(now, last)):
            if len(candles) == CAP:
                return to_json({"candles": candles, "more_candles": True})
            candles.append(_candle(track, bar, tick_type))
        return to_json({"candles": candles, "more_candles": False})


def _every(track: Track, length: Nanoseconds, first: Nanoseconds, end: int, last: Nanoseconds) -> list[Bar]:
    """Return the bars from `first` on, one more than a page at most; the charts leave no interval out."""
    bars: list[Bar] = []
    if not end:
        return bars
    moment = max(first, int(track.time[0]) // length * length)
    before = track.position(moment - 1)
    flat = int(track.price[before - 1]) if before else int(track.price[0])
    last = min(last, moment + CAP * length)
    stop = min(end, track.position(last + length - 1))
    for bar in traded_bars(track, length, moment, stop):
        bars += [_flat(time, flat) for time in range(moment, bar.open_time, length)]
        bars.append(bar)
        moment, flat = bar.open_time + length, bar.close
    return bars + [_flat(time, flat) for time in range(moment, last + 1, length)]


def _second(text: str) -> int:
    """Read a time in seconds, kept within what 64 bits of nanoseconds hold. Errors: ValueError, OverflowError."""
    return max(0, min(int(float(text)), 2**63 // SECOND_NS - 8 * 86_400))


def _flat(time: Nanoseconds, price: int) -> Bar:
    return Bar(time, price, price, price, price, 0.0, 0, 0)


def _candle(track: Track, bar: Bar, tick_type: str) -> dict[str, Any]:
    decimals = track.listed.price_decimals

    def price(units: int) -> str:
        return fixed(units + units * _PREMIUM[tick_type] // 10_000, decimals)

    volume = fixed(bar.amount // 10_000, LOT_DECIMALS - 4) if tick_type == "trade" and bar.amount else "0"
    prices = {"open": price(bar.open), "high": price(bar.high), "low": price(bar.low), "close": price(bar.close)}
    return {"time": bar.open_time // 1_000_000} | prices | {"volume": volume}


def _refused(words: str) -> bytes:
    return to_json({"errors": [{"severity": "error", "type": "validation", "message": words}]})
