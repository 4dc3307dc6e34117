"""The arithmetic of money, written once: a fill, a fee, a cash flow, as plain functions of numbers.

The ledger calls these functions with `Decimal`; `sim` compiles the very same functions for float64, on the processor
and as CUDA device functions. So they use only + - * / and comparisons, integer literals, and no types of their own.

A position is two numbers. `quantity` is signed base units. `cost` is what the open part was paid for, entry fees
included: positive for a long, negative (the proceeds kept) for a short. With them one formula serves both directions
and

    equity = deposits - withdrawals + realised + unrealised        holds by construction,

because cash falls by exactly what cost rises, and what a close adds to cash beyond the cost it retires is realised.
Each fee is in there once: the entry fee in the cost, the exit fee in the proceeds.
"""

# No annotations of Decimal or float here: numba reads these functions too, and both kinds of number must pass.
from __future__ import annotations

from typing import Any, TypeAlias

N: TypeAlias = Any
"""A number: Decimal in the ledger, float64 when compiled; one kind in one call."""


def notional_of(quantity: N, price: N) -> N:
    """Return the quote value of a quantity at a price."""
    return quantity * price


def fee_of(notional: N, fee_rate: N) -> N:
    """Return the fee on a notional, in quote."""
    return notional * fee_rate


def cash_change(side: int, notional: N, fee: N) -> N:
    """Return what a fill does to cash: a buy (side 1) pays notional and fee, a sell (side -1) brings notional less
    fee."""
    return -side * notional - fee


def affordable_quantity(cash: N, price: N, fee_rate: N) -> N:
    """Return the base quantity that `cash` buys at `price` with the fee paid out of it."""
    return cash / (price * (1 + fee_rate))


def enter(quantity: N, cost: N, side: int, filled: N, change: N) -> tuple[N, N]:
    """Return (quantity, cost) of a position after a fill that opens or adds to it.

    Units: quantity and filled in base; cost, and the fill's `cash_change`, in quote; side 1 buys, -1 sells short.
    """
    return quantity + side * filled, cost - change


def leave(quantity: N, cost: N, side: int, filled: N, change: N) -> tuple[N, N, N]:
    """Return (quantity, cost, realised) after a fill that reduces a position; cost leaves in proportion.

    `side` is the fill's: -1 sells out of a long, 1 buys back a short. `filled` must not exceed the position.
    """
    held = quantity if side < 0 else -quantity
    left = quantity + side * filled
    # The last unit takes all the cost that is left: no residue of rounding survives a closed position.
    retired = cost if filled == held else cost * filled / held
    return left, cost - retired, change - retired


def unrealised_of(quantity: N, cost: N, price: N) -> N:
    """Return the profit a position would show at `price`, before the exit fee."""
    return quantity * price - cost
