"""Kernels of the volatility indicators: ranges, bands and deviations."""

from __future__ import annotations

import math

import numpy as np

from tradecore.core.types import FloatArray
from tradecore.features.kernels.compiled import kernel
from tradecore.features.kernels.fused import fma
from tradecore.features.kernels.windows import (
    blank,
    ema_step,
    slide_max,
    slide_min,
    slide_sum,
    tail_moments,
    wilder_step,
)

NAN = np.nan
INF = np.inf


@kernel
def true_range(high: FloatArray, low: FloatArray, close: FloatArray, state: FloatArray, out: FloatArray) -> None:
    """Write the bar's range widened to the last close."""
    seen, last, y = int(state[0]), state[1], out[0]
    for i in range(len(high)):
        y[i] = max(high[i], last) - min(low[i], last) if seen > 0 else NAN
        last = close[i]
        seen += 1
    state[0], state[1] = seen, last


@kernel
def atr(
    high: FloatArray, low: FloatArray, close: FloatArray, n: int, form: int, state: FloatArray, out: FloatArray
) -> None:
    """Write Wilder's mean of the true range, in quote (form 0) or in percent of the close (1)."""
    seen, mean, last = int(state[0]), state[1], state[2]
    y, rate = out[0], 1.0 / n
    early = min(max(n + 1 - seen, 0), len(high))
    for i in range(early):
        if seen + i > 0:
            mean = wilder_step(mean, seen + i - 1, n, rate, max(high[i], last) - min(low[i], last))
        last = close[i]
        y[i] = mean if form == 0 else 100.0 * mean / last
    highs, lows, closes, ys, keep = high[early:], low[early:], close[early:], y[early:], 1.0 - rate
    for i in range(len(highs)):
        mean = fma(mean, keep, (max(highs[i], last) - min(lows[i], last)) * rate)
        last = closes[i]
        ys[i] = mean if form == 0 else 100.0 * mean / last
    blank(out, n - seen)
    state[0], state[1], state[2] = seen + len(high), mean, last


@kernel
def spread(x: FloatArray, n: int, width: float, form: int, state: FloatArray, out: FloatArray) -> None:
    """Write a member of the family of mean and population deviation over n values.

    Forms: 0 upper, middle, lower band; 1 place between the bands; 2 distance of the bands over the mean; 3 deviation;
    4 z-score. A flat window has no deviation: its z-score is 0, its place between the bands 0.5.

    Sums are about the first value of the head of the window (see `windows`), which every such window holds: the
    variance loses at most a factor n of precision however far the price is from zero, and that of a flat window is 0.
    """
    seen, j, s, q, ref = int(state[0]), int(state[1]), state[2], state[3], state[4]
    sums, squares, share, at = state[16 : 17 + n], state[17 + n :], 1.0 / n, 0
    last = len(out) - 1
    while at < len(x):
        if j == 0:
            ref, s, q = x[at], 0.0, 0.0
            tail_moments(sums, squares, n, ref)
        many = min(n - j, len(x) - at)
        xs, tail, square = x[at : at + many], sums[j:], squares[j:]
        first, ys, third = out[0, at : at + many], out[min(1, last), at : at + many], out[last, at : at + many]
        for k in range(many):
            gap = xs[k] - ref
            s += gap
            q += gap * gap
            shift = (tail[k + 1] + s) * share
            deviation = math.sqrt(max((square[k + 1] + q) * share - shift * shift, 0.0))
            tail[k] = xs[k]
            if form == 0:
                first[k], ys[k], third[k] = (
                    ref + shift + width * deviation,
                    ref + shift,
                    ref + shift - width * deviation,
                )
            elif form == 1:
                ys[k] = 0.5 + (gap - shift) / (2.0 * width * deviation) if deviation > 0.0 else 0.5
            elif form == 2:
                ys[k] = 2.0 * width * deviation / (ref + shift) if deviation > 0.0 else 0.0
            elif form == 3:
                ys[k] = deviation
            else:
                ys[k] = (gap - shift) / deviation if deviation > 0.0 else 0.0
        at += many
        j = j + many if j + many < n else 0
    blank(out, n - 1 - seen)
    state[0], state[1], state[2], state[3], state[4] = seen + len(x), j, s, q, ref


