"""Kernels of the momentum indicators: how fast and how far the price moved, against its own recent past."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from tradecore.core.types import FloatArray
from tradecore.features.kernels.compiled import kernel
from tradecore.features.kernels.fused import fma
from tradecore.features.kernels.windows import blank, ema_step, slide_max, slide_min, slide_sum, wilder_step

NAN = np.nan
INF = np.inf
TIE = 1e-15
"""Typical prices closer than this, as a fraction of them, are equal: they differ by rounding only."""

NOISE = 1e-9
"""A range of the relative strength index below this, in percent points, is rounding and counts as none."""


@kernel
def rsi(x: FloatArray, n: int, state: FloatArray, out: FloatArray) -> None:
    """Write Wilder's relative strength index; 0 where the price never moved, as in TA-Lib."""
    seen, gain, loss, last = int(state[0]), state[1], state[2], state[3]
    y, rate = out[0], 1.0 / n
    for i in range(len(x)):
        if seen > 0:
            step = x[i] - last
            gain = wilder_step(gain, seen - 1, n, rate, max(step, 0.0))
            loss = wilder_step(loss, seen - 1, n, rate, max(-step, 0.0))
        both = gain + loss
        y[i] = NAN if seen < n else (100.0 * gain / both if both > 0.0 else 0.0)
        last = x[i]
        seen += 1
    state[0], state[1], state[2], state[3] = seen, gain, loss, last


@kernel
def change(x: FloatArray, n: int, form: int, state: FloatArray, out: FloatArray) -> None:
    """Write the change over n bars: difference (form 0), percent (1), fraction (2), or logarithm of the ratio (3)."""
    seen, j = int(state[0]), int(state[1])
    ring, y = state[16:], out[0]
    early = min(n, len(x))
    # The bars before these lie in the ring; those of the rest lie in x itself, n places back.
    for i in range(max(n - seen, 0), early):
        y[i] = _change(x[i], ring[j + i if j + i < n else j + i - n], form)
    xs, ys = x[early:], y[early:]
    for i in range(len(xs)):
        ys[i] = _change(xs[i], x[i], form)
    j = (j + len(x) - early) % n
    for value in x[len(x) - early :]:
        ring[j] = value
        j = j + 1 if j < n - 1 else 0
    blank(out, n - seen)
    state[0], state[1] = seen + len(x), j


@njit(inline="always", error_model="numpy")
def _change(value: float, old: float, form: int) -> float:
    if form == 0:
        return value - old
    if form == 3:
        return math.log(value / old)
    return (value / old - 1.0) * (100.0 if form == 1 else 1.0)


@kernel
def stochastic(
    high: FloatArray,
    low: FloatArray,
    close: FloatArray,
    n: int,
    slow: int,
    smooth: int,
    state: FloatArray,
    out: FloatArray,
) -> None:
    """Write the close's place in the range of n bars in percent, smoothed twice; 0 where there was no range."""
    seen, j, top, bottom = int(state[0]), int(state[1]), state[2], state[3]
    if seen == 0:
        top, bottom = -INF, INF
    k_place, k_prefix, d_place, d_prefix = int(state[4]), state[5], int(state[6]), state[7]
    highs, lows, at = state[16 : 16 + n], state[16 + n : 16 + 2 * n], 16 + 2 * n
    k_block, d_block = state[at : at + slow], state[at + slow :]
    for i in range(len(high)):
        peak, top = slide_max(highs, j, n, top, high[i])
        floor, bottom = slide_min(lows, j, n, bottom, low[i])
        out[0, i], out[1, i] = NAN, NAN
        if seen >= n - 1:
            span = peak - floor
            raw = 100.0 * (close[i] - floor) / span if span > 0.0 else 0.0
            total, k_prefix = slide_sum(k_block, k_place, slow, k_prefix, raw)
            k_place = k_place + 1 if k_place < slow - 1 else 0
            if seen >= n + slow - 2:
                k = total / slow
                total, d_prefix = slide_sum(d_block, d_place, smooth, d_prefix, k)
                d_place = d_place + 1 if d_place < smooth - 1 else 0
                if seen >= n + slow + smooth - 3:
                    out[0, i], out[1, i] = k, total / smooth
        j = j + 1 if j < n - 1 else 0
        seen += 1
    state[0], state[1], state[2], state[3] = seen, j, top, bottom
    state[4], state[5], state[6], state[7] = k_place, k_prefix, d_place, d_prefix


