"""Frames of Kraken's WebSocket v2: text in, typed messages out; requests in, text out.

It holds no state and knows no connection: `kraken.subscriptions` calls it. Invariant: a frame or a row that cannot be
read becomes `Quarantined` with a reason and a count, never an exception and never a zero. Readable neighbours of a
broken row are kept, except in a book, where one lost level makes the rest wrong.
Source: Kraken's WebSocket v2 documentation. An execution row says only what changed, so most fields may be absent.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

from tradecore.venues.kraken import frame_rows as rows_of
from tradecore.venues.kraken import messages as m
from tradecore.venues.kraken.frame_rows import BrokenRowError, Layout, count_of, list_of, read_row, text_of
from tradecore.venues.kraken.refusals import printable

SAMPLE_LENGTH = 200
"""Characters of a broken frame that are kept to look at."""

T = TypeVar("T")


def parse_message(text: str) -> Sequence[m.Message]:
    """Read one frame. What cannot be read is among the messages as `Quarantined`; nothing is raised."""
    try:
        frame = json.loads(text, parse_float=Decimal, parse_constant=_no_constant, object_pairs_hook=_each_once)
        if not isinstance(frame, dict):
            raise BrokenRowError("expected an object")
        if isinstance(frame.get("channel"), str):
            return _channel_messages(frame["channel"], frame, text)
        return _answers(frame)
    except (ValueError, InvalidOperation, RecursionError) as error:
        reason = str(error) if isinstance(error, BrokenRowError) else f"not JSON: {error or type(error).__name__}"
        return (m.Quarantined(reason, 1, printable(text[:SAMPLE_LENGTH])),)


def request_text(method: str, params: Mapping[str, object], req_id: int) -> str:
    """Return a request as the venue wants it: Decimals as JSON numbers with every digit they have and a point.

    The venue refuses a price that looks whole: "Limit_price field must be a number_float".
    """
    body = {"params": params} if params else {}
    return _json({"method": method, **body, "req_id": req_id})


def _json(value: object) -> str:
    if isinstance(value, Decimal):
        text = f"{value:f}"
        return text if "." in text else text + ".0"
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{json.dumps(str(key))}:{_json(item)}" for key, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(map(_json, value)) + "]"
    return json.dumps(value, allow_nan=False)


def _no_constant(name: str) -> object:
    raise BrokenRowError(f"{name} is no number")


def _each_once(fields: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object's fields. One that is there twice says two things, and which of them holds nobody knows."""
    found = dict(fields)
    if len(found) != len(fields):
        raise BrokenRowError("a field twice in one object")
    return found


def _channel_messages(channel: str, frame: Mapping[str, Any], text: str) -> Sequence[m.Message]:
    if channel == "heartbeat":
        return (m.Heartbeat(),)
    parse = _CHANNELS.get(channel)
    broken: list[str] = []
    rows: Sequence[m.Message] = ()
    try:
        if parse is None:
            raise BrokenRowError("a channel nobody asked for")
        kind = text_of(frame.get("type"))
        if kind not in ("snapshot", "update"):
            raise BrokenRowError(f"type {kind[:40]!r}: expected snapshot or update")
        rows = parse(frame, kind == "snapshot", broken)
    except BrokenRowError as error:
        broken.append(str(error))
    if not broken:
        return rows
    symbol = _symbol(frame.get("data"))
    return (*rows, m.Quarantined(broken[0], len(broken), printable(text[:SAMPLE_LENGTH]), channel[:40], symbol))


def _symbol(data: object) -> str:
    """Return the one symbol that all rows speak of, or nothing."""
    rows = data if isinstance(data, list) else []
    symbols = [row.get("symbol") if isinstance(row, dict) else None for row in rows]
    first = symbols[0] if symbols else None
    return first if isinstance(first, str) and all(symbol == first for symbol in symbols) else ""


def _kept(kind: Callable[..., T], layout: Layout, rows: object, broken: list[str]) -> list[T]:
    """Return the rows that can be read; the reasons of the others go to `broken`."""
    kept = []
    for row in list_of(rows):
        try:
            kept.append(read_row(kind, layout, row))
        except BrokenRowError as error:
            broken.append(str(error))
    return kept


def _once(rows: Iterable[T], key: Callable[[T], Any], broken: list[str]) -> tuple[T, ...]:
    """Return rows sorted by their key; a key that comes again is broken."""
    first: dict[Any, T] = {}
    for row in rows:
        if key(row) in first:
            broken.append(f"{key(row)}: told twice in one frame")
        first.setdefault(key(row), row)
    return tuple(first[name] for name in sorted(first))


def _distinct(rows: Iterable[T], broken: list[str]) -> tuple[T, ...]:
    """Return rows in the order in which they came; one that is told again word for word is broken."""
    kept: list[T] = []
    for row in rows:
        if row in kept:
            broken.append("one row told twice in one frame")
        else:
            kept.append(row)
    return tuple(kept)


def _status(frame: Mapping[str, Any], snapshot: bool, broken: list[str]) -> Sequence[m.Message]:
    return _distinct(_kept(m.SystemStatus, rows_of.STATUS, frame.get("data"), broken), broken)


