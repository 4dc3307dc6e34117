"""The private socket of the fake Kraken: executions, balances and order entry, for one connection.

Each channel numbers its messages from 1 on each connection. Acknowledgements and executions are separate messages; the
acknowledgement of an order comes first, unless the fault `fill_before_ack` turns them round. State lies elsewhere:
what a client sees here it can also read over REST.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from tradecore.core.clock import Clock
from tradecore.core.types import SECOND_NS, Nanoseconds
from tradecore.testing.fake_kraken.accounts import Account
from tradecore.testing.fake_kraken.matching import Execution, Matching
from tradecore.testing.fake_kraken.order_requests import from_socket
from tradecore.testing.fake_kraken.private_orders import OrderCalls, Token
from tradecore.testing.fake_kraken.private_ports import FaultSwitch, MarketSide
from tradecore.testing.fake_kraken.private_words import (
    balance_snapshot,
    balance_update,
    exact_json,
    execution_row,
    fill_row,
    open_order_row,
)
from tradecore.testing.fake_kraken.said import Said
from tradecore.testing.fake_kraken.wire import stamp

CHANNELS = ("executions", "balances")
SNAP_TRADES = 50
"""How many past fills a snapshot holds at most."""
_QUIET = {"pending_new", "amended", "triggered"}
"""Steps that a client who wants no order_status does not hear of."""


@dataclass(slots=True)
class Subscription:
    """One channel of one connection, with the number of its last message."""

    channel: str
    token: Token
    params: Mapping[str, Any] = field(default_factory=dict)
    sequence: int = 0


class PrivateConnection:
    """One client's private socket."""

    def __init__(self, desk: Desk, push: Callable[[str], None], heartbeat_s: float, connection_id: int) -> None:
        self._desk = desk
        self._id = connection_id
        desk.connections[connection_id] = self
        self._push = push
        self._heartbeat_ns = round(heartbeat_s * SECOND_NS)
        self._quiet_since = desk.clock.now()
        self._subscriptions: dict[str, Subscription] = {}
        self._held: list[dict[str, Any]] | None = None
        status = {
            "system": desk.market.status,
            "api_version": "v2",
            "connection_id": connection_id,
            "version": "2.0.10",
        }
        self._send({"channel": "status", "type": "update", "data": [status]})

    def receive(self, text: str) -> None:
        """Take one message of the client and answer it."""
        time_in = self._desk.clock.now()
        try:
            message = json.loads(text, parse_float=Decimal)
        except (ValueError, RecursionError):
            message = None
        if not isinstance(message, dict) or not isinstance(message.get("params", {}), dict):
            self._send({"error": "Malformed request", "success": False, **self._times(time_in)})
            return
        method = str(message.get("method"))
        head = {"method": method, **({"req_id": message["req_id"]} if "req_id" in message else {})}
        if method == "ping":
            self._send({**head, "method": "pong", **self._times(time_in)})
            return
        self._held = []
        try:
            results = self._carry_out(method, message.get("params", {}))
        except Said as said:
            results = [said]
        held, self._held = self._held, None
        acks = [{**head, **_ack(result), **self._times(time_in)} for result in results]
        first = self._desk.faults.hit("fill_before_ack", method)
        for outgoing in (*held, *acks) if first else (*acks, *held):
            self._send(outgoing)

    def closed(self) -> None:
        """Learn that the client is gone."""
        for subscription in self._subscriptions.values():
            subscription.token.users -= 1
        self._subscriptions.clear()
        self._desk.connections.pop(self._id, None)

    def on_time(self, now: Nanoseconds) -> None:
        """Send a heartbeat when nothing was sent for a while."""
        if self._subscriptions and now - self._quiet_since >= self._heartbeat_ns:
            self._send({"channel": "heartbeat"})

    def next_due(self) -> Nanoseconds | None:
        """Return when the next heartbeat is due."""
        return self._quiet_since + self._heartbeat_ns if self._subscriptions else None

    def tell(self, event: Execution) -> None:
        """Tell what happened to an order, and what it did to the balances."""
        executions = self._of(event.account, "executions")
        if executions is not None and self._wants(executions, event):
            row = execution_row(event, terms_with_new=not executions.params.get("order_status", True))
            if executions.params.get("ratecounter"):
                counter = self._desk.matching.counter(event.account, event.order.pair)
                row["ratecount"] = round(Decimal(counter.value(event.time)), 2)
            self._publish(executions, "update", [row])
        balances = self._of(event.account, "balances")
        if balances is not None and event.fill is not None:
            rows = [balance_update(event.account.ledger[entry]) for entry in event.fill.ledgers]
            self._publish(balances, "update", rows)

    def _wants(self, subscription: Subscription, event: Execution) -> bool:
        return subscription.params.get("order_status", True) or event.kind not in _QUIET

    def _of(self, account: Account, channel: str) -> Subscription | None:
        found = self._subscriptions.get(channel)
        return found if found is not None and found.token.account is account else None

    def _publish(self, subscription: Subscription, kind: str, rows: list[dict[str, Any]]) -> None:
        """Number a message and send it, or hold it until the answer to the running request is out."""
        channel = subscription.channel
        if kind == "update" and channel == "executions" and self._desk.faults.hit("untold_execution", channel):
            return
        subscription.sequence += 2 if self._desk.faults.hit("sequence_jump", channel) else 1
        message = {"channel": channel, "type": kind, "data": rows, "sequence": subscription.sequence}
        if kind == "update" and channel == "executions" and self._desk.faults.hit("missing_execution", channel):
            return
        if self._held is not None:
            self._held.append(message)
        else:
            self._send(message)

    def _send(self, message: Mapping[str, Any]) -> None:
        self._quiet_since = self._desk.clock.now()
        self._push(exact_json(message))

    def _times(self, time_in: Nanoseconds) -> dict[str, str]:
        return {"time_in": stamp(time_in), "time_out": stamp(self._desk.clock.now())}

    def _carry_out(self, method: str, params: Mapping[str, Any]) -> list[dict[str, Any] | Said]:
        """Return one result or refusal for every acknowledgement that is to be sent."""
        if method in {"subscribe", "unsubscribe"} and str(params.get("channel")) not in CHANNELS:
            raise Said(f"Channel not supported: {params.get('channel')}")
        token = self._token(params, method)
        if method == "subscribe":
            return [self._subscribe(token, params)]
        if method == "unsubscribe":
            return [self._unsubscribe(str(params["channel"]))]
        if self._desk.market.status == "maintenance":
            raise Said("EService:Unavailable")
        if method == "cancel_order":
            names = [*_listed(params.get("order_id")), *_listed(params.get("cl_ord_id"))]
            return self._cancel(token, names + _listed(params.get("order_userref")))
        return [self._desk.act(method, token, params)]

    def _token(self, params: Mapping[str, Any], method: str) -> Token:
        if self._desk.faults.hit("token_expired", method):
            raise Said("ESession:Invalid session")
        return self._desk.calls.token_named(str(params.get("token", "")))

    def _subscribe(self, token: Token, params: Mapping[str, Any]) -> dict[str, Any]:
        channel = str(params["channel"])
        needed = "query-open-trades" if channel == "executions" else "query-funds"
        if needed not in token.permissions:
            raise Said("EGeneral:Permission denied")
        if channel in self._subscriptions:
            raise Said("Already subscribed")
        token.users += 1
        subscription = Subscription(channel, token, dict(params))
        self._subscriptions[channel] = subscription
        snapshot = bool(params.get("snapshot", True))
        result: dict[str, Any] = {"channel": channel}
        if channel == "balances":
            if snapshot:
                self._publish(subscription, "snapshot", balance_snapshot(token.account))
            return result | {"snapshot": snapshot}
        orders = bool(params.get("snap_orders", True)) and snapshot
        trades = bool(params.get("snap_trades", False)) and snapshot
        if orders or trades:
            rows = [open_order_row(order) for order in token.account.open.values()] if orders else []
            fills = list(token.account.fills.values())[-SNAP_TRADES:] if trades else []
            self._publish(subscription, "snapshot", [*rows, *(fill_row(fill) for fill in fills)])
        limit = int(self._desk.matching.limit_of(token.account))
        return result | {"maxratecount": limit, "snap_orders": orders, "snap_trades": trades}

    def _unsubscribe(self, channel: str) -> dict[str, Any]:
        subscription = self._subscriptions.pop(channel, None)
        if subscription is None:
            raise Said("Subscription Not Found")
        subscription.token.users -= 1
        return {"channel": channel}

    def _cancel(self, token: Token, names: list[str]) -> list[dict[str, Any] | Said]:
        """Cancel order by order, with one acknowledgement each."""
        if not names:
            raise Said("EGeneral:Invalid arguments:order_id")
        return [self._desk.cancelled(token, name) for name in names]


