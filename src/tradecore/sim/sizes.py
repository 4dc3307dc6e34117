"""How much: the scalar rules by which an order is cut to what may fill. Pure functions of numbers, compiled.

`rule` is anything with the fields of `sim.state.RULES`: one record of them in `sim.kernel`, `sim.lane.Terms` in the
scalar lane. Both call these functions, so that a size is decided in one place. Nothing here changes anything.
"""

from __future__ import annotations

import math
from typing import Any, TypeAlias

from tradecore.sim.codes import BASE_LIMIT, BUY, CASH_RESIZED, FRACTION, QUOTE, QUOTE_LIMIT
from tradecore.sim.compiled import entry
from tradecore.sim.fills import affordable_quantity, cash_change, fee_of, round_down

Rule: TypeAlias = Any
NOISE = 1e-12
"""A rest smaller than this share of what it is a rest of is rounding, and neither fills nor is kept."""


@entry
def above_noise(difference: float, whole: float) -> float:
    """Return what is left of a whole, or 0 when it is negative or only the rounding of the sums behind it."""
    return difference if difference > NOISE * whole else 0.0


@entry
def room_in_volume(rule: Rule, volume: float, used: float) -> float:
    """Return how much base the cap still lets fill in a bar of `volume` of which this account filled `used`."""
    share = rule.participation
    if math.isinf(share):
        return float(share)
    cap = share * volume
    return round_down(above_noise(cap - used, cap), rule.lot)


@entry
def resolved(size_kind: int, amount: float, equity: float, price: float, rate: float, lot: float) -> float:
    """Return a fraction of equity, a quote or a base amount in base at a price, fee included, rounded down."""
    size = amount
    if size_kind == FRACTION:
        size = affordable_quantity(size * equity, price, rate)
    elif size_kind == QUOTE:
        size = affordable_quantity(size, price, rate)
    return round_down(size, lot)


@entry
def below_minimum(rule: Rule, size: float, price: float) -> bool:
    """Say whether a size is less than the venue takes."""
    return bool(size < rule.min_quantity or size * price < rule.min_notional)


@entry
def exit_wanted(rule: Rule, quantity: float, filled: float, held: float, price: float) -> tuple[float, float]:
    """Return (quantity, want): what an exit order still wants of what is held; all of it when the rest would be dust.

    `quantity` is the order's whole size, which grows by the dust it takes along.
    """
    want = min(round_down(quantity - filled, rule.lot), held)
    left = round_down(held - want, rule.lot)
    if left > 0.0 and (below_minimum(rule, left, price) or left < NOISE * held):
        return filled + held, held
    return quantity, want


@entry
def exit_taken(want: float, held: float, room: float) -> tuple[float, float]:
    """Return (want, take): what of an exit fills now; a rest that is only rounding goes with it."""
    take = min(want, room)
    if held - take < NOISE * held:
        return held, held
    return want, take


@entry
def within_limits(rule: Rule, want: float, held: float, price: float) -> tuple[float, int]:
    """Return (base quantity, note): what of an entry the position limits let through."""
    note = 0
    if want > 0.0 and want > rule.max_base - held:
        want, note = round_down(above_noise(rule.max_base - held, rule.max_base), rule.lot), BASE_LIMIT
    if want > 0.0 and (want + held) * price > rule.max_quote:
        want, note = round_down(above_noise(rule.max_quote / price - held, held), rule.lot), QUOTE_LIMIT
    return want, note


@entry
def within_money(want: float, note: int, price: float, rate: float, money: float, lot: float) -> tuple[float, int]:
    """Return (base quantity, note): what of an entry the money pays, fee included."""
    payable = round_down(affordable_quantity(money, price, rate), lot)
    return (payable, CASH_RESIZED) if want > payable else (want, note)


@entry
def within_cash(want: float, price: float, rate: float, money: float, lot: float) -> float:
    """Return what of a buy the cash pays to the last digit.

    A quotient rounds to the nearest float, so paying it back may cost one part in 10^16 too much.
    """
    while want > 0.0 and -cash_change(BUY, want * price, fee_of(want * price, rate)) > money:
        want = round_down(want - lot, lot) if lot > 0.0 else want * (1.0 - 2.3e-16)
    return want