@kernel
def stoch_rsi(x: FloatArray, n: int, span: int, smooth: int, state: FloatArray, out: FloatArray) -> None:
    """Write the relative strength index's place in its range of `span` bars, and its mean over `smooth`, in percent."""
    seen, gain, loss, last = int(state[0]), state[1], state[2], state[3]
    j, top, bottom, place, prefix = int(state[4]), state[5], state[6], int(state[7]), state[8]
    if seen == 0:
        top, bottom = -INF, INF
    highs, lows, block = state[16 : 16 + span], state[16 + span : 16 + 2 * span], state[16 + 2 * span :]
    rate = 1.0 / n
    for i in range(len(x)):
        if seen > 0:
            step = x[i] - last
            gain = wilder_step(gain, seen - 1, n, rate, max(step, 0.0))
            loss = wilder_step(loss, seen - 1, n, rate, max(-step, 0.0))
        out[0, i], out[1, i] = NAN, NAN
        if seen >= n:
            strength = 100.0 * gain / (gain + loss) if gain + loss > 0.0 else 0.0
            peak, top = slide_max(highs, j, span, top, strength)
            floor, bottom = slide_min(lows, j, span, bottom, strength)
            j = j + 1 if j < span - 1 else 0
            if seen >= n + span - 1:
                k = 100.0 * (strength - floor) / (peak - floor) if peak - floor > NOISE else 0.0
                total, prefix = slide_sum(block, place, smooth, prefix, k)
                place = place + 1 if place < smooth - 1 else 0
                if seen >= n + span + smooth - 2:
                    out[0, i], out[1, i] = k, total / smooth
        last = x[i]
        seen += 1
    state[0], state[1], state[2], state[3] = seen, gain, loss, last
    state[4], state[5], state[6], state[7], state[8] = j, top, bottom, place, prefix


@kernel
def cci(high: FloatArray, low: FloatArray, close: FloatArray, n: int, state: FloatArray, out: FloatArray) -> None:
    """Write the typical price's distance from its mean over 0.015 mean absolute deviations; 0 where it is flat."""
    seen, j = int(state[0]), int(state[1])
    ring, y = state[16:], out[0]
    for i in range(len(high)):
        price = (high[i] + low[i] + close[i]) / 3.0
        ring[j] = price
        y[i] = NAN
        if seen >= n - 1:
            # About the newest price, so that a flat window gives exactly zero.
            mean = 0.0
            for p in range(n):
                mean += ring[p] - price
            mean /= n
            spread = 0.0
            for p in range(n):
                spread += abs(ring[p] - price - mean)
            y[i] = -mean / (0.015 * spread / n) if spread > 0.0 else 0.0
        j = j + 1 if j < n - 1 else 0
        seen += 1
    state[0], state[1] = seen, j


@kernel
def williams_r(
    high: FloatArray, low: FloatArray, close: FloatArray, n: int, state: FloatArray, out: FloatArray
) -> None:
    """Write how far the close lies below the high of n bars, in percent of their range; 0 where there was none."""
    seen, j, top, bottom = int(state[0]), int(state[1]), state[2], state[3]
    if seen == 0:
        top, bottom = -INF, INF
    highs, lows, y = state[16 : 16 + n], state[16 + n :], out[0]
    for i in range(len(high)):
        peak, top = slide_max(highs, j, n, top, high[i])
        floor, bottom = slide_min(lows, j, n, bottom, low[i])
        if seen < n - 1:
            y[i] = NAN
        else:
            y[i] = -100.0 * (peak - close[i]) / (peak - floor) if peak > floor else 0.0
        j = j + 1 if j < n - 1 else 0
        seen += 1
    state[0], state[1], state[2], state[3] = seen, j, top, bottom