def _ticker(frame: Mapping[str, Any], snapshot: bool, broken: list[str]) -> Sequence[m.Message]:
    return _once(_kept(m.TickerUpdate, rows_of.TICKER, frame.get("data"), broken), lambda row: row.pair, broken)


def _trades(frame: Mapping[str, Any], snapshot: bool, broken: list[str]) -> Sequence[m.Message]:
    rows = _kept(m.TradeTick, rows_of.TRADE, frame.get("data"), broken)
    ticks = _once(rows, lambda tick: (tick.pair, tick.trade_id), broken)
    return (m.TradesSnapshot(ticks) if snapshot else m.TradesUpdate(ticks),) if ticks or not broken else ()


def _ohlc(frame: Mapping[str, Any], snapshot: bool, broken: list[str]) -> Sequence[m.Message]:
    sane = []
    for bar in _kept(m.OhlcUpdate, rows_of.OHLC, frame.get("data"), broken):
        if bar.low <= min(bar.open, bar.close) and max(bar.open, bar.close) <= bar.high:
            sane.append(bar)
        else:
            broken.append(f"{bar.pair}: open and close outside of low and high")
    return _once(sane, lambda bar: (bar.pair, bar.timeframe, bar.open_time), broken)


def _book(frame: Mapping[str, Any], snapshot: bool, broken: list[str]) -> Sequence[m.Message]:
    kind = m.BookSnapshot if snapshot else m.BookUpdate
    return _distinct(_kept(kind, rows_of.book_layout(snapshot), frame.get("data"), broken), broken)


def _instruments(frame: Mapping[str, Any], snapshot: bool, broken: list[str]) -> Sequence[m.Message]:
    data = frame.get("data")
    if not isinstance(data, dict):
        raise BrokenRowError("data: expected an object")
    assets = _once(_kept(m.AssetInfo, rows_of.ASSET, data.get("assets"), broken), lambda asset: asset.name, broken)
    pairs = _once(_kept(m.PairInfo, rows_of.PAIR_INFO, data.get("pairs"), broken), lambda info: info.pair, broken)
    return (m.InstrumentSnapshot(assets, pairs) if snapshot else m.InstrumentUpdate(assets, pairs),)


def _executions(frame: Mapping[str, Any], snapshot: bool, broken: list[str]) -> Sequence[m.Message]:
    sequence = _sequence(frame)
    whole = []
    for row in _kept(m.Execution, rows_of.EXECUTION, frame.get("data"), broken):
        missing = [name for name in rows_of.FILL if row.event == "trade" and getattr(row, name) is None]
        if missing:
            broken.append(f"trade of order {row.order_id} without {', '.join(missing)}")
        else:
            whole.append(row)
    return (m.Executions(snapshot, sequence, _distinct(whole, broken)),)


def _balances(frame: Mapping[str, Any], snapshot: bool, broken: list[str]) -> Sequence[m.Message]:
    sequence = _sequence(frame)
    rows = _kept(m.BalanceUpdate, rows_of.BALANCE, frame.get("data"), broken)
    return (m.Balances(snapshot, sequence, _distinct(rows, broken)),)


def _sequence(frame: Mapping[str, Any]) -> int:
    try:
        return count_of(frame.get("sequence"))
    except BrokenRowError as error:
        raise BrokenRowError(f"sequence: {error}") from None


_CHANNELS: Mapping[str, Callable[[Mapping[str, Any], bool, list[str]], Sequence[m.Message]]] = {
    "status": _status,
    "ticker": _ticker,
    "trade": _trades,
    "ohlc": _ohlc,
    "book": _book,
    "instrument": _instruments,
    "executions": _executions,
    "balances": _balances,
}


def _answers(frame: Mapping[str, Any]) -> Sequence[m.Message]:
    """Read what is no channel: the answer to a request, or a complaint without one."""
    words = frame.get("error", frame.get("Error", ""))
    method, req_id = frame.get("method", ""), frame.get("req_id")
    success = frame.get("success", False if words else None if method != "pong" else True)
    if not isinstance(method, str) or not isinstance(words, str) or not isinstance(success, bool):
        raise BrokenRowError("an answer that is neither done nor refused")
    if success is bool(words) or (success and not method):
        raise BrokenRowError("an answer that contradicts itself")
    result = frame.get("result")
    if isinstance(frame.get("orders_cancelled"), int):
        result = {"count": frame["orders_cancelled"]}
    if result is not None and not isinstance(result, (dict, list)):
        raise BrokenRowError("result: expected an object")
    about = result if isinstance(result, dict) else frame
    warnings = about.get("warnings") or []
    return (
        m.Ack(
            method,
            None if req_id is None else count_of(req_id),
            success,
            words,
            channel=_word(about.get("channel")),
            symbol=_word(about.get("symbol", frame.get("symbol"))),
            result=result,
            warnings=tuple(map(str, warnings if isinstance(warnings, list) else [warnings])),
        ),
    )


def _word(value: object) -> str:
    return value if isinstance(value, str) else ""
