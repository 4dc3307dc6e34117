"""Orders sent through a venue that loses answers: looked up by their own ids before anything is sent again.

The client is the product's, the venue is the fake, time is virtual. The protocol here is the smallest that is right:
send once; when nobody knows, wait until the deadline is over and look among open and ended orders; only then send anew.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest

from tradecore.core.clock import Clock
from tradecore.core.errors import OrderRefusedError
from tradecore.core.types import SECOND_NS, Pair, Side
from tradecore.testing.fake_kraken import FakeKraken, MemoryTransport, Tape
from tradecore.testing.fake_kraken.private_api import DEFAULT_KEY, DEFAULT_SECRET
from tradecore.testing.virtual_time import run_virtual
from tradecore.venues.kraken.addresses import Addresses
from tradecore.venues.kraken.answers import Done, Unknown, value_of
from tradecore.venues.kraken.listing import Listing
from tradecore.venues.kraken.nonces import NonceWriter
from tradecore.venues.kraken.orders import NewOrder, OrderType
from tradecore.venues.kraken.private import KrakenPrivate
from tradecore.venues.kraken.public import KrakenPublic
from tradecore.venues.kraken.signing import Credentials

BTC_USD = Pair("BTC", "USD")
START = 1_760_000_000 * SECOND_NS
ORDERS = 60
DEADLINE_S = 5


class Desk:
    """Places orders so that each wish becomes exactly one order."""

    def __init__(self, clock: Clock, client: KrakenPrivate, listing: Listing, *, blind: bool) -> None:
        self._clock, self._client, self._listing = clock, client, listing
        self._blind = blind
        self.unknown = 0

    async def place(self, name: str, limit: Decimal | None) -> None:
        """Bring one wish to the venue."""
        while True:
            answer = await self._client.add_order(self._order(name, limit))
            if isinstance(answer, Done):
                return
            if isinstance(answer, Unknown):
                self.unknown += 1
                await asyncio.sleep(DEADLINE_S + 1)
                if not self._blind and await self._there(name):
                    return
            elif isinstance(answer.error, OrderRefusedError):
                return  # the blind one's own order rests there under this id
            await asyncio.sleep(1)

    def _order(self, name: str, limit: Decimal | None) -> NewOrder:
        return NewOrder(
            rules=self._listing.rules(BTC_USD),
            side=Side.BUY,
            order_type=OrderType.MARKET if limit is None else OrderType.LIMIT,
            quantity=Decimal("0.01"),
            cl_ord_id=name,
            deadline=self._clock.now() + DEADLINE_S * SECOND_NS,
            limit=limit,
        )

    async def _there(self, name: str) -> bool:
        """Look until both lists have answered; reads may fail as often as they like."""
        for look in (self._client.open_orders, self._client.closed_orders):
            while not isinstance(found := await look(name), Done):
                await asyncio.sleep(1)
            if found.value if isinstance(found.value, tuple) else found.value.orders:
                return True
        return False


def orders_by_name(folder: Path, *, blind: bool, seed: int) -> tuple[Counter[str], int]:
    """Return how many orders every wish became, and how often an outcome was unknown."""

    async def scene(clock: Clock) -> tuple[Counter[str], int]:
        fake = FakeKraken({BTC_USD: Tape.synthetic(3, START - 3600 * SECOND_NS, 4000)}, clock, seed=seed)
        account = fake.private.add_account("bench", tier="pro")
        fake.private.add_key(account)
        async with MemoryTransport(fake) as transport:
            listing = value_of(await KrakenPublic(transport, Addresses(), clock).listing())
            for name, endpoint in (("lost_answer", "AddOrder"), ("reset", "AddOrder"), ("truncated_json", "AddOrder")):
                fake.faults.on(name, rate=0.12, endpoint=endpoint)
            fake.faults.on("http_520", rate=0.12, endpoint="AddOrder", processed=True)
            for endpoint in ("OpenOrders", "ClosedOrders"):
                fake.faults.on("http_502", rate=0.2, endpoint=endpoint)
            with NonceWriter(folder, "bench", clock) as nonces:
                credentials = Credentials(DEFAULT_KEY, DEFAULT_SECRET)
                client = KrakenPrivate(transport, Addresses(), clock, credentials, nonces, listing=listing)
                desk = Desk(clock, client, listing, blind=blind)
                for number in range(ORDERS):
                    await desk.place(f"wish-{number}", None if number % 2 else Decimal(30_000 + number))
                    await asyncio.sleep(5)
        return Counter(str(order.request.cl_ord_id) for order in account.orders.values()), desk.unknown

    return run_virtual(scene, START)


@pytest.mark.parametrize("seed", range(12))
def test_every_wish_becomes_exactly_one_order_whatever_is_lost(tmp_path: Path, seed: int) -> None:
    made, unknown = orders_by_name(tmp_path, blind=False, seed=seed)
    assert unknown > 5
    assert made == {f"wish-{number}": 1 for number in range(ORDERS)}


def test_the_fake_shows_what_sending_again_blindly_costs(tmp_path: Path) -> None:
    """The id of a finished order is free again, so it protects resting orders and no market order."""
    made, _ = orders_by_name(tmp_path, blind=True, seed=0)
    doubled = {int(name.removeprefix("wish-")) for name, count in made.items() if count > 1}
    assert doubled
    assert all(number % 2 for number in doubled)
