"""Any history of a book gives the book that a plain dictionary gives, and a checksum that sees every difference."""

from __future__ import annotations

from decimal import Decimal
from zlib import crc32

from hypothesis import given
from hypothesis import strategies as st

from tradecore.core.types import Pair
from tradecore.venues.kraken.book import Book
from tradecore.venues.kraken.messages import BookSnapshot, BookUpdate, Level

BTC = Pair("BTC", "USD")
DEPTH = 12

prices = st.integers(1, 60).map(lambda ticks: Decimal(ticks).scaleb(-1))
amounts = st.integers(0, 5).map(lambda units: Decimal(units).scaleb(-8))
changes = st.lists(st.tuples(prices, amounts), max_size=8).map(tuple)
whole_sides = st.dictionaries(prices, amounts.filter(bool), max_size=DEPTH)


class PlainBook:
    """The same rules in the plainest words: two dictionaries, sorted anew each time."""

    def __init__(self, bids: dict[Decimal, Decimal], asks: dict[Decimal, Decimal]) -> None:
        self.bids, self.asks = dict(bids), dict(asks)

    def change(self, side: dict[Decimal, Decimal], levels: tuple[Level, ...], best_first: int) -> None:
        for price, amount in levels:
            side[price] = amount
            if amount == 0:
                del side[price]
        for price in sorted(side, key=lambda price: best_first * price)[DEPTH:]:
            del side[price]

    def sides(self) -> tuple[list[Level], list[Level]]:
        return sorted(self.bids.items(), reverse=True), sorted(self.asks.items())

    def checksum(self) -> int:
        bids, asks = self.sides()
        text = ""
        for side in (asks[:10], bids[:10]):
            for price, amount in side:
                text += f"{price:.1f}".replace(".", "").lstrip("0") + f"{amount:.8f}".replace(".", "").lstrip("0")
        return crc32(text.encode())


@given(whole_sides, whole_sides, st.lists(st.tuples(changes, changes), max_size=12))
def test_any_history_gives_the_book_of_a_plain_dictionary(
    bids: dict[Decimal, Decimal],
    asks: dict[Decimal, Decimal],
    history: list[tuple[tuple[Level, ...], tuple[Level, ...]]],
) -> None:
    plain, book = PlainBook(bids, asks), Book(BTC, DEPTH, 1, 8)
    assert book.apply(BookSnapshot(BTC, tuple(bids.items()), tuple(asks.items()), plain.checksum()))
    for bid_changes, ask_changes in history:
        plain.change(plain.bids, bid_changes, -1)
        plain.change(plain.asks, ask_changes, 1)
        assert book.apply(BookUpdate(BTC, bid_changes, ask_changes, plain.checksum()))
        assert (book.bids(), book.asks()) == plain.sides()


@given(whole_sides.filter(bool), st.data())
def test_checksum_sees_any_amount_that_differs(asks: dict[Decimal, Decimal], data: st.DataObject) -> None:
    right = PlainBook({}, asks).checksum()
    price = data.draw(st.sampled_from(sorted(asks)[:10]))
    other = {**asks, price: asks[price] + Decimal(1).scaleb(-8)}
    assert not Book(BTC, DEPTH, 1, 8).apply(BookSnapshot(BTC, (), tuple(other.items()), right))
