"""Orders over Kraken's private socket: each request sent once, each answered done, refused or unknown.

An acknowledgement says that the venue took the request, not what became of the order: that comes on the channel
`executions` alone. The engine's venue calls it; connection and token are `kraken.socket`'s. Invariants: nothing is ever
sent twice; Refused means the venue's own words, or that no byte left this machine; every other end is Unknown.
Source: Kraken's WebSocket v2 documentation, user trading.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, TypeVar

from tradecore.core.clock import Clock
from tradecore.core.errors import OrderRefusedError, OutcomeUnknownError, RateLimitedError, ReplyError, UsageError
from tradecore.core.types import SECOND_NS, Nanoseconds, Side
from tradecore.venues.kraken.answers import Answer, Done, Refused, Unknown
from tradecore.venues.kraken.fields import Fields
from tradecore.venues.kraken.limits import EngineCounters
from tradecore.venues.kraken.order_answers import Cancelled, Placed, Switch, read_cancelled, read_switch, unknown
from tradecore.venues.kraken.orders import (
    LONGEST_DEADLINE_S,
    MOST_IN_BATCH,
    Amendment,
    NewOrder,
    check_cl_ord_id,
    deadline_text,
)
from tradecore.venues.kraken.refusals import meaning_of, printable, refusal
from tradecore.venues.kraken.socket import KrakenSocket
from tradecore.venues.kraken.transport import NotSentError

MOST_CANCELLED = 50
T = TypeVar("T")


class KrakenOrderSocket:
    """Order entry over one private `KrakenSocket`, which somebody else keeps running and reads."""

    def __init__(
        self,
        socket: KrakenSocket,
        clock: Clock,
        *,
        engine: EngineCounters | None = None,
        answer_timeout_s: float = 5.0,
    ) -> None:
        self._socket, self._clock, self._timeout_s = socket, clock, answer_timeout_s
        self._engine = engine or EngineCounters(clock)

    async def add_order(self, order: NewOrder, *, validate: bool = False, urgent: bool = False) -> Answer[Placed]:
        """Send one order, once. With `validate` the venue checks it and places nothing.

        Exits are urgent: an order that is not is refused here when it would use the engine's room kept for exits.
        """
        full = self._engine.refuses([order], exits=urgent)
        if full is not None:
            return Refused(full)
        params = {
            **_order_params(order),
            "symbol": order.rules.socket_name,
            "deadline": deadline_text(order.deadline),
            **({"validate": True} if validate else {}),
        }
        answer = await self._write(
            "add_order", params, lambda result: _placed(result, order, validate), deadline=order.deadline
        )
        if isinstance(answer, Done) and answer.value.txid is not None:
            self._engine.also(order.cl_ord_id, answer.value.txid)
        elif isinstance(answer, Refused) and isinstance(answer.error, RateLimitedError):
            self._engine.of(order.rules.pair).full()
        return answer

    async def add_orders(
        self, orders: Sequence[NewOrder], *, validate: bool = False
    ) -> Answer[tuple[Done[Placed] | Refused, ...]]:
        """Send 2 to 15 orders of one pair at once; each is answered by itself. The first deadline holds for all."""
        if not 2 <= len(orders) <= MOST_IN_BATCH or len({order.rules.pair for order in orders}) != 1:
            raise UsageError(f"batch of {len(orders)} orders: expected 2 to {MOST_IN_BATCH} of one pair")
        full = self._engine.refuses(orders, exits=False)
        if full is not None:
            return Refused(full)
        deadline = min(order.deadline for order in orders)
        params = {
            "symbol": orders[0].rules.socket_name,
            "deadline": deadline_text(deadline),
            "orders": [_order_params(order) for order in orders],
            **({"validate": True} if validate else {}),
        }
        return await self._write(
            "batch_add", params, lambda result: _batch(result, orders, validate), deadline=deadline
        )

    async def amend_order(self, amendment: Amendment, *, urgent: bool = False) -> Answer[str]:
        """Send one amendment, once; the answer is the amendment's id."""
        full = self._engine.refuses([amendment], exits=urgent)
        if full is not None:
            return Refused(full)
        form = dict(amendment.form())
        params: dict[str, object] = {"order_id": form.pop("txid")} if "txid" in form else {}
        if "pair" in form:
            params["symbol"] = form.pop("pair")
        for key, text in form.items():
            number = key in ("order_qty", "limit_price", "trigger_price")
            params[key] = True if key == "post_only" else Decimal(text) if number else text
        return await self._write(
            "amend_order",
            params,
            lambda result: Fields.of(result, "amend_order reply").text("amend_id"),
            deadline=amendment.deadline,
        )

    async def cancel_order(self, *, txid: str | None = None, cl_ord_id: str | None = None) -> Answer[Cancelled]:
        """Ask to cancel one order by either of its ids. A cancel is a request: the order may still fill."""
        if (txid is None) == (cl_ord_id is None):
            raise UsageError("cancel: expected either the venue's id or the client order id of the order")
        params = {"order_id": [txid]} if txid is not None else {"cl_ord_id": [check_cl_ord_id(cl_ord_id or "")]}

        def read(result: Any) -> Cancelled:
            row = Fields.of(result, "cancel_order reply")
            key, sent = ("order_id", txid) if txid is not None else ("cl_ord_id", cl_ord_id)
            if (txid is not None or row.has(key)) and row.text(key) != sent:
                row.refuse(key, f"{sent}, which was sent")
            return Cancelled(1)

        self._engine.cancel(txid or cl_ord_id or "")
        return await self._write("cancel_order", params, read)

    async def cancel_orders(self, txids: Sequence[str] = (), cl_ord_ids: Sequence[str] = ()) -> Answer[Cancelled]:
        """Ask to cancel 2 to 50 orders at once."""
        if not 2 <= len(txids) + len(cl_ord_ids) <= MOST_CANCELLED:
            raise UsageError(f"cancel of {len(txids) + len(cl_ord_ids)} orders: expected 2 to {MOST_CANCELLED}")
        for order in (*txids, *cl_ord_ids):
            self._engine.cancel(order)
        params: dict[str, object] = {"orders": [*txids]} if txids else {}
        params |= {"cl_ord_id": [check_cl_ord_id(one) for one in cl_ord_ids]} if cl_ord_ids else {}
        return await self._write("batch_cancel", params, read_cancelled)

    async def cancel_all(self) -> Answer[Cancelled]:
        """Ask to cancel every order of the account, protective stops too."""
        return await self._write("cancel_all", {}, read_cancelled)

    async def cancel_all_after(self, timeout_s: int) -> Answer[Switch]:
        """Have the venue cancel every order when it hears nothing for so long; 0 switches that off."""
        if not 0 <= timeout_s <= 86_400:
            raise UsageError(f"dead man's switch of {timeout_s} s: expected 0 to 86,400, and 60 as a rule")
        return await self._write("cancel_all_orders_after", {"timeout": timeout_s}, read_switch)

    async def _write(
        self,
        method: str,
        params: Mapping[str, object],
        read: Callable[[Any], T],
        deadline: Nanoseconds | None = None,
    ) -> Answer[T]:
        if deadline is not None:
            left_s = (deadline - self._clock.now()) / SECOND_NS
            if not 0 < left_s <= LONGEST_DEADLINE_S:
                return Refused(
                    OrderRefusedError(
                        f"{method}: not sent: its deadline lies {left_s:.1f} s ahead; expected more than 0 and at most "
                        f"{LONGEST_DEADLINE_S}; decide anew"
                    )
                )
        try:
            ack = await self._socket.ask(method, params, self._timeout_s)
        except NotSentError as error:
            return Refused(error)
        except OutcomeUnknownError as error:
            return Unknown(error)
        if ack.method not in (method, ""):
            return unknown(method, f"the answer speaks of {printable(ack.method)!r}")
        if not ack.success:
            if meaning_of(ack.error).outcome_unknown:
                return unknown(method, f"Kraken answered {printable(ack.error)!r}", printable(ack.error))
            return Refused(refusal([ack.error], method, self._clock.now() / SECOND_NS))
        try:
            return Done(read(ack.result), tuple(map(printable, ack.warnings)))
        except ReplyError as error:
            return unknown(method, str(error))


