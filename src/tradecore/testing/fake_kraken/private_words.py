"""How the fake venue writes orders, fills, ledger entries and balances: REST rows with texts, socket rows with numbers.

Rendering only; nothing here changes anything. `private_rest` and `private_socket` call it. Socket messages hold exact
decimal numbers, so they are written by `exact_json`, which prints a Decimal as the number it is.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from tradecore.core.types import SECOND_NS, Nanoseconds
from tradecore.testing.fake_kraken.accounts import Account, FakeFill, LedgerEntry
from tradecore.testing.fake_kraken.matching import Execution
from tradecore.testing.fake_kraken.order_record import FakeOrder, OrderRequest, OrderState
from tradecore.testing.fake_kraken.private_ports import MarketSide, PairRules
from tradecore.testing.fake_kraken.wire import stamp

_TRIGGER_WORDS = {"stop-loss": "stop loss", "take-profit": "take profit", "trailing-stop": "trailing stop"}


def exact_json(value: Any) -> str:
    """Return compact JSON in which a Decimal is a plain number with the digits it has."""
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{json.dumps(str(key))}:{exact_json(item)}" for key, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(exact_json(item) for item in value) + "]"
    return json.dumps(value, allow_nan=False)


def fixed_text(value: Decimal, decimals: int) -> str:
    """Return a number with exactly so many decimals."""
    return format(value.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP), "f")


def seconds(time_ns: Nanoseconds | None) -> float:
    """Return a time as REST shows it: unix seconds with microseconds, 0 for none."""
    return round((time_ns or 0) / SECOND_NS, 6)


def describe(request: OrderRequest, order: FakeOrder | None, rules: PairRules) -> dict[str, str]:
    """Return an order's `descr`: its terms as fields and as one sentence."""
    volume = order.volume if order is not None else request.volume
    limit = order.limit if order is not None else request.limit
    trigger = order.trigger if order is not None else request.trigger
    terms = _terms(request.order_type, limit, trigger, rules, request)
    first = trigger if request.conditional else limit
    second = limit if request.conditional else None
    return {
        "pair": rules.altname,
        "type": request.side.name.lower(),
        "ordertype": request.order_type,
        "price": _price(first, rules),
        "price2": _price(second, rules),
        "leverage": "none",
        "order": f"{request.side.name.lower()} {fixed_text(volume, rules.lot_decimals)} {rules.altname} @ {terms}",
        "close": close_words(request, rules),
    }


def close_words(request: OrderRequest, rules: PairRules) -> str:
    """Return the sentence about the order that follows, empty when none does."""
    wish = request.close
    if wish is None:
        return ""
    return f"close position @ {_terms(wish.order_type, wish.price, wish.trigger, rules, None)}"


def order_row(account: Account, order: FakeOrder, market: MarketSide, *, trades: bool) -> dict[str, Any]:
    """Return an order as OpenOrders, ClosedOrders and QueryOrders show it."""
    rules, request = market.pair_rules(order.pair), order.request
    cost_decimals, price_decimals = max(5, rules.cost_decimals), max(5, rules.price_decimals)
    row: dict[str, Any] = {
        "refid": order.parent_id,
        "userref": request.userref,
        "status": order.state.value,
        "opentm": seconds(order.opened_at),
        "starttm": seconds(request.start_at),
        "expiretm": seconds(request.expire_at),
        "descr": describe(request, order, rules),
        "vol": fixed_text(order.volume, rules.lot_decimals),
        "vol_exec": fixed_text(order.filled, rules.lot_decimals),
        "cost": fixed_text(order.cost, cost_decimals),
        "fee": fixed_text(order.fee, cost_decimals),
        "price": fixed_text(order.average, price_decimals),
        "stopprice": fixed_text(order.trigger or Decimal(0), price_decimals),
        "limitprice": fixed_text((order.limit or Decimal(0)) if request.conditional else Decimal(0), price_decimals),
        "misc": "",
        "oflags": ",".join(request.flags),
    }
    if request.cl_ord_id is not None:
        row["cl_ord_id"] = request.cl_ord_id
    if request.conditional:
        row["trigger"] = request.trigger_signal
    if order.closed_at is not None:
        row |= {"closetm": seconds(order.closed_at), "reason": order.reason or None}
    if trades and order.fills:
        row["trades"] = list(order.fills)
    return row


