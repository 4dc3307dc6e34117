"""The values the reference market works with, and its rounding. Plain Python, no arrays.

Not the product's types for the same things: a second implementation is worth having while it shares nothing but the
words of `core.orders`. Called by `testing.reference_market` and by the tests that compare it with the kernel.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from math import ceil, floor, inf, isfinite
from typing import Any, TypeAlias

from tradecore.core.orders import FillReason, Intent, Liquidity, OrderNote, OrderState
from tradecore.core.types import Side

Number: TypeAlias = Any
"""float or Decimal; one market never mixes the two."""
Convert: TypeAlias = Callable[[Any], Number]

SNAP = 1e-9
"""A float within this share of a whole number of lots or ticks is that whole number: 0.3 is three lots of 0.1."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of one pair; `real` is False where a minute without trades was filled on read."""

    open: float
    high: float
    low: float
    close: float
    volume: float
    real: bool = True


@dataclass(frozen=True, slots=True)
class PairRules:
    """What the venue demands for one pair. Rates are fractions; 0 means no step or minimum, inf no limit."""

    maker_fee: float = 0.0
    taker_fee: float = 0.0
    half_spread: float = 0.0
    slippage: float = 0.0
    tick: float = 0.0
    lot: float = 0.0
    min_quantity: float = 0.0
    min_notional: float = 0.0
    participation: float = inf
    max_base: float = inf
    max_quote: float = inf
    touch: bool = False


@dataclass(frozen=True, slots=True)
class Execution:
    """One fill. `order` is the intent's id, or -1 for a protective exit."""

    bar: int
    pair: int
    order: int
    side: Side
    quantity: Number
    price: Number
    fee: Number
    liquidity: Liquidity
    reason: FillReason


@dataclass(frozen=True, slots=True)
class Ending:
    """What became of an order, when it ended."""

    order: int
    bar: int
    state: OrderState
    note: OrderNote
    wanted: Number
    filled: Number


@dataclass(frozen=True, slots=True)
class RoundTrip:
    """A position from flat to flat; prices are means over its fills, without fees."""

    pair: int
    entry_bar: int
    exit_bar: int
    quantity: Number
    entry_price: Number
    exit_price: Number
    gross: Number
    fees: Number
    net: Number


@dataclass(slots=True)
class Holding:
    """What is held of one pair, what it cost with fees, and the levels that protect it (None: none)."""

    quantity: Number
    cost: Number
    mark: Number
    stop: Number | None = None
    target: Number | None = None
    trail: Number | None = None
    extreme: Number | None = None
    """Best price since entry, of bars that are final; the entry price before the first."""
    entered_inside: int = -1
    """The bar in which the last entry filled away from the open."""
    inside_price: Number = 0
    """The lowest price at which that bar entered away from the open."""
    opened_inside: int = -1
    """The bar in which the position came into being, when that was away from the open."""
    leaving: bool = False
    """A protective exit was triggered and the volume cap left a rest, which goes on at the next open."""
    entry_bar: int = -1
    bought: Number = 0
    bought_notional: Number = 0
    sold_notional: Number = 0
    fees: Number = 0


@dataclass(slots=True)
class Working:
    """An order on its way or resting."""

    intent: Intent
    pair: int
    active_from: int
    arrived: bool = False
    is_market: bool = False
    """A market order, or a stop that was triggered and has a rest to fill."""
    wanted: Number | None = None
    """Base; None until it is resolved at its first fill price."""
    filled: Number = 0
    note: OrderNote = OrderNote.NONE
    acted_in: int = -1


def exact(value: float | Decimal) -> Decimal:
    """Return the decimal number that a float's shortest text names: 0.1 is one tenth."""
    return value if isinstance(value, Decimal) else Decimal(repr(float(value)))


def down(value: Number, step: Number) -> Number:
    """Return the largest multiple of `step` that is not above `value`; a step of 0 leaves it as it is."""
    return _multiple(value, step, ROUND_FLOOR, floor)


def up(value: Number, step: Number) -> Number:
    """Return the smallest multiple of `step` that is not below `value`; a step of 0 leaves it as it is."""
    return _multiple(value, step, ROUND_CEILING, ceil)


def _multiple(value: Number, step: Number, mode: str, whole: Callable[[float], int]) -> Number:
    if not step:
        return value
    if isinstance(value, Decimal):
        return value if not value.is_finite() else (value / step).to_integral_value(rounding=mode) * step
    if not isfinite(value):
        return value
    steps = value / step
    nearest = round(steps)
    return (nearest if abs(steps - nearest) <= SNAP * max(1.0, abs(steps)) else whole(steps)) * step
