"""Kernels of the trend indicators: averages, convergence, direction, regression, trailing stops."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from tradecore.core.types import FloatArray
from tradecore.features.kernels.windows import ema_step, slide_ramp, slide_sum, wilder_step

NAN = np.nan


@njit(cache=True, error_model="numpy")
def sma(x: FloatArray, n: int, state: FloatArray, out: FloatArray) -> None:
    """Write the mean of the last n values."""
    seen, j, prefix = int(state[0]), int(state[1]), state[2]
    block, y, share = state[16:], out[0], 1.0 / n
    for i in range(len(x)):
        total, prefix = slide_sum(block, j, n, prefix, x[i])
        y[i] = total * share if seen >= n - 1 else NAN
        j = j + 1 if j < n - 1 else 0
        seen += 1
    state[0], state[1], state[2] = seen, j, prefix


@njit(cache=True, error_model="numpy")
def ema(x: FloatArray, n: int, state: FloatArray, out: FloatArray) -> None:
    """Write the exponential mean with rate 2 / (n + 1), seeded by the mean of the first n."""
    seen, mean = int(state[0]), state[1]
    y, rate = out[0], 2.0 / (n + 1)
    for i in range(len(x)):
        mean = ema_step(mean, seen, n, rate, x[i])
        y[i] = mean if seen >= n - 1 else NAN
        seen += 1
    state[0], state[1] = seen, mean


@njit(cache=True, error_model="numpy")
def ema_chain(x: FloatArray, n: int, depth: int, state: FloatArray, out: FloatArray) -> None:
    """Write the double (depth 2) or triple (3) exponential mean, each stage seeded by the first n of the last."""
    seen, a, b, c = int(state[0]), state[1], state[2], state[3]
    y, rate, warmup = out[0], 2.0 / (n + 1), depth * (n - 1)
    for i in range(len(x)):
        a = ema_step(a, seen, n, rate, x[i])
        if seen >= n - 1:
            b = ema_step(b, seen - (n - 1), n, rate, a)
        if depth == 3 and seen >= 2 * (n - 1):
            c = ema_step(c, seen - 2 * (n - 1), n, rate, b)
        if seen < warmup:
            y[i] = NAN
        elif depth == 2:
            y[i] = 2.0 * a - b
        else:
            y[i] = 3.0 * a - 3.0 * b + c
        seen += 1
    state[0], state[1], state[2], state[3] = seen, a, b, c


@njit(cache=True, error_model="numpy")
def linear(x: FloatArray, n: int, form: int, state: FloatArray, out: FloatArray) -> None:
    """Write the linearly weighted mean (form 0), the least-squares slope (1), or the line's newest value (2)."""
    seen, j, s, r, ref = int(state[0]), int(state[1]), state[2], state[3], state[4]
    sums, ramps, y = state[16 : 16 + n], state[16 + n :], out[0]
    weight = 2.0 / (n * (n + 1))
    steepness = 12.0 / (n * (n * n - 1.0))
    share, centre = 1.0 / n, (n + 1) / 2.0
    for i in range(len(x)):
        if seen == 0:
            ref = x[i]
        total, ramp, s, r, ref = slide_ramp(sums, ramps, j, n, s, r, ref, x[i])
        slope = (ramp - total * centre) * steepness
        if seen < n - 1:
            y[i] = NAN
        elif form == 0:
            y[i] = ref + ramp * weight
        elif form == 1:
            y[i] = slope
        else:
            y[i] = ref + total * share + slope * (n - 1) / 2.0
        j = j + 1 if j < n - 1 else 0
        seen += 1
    state[0], state[1], state[2], state[3], state[4] = seen, j, s, r, ref


