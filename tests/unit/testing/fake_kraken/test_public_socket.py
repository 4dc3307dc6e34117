"""The public sockets: acknowledgements, snapshots and updates of every channel, and the book a client holds by them."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tradecore.core.clock import ManualClock
from tradecore.core.types import MINUTE_NS, SECOND_NS, Pair
from tradecore.testing.fake_kraken import FakeKraken, FakeSettings, Tape

START = 1_700_000_000 * SECOND_NS
BTC, ETH = Pair("BTC", "USD"), Pair("ETH", "USD")


class Client:
    """A client that keeps every message, with numbers as they were written."""

    def __init__(self, fake: FakeKraken, path: str = "/v2") -> None:
        self.messages: list[dict[str, Any]] = []
        self.dropped = False
        self.broken = 0
        self.connection = fake.connect(path, self._take, self._drop)

    def _take(self, text: str) -> None:
        try:
            self.messages.append(json.loads(text, parse_float=Decimal))
        except ValueError:
            self.broken += 1

    def _drop(self) -> None:
        self.dropped = True

    def ask(self, method: str, channel: str, symbols: Iterable[str] = ("BTC/USD",), **params: Any) -> None:
        symbol = {"symbol": list(symbols)} if symbols else {}
        message = {"method": method, "params": {"channel": channel, **symbol, **params}, "req_id": 7}
        self.connection.receive(json.dumps(message))

    def of(self, channel: str, kind: str | None = None) -> list[dict[str, Any]]:
        return [
            message
            for message in self.messages
            if message.get("channel") == channel and kind in {None, message.get("type")}
        ]

    def acks(self) -> list[dict[str, Any]]:
        return [message for message in self.messages if message.get("method") == "subscribe"]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


@pytest.fixture
def fake(clock: ManualClock) -> FakeKraken:
    tapes = {BTC: Tape.synthetic(1, START, 3000), ETH: Tape.synthetic(2, START, 3000, first_price=3000, decimals=2)}
    clock.move_to(int(tapes[BTC].time[1000]))
    return FakeKraken(tapes, clock)


def play(fake: FakeKraken, clock: ManualClock, seconds: float) -> None:
    """Let time pass as a pump does: from one due moment to the next."""
    end = clock.now() + round(seconds * SECOND_NS)
    while (due := fake.next_due()) is not None and due <= end:
        clock.move_to(max(due, clock.now()))
        fake.advance()
    clock.move_to(end)
    fake.advance()


def test_a_new_connection_is_greeted_with_the_status(fake: FakeKraken) -> None:
    (greeting,) = Client(fake).messages
    assert (greeting["channel"], greeting["type"]) == ("status", "update")
    assert greeting["data"][0] | {"connection_id": 0} == {
        "api_version": "v2",
        "connection_id": 0,
        "system": "online",
        "version": "2.0.10",
    }


def test_every_symbol_is_acknowledged_before_its_snapshot(fake: FakeKraken) -> None:
    client = Client(fake)
    client.ask("subscribe", "trade", ["BTC/USD", "ETH/USD", "XBT/USD"])
    told = [message.get("method") or message.get("channel") for message in client.messages[1:]]
    assert told == ["subscribe", "trade", "subscribe", "trade", "subscribe"]
    assert [ack["success"] for ack in client.acks()] == [True, True, False]
    refused = client.acks()[2]
    assert (refused["error"], refused["symbol"]) == ("Currency pair not supported XBT/USD", "XBT/USD")
    assert {ack["req_id"] for ack in client.acks()} == {7}


@pytest.mark.parametrize(
    ("channel", "params", "words"),
    [
        ("book", {"depth": 11}, "Subscription depth not supported"),
        ("ohlc", {"interval": 3}, "Subscription ohlc interval not supported"),
        ("level9", {}, "Channel not supported"),
    ],
)
def test_a_subscription_that_cannot_be_is_refused(
    fake: FakeKraken, channel: str, params: dict[str, Any], words: str
) -> None:
    client = Client(fake)
    client.ask("subscribe", channel, **params)
    assert [ack["error"] for ack in client.acks()] == [words]


def test_subscribing_twice_and_unsubscribing_twice_are_refused(fake: FakeKraken) -> None:
    client = Client(fake)
    for method in ("subscribe", "subscribe", "unsubscribe", "unsubscribe"):
        client.ask(method, "ticker")
    answers = [message for message in client.messages if "method" in message]
    assert [answer.get("error", "fine") for answer in answers] == [
        "fine",
        "Already subscribed",
        "fine",
        "Subscription Not Found",
    ]


def test_pings_and_nonsense_are_answered(fake: FakeKraken) -> None:
    client = Client(fake)
    for text in (
        '{"method":"ping","req_id":3}',
        "nonsense",
        "[]",
        '{"method":"dance"}',
        '{"method":"subscribe","params":3}',
    ):
        client.connection.receive(text)
    told = [(m.get("method"), m.get("req_id"), m.get("error")) for m in client.messages[1:]]
    assert told == [
        ("pong", 3, None),
        ("error", None, "Malformed request"),
        ("error", None, "Malformed request"),
        ("dance", None, "Method not found"),
        ("subscribe", None, "Channel not supported"),
    ]


def test_trades_come_once_each_after_a_snapshot_of_fifty(fake: FakeKraken, clock: ManualClock) -> None:
    client = Client(fake)
    client.ask("subscribe", "trade")
    play(fake, clock, 300)
    snapshot, *updates = [[row["trade_id"] for row in message["data"]] for message in client.of("trade")]
    tape = fake.market.tracks[BTC].tape
    newest = int(np.searchsorted(tape.time, clock.now(), "right"))
    assert snapshot == list(range(952, 1002))
    assert [trade for ids in updates for trade in ids] == list(range(1002, newest + 1))
    assert len(updates) > 20


def test_after_a_long_sleep_trades_of_all_pairs_come_in_the_order_of_time(fake: FakeKraken, clock: ManualClock) -> None:
    client = Client(fake)
    client.ask("subscribe", "trade", ["ETH/USD", "BTC/USD"], snapshot=False)
    clock.move_to(clock.now() + 600 * SECOND_NS)
    fake.advance()
    told = [(row["timestamp"], row["symbol"]) for message in client.of("trade") for row in message["data"]]
    assert {symbol for _, symbol in told} == {"BTC/USD", "ETH/USD"}
    assert [time for time, _ in told] == sorted(time for time, _ in told)


def test_a_trade_is_written_as_the_venue_writes_it(fake: FakeKraken) -> None:
    client = Client(fake)
    client.ask("subscribe", "trade")
    row = client.of("trade")[0]["data"][-1]
    track = fake.market.tracks[BTC]
    assert row["price"].as_tuple().exponent == -1
    assert row["qty"].as_tuple().exponent == -8
    assert row["qty"] == Decimal(int(track.amount[1000])).scaleb(-8)
    assert (row["side"] in {"buy", "sell"}, row["ord_type"] in {"limit", "market"}) == (True, True)
    assert len(row["timestamp"]) == len("2023-09-25T07:49:37.708706Z")


def test_the_bar_of_the_socket_is_the_bar_of_its_trades(fake: FakeKraken, clock: ManualClock) -> None:
    client = Client(fake)
    client.ask("subscribe", "ohlc", interval=1)
    play(fake, clock, 200)
    tape = fake.market.tracks[BTC].tape
    last = client.of("ohlc", "update")[-1]["data"][-1]
    begin = clock.now() - clock.now() % MINUTE_NS
    inside = (tape.time >= begin) & (tape.time <= clock.now())
    assert last["interval_begin"].endswith(":00.000000000Z")
    assert (last["trades"], last["open"], last["close"]) == (
        inside.sum(),
        Decimal(str(tape.price[inside][0])),
        Decimal(str(tape.price[inside][-1])),
    )
    assert last["volume"] == Decimal(int(fake.market.tracks[BTC].amount[inside].sum())).scaleb(-8)


def held_book(messages: Iterable[dict[str, Any]], depth: int) -> list[int]:
    """Keep a book as the venue's guide says; return the checksums of the messages it did not agree with."""
    bids: dict[Decimal, Decimal] = {}
    asks: dict[Decimal, Decimal] = {}
    wrong = []
    for message in messages:
        (data,) = message["data"]
        if message["type"] == "snapshot":
            bids.clear()
            asks.clear()
        for side, rows in ((bids, data["bids"]), (asks, data["asks"])):
            for row in rows:
                if row["qty"]:
                    side[row["price"]] = row["qty"]
                else:
                    del side[row["price"]]
        best_bids = sorted(bids.items(), reverse=True)[:depth]
        best_asks = sorted(asks.items())[:depth]
        bids, asks = dict(best_bids), dict(best_asks)
        assert (len(bids), len(asks)) == (depth, depth)
        digits = "".join(
            str(number).replace(".", "").lstrip("0") for level in (*best_asks[:10], *best_bids[:10]) for number in level
        )
        if zlib.crc32(digits.encode()) != data["checksum"]:
            wrong.append(data["checksum"])
    return wrong


