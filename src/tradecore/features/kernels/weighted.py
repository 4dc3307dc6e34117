"""Kernels of what weighs bars by their age: the weighted mean, Hull's mean, and the line of least squares.

The window is the tail of the last block of n bars and the head of this one (see `windows`). With s the sum of the head
so far and `past` the sum of all earlier such s, the head weighted by place in the window is n * s - past; the tail
comes ready from the block. So a bar costs a handful of additions however long the window is.
"""

from __future__ import annotations

import math

import numpy as np

from tradecore.core.types import FloatArray
from tradecore.features.kernels.compiled import allocating, kernel
from tradecore.features.kernels.windows import blank

PIECE = 1024
"""Bars that Hull's mean takes through its three stages at a time: small enough to stay in the first cache."""


@kernel
def wma(x: FloatArray, n: int, state: FloatArray, out: FloatArray) -> None:
    """Write the linearly weighted mean."""
    seen = int(state[0])
    _weighted(x, n, state[16:], out[0])
    blank(out, n - 1 - seen)
    state[0] = seen + len(x)


@allocating
def hull(x: FloatArray, n: int, state: FloatArray, out: FloatArray) -> None:
    """Write Hull's mean: the weighted mean over sqrt(n) of twice the one over n / 2 minus the one over n."""
    half, root, seen, y = n // 2, int(math.sqrt(n)), int(state[0]), out[0]
    whole, halves, roots = state[16 : 19 + n], state[19 + n : 22 + n + half], state[22 + n + half :]
    gaps = np.empty(min(len(x), PIECE))
    at = 0
    while at < len(x):
        size = min(PIECE, len(x) - at)
        xs, ys, gap = x[at : at + size], y[at : at + size], gaps[:size]
        _weighted(xs, n, whole, ys)
        _weighted(xs, half, halves, gap)
        for k in range(size):
            gap[k] = 2.0 * gap[k] - ys[k]
        early = min(max(n - 1 - seen - at, 0), size)
        _weighted(gap[early:], root, roots, ys[early:])
        at += size
    blank(out, n + root - 2 - seen)
    state[0] = seen + len(x)


@kernel
def linear(x: FloatArray, n: int, form: int, state: FloatArray, out: FloatArray) -> None:
    """Write the least-squares slope (form 1), or the line's newest value (2).

    Sums are about the first value of the head, which lies in every window that the head ends: a flat window has no
    slope to the last bit, however high the price.
    """
    seen, j, s, past, ref = int(state[0]), int(state[1]), state[2], state[3], state[4]
    sums, ramps, y = state[16 : 17 + n], state[17 + n :], out[0]
    steepness = 12.0 / (n * (n * n - 1.0)) * (1.0 if form == 1 else (n - 1) / 2.0)
    by_sum = (0.0 if form == 1 else 1.0 / n) - steepness * (n + 1) / 2.0
    at, size = 0, float(n)
    while at < len(x):
        if j == 0:
            ref, s, past = x[at], 0.0, 0.0
            _tail_ramps(sums, ramps, n, ref)
        many = min(n - j, len(x) - at)
        xs, ys, tail, ramp = x[at : at + many], y[at : at + many], sums[j:], ramps[j:]
        level = 0.0 if form == 1 else ref
        for k in range(many):
            s += xs[k] - ref
            ys[k] = level + ((tail[k + 1] + s) * by_sum + (ramp[k] + (size * s - past)) * steepness)
            past += s
            tail[k] = xs[k]
        at += many
        j = j + many if j + many < n else 0
    blank(out, n - 1 - seen)
    state[0], state[1], state[2], state[3], state[4] = seen + len(x), j, s, past, ref


@kernel
def _weighted(x: FloatArray, n: int, state: FloatArray, y: FloatArray) -> None:
    """Write the linearly weighted mean; the first n - 1 are void. Shape: state (3 + n,), zeros at first."""
    j, s, past = int(state[0]), state[1], state[2]
    block, weight = state[3:], 2.0 / (n * (n + 1.0))
    at, size = 0, float(n)
    while at < len(x):
        many = min(n - j, len(x) - at)
        xs, ys, tail = x[at : at + many], y[at : at + many], block[j:]
        for k in range(many):
            s += xs[k]
            ys[k] = (tail[k] + (size * s - past)) * weight
            past += s
            tail[k] = xs[k]
        at, j = at + many, j + many
        if j == n:
            j, s, past = 0, 0.0, 0.0
            total, ramp = 0.0, 0.0
            for p in range(n - 1, -1, -1):
                total += block[p]
                block[p] = ramp
                ramp += total
    state[0], state[1], state[2] = j, s, past


@kernel
def _tail_ramps(sums: FloatArray, ramps: FloatArray, n: int, ref: float) -> None:
    """Turn a block of values into, per place, the sum from there on and the sum after it weighted by distance."""
    total, ramp = 0.0, 0.0
    for p in range(n - 1, -1, -1):
        ramps[p] = ramp
        total += sums[p] - ref
        sums[p] = total
        ramp += total
