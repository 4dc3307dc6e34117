"""Orders as the fake Kraken keeps them: what was asked for, and what has become of it.

`OrderRequest` is what a client asked for, read and resolved, whether it came over REST or a socket; it never changes.
`FakeOrder` is the venue's record; only `matching` and `accounts` change it.
Invariant: 0 <= filled <= volume, and an order that is not open changes no more.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from tradecore.core.types import Nanoseconds, Pair, Side

ZERO = Decimal(0)


class OrderState(StrEnum):
    """The venue's words for where an order stands, as REST gives them."""

    PENDING = "pending"
    OPEN = "open"
    CLOSED = "closed"
    CANCELED = "canceled"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Trail:
    """How far a trailing stop stays behind the best price: an amount of quote, or a fraction of the price."""

    distance: Decimal
    as_fraction: bool = False

    def behind(self, best: Decimal, side: Side) -> Decimal:
        """Return the trigger price of an order on `side` when `best` is the best price since it was placed."""
        step = best * self.distance if self.as_fraction else self.distance
        return best + step if side is Side.BUY else best - step


@dataclass(frozen=True, slots=True)
class CloseRequest:
    """The order that follows when its parent was filled: opposite side, filled quantity."""

    order_type: str
    price: Decimal | None
    trigger: Decimal | None


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """What a client asked for. Prices are absolute; `limit` is None for orders that take whatever is offered."""

    pair: Pair
    side: Side
    order_type: str
    volume: Decimal
    limit: Decimal | None = None
    trigger: Decimal | None = None
    trail: Trail | None = None
    limit_offset: Decimal | None = None
    in_quote: bool = False
    time_in_force: str = "GTC"
    flags: tuple[str, ...] = ("fciq",)
    userref: int = 0
    cl_ord_id: str | None = None
    start_at: Nanoseconds = 0
    expire_at: Nanoseconds = 0
    deadline: Nanoseconds | None = None
    close: CloseRequest | None = None
    reduce_only: bool = False
    validate: bool = False
    trigger_signal: str = "last"
    shown: Decimal | None = None

    @property
    def post_only(self) -> bool:
        """Whether the order may never take."""
        return "post" in self.flags

    @property
    def conditional(self) -> bool:
        """Whether the order waits for a trigger."""
        return self.trigger is not None or self.trail is not None


@dataclass(slots=True)
class FakeOrder:
    """One order at the venue."""

    order_id: str
    request: OrderRequest
    opened_at: Nanoseconds
    volume: Decimal
    limit: Decimal | None
    trigger: Decimal | None
    state: OrderState = OrderState.PENDING
    queued_at: int = 0
    touched_at: Nanoseconds = 0
    triggered: bool = False
    best_seen: Decimal | None = None
    filled: Decimal = ZERO
    cost: Decimal = ZERO
    fee: Decimal = ZERO
    fills: list[str] = field(default_factory=list)
    closed_at: Nanoseconds | None = None
    reason: str = ""
    parent_id: str | None = None
    close_done: bool = False

    @property
    def pair(self) -> Pair:
        """The pair."""
        return self.request.pair

    @property
    def side(self) -> Side:
        """The side."""
        return self.request.side

    @property
    def post_only(self) -> bool:
        """Whether the order may never take."""
        return self.request.post_only

    @property
    def fee_in_base(self) -> bool:
        """Whether fees are taken from the base asset."""
        return "fcib" in self.request.flags

    @property
    def left(self) -> Decimal:
        """What is not filled."""
        return self.volume - self.filled

    @property
    def waiting(self) -> bool:
        """Whether the order still waits for its trigger."""
        return self.request.conditional and not self.triggered

    @property
    def worst_price(self) -> Decimal:
        """The price funds are reserved at: the limit, else the trigger, else nothing (a market order never rests)."""
        return self.limit or self.trigger or ZERO

    @property
    def average(self) -> Decimal:
        """The mean price of the fills, 0 when there are none."""
        return self.cost / self.filled if self.filled else ZERO

    def take_fill(self, fill_id: str, amount: Decimal, cost: Decimal, fee: Decimal) -> None:
        """Add a fill. Errors: AssertionError when it is more than what is left (our own bug)."""
        assert ZERO < amount <= self.left, f"{self.order_id}: fill of {amount} with {self.left} left"
        self.filled += amount
        self.cost += cost
        self.fee += fee
        self.fills.append(fill_id)