@pytest.mark.parametrize("depth", [10, 25, 1000])
def test_a_client_that_applies_every_update_holds_the_book_of_the_checksum(
    fake: FakeKraken, clock: ManualClock, depth: int
) -> None:
    client = Client(fake)
    client.ask("subscribe", "book", ["BTC/USD"], depth=depth)
    play(fake, clock, 300)
    messages = client.of("book")
    assert len(messages) > 50
    assert held_book(messages, depth) == []


def test_a_level_pushed_out_of_the_depth_is_not_deleted(fake: FakeKraken, clock: ManualClock) -> None:
    client = Client(fake)
    client.ask("subscribe", "book")
    play(fake, clock, 300)
    held: set[Decimal] = set()
    deleted_beyond = 0
    for message in client.of("book"):
        (data,) = message["data"]
        gone = {row["price"] for row in data["asks"] if not row["qty"]}
        held = {row["price"] for row in data["asks"]} | held
        worst = sorted(held - gone)[:10][-1]
        deleted_beyond += sum(price > worst for price in gone)
        held = set(sorted(held - gone)[:10])
    assert deleted_beyond == 0


def test_a_wrong_checksum_is_wrong_and_the_book_is_not(fake: FakeKraken, clock: ManualClock) -> None:
    client = Client(fake)
    client.ask("subscribe", "book")
    fake.faults.on("bad_checksum", times=3)
    play(fake, clock, 120)
    assert len(held_book(client.of("book"), 10)) == 3


