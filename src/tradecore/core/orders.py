"""From wish to fill: Signal → Intent → Order → Fill, and the states an order can be in.

A Signal is what a strategy proposes; an Intent is what the gates let through, with an id, before anything is sent; an
Order is what a venue knows; a Fill is what happened. Values only. Who turns one into the next: `engine.session`,
`risk.chain`, `sim`, and the venues. What is made anew with every order is a named tuple, here and in `core.events`,
`core.ports` and `risk.chain`: a frozen dataclass takes four times as long to make.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from types import MappingProxyType
from typing import NamedTuple, TypeAlias

from tradecore.core.errors import VenueError
from tradecore.core.types import Nanoseconds, Pair, Side


class Action(StrEnum):
    """What a strategy wants done with one pair."""

    BUY = "buy"
    SELL = "sell"
    CLOSE = "close"
    HOLD = "hold"


@dataclass(frozen=True, slots=True)
class At:
    """An absolute price. A bare number beside it always means a signed fraction, so 0.08 is never taken for one."""

    price: float


@dataclass(frozen=True, slots=True)
class Quote:
    """A size in quote currency, fee included."""

    amount: float


@dataclass(frozen=True, slots=True)
class Base:
    """A size in base units."""

    amount: float


Level: TypeAlias = float | At
"""A price level: `At(price)`, or a signed fraction of the reference price (the close for limits and triggers, the entry
price for stop and target; a trail is a positive fraction of the best price since entry)."""
Size: TypeAlias = float | Quote | Base
"""How much: a fraction of equity in (0, 1], or an amount in quote or base."""


@dataclass(frozen=True, slots=True)
class Signal:
    """A strategy's wish for one pair at one final bar. HOLD with a reason is a full answer."""

    action: Action
    size: Size = 1.0
    limit: Level | None = None
    trigger: Level | None = None
    """Entry stop: the order becomes a market order when the price trades through this level."""
    stop: Level | None = None
    target: Level | None = None
    trail: float | None = None
    slippage_tolerance: float | None = None
    """Fraction the fill may move against the order; None takes the venue model's own slippage."""
    confidence: float = 1.0
    regime: str = ""
    reason: str = ""


class OrderKind(IntEnum):
    """How an order meets the market."""

    MARKET = 0
    LIMIT = 1
    STOP = 2


class SizeKind(IntEnum):
    """What an order's size counts. ALL is the whole position, resolved when the order fills."""

    FRACTION = 0
    QUOTE = 1
    BASE = 2
    ALL = 3


class Liquidity(IntEnum):
    """Whether a fill took resting liquidity or made it; decides the fee."""

    TAKER = 0
    MAKER = 1


class FillReason(IntEnum):
    """Why a fill happened."""

    SIGNAL = 0
    STOP = 1
    TARGET = 2
    TRAIL = 3
    CAP = 4
    """The rest of an order or exit that the volume cap had pushed into a later bar."""
    LIQUIDATION = 5


class OrderNote(IntEnum):
    """Why an order did not fill as asked. Zero says that it did."""

    NONE = 0
    BELOW_MINIMUM = 1
    DUST = 2
    NO_CASH = 3
    CASH_RESIZED = 4
    NO_POSITION = 5
    SHORT_NOT_ALLOWED = 6
    POSITION_BASE_LIMIT = 7
    POSITION_QUOTE_LIMIT = 8
    OPEN_POSITIONS_LIMIT = 9
    CANCELLED = 10
    END_OF_DATA = 11


class OrderState(IntEnum):
    """Where an order stands. UNKNOWN is a state of its own: the answer was lost, so it may or may not rest at the
    venue."""

    INTENDED = 0
    SENT = 1
    OPEN = 2
    PARTLY_FILLED = 3
    FILLED = 4
    CANCELLED = 5
    REJECTED = 6
    UNKNOWN = 7
    NOT_ACCEPTED = 8
    """Resolved by query: the venue never had it. Only now may a new intent follow."""


_S = OrderState
TRANSITIONS: Mapping[OrderState, frozenset[OrderState]] = MappingProxyType(
    {
        _S.INTENDED: frozenset({_S.SENT, _S.CANCELLED, _S.REJECTED}),
        _S.SENT: frozenset({_S.OPEN, _S.PARTLY_FILLED, _S.FILLED, _S.REJECTED, _S.CANCELLED, _S.UNKNOWN}),
        _S.OPEN: frozenset({_S.PARTLY_FILLED, _S.FILLED, _S.CANCELLED, _S.UNKNOWN}),
        _S.PARTLY_FILLED: frozenset({_S.PARTLY_FILLED, _S.FILLED, _S.CANCELLED, _S.UNKNOWN}),
        _S.UNKNOWN: frozenset({_S.OPEN, _S.PARTLY_FILLED, _S.FILLED, _S.CANCELLED, _S.REJECTED, _S.NOT_ACCEPTED}),
        # A fill may arrive after the cancel was acknowledged; nothing else revives an ended order.
        _S.CANCELLED: frozenset({_S.PARTLY_FILLED, _S.FILLED}),
        _S.FILLED: frozenset(),
        _S.REJECTED: frozenset(),
        _S.NOT_ACCEPTED: frozenset(),
    }
)


def next_state(current: OrderState, reported: OrderState) -> OrderState:
    """Return `reported` when an order in `current` may go there.

    Errors: VenueError for a report that contradicts what is known; the order is then looked up, never guessed.
    """
    if reported not in TRANSITIONS[current]:
        raise VenueError(f"order is {current.name} and was reported {reported.name}; query the venue before going on")
    return reported


class Intent(NamedTuple):
    """What the gates let through, with everything a venue needs. Committed before a byte is sent."""

    id: int
    pair: Pair
    side: Side
    kind: OrderKind = OrderKind.MARKET
    size_kind: SizeKind = SizeKind.FRACTION
    size: float = 1.0
    price: float = 0.0
    """The limit or trigger price; 0 for a market order."""
    reduce_only: bool = False
    stop: Level | None = None
    target: Level | None = None
    trail: float | None = None
    slippage: float | None = None
    decided_at: Nanoseconds = 0
    reason: str = ""


class Fill(NamedTuple):
    """One execution: what was bought or sold, for how much, at which fee, and why."""

    intent: int
    """The intent's id; negative for exits the shell made on its own (stop, target, trail, liquidation)."""
    pair: Pair
    side: Side
    time: Nanoseconds
    quantity: float
    price: float
    fee: float
    liquidity: Liquidity
    reason: FillReason
