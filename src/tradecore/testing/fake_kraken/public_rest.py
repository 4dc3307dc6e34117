"""The public REST calls of the fake venue: Time, SystemStatus, Assets, AssetPairs, Ticker, OHLC, Trades, Depth, Spread.

Arguments in, the JSON of `result` out as bytes; envelopes, limits and faults are the core's. The moment comes with the
call, so that a stale answer is one of an earlier moment. Invariant: no row holds what happened after the moment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Literal

import numpy as np

from tradecore.core.types import DAY_NS, SECOND_NS, Nanoseconds
from tradecore.testing.fake_kraken.bars import INTERVALS, Bar, newest_bars
from tradecore.testing.fake_kraken.listing import (
    ASSETS,
    PAIRS,
    UNKNOWN_PAIR,
    ListedPair,
    asset_row,
    check_class,
    find_pair,
    pair_row,
)
from tradecore.testing.fake_kraken.market import LOT_DECIMALS, Market, Track
from tradecore.testing.fake_kraken.said import Said
from tradecore.testing.fake_kraken.settings import FakeSettings
from tradecore.testing.fake_kraken.wire import fixed, stamp, to_json

_ROWS = 1000
_SECONDS_END = 10**12
"""A `since` below this is in seconds, from here on in nanoseconds."""

_LATEST = 2**63
"""Nanoseconds that no clock of 64 bits reaches."""

Arguments = Mapping[str, str]


class PublicApi:
    """Answers public calls from the market."""

    def __init__(self, market: Market, settings: FakeSettings) -> None:
        self._market = market
        self._settings = settings
        self._calls: dict[str, Callable[[Arguments, Nanoseconds], bytes]] = {
            "Time": self._time,
            "SystemStatus": self._system_status,
            "Assets": self._assets,
            "AssetPairs": self._asset_pairs,
            "Ticker": self._ticker,
            "OHLC": self._ohlc,
            "Trades": self._trades,
            "Depth": self._depth,
            "Spread": self._spread,
        }

    def answer(self, endpoint: str, arguments: Arguments, now: Nanoseconds) -> bytes:
        """Return the JSON of a call's result as of `now`. Errors: Said when the venue refuses."""
        call = self._calls.get(endpoint)
        if call is None:
            raise Said("EGeneral:Unknown method")
        return call(arguments, now)

    def _time(self, _: Arguments, now: Nanoseconds) -> bytes:
        moment = datetime.fromtimestamp(now // SECOND_NS, UTC)
        return to_json({"unixtime": now // SECOND_NS, "rfc1123": moment.strftime("%a, %d %b %y %H:%M:%S +0000")})

    def _system_status(self, _: Arguments, now: Nanoseconds) -> bytes:
        return to_json({"status": self._market.status, "timestamp": stamp(now, 0)})

    def _assets(self, arguments: Arguments, _: Nanoseconds) -> bytes:
        kind = arguments.get("aclass", "currency")
        rows = {asset.key: asset for asset in ASSETS.values() if asset.aclass == kind}
        if "asset" in arguments:
            spelled = {
                name.upper(): asset for asset in ASSETS.values() for name in (asset.key, asset.altname, asset.name)
            }
            asked = [name.strip().upper() for name in arguments["asset"].split(",")]
            if any(name not in spelled for name in asked):
                raise Said("EQuery:Unknown asset")
            rows = {spelled[name].key: spelled[name] for name in asked}
        new_names = _new_names(arguments)
        return to_json({(asset.name if new_names else key): asset_row(asset) for key, asset in rows.items()})

    def _asset_pairs(self, arguments: Arguments, _: Nanoseconds) -> bytes:
        # Tokenised stocks are listed for those who ask for them, and for nobody else.
        tokenised = arguments.get("aclass_base") == "tokenized_asset"
        listed = _asked_pairs(arguments)
        if any(pair.tokenised != tokenised for pair in listed):
            raise Said(UNKNOWN_PAIR)
        listed = listed or [pair for pair in PAIRS.values() if pair.tokenised == tokenised]
        return to_json({_key(pair, arguments): pair_row(pair) for pair in listed})

    def _ticker(self, arguments: Arguments, now: Nanoseconds) -> bytes:
        tokenised = arguments.get("asset_class") == "tokenized_asset"
        listed = _asked_pairs(arguments) or [pair for pair in PAIRS.values() if pair.tokenised == tokenised]
        for pair in listed:
            check_class(pair, arguments)
        rows = {_key(pair, arguments): self._ticker_row(pair, now) for pair in listed}
        return to_json({key: row for key, row in rows.items() if row is not None})

    def _ticker_row(self, listed: ListedPair, now: Nanoseconds) -> dict[str, Any] | None:
        track = self._market.track(listed.pair)
        position = track.position(now) if track else 0
        if track is None or not position:
            return None
        book = track.offers.book(position - 1, 1)
        spans = [int(np.searchsorted(track.time[:position], now - age)) for age in (now % DAY_NS, DAY_NS)]
        spans = [min(first, position - 1) for first in spans]
        prices = [track.price[first:position] for first in spans]

        def price(units: float) -> str:
            return _price(listed, round(units))

        return {
            "a": _offer(listed, *book.asks[0].tolist()),
            "b": _offer(listed, *book.bids[0].tolist()),
            "c": [price(track.price[position - 1]), fixed(int(track.amount[position - 1]), LOT_DECIMALS)],
            "v": [fixed(int(track.traded[position] - track.traded[first]), LOT_DECIMALS) for first in spans],
            "p": [_vwap(listed, track.vwap_units(first, position), listed.shown_decimals) for first in spans],
            "t": [position - first for first in spans],
            "l": [price(span.min()) for span in prices],
            "h": [price(span.max()) for span in prices],
            "o": price(track.price[spans[0]]),
        }

    def _ohlc(self, arguments: Arguments, now: Nanoseconds) -> bytes:
        listed = _one_pair(arguments)
        minutes = _whole(arguments, "interval", 1)
        if minutes not in INTERVALS:
            raise Said("EGeneral:Invalid arguments:interval")
        since = _whole(arguments, "since", -1)
        track = self._market.track(listed.pair)
        bars = newest_bars(track, minutes, now) if track else []
        closed = [bar for bar in bars if bar.open_time + minutes * 60 * SECOND_NS <= now]
        last = closed[-1].open_time // SECOND_NS if closed else max(since, 0)
        rows = [_bar_row(listed, bar) for bar in bars if bar.open_time // SECOND_NS > since]
        return to_json({_key(listed, arguments): rows, "last": last})

    def _trades(self, arguments: Arguments, now: Nanoseconds) -> bytes:
        listed = _one_pair(arguments)
        count = _whole(arguments, "count", _ROWS)
        if not 1 <= count <= _ROWS:
            raise Said("EGeneral:Invalid arguments:count")
        since = _cursor(arguments.get("since"))
        key = to_json(_key(listed, arguments))
        track = self._market.track(listed.pair)
        first, end = (0, 0) if track is None else self._page(track, since, count, now)
        if track is None or first == end:
            last = str(since if since is not None else 0)
            return b"{" + key + b':[],"last":' + to_json(last) + b"}"
        rows = _trade_rows(track, first, end).encode()
        last = str(int(track.time[end - 1]))
        return b"{" + key + b":[" + rows + b'],"last":' + to_json(last) + b"}"

    def _page(self, track: Track, since: int | None, count: int, now: Nanoseconds) -> tuple[int, int]:
        """Return the first and the end of a page of trades, as places on the tape."""
        known = track.position(now)
        if since is None:
            return max(0, known - count), known
        side: Literal["left", "right"] = "right" if self._settings.since == "exclusive" else "left"
        first = min(int(np.searchsorted(track.time, since, side)), known)
        end = min(first + count, known)
        if not self._settings.split_ties and first < end < known:
            end = min(int(np.searchsorted(track.time, track.time[end - 1], "right")), known)
        return first, end

    def _depth(self, arguments: Arguments, now: Nanoseconds) -> bytes:
        listed = _one_pair(arguments)
        count = _whole(arguments, "count", 100)
        if not 1 <= count <= 500:
            raise Said("EGeneral:Invalid arguments:count")
        track = self._market.track(listed.pair)
        position = track.position(now) if track else 0
        sides: dict[str, list[list[Any]]] = {"asks": [], "bids": []}
        if track is not None and position:
            book = track.offers.book(position - 1, count)
            second = now // SECOND_NS
            for name, side in (("asks", book.asks), ("bids", book.bids)):
                sides[name] = [
                    [_price(listed, price), fixed(amount // 100_000, 3), second - price % 60]
                    for price, amount in side.tolist()
                ]
        return to_json({_key(listed, arguments): sides})

    def _spread(self, arguments: Arguments, now: Nanoseconds) -> bytes:
        listed = _one_pair(arguments)
        since = _whole(arguments, "since", -1)
        track = self._market.track(listed.pair)
        position = track.position(now) if track else 0
        rows = []
        for trade in range(max(0, position - 200), position):
            assert track is not None
            second = int(track.time[trade]) // SECOND_NS
            if second >= since:
                book = track.offers.book(trade, 1)
                rows.append([second, _price(listed, int(book.bids[0, 0])), _price(listed, int(book.asks[0, 0]))])
        last = rows[-1][0] if rows else max(since, 0)
        return to_json({_key(listed, arguments): rows, "last": last})


def shown_seconds(time_ns: Nanoseconds) -> str:
    """Return a time as rows of trades show it: a double of seconds, seven decimals, which is not exact.

    >>> shown_seconds(1762820035982277754)
    '1762820035.9822779'
    """
    text = f"{time_ns / SECOND_NS:.7f}".rstrip("0")
    return text + "0" if text.endswith(".") else text


def _trade_rows(track: Track, first: int, end: int) -> str:
    """Return rows of trades as JSON, without the brackets around them all."""
    tape, listed = track.tape, track.listed
    scale, zeros = 10**listed.price_decimals, "0" * (listed.shown_decimals - listed.price_decimals)
    digits = listed.price_decimals
    columns: Iterable[tuple[int, int, int, int, bool, int]] = zip(
        track.price[first:end].tolist(),
        track.amount[first:end].tolist(),
        tape.shown_time[first:end].tolist(),
        tape.side[first:end].tolist(),
        tape.limit[first:end].tolist(),
        tape.trade_id[first:end].tolist(),
        strict=True,
    )
    return ",".join(
        f'["{price // scale}.{price % scale:0{digits}d}{zeros}","{amount // 100_000_000}.{amount % 100_000_000:08d}",'
        f'{shown_seconds(time)},"{"b" if side > 0 else "s"}","{"l" if limit else "m"}","",{trade_id}]'
        for price, amount, time, side, limit, trade_id in columns
    )


def _bar_row(listed: ListedPair, bar: Bar) -> list[Any]:
    prices = [fixed(units, listed.price_decimals) for units in (bar.open, bar.high, bar.low, bar.close)]
    vwap = _vwap(listed, bar.vwap, listed.price_decimals)
    return [bar.open_time // SECOND_NS, *prices, vwap, fixed(bar.amount, LOT_DECIMALS), bar.trades]


def _offer(listed: ListedPair, price: int, amount: int) -> list[str]:
    return [_price(listed, price), str(max(1, amount // 10**LOT_DECIMALS)), fixed(amount // 100_000, 3)]


def _price(listed: ListedPair, units: int) -> str:
    return fixed(units, listed.price_decimals, listed.shown_decimals)


def _vwap(listed: ListedPair, units: float, decimals: int) -> str:
    return fixed(round(units * 10 ** (decimals - listed.price_decimals)), decimals)


def _asked_pairs(arguments: Arguments) -> list[ListedPair]:
    return [find_pair(name) for name in arguments["pair"].split(",")] if arguments.get("pair") else []


def _one_pair(arguments: Arguments) -> ListedPair:
    if not arguments.get("pair"):
        raise Said("EGeneral:Invalid arguments")
    listed = find_pair(arguments["pair"])
    check_class(listed, arguments)
    return listed


def _new_names(arguments: Arguments) -> bool:
    return arguments.get("assetVersion") == "1"


def _key(listed: ListedPair, arguments: Arguments) -> str:
    """Return the name of a pair in a result: BTC/USD when it was asked for by that name, else the long code."""
    asked = [name.strip() for name in arguments.get("pair", "").split(",")]
    return listed.symbol if _new_names(arguments) or listed.symbol in asked else listed.key


def _whole(arguments: Arguments, name: str, otherwise: int) -> int:
    text = arguments.get(name, "")
    try:
        return max(-_LATEST + 1, min(int(float(text)), _LATEST - 1)) if text else otherwise
    except (ValueError, OverflowError):
        raise Said(f"EGeneral:Invalid arguments:{name}") from None


def _cursor(text: str | None) -> int | None:
    """Read `since` of Trades, in seconds or nanoseconds, as nanoseconds."""
    if not text:
        return None
    try:
        value = Decimal(text)
        if not -_LATEST < value < _LATEST:
            raise ValueError(text)
        return int(value * SECOND_NS) if value < _SECONDS_END else int(value)
    except (InvalidOperation, ValueError, OverflowError):
        raise Said("EGeneral:Invalid arguments:since") from None
