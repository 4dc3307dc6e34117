"""Kraken's REST replies about the market, read as arrays: the one parser for the client, the importers and the fetcher.

It reads bytes and asks nobody. A reply is taken whole or not at all: what is missing, mistyped, negative, twice or out
of order is a `ReplyError` that names the row and the field, never a guess and never a zero. Numbers are exact on the
way in: the shown time of a trade has more digits than a float holds.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn, TypeAlias

import numpy as np

from tradecore.core.errors import ReplyError, UsageError
from tradecore.core.types import SECOND_NS, BoolArray, FloatArray, IntArray, Nanoseconds, Pair, Timeframe
from tradecore.venues.kraken.names import pair_from_kraken
from tradecore.venues.kraken.refusals import printable, refusal

EARLIEST_S = 1_230_768_000
"""2009-01-01: an earlier time is a wrong unit."""
LATEST_S = 4_102_444_800
"""2100-01-01."""
CURSOR_SLACK_NS = 1_000_000
"""The shown time of a trade is rounded, so the exact cursor may lie a little before it."""

PairName: TypeAlias = Callable[[str], Pair]
"""Reads the venue's name of a pair. Errors: UsageError."""

_NUMBERS = re.compile(r"(?:[0-9]{1,20}(?:\.[0-9]{1,20})?\n)*")
_SIDES = {"b": 1, "s": -1}


@dataclass(frozen=True, slots=True)
class TradesPage:
    """One page of trades in the order of trading. Shape: (T,) each; `last` is the venue's cursor, exact ns."""

    pair: Pair
    time: IntArray
    trade_id: IntArray
    price: FloatArray
    amount: FloatArray
    side: IntArray
    """+1 where the taker bought, -1 where it sold."""
    last: int


@dataclass(frozen=True, slots=True)
class OhlcPage:
    """Bars as the venue makes them, fillers (count 0) included. Shape: (T,) each; times in ns."""

    pair: Pair
    open_time: IntArray
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray
    vwap: FloatArray
    count: IntArray
    last: Nanoseconds
    """Open time of the newest finished bar."""
    finished: BoolArray
    """False for the bar that is still open."""


def parse_trades(body: bytes, name: PairName = pair_from_kraken) -> TradesPage:
    """Return the trades of a Trades reply.

    Errors: the venue's refusal as its VenueError; ReplyError for anything that is no page of trades.
    """
    pair, rows, last = _rows(body, "Trades", 7, name)
    price, amount, time, side, _, _, trade_id, *_ = zip(*rows, strict=False) if rows else [()] * 7
    times = _times(time, "Trades")
    ids = _integers(trade_id, "Trades", "trade_id")
    sides = [_SIDES.get(one) if isinstance(one, str) else None for one in side]
    if None in sides:
        _broken("Trades", sides.index(None), "side", side[sides.index(None)], "b or s")
    _rising(times, "Trades", "time", strictly=False)
    _rising(ids, "Trades", "trade_id", strictly=True)
    prices, amounts = _floats(price, "Trades", "price"), _floats(amount, "Trades", "amount")
    _positive(prices, "Trades", "price")
    if rows and last < times[-1] - CURSOR_SLACK_NS:
        raise ReplyError(f"Trades reply: last is {last}, before its newest trade at {times[-1]}; expected its cursor")
    return TradesPage(pair, times, ids, prices, amounts, np.array(sides, dtype=np.int64), last)


def parse_ohlc(body: bytes, timeframe: Timeframe | None = None, name: PairName = pair_from_kraken) -> OhlcPage:
    """Return the bars of an OHLC reply; without a timeframe its first two rows say it.

    Errors: the venue's refusal as its VenueError; ReplyError for anything that is no reply with bars.
    """
    pair, rows, last_s = _rows(body, "OHLC", 8, name)
    columns = list(zip(*rows, strict=False)) if rows else [()] * 8
    seconds = _integers(columns[0], "OHLC", "time")
    _within(seconds, "OHLC", "time", EARLIEST_S, LATEST_S)
    _rising(seconds, "OHLC", "time", strictly=True)
    step = _step(seconds) if timeframe is None else timeframe.ns // SECOND_NS
    off = np.flatnonzero(seconds % step)
    if len(off):
        _broken("OHLC", int(off[0]), "time", int(seconds[off[0]]), f"a multiple of {step} s")
    if not 0 <= last_s <= LATEST_S:
        raise ReplyError(f"OHLC reply: last is {last_s}; expected Unix seconds")
    fields = ("open", "high", "low", "close", "vwap", "volume")
    values = {field: _floats(columns[i], "OHLC", field) for i, field in enumerate(fields, 1)}
    for field in fields[:4]:
        _positive(values[field], "OHLC", field)
    inside = (values["low"] <= np.minimum(values["open"], values["close"])) & (
        values["high"] >= np.maximum(values["open"], values["close"])
    )
    if not inside.all():
        row = int(np.flatnonzero(~inside)[0])
        _broken("OHLC", row, "high and low", rows[row][1:5], "high at or above, low at or below every price")
    count = _integers(columns[7], "OHLC", "count")
    finished = seconds <= last_s
    return OhlcPage(pair, seconds * SECOND_NS, **values, count=count, last=last_s * SECOND_NS, finished=finished)


