"""Frames of Kraken's WebSocket v2: text in, typed messages out; requests in, text out.

It holds no state and knows no connection: `kraken.subscriptions` calls it. Invariant: a frame or a row that cannot be
read becomes `Quarantined` with a reason and a count, never an exception and never a zero. Readable neighbours of a
broken row are kept, except in a book, where one lost level makes the rest wrong.
Source: Kraken's WebSocket v2 documentation. An execution row says only what changed, so most fields may be absent.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar

from tradecore.core.errors import UsageError
from tradecore.core.types import MINUTE_NS, SECOND_NS, Nanoseconds, Pair, Side, Timeframe
from tradecore.venues.kraken import messages as m
from tradecore.venues.kraken.names import pair_from_kraken
from tradecore.venues.kraken.refusals import printable

SAMPLE_LENGTH = 200
"""Characters of a broken frame that are kept to look at."""

T = TypeVar("T")
_Read = Callable[[Any], Any]
_STAMP = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z")
_SIDES = {"buy": Side.BUY, "sell": Side.SELL}
_EVENTS = frozenset(
    ("pending_new", "new", "trade", "filled", "iceberg_refill", "canceled", "expired", "amended", "restated", "status")
)
_STATES = frozenset(("pending_new", "new", "partially_filled", "filled", "canceled", "expired", "triggered"))


class _BrokenError(ValueError):
    """A field could not be read; the words name it."""


def parse_message(text: str) -> Sequence[m.Message]:
    """Read one frame. What cannot be read is among the messages as `Quarantined`; nothing is raised."""
    try:
        frame = json.loads(text, parse_float=Decimal, parse_constant=_no_constant)
        if not isinstance(frame, dict):
            raise _BrokenError("expected an object")
        if isinstance(frame.get("channel"), str):
            return _channel_messages(frame["channel"], frame, text)
        return _answers(frame)
    except (ValueError, InvalidOperation, RecursionError) as error:
        reason = str(error) if isinstance(error, _BrokenError) else f"not JSON: {error or type(error).__name__}"
        return (m.Quarantined(reason, 1, printable(text[:SAMPLE_LENGTH])),)


def request_text(method: str, params: Mapping[str, object], req_id: int) -> str:
    """Return a request as the venue wants it: Decimals as JSON numbers with every digit they have, none more."""
    body = {"params": params} if params else {}
    return _json({"method": method, **body, "req_id": req_id})


def _json(value: object) -> str:
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{json.dumps(str(key))}:{_json(item)}" for key, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(map(_json, value)) + "]"
    return json.dumps(value, allow_nan=False)


def _no_constant(name: str) -> object:
    raise _BrokenError(f"{name} is no number")


# Readers of single fields: each takes what JSON gave and returns the value, or says why it cannot.


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise _BrokenError("expected words")
    return value


def _number(value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
        raise _BrokenError("expected a number")
    number = Decimal(value)
    if not number.is_finite() or (number and not -30 <= number.adjusted() <= 30):
        raise _BrokenError("number out of any range")
    return number


def _amount(value: object) -> Decimal:
    number = _number(value)
    if number.is_signed():
        raise _BrokenError("expected a number of at least 0")
    return number


def _price(value: object) -> Decimal:
    number = _amount(value)
    if not number:
        raise _BrokenError("expected a number above 0")
    return number


def _count(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**63:
        raise _BrokenError("expected a count")
    return value


def _time(value: object) -> Nanoseconds:
    match = _STAMP.fullmatch(_text(value))
    if match is None:
        raise _BrokenError("expected a time as in 2023-10-06T17:35:55.440295Z")
    try:
        whole = int(datetime.fromisoformat(match[1]).replace(tzinfo=UTC).timestamp())
    except ValueError as error:
        raise _BrokenError(f"no such time: {error}") from None
    return whole * SECOND_NS + int((match[2] or "").ljust(9, "0"))


def _pair(value: object) -> Pair:
    try:
        return _pair_named(_text(value))
    except UsageError as error:
        raise _BrokenError(str(error)) from None


_pair_named = lru_cache(maxsize=4096)(pair_from_kraken)


def _side(value: object) -> Side:
    return _one_of(_SIDES)(value)  # type: ignore[no-any-return]


def _one_of(words: Mapping[str, object] | frozenset[str]) -> _Read:
    def read(value: object) -> object:
        word = _text(value)
        if word not in words:
            raise _BrokenError(f"{word[:40]!r} is none of {', '.join(sorted(words))}")
        return words[word] if isinstance(words, Mapping) else word

    return read


def _timeframe(value: object) -> Timeframe:
    minutes = _count(value)
    if not 1 <= minutes <= 21600:
        raise _BrokenError("expected an interval in minutes")
    return Timeframe(minutes * MINUTE_NS)


def _fees(value: object) -> tuple[m.Fee, ...]:
    fees = tuple(_row(m.Fee, _FEE, row) for row in _list(value))
    if len({fee.asset for fee in fees}) < len(fees):
        raise _BrokenError("one asset told twice")
    return fees


def _list(value: object) -> list[Any]:
    if not isinstance(value, list):
        raise _BrokenError("expected a list")
    return value


class _Field(NamedTuple):
    """Where a value stands on the wire, how it is read, and whether it must be there."""

    name: str
    read: _Read
    needed: bool = True


def _maybe(name: str, read: _Read) -> _Field:
    return _Field(name, read, needed=False)


_Layout = Mapping[str, _Field]
_FEE: _Layout = {"asset": _Field("asset", _text), "amount": _Field("qty", _number)}
_LEVEL: _Layout = {"price": _Field("price", _price), "amount": _Field("qty", _amount)}
_STATUS: _Layout = {"system": _Field("system", _text), "version": _maybe("version", _text)}
_TICKER: _Layout = {
    "pair": _Field("symbol", _pair),
    "bid": _Field("bid", _price),
    "bid_amount": _Field("bid_qty", _amount),
    "ask": _Field("ask", _price),
    "ask_amount": _Field("ask_qty", _amount),
    "last": _Field("last", _price),
    **{name: _Field(name, _amount) for name in ("volume", "vwap", "low", "high")},
    "time_ns": _maybe("timestamp", _time),
}
_TRADE: _Layout = {
    "pair": _Field("symbol", _pair),
    "trade_id": _Field("trade_id", _count),
    "time_ns": _Field("timestamp", _time),
    "price": _Field("price", _price),
    "amount": _Field("qty", _price),
    "side": _Field("side", _side),
    "order_type": _Field("ord_type", _text),
}
_OHLC: _Layout = {
    "pair": _Field("symbol", _pair),
    "timeframe": _Field("interval", _timeframe),
    "open_time": _Field("interval_begin", _time),
    **{name: _Field(name, _price) for name in ("open", "high", "low", "close")},
    **{name: _Field(name, _amount) for name in ("volume", "vwap")},
    "count": _Field("trades", _count),
}
_ASSET: _Layout = {
    "name": _Field("id", _text),
    "status": _Field("status", _text),
    "decimals": _Field("precision", _count),
}
_PAIR_INFO: _Layout = {
    "pair": _Field("symbol", _pair),
    "status": _Field("status", _text),
    "price_decimals": _Field("price_precision", _count),
    "amount_decimals": _Field("qty_precision", _count),
    "cost_decimals": _Field("cost_precision", _count),
    "price_step": _Field("price_increment", _price),
    "amount_step": _Field("qty_increment", _price),
    "least_amount": _Field("qty_min", _amount),
    "least_cost": _Field("cost_min", _amount),
}
_EXECUTION: _Layout = {
    "order_id": _Field("order_id", _text),
    "event": _Field("exec_type", _one_of(_EVENTS)),
    "status": _Field("order_status", _one_of(_STATES)),
    "time_ns": _Field("timestamp", _time),
    "pair": _maybe("symbol", _pair),
    "side": _maybe("side", _side),
    "cl_ord_id": _maybe("cl_ord_id", _text),
    "userref": _maybe("order_userref", _count),
    "order_type": _maybe("order_type", _text),
    "amount": _maybe("order_qty", _amount),
    "limit_price": _maybe("limit_price", _amount),
    "exec_id": _maybe("exec_id", _text),
    "trade_id": _maybe("trade_id", _count),
    "last_amount": _maybe("last_qty", _price),
    "last_price": _maybe("last_price", _price),
    "liquidity": _maybe("liquidity_ind", _one_of(frozenset("mt"))),
    "cost": _maybe("cost", _amount),
    "fees": _maybe("fees", _fees),
    "filled": _maybe("cum_qty", _amount),
    "filled_cost": _maybe("cum_cost", _amount),
    "mean_price": _maybe("avg_price", _amount),
    "reason": _maybe("reason", str),
    "rate_count": _maybe("ratecount", _amount),
}
_FILL = ("pair", "side", "exec_id", "last_amount", "last_price", "liquidity", "fees", "filled")
"""What an execution of the kind `trade` must say."""
_BALANCE: _Layout = {
    "asset": _Field("asset", _text),
    "balance": _Field("balance", _number),
    "change": _maybe("amount", _number),
    "fee": _maybe("fee", _number),
    "kind": _maybe("type", _text),
    "ledger_id": _maybe("ledger_id", _text),
    "ref_id": _maybe("ref_id", _text),
    "wallet": _maybe("wallet_type", _text),
    "time_ns": _maybe("timestamp", _time),
}


def _row(kind: Callable[..., T], layout: _Layout, row: object) -> T:
    """Read one row. Errors: _BrokenError that names the field."""
    if not isinstance(row, dict):
        raise _BrokenError("expected an object")
    values = {}
    for name, field in layout.items():
        found = row.get(field.name)
        if found is None:
            if field.needed:
                raise _BrokenError(f"{field.name}: missing")
            continue
        try:
            values[name] = field.read(found)
        except _BrokenError as error:
            raise _BrokenError(f"{field.name}: {error}") from None
    return kind(**values)


def _channel_messages(channel: str, frame: Mapping[str, Any], text: str) -> Sequence[m.Message]:
    if channel == "heartbeat":
        return (m.Heartbeat(),)
    parse = _CHANNELS.get(channel)
    broken: list[str] = []
    rows: Sequence[m.Message] = ()
    try:
        if parse is None:
            raise _BrokenError("a channel nobody asked for")
        kind = _text(frame.get("type"))
        if kind not in ("snapshot", "update"):
            raise _BrokenError(f"type {kind[:40]!r}: expected snapshot or update")
        rows = parse(frame, kind == "snapshot", broken)
    except _BrokenError as error:
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


def _kept(kind: Callable[..., T], layout: _Layout, rows: object, broken: list[str]) -> list[T]:
    """Return the rows that can be read; the reasons of the others go to `broken`."""
    kept = []
    for row in _list(rows):
        try:
            kept.append(_row(kind, layout, row))
        except _BrokenError as error:
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
    return _distinct(_kept(m.SystemStatus, _STATUS, frame.get("data"), broken), broken)


def _ticker(frame: Mapping[str, Any], snapshot: bool, broken: list[str]) -> Sequence[m.Message]:
    return _once(_kept(m.TickerUpdate, _TICKER, frame.get("data"), broken), lambda row: row.pair, broken)


def _trades(frame: Mapping[str, Any], snapshot: bool, broken: list[str]) -> Sequence[m.Message]:
    rows = _kept(m.TradeTick, _TRADE, frame.get("data"), broken)
    ticks = _once(rows, lambda tick: (tick.pair, tick.trade_id), broken)
    return (m.TradesSnapshot(ticks) if snapshot else m.TradesUpdate(ticks),) if ticks or not broken else ()


def _ohlc(frame: Mapping[str, Any], snapshot: bool, broken: list[str]) -> Sequence[m.Message]:
    sane = []
    for bar in _kept(m.OhlcUpdate, _OHLC, frame.get("data"), broken):
        if bar.low <= min(bar.open, bar.close) and max(bar.open, bar.close) <= bar.high:
            sane.append(bar)
        else:
            broken.append(f"{bar.pair}: open and close outside of low and high")
    return _once(sane, lambda bar: (bar.pair, bar.timeframe, bar.open_time), broken)


def _book(frame: Mapping[str, Any], snapshot: bool, broken: list[str]) -> Sequence[m.Message]:
    kind = m.BookSnapshot if snapshot else m.BookUpdate
    layout = {
        "pair": _Field("symbol", _pair),
        "bids": _Field("bids", _levels(snapshot, best_first=-1)),
        "asks": _Field("asks", _levels(snapshot, best_first=1)),
        "checksum": _Field("checksum", _count),
    }
    return _distinct(_kept(kind, layout, frame.get("data"), broken), broken)


def _levels(snapshot: bool, best_first: int) -> _Read:
    def read(value: object) -> tuple[m.Level, ...]:
        levels = [_row(lambda price, amount: (price, amount), _LEVEL, row) for row in _list(value)]
        if not snapshot:
            return tuple(levels)
        if len({price for price, _ in levels}) < len(levels):
            raise _BrokenError("one price told twice")
        if not all(amount for _, amount in levels):
            raise _BrokenError("a level without an amount")
        return tuple(sorted(levels, key=lambda level: best_first * level[0]))

    return read


def _instruments(frame: Mapping[str, Any], snapshot: bool, broken: list[str]) -> Sequence[m.Message]:
    data = frame.get("data")
    if not isinstance(data, dict):
        raise _BrokenError("data: expected an object")
    assets = _once(_kept(m.AssetInfo, _ASSET, data.get("assets"), broken), lambda asset: asset.name, broken)
    pairs = _once(_kept(m.PairInfo, _PAIR_INFO, data.get("pairs"), broken), lambda info: info.pair, broken)
    return (m.InstrumentSnapshot(assets, pairs) if snapshot else m.InstrumentUpdate(assets, pairs),)


def _executions(frame: Mapping[str, Any], snapshot: bool, broken: list[str]) -> Sequence[m.Message]:
    sequence = _sequence(frame)
    whole = []
    for row in _kept(m.Execution, _EXECUTION, frame.get("data"), broken):
        missing = [name for name in _FILL if row.event == "trade" and getattr(row, name) is None]
        if missing:
            broken.append(f"trade of order {row.order_id} without {', '.join(missing)}")
        else:
            whole.append(row)
    return (m.Executions(snapshot, sequence, _distinct(whole, broken)),)


def _balances(frame: Mapping[str, Any], snapshot: bool, broken: list[str]) -> Sequence[m.Message]:
    sequence = _sequence(frame)
    rows = _kept(m.BalanceUpdate, _BALANCE, frame.get("data"), broken)
    return (m.Balances(snapshot, sequence, _distinct(rows, broken)),)


def _sequence(frame: Mapping[str, Any]) -> int:
    try:
        return _count(frame.get("sequence"))
    except _BrokenError as error:
        raise _BrokenError(f"sequence: {error}") from None


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
        raise _BrokenError("an answer that is neither done nor refused")
    if success is bool(words) or (success and not method):
        raise _BrokenError("an answer that contradicts itself")
    result = frame.get("result")
    if isinstance(frame.get("orders_cancelled"), int):
        result = {"count": frame["orders_cancelled"]}
    if result is not None and not isinstance(result, (dict, list)):
        raise _BrokenError("result: expected an object")
    about = result if isinstance(result, dict) else frame
    warnings = about.get("warnings") or []
    return (
        m.Ack(
            method,
            None if req_id is None else _count(req_id),
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
