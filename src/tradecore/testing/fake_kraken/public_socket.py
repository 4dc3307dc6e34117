"""The public channels of the fake venue's sockets: ticker, trade, ohlc, book, instrument.

A `PublicSession` is told of every group of trades that happen at one moment, and of nothing else. Invariant: what
is sent follows from the tape and the subscription alone, so a client that keeps every message holds the venue's state.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tradecore.core.clock import Clock
from tradecore.core.types import DAY_NS, MINUTE_NS, IntArray, Nanoseconds, Pair
from tradecore.testing.fake_kraken.bars import INTERVALS, Bar, traded_bars
from tradecore.testing.fake_kraken.book import Book, checksum
from tradecore.testing.fake_kraken.faults import Faults
from tradecore.testing.fake_kraken.instruments import instruments
from tradecore.testing.fake_kraken.listing import ListedPair, find_symbol
from tradecore.testing.fake_kraken.market import LOT_DECIMALS, Market, Track
from tradecore.testing.fake_kraken.outlet import Kind, Outlet
from tradecore.testing.fake_kraken.said import Said
from tradecore.testing.fake_kraken.session import Message, Session
from tradecore.testing.fake_kraken.settings import FakeSettings
from tradecore.testing.fake_kraken.wire import fixed, stamp

DEPTHS = (10, 25, 100, 500, 1000)
_OHLC_SNAPSHOT = 720
_PER_SYMBOL = ("ticker", "trade", "ohlc", "book")


@dataclass(slots=True)
class _Subscription:
    """One channel of one pair; `sent` is the book as the client holds it."""

    channel: str
    track: Track | None
    listed: ListedPair
    depth: int = 10
    interval: int = 1
    sent: Book | None = None


class PublicSession(Session):
    """A client of the public socket."""

    def __init__(self, outlet: Outlet, clock: Clock, market: Market, faults: Faults, settings: FakeSettings) -> None:
        self._market, self._faults, self._settings = market, faults, settings
        self._held: dict[tuple[str, str | None, int], _Subscription] = {}
        super().__init__(outlet, clock, market.status)

    def watches(self, pair: Pair) -> bool:
        """Tell whether trades of a pair lead to messages."""
        return any(held.listed.pair == pair for held in self._held.values()) and not self.outlet.cut

    def subscribe(self, channel: str, target: str | None, params: Message) -> tuple[dict[str, Any], Callable[[], None]]:
        """Subscribe one symbol, or to the instruments. Errors: Said."""
        snapshot = params.get("snapshot", True) is not False
        if channel == "instrument":
            return {"channel": channel, "snapshot": snapshot}, self._send_instruments if snapshot else _nothing
        listed = self._listed(channel, target)
        interval = _interval(channel, params)
        depth = params.get("depth", 10)
        if channel == "book" and (type(depth) is not int or depth not in DEPTHS):
            raise Said("Subscription depth not supported")
        name = (channel, target, interval)
        if name in self._held:
            raise Said("Already subscribed")
        held = _Subscription(channel, self._market.track(listed.pair), listed, depth, interval)
        self._held[name] = held
        result: dict[str, Any] = {"channel": channel}
        if channel == "book":
            result["depth"] = depth
        if channel == "ticker":
            result["event_trigger"] = params.get("event_trigger", "trades")
        if channel == "ohlc":
            result["interval"] = interval
        result |= {"snapshot": snapshot, "symbol": listed.symbol}
        if channel == "ohlc":
            result["warnings"] = ["timestamp is deprecated, use interval_begin"]
        return result, lambda: self._send_snapshot(held, quiet=not snapshot)

    def unsubscribe(self, channel: str, target: str | None, params: Message) -> dict[str, Any]:
        """End the subscription of one symbol. Errors: Said."""
        if channel == "instrument":
            return {"channel": channel}
        listed = self._listed(channel, target)
        interval = _interval(channel, params)
        if self._held.pop((channel, target, interval), None) is None:
            raise Said("Subscription Not Found")
        return {"channel": channel, "symbol": listed.symbol}

    def on_trades(self, track: Track, first: int, end: int) -> None:
        """Send what the trades [first, end) of one moment change."""
        for held in list(self._held.values()):
            if held.track is not track:
                continue
            if held.channel == "trade":
                self._data(held, "update", ",".join(self._trade(track, trade) for trade in range(first, end)))
            elif held.channel == "ticker":
                self._data(held, "update", _ticker(track, end))
            elif held.channel == "ohlc":
                length = held.interval * MINUTE_NS
                bars = traded_bars(track, length, int(track.time[first]), end)
                self._data(held, "update", ",".join(_bar(held, bar) for bar in bars), int(track.time[end - 1]))
            else:
                self._send_book(held, end, "update")

    def _listed(self, channel: str, target: str | None) -> ListedPair:
        if channel not in _PER_SYMBOL:
            raise Said("Channel not supported")
        listed = find_symbol(target) if isinstance(target, str) else None
        if listed is None:
            raise Said(f"Currency pair not supported {target}")
        return listed

    def _send_snapshot(self, held: _Subscription, *, quiet: bool) -> None:
        """Send the state at subscribing; a quiet book still has to know what it did not send."""
        track = held.track
        end = track.position(self._market.moment) if track else 0
        if track is None or (quiet and held.channel != "book"):
            return
        if held.channel == "trade":
            first = max(0, end - self._settings.trade_snapshot)
            self._data(held, "snapshot", ",".join(self._trade(track, trade) for trade in range(first, end)))
        elif held.channel == "ohlc":
            length = held.interval * MINUTE_NS
            now = self._market.moment
            bars = traded_bars(track, length, max(now // length - _OHLC_SNAPSHOT + 1, 0) * length, end)
            self._data(held, "snapshot", ",".join(_bar(held, bar) for bar in bars), now)
        elif end and held.channel == "ticker":
            self._data(held, "snapshot", _ticker(track, end))
        elif end and quiet:
            held.sent = track.offers.book(end - 1, held.depth)
        elif end:
            self._send_book(held, end, "snapshot")

    def _send_book(self, held: _Subscription, end: int, kind: Kind) -> None:
        track = held.track
        assert track is not None
        book = track.offers.book(end - 1, held.depth)
        if kind == "snapshot" or held.sent is None:
            sides, kind = book, "snapshot"
        else:
            sides = Book(
                _changed(held.sent.bids, book.bids, held.depth, -1), _changed(held.sent.asks, book.asks, held.depth, 1)
            )
        held.sent = book
        if not len(sides.bids) and not len(sides.asks):
            return
        crc = checksum(book, held.listed.price_decimals)
        if self._faults.hit("bad_checksum", "book"):
            crc ^= 0xFFFF
        time = stamp(int(track.time[end - 1]))
        bids, asks = (_levels(side, held.listed.price_decimals) for side in sides)
        data = (
            f'{{"symbol":"{held.listed.symbol}","bids":[{bids}],"asks":[{asks}],"checksum":{crc},"timestamp":"{time}"}}'
        )
        self._data(held, kind, data)

    def _data(self, held: _Subscription, kind: Kind, rows: str, time: Nanoseconds | None = None) -> None:
        when = "" if time is None else f'"timestamp":"{stamp(time, 9)}",'
        text = f'{{"channel":"{held.channel}","type":"{kind}",{when}"data":[{rows}]}}'
        self.outlet.send(text, held.channel, kind)

    def _trade(self, track: Track, trade: int) -> str:
        tape, listed = track.tape, track.listed
        return (
            f'{{"symbol":"{listed.symbol}","side":"{"buy" if tape.side[trade] > 0 else "sell"}",'
            f'"price":{fixed(int(track.price[trade]), listed.price_decimals)},'
            f'"qty":{fixed(int(track.amount[trade]), LOT_DECIMALS)},'
            f'"ord_type":"{"limit" if tape.limit[trade] else "market"}","trade_id":{tape.trade_id[trade]},'
            f'"timestamp":"{stamp(int(tape.shown_time[trade]), self._settings.socket_time_digits)}"}}'
        )

    def _send_instruments(self) -> None:
        self.outlet.send(
            f'{{"channel":"instrument","type":"snapshot","data":{instruments()}}}', "instrument", "snapshot"
        )


def _interval(channel: str, params: Message) -> int:
    """Return the minutes of a bar channel, 0 for the others. Errors: Said for a length that is not offered."""
    interval = params.get("interval", 1) if channel == "ohlc" else 0
    if channel == "ohlc" and (type(interval) is not int or interval not in INTERVALS):
        raise Said("Subscription ohlc interval not supported")
    return int(interval)


def _ticker(track: Track, end: int) -> str:
    """Return the ticker right after the trade before `end`, over the 24 hours up to it."""
    listed, decimals = track.listed, track.listed.price_decimals
    time = int(track.time[end - 1])
    first = min(int(np.searchsorted(track.time, time - DAY_NS)), end - 1)
    book = track.offers.book(end - 1, 1)
    last, opened = int(track.price[end - 1]), int(track.price[first])
    low, high = track.extremes(first, end)
    (bid, bid_qty), (ask, ask_qty) = book.bids[0].tolist(), book.asks[0].tolist()
    prices = {"bid": bid, "ask": ask, "last": last, "low": low, "high": high, "change": last - opened}
    row = {name: fixed(units, decimals) for name, units in prices.items()}
    row |= {"bid_qty": fixed(bid_qty, LOT_DECIMALS), "ask_qty": fixed(ask_qty, LOT_DECIMALS)}
    row |= {
        "volume": fixed(int(track.traded[end] - track.traded[first]), LOT_DECIMALS),
        "vwap": fixed(round(track.vwap_units(first, end)), decimals),
        "change_pct": f"{100 * (last - opened) / opened:.2f}",
    }
    order = ("bid", "bid_qty", "ask", "ask_qty", "last", "volume", "vwap", "low", "high", "change", "change_pct")
    numbers = ",".join(f'"{name}":{row[name]}' for name in order)
    return f'{{"symbol":"{listed.symbol}",{numbers},"timestamp":"{stamp(time)}"}}'


def _bar(held: _Subscription, bar: Bar) -> str:
    decimals = held.listed.price_decimals
    prices = zip(("open", "high", "low", "close"), (bar.open, bar.high, bar.low, bar.close), strict=True)
    numbers = ",".join(f'"{name}":{fixed(units, decimals)}' for name, units in prices)
    closes = bar.open_time + held.interval * MINUTE_NS
    return (
        f'{{"symbol":"{held.listed.symbol}",{numbers},"trades":{bar.trades},'
        f'"volume":{fixed(bar.amount, LOT_DECIMALS)},"vwap":{fixed(round(bar.vwap), decimals)},'
        f'"interval_begin":"{stamp(bar.open_time, 9)}","interval":{held.interval},"timestamp":"{stamp(closes)}"}}'
    )


def _levels(side: IntArray, decimals: int) -> str:
    return ",".join(
        f'{{"price":{fixed(price, decimals)},"qty":{fixed(amount, LOT_DECIMALS)}}}' for price, amount in side.tolist()
    )


def _changed(old: IntArray, new: IntArray, depth: int, away: int) -> IntArray:
    """Return the rows that lead from one side of a book to the next: amounts that changed, 0 for what is gone.

    What was pushed out of the depth is not deleted: the client cuts by itself, as at the venue.
    """
    before: dict[int, int] = dict(old.tolist())
    after: dict[int, int] = dict(new.tolist())
    worst = int(new[-1, 0]) if len(new) == depth else None
    gone = [(price, 0) for price in before if price not in after and (worst is None or (worst - price) * away > 0)]
    rows = gone + [(price, amount) for price, amount in after.items() if before.get(price) != amount]
    return np.array(rows, np.int64).reshape(-1, 2)


def _nothing() -> None:
    """Send no snapshot."""