def test_the_ticker_agrees_with_rest(fake: FakeKraken, clock: ManualClock) -> None:
    client = Client(fake)
    client.ask("subscribe", "ticker")
    play(fake, clock, 100)
    row = client.of("ticker")[-1]["data"][0]
    bid, ask = fake.market.best(BTC)
    assert (row["bid"], row["ask"], row["last"]) == (bid, ask, fake.market.last(BTC))
    tape = fake.market.tracks[BTC].tape
    seen = tape.price[tape.time <= clock.now()]
    assert (row["low"], row["high"]) == (Decimal(str(seen.min())), Decimal(str(seen.max())))


@pytest.mark.real_data
def test_the_instruments_have_the_fields_of_the_recorded_ones(fake: FakeKraken, real_data: Path) -> None:
    client = Client(fake)
    client.ask("subscribe", "instrument", ())
    (mine,) = client.of("instrument", "snapshot")
    theirs = json.loads((real_data / "fixtures" / "kraken" / "ws_instrument_snapshot_full.json").read_text())["data"]
    by_symbol = {pair["symbol"]: pair for pair in theirs["pairs"]}
    for pair in mine["data"]["pairs"]:
        known = by_symbol.get(pair["symbol"])
        if known is not None:
            assert set(pair) == set(known)
            assert float(pair["price_increment"]) == known["price_increment"]
    by_name = {asset["id"]: asset for asset in theirs["assets"]}
    assert all(set(asset) == set(by_name[asset["id"]]) for asset in mine["data"]["assets"] if asset["id"] in by_name)


def test_heartbeats_fill_silence_and_nothing_else(fake: FakeKraken, clock: ManualClock) -> None:
    client = Client(fake)
    play(fake, clock, 10)
    assert client.of("heartbeat") == []
    client.ask("subscribe", "instrument", ())
    play(fake, clock, 10)
    assert len(client.of("heartbeat")) == 10


def test_a_change_of_the_system_status_is_told_to_everybody(fake: FakeKraken) -> None:
    clients = [Client(fake), Client(fake)]
    fake.faults.on("cancel_only")
    fake.advance()
    fake.faults.off("cancel_only")
    fake.advance()
    for client in clients:
        assert [m["data"][0]["system"] for m in client.of("status")] == ["online", "cancel_only", "online"]


def trade_ids(client: Client) -> list[int]:
    return [row["trade_id"] for message in client.of("trade", "update") for row in message["data"]]


def faulty(fake: FakeKraken, clock: ManualClock, name: str, **options: Any) -> Client:
    """Return a client that subscribed to trades and then met a fault for a minute, and a minute without it."""
    client = Client(fake)
    client.ask("subscribe", "trade")
    fake.faults.on(name, **options)
    play(fake, clock, 60)
    fake.faults.off()
    play(fake, clock, 60)
    return client


def test_a_dropped_connection_is_silent_afterwards(fake: FakeKraken, clock: ManualClock) -> None:
    client = faulty(fake, clock, "ws_drop", times=1)
    assert client.dropped
    assert trade_ids(client) == []
    assert fake.next_due() is None


