"""Faults of the fake venue's HTTP side: what a client gets, and whether the request was carried out."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from tradecore.core.clock import ManualClock
from tradecore.core.errors import UsageError
from tradecore.core.types import SECOND_NS, Pair
from tradecore.testing.fake_kraken import FakeKraken, FakeSettings, Tape
from tradecore.testing.fake_kraken.wire import HttpReply, HttpRequest

START = 1_700_000_000 * SECOND_NS
BTC = Pair("BTC", "USD")


@pytest.fixture
def fake() -> FakeKraken:
    tape = Tape.synthetic(1, START, 2000)
    return FakeKraken({BTC: tape}, ManualClock(int(tape.time[-1])), FakeSettings(public_limit=None, pair_limit=None))


def ask(fake: FakeKraken, endpoint: str = "Trades", query: str = "pair=XBTUSD") -> HttpReply:
    return fake.http(HttpRequest("GET", f"/0/public/{endpoint}", query))


@pytest.mark.parametrize("status", [429, 502, 503, 520])
def test_the_edge_answers_with_a_page_and_a_status(fake: FakeKraken, status: int) -> None:
    fake.faults.on(f"http_{status}", times=1)
    reply = ask(fake)
    assert (reply.status, reply.content_type) == (status, "text/html")
    assert reply.body.startswith(b"<!DOCTYPE html>")
    assert ask(fake).status == 200


def test_a_page_may_come_with_status_200(fake: FakeKraken) -> None:
    fake.faults.on("html_200")
    assert (ask(fake).status, ask(fake).body[:9]) == (200, b"<!DOCTYPE")


@pytest.mark.parametrize(
    "words", ["EAPI:Rate limit exceeded", "EService:Throttled: 1700000000", "EGeneral:Internal error"]
)
def test_any_error_string_can_be_ordered(fake: FakeKraken, words: str) -> None:
    fake.faults.on("refusal", says=words)
    assert json.loads(ask(fake).body) == {"error": [words]}


def test_a_truncated_answer_is_the_beginning_of_the_whole_one(fake: FakeKraken) -> None:
    whole = ask(fake).body
    fake.faults.on("truncated_json")
    cut = ask(fake).body
    assert 0 < len(cut) < len(whole)
    assert whole.startswith(cut)
    with pytest.raises(ValueError, match="line 1"):
        json.loads(cut)


def test_lost_and_reset_and_stalled_answers_never_arrive(fake: FakeKraken) -> None:
    for name, delay in (("lost_answer", 0.0), ("reset", 0.0), ("stall", math.inf)):
        fake.faults.on(name, times=1)
        reply = ask(fake)
        assert (reply.lost, reply.delay_s) == (True, delay), name


def test_late_and_slow_answers_are_whole(fake: FakeKraken) -> None:
    whole = ask(fake).body
    fake.faults.on("latency", delay_s=3.0, times=1)
    assert (ask(fake).delay_s, ask(fake).body) == (3.0, whole)
    fake.faults.on("slow", delay_s=2.0, times=1)
    reply = ask(fake)
    assert (reply.delay_s, reply.trickled, reply.body) == (2.0, True, whole)


def test_a_stale_read_is_the_answer_of_a_while_ago(fake: FakeKraken) -> None:
    tape = fake.market.tracks[BTC].tape
    fake.faults.on("stale_read", age_s=600.0)
    ids = [row[6] for row in json.loads(ask(fake).body)["result"]["XXBTZUSD"]]
    assert ids[-1] == int((tape.time <= fake.clock.now() - 600 * SECOND_NS).sum())


def test_a_skewed_clock_shows_in_what_the_venue_says_of_time(fake: FakeKraken) -> None:
    fake.faults.on("clock_skew", shift_s=-90.0)
    assert json.loads(ask(fake, "Time").body)["result"]["unixtime"] == fake.clock.now() // SECOND_NS - 90


@pytest.mark.parametrize("status", ["maintenance", "cancel_only", "post_only"])
def test_the_status_is_what_was_ordered(fake: FakeKraken, status: str) -> None:
    fake.faults.on(status)
    assert json.loads(ask(fake, "SystemStatus").body)["result"]["status"] == status
    expected = ["EService:Unavailable"] if status == "maintenance" else []
    assert json.loads(ask(fake).body)["error"] == expected


def test_a_fault_strikes_only_at_its_endpoint_and_so_often(fake: FakeKraken) -> None:
    fake.faults.on("http_520", endpoint="Trades", times=2)
    fake.faults.on("http_520", endpoint="Time", times=1)
    assert [ask(fake, "SystemStatus").status for _ in range(3)] == [200] * 3
    assert [ask(fake).status for _ in range(3)] == [520, 520, 200]
    assert [ask(fake, "Time").status for _ in range(2)] == [520, 200]
    assert fake.faults.counts["http_520"] == 3
    assert not fake.faults.any_on()


def test_a_fault_strikes_at_its_rate(fake: FakeKraken) -> None:
    fake.faults.on("http_503", rate=0.25)
    struck = sum(ask(fake, "Time").status == 503 for _ in range(2000))
    assert 400 < struck < 600


@pytest.mark.parametrize(
    ("name", "options"), [("http_999", {}), ("stall", {"rate": 1.5}), ("stall", {"often": 1}), ("stall", {"rate": "x"})]
)
def test_an_order_that_cannot_be_meant_is_refused(fake: FakeKraken, name: str, options: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="fault"):
        fake.faults.on(name, **options)


def signed(fake: FakeKraken, endpoint: str, nonce: int, **form: str) -> HttpReply:
    """Make a signed private call with the fake's own key."""
    from urllib.parse import urlencode

    from tradecore.testing.fake_kraken.private_api import DEFAULT_KEY, DEFAULT_SECRET
    from tradecore.testing.fake_kraken.private_rest import signature

    path = f"/0/private/{endpoint}"
    body = urlencode({"nonce": nonce, **form}).encode()
    headers = {
        "api-key": DEFAULT_KEY,
        "api-sign": signature(DEFAULT_SECRET, path, str(nonce), body),
        "content-type": "application/x-www-form-urlencoded",
    }
    return fake.http(HttpRequest("POST", path, "", headers, body))