@kernel
def keltner(
    high: FloatArray,
    low: FloatArray,
    close: FloatArray,
    n: int,
    m: int,
    width: float,
    state: FloatArray,
    out: FloatArray,
) -> None:
    """Write the exponential mean of the typical price and a band of `width` average true ranges on either side.

    Both are seeded so that they are complete at the same bar, as in TA-Lib.
    """
    seen, mean, reach, last = int(state[0]), state[1], state[2], state[3]
    upper, middle, lower = out[0], out[1], out[2]
    rate, fade, warmup = 2.0 / (n + 1), 1.0 / m, max(n - 1, m)
    mean_from, reach_from = warmup - (n - 1), warmup - (m - 1)
    for i in range(len(high)):
        if seen >= mean_from:
            mean = ema_step(mean, seen - mean_from, n, rate, (high[i] + low[i] + close[i]) / 3.0)
        if seen >= reach_from:
            reach = wilder_step(reach, seen - reach_from, m, fade, max(high[i], last) - min(low[i], last))
        if seen >= warmup:
            upper[i], middle[i], lower[i] = mean + width * reach, mean, mean - width * reach
        else:
            upper[i], middle[i], lower[i] = NAN, NAN, NAN
        last = close[i]
        seen += 1
    state[0], state[1], state[2], state[3] = seen, mean, reach, last


@kernel
def donchian(high: FloatArray, low: FloatArray, n: int, state: FloatArray, out: FloatArray) -> None:
    """Write the highest high of n bars, the middle, and the lowest low."""
    seen, j, top, bottom = int(state[0]), int(state[1]), state[2], state[3]
    if seen == 0:
        top, bottom = -INF, INF
    highs, lows = state[16 : 16 + n], state[16 + n :]
    upper, middle, lower = out[0], out[1], out[2]
    for i in range(len(high)):
        peak, top = slide_max(highs, j, n, top, high[i])
        floor, bottom = slide_min(lows, j, n, bottom, low[i])
        if seen >= n - 1:
            upper[i], middle[i], lower[i] = peak, (peak + floor) / 2.0, floor
        else:
            upper[i], middle[i], lower[i] = NAN, NAN, NAN
        j = j + 1 if j < n - 1 else 0
        seen += 1
    state[0], state[1], state[2], state[3] = seen, j, top, bottom


@kernel
def realised(x: FloatArray, n: int, per_year: float, state: FloatArray, out: FloatArray) -> None:
    """Write the root mean square of the last n log returns, annualised."""
    seen, j, prefix, last = int(state[0]), int(state[1]), state[2], state[3]
    block, y, share = state[16:], out[0], per_year / n
    for i in range(len(x)):
        y[i] = NAN
        if seen > 0:
            step = math.log(x[i] / last)
            total, prefix = slide_sum(block, j, n, prefix, step * step)
            j = j + 1 if j < n - 1 else 0
            if seen >= n:
                y[i] = math.sqrt(total * share)
        last = x[i]
        seen += 1
    state[0], state[1], state[2], state[3] = seen, j, prefix, last


@kernel
def range_volatility(
    open: FloatArray,
    high: FloatArray,
    low: FloatArray,
    close: FloatArray,
    n: int,
    form: int,
    per_year: float,
    state: FloatArray,
    out: FloatArray,
) -> None:
    """Write the annualised volatility seen in bars' ranges: Parkinson's (form 0) or Garman and Klass's (1)."""
    seen, j, prefix = int(state[0]), int(state[1]), state[2]
    block, y, share = state[16:], out[0], per_year / n
    for i in range(len(high)):
        reach = math.log(high[i] / low[i])
        part = reach * reach
        if form == 0:
            part *= 0.25 / math.log(2.0)
        else:
            body = math.log(close[i] / open[i])
            part = 0.5 * part - (2.0 * math.log(2.0) - 1.0) * body * body
        total, prefix = slide_sum(block, j, n, prefix, part)
        y[i] = math.sqrt(total * share) if seen >= n - 1 else NAN
        j = j + 1 if j < n - 1 else 0
        seen += 1
    state[0], state[1], state[2] = seen, j, prefix