def trade_row(fill: FakeFill, market: MarketSide, *, ledgers: bool = False) -> dict[str, Any]:
    """Return a fill as TradesHistory and QueryTrades show it."""
    rules, order = market.pair_rules(fill.pair), fill.order
    cost_decimals = max(5, rules.cost_decimals)
    row: dict[str, Any] = {
        "ordertxid": order.order_id,
        "postxid": "TKH2SE-M7IF5-CFI7LT",
        "pair": rules.key,
        "aclass": "forex",
        "time": seconds(fill.time),
        "type": order.side.name.lower(),
        "ordertype": order.request.order_type,
        "price": fixed_text(fill.price, max(5, rules.price_decimals)),
        "cost": fixed_text(fill.cost, cost_decimals),
        "fee": fixed_text(fill.fee, cost_decimals),
        "vol": fixed_text(fill.amount, rules.lot_decimals),
        "margin": fixed_text(Decimal(0), cost_decimals),
        "leverage": "0",
        "misc": "",
        "trade_id": fill.trade_id,
        "maker": fill.maker,
    }
    return row | ({"ledgers": list(fill.ledgers)} if ledgers else {})


def ledger_row(entry: LedgerEntry, market: MarketSide) -> dict[str, Any]:
    """Return a ledger entry as Ledgers and QueryLedgers show it."""
    decimals = market.asset_decimals(entry.asset)
    return {
        "refid": entry.ref_id,
        "time": seconds(entry.time),
        "type": entry.kind,
        "subtype": "",
        "aclass": "currency",
        "asset": market.asset_key(entry.asset),
        "amount": fixed_text(entry.amount, decimals),
        "fee": fixed_text(entry.fee, decimals),
        "balance": fixed_text(entry.balance, decimals),
    }


def balance_update(entry: LedgerEntry) -> dict[str, Any]:
    """Return a ledger entry as the balances channel tells it."""
    return {
        "ledger_id": entry.entry_id,
        "ref_id": entry.ref_id,
        "timestamp": stamp(entry.time),
        "type": entry.kind,
        "subtype": "",
        "asset": entry.asset,
        "asset_class": "currency",
        "category": "trade" if entry.kind == "trade" else entry.kind,
        "wallet_type": "spot",
        "wallet_id": "main",
        "amount": entry.amount,
        "fee": entry.fee,
        "balance": entry.balance,
    }


def balance_snapshot(account: Account) -> list[dict[str, Any]]:
    """Return all balances as the balances channel's first message holds them."""
    return [
        {
            "asset": asset,
            "asset_class": "currency",
            "balance": balance,
            "wallets": [{"type": "spot", "id": "main", "balance": balance}],
        }
        for asset, balance in account.balances.items()
    ]


def execution_row(event: Execution, *, terms_with_new: bool = False) -> dict[str, Any]:
    """Return one step of an order as the executions channel tells it.

    Terms come with `pending_new`, not again with `new`, unless the client does not hear of `pending_new`.
    """
    order, request = event.order, event.order.request
    head: dict[str, Any] = {
        "order_id": order.order_id,
        "exec_type": {"triggered": "status"}.get(event.kind, event.kind),
        "order_status": order_status(order, event.kind),
        "order_userref": request.userref,
        "timestamp": stamp(event.time),
    }
    if request.cl_ord_id is not None:
        head["cl_ord_id"] = request.cl_ord_id
    if event.kind == "trade" and event.fill is not None:
        return head | fill_fields(event.fill)
    if event.kind == "pending_new":
        return head | terms_fields(order)
    if event.kind == "new":
        return head | (terms_fields(order) if terms_with_new else {})
    if event.kind == "amended":
        return head | terms_fields(order) | progress_fields(order) | {"amended": True, "reason": "User requested"}
    row = head | progress_fields(order)
    if event.kind in {"canceled", "expired"}:
        row |= {"reason": order.reason, "cancel_reason": order.reason}
    return row


def open_order_row(order: FakeOrder) -> dict[str, Any]:
    """Return an open order as the executions channel's snapshot holds it."""
    kind = "pending_new" if order.state is OrderState.PENDING else "new"
    row: dict[str, Any] = {
        "order_id": order.order_id,
        "exec_type": kind,
        "order_status": order_status(order, kind),
        "order_userref": order.request.userref,
        "timestamp": stamp(order.opened_at),
    }
    if order.request.cl_ord_id is not None:
        row["cl_ord_id"] = order.request.cl_ord_id
    return row | terms_fields(order) | progress_fields(order)