@njit(cache=True, error_model="numpy")
def macd(x: FloatArray, fast: int, slow: int, smooth: int, state: FloatArray, out: FloatArray) -> None:
    """Write fast minus slow exponential mean, its own exponential mean, and their difference.

    Both averages are seeded at the same bar, the slow one's first: TA-Lib's convention.
    """
    seen, a, b, c = int(state[0]), state[1], state[2], state[3]
    line, signal, hist = out[0], out[1], out[2]
    fast_rate, slow_rate, rate = 2.0 / (fast + 1), 2.0 / (slow + 1), 2.0 / (smooth + 1)
    late, first = slow - fast, slow - 1
    for i in range(len(x)):
        b = ema_step(b, seen, slow, slow_rate, x[i])
        if seen >= late:
            a = ema_step(a, seen - late, fast, fast_rate, x[i])
        if seen >= first:
            c = ema_step(c, seen - first, smooth, rate, a - b)
        if seen >= first + smooth - 1:
            line[i], signal[i], hist[i] = a - b, c, a - b - c
        else:
            line[i], signal[i], hist[i] = NAN, NAN, NAN
        seen += 1
    state[0], state[1], state[2], state[3] = seen, a, b, c


@njit(cache=True, error_model="numpy")
def kama(x: FloatArray, n: int, fast: int, slow: int, state: FloatArray, out: FloatArray) -> None:
    """Write Kaufman's adaptive mean: its rate follows net movement over path. A flat window counts as efficient."""
    seen, j, prefix, last, mean = int(state[0]), int(state[1]), state[2], state[3], state[4]
    block, lagged, y = state[16 : 16 + n], state[16 + n :], out[0]
    slowest = 2.0 / (slow + 1)
    span = 2.0 / (fast + 1) - slowest
    for i in range(len(x)):
        value = x[i]
        old = lagged[j]
        lagged[j] = value
        step = abs(value - last) if seen > 0 else 0.0
        path, prefix = slide_sum(block, j, n, prefix, step)
        if seen >= n:
            net = value - old
            share = 1.0 if path <= net or path == 0.0 else abs(net) / path
            rate = (share * span + slowest) ** 2
            mean = (value - mean) * rate + mean
            y[i] = mean
        else:
            mean = value
            y[i] = NAN
        last = value
        j = j + 1 if j < n - 1 else 0
        seen += 1
    state[0], state[1], state[2], state[3], state[4] = seen, j, prefix, last, mean


@njit(cache=True, error_model="numpy")
def adx(high: FloatArray, low: FloatArray, close: FloatArray, n: int, state: FloatArray, out: FloatArray) -> None:
    """Write Wilder's average directional index and the two directional indicators.

    A bar on which neither direction moved leaves the average where it was, as in TA-Lib.
    """
    seen, up, down, span, mean = int(state[0]), state[1], state[2], state[3], state[4]
    last_high, last_low, last_close = state[5], state[6], state[7]
    line, plus, minus, keep = out[0], out[1], out[2], 1.0 - 1.0 / n
    for i in range(len(high)):
        line[i], plus[i], minus[i] = NAN, NAN, NAN
        if seen > 0:
            rise, fall = high[i] - last_high, last_low - low[i]
            gain = rise if rise > 0.0 and rise > fall else 0.0
            loss = fall if fall > 0.0 and fall > rise else 0.0
            reach = max(high[i], last_close) - min(low[i], last_close)
            fade = keep if seen >= n else 1.0
            up, down, span = up * fade + gain, down * fade + loss, span * fade + reach
        if seen >= n:
            both = up + down
            index = 100.0 * abs(up - down) / both if both > 0.0 else 0.0
            if seen < 2 * n:
                mean += index if both > 0.0 and span > 0.0 else 0.0
                if seen == 2 * n - 1:
                    mean /= n
            elif both > 0.0 and span > 0.0:
                mean += (index - mean) / n
        if seen >= 2 * n - 1:
            line[i] = mean
            plus[i] = 100.0 * up / span if span > 0.0 else 0.0
            minus[i] = 100.0 * down / span if span > 0.0 else 0.0
        last_high, last_low, last_close = high[i], low[i], close[i]
        seen += 1
    state[0], state[1], state[2], state[3], state[4] = seen, up, down, span, mean
    state[5], state[6], state[7] = last_high, last_low, last_close