def _order_params(order: NewOrder) -> dict[str, object]:
    """Return an order's own fields; what a whole batch shares is not among them."""
    limit, trigger = order.limit_text, order.trigger_text
    return {
        "order_type": str(order.order_type),
        "side": "buy" if order.side is Side.BUY else "sell",
        "order_qty": Decimal(order.quantity_text),
        **({} if limit is None else {"limit_price": Decimal(limit), "time_in_force": str(order.time_in_force).lower()}),
        **({} if trigger is None else {"triggers": {"reference": "last", "price": Decimal(trigger)}}),
        **({"post_only": True} if order.post_only else {}),
        **({"reduce_only": True} if order.reduce_only else {}),
        # The fee in quote currency, always: the default differs between buying and selling.
        "fee_preference": "quote",
        "cl_ord_id": order.cl_ord_id,
    }


def _placed(result: Any, order: NewOrder, validate: bool) -> Placed:
    row = Fields.of(result, "add_order reply")
    if row.has("cl_ord_id") and row.text("cl_ord_id") != order.cl_ord_id:
        row.refuse("cl_ord_id", f"{order.cl_ord_id}, which was sent")
    return Placed(None if validate else row.id("order_id"), "")


def _batch(result: Any, orders: Sequence[NewOrder], validate: bool) -> tuple[Done[Placed] | Refused, ...]:
    rows = result if isinstance(result, list) else Fields.of(result, "batch_add reply").items("orders")
    if len(rows) != len(orders):
        raise ReplyError(f"batch_add reply: {len(rows)} orders; expected the {len(orders)} that were sent")
    answers: list[Done[Placed] | Refused] = []
    for one, order in zip(rows, orders, strict=True):
        row = Fields.of(one, "batch_add reply, an order")
        if row.has("error") or (row.has("success") and not row.flag("success")):
            answers.append(Refused(refusal([row.text("error")], "batch_add")))
        else:
            answers.append(Done(_placed(one, order, validate)))
    txids = [one.value.txid for one in answers if isinstance(one, Done) and one.value.txid is not None]
    if len(set(txids)) != len(txids):
        raise ReplyError("batch_add reply: one id for two orders; expected an id each")
    return tuple(answers)