def test_a_zombie_beats_and_says_nothing(fake: FakeKraken, clock: ManualClock) -> None:
    client = faulty(fake, clock, "ws_zombie", times=1)
    assert (trade_ids(client), client.dropped) == ([], False)
    assert len(client.of("heartbeat")) > 100


def test_a_silent_connection_does_not_even_beat(fake: FakeKraken, clock: ManualClock) -> None:
    client = faulty(fake, clock, "ws_silent", times=1)
    assert (trade_ids(client), client.dropped) == ([], False)
    assert len(client.of("heartbeat")) < 10


def test_a_missing_message_leaves_a_gap_in_the_ids(fake: FakeKraken, clock: ManualClock) -> None:
    assert (np.diff(trade_ids(faulty(fake, clock, "ws_missing_trade", times=1))) > 1).sum() <= 1
    ids = trade_ids(faulty(fake, clock, "ws_missing_trade", rate=0.5))
    assert sorted(set(ids)) == ids
    assert (np.diff(ids) > 1).any()


def test_a_duplicate_comes_twice(fake: FakeKraken, clock: ManualClock) -> None:
    ids = trade_ids(faulty(fake, clock, "ws_duplicate", times=1))
    assert len(ids) > len(set(ids))


def test_messages_out_of_order_are_all_there(fake: FakeKraken, clock: ManualClock) -> None:
    ids = trade_ids(faulty(fake, clock, "ws_out_of_order", rate=0.5))
    assert ids != sorted(ids)
    assert sorted(ids) == list(range(1002, max(ids) + 1))


def test_late_trades_come_after_their_successors(fake: FakeKraken, clock: ManualClock) -> None:
    ids = trade_ids(faulty(fake, clock, "ws_late_trade", rate=0.3, delay_s=20.0))
    assert ids != sorted(ids)
    assert sorted(ids) == list(range(1002, max(ids) + 1))


def test_slow_messages_keep_their_order(fake: FakeKraken, clock: ManualClock) -> None:
    client = faulty(fake, clock, "slow", delay_s=5.0, rate=0.5)
    assert trade_ids(client) == list(range(1002, max(trade_ids(client)) + 1))


def test_garbage_comes_beside_the_message_not_in_place_of_it(fake: FakeKraken, clock: ManualClock) -> None:
    client = faulty(fake, clock, "garbage_frame", rate=0.5)
    assert client.broken > 3
    assert trade_ids(client) == list(range(1002, max(trade_ids(client)) + 1))


def test_a_refused_connection_is_refused(fake: FakeKraken) -> None:
    fake.faults.on("ws_refused", times=1)
    with pytest.raises(ConnectionRefusedError):
        Client(fake)
    assert Client(fake).messages


def test_a_connection_that_asks_for_nothing_is_closed_after_a_minute(fake: FakeKraken, clock: ManualClock) -> None:
    idle, busy = Client(fake), Client(fake)
    busy.ask("subscribe", "instrument", ())
    play(fake, clock, 59)
    idle.connection.receive('{"method":"ping"}')
    play(fake, clock, 59)
    assert not idle.dropped
    play(fake, clock, 2)
    assert (idle.dropped, busy.dropped) == (True, False)


def test_who_talks_too_much_is_not_listened_to(fake: FakeKraken) -> None:
    client = Client(fake)
    for _ in range(250):
        client.connection.receive('{"method":"ping"}')
    assert len([m for m in client.messages if m.get("method") == "pong"]) == 200
    assert client.messages[-1]["error"] == "Exceeded msg rate"


def test_who_connects_too_often_is_refused(fake: FakeKraken, clock: ManualClock) -> None:
    for _ in range(150):
        Client(fake)
    with pytest.raises(ConnectionRefusedError, match="too many"):
        Client(fake)
    clock.move_to(clock.now() + 4 * SECOND_NS)
    assert Client(fake).messages


def test_two_runs_with_one_seed_are_the_same_byte_for_byte() -> None:
    def run() -> list[str]:
        clock = ManualClock(START)
        fake = FakeKraken({BTC: Tape.synthetic(1, START, 500)}, clock, FakeSettings(heartbeat_s=5), seed=3)
        got: list[str] = []
        connection = fake.connect("/v2", got.append, lambda: got.append("cut"))
        for channel in ("book", "ticker", "trade", "ohlc"):
            connection.receive(
                json.dumps({"method": "subscribe", "params": {"channel": channel, "symbol": ["BTC/USD"]}})
            )
        for name in ("ws_duplicate", "ws_out_of_order", "ws_late_trade", "garbage_frame"):
            fake.faults.on(name, rate=0.1)
        play(fake, clock, 600)
        return got

    assert run() == run()
