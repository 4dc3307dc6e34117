"""Frames of the venue's sockets: what is read from whole ones, and that broken ones are set aside, never guessed."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tradecore.core.types import Pair, Side, Timeframe
from tradecore.testing.broken_payloads import broken, truncated
from tradecore.venues.kraken import messages as m
from tradecore.venues.kraken.frames import parse_message, request_text

BTC = Pair("BTC", "USD")
TRADE = {
    "symbol": "BTC/USD",
    "side": "sell",
    "price": 105910.5,
    "qty": 0.0001246,
    "ord_type": "market",
    "trade_id": 7,
    "timestamp": "2023-10-06T17:35:56.123456789Z",
}
FILL = {
    "order_id": "OABCDE-12345-FGHIJ",
    "cl_ord_id": "mine-1",
    "symbol": "BTC/USD",
    "side": "buy",
    "order_type": "limit",
    "order_qty": 0.5,
    "limit_price": 30000.1,
    "exec_type": "trade",
    "order_status": "partially_filled",
    "exec_id": "TABC",
    "trade_id": 12,
    "last_qty": 0.25,
    "last_price": 30000.1,
    "liquidity_ind": "m",
    "cost": 7500.025,
    "fees": [{"asset": "USD", "qty": 18.75}],
    "cum_qty": 0.25,
    "cum_cost": 7500.025,
    "avg_price": 30000.1,
    "timestamp": "2023-10-06T17:35:56.123456Z",
}
EXECUTIONS = {"channel": "executions", "type": "update", "sequence": 8, "data": [FILL]}
BALANCES = {
    "channel": "balances",
    "type": "update",
    "sequence": 3,
    "data": [{"asset": "BTC", "balance": 1.5, "amount": -0.5, "fee": 0, "type": "trade", "ledger_id": "L1"}],
}
STATUS = {"channel": "status", "type": "update", "data": [{"system": "cancel_only", "version": "2.0.10"}]}


def frame(channel: str, *rows: object, kind: str = "update") -> str:
    return json.dumps({"channel": channel, "type": kind, "data": rows})


def only(text: str) -> Any:
    (message,) = parse_message(text)
    return message


def test_trade_keeps_digits_and_nanoseconds() -> None:
    text = frame("trade", TRADE).replace("0.0001246", "0.00012460")
    (tick,) = only(text).ticks
    assert tick == (BTC, 7, 1696613756123456789, Decimal("105910.5"), Decimal("0.00012460"), Side.SELL, "market")
    assert str(tick.amount) == "0.00012460"


def test_trade_without_a_fraction_of_a_second_is_on_the_second() -> None:
    (tick,) = only(frame("trade", {**TRADE, "timestamp": "2023-10-06T17:35:56Z"})).ticks
    assert tick.time_ns == 1696613756000000000


def test_fraction_of_a_second_with_few_digits_is_read_from_the_left() -> None:
    (tick,) = only(frame("trade", {**TRADE, "timestamp": "2023-10-06T17:35:56.05Z"})).ticks
    assert tick.time_ns == 1696613756050000000


@pytest.mark.parametrize("field", ["price", "qty"])
@pytest.mark.parametrize("value", [0, -1, 1e40, "1", True, None])
def test_trade_at_no_real_price_or_amount_is_set_aside(field: str, value: object) -> None:
    assert isinstance(only(frame("trade", {**TRADE, field: value})), m.Quarantined)


def test_snapshot_and_update_of_trades_are_told_apart() -> None:
    assert isinstance(only(frame("trade", TRADE, kind="snapshot")), m.TradesSnapshot)
    assert isinstance(only(frame("trade", TRADE)), m.TradesUpdate)


def test_broken_row_leaves_its_neighbours_and_is_counted() -> None:
    update, quarantined = parse_message(frame("trade", TRADE, {**TRADE, "trade_id": 8, "price": None}, "rubbish"))
    assert isinstance(update, m.TradesUpdate)
    assert [tick.trade_id for tick in update.ticks] == [7]
    assert isinstance(quarantined, m.Quarantined)
    assert (quarantined.reason, quarantined.count, quarantined.channel) == ("price: missing", 2, "trade")


def test_trades_of_one_frame_are_sorted_by_id() -> None:
    (update,) = parse_message(frame("trade", {**TRADE, "trade_id": 9}, TRADE))
    assert isinstance(update, m.TradesUpdate)
    assert [tick.trade_id for tick in update.ticks] == [7, 9]


def test_trade_told_twice_in_one_frame_is_kept_once_and_counted() -> None:
    update, quarantined = parse_message(frame("trade", TRADE, TRADE))
    assert isinstance(update, m.TradesUpdate)
    assert isinstance(quarantined, m.Quarantined)
    assert (len(update.ticks), quarantined.count) == (1, 1)


def test_one_broken_level_sets_the_whole_book_message_aside() -> None:
    row = {"symbol": "BTC/USD", "bids": [{"price": 1, "qty": 1}, {"price": 2}], "asks": [], "checksum": 1}
    quarantined = only(frame("book", row))
    assert isinstance(quarantined, m.Quarantined)
    assert (quarantined.channel, quarantined.symbol) == ("book", "BTC/USD")


def test_bar_whose_close_lies_outside_is_set_aside() -> None:
    bar = {
        **{"symbol": "BTC/USD", "interval": 5, "interval_begin": "2023-10-04T16:25:00.000000000Z", "trades": 3},
        **{"open": 10, "high": 12, "low": 9, "close": 11, "volume": 1, "vwap": 10.5},
    }
    good = only(frame("ohlc", bar))
    assert isinstance(good, m.OhlcUpdate)
    assert (good.timeframe, good.count) == (Timeframe.parse("5m"), 3)
    assert isinstance(only(frame("ohlc", {**bar, "close": 13})), m.Quarantined)


def test_fill_holds_what_the_ledger_needs() -> None:
    message = only(json.dumps(EXECUTIONS))
    assert isinstance(message, m.Executions)
    (row,) = message.rows
    assert (message.snapshot, message.sequence) == (False, 8)
    assert (row.last_amount, row.last_price, row.liquidity) == (Decimal("0.25"), Decimal("30000.1"), "m")
    assert row.fees == (m.Fee("USD", Decimal("18.75")),)


def test_event_that_says_only_what_changed_has_none_for_the_rest() -> None:
    short = {"order_id": "O1", "exec_type": "new", "order_status": "new", "timestamp": "2023-10-06T17:35:56Z"}
    (row,) = only(json.dumps({**EXECUTIONS, "data": [short]})).rows
    assert row.pair is row.amount is row.filled is None


def test_fill_as_the_venue_documents_it_is_read_without_what_it_leaves_out() -> None:
    row = {key: value for key, value in FILL.items() if key not in ("cl_ord_id", "cum_qty", "cum_cost", "avg_price")}
    (read,) = only(json.dumps({**EXECUTIONS, "data": [{**row, "order_userref": -7}]})).rows
    assert (read.filled, read.userref) == (None, -7)


@pytest.mark.parametrize("field", ["last_qty", "last_price", "fees", "exec_id", "side", "symbol"])
def test_fill_without_one_of_its_own_fields_is_set_aside(field: str) -> None:
    row = {key: value for key, value in FILL.items() if key != field}
    quarantined = parse_message(json.dumps({**EXECUTIONS, "data": [row]}))[-1]
    assert isinstance(quarantined, m.Quarantined)
    assert quarantined.count == 1


def test_fill_told_twice_in_one_frame_is_kept_once_and_counted() -> None:
    executions, quarantined = parse_message(json.dumps({**EXECUTIONS, "data": [FILL, FILL]}))
    assert isinstance(executions, m.Executions)
    assert isinstance(quarantined, m.Quarantined)
    assert (len(executions.rows), quarantined.count) == (1, 1)


def test_executions_without_a_sequence_are_set_aside_whole() -> None:
    quarantined = only(json.dumps({key: value for key, value in EXECUTIONS.items() if key != "sequence"}))
    assert isinstance(quarantined, m.Quarantined)
    assert quarantined.channel == "executions"


def test_balance_update_says_what_changed_it() -> None:
    (row,) = only(json.dumps(BALANCES)).rows
    assert (row.asset, row.balance, row.change, row.fee) == ("BTC", Decimal("1.5"), Decimal("-0.5"), Decimal(0))


def test_refusal_has_the_venues_words() -> None:
    ack = only('{"method":"add_order","req_id":99,"success":false,"error":"EOrder:Insufficient funds"}')
    assert (ack.method, ack.req_id, ack.success, ack.error) == ("add_order", 99, False, "EOrder:Insufficient funds")


def test_complaint_without_a_request_is_a_refusal_of_nothing() -> None:
    assert only('{"Error":"Exceeded msg rate"}').error == "Exceeded msg rate"


def test_pong_is_a_success_without_saying_so() -> None:
    assert only('{"method":"pong","req_id":42,"time_in":"x","time_out":"y"}').success is True


@pytest.mark.parametrize(
    "text",
    [
        *("", "null", "7", "[]", "{}", "{", '"text"', "\x00", "[" * 5000, '{"channel":7}', '{"channel":"trade"}'),
        *('{"channel":"trade","type":"update","data":{}}', '{"channel":"nobody","type":"update","data":[]}'),
        *('{"method":"add_order"}', '{"method":"add_order","success":1}', '{"method":"add_order","success":"true"}'),
        *('{"method":"add_order","success":true,"error":"EOrder:x"}', '{"method":"add_order","success":false}'),
        '{"method":"add_order","success":true,"req_id":-1}',
        '{"channel":"trade","channel":"trade","type":"update","data":[]}',
        '{"method":"add_order","success":true,"result":"yes"}',
        '{"channel":"trade","type":"update","data":[],"x":NaN}',
        '{"channel":"trade","type":"update","data":[],"x":1e99999999999999999999}',
        '{"channel":"trade","type":"update","data":[{"trade_id":' + "9" * 5000 + "}]}",
    ],
)
def test_frame_that_is_none_of_the_venues_is_set_aside_with_a_reason(text: str) -> None:
    quarantined = parse_message(text)[-1]
    assert isinstance(quarantined, m.Quarantined)
    assert quarantined.reason
    assert quarantined.count >= 1


def test_sample_of_a_broken_frame_is_short_and_printable() -> None:
    quarantined = only("\x1b[31m" + "x" * 1000)
    assert len(quarantined.sample) == 200
    assert quarantined.sample.isprintable()


def test_request_writes_decimals_with_every_digit_and_no_exponent() -> None:
    text = request_text(
        "add_order", {"qty": Decimal("1E-8"), "price": Decimal("30000.10"), "on": True, "ids": ["a"]}, 7
    )
    assert text == (
        '{"method":"add_order","params":{"qty":0.00000001,"price":30000.10,"on":true,"ids":["a"]},"req_id":7}'
    )


def test_whole_decimals_keep_a_point_because_the_venue_refuses_them_without() -> None:
    text = request_text("add_order", {"limit_price": Decimal("30000"), "order_qty": Decimal("1E+1"), "timeout": 60}, 7)
    assert text == '{"method":"add_order","params":{"limit_price":30000.0,"order_qty":10.0,"timeout":60},"req_id":7}'


def row_of(**fields: Any) -> dict[str, Any]:
    return {"timestamp": "2024-05-18T12:58:40.165132Z", "order_userref": 0, "order_id": "O-A-B", **fields}


@pytest.mark.parametrize(
    "row",
    [
        row_of(order_status="new", exec_type="new"),
        row_of(
            order_status="canceled", exec_type="canceled", cum_qty=0.0, avg_price=0.0, cancel_reason="User requested"
        ),
        row_of(exec_type="amended", order_status="new", cum_qty=0.0, amended=True, order_qty=5.1, limit_price=0.96),
        row_of(
            **{"exec_type": "pending_new", "order_status": "pending_new", "symbol": "ADX/USD", "order_qty": 81.3},
            **{"side": "buy", "order_type": "limit", "limit_price": 0.18328, "stop_price": 0.0, "cum_cost": 0},
        ),
        row_of(
            **{
                "exec_type": "trade",
                "order_status": "filled",
                "symbol": "BTC/USD",
                "side": "sell",
                "last_qty": 0.00016,
            },
            **{"last_price": 63377.2, "liquidity_ind": "t", "cost": 10.12445, "exec_id": "B-1", "trade_id": 37496584},
            **{"order_type": "limit", "fees": [{"asset": "USD", "qty": 0.04051}]},
        ),
    ],
    ids=lambda row: row["exec_type"],
)
def test_event_with_the_fields_that_the_venue_really_sends_is_read(row: dict[str, Any]) -> None:
    (read,) = only(json.dumps({**EXECUTIONS, "data": [row]})).rows
    assert read.order_id == "O-A-B"


def flat(value: object, path: str = "") -> Iterator[tuple[str, object]]:
    """Yield the leaves of messages with their places; lists count as what they hold, in any order."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type) and not isinstance(value, (Pair, Timeframe)):
        for field in dataclasses.fields(value):
            yield from flat(getattr(value, field.name), f"{path}.{field.name}")
    elif isinstance(value, tuple) and hasattr(value, "_fields"):
        for name, item in zip(value._fields, value, strict=True):
            yield from flat(item, f"{path}.{name}")
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(sorted(value, key=repr)):
            yield from flat(item, f"{path}[{index}]")
    else:
        yield path, value


