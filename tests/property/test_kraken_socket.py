"""Any weather on the wire: whatever is missing was told, and when it clears everything is as the venue has it."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from tradecore.core.seeds import generator
from tradecore.core.types import SECOND_NS, Pair
from tradecore.testing.fake_kraken import FakeKraken, MemoryTransport, Tape
from tradecore.testing.virtual_time import VirtualClock, run_virtual
from tradecore.venues.kraken import messages as m
from tradecore.venues.kraken.addresses import Addresses
from tradecore.venues.kraken.socket import KrakenSocket

BTC, ETH = Pair("BTC", "USD"), Pair("ETH", "USD")
START = 1_760_000_000 * SECOND_NS
WEATHER = {
    "ws_drop": 0.002,
    "ws_silent": 0.001,
    "ws_zombie": 0.001,
    "ws_refused": 0.5,
    "ws_duplicate": 0.05,
    "ws_out_of_order": 0.02,
    "garbage_frame": 0.02,
    "bad_checksum": 0.02,
    "slow": 0.01,
}


@pytest.mark.parametrize("seed", range(6))
def test_after_any_weather_books_are_the_venues_and_every_missing_trade_was_told(seed: int) -> None:
    run_virtual(lambda clock: play(clock, seed), START)


async def play(clock: VirtualClock, seed: int) -> None:
    rng = generator(seed, "weather")
    tapes = {
        BTC: Tape.synthetic(seed, START - 300 * SECOND_NS, 4000, per_second=2.0),
        ETH: Tape.synthetic(seed + 99, START - 300 * SECOND_NS, 4000, per_second=1.0, first_price=3000.0, decimals=2),
    }
    fake = FakeKraken(tapes, clock, seed=seed)
    told: list[m.Message] = []
    async with MemoryTransport(fake) as transport:
        socket = KrakenSocket(transport, Addresses().socket, clock, generator(seed, "socket"))
        socket.subscribe("trade", ["BTC/USD", "ETH/USD"], data_within_s=30)
        socket.subscribe("book", ["BTC/USD", "ETH/USD"], depth=25)
        socket.subscribe("ticker", ["BTC/USD"])

        async def read() -> None:
            async for message in socket:
                told.append(message)
                if isinstance(message, (m.BookSnapshot, m.BookUpdate)):
                    # What is told of a book is never a crossed or an unproved one.
                    book = socket.books[message.pair]
                    assert not book.valid or book.bids(1)[0][0] < book.asks(1)[0][0]

        async with socket:
            reader = asyncio.create_task(read())
            # Most kinds of weather are off in one run, so that the others are seen alone too.
            for name, rate in WEATHER.items():
                if rng.random() < 0.4:
                    fake.faults.on(name, rate=rate, delay_s=3.0)
            await asyncio.sleep(400)
            fake.faults.off()
            await asyncio.sleep(120)
            for pair in (BTC, ETH):
                assert socket.books[pair].valid
                assert best(socket, pair) == fake.market.best(pair)
        await reader
    for pair in (BTC, ETH):
        assert_missing_trades_were_told(told, pair)


def best(socket: KrakenSocket, pair: Pair) -> tuple[Decimal, Decimal]:
    book = socket.books[pair]
    return book.bids(1)[0][0], book.asks(1)[0][0]


def assert_missing_trades_were_told(told: list[m.Message], pair: Pair) -> None:
    """Between two gaps of a channel the ids are without a hole, once sorted and told once."""
    stretch: set[int] = set()
    stretches = [stretch]
    for message in told:
        if isinstance(message, m.Gap) and message.channel == "trade" and message.symbol == str(pair):
            stretch = set()
            stretches.append(stretch)
        if isinstance(message, (m.TradesSnapshot, m.TradesUpdate)):
            stretch |= {tick.trade_id for tick in message.ticks if tick.pair == pair}
    assert sum(map(len, stretches)) > 100
    for ids in stretches:
        assert not ids or len(ids) == max(ids) - min(ids) + 1
