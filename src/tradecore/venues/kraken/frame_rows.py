"""Rows of Kraken's WebSocket v2: where each value stands on the wire, how it is read, and whether it must be there.

Tables and small readers without state; `kraken.frames` calls them. Invariant: a value that comes out is what the venue
wrote, finite and in range; anything else is a `BrokenRowError` that names the field, never a default.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar

from tradecore.core.errors import UsageError
from tradecore.core.types import MINUTE_NS, SECOND_NS, Nanoseconds, Pair, Side, Timeframe
from tradecore.venues.kraken import messages as m
from tradecore.venues.kraken.names import pair_from_kraken

T = TypeVar("T")
_Read = Callable[[Any], Any]
_STAMP = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z")
_SIDES = {"buy": Side.BUY, "sell": Side.SELL}
_EVENTS = frozenset(
    ("pending_new", "new", "trade", "filled", "iceberg_refill", "canceled", "expired", "amended", "restated", "status")
)
_STATES = frozenset(("pending_new", "new", "partially_filled", "filled", "canceled", "expired", "triggered"))


class BrokenRowError(ValueError):
    """A field could not be read; the words name it."""


def text_of(value: object) -> str:
    """Return text that is not empty."""
    if not isinstance(value, str) or not value:
        raise BrokenRowError("expected words")
    return value


def _number(value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
        raise BrokenRowError("expected a number")
    number = Decimal(value)
    if not number.is_finite() or (number and not -30 <= number.adjusted() <= 30):
        raise BrokenRowError("number out of any range")
    return number


def _amount(value: object) -> Decimal:
    number = _number(value)
    if number.is_signed():
        raise BrokenRowError("expected a number of at least 0")
    return number


def _price(value: object) -> Decimal:
    number = _amount(value)
    if not number:
        raise BrokenRowError("expected a number above 0")
    return number


def count_of(value: object) -> int:
    """Return a whole number of zero or more."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**63:
        raise BrokenRowError("expected a count")
    return value


def _whole(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) >= 2**63:
        raise BrokenRowError("expected a whole number")
    return value


def _time(value: object) -> Nanoseconds:
    match = _STAMP.fullmatch(text_of(value))
    if match is None:
        raise BrokenRowError("expected a time as in 2023-10-06T17:35:55.440295Z")
    try:
        whole = int(datetime.fromisoformat(match[1]).replace(tzinfo=UTC).timestamp())
    except ValueError as error:
        raise BrokenRowError(f"no such time: {error}") from None
    return whole * SECOND_NS + int((match[2] or "").ljust(9, "0"))


def _pair(value: object) -> Pair:
    try:
        return _pair_named(text_of(value))
    except UsageError as error:
        raise BrokenRowError(str(error)) from None


_pair_named = lru_cache(maxsize=4096)(pair_from_kraken)


def _side(value: object) -> Side:
    return _one_of(_SIDES)(value)  # type: ignore[no-any-return]


def _one_of(words: Mapping[str, object] | frozenset[str]) -> _Read:
    def read(value: object) -> object:
        word = text_of(value)
        if word not in words:
            raise BrokenRowError(f"{word[:40]!r} is none of {', '.join(sorted(words))}")
        return words[word] if isinstance(words, Mapping) else word

    return read


def _timeframe(value: object) -> Timeframe:
    minutes = count_of(value)
    if not 1 <= minutes <= 21600:
        raise BrokenRowError("expected an interval in minutes")
    return Timeframe(minutes * MINUTE_NS)


def _fees(value: object) -> tuple[m.Fee, ...]:
    fees = tuple(read_row(m.Fee, _FEE, row) for row in list_of(value))
    if len({fee.asset for fee in fees}) < len(fees):
        raise BrokenRowError("one asset told twice")
    return fees


def list_of(value: object) -> list[Any]:
    """Return a list."""
    if not isinstance(value, list):
        raise BrokenRowError("expected a list")
    return value


class _Field(NamedTuple):
    """Where a value stands on the wire, how it is read, and whether it must be there."""

    name: str
    read: _Read
    needed: bool = True


def _maybe(name: str, read: _Read) -> _Field:
    return _Field(name, read, needed=False)