TEXT_THAT_MAY_BE_ANY = re.compile(
    r"\.(order_type|system|version|status|channel|symbol|name|method|kind|error|order_id|cl_ord_id|exec_id|asset"
    r"|ledger_id|reason)$"
)
MAY_BE_NEGATIVE = re.compile(r"\.(change|fee|amount|balance)$")
MAY_BE_LEFT_OUT = re.compile(
    r"\.(time_ns|version|req_id|result|cl_ord_id|userref|filled|order_type|amount|limit_price|trade_id|cost|filled_cost"
    r"|mean_price|reason|change|fee|kind|ledger_id|symbol|channel|warnings|method)$"
)


def judge(how: str, whole: Sequence[m.Message], told: Sequence[m.Message]) -> None:
    """Hold what a broken frame gave against what the whole one gave."""
    if any(isinstance(message, m.Quarantined) and message.count > 0 and message.reason for message in told):
        return
    if "has lost its" in how:
        return  # fewer rows are a shorter message; ids, sequences and checksums tell
    if re.search(r"(bids|asks) has its first item twice", how):
        return  # the same amount at the same price, once more
    before, after = dict(flat(list(whole))), dict(flat(list(told)))
    for path in before.keys() | after.keys():
        old, new = before.get(path), after.get(path)
        if old == new and type(old) is type(new):
            continue
        assert not (new == 0 and old != 0), f"{how}: {path} became zero"
        if new is None or new == "":
            assert MAY_BE_LEFT_OUT.search(path), f"{how}: {path} was {old!r} and is gone without a word"
        elif isinstance(new, str):
            assert TEXT_THAT_MAY_BE_ANY.search(path), f"{how}: {path} was {old!r} and is {new!r}"
        elif path.endswith(".req_id") or ".result" in path or ".warnings" in path:
            continue  # read by whoever sent the request, who judges it
        else:
            assert how.endswith("negative"), f"{how}: {path} was {old!r} and is {new!r}"
            assert MAY_BE_NEGATIVE.search(path), f"{how}: {path} was {old!r} and is {new!r}"


