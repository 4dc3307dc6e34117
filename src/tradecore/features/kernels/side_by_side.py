"""Several indicators of a kind in one pass over the bars, for `features.together`; each bit as its own kernel gives it.

They let go of the interpreter, so that a sweep computes them on all its threads.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from tradecore.core.types import FloatArray, IntArray
from tradecore.features.kernels.windows import ema_step


@njit(cache=True, error_model="numpy", nogil=True)
def emas(x: FloatArray, periods: IntArray, out: FloatArray) -> None:
    """Write the exponential means of some periods, as `trend.ema` does. Shape: x (T,), periods (K,), out (K, T)."""
    count = len(periods)
    means, rates, late = np.zeros(count), 2.0 / (periods + 1), min(periods.max(), len(x))
    for k in range(count):
        for i in range(late):
            means[k] = ema_step(means[k], i, periods[k], rates[k], x[i])
            out[k, i] = means[k] if i >= periods[k] - 1 else np.nan
    for i in range(late, len(x)):
        for k in range(count):
            means[k] = (x[i] - means[k]) * rates[k] + means[k]
            out[k, i] = means[k]
