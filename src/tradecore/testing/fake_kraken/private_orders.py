"""The private calls that act: orders added, changed, cancelled; the dead man's switch; tokens for sockets.

REST calls come in as forms and go out as results; the socket uses the same methods with its parameters written in
REST's words. What an action means is `matching`'s business; here it is found out which orders are meant.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tradecore.core.clock import Clock
from tradecore.core.types import SECOND_NS, Nanoseconds, iso
from tradecore.testing.fake_kraken.accounts import Account, Identifiers
from tradecore.testing.fake_kraken.counters import amend_points, cancel_points, edit_points
from tradecore.testing.fake_kraken.listing import check_class
from tradecore.testing.fake_kraken.matching import RATE_LIMITED, Amendment, Matching
from tradecore.testing.fake_kraken.order_record import FakeOrder, OrderRequest
from tradecore.testing.fake_kraken.order_requests import (
    number,
    read_deadline,
    read_order,
    resolve_price,
    truth,
)
from tradecore.testing.fake_kraken.private_ports import MarketSide
from tradecore.testing.fake_kraken.private_words import close_words, describe
from tradecore.testing.fake_kraken.said import Said

TOKEN_LIFE_NS = 900 * SECOND_NS
_BATCH = range(2, 16)
_MOST_CANCELS = 50


@dataclass(slots=True)
class Token:
    """One socket token: whom it speaks for, until when it may first be used, how many subscriptions keep it alive."""

    account: Account
    permissions: frozenset[str]
    expires: Nanoseconds
    users: int = 0


class OrderCalls:
    """Answers the calls that change something."""

    def __init__(
        self, market: MarketSide, clock: Clock, matching: Matching, ids: Identifiers, rng: np.random.Generator
    ) -> None:
        self._market = market
        self._clock = clock
        self._matching = matching
        self._ids = ids
        self._rng = rng
        self._tokens: dict[str, Token] = {}
        self.permissions_of: Callable[[str], frozenset[str]] = lambda key: frozenset()

    def calls(self) -> dict[str, Callable[[Account, Mapping[str, Any]], Any]]:
        """Return every call by the venue's name for it."""
        return {
            "AddOrder": self.add_order,
            "AddOrderBatch": self.add_order_batch,
            "AmendOrder": self.amend_order,
            "EditOrder": self.edit_order,
            "CancelOrder": self.cancel_order,
            "CancelOrderBatch": self.cancel_order_batch,
            "CancelAll": lambda account, form: {"count": self.cancel_all(account)},
            "CancelAllOrdersAfter": self.cancel_all_after,
            "GetWebSocketsToken": self.token,
        }

    # -- adding and changing

    def add(self, account: Account, form: Mapping[str, Any]) -> tuple[OrderRequest, FakeOrder | None]:
        """Place one order in REST's words; None when it was only validated. Errors: Said."""
        request = read_order(form, self._market, self._clock.now())
        return request, self._matching.submit(account, request)

    def add_order(self, account: Account, form: Mapping[str, Any]) -> dict[str, Any]:
        """Place one order."""
        self._check_class(form)
        request, order = self.add(account, form)
        return {"descr": self._descr(request, order), **({} if order is None else {"txid": [order.order_id]})}

    def add_order_batch(self, account: Account, form: Mapping[str, Any]) -> dict[str, Any]:
        """Place two to fifteen orders of one pair; each is answered by itself."""
        self._check_class(form)
        orders = form.get("orders")
        wishes = list(orders.values()) if isinstance(orders, Mapping) else orders
        rows = []
        for outcome in self.add_all(account, wishes, form):
            if isinstance(outcome, Said):
                rows.append({"error": outcome.words})
                continue
            request, order = outcome
            row: dict[str, Any] = {"descr": {"order": self._descr(request, order)["order"]}}
            if request.close is not None:
                row["close"] = close_words(request, self._market.pair_rules(request.pair))
            rows.append(row if order is None else {"txid": order.order_id, **row})
        return {"orders": rows}

    def add_all(
        self, account: Account, wishes: Any, form: Mapping[str, Any]
    ) -> list[tuple[OrderRequest, FakeOrder | None] | Said]:
        """Place a batch; a batch of which one order cannot even be read is refused as a whole. Errors: Said."""
        listed = isinstance(wishes, Sequence) and all(isinstance(wish, Mapping) for wish in wishes)
        if not listed or len(wishes) not in _BATCH:
            raise Said("EGeneral:Invalid arguments:orders")
        shared = {name: form[name] for name in ("pair", "deadline", "validate") if name in form}
        now = self._clock.now()
        requests = [read_order({**wish, **shared}, self._market, now) for wish in wishes]
        outcomes: list[tuple[OrderRequest, FakeOrder | None] | Said] = []
        for request in requests:
            try:
                outcomes.append((request, self._matching.submit(account, request)))
            except Said as said:
                outcomes.append(said)
        return outcomes

    def _check_class(self, form: Mapping[str, Any]) -> None:
        """Demand what REST demands of orders in tokenised stocks, and sockets do not. Errors: Said."""
        check_class(self._market.pair_rules(self._market.find_pair(str(form.get("pair", "")))), form)

    def amend_order(self, account: Account, form: Mapping[str, Any]) -> dict[str, Any]:
        """Change an open order in place."""
        self.amend(account, form)
        return {"amend_id": self._ids.next("T")}

    def amend(self, account: Account, form: Mapping[str, Any]) -> FakeOrder:
        """Change an open order in place and return it. Errors: Said."""
        now = self._clock.now()
        read_deadline(form, now)
        order = self._one(account, form)
        rules, last = self._market.pair_rules(order.pair), self._market.last(order.pair)
        if rules.tokenised and not (form.get("pair") or form.get("symbol")):
            raise Said("EGeneral:Invalid arguments:pair")

        def price(field: str) -> Any:
            text = form.get(field)
            return None if text in (None, "") else resolve_price(str(text), last, order.side, rules, away=-1)

        volume = form.get("order_qty")
        change = Amendment(
            None if volume in (None, "") else number(volume, "order_qty"),
            price("limit_price"),
            price("trigger_price"),
            truth(form.get("post_only")),
        )
        counter = self._matching.counter(account, order.pair)
        counter.add(amend_points(now - order.touched_at), now, RATE_LIMITED)
        self._matching.amend(account, order, change)
        return order

    def edit_order(self, account: Account, form: Mapping[str, Any]) -> dict[str, Any]:
        """Replace an open order by a new one with a new id."""
        old, new, request = self.edit(account, form)
        answer: dict[str, Any] = {"status": "ok", "descr": {"order": self._descr(request, new)["order"]}}
        answer |= {"originaltxid": old.order_id, "orders_cancelled": 0 if new is None else 1}
        answer |= {"volume": str(request.volume), "price": str(request.limit or request.trigger or "")}
        if old.request.userref:
            answer |= {"olduserref": str(old.request.userref), "newuserref": str(request.userref)}
        return answer if new is None else answer | {"txid": new.order_id}

    def edit(self, account: Account, form: Mapping[str, Any]) -> tuple[FakeOrder, FakeOrder | None, OrderRequest]:
        """Replace an open order; return the old one, the new one and what was asked for. Errors: Said."""
        now = self._clock.now()
        old = self._one(account, form)
        if old.request.close is not None or old.request.cl_ord_id is not None:
            raise Said("EOrder:Invalid order")
        terms = self._terms(old)
        for field in ("volume", "price", "price2", "oflags", "deadline", "validate", "displayvol", "userref"):
            if form.get(field) not in (None, ""):
                terms[field] = form[field]
        request = read_order(terms, self._market, now)
        age = now - old.touched_at
        return old, self._matching.edit(account, old, request, points=edit_points(age)), request

    # -- cancelling

    def cancel_order(self, account: Account, form: Mapping[str, Any]) -> dict[str, Any]:
        """Cancel the orders of one id, client's id or userref."""
        named = form.get("txid") if form.get("txid") not in (None, "") else form.get("cl_ord_id")
        return {"count": len(self.cancel(account, str(named or "")))}

    def cancel_order_batch(self, account: Account, form: Mapping[str, Any]) -> dict[str, Any]:
        """Cancel up to fifty orders; those that are not open are left out of the count."""
        names: list[str] = []
        for field in ("orders", "cl_ord_ids"):
            given = form.get(field) or []
            items = given.values() if isinstance(given, Mapping) else given
            names += [str(item.get("txid") if isinstance(item, Mapping) else item) for item in items]
        if not 0 < len(names) <= _MOST_CANCELS:
            raise Said("EGeneral:Invalid arguments:orders")
        done = 0
        for name in names:
            try:
                done += len(self.cancel(account, name))
            except Said:
                continue
        if not done:
            raise Said("EOrder:Unknown order")
        return {"count": done}

    def cancel(self, account: Account, name: str) -> list[FakeOrder]:
        """Cancel the open orders that an id, a client's id or a userref names. Errors: Said when there is none."""
        found = [order for order in account.open.values() if name in _names(order)]
        if not name or not found:
            raise Said("EOrder:Unknown order")
        for order in found:
            self._cancel_one(account, order)
        return found

    def cancel_all(self, account: Account, reason: str = "User requested") -> int:
        """Cancel every open order; return how many there were."""
        mine = list(account.open.values())
        for order in mine:
            if order.order_id in account.open:
                self._matching.cancel(account, order, reason)
        return len(mine)

    def cancel_all_after(self, account: Account, form: Mapping[str, Any]) -> dict[str, Any]:
        """Arm the dead man's switch, or disarm it with 0."""
        timeout = int(number(form.get("timeout"), "timeout"))
        if not 0 <= timeout <= 86_400:
            raise Said("EGeneral:Invalid arguments:timeout")
        now = self._clock.now()
        account.cancel_all_at = now + timeout * SECOND_NS if timeout else None
        trigger = "0" if account.cancel_all_at is None else iso(account.cancel_all_at // SECOND_NS * SECOND_NS)
        return {"currentTime": iso(now // SECOND_NS * SECOND_NS), "triggerTime": trigger}

    # -- tokens

    def token(self, account: Account, form: Mapping[str, Any]) -> dict[str, Any]:
        """Give out a token for the private socket, good for fifteen minutes or while something is subscribed."""
        text = base64.b64encode(self._rng.bytes(32)).decode().rstrip("=")
        rights = self.permissions_of(str(form.get("api_key", "")))
        self._tokens[text] = Token(account, rights, self._clock.now() + TOKEN_LIFE_NS)
        return {"token": text, "expires": TOKEN_LIFE_NS // SECOND_NS}

    def token_named(self, text: str) -> Token:
        """Return a live token. Errors: Said for one that is unknown or has expired unused."""
        token = self._tokens.get(text)
        if token is None or (not token.users and token.expires <= self._clock.now()):
            raise Said("ESession:Invalid session")
        return token

    # -- inside

    def _cancel_one(self, account: Account, order: FakeOrder) -> None:
        now = self._clock.now()
        self._matching.counter(account, order.pair).force(cancel_points(now - order.touched_at), now)
        self._matching.cancel(account, order)

    def _one(self, account: Account, form: Mapping[str, Any]) -> FakeOrder:
        name = str(form.get("txid") or form.get("order_id") or form.get("cl_ord_id") or "")
        found = [order for order in account.open.values() if name in _names(order)]
        if not name or len(found) != 1:
            raise Said("EOrder:Unknown order")
        return found[0]

    def _descr(self, request: OrderRequest, order: FakeOrder | None) -> dict[str, str]:
        descr = describe(request, order, self._market.pair_rules(request.pair))
        return {name: descr[name] for name in ("order", "close") if descr[name]}

    def _terms(self, order: FakeOrder) -> dict[str, Any]:
        """Return an order's terms in REST's words, to be placed again."""
        request = order.request
        first, second = (order.trigger, order.limit) if request.conditional else (order.limit, None)
        return {
            "pair": str(order.pair),
            "type": order.side.name.lower(),
            "ordertype": request.order_type,
            "volume": str(order.left),
            "oflags": ",".join(request.flags),
            "timeinforce": request.time_in_force,
            "userref": request.userref or None,
            **({"price": str(first)} if first is not None else {}),
            **({"price2": str(second)} if second is not None else {}),
            **({"expiretm": str(request.expire_at // SECOND_NS)} if request.expire_at else {}),
        }


def _names(order: FakeOrder) -> set[str]:
    names = {order.order_id}
    if order.request.cl_ord_id is not None:
        names.add(order.request.cl_ord_id)
    if order.request.userref:
        names.add(str(order.request.userref))
    return names
