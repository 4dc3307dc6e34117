"""Tokenised stocks are listed beside ordinary pairs, and every REST call about one names their class."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import pytest

from tradecore.core.clock import Clock
from tradecore.core.errors import ArgumentsRefusedError, UnknownPairError, VenueUnavailableError
from tradecore.core.types import SECOND_NS, Pair, Side, Timeframe
from tradecore.testing.fake_kraken import FakeKraken, FakeSettings, MemoryTransport, Tape
from tradecore.testing.fake_kraken.private_api import DEFAULT_KEY, DEFAULT_SECRET
from tradecore.testing.virtual_time import run_virtual
from tradecore.venues.kraken.addresses import Addresses
from tradecore.venues.kraken.answers import Done, Refused, value_of
from tradecore.venues.kraken.limits import Pace, PaceSettings
from tradecore.venues.kraken.listing import Listing
from tradecore.venues.kraken.nonces import NonceWriter
from tradecore.venues.kraken.orders import Amendment, NewOrder, OrderType
from tradecore.venues.kraken.private import KrakenPrivate
from tradecore.venues.kraken.public import KrakenPublic
from tradecore.venues.kraken.signing import Credentials
from tradecore.venues.kraken.transport import NO_HEADERS, Reply

BTC, APPLE = Pair("BTC", "USD"), Pair("AAPLX", "USD")
START = 1_760_000_000 * SECOND_NS
FREE = FakeSettings(public_limit=None, pair_limit=None)


@dataclass
class Way(MemoryTransport):
    """A way to the fake on which questions for a class can be answered with an error, or as if none were named."""

    fake: FakeKraken
    error: str | None = None
    deaf: bool = False
    forms: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(self.fake)

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] = NO_HEADERS,
        body: bytes | None = None,
        timeout_s: float,
    ) -> Reply:
        self.forms.append((body or b"").decode())
        plain, asked, _ = url.partition("?aclass")
        if asked and self.error is not None:
            return Reply(200, json.dumps({"error": [self.error]}).encode())
        shown = plain if self.deaf else url
        return await super().request(method, shown, headers=headers, body=body, timeout_s=timeout_s)


def play(scene: Callable[[Way, Clock], Awaitable[None]], **more: object) -> None:
    async def on(clock: Clock) -> None:
        begin = START - 3600 * SECOND_NS
        stock = Tape.synthetic(4, begin, 500, first_price=200.0, decimals=2)
        fake = FakeKraken({BTC: Tape.synthetic(3, begin, 500), APPLE: stock}, clock, FREE)
        fake.private.add_key(fake.private.add_account("bench"))
        async with Way(fake, **more) as way:  # type: ignore[arg-type]
            await scene(way, clock)

    run_virtual(on, START)


def public(way: Way, clock: Clock, listing: Listing | None = None) -> KrakenPublic:
    return KrakenPublic(way, Addresses(), clock, Pace(clock, PaceSettings(interval_s=0.2)), listing=listing)


def test_one_listing_has_both_classes() -> None:
    async def scene(way: Way, clock: Clock) -> None:
        for listing in (value_of(await public(way, clock).listing()), value_of(await public(way, clock).pairs())):
            assert (listing.rules(APPLE).tokenised, listing.rules(BTC).tokenised) == (True, False)
            assert listing.unlisted == listing.quarantined == ()
        assert value_of(await public(way, clock).listing()).assets["AAPLx"].decimals == 8

    play(scene)


def test_a_venue_that_does_not_know_the_class_is_listed_without_it_and_that_is_said() -> None:
    async def scene(way: Way, clock: Clock) -> None:
        listing = value_of(await public(way, clock).listing())
        assert BTC in listing.pairs
        assert APPLE not in listing.pairs
        assert len(listing.unlisted) == 2
        assert all("EGeneral:Invalid arguments" in one for one in listing.unlisted)

    play(scene, error="EGeneral:Invalid arguments")


def test_a_venue_that_is_busy_at_the_second_question_has_no_half_listing() -> None:
    async def scene(way: Way, clock: Clock) -> None:
        for answer in (await public(way, clock).listing(), await public(way, clock).pairs()):
            assert isinstance(answer, Refused)
            assert isinstance(answer.error, VenueUnavailableError)

    play(scene, error="EService:Busy")


def test_a_venue_that_overhears_the_class_lists_each_pair_once() -> None:
    async def scene(way: Way, clock: Clock) -> None:
        listing = value_of(await public(way, clock).listing())
        assert BTC in listing.pairs
        assert listing.quarantined == ()

    play(scene, deaf=True)


def test_a_tokenised_pair_is_found_by_our_name_for_it() -> None:
    async def scene(way: Way, clock: Clock) -> None:
        assert set(value_of(await public(way, clock).pairs(APPLE, BTC)).pairs) == {APPLE, BTC}
        answer = await public(way, clock).pairs(APPLE, Pair("NO", "USD"))
        assert isinstance(answer, Refused)
        assert isinstance(answer.error, UnknownPairError)

    play(scene)


def test_every_public_call_names_the_class() -> None:
    async def scene(way: Way, clock: Clock) -> None:
        asked = public(way, clock, value_of(await public(way, clock).pairs()))
        for pair in (APPLE, BTC):
            assert value_of(await asked.ticker(pair)).pair == pair
            assert len(value_of(await asked.depth(pair, 5)).asks) == 5
            assert len(value_of(await asked.trades(pair, 0)).time) > 0
            assert len(value_of(await asked.ohlc(pair, Timeframe.parse("1m"))).open_time) > 0
        bare = await public(way, clock).ticker(APPLE)
        assert isinstance(bare, Refused)
        assert isinstance(bare.error, ArgumentsRefusedError)

    play(scene)


@pytest.mark.parametrize("pair", [APPLE, BTC])
def test_orders_name_the_class_and_amendments_the_pair_where_it_is_tokenised(tmp_path: Path, pair: Pair) -> None:
    async def scene(way: Way, clock: Clock) -> None:
        listing = value_of(await public(way, clock).listing())
        rules = listing.rules(pair)

        def order(name: str) -> NewOrder:
            deadline = clock.now() + 5 * SECOND_NS
            limit = Decimal("1.00") if pair == APPLE else Decimal("10000.0")
            return NewOrder(rules, Side.BUY, OrderType.LIMIT, Decimal(1) / 2, name, deadline, limit)

        with NonceWriter(tmp_path, "bench", clock) as nonces:
            credentials = Credentials(DEFAULT_KEY, DEFAULT_SECRET)
            private = KrakenPrivate(way, Addresses(), clock, credentials, nonces, listing=listing)
            placed = value_of(await private.add_order(order("a")))
            batch = value_of(await private.add_orders([order("b"), order("c")]))
            assert all(isinstance(one, Done) for one in batch)
            smaller = Amendment(rules, clock.now() + 5 * SECOND_NS, txid=placed.txid, quantity=Decimal("0.51"))
            value_of(await private.amend_order(smaller))
        assert sum("asset_class" in form for form in way.forms) == (2 if pair == APPLE else 0)

    play(scene)