def result_of(body: bytes, doing: str) -> tuple[Any, tuple[str, ...]]:
    """Return the result of a reply and the venue's warnings. JSON fractions come as Decimal.

    Errors: the venue's refusal as its VenueError; ReplyError for anything that is no reply of the venue.
    """
    reply = decoded(body, doing)
    words = reply.get("error") if isinstance(reply, Mapping) else None
    if not isinstance(words, list) or not all(isinstance(one, str) for one in words):
        raise ReplyError(f"{doing} reply: no list of errors in it; expected an object with error and result")
    warnings = tuple(printable(one) for one in words if one.startswith("W"))
    refused = [one for one in words if not one.startswith("W")]
    if refused:
        raise refusal(refused, doing)
    if reply.get("result") is None:
        raise ReplyError(f"{doing} reply: neither an error nor a result; expected one of them")
    return reply["result"], warnings


def decoded(body: bytes, doing: str) -> Any:
    """Return a body as JSON, fractions as Decimal. Errors: ReplyError with the beginning of what came instead."""
    try:
        return json.loads(body, parse_float=Decimal, parse_constant=_no_number, object_pairs_hook=_each_once)
    except (ValueError, InvalidOperation, RecursionError) as error:
        shown = printable(body[:60].decode("utf-8", "replace"))
        raise ReplyError(
            f"{doing} reply: no JSON ({type(error).__name__}), it begins {shown!r}; expected a reply of the venue",
            retryable=True,
        ) from None


def _each_once(fields: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object's fields. One that is there twice says two things, and which of them holds nobody knows."""
    found = dict(fields)
    if len(found) != len(fields):
        raise ValueError("a field twice in one object")
    return found


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"{word} is no JSON number")


def _rows(body: bytes, doing: str, width: int, name: PairName) -> tuple[Pair, list[Sequence[Any]], int]:
    result, _ = result_of(body, doing)
    keys = [key for key in result if key != "last"] if isinstance(result, Mapping) else []
    if len(keys) != 1 or not isinstance(result[keys[0]], list):
        raise ReplyError(f"{doing} reply: {len(keys)} lists of rows; expected those of one pair, and last")
    rows = result[keys[0]]
    for index, row in enumerate(rows):
        if not isinstance(row, list) or len(row) < width:
            _broken(doing, index, "row", row, f"a list of {width} values")
    last = result.get("last")
    text = str(last) if type(last) is int else last
    if not isinstance(text, str) or not re.fullmatch(r"[0-9]{1,19}", text) or int(text) >= 1 << 63:
        raise ReplyError(f"{doing} reply: last is {printable(repr(last))}; expected the venue's cursor, a whole number")
    try:
        return name(keys[0]), rows, int(text)
    except UsageError as error:
        raise ReplyError(f"{doing} reply: {printable(str(error))}") from None


def _floats(column: Sequence[Any], doing: str, field: str) -> FloatArray:
    """Return a column of plain decimal text. Python's float would take 1_000, nan and full-width digits as well."""
    if not (all(type(one) is str for one in column) and _NUMBERS.fullmatch("\n".join([*column, ""]))):
        row = next(i for i, one in enumerate(column) if type(one) is not str or not _NUMBERS.fullmatch(one + "\n"))
        _broken(doing, row, field, column[row], "plain decimal text, zero or more")
    return np.array([float(one) for one in column], dtype=np.float64)


def _integers(column: Sequence[Any], doing: str, field: str) -> IntArray:
    for row, one in enumerate(column):
        if type(one) is not int or not 0 <= one < 1 << 63:
            _broken(doing, row, field, one, "a whole number, zero or more")
    return np.array(column, dtype=np.int64)


def _times(column: Sequence[Any], doing: str) -> IntArray:
    for row, one in enumerate(column):
        if type(one) not in (Decimal, int) or not EARLIEST_S <= one < LATEST_S:
            _broken(doing, row, "time", one, "Unix seconds between 2009 and 2100")
    return np.array([int(one * SECOND_NS) for one in column], dtype=np.int64)


def _rising(values: IntArray, doing: str, field: str, *, strictly: bool) -> None:
    steps = np.diff(values)
    wrong = np.flatnonzero(steps <= 0 if strictly else steps < 0)
    if len(wrong):
        row = int(wrong[0]) + 1
        _broken(doing, row, field, int(values[row]), f"more than the {values[row - 1]} of the row before it")


def _positive(values: FloatArray, doing: str, field: str) -> None:
    wrong = np.flatnonzero(~(values > 0))
    if len(wrong):
        _broken(doing, int(wrong[0]), field, float(values[wrong[0]]), "a price above zero")


def _within(values: IntArray, doing: str, field: str, low: int, high: int) -> None:
    wrong = np.flatnonzero((values < low) | (values >= high))
    if len(wrong):
        _broken(doing, int(wrong[0]), field, int(values[wrong[0]]), f"between {low} and {high}")


def _step(seconds: IntArray) -> int:
    return int(seconds[1] - seconds[0]) if len(seconds) > 1 else 60


def _broken(doing: str, row: int, field: str, was: object, expected: str) -> NoReturn:
    raise ReplyError(f"{doing} reply: row {row + 1}: {field} is {printable(repr(was))}; expected {expected}")
