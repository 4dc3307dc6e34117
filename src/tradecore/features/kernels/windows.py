"""Windows that slide by one bar in constant time and never subtract what leaves them.

The bars are cut into blocks of n. A window is the tail of the last block and the head of this one, so its sum (or
maximum) is a stored suffix of the last block combined with a running prefix of this one (van Herk 1992; Gil & Werman
1993, for maxima). Because nothing is subtracted, no rounding error piles up over a million bars, a quiet window after
a wild one is exact, and a window of zeros sums to zero. One array of n serves both: at place j the suffix from j + 1
on is read, then j is overwritten.

Called by the kernels, never from outside, and inlined there: a call would cost more than the arithmetic. `j` is the
bar's place in its block: the number of values before it, modulo n.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from tradecore.core.types import FloatArray


@njit(inline="always", error_model="numpy")
def slide_sum(block: FloatArray, j: int, n: int, prefix: float, value: float) -> tuple[float, float]:
    """Add a value; return the window's sum and the new prefix. Shape: block (n,), zeros at first."""
    prefix += value
    if j < n - 1:
        total = block[j + 1] + prefix
        block[j] = value
        return total, prefix
    block[j] = value
    suffix = 0.0
    for p in range(n):
        suffix += block[n - 1 - p]
        block[n - 1 - p] = suffix
    return prefix, 0.0


@njit(inline="always", error_model="numpy")
def slide_max(block: FloatArray, j: int, n: int, prefix: float, value: float) -> tuple[float, float]:
    """Add a value; return the window's maximum and the new prefix, -inf at first. The first n - 1 are void."""
    prefix = max(prefix, value)
    if j < n - 1:
        best = max(block[j + 1], prefix)
        block[j] = value
        return best, prefix
    block[j] = value
    suffix = value
    for p in range(n):
        suffix = max(block[n - 1 - p], suffix)
        block[n - 1 - p] = suffix
    return prefix, -np.inf


@njit(inline="always", error_model="numpy")
def slide_min(block: FloatArray, j: int, n: int, prefix: float, value: float) -> tuple[float, float]:
    """Add a value; return the window's minimum and the new prefix, +inf at first. The first n - 1 are void."""
    prefix = min(prefix, value)
    if j < n - 1:
        best = min(block[j + 1], prefix)
        block[j] = value
        return best, prefix
    block[j] = value
    suffix = value
    for p in range(n):
        suffix = min(block[n - 1 - p], suffix)
        block[n - 1 - p] = suffix
    return prefix, np.inf


@njit(inline="always", error_model="numpy")
def slide_moments(
    sums: FloatArray, squares: FloatArray, j: int, n: int, s: float, q: float, ref: float, value: float
) -> tuple[float, float, float, float, float]:
    """Add a value; return the window's sum and sum of squares about the returned reference, with the new s and q.

    The reference is always a value inside the window, so the variance loses at most a factor n of precision however
    far the price is from zero, and a flat window gives exactly zero. Shape: sums, squares (n,). First reference:
    the first value.
    """
    gap = value - ref
    s += gap
    q += gap * gap
    if j < n - 1:
        total, square = sums[j + 1] + s, squares[j + 1] + q
        sums[j] = value
        return total, square, s, q, ref
    sums[j] = value
    total, square = 0.0, 0.0
    for p in range(n):
        gap = sums[n - 1 - p] - value
        total += gap
        square += gap * gap
        sums[n - 1 - p] = total
        squares[n - 1 - p] = square
    # The window is this whole block: the old reference has just left it, the new one is its last value.
    return total, square, 0.0, 0.0, value


@njit(inline="always", error_model="numpy")
def slide_ramp(
    sums: FloatArray, ramps: FloatArray, j: int, n: int, s: float, r: float, ref: float, value: float
) -> tuple[float, float, float, float, float]:
    """Add a value; return the window's sum, its sum weighted 1 (oldest) to n (newest), and the new s, r, reference.

    Both sums are about the returned reference, a value of the window. Shape: sums, ramps (n,). First reference:
    the first value.
    """
    gap = value - ref
    s += gap
    r += (j + 1) * gap
    if j < n - 1:
        tail, tail_ramp = sums[j + 1], ramps[j + 1]
        sums[j] = value
        # Place p of the old block weighs p - j, place p of this one n - j + p.
        return tail + s, tail_ramp - (j + 1) * tail + r + (n - 1 - j) * s, s, r, ref
    sums[j] = value
    total, ramp = 0.0, 0.0
    for p in range(n):
        gap = sums[n - 1 - p] - value
        total += gap
        ramp += (n - p) * gap
        sums[n - 1 - p] = total
        ramps[n - 1 - p] = ramp
    return total, ramp, 0.0, 0.0, value


@njit(inline="always", error_model="numpy")
def ema_step(mean: float, seen: int, n: int, rate: float, value: float) -> float:
    """Return the exponential mean after a value, seeded by the plain mean of the first n; before that, the sum so far.

    Written as mean + rate * gap, so that a flat price keeps its mean to the last bit.
    """
    if seen < n - 1:
        return mean + value
    if seen == n - 1:
        return (mean + value) / n
    return (value - mean) * rate + mean


@njit(inline="always", error_model="numpy")
def wilder_step(mean: float, seen: int, n: int, rate: float, value: float) -> float:
    """Return Wilder's mean after a value, seeded like `ema_step`; rate is 1 / n.

    Written as two products: the chain from bar to bar is a product shorter than in `ema_step`. Zero stays exactly zero.
    """
    if seen < n - 1:
        return mean + value
    if seen == n - 1:
        return (mean + value) / n
    return mean * (1.0 - rate) + value * rate