class Desk:
    """What all private connections share: the calls behind order entry, and who is connected."""

    def __init__(
        self, market: MarketSide, clock: Clock, faults: FaultSwitch, matching: Matching, calls: OrderCalls
    ) -> None:
        self.market = market
        self.clock = clock
        self.faults = faults
        self.matching = matching
        self.calls = calls
        self.connections: dict[int, PrivateConnection] = {}

    def act(self, method: str, token: Token, params: Mapping[str, Any]) -> dict[str, Any]:
        """Carry out a request that has one acknowledgement; return its result. Errors: Said."""
        account = token.account
        if method not in {"cancel_all", "cancel_all_orders_after", "batch_cancel"}:
            self._need(token, "modify-trades")
        if method == "add_order":
            request, order = self.calls.add(account, from_socket(params))
            ids = {} if order is None else {"order_id": order.order_id}
            ids |= {"cl_ord_id": request.cl_ord_id} if request.cl_ord_id is not None else {}
            return {**ids, "order_userref": request.userref}
        if method == "amend_order":
            order = self.calls.amend(account, {**params, "txid": params.get("order_id")})
            ids = {"cl_ord_id": order.request.cl_ord_id} if order.request.cl_ord_id is not None else {}
            return {"amend_id": self.matching.new_id("T"), "order_id": order.order_id, **ids}
        if method == "edit_order":
            form = {**from_socket(params), "txid": params.get("order_id")}
            old, new, _ = self.calls.edit(account, form)
            return {"order_id": old.order_id if new is None else new.order_id, "original_order_id": old.order_id}
        if method == "batch_add":
            return {"orders": self._batch(account, params)}
        self._need(token, "close-trades", "modify-trades")
        if method == "cancel_all":
            return {"count": self.calls.cancel_all(account)}
        if method == "cancel_all_orders_after":
            return self.calls.cancel_all_after(account, params)
        if method == "batch_cancel":
            names = [*_listed(params.get("orders")), *_listed(params.get("cl_ord_id"))]
            return self.calls.cancel_order_batch(account, {"orders": names})
        raise Said("Unsupported method")

    def cancelled(self, token: Token, name: str) -> dict[str, Any] | Said:
        """Cancel what one name means; return the result or the refusal."""
        try:
            self._need(token, "close-trades", "modify-trades")
            orders = self.calls.cancel(token.account, name)
        except Said as said:
            return said
        client = orders[0].request.cl_ord_id
        return {"order_id": orders[0].order_id, **({"cl_ord_id": client} if client is not None else {})}

    def _batch(self, account: Account, params: Mapping[str, Any]) -> list[dict[str, Any]]:
        wishes = [from_socket(wish) for wish in _dicts(params.get("orders"))]
        shared = {**params, "pair": params.get("symbol")}
        rows: list[dict[str, Any]] = []
        for wish, outcome in zip(wishes, self.calls.add_all(account, wishes, shared), strict=True):
            ids = {"cl_ord_id": wish["cl_ord_id"]} if "cl_ord_id" in wish else {}
            if isinstance(outcome, Said):
                rows.append({**ids, "success": False, "error": outcome.words})
            else:
                order = outcome[1]
                rows.append({**({} if order is None else {"order_id": order.order_id}), **ids, "success": True})
        return rows

    @staticmethod
    def _need(token: Token, *rights: str) -> None:
        if not token.permissions & set(rights):
            raise Said("EGeneral:Permission denied")


def _ack(result: dict[str, Any] | Said) -> dict[str, Any]:
    if isinstance(result, Said):
        return {"success": False, "error": result.words}
    return {"success": True, "result": result}


def _listed(value: Any) -> list[str]:
    if value is None:
        return []
    return [str(item) for item in value] if isinstance(value, list) else [str(value)]


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
