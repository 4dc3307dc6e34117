"""At which price, and how much: the scalar rules of a fill. Pure functions of numbers, compiled; called by the kernel
alone.

A price of 0 means "does not fill". Sides are +1 for a buy and -1 for a sell, so that "against the order" is one
formula.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeAlias

from tradecore.portfolio import accounting
from tradecore.sim.compiled import entry

Compiled: TypeAlias = Callable[..., Any]

fee_of: Compiled = entry(accounting.fee_of)
cash_change: Compiled = entry(accounting.cash_change)
affordable_quantity: Compiled = entry(accounting.affordable_quantity)
enter: Compiled = entry(accounting.enter)
leave: Compiled = entry(accounting.leave)
unrealised_of: Compiled = entry(accounting.unrealised_of)

# A quotient this close to a whole number is that number: 0.3 / 0.1 is three lots, not two.
_WHOLE = 1e-9


@entry
def on_grid(units: float, step: float) -> float:
    """Return `units` whole steps as the nearest float of the decimal number they stand for: 3 x 0.1 is 0.3."""
    inverse = round(1.0 / step)
    return units / inverse if abs(inverse * step - 1.0) < 1e-12 else units * step


@entry
def round_down(value: float, step: float) -> float:
    """Return the largest multiple of `step` not above `value`; a step of 0 rounds nothing."""
    return on_grid(math.floor(value / step + _WHOLE), step) if step > 0.0 else value


@entry
def round_up(value: float, step: float) -> float:
    """Return the smallest multiple of `step` not below `value`; a step of 0 rounds nothing."""
    return on_grid(math.ceil(value / step - _WHOLE), step) if step > 0.0 else value


@entry
def whole_lots(quantity: float, lot: float) -> float:
    """Return a position without the rounding of sums: 37.5 - 10.9 - 22 - 4.6 is nothing, 2.8 - 0.8 is two."""
    if lot <= 0.0:
        return quantity
    return math.copysign(on_grid(math.floor(abs(quantity) / lot + 0.5), lot), quantity)


@entry
def against(side: int, price: float, tick: float) -> float:
    """Round a price to the tick against the order: a buy up, a sell down."""
    return round_up(price, tick) if side > 0 else round_down(price, tick)


@entry
def passive(side: int, price: float, tick: float) -> float:
    """Round a limit to its passive side: a buy down, a sell up."""
    return round_down(price, tick) if side > 0 else round_up(price, tick)


@entry
def market_price(side: int, reference: float, move: float, tick: float) -> float:
    """Return a reference price moved against the order by the fraction `move` and rounded against it."""
    return against(side, reference * (1.0 + side * move), tick)


@entry
def resting_limit_price(side: int, limit: float, low: float, high: float, touch: int) -> float:
    """Return where a resting limit fills in a bar, or 0.

    It fills at its limit when the bar trades through it. When the whole bar lies beyond the limit, the limit itself was
    never printed: the bar's price nearest to it is taken, which is the worst one inside the bar.
    """
    if side > 0:
        reached = low <= limit if touch else low < limit
        return min(limit, high) if reached else 0.0
    reached = high >= limit if touch else high > limit
    return max(limit, low) if reached else 0.0


@entry
def stop_reference(side: int, trigger: float, open_: float, low: float, high: float) -> float:
    """Return the price at which a stop order starts to trade in a bar, before slippage, or 0 when it is not touched.

    A bar that opens beyond the trigger starts at its open: the gap is paid for.
    """
    if side > 0:
        if open_ >= trigger:
            return open_
        return trigger if high >= trigger else 0.0
    if open_ <= trigger:
        return open_
    return trigger if low <= trigger else 0.0


@entry
def level_of(kind: int, value: float, reference: float) -> float:
    """Return a level as a price: 1 is a signed fraction of `reference`, 2 a price; 0 means none."""
    if kind == 1:
        return reference * (1.0 + value)
    return value if kind == 2 else 0.0
