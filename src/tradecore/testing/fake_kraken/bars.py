"""Bars as the fake venue shows them, made from a track's trades: with fillers for REST, without for sockets.

It is the venue's own arithmetic, kept apart from the product's aggregation so that the two can check one another.
Public REST, the socket's ohlc channel and the charts call it. Invariant: only trades before `position` count.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from tradecore.core.types import MINUTE_NS, IntArray, Nanoseconds
from tradecore.testing.fake_kraken.market import Track

INTERVALS = (1, 5, 15, 30, 60, 240, 1440, 10080, 21600)
"""Minutes of the bars that REST and sockets offer."""


class Bar(NamedTuple):
    """One bar. Units: nanoseconds; prices in units of the pair's decimals; amount in 1e-8 of the base."""

    open_time: Nanoseconds
    open: int
    high: int
    low: int
    close: int
    vwap: float
    amount: int
    trades: int


def traded_bars(track: Track, length: Nanoseconds, first: Nanoseconds, position: int) -> Iterator[Bar]:
    """Yield the bars that hold trades, from the one that holds `first` on, by the first `position` trades."""
    low = int(np.searchsorted(track.time[:position], first - first % length))
    if low >= position:
        return
    place = track.time[low:position] // length
    heads: IntArray = np.flatnonzero(np.concatenate([[True], place[1:] != place[:-1]])).astype(np.int64)
    price = track.price[low:position]
    highs = np.maximum.reduceat(price, heads).tolist()
    lows = np.minimum.reduceat(price, heads).tolist()
    ends = np.append(heads[1:], position - low)
    columns = zip(place[heads].tolist(), heads.tolist(), ends.tolist(), highs, lows, strict=True)
    for number, head, end, high, bottom in columns:
        yield Bar(
            number * length,
            int(price[head]),
            high,
            bottom,
            int(price[end - 1]),
            track.vwap_units(low + head, low + end),
            int(track.traded[low + end] - track.traded[low + head]),
            end - head,
        )


def newest_bars(track: Track, minutes: int, now: Nanoseconds, closed: int = 720) -> list[Bar]:
    """Return the newest `closed` closed bars and the open one, minutes without trades filled flat (count 0).

    Nothing stands before the first trade of all.
    """
    length = minutes * MINUTE_NS
    position = track.position(now)
    if not position:
        return []
    first = max((now // length - closed) * length, 0)
    before = int(np.searchsorted(track.time[:position], first))
    bars: list[Bar] = []
    if before:
        flat = int(track.price[before - 1])
        moment = first
    else:
        moment = int(track.time[0]) // length * length
        flat = int(track.price[0])
    for bar in traded_bars(track, length, first, position):
        bars += [_filler(time, flat) for time in range(moment, bar.open_time, length)]
        bars.append(bar)
        moment, flat = bar.open_time + length, bar.close
    return bars + [_filler(time, flat) for time in range(moment, now // length * length + 1, length)]


def _filler(open_time: Nanoseconds, price: int) -> Bar:
    return Bar(open_time, price, price, price, price, 0.0, 0, 0)
