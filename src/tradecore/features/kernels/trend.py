"""Kernels of the trend indicators: averages, convergence, direction, trailing stops."""

from __future__ import annotations

import numpy as np

from tradecore.core.types import FloatArray
from tradecore.features.kernels.compiled import kernel
from tradecore.features.kernels.fused import fma
from tradecore.features.kernels.windows import blank, ema_step, tail_sums, wilder_step

NAN = np.nan


@kernel
def sma(x: FloatArray, n: int, state: FloatArray, out: FloatArray) -> None:
    """Write the mean of the last n values."""
    seen, j, prefix = int(state[0]), int(state[1]), state[2]
    block, y, share, at = state[16:], out[0], 1.0 / n, 0
    while at < len(x):
        many = min(n - j, len(x) - at)
        xs, ys, tail = x[at : at + many], y[at : at + many], block[j:]
        for k in range(many):
            prefix += xs[k]
            ys[k] = (tail[k + 1] + prefix) * share
            tail[k] = xs[k]
        at, j = at + many, j + many
        if j == n:
            j, prefix = 0, 0.0
            tail_sums(block, n)
    blank(out, n - 1 - seen)
    state[0], state[1], state[2] = seen + len(x), j, prefix


@kernel
def ema(x: FloatArray, n: int, state: FloatArray, out: FloatArray) -> None:
    """Write the exponential mean with rate 2 / (n + 1), seeded by the mean of the first n."""
    seen, mean = int(state[0]), state[1]
    y, rate = out[0], 2.0 / (n + 1)
    early = min(max(n - seen, 0), len(x))
    for i in range(early):
        mean = ema_step(mean, seen + i, n, rate, x[i])
        y[i] = mean
    xs, ys = x[early:], y[early:]
    for i in range(len(xs)):
        mean = (xs[i] - mean) * rate + mean
        ys[i] = mean
    blank(out, n - 1 - seen)
    state[0], state[1] = seen + len(x), mean


@kernel
def ema_chain(x: FloatArray, n: int, depth: int, state: FloatArray, out: FloatArray) -> None:
    """Write the double (depth 2) or triple (3) exponential mean, each stage seeded by the first n of the last."""
    seen, a, b, c = int(state[0]), state[1], state[2], state[3]
    y, rate, warmup = out[0], 2.0 / (n + 1), depth * (n - 1)
    early = min(max(warmup + 1 - seen, 0), len(x))
    for i in range(early):
        a = ema_step(a, seen + i, n, rate, x[i])
        if seen + i >= n - 1:
            b = ema_step(b, seen + i - (n - 1), n, rate, a)
        if seen + i >= 2 * (n - 1):
            c = ema_step(c, seen + i - 2 * (n - 1), n, rate, b)
        y[i] = 2.0 * a - b if depth == 2 else 3.0 * a - 3.0 * b + c
    xs, ys = x[early:], y[early:]
    for i in range(len(xs)):
        a = fma(xs[i] - a, rate, a)
        b = fma(a - b, rate, b)
        c = fma(b - c, rate, c)
        ys[i] = 2.0 * a - b if depth == 2 else 3.0 * a - 3.0 * b + c
    blank(out, warmup - seen)
    state[0], state[1], state[2], state[3] = seen + len(x), a, b, c


@kernel
def macd(x: FloatArray, fast: int, slow: int, smooth: int, state: FloatArray, out: FloatArray) -> None:
    """Write fast minus slow exponential mean, its own exponential mean, and their difference.

    Both averages are seeded at the same bar, the slow one's first: TA-Lib's convention.
    """
    seen, a, b, c = int(state[0]), state[1], state[2], state[3]
    fast_rate, slow_rate, rate = 2.0 / (fast + 1), 2.0 / (slow + 1), 2.0 / (smooth + 1)
    late, first = slow - fast, slow - 1
    early = min(max(first + smooth - seen, 0), len(x))
    for i in range(early):
        b = ema_step(b, seen + i, slow, slow_rate, x[i])
        if seen + i >= late:
            a = ema_step(a, seen + i - late, fast, fast_rate, x[i])
        if seen + i >= first:
            c = ema_step(c, seen + i - first, smooth, rate, a - b)
        out[0, i], out[1, i], out[2, i] = a - b, c, a - b - c
    xs, line, signal, hist = x[early:], out[0, early:], out[1, early:], out[2, early:]
    for i in range(len(xs)):
        b = fma(xs[i] - b, slow_rate, b)
        a = fma(xs[i] - a, fast_rate, a)
        gap = a - b
        c = fma(gap - c, rate, c)
        line[i], signal[i], hist[i] = gap, c, gap - c
    blank(out, first + smooth - 1 - seen)
    state[0], state[1], state[2], state[3] = seen + len(x), a, b, c


@kernel
def kama(x: FloatArray, n: int, fast: int, slow: int, state: FloatArray, out: FloatArray) -> None:
    """Write Kaufman's adaptive mean: its rate follows net movement over path. A flat window counts as efficient."""
    seen, j, prefix, last, mean = int(state[0]), int(state[1]), state[2], state[3], state[4]
    block, lagged, y = state[16 : 17 + n], state[17 + n :], out[0]
    slowest = 2.0 / (slow + 1)
    span, at = 2.0 / (fast + 1) - slowest, 0
    while at < len(x):
        many = min(n - j, len(x) - at)
        xs, ys, tail, old = x[at : at + many], y[at : at + many], block[j:], lagged[j:]
        if seen == 0:
            last = xs[0]
        # The first block is the warm-up: there the mean is the value itself.
        least = 1.0 if seen < n else 0.0
        for k in range(many):
            value = xs[k]
            step, net = abs(value - last), value - old[k]
            prefix += step
            path = tail[k + 1] + prefix
            share = abs(net) / path if net < path else 1.0
            rate = max(share * span + slowest, least)
            mean = fma(value - mean, rate * rate, mean)
            ys[k], tail[k], old[k], last = mean, step, value, value
        at, j, seen = at + many, j + many, seen + many
        if j == n:
            j, prefix = 0, 0.0
            tail_sums(block, n)
    blank(out, n - (seen - len(x)))
    state[0], state[1], state[2], state[3], state[4] = seen, j, prefix, last, mean


@kernel
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


@kernel
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


@kernel
def _age_of_highest(ring: FloatArray, j: int, count: int, width: int) -> int:
    best, age = ring[j], 0
    for a in range(1, count):
        value = ring[j - a if j >= a else j - a + width]
        if value > best:
            best, age = value, a
    return age


@kernel
def _age_of_lowest(ring: FloatArray, j: int, count: int, width: int) -> int:
    best, age = ring[j], 0
    for a in range(1, count):
        value = ring[j - a if j >= a else j - a + width]
        if value < best:
            best, age = value, a
    return age


@kernel
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


@kernel
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