def break_every_way(payload: Any) -> int:
    whole = parse_message(json.dumps(payload))
    count = 0
    for how, other in broken(payload):
        judge(how, whole, parse_message(json.dumps(other)))
        count += 1
    for how, body in truncated(json.dumps(payload).encode()):
        assert isinstance(parse_message(body.decode())[-1], m.Quarantined), how
    return count


@pytest.mark.parametrize("payload", [EXECUTIONS, BALANCES, STATUS], ids=["executions", "balances", "status"])
def test_private_frame_broken_in_any_way_is_set_aside_or_the_same(payload: Any) -> None:
    assert not any(isinstance(message, m.Quarantined) for message in parse_message(json.dumps(payload)))
    assert break_every_way(payload) > 40


@pytest.mark.real_data
def test_recorded_frames_broken_in_any_way_are_set_aside_or_the_same(real_data: Path) -> None:
    files = sorted(set((real_data / "fixtures" / "kraken").glob("ws_*.json")))
    files = [file for file in files if "futures" not in file.name]
    assert len(files) >= 17
    ways = 0
    for file in files:
        payload = json.loads(file.read_text())
        if "instrument" in file.name:
            payload["data"] = {key: rows[:2] for key, rows in payload["data"].items()}
        ways += break_every_way(payload)
    assert ways > 2000


