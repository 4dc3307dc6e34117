"""Offers around the newest trade: a book that is a pure function of the tape, as deep as anyone asks.

There is no stored book: the levels at trade i follow from i, so moments can be asked in any order and two runs
agree. The market makes one per pair; Depth, the socket's book channel and taking orders read it. Invariant: bids below
asks, best first, each price once, amounts whole thousandths above zero.
"""

from __future__ import annotations

import zlib
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tradecore.core.types import IntArray
from tradecore.testing.fake_kraken.settings import FakeSettings

_MILLI = 100_000  # amounts are in 1e-8 and come in thousandths, which is what Depth shows
_PERIOD = 64  # every level changes its amount once in so many trades, each at its own turn
_MAX_MEAN = 10_000.0


class Book(NamedTuple):
    """Offers, best first. Shape: (levels, 2) of price in units of the pair's decimals and amount in 1e-8."""

    bids: IntArray
    asks: IntArray


class Offers:
    """The book of one track at any of its trades."""

    def __init__(self, price: IntArray, side: IntArray, decimals: int, settings: FakeSettings, seed: int) -> None:
        self._price, self._side = price, side
        first = int(price[0]) if len(price) else 1
        self._spread = settings.spread_bps / 1e4
        self._grid = max(1, round(first * 0.25e-4))
        self._seed = np.uint64(seed & 0xFFFFFFFF)
        mean = min(settings.level_amount * 60_000 / (first / 10**decimals), _MAX_MEAN)
        self._twice_mean_milli = np.uint64(max(2, round(mean * 2_000)))

    def book(self, trade: int, depth: int) -> Book:
        """Return the offers right after a trade, given by its place on the tape."""
        last = int(self._price[trade])
        spread = max(1, round(last * self._spread))
        bid, ask = (last - spread, last) if self._side[trade] > 0 else (last, last + spread)
        bid = max(bid, 1)
        ask = max(ask, bid + 1)
        return Book(self._side_of(trade, bid, depth, -1), self._side_of(trade, ask, depth, 1))

    def _side_of(self, trade: int, best: int, depth: int, away: int) -> IntArray:
        grid = self._grid
        start = (best // grid + 1) * grid if away > 0 else ((best - 1) // grid) * grid
        prices = np.empty(depth, np.int64)
        prices[0] = best
        prices[1:] = start + away * grid * np.arange(depth - 1, dtype=np.int64)
        prices = prices[prices > 0]
        return np.column_stack([prices, self._amounts(trade, prices, away)])

    def _amounts(self, trade: int, prices: IntArray, away: int) -> IntArray:
        """Return the amount at each price: a hash of price, side and turn, spread over two means."""
        own = _mix(prices.astype(np.uint64) * np.uint64(2) + np.uint64(away > 0) + (self._seed << np.uint64(32)))
        turn = (np.uint64(trade) + own % np.uint64(_PERIOD)) // np.uint64(_PERIOD)
        drawn = _mix(own + turn * np.uint64(0x9E3779B97F4A7C15))
        return ((np.uint64(1) + drawn % self._twice_mean_milli) * np.uint64(_MILLI)).astype(np.int64)


def checksum(book: Book, price_decimals: int) -> int:
    """Return the venue's CRC32 of the ten best asks and bids: digits without point and leading zeros.

    In integers of the smallest units the digits are the numbers themselves.
    """
    text = "".join(f"{price}{amount}" for side in (book.asks, book.bids) for price, amount in side[:10].tolist())
    return zlib.crc32(text.encode())


def _mix(value: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Scatter the bits of integers (splitmix64)."""
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))
