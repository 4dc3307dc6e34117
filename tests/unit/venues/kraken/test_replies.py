"""Recorded replies are read exactly; what is not one is refused by row and field."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tradecore.core.errors import RateLimitedError, ReplyError, UnknownPairError
from tradecore.core.types import MINUTE_NS, Pair, Timeframe
from tradecore.venues.kraken.replies import parse_ohlc, parse_trades, result_of

ROW = ["30243.40000", "0.34507674", 1688669597.8277369, "b", "m", "", 7]
BAR = [1688671200, "30306.1", "30306.2", "30305.7", "30305.7", "30306.1", "3.39243896", 23]


def reply(rows: list[Any], last: Any = "1688669597827736999", key: str = "XXBTZUSD") -> bytes:
    return json.dumps({"error": [], "result": {key: rows, "last": last}}).encode()


def test_a_trade_is_read_to_the_last_digit() -> None:
    page = parse_trades(reply([ROW, [*ROW[:3], "s", "l", "", 8]]))
    assert page.pair == Pair("BTC", "USD")
    assert page.time.tolist() == [1688669597827736900] * 2
    assert (page.price[0], page.amount[0]) == (30243.4, 0.34507674)
    assert page.side.tolist() == [1, -1]
    assert page.trade_id.tolist() == [7, 8]
    assert page.last == 1688669597827736999
    assert (page.time.dtype, page.price.dtype) == (np.int64, np.float64)


def test_a_page_without_trades_is_a_page() -> None:
    page = parse_trades(reply([], "17"))
    assert (len(page.time), page.last) == (0, 17)


def test_a_whole_second_and_more_values_in_a_row_are_fine() -> None:
    page = parse_trades(reply([[*ROW[:2], 1688669597, *ROW[3:], "new"]]))
    assert page.time.tolist() == [1688669597000000000]


@pytest.mark.parametrize(
    ("place", "value", "told"),
    [
        (0, "0", "price above zero"),
        (0, "-1", "price is '-1'"),
        (0, "nan", "price is 'nan'"),
        (0, "1_000.0", "price is '1_000.0'"),
        (0, "\uff11.5", "price is"),
        (0, 30243.4, "price is"),
        (1, "-0.1", "amount is '-0.1'"),
        (1, "1e400", "amount"),
        (2, 1688669597827, "Unix seconds"),
        (2, "1688669597.8", "time is"),
        (2, True, "time is"),
        (3, "x", "side is 'x'"),
        (3, ["b"], "side is"),
        (6, 0.5, "trade_id"),
        (6, -1, "trade_id"),
        (6, True, "trade_id"),
        (6, 1 << 70, "trade_id"),
    ],
)
def test_a_value_that_cannot_be_is_named_with_its_row(place: int, value: object, told: str) -> None:
    second = [*ROW]
    second[6] = 8
    second[place] = value
    with pytest.raises(ReplyError, match="row 2") as caught:
        parse_trades(reply([ROW, second]))
    assert told in str(caught.value)


def test_rows_twice_or_backwards_are_refused() -> None:
    with pytest.raises(ReplyError, match="trade_id"):
        parse_trades(reply([ROW, ROW]))
    earlier = [*ROW[:2], 1688669590.1, *ROW[3:6], 8]
    with pytest.raises(ReplyError, match="row 2: time"):
        parse_trades(reply([ROW, earlier]))


def test_a_cursor_before_the_newest_trade_is_refused() -> None:
    with pytest.raises(ReplyError, match="expected its cursor"):
        parse_trades(reply([ROW], "1688669597000000000"))
    for last in (None, "", "x", -1, 1.5, "1" * 25):
        with pytest.raises(ReplyError, match="last is"):
            parse_trades(reply([ROW], last))


def test_bars_are_read_with_the_open_one_marked() -> None:
    later = [BAR[0] + 60, *BAR[1:]]
    page = parse_ohlc(reply([BAR, later], BAR[0], "XXBTZUSD"), Timeframe.parse("1m"))
    assert page.open_time.tolist() == [BAR[0] * 10**9, BAR[0] * 10**9 + MINUTE_NS]
    assert page.finished.tolist() == [True, False]
    assert (page.open[0], page.high[0], page.low[0], page.close[0]) == (30306.1, 30306.2, 30305.7, 30305.7)
    assert (page.vwap[0], page.volume[0], page.count[0]) == (30306.1, 3.39243896, 23)
    assert page.last == BAR[0] * 10**9


@pytest.mark.parametrize(
    ("place", "value"),
    [(0, 1688671201), (1, "0"), (2, "30305.0"), (3, "30307"), (4, None), (5, "-1"), (6, "x"), (7, -1), (7, "23")],
)
def test_a_bar_that_cannot_be_is_refused(place: int, value: object) -> None:
    row = [*BAR]
    row[place] = value
    with pytest.raises(ReplyError, match="row 1"):
        parse_ohlc(reply([row], BAR[0]), Timeframe.parse("1m"))


def test_the_venues_refusal_is_its_error() -> None:
    with pytest.raises(RateLimitedError):
        parse_trades(b'{"error":["EAPI:Rate limit exceeded"]}')
    with pytest.raises(UnknownPairError):
        parse_ohlc(b'{"error":["EQuery:Unknown asset pair"],"result":{}}')


def test_a_warning_is_no_refusal() -> None:
    assert result_of(b'{"error":["WGeneral:Soon"],"result":{"a":1}}', "Time") == ({"a": 1}, ("WGeneral:Soon",))


@pytest.mark.parametrize(
    "body", [b'{"error":[]}', b'{"error":"","result":{}}', b"[]", b'{"result":{}}', b'{"error":[7]}']
)
def test_what_is_no_reply_is_refused(body: bytes) -> None:
    with pytest.raises(ReplyError):
        result_of(body, "Time")


def test_number_with_an_exponent_beyond_all_numbers_is_refused() -> None:
    with pytest.raises(ReplyError):
        result_of(b'{"error":[],"result":{"last":1e99999999999999999999}}', "Trades")


def test_html_in_place_of_a_reply_may_be_asked_again() -> None:
    with pytest.raises(ReplyError, match="no JSON") as caught:
        result_of(b"<html>", "Time")
    assert caught.value.retryable


def test_a_field_that_is_there_twice_is_refused() -> None:
    for body in (b'{"error":[],"error":[],"result":{}}', b'{"error":[],"result":{"a":1,"a":2}}'):
        with pytest.raises(ReplyError):
            result_of(body, "Time")


@pytest.mark.real_data
def test_the_recorded_trades_are_read_whole(real_data: Path) -> None:
    page = parse_trades((real_data / "fixtures" / "kraken" / "http_trades.json").read_bytes())
    assert len(page.time) == 1000
    assert (np.diff(page.trade_id) == 1).all()
    assert int((np.diff(page.time) == 0).sum()) == 414
    assert page.time[-1] == 1762820035982277900
    assert page.last == 1762820035982277754


@pytest.mark.real_data
def test_the_recorded_bars_are_read_whole(real_data: Path) -> None:
    page = parse_ohlc((real_data / "fixtures" / "kraken" / "http_ohlc.json").read_bytes())
    assert (len(page.open_time), int(page.finished.sum()), int((page.count == 0).sum())) == (721, 720, 216)
