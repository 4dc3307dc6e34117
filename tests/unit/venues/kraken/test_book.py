"""The book: levels, depth, and the checksum against the venue's published vectors and a foreign implementation."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any
from zlib import crc32

import pytest

from tradecore.core.types import Pair
from tradecore.venues.kraken.book import Book, book_checksum
from tradecore.venues.kraken.messages import BookSnapshot, BookUpdate, Level

BTC = Pair("BTC", "USD")

# The example of the venue's guide to checksums of WebSocket v2: BTC/USD, one decimal of price and eight of amount.
ASKS = """45285.2 0.00100000 45286.4 1.54571953 45286.6 1.54571109 45289.6 1.54560911 45290.2 0.15890660
45291.8 1.54553491 45294.7 0.04454749 45296.1 0.35380000 45297.5 0.09945542 45299.5 0.18772827"""
BIDS = """45283.5 0.10000000 45283.4 1.54582015 45282.1 0.10000000 45281.0 0.10000000 45280.3 1.54592586
45279.0 0.07990000 45277.6 0.03310103 45277.5 0.30000000 45277.3 1.54602737 45276.6 0.15445238"""
CHECKSUM = 3310070434


def levels(text: str) -> list[Level]:
    numbers = [Decimal(word) for word in text.split()]
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def a_book(depth: int = 10) -> Book:
    book = Book(BTC, depth, 1, 8)
    assert book.apply(BookSnapshot(BTC, tuple(levels(BIDS)), tuple(levels(ASKS)), CHECKSUM))
    return book


def test_checksum_is_that_of_the_venues_guide_to_v2() -> None:
    assert book_checksum(levels(ASKS), levels(BIDS), 1, 8) == CHECKSUM


def test_checksum_is_that_of_the_venues_guide_to_v1() -> None:
    prices = ["0.05005", "0.05010", "0.05015", "0.05020", "0.05025", "0.05030", "0.05035", "0.05040", "0.05045"]
    asks = [(Decimal(price), Decimal("0.00000500")) for price in (*prices, "0.05050")]
    below = ["0.05000", "0.04995", "0.04990", "0.04980", "0.04975", "0.04970", "0.04965", "0.04960", "0.04955"]
    bids = [(Decimal(price), Decimal("0.00000500")) for price in (*below, "0.04950")]
    assert book_checksum(asks, bids, 5, 8) == 974947235


def test_checksum_prints_numbers_at_the_pairs_decimals_without_point_and_leading_zeros() -> None:
    asks = [(Decimal("0.5667"), Decimal("10")), (Decimal("1"), Decimal("0.5"))]
    bids = [(Decimal("0.56"), Decimal("0.00000001"))]
    text = "5667" + "1000000000" + "10000" + "50000000" + "5600" + "1"
    assert book_checksum(asks, bids, 4, 8) == crc32(text.encode())


def test_checksum_of_a_number_with_too_many_decimals_is_none_instead_of_rounded() -> None:
    assert book_checksum([(Decimal("1.23"), Decimal(1))], [], 1, 8) is None


def test_checksum_sees_a_number_that_lost_its_last_digit() -> None:
    asks = levels(ASKS)
    asks[0] = (asks[0][0], Decimal("0.00100001"))
    assert book_checksum(asks, levels(BIDS), 1, 8) != CHECKSUM


def test_update_deletes_changes_and_inserts_levels() -> None:
    book = a_book()
    asks, bids = levels(ASKS), levels(BIDS)
    wanted_asks = [(Decimal("45285.0"), Decimal("2")), *asks[1:]]
    wanted_bids = [(bids[0][0], Decimal("0.2")), *bids[1:]]
    update = BookUpdate(
        BTC,
        bids=((bids[0][0], Decimal("0.2")),),
        asks=((asks[0][0], Decimal(0)), (Decimal("45285.0"), Decimal("2"))),
        checksum=book_checksum(wanted_asks, wanted_bids, 1, 8) or 0,
    )
    assert book.apply(update)
    assert book.asks() == wanted_asks
    assert book.bids(2) == wanted_bids[:2]


def test_levels_pushed_out_of_the_depth_are_cut_and_stay_away() -> None:
    book = a_book()
    better = (Decimal("45285.1"), Decimal(1))
    asks = [better, *levels(ASKS)[:-1]]
    checksum = book_checksum(asks, levels(BIDS), 1, 8) or 0
    assert book.apply(BookUpdate(BTC, (), (better,), checksum))
    assert book.asks() == asks
    # Deleting the new level brings the cut one not back: the venue sends it anew.
    last = levels(ASKS)[-1]
    checksum = book_checksum(levels(ASKS), levels(BIDS), 1, 8) or 0
    assert book.apply(BookUpdate(BTC, (), ((better[0], Decimal(0)), last), checksum))


def test_depth_beyond_ten_keeps_levels_that_the_checksum_does_not_cover() -> None:
    book = Book(BTC, 25, 1, 8)
    deep = (Decimal("45000"), Decimal(3))
    assert book.apply(BookSnapshot(BTC, (*levels(BIDS), deep), tuple(levels(ASKS)), CHECKSUM))
    assert book.bids()[-1] == deep


def test_mismatch_makes_the_book_invalid_until_the_next_snapshot() -> None:
    book = a_book()
    assert not book.apply(BookUpdate(BTC, ((Decimal("45283.5"), Decimal("0.2")),), (), CHECKSUM))
    assert not book.valid
    right = book_checksum(book.asks(), book.bids(), 1, 8) or 0
    assert not book.apply(BookUpdate(BTC, (), (), right)), "an update cannot mend a book"
    assert book.apply(BookSnapshot(BTC, tuple(levels(BIDS)), tuple(levels(ASKS)), CHECKSUM))


def test_a_fresh_book_is_not_valid() -> None:
    book = Book(BTC, 10, 1, 8)
    assert not book.valid
    assert not book.apply(BookUpdate(BTC, (), (), 0))


def frame(kind: str, bids: list[Level], asks: list[Level], checksum: int) -> dict[str, Any]:
    sides = {
        name: [{"price": float(price), "qty": float(amount)} for price, amount in side]
        for name, side in (("bids", bids), ("asks", asks))
    }
    return {"channel": "book", "type": kind, "data": [{"symbol": "BTC/USD", **sides, "checksum": checksum}]}


def history() -> list[tuple[str, list[Level], list[Level], int]]:
    """Return a snapshot and updates with our own checksums, as the venue would send them."""
    asks, bids = levels(ASKS), levels(BIDS)
    steps: list[tuple[str, list[Level], list[Level], int]] = [("snapshot", bids, asks, CHECKSUM)]
    book = a_book()
    for number in range(30):
        price = Decimal("45284.0") + Decimal(number % 10) / 10
        amount = Decimal("0.12345678") + number
        side = [(price, amount)]
        book.apply(BookUpdate(BTC, (), tuple(side), 0))
        checksum = book.checksum or 0
        book.valid = True
        steps.append(("update", [], side, checksum))
    return steps


def test_python_kraken_sdk_finds_our_checksums_valid() -> None:
    kraken_spot = pytest.importorskip("kraken.spot")

    class Listing:
        def get_asset_pairs(self, pair: str) -> dict[str, dict[str, int]]:
            return {pair: {"pair_decimals": 1, "lot_decimals": 8}}

    async def validity() -> list[bool]:
        seen: list[bool] = []

        async def note(message: object, pair: str) -> None:
            seen.append(client.get(pair)["valid"])

        client = kraken_spot.SpotOrderBookClient(depth=10, callback=note)
        client._SpotOrderBookClient__market = Listing()
        try:
            for step in history():
                await client.on_message(frame(*step))
        finally:
            await client.close()
        return seen

    assert asyncio.run(validity()) == [True] * 31
