"""The whole REST client against the fake venue, in one process and on virtual time: a round of reads and orders."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import TypeVar

import pytest

from tradecore.core.clock import Clock
from tradecore.core.errors import (
    AuthenticationError,
    GateRefusedError,
    InsufficientFundsError,
    MarketClosedError,
    NonceRefusedError,
    NotPermittedError,
    OrderRefusedError,
    RateLimitedError,
    UnknownOrderError,
    VenueUnavailableError,
)
from tradecore.core.seeds import generator
from tradecore.core.types import SECOND_NS, Pair, Side, Timeframe
from tradecore.testing.fake_kraken import FakeKraken, MemoryTransport, Tape
from tradecore.testing.fake_kraken.private_api import DEFAULT_KEY, DEFAULT_SECRET
from tradecore.testing.virtual_time import run_virtual
from tradecore.venues.kraken.account import require_trading_key
from tradecore.venues.kraken.addresses import Addresses
from tradecore.venues.kraken.answers import Answer, Done, Refused, Unknown, value_of
from tradecore.venues.kraken.limits import Pace, PaceSettings
from tradecore.venues.kraken.listing import Listing
from tradecore.venues.kraken.nonces import NonceWriter
from tradecore.venues.kraken.order_answers import judged, read_batch
from tradecore.venues.kraken.orders import Amendment, NewOrder, OrderType
from tradecore.venues.kraken.patience import Asker, Patience, Wait
from tradecore.venues.kraken.private import KrakenPrivate
from tradecore.venues.kraken.public import KrakenPublic
from tradecore.venues.kraken.signing import Credentials
from tradecore.venues.kraken.transport import Reply

BTC_USD = Pair("BTC", "USD")
START = 1_760_000_000 * SECOND_NS
T = TypeVar("T")


@dataclass
class Bench:
    """A fake venue with one account, and a client of it."""

    fake: FakeKraken
    clock: Clock
    public: KrakenPublic
    private: KrakenPrivate
    listing: Listing
    made: int = 0

    def order(
        self, quantity: str = "0.01", limit: str | None = None, side: Side = Side.BUY, **more: object
    ) -> NewOrder:
        self.made += 1
        return NewOrder(
            rules=self.listing.rules(BTC_USD),
            side=side,
            order_type=OrderType.MARKET if limit is None else OrderType.LIMIT,
            quantity=Decimal(quantity),
            cl_ord_id=f"bench-{self.made}",
            deadline=self.clock.now() + 5 * SECOND_NS,
            limit=None if limit is None else Decimal(limit),
            **more,  # type: ignore[arg-type]
        )


@pytest.fixture
def play(tmp_path: Path) -> Callable[[Callable[[Bench], Awaitable[T]]], T]:
    def run(scene: Callable[[Bench], Awaitable[T]]) -> T:
        async def on(clock: Clock) -> T:
            fake = FakeKraken({BTC_USD: Tape.synthetic(3, START - 3600 * SECOND_NS, 3000)}, clock)
            fake.private.add_key(fake.private.add_account("bench"))
            async with MemoryTransport(fake) as transport:
                public = KrakenPublic(transport, Addresses(), clock, Pace(clock, PaceSettings(interval_s=1.0)))
                listing = value_of(await public.listing())
                with NonceWriter(tmp_path, "bench", clock) as nonces:
                    credentials = Credentials(DEFAULT_KEY, DEFAULT_SECRET)
                    private = KrakenPrivate(transport, Addresses(), clock, credentials, nonces, listing=listing)
                    return await scene(Bench(fake, clock, public, private, listing))

        return run_virtual(on, START)

    return run


Play = Callable[[Callable[[Bench], Awaitable[None]]], None]


def error_of(answer: Answer[T]) -> Exception:
    assert isinstance(answer, Refused), answer
    return answer.error


def test_every_public_call_is_understood(play: Play) -> None:
    async def scene(bench: Bench) -> None:
        assert abs(value_of(await bench.public.server_time()) - bench.clock.now()) < 2 * SECOND_NS
        assert value_of(await bench.public.system_status()).status == "online"
        assert not bench.listing.quarantined
        ticker = value_of(await bench.public.ticker(BTC_USD))
        assert ticker.bid < ticker.ask
        assert len(value_of(await bench.public.depth(BTC_USD, 10)).asks) == 10
        page = value_of(await bench.public.trades(BTC_USD, 0))
        assert page.pair == BTC_USD
        assert len(page.time) == 1000
        bars = value_of(await bench.public.ohlc(BTC_USD, Timeframe.parse("1m")))
        assert bars.finished[:-1].all()
        assert not bars.finished[-1]

    play(scene)


def test_every_private_read_is_understood(play: Play) -> None:
    async def scene(bench: Bench) -> None:
        held = {one.name: one for one in value_of(await bench.private.balances())}
        assert held["USD"].balance > 0
        assert value_of(await bench.private.trade_balance()).equity > 0
        fees = value_of(await bench.private.fees(BTC_USD)).pairs[BTC_USD]
        assert 0 <= fees.maker <= fees.taker < 0.01
        assert value_of(await bench.private.socket_token()).expires_s == 900
        assert value_of(await bench.private.open_orders()) == ()
        assert value_of(await bench.private.ledgers()).count is not None
        assert value_of(await bench.private.key_info()).permissions

    play(scene)


def test_an_order_lives_from_placing_to_its_execution(play: Play) -> None:
    async def scene(bench: Bench) -> None:
        order = bench.order()
        placed = value_of(await bench.private.add_order(order))
        assert placed.txid is not None
        (report,) = value_of(await bench.private.query_orders(placed.txid))
        assert (report.status, report.filled, report.cl_ord_id) == ("closed", Decimal("0.01"), order.cl_ord_id)
        trades = value_of(await bench.private.trades_history())
        assert {one.order for one in trades.trades} == {placed.txid}
        assert sum(one.quantity for one in trades.trades) == Decimal("0.01")
        assert value_of(await bench.private.query_trades(trades.trades[0].txid)) == (trades.trades[0],)
        ended = value_of(await bench.private.closed_orders(order.cl_ord_id)).orders
        assert [one.txid for one in ended] == [placed.txid]

    play(scene)


def test_an_order_rests_is_amended_and_cancelled(play: Play) -> None:
    async def scene(bench: Bench) -> None:
        order = bench.order("0.02", "1000.0", post_only=True)
        assert value_of(await bench.private.add_order(order, validate=True)).txid is None
        txid = value_of(await bench.private.add_order(order)).txid
        (resting,) = value_of(await bench.private.open_orders(order.cl_ord_id))
        assert (resting.txid, resting.price) == (txid, "1000.0")
        deadline = bench.clock.now() + 5 * SECOND_NS
        change = Amendment(order.rules, deadline, cl_ord_id=order.cl_ord_id, limit=Decimal("999.9"))
        assert value_of(await bench.private.amend_order(change))
        assert value_of(await bench.private.cancel_order(cl_ord_id=order.cl_ord_id)).count == 1
        assert isinstance(error_of(await bench.private.cancel_order(cl_ord_id=order.cl_ord_id)), UnknownOrderError)

    play(scene)


def test_batches_are_placed_and_cancelled(play: Play) -> None:
    async def scene(bench: Bench) -> None:
        answers = value_of(
            await bench.private.add_orders([bench.order("0.02", "1000.0"), bench.order("0.02", "900.0")])
        )
        txids = [value_of(one).txid for one in answers]
        assert len(value_of(await bench.private.open_orders())) == 2
        assert value_of(await bench.private.cancel_orders([str(one) for one in txids])).count == 2
        assert isinstance(await bench.private.add_order(bench.order("0.02", "1000.0")), Done)
        assert value_of(await bench.private.cancel_all()).count == 1

    play(scene)


def test_the_dead_mans_switch_is_armed_and_switched_off(play: Play) -> None:
    async def scene(bench: Bench) -> None:
        armed = value_of(await bench.private.cancel_all_after(60))
        assert armed.fires_at is not None
        assert armed.fires_at - armed.now == 60 * SECOND_NS
        assert value_of(await bench.private.cancel_all_after(0)).fires_at is None

    play(scene)


def test_refusals_keep_the_venues_words(play: Play) -> None:
    async def scene(bench: Bench) -> None:
        error = error_of(await bench.private.add_order(bench.order("90000")))
        assert isinstance(error, InsufficientFundsError)
        assert error.words == "EOrder:Insufficient funds"

    play(scene)


@pytest.mark.parametrize("fault", ["http_520", "html_200", "truncated_json", "lost_answer", "http_503", "stall"])
def test_a_write_whose_answer_is_lost_is_unknown_and_sent_once(play: Play, fault: str) -> None:
    async def scene(bench: Bench) -> None:
        bench.fake.faults.on(fault, rate=1.0, endpoint="AddOrder", times=1)
        before = bench.fake.requests["AddOrder"]
        answer = await bench.private.add_order(bench.order("0.02", "1000.0"))
        assert isinstance(answer, Unknown), answer
        assert bench.fake.requests["AddOrder"] == before + 1

    play(scene)


@pytest.mark.parametrize(
    "fault", ["http_520", "html_200", "truncated_json", "lost_answer", "http_503", "http_429", "stall"]
)
def test_a_read_that_failed_says_that_it_may_be_asked_again(play: Play, fault: str) -> None:
    async def scene(bench: Bench) -> None:
        bench.fake.faults.on(fault, rate=1.0, endpoint="OpenOrders", times=1)
        answer = await bench.private.open_orders()
        assert isinstance(answer, Refused)
        assert answer.error.retryable
        assert value_of(await bench.private.open_orders()) == ()

    play(scene)


def test_patience_asks_again_and_tells(play: Play) -> None:
    async def scene(bench: Bench) -> None:
        bench.fake.faults.on("http_520", rate=1.0, endpoint="Trades", times=3)
        heard: list[Wait] = []
        asker = Asker(Patience(tries=5), generator(1, "patience"), heard.append)
        page = await asker.ask(lambda: bench.public.trades(BTC_USD, 0))
        assert len(page.time) == 1000
        assert [one.next_try for one in heard] == [2, 3, 4]
        assert all("status 520" in one.reason for one in heard)

    play(scene)


def test_patience_ends(play: Play) -> None:
    async def scene(bench: Bench) -> None:
        bench.fake.faults.on("http_520", rate=1.0, endpoint="Trades")
        before = bench.fake.requests["Trades"]
        with pytest.raises(VenueUnavailableError):
            await Asker(Patience(tries=3), generator(1, "p")).ask(lambda: bench.public.trades(BTC_USD, 0))
        assert bench.fake.requests["Trades"] == before + 3

    play(scene)


def test_the_key_of_another_account_is_refused(play: Play, tmp_path: Path) -> None:
    async def scene(bench: Bench) -> None:
        with NonceWriter(tmp_path, "other", bench.clock) as nonces:
            other = KrakenPrivate(
                MemoryTransport(bench.fake), Addresses(), bench.clock, Credentials("nobody", DEFAULT_SECRET), nonces
            )
            assert isinstance(error_of(await other.balances()), AuthenticationError)

    play(scene)


def test_a_nonce_seen_before_names_the_other_program(play: Play, tmp_path: Path) -> None:
    async def scene(bench: Bench) -> None:
        value_of(await bench.private.balances())

        class Stale:
            def now(self) -> int:
                return START - 10**15

        with NonceWriter(tmp_path, "stale", Stale()) as nonces:
            credentials = Credentials(DEFAULT_KEY, DEFAULT_SECRET)
            other = KrakenPrivate(MemoryTransport(bench.fake), Addresses(), bench.clock, credentials, nonces)
            error = error_of(await other.balances())
            assert isinstance(error, NonceRefusedError)
            assert "another program" in str(error)

    play(scene)


def test_a_market_that_takes_no_orders_says_so(play: Play) -> None:
    async def scene(bench: Bench) -> None:
        bench.fake.faults.on("cancel_only")
        error = error_of(await bench.private.add_order(bench.order("0.02", "1000.0")))
        assert isinstance(error, MarketClosedError)
        assert value_of(await bench.public.system_status()).status == "cancel_only"

    play(scene)


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("EAPI:Rate limit exceeded", RateLimitedError),
        ("EOrder:Rate limit exceeded", RateLimitedError),
        ("EGeneral:Permission denied", NotPermittedError),
        ("EOrder:Insufficient funds", InsufficientFundsError),
    ],
)
def test_the_venues_refusal_of_a_write_is_a_refusal(play: Play, words: str, kind: type[Exception]) -> None:
    async def scene(bench: Bench) -> None:
        bench.fake.faults.on("refusal", rate=1.0, endpoint="AddOrder", says=words, times=1)
        error = error_of(await bench.private.add_order(bench.order("0.02", "1000.0")))
        assert isinstance(error, kind)

    play(scene)


@pytest.mark.parametrize(
    "words", ["EService:Unavailable", "EService:Busy", "EGeneral:Internal error", "EBrandNew:Thing"]
)
def test_an_order_the_venue_broke_down_on_is_unknown(play: Play, words: str) -> None:
    async def scene(bench: Bench) -> None:
        bench.fake.faults.on("refusal", rate=1.0, endpoint="AddOrder", says=words, times=1)
        answer = await bench.private.add_order(bench.order("0.02", "1000.0"))
        assert isinstance(answer, Unknown)
        assert words in str(answer.error)

    play(scene)


def test_an_order_that_waited_past_its_deadline_is_not_sent(play: Play) -> None:
    async def scene(bench: Bench) -> None:
        bench.fake.faults.on("stall", rate=1.0, endpoint="OpenOrders", times=1)
        before = bench.fake.requests["AddOrder"]
        slow = asyncio.create_task(bench.private.open_orders())
        await asyncio.sleep(0)
        answer = await bench.private.add_order(bench.order("0.02", "1000.0"))
        assert isinstance(error_of(answer), OrderRefusedError)
        assert "not sent" in str(error_of(answer))
        assert bench.fake.requests["AddOrder"] == before
        await slow

    play(scene)


def test_an_urgent_call_goes_before_those_that_wait(play: Play) -> None:
    async def scene(bench: Bench) -> None:
        done: list[str] = []

        async def ask(name: str, urgent: bool) -> None:
            await bench.private.open_orders(urgent=urgent)
            done.append(name)

        bench.fake.faults.on("latency", rate=1.0, endpoint="OpenOrders", delay_s=0.9)
        tasks = [asyncio.create_task(ask(name, name == "exit")) for name in ("first", "second", "third", "exit")]
        await asyncio.gather(*tasks)
        assert done == ["first", "exit", "second", "third"]

    play(scene)


def test_an_exit_waits_a_moment_and_no_longer_behind_an_answer_that_does_not_come(play: Play) -> None:
    async def scene(bench: Bench) -> None:
        bench.fake.faults.on("stall", rate=1.0, endpoint="OpenOrders", times=1)
        hangs = asyncio.create_task(bench.private.open_orders())
        await asyncio.sleep(0)
        before = bench.clock.now()
        value_of(await bench.private.add_order(bench.order("0.02", "1000.0"), urgent=True))
        assert bench.clock.now() - before < 2 * SECOND_NS
        assert isinstance(await hangs, Refused)

    play(scene)


def test_a_key_that_can_withdraw_is_refused(play: Play) -> None:
    async def scene(bench: Bench) -> None:
        info = value_of(await bench.private.key_info())
        able = replace(info, permissions=info.permissions | {"withdraw-funds"})
        with pytest.raises(GateRefusedError, match="withdraw-funds"):
            require_trading_key(able)
        require_trading_key(replace(info, permissions=info.permissions - {"withdraw-funds"}))
        with pytest.raises(GateRefusedError, match="modify-trades"):
            require_trading_key(replace(info, permissions=frozenset({"query-funds"})))

    play(scene)


def test_entries_leave_the_exits_their_room_in_the_engine(play: Play) -> None:
    async def scene(bench: Bench) -> None:
        async def flurry(urgent: bool) -> tuple[int, int]:
            answers = [await bench.private.add_order(bench.order("0.01", "1000.0"), urgent=urgent) for _ in range(50)]
            kept = [one for one in answers if isinstance(one, Refused) and "kept for exits" in str(one.error)]
            return len([one for one in answers if isinstance(one, Done)]), len(kept)

        assert await flurry(urgent=False) == (45, 5)
        placed, kept = await flurry(urgent=True)
        assert kept == 0
        assert placed > 10

    play(scene)


@pytest.mark.parametrize("words", ["EOrder:Insufficient funds", "EService:Unavailable"])
def test_an_error_beside_a_result_is_no_refusal(words: str) -> None:
    body = json.dumps({"error": [words], "result": {"txid": ["OUF4EM-FRGI2-MQMWZD"]}}).encode()
    assert isinstance(judged(Reply(200, body), "AddOrder", lambda result: result, 0.0), Unknown)


def test_one_order_of_a_batch_the_venue_broke_down_on_makes_all_unknown() -> None:
    good = {"txid": "OUF4EM-FRGI2-MQMWZD", "descr": {"order": "buy"}}
    for words, kind in (("EOrder:Insufficient funds", Done), ("EService:Busy", Unknown)):
        body = json.dumps({"error": [], "result": {"orders": [good, {"error": words}]}}).encode()
        answer = judged(Reply(200, body), "AddOrderBatch", lambda result: read_batch(result, 2, False), 0.0)
        assert isinstance(answer, kind)


def test_the_engines_refusal_for_the_rate_fills_the_pairs_counter_and_not_the_keys(play: Play) -> None:
    async def scene(bench: Bench) -> None:
        bench.fake.faults.on("refusal", rate=1.0, endpoint="AddOrder", says="EOrder:Rate limit exceeded", times=1)
        assert isinstance(error_of(await bench.private.add_order(bench.order("0.01", "1000.0"))), RateLimitedError)
        refused = error_of(await bench.private.add_order(bench.order("0.01", "1000.0")))
        assert "kept for exits" in str(refused)
        before = bench.clock.now()
        value_of(await bench.private.balances())
        assert bench.clock.now() - before < SECOND_NS

    play(scene)


def test_the_venues_refusal_for_the_rate_makes_the_keys_next_read_wait(play: Play) -> None:
    async def scene(bench: Bench) -> None:
        bench.fake.faults.on("refusal", rate=1.0, endpoint="BalanceEx", says="EAPI:Rate limit exceeded", times=1)
        assert isinstance(error_of(await bench.private.balances()), RateLimitedError)
        before = bench.clock.now()
        value_of(await bench.private.balances())
        assert bench.clock.now() - before > 5 * SECOND_NS

    play(scene)
