"""Orders over the private socket: what goes out, what the answers mean, and a round against the fake venue."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tradecore.core import errors
from tradecore.core.clock import Clock, ManualClock
from tradecore.core.errors import OutcomeUnknownError, UsageError
from tradecore.core.seeds import generator
from tradecore.core.types import SECOND_NS, Pair, Side
from tradecore.testing.fake_kraken import FakeKraken, MemoryTransport, Tape
from tradecore.testing.fake_kraken.private_api import DEFAULT_KEY, DEFAULT_SECRET
from tradecore.testing.virtual_time import run_virtual
from tradecore.venues.kraken import messages as m
from tradecore.venues.kraken.addresses import Addresses
from tradecore.venues.kraken.answers import Done, Refused, Unknown, value_of
from tradecore.venues.kraken.frames import parse_message, request_text
from tradecore.venues.kraken.listing import Listing, PairRules
from tradecore.venues.kraken.nonces import NonceWriter
from tradecore.venues.kraken.order_answers import Cancelled, Placed
from tradecore.venues.kraken.order_socket import KrakenOrderSocket
from tradecore.venues.kraken.orders import Amendment, NewOrder, OrderType
from tradecore.venues.kraken.private import KrakenPrivate
from tradecore.venues.kraken.public import KrakenPublic
from tradecore.venues.kraken.signing import Credentials
from tradecore.venues.kraken.socket import KrakenSocket
from tradecore.venues.kraken.transport import NotSentError

BTC_USD = Pair("BTC", "USD")
START = 1_760_000_000 * SECOND_NS


class Line:
    """In place of a socket: keeps what is asked, and answers with what a test prepared."""

    def __init__(self, answer: Mapping[str, Any] | Exception) -> None:
        self.answer = answer
        self.texts: list[str] = []

    async def ask(self, method: str, params: Mapping[str, object], timeout_s: float) -> m.Ack:
        self.texts.append(request_text(method, params, 1))
        if isinstance(self.answer, Exception):
            raise self.answer
        (ack,) = parse_message(json.dumps({"method": method, "req_id": 1, **self.answer}))
        assert isinstance(ack, m.Ack)
        return ack


def an_order(rules: PairRules, **more: Any) -> NewOrder:
    order = NewOrder(
        rules=rules,
        side=Side.BUY,
        order_type=OrderType.LIMIT,
        quantity=Decimal("0.25"),
        cl_ord_id="mine-1",
        deadline=START + 5 * SECOND_NS,
        limit=Decimal("30000.1"),
    )
    return replace(order, **more)


def orders_on(line: Line) -> KrakenOrderSocket:
    return KrakenOrderSocket(line, ManualClock(START))  # type: ignore[arg-type]


TAKEN = {"success": True, "result": {"order_id": "OABC-1", "cl_ord_id": "mine-1", "order_userref": 0}}


def test_order_goes_out_in_exact_digits_with_its_id_and_deadline(btc_usd: PairRules) -> None:
    line = Line(TAKEN)
    assert asyncio.run(orders_on(line).add_order(an_order(btc_usd))) == Done(Placed("OABC-1", ""))
    assert line.texts == [
        '{"method":"add_order","params":{"order_type":"limit","side":"buy","order_qty":0.25000000,'
        '"limit_price":30000.1,"time_in_force":"gtc","fee_preference":"quote","cl_ord_id":"mine-1",'
        '"symbol":"BTC/USD","deadline":"2025-10-09T08:53:25.000Z"},"req_id":1}'
    ]


def test_stop_order_names_its_trigger(btc_usd: PairRules) -> None:
    line = Line(TAKEN)
    order = an_order(
        btc_usd, side=Side.SELL, order_type=OrderType.STOP_LOSS, limit=None, trigger=Decimal("29000"), reduce_only=True
    )
    asyncio.run(orders_on(line).add_order(order))
    params = json.loads(line.texts[0])["params"]
    assert params["triggers"] == {"reference": "last", "price": 29000.0}
    assert params["reduce_only"] is True
    assert "limit_price" not in params


def test_amendment_names_only_what_changes(btc_usd: PairRules) -> None:
    line = Line({"success": True, "result": {"amend_id": "TAMEND", "order_id": "OABC-1"}})
    amendment = Amendment(btc_usd, START + SECOND_NS, txid="OABC-1", limit=Decimal("30000.2"), post_only=True)
    assert asyncio.run(orders_on(line).amend_order(amendment)) == Done("TAMEND")
    assert json.loads(line.texts[0])["params"] == {
        **{"order_id": "OABC-1", "limit_price": 30000.2, "post_only": True},
        "deadline": "2025-10-09T08:53:21.000Z",
    }


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("EOrder:Insufficient funds", errors.InsufficientFundsError),
        ("EOrder:Rate limit exceeded", errors.RateLimitedError),
        ("EService:Market in cancel_only mode", errors.MarketClosedError),
        ("ESession:Invalid session", errors.AuthenticationError),
    ],
)
def test_refusal_is_the_venues_words(btc_usd: PairRules, words: str, kind: type[Exception]) -> None:
    answer = asyncio.run(orders_on(Line({"success": False, "error": words})).add_order(an_order(btc_usd)))
    assert isinstance(answer, Refused)
    assert type(answer.error) is kind
    assert answer.error.words == words


@pytest.mark.parametrize(
    "answer",
    [
        OutcomeUnknownError("sent, but no answer"),
        {"success": False, "error": "EService:Unavailable"},
        {"success": False, "error": "EGeneral:Internal error"},
        {"success": False, "error": "something never heard of"},
        {"success": True},
        {"success": True, "result": {}},
        {"success": True, "result": {"order_id": ""}},
        {"success": True, "result": {"order_id": 7}},
        {"success": True, "result": {"order_id": "rubbish"}},
        {"success": True, "result": []},
        {"success": True, "result": {"order_id": "OABC-1", "cl_ord_id": "another's"}},
        {"success": True, "method": "cancel_order", "result": {"order_id": "OABC-1"}},
    ],
    ids=repr,
)
def test_what_is_neither_done_nor_refused_is_unknown(btc_usd: PairRules, answer: Any) -> None:
    line = Line(answer)
    assert isinstance(asyncio.run(orders_on(line).add_order(an_order(btc_usd))), Unknown)
    assert len(line.texts) == 1


def test_without_a_connection_the_order_is_refused_as_not_sent(btc_usd: PairRules) -> None:
    answer = asyncio.run(orders_on(Line(NotSentError("no connection"))).add_order(an_order(btc_usd)))
    assert isinstance(answer, Refused)
    assert isinstance(answer.error, NotSentError)


@pytest.mark.parametrize("ahead_s", [0, -1, 61])
def test_order_past_its_deadline_or_too_far_from_it_is_not_sent(btc_usd: PairRules, ahead_s: int) -> None:
    line = Line(TAKEN)
    answer = asyncio.run(orders_on(line).add_order(an_order(btc_usd, deadline=START + ahead_s * SECOND_NS)))
    assert isinstance(answer, Refused)
    assert line.texts == []


def test_cancel_by_the_venues_id_wants_that_id_back() -> None:
    right = {"success": True, "result": {"order_id": "OABC-1"}}
    assert asyncio.run(orders_on(Line(right)).cancel_order(txid="OABC-1")) == Done(Cancelled(1))
    wrong = {"success": True, "result": {"order_id": "OXYZ-1"}}
    assert isinstance(asyncio.run(orders_on(Line(wrong)).cancel_order(txid="OABC-1")), Unknown)
    with pytest.raises(UsageError):
        asyncio.run(orders_on(Line(right)).cancel_order())


def test_batch_answers_each_order_by_itself(btc_usd: PairRules) -> None:
    rows = [
        {"order_id": "O1-1", "cl_ord_id": "mine-1", "success": True},
        {"cl_ord_id": "mine-2", "success": False, "error": "EOrder:Invalid price"},
    ]
    orders = [an_order(btc_usd), an_order(btc_usd, cl_ord_id="mine-2")]
    for result in (rows, {"orders": rows}):
        answer = asyncio.run(orders_on(Line({"success": True, "result": result})).add_orders(orders))
        assert isinstance(answer, Done)
        first, second = answer.value
        assert first == Done(Placed("O1-1", ""))
        assert isinstance(second, Refused)
        assert isinstance(second.error, errors.OrderPriceError)


def test_batch_with_fewer_answers_than_orders_is_unknown(btc_usd: PairRules) -> None:
    orders = [an_order(btc_usd), an_order(btc_usd, cl_ord_id="mine-2")]
    line = Line({"success": True, "result": [{"order_id": "O1-1"}]})
    assert isinstance(asyncio.run(orders_on(line).add_orders(orders)), Unknown)


def test_batch_cancel_reads_the_count_where_the_venue_writes_it() -> None:
    line = Line({"success": True, "orders_cancelled": 2})
    assert asyncio.run(orders_on(line).cancel_orders(["O1", "O2"])) == Done(Cancelled(2))


@dataclass
class Bench:
    """A fake venue with one account, and our socket to it."""

    fake: FakeKraken
    clock: Clock
    listing: Listing
    socket: KrakenSocket
    orders: KrakenOrderSocket
    told: list[m.Message] = field(default_factory=list)
    made: int = 0

    def order(self, limit: str | None = None, side: Side = Side.BUY, quantity: str = "0.01") -> NewOrder:
        self.made += 1
        return NewOrder(
            rules=self.listing.rules(BTC_USD),
            side=side,
            order_type=OrderType.MARKET if limit is None else OrderType.LIMIT,
            quantity=Decimal(quantity),
            cl_ord_id=f"bench-{self.made}",
            deadline=self.clock.now() + 5 * SECOND_NS,
            limit=None if limit is None else Decimal(limit),
        )

    def events(self, cl_ord_id: str) -> list[str]:
        rows = [row for message in self.told if isinstance(message, m.Executions) for row in message.rows]
        ids = {row.order_id for row in rows if row.cl_ord_id == cl_ord_id}
        return [row.event for row in rows if row.order_id in ids]


Scene = Callable[[Bench], Awaitable[None]]


@pytest.fixture
def play(tmp_path: Path) -> Callable[[Scene], None]:
    async def on(clock: Clock, scene: Scene) -> None:
        fake = FakeKraken({BTC_USD: Tape.synthetic(3, START - 3600 * SECOND_NS, 8000)}, clock)
        fake.private.add_key(fake.private.add_account("bench"))
        async with MemoryTransport(fake) as transport:
            listing = value_of(await KrakenPublic(transport, Addresses(), clock).listing())
            with NonceWriter(tmp_path, "bench", clock) as nonces:
                private = KrakenPrivate(transport, Addresses(), clock, Credentials(DEFAULT_KEY, DEFAULT_SECRET), nonces)

                async def token() -> str:
                    return value_of(await private.socket_token()).token

                socket = KrakenSocket(transport, Addresses().private_socket, clock, generator(1), token=token)
                socket.subscribe("executions", ratecounter=True)
                socket.subscribe("balances")
                bench = Bench(fake, clock, listing, socket, KrakenOrderSocket(socket, clock))

                async def read() -> None:
                    async for message in socket:
                        bench.told.append(message)

                async with socket:
                    reader = asyncio.create_task(read())
                    await asyncio.sleep(1)
                    await scene(bench)
                await reader

    def run(scene: Scene) -> None:
        run_virtual(lambda clock: on(clock, scene), START)

    return run


def test_market_order_is_taken_and_its_fill_comes_as_an_execution(play: Callable[[Scene], None]) -> None:
    async def scene(bench: Bench) -> None:
        placed = value_of(await bench.orders.add_order(bench.order()))
        await asyncio.sleep(1)
        assert placed.txid
        assert {"trade", "filled"} & set(bench.events("bench-1"))
        fills = [
            row
            for message in bench.told
            if isinstance(message, m.Executions)
            for row in message.rows
            if row.event == "trade"
        ]
        assert sum((fill.last_amount or Decimal(0)) for fill in fills) == Decimal("0.01")
        assert all(fill.pair == BTC_USD and fill.fees for fill in fills)
        changed = [row.asset for message in bench.told if isinstance(message, m.Balances) for row in message.rows]
        assert {"BTC", "USD"} <= set(changed)
        assert not [message for message in bench.told if isinstance(message, (m.Quarantined, m.Gap))]

    play(scene)


def test_resting_order_is_amended_and_cancelled(play: Callable[[Scene], None]) -> None:
    async def scene(bench: Bench) -> None:
        value_of(await bench.orders.add_order(bench.order("50000.0")))
        rules = bench.listing.rules(BTC_USD)
        soon = bench.clock.now() + 5 * SECOND_NS
        assert value_of(
            await bench.orders.amend_order(Amendment(rules, soon, cl_ord_id="bench-1", limit=Decimal("50001.0")))
        )
        assert value_of(await bench.orders.cancel_order(cl_ord_id="bench-1")) == Cancelled(1)
        again = await bench.orders.cancel_order(cl_ord_id="bench-1")
        assert isinstance(again, Refused)
        assert isinstance(again.error, errors.UnknownOrderError)
        await asyncio.sleep(1)
        assert bench.events("bench-1")[-1] == "canceled"

    play(scene)


def test_batch_is_placed_and_cancelled_and_so_is_everything(play: Callable[[Scene], None]) -> None:
    async def scene(bench: Bench) -> None:
        answers = value_of(await bench.orders.add_orders([bench.order("50000.0"), bench.order("50001.0")]))
        txids = [one.value.txid or "" for one in answers if isinstance(one, Done)]
        assert len(txids) == 2
        assert value_of(await bench.orders.cancel_orders(txids)) == Cancelled(2)
        value_of(await bench.orders.add_order(bench.order("50000.0")))
        assert value_of(await bench.orders.cancel_all()) == Cancelled(1)

    play(scene)


def test_dead_mans_switch_is_armed_and_switched_off(play: Callable[[Scene], None]) -> None:
    async def scene(bench: Bench) -> None:
        armed = value_of(await bench.orders.cancel_all_after(60))
        assert armed.fires_at is not None
        assert value_of(await bench.orders.cancel_all_after(0)).fires_at is None

    play(scene)


def test_refused_order_leaves_nothing_at_the_venue(play: Callable[[Scene], None]) -> None:
    async def scene(bench: Bench) -> None:
        answer = await bench.orders.add_order(bench.order("50000.0", quantity="1000"))
        assert isinstance(answer, Refused)
        assert isinstance(answer.error, errors.InsufficientFundsError)
        assert not bench.fake.private.accounts["bench"].open

    play(scene)


def test_order_whose_acknowledgement_is_lost_is_unknown_while_it_rests_at_the_venue(
    play: Callable[[Scene], None],
) -> None:
    async def scene(bench: Bench) -> None:
        bench.fake.faults.on("ws_drop", endpoint="ack", times=1)
        answer = await bench.orders.add_order(bench.order("50000.0"))
        assert isinstance(answer, Unknown)
        assert len(bench.fake.private.accounts["bench"].open) == 1
        # The reconnect's snapshot shows it: the order is found, not sent again.
        await asyncio.sleep(5)
        assert "new" in bench.events("bench-1")
        assert [gap.channel for gap in bench.told if isinstance(gap, m.Gap)] == ["executions", "balances"]
        assert len(bench.fake.private.accounts["bench"].open) == 1

    play(scene)


def test_fill_before_its_acknowledgement_is_told(play: Callable[[Scene], None]) -> None:
    async def scene(bench: Bench) -> None:
        bench.fake.faults.on("fill_before_ack")
        assert isinstance(await bench.orders.add_order(bench.order()), Done)
        assert "trade" in bench.events("bench-1")

    play(scene)


def test_missing_execution_shows_as_a_gap_and_brings_a_snapshot(play: Callable[[Scene], None]) -> None:
    async def scene(bench: Bench) -> None:
        bench.fake.faults.on("missing_execution", times=1)
        value_of(await bench.orders.add_order(bench.order("50000.0")))
        value_of(await bench.orders.add_order(bench.order("50001.0")))
        await asyncio.sleep(2)
        gaps = [gap for gap in bench.told if isinstance(gap, m.Gap)]
        assert [(gap.channel, gap.reason) for gap in gaps] == [("executions", "sequence")]
        snapshots = [one for one in bench.told if isinstance(one, m.Executions) and one.snapshot]
        assert {row.cl_ord_id for row in snapshots[-1].rows} == {"bench-1", "bench-2"}

    play(scene)


def test_expired_token_is_refused_and_replaced(play: Callable[[Scene], None]) -> None:
    async def scene(bench: Bench) -> None:
        bench.fake.faults.on("token_expired", times=1)
        answer = await bench.orders.add_order(bench.order())
        assert isinstance(answer, Refused)
        assert isinstance(answer.error, errors.AuthenticationError)
        await asyncio.sleep(3)
        assert [down.reason for down in bench.told if isinstance(down, m.Disconnected)] == ["token_expired"]
        assert isinstance(await bench.orders.add_order(bench.order()), Done)

    play(scene)


def test_entries_leave_the_exits_their_room_and_the_venue_corrects_the_count(play: Callable[[Scene], None]) -> None:
    async def scene(bench: Bench) -> None:
        answers = [await bench.orders.add_order(bench.order()) for _ in range(50)]
        kept = [one for one in answers if isinstance(one, Refused) and "kept for exits" in str(one.error)]
        assert 0 < len(kept) < 10
        exit_ = await bench.orders.add_order(bench.order(), urgent=True)
        assert not isinstance(exit_, Refused) or "kept for exits" not in str(exit_.error)
        await asyncio.sleep(1)
        told = [row for message in bench.told if isinstance(message, m.Executions) for row in message.rows]
        assert any(row.rate_count is not None for row in told)

    play(scene)
