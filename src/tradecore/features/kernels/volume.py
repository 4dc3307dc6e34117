"""Kernels of the volume indicators: where the money went, and how much of it."""

from __future__ import annotations

import numpy as np

from tradecore.core.types import FloatArray, IntArray
from tradecore.features.kernels.compiled import kernel
from tradecore.features.kernels.fused import fma
from tradecore.features.kernels.windows import blank, ema_step, slide_sum, tail_sums_of_two

NAN = np.nan
DAY_NS = 86_400_000_000_000


@kernel
def obv(close: FloatArray, volume: FloatArray, state: FloatArray, out: FloatArray) -> None:
    """Write volume summed with the sign of the close's change; the first bar counts as a rise, as in TA-Lib."""
    seen, total, last, y = int(state[0]), state[1], state[2], out[0]
    for i in range(len(close)):
        if close[i] > last:
            total += volume[i]
        elif close[i] < last:
            total -= volume[i]
        y[i] = total
        last = close[i]
        seen += 1
    state[0], state[1], state[2] = seen, total, last


@kernel
def relative(volume: FloatArray, n: int, state: FloatArray, out: FloatArray) -> None:
    """Write the volume over the mean of the n bars before it; 0 where nothing traded in them, as in TA-Lib."""
    seen, j, prefix, before = int(state[0]), int(state[1]), state[2], state[3]
    block, y = state[16:], out[0]
    for i in range(len(volume)):
        y[i] = NAN if seen < n else (volume[i] * n / before if before > 0.0 else 0.0)
        before, prefix = slide_sum(block, j, n, prefix, volume[i])
        j = j + 1 if j < n - 1 else 0
        seen += 1
    state[0], state[1], state[2], state[3] = seen, j, prefix, before


@kernel
def day_vwap(
    time: IntArray,
    high: FloatArray,
    low: FloatArray,
    close: FloatArray,
    volume: FloatArray,
    state: FloatArray,
    out: FloatArray,
) -> None:
    """Write the typical price weighted by volume since midnight UTC; itself while nothing has traded."""
    seen, day, money, amount, y = int(state[0]), int(state[1]), state[2], state[3], out[0]
    for i in range(len(time)):
        if time[i] // DAY_NS != day:
            day, money, amount = time[i] // DAY_NS, 0.0, 0.0
        price = (high[i] + low[i] + close[i]) / 3.0
        money += price * volume[i]
        amount += volume[i]
        y[i] = money / amount if amount > 0.0 else price
        seen += 1
    state[0], state[1], state[2], state[3] = seen, day, money, amount


@kernel
def rolling_vwap(
    high: FloatArray, low: FloatArray, close: FloatArray, volume: FloatArray, n: int, state: FloatArray, out: FloatArray
) -> None:
    """Write the typical price of n bars weighted by volume; the newest typical price where nothing traded in them."""
    seen, j, money, amount = int(state[0]), int(state[1]), state[2], state[3]
    moneys, amounts, y = state[16 : 16 + n], state[16 + n :], out[0]
    for i in range(len(high)):
        price = (high[i] + low[i] + close[i]) / 3.0
        top, money = slide_sum(moneys, j, n, money, price * volume[i])
        bottom, amount = slide_sum(amounts, j, n, amount, volume[i])
        y[i] = NAN if seen < n - 1 else (top / bottom if bottom > 0.0 else price)
        j = j + 1 if j < n - 1 else 0
        seen += 1
    state[0], state[1], state[2], state[3] = seen, j, money, amount


@kernel
def money_flow(
    high: FloatArray, low: FloatArray, close: FloatArray, volume: FloatArray, n: int, state: FloatArray, out: FloatArray
) -> None:
    """Write n bars' volume weighted by the close's place in its bar, over their volume; 0 without any."""
    seen, j, flow, amount = int(state[0]), int(state[1]), state[2], state[3]
    flows, amounts, y, at = state[16 : 17 + n], state[17 + n :], out[0], 0
    while at < len(high):
        end = min(at + n - j, len(high))
        highs, lows, closes, volumes, ys = high[at:end], low[at:end], close[at:end], volume[at:end], y[at:end]
        tail, amount_tail = flows[j:], amounts[j:]
        for k in range(end - at):
            span, part = highs[k] - lows[k], volumes[k]
            amount += part
            bottom = amount_tail[k + 1] + amount
            amount_tail[k] = part
            part *= ((closes[k] - lows[k]) - (highs[k] - closes[k])) / span if span > 0.0 else 0.0
            flow += part
            ys[k] = (tail[k + 1] + flow) / bottom if bottom > 0.0 else 0.0
            tail[k] = part
        at, j = end, j + end - at
        if j == n:
            j, flow, amount = 0, 0.0, 0.0
            tail_sums_of_two(flows, amounts, n)
    blank(out, n - 1 - seen)
    state[0], state[1], state[2], state[3] = seen + len(high), j, flow, amount


@kernel
def accumulation(
    high: FloatArray, low: FloatArray, close: FloatArray, volume: FloatArray, state: FloatArray, out: FloatArray
) -> None:
    """Write volume summed with the weight of the close's place in its bar, -1 at the low to 1 at the high."""
    seen, total, y = int(state[0]), state[1], out[0]
    for i in range(len(high)):
        span = high[i] - low[i]
        if span > 0.0:
            total += ((close[i] - low[i]) - (high[i] - close[i])) / span * volume[i]
        y[i] = total
        seen += 1
    state[0], state[1] = seen, total


@kernel
def oscillator(
    high: FloatArray,
    low: FloatArray,
    close: FloatArray,
    volume: FloatArray,
    fast: int,
    slow: int,
    state: FloatArray,
    out: FloatArray,
) -> None:
    """Write Chaikin's oscillator: fast minus slow exponential mean of accumulation, both started at its first value."""
    seen, total, a, b, y = int(state[0]), state[1], state[2], state[3], out[0]
    fast_rate, slow_rate = 2.0 / (fast + 1), 2.0 / (slow + 1)
    fast_keep, slow_keep = 1.0 - fast_rate, 1.0 - slow_rate
    for i in range(len(high)):
        span = high[i] - low[i]
        place = ((close[i] - low[i]) - (high[i] - close[i])) / span if span > 0.0 else 0.0
        total += place * volume[i]
        if seen == 0 and i == 0:
            a, b = total, total
        a = fma(a, fast_keep, total * fast_rate)
        b = fma(b, slow_keep, total * slow_rate)
        y[i] = a - b
    blank(out, max(fast, slow) - 1 - seen)
    state[0], state[1], state[2], state[3] = seen + len(high), total, a, b


@kernel
def force(close: FloatArray, volume: FloatArray, n: int, state: FloatArray, out: FloatArray) -> None:
    """Write the exponential mean of the close's change times the volume."""
    seen, mean, last = int(state[0]), state[1], state[2]
    y, rate = out[0], 2.0 / (n + 1)
    early = min(max(n + 1 - seen, 0), len(close))
    for i in range(early):
        if seen + i > 0:
            mean = ema_step(mean, seen + i - 1, n, rate, (close[i] - last) * volume[i])
        y[i], last = mean, close[i]
    closes, volumes, ys = close[early:], volume[early:], y[early:]
    for i in range(len(closes)):
        mean = fma((closes[i] - last) * volumes[i] - mean, rate, mean)
        ys[i], last = mean, closes[i]
    blank(out, n - seen)
    state[0], state[1], state[2] = seen + len(close), mean, last