@njit(cache=True, error_model="numpy")
def aroon(high: FloatArray, low: FloatArray, n: int, state: FloatArray, out: FloatArray) -> None:
    """Write how recent the high and the low of the last n + 1 bars are, in percent; the newest of equals counts."""
    seen, j, top, bottom = int(state[0]), int(state[1]), int(state[2]), int(state[3])
    width = n + 1
    highs, lows = state[16 : 16 + width], state[16 + width :]
    for i in range(len(high)):
        highs[j], lows[j] = high[i], low[i]
        # top and bottom are the ages, in bars, of the extremes.
        top, bottom = top + 1, bottom + 1
        if seen == 0 or top > n:
            top = _age_of_highest(highs, j, min(seen + 1, width), width)
        elif high[i] >= highs[j - top if j >= top else j - top + width]:
            top = 0
        if seen == 0 or bottom > n:
            bottom = _age_of_lowest(lows, j, min(seen + 1, width), width)
        elif low[i] <= lows[j - bottom if j >= bottom else j - bottom + width]:
            bottom = 0
        if seen >= n:
            out[0, i], out[1, i] = 100.0 * (n - top) / n, 100.0 * (n - bottom) / n
            out[2, i] = out[0, i] - out[1, i]
        else:
            out[0, i], out[1, i], out[2, i] = NAN, NAN, NAN
        j = j + 1 if j < n else 0
        seen += 1
    state[0], state[1], state[2], state[3] = seen, j, top, bottom


@njit(cache=True, error_model="numpy")
def _age_of_highest(ring: FloatArray, j: int, count: int, width: int) -> int:
    best, age = ring[j], 0
    for a in range(1, count):
        value = ring[j - a if j >= a else j - a + width]
        if value > best:
            best, age = value, a
    return age


@njit(cache=True, error_model="numpy")
def _age_of_lowest(ring: FloatArray, j: int, count: int, width: int) -> int:
    best, age = ring[j], 0
    for a in range(1, count):
        value = ring[j - a if j >= a else j - a + width]
        if value < best:
            best, age = value, a
    return age


@njit(cache=True, error_model="numpy")
def supertrend(
    high: FloatArray, low: FloatArray, close: FloatArray, n: int, width: float, state: FloatArray, out: FloatArray
) -> None:
    """Write the trailing band the price has not crossed, and the direction: 1 above it (as at first), -1 below."""
    seen, atr, last = int(state[0]), state[1], state[2]
    upper, lower, side, rate = state[3], state[4], state[5], 1.0 / n
    for i in range(len(high)):
        if seen > 0:
            reach = max(high[i], last) - min(low[i], last)
            atr = wilder_step(atr, seen - 1, n, rate, reach)
        if seen >= n:
            middle = (high[i] + low[i]) / 2.0
            top, bottom = middle + width * atr, middle - width * atr
            if seen == n:
                upper, lower, side = top, bottom, 1.0
            else:
                upper = top if top < upper or last > upper else upper
                lower = bottom if bottom > lower or last < lower else lower
                if side < 0.0 and close[i] > upper:
                    side = 1.0
                elif side > 0.0 and close[i] < lower:
                    side = -1.0
            out[0, i], out[1, i] = lower if side > 0.0 else upper, side
        else:
            out[0, i], out[1, i] = NAN, NAN
        last = close[i]
        seen += 1
    state[0], state[1], state[2], state[3], state[4], state[5] = seen, atr, last, upper, lower, side


