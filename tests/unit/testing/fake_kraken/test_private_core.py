"""Accounts inside the whole fake venue: the tape fills their orders, time fires their switches, faults lose answers."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import pytest

from tradecore.core.clock import ManualClock
from tradecore.core.types import SECOND_NS, Pair
from tradecore.testing.fake_kraken import FakeKraken, FakeSettings, Tape
from tradecore.testing.fake_kraken.private_api import DEFAULT_KEY, DEFAULT_SECRET
from tradecore.testing.fake_kraken.private_rest import signature
from tradecore.testing.fake_kraken.wire import HttpReply, HttpRequest

BTC_USD = Pair("BTC", "USD")
START = 1_700_000_000 * SECOND_NS
D = Decimal
FALLING = Tape.of_arrays(
    [START + second * SECOND_NS for second in range(100)],
    [50_000 - 10 * second for second in range(100)],
    [0.1] * 100,
    [-1] * 100,
)
ORDER = {"pair": "XBTUSD", "type": "buy", "ordertype": "limit", "volume": "0.25", "price": "49795", "cl_ord_id": "once"}


class Client:
    """Signs requests to a fake without sockets."""

    def __init__(self) -> None:
        self.clock = ManualClock(START + 10 * SECOND_NS)
        self.fake = FakeKraken({BTC_USD: FALLING}, self.clock, FakeSettings(), seed=1)
        self.account = self.fake.private.add_account("alice", tier="pro")
        self.fake.private.add_key(self.account)
        self.nonce = 0

    def send(self, endpoint: str, **form: Any) -> HttpReply:
        self.nonce += 1
        path, body = f"/0/private/{endpoint}", urlencode({"nonce": self.nonce, **form}).encode()
        headers = {
            "api-key": DEFAULT_KEY,
            "api-sign": signature(DEFAULT_SECRET, path, str(self.nonce), body),
            "content-type": "application/x-www-form-urlencoded",
        }
        return self.fake.http(HttpRequest("POST", path, "", headers, body))

    def ask(self, endpoint: str, **form: Any) -> Any:
        answer = json.loads(self.send(endpoint, **form).body)
        return answer.get("result", answer["error"])

    def wait(self, seconds: float) -> None:
        self.clock.move_to(self.clock.now() + round(seconds * SECOND_NS))
        self.fake.advance()


@pytest.fixture
def client() -> Client:
    return Client()


def test_the_tape_fills_a_resting_order_trade_by_trade(client):
    (order_id,) = client.ask("AddOrder", **ORDER)["txid"]
    client.wait(10.5)
    assert client.ask("QueryOrders", txid=order_id)[order_id]["vol_exec"] == "0.00000000"
    client.wait(1)
    assert client.ask("QueryOrders", txid=order_id)[order_id]["vol_exec"] == "0.10000000"
    client.wait(30)
    row = client.ask("QueryOrders", txid=order_id, trades="true")[order_id]
    assert (row["status"], D(row["cost"]), len(row["trades"])) == ("closed", D("49795") / 4, 3)
    times = [fill.time for fill in client.account.fills.values()]
    assert times == [START + second * SECOND_NS for second in (21, 22, 23)]


def test_it_makes_no_difference_how_often_the_venue_is_looked_at():
    def fills(step: float) -> list[tuple[int, D, D]]:
        client = Client()
        client.ask("AddOrder", **ORDER)
        client.ask("AddOrder", pair="XBTUSD", type="sell", ordertype="stop-loss", volume="0.3", price="49700")
        for _ in range(round(60 / step)):
            client.wait(step)
        return [(fill.time, fill.price, fill.amount) for fill in client.account.fills.values()]

    assert fills(0.5) == fills(60)


def test_an_order_whose_answer_was_lost_is_there_and_cannot_be_placed_twice(client):
    client.fake.faults.on("lost_answer", endpoint="AddOrder", times=1)
    assert client.send("AddOrder", **ORDER).lost
    assert client.ask("AddOrder", **ORDER) == ["EOrder:cl_ord_id already in use"]
    assert [row["cl_ord_id"] for row in client.ask("OpenOrders", cl_ord_id="once")["open"].values()] == ["once"]


def test_a_finished_orders_client_id_is_free_again_so_that_a_blind_resend_doubles_it(client):
    client.ask("AddOrder", **ORDER)
    client.wait(60)
    assert "txid" in client.ask("AddOrder", **{**ORDER, "price": "49000"})


def test_the_edges_520_may_hide_an_accepted_order(client):
    client.fake.faults.on("http_520", endpoint="AddOrder", times=1, processed=True)
    assert client.send("AddOrder", **ORDER).status == 520
    assert len(client.account.open) == 1


def test_in_maintenance_nothing_private_answers(client):
    client.fake.faults.on("maintenance")
    assert client.ask("Balance") == ["EService:Unavailable"]


def test_the_dead_mans_switch_fires_before_later_trades_reach_the_order(client):
    client.ask("AddOrder", **ORDER)
    client.ask("CancelAllOrdersAfter", timeout="5")
    client.wait(60)
    assert not client.account.fills
    (order,) = client.account.orders.values()
    assert (order.state, order.filled, order.closed_at) == ("canceled", 0, START + 15 * SECOND_NS)


def test_a_stale_read_of_balances_is_as_of_before(client):
    client.wait(20)
    client.ask("AddOrder", pair="XBTUSD", type="buy", ordertype="market", volume="0.1")
    client.fake.faults.on("stale_read", endpoint="Balance", age_s=5, times=1)
    assert client.ask("Balance")["XXBT"] == "2.0000000000"
    assert client.ask("Balance")["XXBT"] == "2.1000000000"


def test_a_private_socket_hears_of_fills_in_order_and_is_cut_on_command(client):
    got: list[dict[str, Any]] = []
    dropped: list[bool] = []
    line = client.fake.connect("/v2-auth", lambda text: got.append(json.loads(text)), lambda: dropped.append(True))
    token = client.ask("GetWebSocketsToken")["token"]
    line.receive(json.dumps({"method": "subscribe", "params": {"channel": "executions", "token": token}, "req_id": 1}))
    client.ask("AddOrder", **ORDER)
    client.wait(60)
    steps = [row["exec_type"] for message in got if message.get("channel") == "executions" for row in message["data"]]
    assert steps == ["pending_new", "new", "trade", "trade", "trade", "filled"]
    client.fake.faults.on("ws_drop", endpoint="executions")
    client.ask("AddOrder", **{**ORDER, "price": "40000"})
    assert dropped == [True]
