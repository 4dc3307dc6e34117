"""The inner loop of the block bootstrap: mean and deviation of resampled histories, without writing them down.

Which days are drawn is decided by `stats.bootstrap` with its generator; here they are only walked over, all series at
once, so that a thousand histories of ten series take no memory. Called by `stats.bootstrap` alone, which loads this
module (and numba) when it first resamples. Invariant: every series sees the same days, and series that are equal get
results equal to the last bit.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from tradecore.core.types import BoolArray, FloatArray, IntArray


@njit(cache=True, nogil=True, error_model="numpy")
def resampled_moments(
    returns: FloatArray, starts: IntArray, begins: BoolArray, means: FloatArray, deviations: FloatArray
) -> None:
    """Write mean and standard deviation (ddof 1) of every resampled history of every series.

    A history walks on from one day to the next, around the end, and jumps to `starts` where a block begins.
    Shape:  returns (D, K); starts and begins (B, D); means and deviations (B, K), overwritten.
    """
    days, series = returns.shape
    sums, squares, pivot = np.empty(series), np.empty(series), np.empty(series)
    for sample in range(len(starts)):
        place = starts[sample, 0]
        for k in range(series):
            # Distances from a value of the history itself: a history without variation gets exactly 0.
            pivot[k], sums[k], squares[k] = returns[place, k], 0.0, 0.0
        for day in range(1, days):
            place = starts[sample, day] if begins[sample, day] else place + 1
            if place == days:
                place = 0
            for k in range(series):
                step = returns[place, k] - pivot[k]
                sums[k] += step
                squares[k] += step * step
        for k in range(series):
            shift = sums[k] / days
            means[sample, k] = pivot[k] + shift
            deviations[sample, k] = np.sqrt(max(squares[k] - shift * sums[k], 0.0) / (days - 1))
