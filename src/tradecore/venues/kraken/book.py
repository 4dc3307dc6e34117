"""One pair's book as Kraken tells it over WebSocket v2: snapshot, updates, cut to depth, checked by CRC32.

It holds levels and whether they are proved; `kraken.subscriptions` asks for new snapshots. Invariant: a book that says
it is valid gave the venue's own checksum after its newest message; from any other book nothing is to be priced.
Source: Kraken's guide to book checksums, v2; official implementations: krakenfx/api-go pkg/book/checksum.go,
krakenfx/kraken-sample-ws-api-v2-client build_book.py.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from decimal import Decimal
from zlib import crc32

from tradecore.core.types import Pair
from tradecore.venues.kraken.messages import BookSnapshot, BookUpdate, Level

CHECKED_LEVELS = 10
"""Levels of each side that the checksum covers, whatever the depth."""


class Book:
    """The offers of one pair down to the subscribed depth."""

    def __init__(self, pair: Pair, depth: int, price_decimals: int, amount_decimals: int) -> None:
        self.pair = pair
        self.valid = False
        """Whether the newest message's checksum was the book's own."""
        self.checksum: int | None = None
        """The book's own checksum after the newest message; None before the first, or when it cannot be printed."""
        self._depth = depth
        self._decimals = (price_decimals, amount_decimals)
        self._bids = _Offers(best=-1)
        self._asks = _Offers(best=1)

    def apply(self, message: BookSnapshot | BookUpdate) -> bool:
        """Take over a message and return whether the book is valid. Updates of a book that is not are passed over."""
        if isinstance(message, BookSnapshot):
            self._bids, self._asks = _Offers(best=-1), _Offers(best=1)
        elif not self.valid:
            return False
        for offers, levels in ((self._bids, message.bids), (self._asks, message.asks)):
            offers.change(levels)
            offers.cut(self._depth)
        self.checksum = book_checksum(self.asks(CHECKED_LEVELS), self.bids(CHECKED_LEVELS), *self._decimals)
        self.valid = self.checksum == message.checksum
        return self.valid

    def spoil(self) -> None:
        """Say that the book is not to be trusted until the next snapshot."""
        self.valid = False

    def bids(self, count: int | None = None) -> list[Level]:
        """Return the best `count` bids, or all, the highest first."""
        return self._bids.best(count)

    def asks(self, count: int | None = None) -> list[Level]:
        """Return the best `count` asks, or all, the lowest first."""
        return self._asks.best(count)


def book_checksum(asks: list[Level], bids: list[Level], price_decimals: int, amount_decimals: int) -> int | None:
    """Return the CRC32 over ten asks, then ten bids, best first; None when a number has more digits than its pair.

    Each price and amount is printed at the pair's decimals without its point and without leading zeros.
    """
    parts = []
    for price, amount in (*asks[:CHECKED_LEVELS], *bids[:CHECKED_LEVELS]):
        for number, decimals in ((price, price_decimals), (amount, amount_decimals)):
            scaled = number.scaleb(decimals)
            whole = int(scaled)
            if whole != scaled:
                return None
            parts.append(str(whole))
    return crc32("".join(parts).encode())


class _Offers:
    """One side of a book, kept sorted by price with the best last, so that the cut takes from the front."""

    def __init__(self, best: int) -> None:
        self._sign = -best
        self._keys: list[Decimal] = []
        self._amounts: dict[Decimal, Decimal] = {}

    def change(self, levels: tuple[Level, ...]) -> None:
        for price, amount in levels:
            key = self._sign * price
            if not amount:
                if self._amounts.pop(key, None) is not None:
                    del self._keys[bisect_left(self._keys, key)]
            else:
                if key not in self._amounts:
                    insort(self._keys, key)
                self._amounts[key] = amount

    def cut(self, depth: int) -> None:
        surplus = len(self._keys) - depth
        if surplus > 0:
            for key in self._keys[:surplus]:
                del self._amounts[key]
            del self._keys[:surplus]

    def best(self, count: int | None) -> list[Level]:
        keys = self._keys[-count:] if count else self._keys
        return [(self._sign * key, self._amounts[key]) for key in reversed(keys)]
