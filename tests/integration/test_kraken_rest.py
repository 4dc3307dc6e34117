"""The REST client over real sockets on loopback, against the fake venue's server."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal
from pathlib import Path

import pytest

from tradecore.core.clock import SystemClock
from tradecore.core.types import SECOND_NS, Pair, Side, Timeframe
from tradecore.testing.fake_kraken import FakeKraken, FakeKrakenServer, FakeSettings, Tape
from tradecore.testing.fake_kraken.private_api import DEFAULT_KEY, DEFAULT_SECRET
from tradecore.venues.kraken.addresses import Addresses
from tradecore.venues.kraken.answers import Refused, Unknown, value_of
from tradecore.venues.kraken.futures import KrakenFutures
from tradecore.venues.kraken.limits import Pace, PaceSettings
from tradecore.venues.kraken.nonces import NonceWriter
from tradecore.venues.kraken.orders import NewOrder, OrderType
from tradecore.venues.kraken.private import KrakenPrivate, PrivateSettings
from tradecore.venues.kraken.public import KrakenPublic
from tradecore.venues.kraken.signing import Credentials
from tradecore.venues.kraken.transport import NetworkTransport, NotSentError

BTC_USD = Pair("BTC", "USD")
Scene = Callable[[FakeKraken, KrakenPublic, KrakenPrivate, KrakenFutures], Awaitable[None]]


def play(folder: Path, scene: Scene) -> None:
    async def run() -> None:
        clock = SystemClock()
        tape = Tape.synthetic(5, clock.now() - 7200 * SECOND_NS, 3000)
        fake = FakeKraken({BTC_USD: tape}, clock, FakeSettings(public_limit=None, pair_limit=None))
        fake.private.add_key(fake.private.add_account("bench"))
        async with FakeKrakenServer(fake) as server, NetworkTransport() as transport:
            at = Addresses.local(server.url)
            pace = Pace(clock, PaceSettings(interval_s=0))
            public = KrakenPublic(transport, at, clock, pace)
            futures = KrakenFutures(transport, at, clock, pace)
            listing = value_of(await public.listing())
            with NonceWriter(folder, "bench", clock) as nonces:
                credentials = Credentials(DEFAULT_KEY, DEFAULT_SECRET)
                settings = PrivateSettings(read_timeout_s=0.5, write_timeout_s=0.5)
                private = KrakenPrivate(transport, at, clock, credentials, nonces, listing=listing, settings=settings)
                await scene(fake, public, private, futures)

    asyncio.run(run())


async def limit_order(private: KrakenPrivate, public: KrakenPublic, name: str) -> NewOrder:
    rules = value_of(await public.listing()).rules(BTC_USD)
    deadline = SystemClock().now() + 5 * SECOND_NS
    return NewOrder(rules, Side.BUY, OrderType.LIMIT, Decimal("0.01"), name, deadline, limit=Decimal("1000.0"))


def test_a_round_over_real_sockets(tmp_path: Path) -> None:
    async def scene(fake: FakeKraken, public: KrakenPublic, private: KrakenPrivate, futures: KrakenFutures) -> None:
        page = value_of(await public.trades(BTC_USD, 0))
        assert len(page.time) == 1000
        assert value_of(await public.ohlc(BTC_USD, Timeframe.parse("1m"))).pair == BTC_USD
        start = SystemClock().now() - 3600 * SECOND_NS
        candles = value_of(
            await futures.candles("PF_XBTUSD", "trade", Timeframe.parse("1m"), start, start + 600 * 10**9)
        )
        assert len(candles.open_time) > 0
        placed = value_of(await private.add_order(await limit_order(private, public, "one")))
        (resting,) = value_of(await private.open_orders("one"))
        assert resting.txid == placed.txid
        assert value_of(await private.cancel_order(cl_ord_id="one")).count == 1

    play(tmp_path, scene)


def test_many_calls_at_once_reach_the_venue_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    async def scene(fake: FakeKraken, public: KrakenPublic, private: KrakenPrivate, futures: KrakenFutures) -> None:
        answers = await asyncio.gather(*(private.balances() for _ in range(10)))
        assert all(value_of(one) for one in answers)

    play(tmp_path, scene)


@pytest.mark.parametrize("fault", ["lost_answer", "reset", "stall", "http_520", "truncated_json", "html_200"])
def test_an_order_whose_answer_is_lost_is_unknown_and_never_sent_again(tmp_path: Path, fault: str) -> None:
    async def scene(fake: FakeKraken, public: KrakenPublic, private: KrakenPrivate, futures: KrakenFutures) -> None:
        order = await limit_order(private, public, "lost")
        fake.faults.on(fault, rate=1.0, endpoint="AddOrder", times=1)
        assert isinstance(await private.add_order(order), Unknown)
        assert fake.requests["AddOrder"] == 1
        # What became of it is found by asking, not by sending it again.
        assert len(value_of(await private.open_orders("lost"))) in (0, 1)

    play(tmp_path, scene)


def test_an_order_to_a_venue_that_is_not_there_was_surely_not_sent(tmp_path: Path) -> None:
    async def run() -> None:
        clock = SystemClock()
        fake = FakeKraken({BTC_USD: Tape.synthetic(5, clock.now() - 60 * SECOND_NS, 50)}, clock)
        async with FakeKrakenServer(fake) as server, NetworkTransport() as transport:
            public = KrakenPublic(transport, Addresses.local(server.url), clock)
            rules = value_of(await public.pairs(BTC_USD)).rules(BTC_USD)
            with NonceWriter(tmp_path, "bench", clock) as nonces:
                credentials = Credentials(DEFAULT_KEY, DEFAULT_SECRET)
                gone = KrakenPrivate(transport, Addresses.local("http://127.0.0.1:1"), clock, credentials, nonces)
                deadline = clock.now() + 5 * SECOND_NS
                answer = await gone.add_order(
                    NewOrder(rules, Side.BUY, OrderType.MARKET, Decimal("0.01"), "gone", deadline)
                )
        assert isinstance(answer, Refused)
        assert isinstance(answer.error, NotSentError)
        assert answer.error.reason == "refused"

    asyncio.run(run())