@njit(cache=True, error_model="numpy")
def hull(x: FloatArray, n: int, state: FloatArray, out: FloatArray) -> None:
    """Write Hull's mean: the weighted mean over sqrt(n) of twice the one over n / 2 minus the one over n."""
    half, root = n // 2, int(math.sqrt(n))
    seen, j, k, m = int(state[0]), int(state[1]), int(state[2]), int(state[3])
    s, r, ref = state[4], state[5], state[6]
    half_s, half_r, half_ref = state[7], state[8], state[9]
    root_s, root_r, root_ref = state[10], state[11], state[12]
    sums, ramps, at, y = state[16 : 16 + n], state[16 + n : 16 + 2 * n], 16 + 2 * n, out[0]
    half_sums, half_ramps = state[at : at + half], state[at + half : at + 2 * half]
    root_sums, root_ramps = state[at + 2 * half : at + 2 * half + root], state[at + 2 * half + root :]
    share, half_share, root_share = 2.0 / (n * (n + 1)), 2.0 / (half * (half + 1)), 2.0 / (root * (root + 1))
    for i in range(len(x)):
        if seen == 0:
            ref = half_ref = x[i]
        _, ramp, s, r, ref = slide_ramp(sums, ramps, j, n, s, r, ref, x[i])
        _, half_ramp, half_s, half_r, half_ref = slide_ramp(
            half_sums, half_ramps, k, half, half_s, half_r, half_ref, x[i]
        )
        j = j + 1 if j < n - 1 else 0
        k = k + 1 if k < half - 1 else 0
        y[i] = NAN
        if seen >= n - 1:
            gap = 2.0 * (half_ref + half_ramp * half_share) - (ref + ramp * share)
            if seen == n - 1:
                root_ref = gap
            _, last, root_s, root_r, root_ref = slide_ramp(
                root_sums, root_ramps, m, root, root_s, root_r, root_ref, gap
            )
            m = m + 1 if m < root - 1 else 0
            if seen >= n + root - 2:
                y[i] = root_ref + last * root_share
        seen += 1
    state[0], state[1], state[2], state[3] = seen, j, k, m
    state[4], state[5], state[6] = s, r, ref
    state[7], state[8], state[9] = half_s, half_r, half_ref
    state[10], state[11], state[12] = root_s, root_r, root_ref


@njit(cache=True, error_model="numpy")
def psar(high: FloatArray, low: FloatArray, rate: float, limit: float, state: FloatArray, out: FloatArray) -> None:
    """Write Wilder's parabolic stop. The first direction is that of the first two bars' ranges, as in TA-Lib."""
    seen, side, stop, extreme, pace = int(state[0]), state[1], state[2], state[3], state[4]
    last_high, last_low = state[5], state[6]
    rate = min(rate, limit)
    y = out[0]
    for i in range(len(high)):
        top, bottom = high[i], low[i]
        y[i] = NAN
        if seen == 1:
            fall = last_low - bottom
            side = -1.0 if fall > 0.0 and fall > top - last_high else 1.0
            extreme, stop = (top, last_low) if side > 0.0 else (bottom, last_high)
            pace = rate
            # TA-Lib starts as if the second bar had been the one before it.
            last_high, last_low = top, bottom
        if seen >= 1:
            crossed = bottom <= stop if side > 0.0 else top >= stop
            if crossed:
                stop = max(extreme, last_high, top) if side > 0.0 else min(extreme, last_low, bottom)
                y[i] = stop
                side, pace = -side, rate
                extreme = bottom if side < 0.0 else top
            else:
                y[i] = stop
                if (side > 0.0 and top > extreme) or (side < 0.0 and bottom < extreme):
                    extreme = top if side > 0.0 else bottom
                    pace = min(pace + rate, limit)
            stop += pace * (extreme - stop)
            stop = min(stop, last_low, bottom) if side > 0.0 else max(stop, last_high, top)
        last_high, last_low = top, bottom
        seen += 1
    state[0], state[1], state[2], state[3], state[4] = seen, side, stop, extreme, pace
    state[5], state[6] = last_high, last_low
