"""Orders as Kraken takes them: exact decimals on the pair's own steps, an id of ours, a deadline. Nothing is rounded.

A value that is not on its step is refused here, before it costs anything. REST (`private`) and sockets send what is
made here. Invariant: what is on the wire is exactly what was decided, in plain digits.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from tradecore.core.errors import OrderMinimumError, UsageError
from tradecore.core.types import SECOND_NS, Nanoseconds, Side, iso
from tradecore.venues.kraken.listing import PairRules

LONGEST_DEADLINE_S = 60
"""The venue takes a deadline at most this far ahead."""
MOST_IN_BATCH = 15
LARGEST_POWER = 30
"""Of ten: what has more digits before or after the point is no price and no quantity."""

_CL_ORD_ID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|[0-9a-fA-F]{32}|[A-Za-z0-9_.:\-]{1,18}")


class OrderType(StrEnum):
    """How an order meets the market, in the venue's words."""

    MARKET = "market"
    LIMIT = "limit"
    STOP_LOSS = "stop-loss"
    TAKE_PROFIT = "take-profit"
    STOP_LOSS_LIMIT = "stop-loss-limit"
    TAKE_PROFIT_LIMIT = "take-profit-limit"

    @property
    def has_limit(self) -> bool:
        """Whether it names a limit price."""
        return self.value.endswith("limit")

    @property
    def has_trigger(self) -> bool:
        """Whether it rests until a trigger price is touched."""
        return self.value.startswith(("stop", "take"))


class TimeInForce(StrEnum):
    """How long an order rests: until cancelled, or not at all."""

    GTC = "GTC"
    IOC = "IOC"


def exact(value: Decimal, decimals: int) -> str:
    """Return a number with exactly this many decimals, in plain digits.

    Errors: UsageError when it is not finite, or has more decimals than that; nothing is ever rounded.

    >>> exact(Decimal("0.1"), 8)
    '0.10000000'
    """
    if not isinstance(value, Decimal) or not value.is_finite():
        raise UsageError(f"{value!r} is no finite decimal number; expected a Decimal")
    if value and abs(value.adjusted()) > LARGEST_POWER:
        raise UsageError(f"{value} is too large or too small to be meant; expected a price or a quantity")
    sign, digits, exponent = value.as_tuple()
    assert isinstance(exponent, int)  # only what is not finite has a letter here
    number = int("".join(map(str, digits)))
    shift = exponent + decimals if number else 0
    whole, rest = (number * 10**shift, 0) if shift >= 0 else divmod(number, 10**-shift)
    if rest:
        raise UsageError(f"{value} has more than {decimals} decimals; expected a number that needs no rounding")
    text = str(whole).rjust(decimals + 1, "0")
    point = f"{text[:-decimals]}.{text[-decimals:]}" if decimals else text
    return "-" + point if sign and whole else point


def price_text(price: Decimal, rules: PairRules) -> str:
    """Return a price as the venue writes it. Errors: UsageError when it is not above zero or off the tick."""
    return _on_step(price, rules.tick, rules.price_decimals, f"{rules.pair}: price")


def quantity_text(quantity: Decimal, rules: PairRules) -> str:
    """Return a quantity as the venue writes it. Errors: UsageError when it is not above zero or off the lot."""
    return _on_step(quantity, rules.lot, rules.lot_decimals, f"{rules.pair}: quantity")


def _on_step(value: Decimal, step: Decimal, decimals: int, what: str) -> str:
    text = exact(value, decimals)
    # Whole numbers of the smallest unit: Decimal's own remainder refuses quotients of more than 28 digits.
    if value <= 0 or _units(text) % _units(exact(step, decimals)):
        raise UsageError(f"{what} {value}: expected more than zero and a whole number of steps of {step}")
    return text


def _units(text: str) -> int:
    return int(text.replace(".", ""))


def check_cl_ord_id(cl_ord_id: str) -> str:
    """Return an id the venue takes. Errors: UsageError for anything but a UUID, 32 hex digits, or up to 18 signs."""
    if not _CL_ORD_ID.fullmatch(cl_ord_id):
        raise UsageError(
            f"client order id {cl_ord_id!r}: expected a UUID, 32 hex digits, or up to 18 letters and digits"
        )
    return cl_ord_id


def deadline_text(deadline: Nanoseconds) -> str:
    """Return a deadline as the venue reads it, rounded down to the millisecond: never later than it was meant."""
    text = iso(deadline - deadline % SECOND_NS)
    return f"{text[:-1]}.{deadline % SECOND_NS // 1_000_000:03d}Z"