@pytest.mark.real_data
def test_examples_of_the_documentation_broken_in_any_way_are_set_aside_or_the_same(real_data: Path) -> None:
    ways = 0
    for file in sorted((real_data / "fixtures" / "kraken_docs_examples").glob("Subscriptions__*")):
        for text in pushed(file.read_text()):
            ways += break_every_way(json.loads(text))
    assert ways > 1000


def pushed(text: str) -> list[str]:
    """Return the venue's own frames of an example: acknowledgements and pushes."""
    parts = re.split(r"^[>]\d?.*$|^[<=]\d? ?", text, flags=re.MULTILINE)
    return [re.sub(r"\|\w+\|", "1", part) for part in parts if part.strip()]


@pytest.mark.real_data
def test_recorded_instruments_are_read_whole(real_data: Path) -> None:
    text = (real_data / "fixtures" / "kraken" / "ws_instrument_snapshot_full.json").read_text()
    snapshot = parse_message(text)[0]
    assert isinstance(snapshot, m.InstrumentSnapshot)
    assert (len(snapshot.assets), len(snapshot.pairs)) == (296, 683)
    btc = next(info for info in snapshot.pairs if info.pair == BTC)
    assert (btc.price_decimals, btc.amount_decimals, btc.price_step) == (1, 8, Decimal("0.1"))


@pytest.mark.real_data
def test_recorded_public_frames_are_read_without_quarantine(real_data: Path) -> None:
    kinds = {
        "ws_trade_update": m.TradesUpdate,
        "ws_ticker_snapshot": m.TickerUpdate,
        "ws_ohlc_update": m.OhlcUpdate,
        "ws_book_snapshot": m.BookSnapshot,
        "ws_book_update": m.BookUpdate,
        "ws_subscribe_response": m.Ack,
        "ws_pong": m.Ack,
        "ws_add_order_response_success": m.Ack,
        "ws_add_order_response_failure": m.Ack,
        "ws_batch_add_response_partial": m.Ack,
    }
    for name, kind in kinds.items():
        text = (real_data / "fixtures" / "kraken" / f"{name}.json").read_text()
        assert [type(message) for message in parse_message(text)] == [kind], name