Layout = Mapping[str, _Field]
_FEE: Layout = {"asset": _Field("asset", text_of), "amount": _Field("qty", _number)}
_LEVEL: Layout = {"price": _Field("price", _price), "amount": _Field("qty", _amount)}
STATUS: Layout = {"system": _Field("system", text_of), "version": _maybe("version", text_of)}
TICKER: Layout = {
    "pair": _Field("symbol", _pair),
    "bid": _Field("bid", _price),
    "bid_amount": _Field("bid_qty", _amount),
    "ask": _Field("ask", _price),
    "ask_amount": _Field("ask_qty", _amount),
    "last": _Field("last", _price),
    **{name: _Field(name, _amount) for name in ("volume", "vwap", "low", "high")},
    "time_ns": _maybe("timestamp", _time),
}
TRADE: Layout = {
    "pair": _Field("symbol", _pair),
    "trade_id": _Field("trade_id", count_of),
    "time_ns": _Field("timestamp", _time),
    "price": _Field("price", _price),
    "amount": _Field("qty", _price),
    "side": _Field("side", _side),
    "order_type": _Field("ord_type", text_of),
}
OHLC: Layout = {
    "pair": _Field("symbol", _pair),
    "timeframe": _Field("interval", _timeframe),
    "open_time": _Field("interval_begin", _time),
    **{name: _Field(name, _price) for name in ("open", "high", "low", "close")},
    **{name: _Field(name, _amount) for name in ("volume", "vwap")},
    "count": _Field("trades", count_of),
}
ASSET: Layout = {
    "name": _Field("id", text_of),
    "status": _Field("status", text_of),
    "decimals": _Field("precision", count_of),
}
PAIR_INFO: Layout = {
    "pair": _Field("symbol", _pair),
    "status": _Field("status", text_of),
    "price_decimals": _Field("price_precision", count_of),
    "amount_decimals": _Field("qty_precision", count_of),
    "cost_decimals": _Field("cost_precision", count_of),
    "price_step": _Field("price_increment", _price),
    "amount_step": _Field("qty_increment", _price),
    "least_amount": _Field("qty_min", _amount),
    "least_cost": _Field("cost_min", _amount),
}
EXECUTION: Layout = {
    "order_id": _Field("order_id", text_of),
    "event": _Field("exec_type", _one_of(_EVENTS)),
    "status": _Field("order_status", _one_of(_STATES)),
    "time_ns": _Field("timestamp", _time),
    "pair": _maybe("symbol", _pair),
    "side": _maybe("side", _side),
    "cl_ord_id": _maybe("cl_ord_id", text_of),
    "userref": _maybe("order_userref", _whole),
    "order_type": _maybe("order_type", text_of),
    "amount": _maybe("order_qty", _amount),
    "limit_price": _maybe("limit_price", _amount),
    "exec_id": _maybe("exec_id", text_of),
    "trade_id": _maybe("trade_id", count_of),
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
FILL = ("pair", "side", "exec_id", "last_amount", "last_price", "liquidity", "fees")
"""What an execution of the kind `trade` must say: what the ledger needs, and no more than the venue always sends."""
BALANCE: Layout = {
    "asset": _Field("asset", text_of),
    "balance": _Field("balance", _number),
    "change": _maybe("amount", _number),
    "fee": _maybe("fee", _number),
    "kind": _maybe("type", text_of),
    "ledger_id": _maybe("ledger_id", text_of),
    "ref_id": _maybe("ref_id", text_of),
    "wallet": _maybe("wallet_type", text_of),
    "time_ns": _maybe("timestamp", _time),
}


def read_row(kind: Callable[..., T], layout: Layout, row: object) -> T:
    """Read one row. Errors: BrokenRowError that names the field."""
    if not isinstance(row, dict):
        raise BrokenRowError("expected an object")
    values = {}
    for name, field in layout.items():
        found = row.get(field.name)
        if found is None:
            if field.needed:
                raise BrokenRowError(f"{field.name}: missing")
            continue
        try:
            values[name] = field.read(found)
        except BrokenRowError as error:
            raise BrokenRowError(f"{field.name}: {error}") from None
    return kind(**values)


def book_layout(snapshot: bool) -> Layout:
    """Return the layout of a book: a snapshot's prices are all different and its amounts above zero."""
    return {
        "pair": _Field("symbol", _pair),
        "bids": _Field("bids", _levels(snapshot, best_first=-1)),
        "asks": _Field("asks", _levels(snapshot, best_first=1)),
        "checksum": _Field("checksum", count_of),
    }


def _levels(snapshot: bool, best_first: int) -> _Read:
    def read(value: object) -> tuple[m.Level, ...]:
        levels = [read_row(lambda price, amount: (price, amount), _LEVEL, row) for row in list_of(value)]
        if not snapshot:
            return tuple(levels)
        if len({price for price, _ in levels}) < len(levels):
            raise BrokenRowError("one price told twice")
        if not all(amount for _, amount in levels):
            raise BrokenRowError("a level without an amount")
        return tuple(sorted(levels, key=lambda level: best_first * level[0]))

    return read
