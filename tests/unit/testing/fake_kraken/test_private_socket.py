"""What the fake venue's private socket answers and tells by itself."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tradecore.core.types import SECOND_NS

D = Decimal
LIMIT = {"order_type": "limit", "side": "buy", "order_qty": 0.5, "symbol": "BTC/USD", "limit_price": 49000}


@pytest.fixture
def socket(bench):
    return bench.socket()


def test_a_socket_greets_with_the_system_status_and_answers_pings(socket):
    assert socket.got[0]["data"][0]["system"] == "online"
    pong = socket.ask("ping")
    assert (pong["method"], set(pong)) == ("pong", {"method", "req_id", "time_in", "time_out"})


def test_executions_start_with_open_orders_and_number_their_messages(bench, socket):
    order_id = bench.order("buy", "0.1", "49000", cl_ord_id="mine")
    ack = socket.ask("subscribe", channel="executions")
    assert ack["result"] == {"channel": "executions", "maxratecount": 180, "snap_orders": True, "snap_trades": False}
    bench.trade("48000", "1")
    snapshot, trade, filled = socket.of("executions")
    assert [message["sequence"] for message in (snapshot, trade, filled)] == [1, 2, 3]
    assert (snapshot["type"], snapshot["data"][0]["order_id"], snapshot["data"][0]["cl_ord_id"]) == (
        "snapshot",
        order_id,
        "mine",
    )
    row = trade["data"][0]
    assert (row["exec_type"], row["order_status"], row["last_qty"], row["last_price"], row["liquidity_ind"]) == (
        "trade",
        "filled",
        D("0.1"),
        D(49000),
        "m",
    )
    assert row["fees"] == [{"asset": "USD", "qty": D("12.25")}]
    assert filled["data"][0]["exec_type"] == "filled"


def test_a_snapshot_holds_at_most_fifty_fills(bench, socket):
    for _ in range(60):
        bench.order("buy", "0.0001")
    socket.ask("subscribe", channel="executions", snap_orders=False, snap_trades=True)
    (snapshot,) = socket.of("executions")
    assert len(snapshot["data"]) == 50
    assert {row["exec_type"] for row in snapshot["data"]} == {"trade"}


def test_balances_start_with_all_and_tell_every_change(bench, socket):
    socket.ask("subscribe", channel="balances")
    bench.order("buy", "0.1")
    snapshot, update = socket.of("balances")
    assert {row["asset"]: row["balance"] for row in snapshot["data"]} == {"USD": D(100_000), "BTC": D(2), "ETH": D(20)}
    assert [(row["asset"], row["amount"], row["fee"], row["balance"]) for row in update["data"]] == [
        ("BTC", D("0.1"), D(0), D("2.1")),
        ("USD", D("-5000.01"), D(20), D("94979.99")),
    ]


def test_an_order_is_acknowledged_before_its_executions(bench, socket):
    socket.ask("subscribe", channel="executions")
    ack = socket.ask("add_order", **{**LIMIT, "limit_price": 51000})
    assert ack["result"] == {"order_id": next(iter(bench.account.orders)), "order_userref": 0}
    kinds = [message["data"][0]["exec_type"] for message in socket.of("executions")[1:]]
    assert kinds == ["pending_new", "new", "trade", "filled"]
    assert socket.got.index(ack) < socket.got.index(socket.of("executions")[1])


def test_an_order_fills_before_its_acknowledgement_on_command(bench, socket):
    socket.ask("subscribe", channel="executions")
    bench.faults.on("fill_before_ack", endpoint="add_order")
    ack = socket.ask("add_order", **{**LIMIT, "limit_price": 51000})
    assert socket.got.index(ack) > socket.got.index(socket.of("executions")[-1])


def test_a_refusal_comes_in_the_venues_words(socket):
    ack = socket.ask("add_order", **{**LIMIT, "order_qty": 500})
    assert (ack["success"], ack["error"]) == (False, "EOrder:Insufficient funds")
    assert "result" not in ack


def test_all_parameters_of_a_sockets_order_arrive(bench, socket):
    socket.ask(
        "add_order",
        order_type="stop-loss-limit",
        side="sell",
        order_qty=0.5,
        symbol="BTC/USD",
        limit_price=48000,
        triggers={"price": -2, "price_type": "pct", "reference": "last"},
        time_in_force="gtd",
        expire_time="2023-11-15T00:00:00Z",
        cl_ord_id="6d1b345e-2821-40e2-ad83-4ecb18a06876",
        fee_preference="fcib",
        conditional={"order_type": "limit", "limit_price": 40000},
        deadline="2023-11-14T22:13:30.5Z",
    )
    (order,) = bench.account.open.values()
    request = order.request
    assert (order.trigger, order.limit, request.time_in_force) == (D(49000), D(48000), "GTD")
    assert (request.flags, request.close.price, request.expire_at) == (("fcib",), D(40000), 1_700_006_400 * SECOND_NS)


def test_every_cancelled_order_has_an_acknowledgement_of_its_own(bench, socket):
    ids = [bench.order("buy", "0.1", "49000"), bench.order("buy", "0.1", "49000")]
    socket.ask("cancel_order", order_id=[*ids, "OXXXXX-XXXXX-XXXXXX"])
    acks = [message for message in socket.got if message.get("method") == "cancel_order"]
    assert [ack.get("result", {}).get("order_id", ack.get("error")) for ack in acks] == [*ids, "EOrder:Unknown order"]


def test_orders_are_amended_and_edited_over_the_socket(bench, socket):
    order_id = bench.order("buy", "0.1", "49000")
    amended = socket.ask("amend_order", order_id=order_id, limit_price=48000, order_qty=0.2)
    assert amended["result"]["order_id"] == order_id
    assert bench.account.open[order_id].limit == D(48000)
    edited = socket.ask("edit_order", order_id=order_id, symbol="BTC/USD", order_qty=0.3, limit_price=47000)
    assert edited["result"]["original_order_id"] == order_id
    assert bench.account.open[edited["result"]["order_id"]].volume == D("0.3")


def test_batches_and_the_dead_mans_switch_work_over_the_socket(bench, socket):
    orders = [{key: LIMIT[key] for key in LIMIT if key != "symbol"} | {"cl_ord_id": name} for name in ("a", "b")]
    orders.append(orders[0])
    rows = socket.ask("batch_add", symbol="BTC/USD", orders=orders)["result"]["orders"]
    assert [row["success"] for row in rows] == [True, True, False]
    armed = socket.ask("cancel_all_orders_after", timeout=10)
    assert armed["result"]["triggerTime"] == "2023-11-14T22:13:30Z"
    assert socket.ask("batch_cancel", orders=[rows[0]["order_id"]])["result"] == {"count": 1}
    bench.wait(10)
    assert not bench.account.open
    assert socket.ask("cancel_all")["result"] == {"count": 0}


def test_a_token_must_be_used_within_fifteen_minutes_and_lives_while_subscribed(bench, socket):
    unused = bench.socket()
    socket.ask("subscribe", channel="executions")
    bench.wait(901)
    assert unused.ask("subscribe", channel="executions")["error"] == "ESession:Invalid session"
    assert socket.ask("add_order", **LIMIT)["success"]
    socket.connection.closed()
    assert bench.api.connection(lambda text: None) is not None
    assert socket.ask("add_order", **LIMIT)["error"] == "ESession:Invalid session"


def test_a_live_token_is_refused_on_command(bench, socket):
    bench.faults.on("token_expired", times=1)
    assert socket.ask("subscribe", channel="executions")["error"] == "ESession:Invalid session"
    assert socket.ask("subscribe", channel="executions")["success"]


def test_in_maintenance_a_socket_takes_no_orders_and_cancels_none(bench, socket):
    order_id = bench.order("buy", "0.1", "49000")
    bench.faults.on("maintenance")
    assert socket.ask("add_order", **LIMIT)["error"] == "EService:Unavailable"
    assert socket.ask("cancel_order", order_id=[order_id])["error"] == "EService:Unavailable"
    assert socket.ask("subscribe", channel="executions")["success"]


def test_a_message_goes_missing_and_a_number_is_left_out_on_command(bench, socket):
    socket.ask("subscribe", channel="executions")
    bench.faults.on("missing_execution", times=1)
    bench.order("buy", "0.1", "49000")
    bench.faults.on("sequence_jump", times=1, endpoint="executions")
    bench.order("buy", "0.1", "49000")
    assert [message["sequence"] for message in socket.of("executions")] == [1, 3, 5, 6]


def test_an_execution_may_stay_untold_without_a_trace_on_command(bench, socket):
    socket.ask("subscribe", channel="executions")
    order_id = bench.order("buy", "0.1", "49000")
    bench.faults.on("untold_execution")
    bench.trade("48000", "1")
    bench.faults.off()
    bench.order("buy", "0.1", "49000")
    assert [message["sequence"] for message in socket.of("executions")] == [1, 2, 3, 4, 5]
    assert bench.row(order_id)["status"] == "closed"


def test_who_wants_no_order_status_hears_of_beginnings_fills_and_ends_only(bench, socket):
    socket.ask("subscribe", channel="executions", order_status=False)
    order_id = bench.order("buy", "0.1", "49000")
    bench.call("AmendOrder", txid=order_id, limit_price="48000")
    bench.call("CancelOrder", txid=order_id)
    new, canceled = (message["data"][0] for message in socket.of("executions")[1:])
    assert (new["exec_type"], new["symbol"], new["limit_price"]) == ("new", "BTC/USD", 49000)
    assert (canceled["exec_type"], canceled["reason"]) == ("canceled", "User requested")


def test_the_engines_counter_is_told_to_those_who_ask_for_it(bench, socket):
    socket.ask("subscribe", channel="executions", ratecounter=True)
    bench.order("buy", "0.1", "49000")
    assert socket.of("executions")[-1]["data"][0]["ratecount"] == 1


def test_a_quiet_socket_with_a_subscription_sends_heartbeats(bench, socket):
    assert socket.connection.next_due() is None
    socket.ask("subscribe", channel="balances")
    due = socket.connection.next_due()
    bench.clock.move_to(due)
    socket.connection.on_time(due)
    assert socket.got[-1] == {"channel": "heartbeat"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("not json", "Malformed request"),
        ("[]", "Malformed request"),
        ('{"method":"dance","params":{"token":"x"}}', "ESession:Invalid session"),
        ('{"method":"subscribe","params":{"channel":"book"}}', "Channel not supported: book"),
    ],
)
def test_nonsense_is_answered_and_breaks_nothing(socket, text, words):
    socket.connection.receive(text)
    assert (socket.got[-1]["success"], socket.got[-1]["error"]) == (False, words)