ORDER = {"pair": "XBTUSD", "type": "buy", "ordertype": "limit", "volume": "0.01", "price": "1000.0"}


@pytest.mark.parametrize(
    ("name", "options", "placed"),
    [
        ("lost_answer", {}, True),
        ("truncated_json", {}, True),
        ("html_200", {}, True),
        ("http_520", {}, False),
        ("http_520", {"processed": True}, True),
        ("refusal", {"says": "EService:Unavailable", "processed": True}, True),
        ("refusal", {"says": "EService:Unavailable"}, False),
        ("reset", {}, False),
        ("stall", {}, False),
    ],
)
def test_an_order_whose_answer_is_broken_was_placed_or_not_as_the_fault_says(
    fake: FakeKraken, name: str, options: dict[str, Any], placed: bool
) -> None:
    account = fake.private.add_account("someone")
    fake.private.add_key(account)
    fake.faults.on(name, endpoint="AddOrder", times=1, **options)
    signed(fake, "AddOrder", 1, **ORDER)
    assert len(account.open) == (1 if placed else 0)


def test_orders_meet_the_tape_as_it_plays() -> None:
    tape = Tape.of_arrays(START + SECOND_NS * 10 * (1 + _range(3)), [100.0, 90.0, 110.0], [1.0, 1.0, 1.0], [1, -1, 1])
    clock = ManualClock(int(tape.time[0]))
    fake = FakeKraken({BTC: tape}, clock)
    account = fake.private.add_account("someone")
    fake.private.add_key(account)
    assert json.loads(signed(fake, "AddOrder", 1, **ORDER | {"price": "95.0"}).body)["error"] == []
    assert fake.next_due() == int(tape.time[1])
    clock.move_to(int(tape.time[2]))
    fake.advance()
    assert len(account.fills) == 1
    assert account.open == {}


def test_the_dead_mans_switch_fires_before_the_trades_that_come_after_it() -> None:
    tape = Tape.of_arrays(START + SECOND_NS * 10 * (1 + _range(9)), [100.0] * 8 + [90.0], [1.0] * 9, [-1] * 9)
    clock = ManualClock(int(tape.time[0]))
    fake = FakeKraken({BTC: tape}, clock)
    account = fake.private.add_account("someone")
    fake.private.add_key(account)
    signed(fake, "AddOrder", 1, **ORDER | {"price": "95.0"})
    signed(fake, "CancelAllOrdersAfter", 2, timeout="20")
    clock.move_to(int(tape.time[-1]) + SECOND_NS)
    fake.advance()
    assert (len(account.fills), account.open) == (0, {})


def _range(count: int) -> Any:
    import numpy as np

    return np.arange(count)