def fill_row(fill: FakeFill) -> dict[str, Any]:
    """Return a past fill as the executions channel's snapshot holds it."""
    order = fill.order
    row: dict[str, Any] = {
        "order_id": order.order_id,
        "exec_type": "trade",
        "order_status": order_status(order, "trade"),
        "order_userref": order.request.userref,
        "timestamp": stamp(fill.time),
    }
    if order.request.cl_ord_id is not None:
        row["cl_ord_id"] = order.request.cl_ord_id
    return row | fill_fields(fill)


def terms_fields(order: FakeOrder) -> dict[str, Any]:
    """Return what was asked for, in the words of the executions channel."""
    request = order.request
    fields: dict[str, Any] = {
        "symbol": str(order.pair),
        "side": order.side.name.lower(),
        "order_type": request.order_type,
        "order_qty": order.volume,
        "cum_cost": order.cost,
        "time_in_force": request.time_in_force,
        "fee_usd_equiv": order.fee,
        "fee_ccy_pref": "fcib" if order.fee_in_base else "fciq",
    }
    if order.limit is not None:
        fields |= {"limit_price": order.limit, "limit_price_type": "static"}
    if order.trigger is not None:
        fields |= {
            "stop_price": order.trigger,
            "triggers": {
                "price": order.trigger,
                "price_type": "static",
                "reference": request.trigger_signal,
                "status": "triggered" if order.triggered else "untriggered",
            },
        }
    if order.parent_id is not None:
        fields["order_ref_id"] = order.parent_id
    if request.expire_at:
        fields["expire_time"] = stamp(request.expire_at)
    return fields | ({"post_only": True} if order.post_only else {})


def progress_fields(order: FakeOrder) -> dict[str, Any]:
    """Return how far an order has come."""
    return {
        "cum_qty": order.filled,
        "cum_cost": order.cost,
        "fee_usd_equiv": order.fee,
        "avg_price": round(order.average, 10) if order.filled else Decimal(0),
    }


def fill_fields(fill: FakeFill) -> dict[str, Any]:
    """Return a fill in the words of the executions channel."""
    order = fill.order
    return {
        "exec_id": fill.fill_id,
        "trade_id": fill.trade_id,
        "symbol": str(order.pair),
        "side": order.side.name.lower(),
        "order_type": order.request.order_type,
        "order_qty": order.volume,
        "last_qty": fill.amount,
        "last_price": fill.price,
        "liquidity_ind": "m" if fill.maker else "t",
        "cost": fill.cost,
        "fees": [{"asset": fill.charged[0], "qty": fill.charged[1]}],
        **progress_fields(order),
        "fee_usd_equiv": fill.fee,
    }


def order_status(order: FakeOrder, kind: str) -> str:
    """Return the venue's word for where an order stands after a step of some kind."""
    if kind in {"pending_new", "filled", "canceled", "expired", "triggered"}:
        return kind
    if order.left == 0:
        return "filled"
    return "partially_filled" if order.filled else "new"


def _terms(
    order_type: str, limit: Decimal | None, trigger: Decimal | None, rules: PairRules, request: OrderRequest | None
) -> str:
    if order_type == "market":
        return "market"
    if order_type in {"limit", "iceberg"}:
        return f"{order_type} {_price(limit, rules)}"
    words = _TRIGGER_WORDS[order_type.removesuffix("-limit")]
    first = _price(trigger, rules)
    if request is not None and request.trail is not None:
        trail = request.trail
        first = f"+{trail.distance * 100:.4f}%" if trail.as_fraction else f"+{trail.distance:f}"
    return f"{words} {first}" + (f" -> limit {_price(limit, rules)}" if order_type.endswith("-limit") else "")


def _price(price: Decimal | None, rules: PairRules) -> str:
    return "0" if price is None else fixed_text(price, rules.price_decimals)


def page(rows: Sequence[tuple[str, dict[str, Any]]], offset: int, size: int = 50) -> dict[str, dict[str, Any]]:
    """Return one page of rows by id."""
    return dict(rows[offset : offset + size])
