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
from tradecore.features.kernels.compiled import kernel


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


@kernel
def tail_sums(block: FloatArray, n: int) -> None:
    """Turn the values of a full block into the sums from each place on."""
    total = 0.0
    for p in range(n - 1, -1, -1):
        total += block[p]
        block[p] = total


@kernel
def tail_sums_of_two(block: FloatArray, other: FloatArray, n: int) -> None:
    """Do as `tail_sums` for two blocks at once: neither waits for the other."""
    total, beside = 0.0, 0.0
    for p in range(n - 1, -1, -1):
        total += block[p]
        beside += other[p]
        block[p], other[p] = total, beside


@kernel
def tail_moments(sums: FloatArray, squares: FloatArray, n: int, ref: float) -> None:
    """Turn a block of values into the sums and the sums of squares, about ref, from each place on."""
    total, square = 0.0, 0.0
    for p in range(n - 1, -1, -1):
        gap = sums[p] - ref
        total += gap
        square += gap * gap
        sums[p], squares[p] = total, square


@kernel
def blank(out: FloatArray, count: int) -> None:
    """Write NaN into the first `count` columns, or all there are: the bars of the warm-up."""
    for row in range(len(out)):
        for i in range(min(count, out.shape[1])):
            out[row, i] = np.nan


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