@kernel
def mfi(
    high: FloatArray, low: FloatArray, close: FloatArray, volume: FloatArray, n: int, state: FloatArray, out: FloatArray
) -> None:
    """Write the share of n bars' money flow on a rising typical price, in percent; 0 where no money flowed."""
    seen, j, up, down, last = int(state[0]), int(state[1]), state[2], state[3], state[4]
    ups, downs, y = state[16 : 16 + n], state[16 + n :], out[0]
    for i in range(len(high)):
        price = (high[i] + low[i] + close[i]) / 3.0
        if seen > 0:
            flow, tie = price * volume[i], TIE * price
            plus, up = slide_sum(ups, j, n, up, flow if price - last > tie else 0.0)
            minus, down = slide_sum(downs, j, n, down, flow if last - price > tie else 0.0)
            j = j + 1 if j < n - 1 else 0
            both = plus + minus
            y[i] = NAN if seen < n else (100.0 * plus / both if both > 0.0 else 0.0)
        else:
            y[i] = NAN
        last = price
        seen += 1
    state[0], state[1], state[2], state[3], state[4] = seen, j, up, down, last


@kernel
def cmo(x: FloatArray, n: int, state: FloatArray, out: FloatArray) -> None:
    """Write gains minus losses over gains plus losses, Wilder-smoothed, in percent; 0 where the price never moved."""
    seen, gain, loss, last = int(state[0]), state[1], state[2], state[3]
    y, rate = out[0], 1.0 / n
    for i in range(len(x)):
        if seen > 0:
            step = x[i] - last
            gain = wilder_step(gain, seen - 1, n, rate, max(step, 0.0))
            loss = wilder_step(loss, seen - 1, n, rate, max(-step, 0.0))
        both = gain + loss
        y[i] = NAN if seen < n else (100.0 * (gain - loss) / both if both > 0.0 else 0.0)
        last = x[i]
        seen += 1
    state[0], state[1], state[2], state[3] = seen, gain, loss, last


@kernel
def ppo(x: FloatArray, fast: int, slow: int, state: FloatArray, out: FloatArray) -> None:
    """Write the fast exponential mean's distance from the slow one, in percent of the slow one."""
    seen, a, b = int(state[0]), state[1], state[2]
    y, fast_rate, slow_rate = out[0], 2.0 / (fast + 1), 2.0 / (slow + 1)
    for i in range(len(x)):
        a = ema_step(a, seen, fast, fast_rate, x[i])
        b = ema_step(b, seen, slow, slow_rate, x[i])
        y[i] = 100.0 * (a - b) / b if seen >= slow - 1 else NAN
        seen += 1
    state[0], state[1], state[2] = seen, a, b


@kernel
def trix(x: FloatArray, n: int, state: FloatArray, out: FloatArray) -> None:
    """Write the one-bar change of the triple-smoothed exponential mean, in percent."""
    seen, a, b, c = int(state[0]), state[1], state[2], state[3]
    y, rate, first = out[0], 2.0 / (n + 1), 3 * (n - 1)
    early = min(max(first + 1 - seen, 0), len(x))
    for i in range(early):
        a = ema_step(a, seen + i, n, rate, x[i])
        if seen + i >= n - 1:
            b = ema_step(b, seen + i - (n - 1), n, rate, a)
        if seen + i >= 2 * (n - 1):
            c = ema_step(c, seen + i - 2 * (n - 1), n, rate, b)
    xs, ys = x[early:], y[early:]
    for i in range(len(xs)):
        last = c
        a = fma(xs[i] - a, rate, a)
        b = fma(a - b, rate, b)
        c = fma(b - c, rate, c)
        ys[i] = 100.0 * (c / last - 1.0)
    blank(out, first + 1 - seen)
    state[0], state[1], state[2], state[3] = seen + len(x), a, b, c