@dataclass(frozen=True, slots=True)
class NewOrder:
    """One order to place. Its id and its deadline are not optional: both bound what a lost answer can mean."""

    rules: PairRules
    side: Side
    order_type: OrderType
    quantity: Decimal
    cl_ord_id: str
    deadline: Nanoseconds
    """When the matching engine refuses it at the latest: at most 60 s ahead."""
    limit: Decimal | None = None
    trigger: Decimal | None = None
    time_in_force: TimeInForce = TimeInForce.GTC
    post_only: bool = False
    reduce_only: bool = False
    """For positions on margin only."""

    def __post_init__(self) -> None:
        check_cl_ord_id(self.cl_ord_id)
        kind = self.order_type
        if (self.limit is not None) != kind.has_limit or (self.trigger is not None) != kind.has_trigger:
            wanted = [name for name, has in (("limit", kind.has_limit), ("trigger", kind.has_trigger)) if has]
            raise UsageError(f"{kind} order: expected {' and '.join(wanted) or 'no price'} and no other price")
        if self.post_only and kind is not OrderType.LIMIT:
            raise UsageError(f"{kind} order that may only make: expected a limit order")
        quantity_text(self.quantity, self.rules)
        for price in (self.limit, self.trigger):
            if price is not None:
                price_text(price, self.rules)
        self._check_minima()

    def _check_minima(self) -> None:
        rules = self.rules
        if self.quantity < rules.order_min:
            raise OrderMinimumError(f"{rules.pair}: quantity {self.quantity}; expected at least {rules.order_min}")
        price = self.limit if self.limit is not None else self.trigger
        if price is not None and price * self.quantity < rules.cost_min:
            cost = price * self.quantity
            raise OrderMinimumError(f"{rules.pair}: {self.quantity} at {price} costs {cost}; expected {rules.cost_min}")

    @property
    def quantity_text(self) -> str:
        """The quantity on the wire."""
        return quantity_text(self.quantity, self.rules)

    @property
    def limit_text(self) -> str | None:
        """The limit price on the wire."""
        return None if self.limit is None else price_text(self.limit, self.rules)

    @property
    def trigger_text(self) -> str | None:
        """The trigger price on the wire."""
        return None if self.trigger is None else price_text(self.trigger, self.rules)

    def form(self, *, alone: bool = True) -> Mapping[str, str]:
        """Return the fields of a REST order; in a batch (not `alone`) pair and deadline stand outside."""
        first, second = (self.trigger_text, self.limit_text) if self.trigger is not None else (self.limit_text, None)
        fields: dict[str, str | None] = {
            **(self.rules.rest_name if alone else {}),
            "type": "buy" if self.side is Side.BUY else "sell",
            "ordertype": str(self.order_type),
            "volume": self.quantity_text,
            "price": first,
            "price2": second,
            "cl_ord_id": self.cl_ord_id,
            "deadline": deadline_text(self.deadline) if alone else None,
            "timeinforce": str(self.time_in_force) if self.order_type is not OrderType.MARKET else None,
            # The fee in quote currency, always: the default differs between buying and selling.
            "oflags": "fciq,post" if self.post_only else "fciq",
            "reduce_only": "true" if self.reduce_only else None,
        }
        return {key: value for key, value in fields.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Amendment:
    """A change of an open order that keeps its ids and, where it can, its place in the queue."""

    rules: PairRules
    deadline: Nanoseconds
    cl_ord_id: str | None = None
    txid: str | None = None
    quantity: Decimal | None = None
    """The new whole quantity, what is filled included."""
    limit: Decimal | None = None
    trigger: Decimal | None = None
    post_only: bool = False

    def __post_init__(self) -> None:
        if (self.cl_ord_id is None) == (self.txid is None):
            raise UsageError("amendment: expected either the client order id or the venue's id of the order")
        if self.quantity is None and self.limit is None and self.trigger is None:
            raise UsageError("amendment: expected a new quantity, limit or trigger")
        self.form()

    def form(self) -> Mapping[str, str]:
        """Return the fields of a REST amendment."""
        fields = {
            "cl_ord_id": None if self.cl_ord_id is None else check_cl_ord_id(self.cl_ord_id),
            "txid": self.txid,
            # The venue finds an order of an ordinary pair by its id alone.
            "pair": self.rules.socket_name if self.rules.tokenised else None,
            "order_qty": None if self.quantity is None else quantity_text(self.quantity, self.rules),
            "limit_price": None if self.limit is None else price_text(self.limit, self.rules),
            "trigger_price": None if self.trigger is None else price_text(self.trigger, self.rules),
            "post_only": "true" if self.post_only else None,
            "deadline": deadline_text(self.deadline),
        }
        return {key: value for key, value in fields.items() if value is not None}
