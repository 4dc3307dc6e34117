"""Kernels of context: which kind of market this is, and what time it is. Causal: ranks are among past values only."""

from __future__ import annotations

import math

import numpy as np

from tradecore.core.types import FloatArray, IntArray
from tradecore.features.kernels.compiled import kernel
from tradecore.features.kernels.windows import slide_sum

NAN = np.nan
HOUR_NS = 3_600_000_000_000
DAY_NS = 24 * HOUR_NS


@kernel
def label(x: FloatArray, n: int, memory: int, m: int, band: float, state: FloatArray, out: FloatArray) -> None:
    """Write the regime's code, its volatility tercile and its trend sign.

    The tercile ranks the volatility of n bars among its own last `memory` values; the sign is that of the return over
    m bars, 0 while it is within `band` times what a random walk of that volatility would do. Code = 3 * tercile +
    sign + 1.
    """
    seen, j, prefix, last, place, late = int(state[0]), int(state[1]), state[2], state[3], int(state[4]), int(state[5])
    block, past, prices = state[16 : 16 + n], state[16 + n : 16 + n + memory], state[16 + n + memory :]
    warmup = max(n + memory - 1, m)
    for i in range(len(x)):
        value = x[i]
        old = prices[late]
        prices[late] = value
        late = late + 1 if late < m - 1 else 0
        step = math.log(value / last) if seen > 0 else 0.0
        code, tercile, sign = NAN, NAN, NAN
        if seen > 0:
            total, prefix = slide_sum(block, j, n, prefix, step * step)
            j = j + 1 if j < n - 1 else 0
            if seen >= n:
                past[place] = total
                place = place + 1 if place < memory - 1 else 0
            if seen >= warmup:
                below = 0
                for p in range(memory):
                    below += 1 if past[p] < total else 0
                tercile = float(3 * below // memory)
                drift = math.log(value / old)
                noise = band * math.sqrt(total / n * m)
                sign = 1.0 if drift > noise else (-1.0 if drift < -noise else 0.0)
                code = 3.0 * tercile + sign + 1.0
        out[0, i], out[1, i], out[2, i] = code, tercile, sign
        last = value
        seen += 1
    state[0], state[1], state[2], state[3], state[4], state[5] = seen, j, prefix, last, place, late


@kernel
def clock(time: IntArray, form: int, state: FloatArray, out: FloatArray) -> None:
    """Write sine and cosine of the bar's open time within the UTC day (form 0) or the week from Monday (1)."""
    for i in range(len(time)):
        # 1970-01-01 was a Thursday: three days after a Monday.
        share = (time[i] % DAY_NS) / DAY_NS if form == 0 else ((time[i] + 3 * DAY_NS) % (7 * DAY_NS)) / (7 * DAY_NS)
        angle = 2.0 * math.pi * share
        out[0, i], out[1, i] = math.sin(angle), math.cos(angle)
    state[0] += len(time)
