"""The probability of backtest overfitting: how often the best of many configurations falls to the lower half elsewhere.

For sweeps and optimisers, which have the daily returns of every configuration they tried; a single run has nothing to
compare and uses the deflated Sharpe ratio of `stats.inference`. Invariant: the result is a share of all symmetric
splits, no sampling, so it needs no generator.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np

from tradecore.core.errors import ConfigError, DataError
from tradecore.core.types import FloatArray
from tradecore.stats.inference import CONSTANT

_CHUNK = 4_000_000


def probability_of_overfitting(returns: FloatArray, blocks: int = 16) -> float:
    """Return the share of splits in which the configuration that was best in one half is below the median in the other.

    Days are cut into `blocks` equal blocks (the oldest left-over days are not used); every choice of half of them
    is once the half to choose in and the rest the half to judge in. Noise gives about 0.5, a lasting advantage near 0.
    Shape:  returns (N, D), N configurations over the same D days, all finite.
    Units:  a probability in [0, 1].
    Errors: DataError for fewer than 2 configurations, fewer than 2 days a block or values that are not finite;
            ConfigError unless `blocks` is even, from 4 to 20.
    Source: Bailey, Borwein, Lopez de Prado & Zhu (2017), combinatorially symmetric cross-validation, Sharpe ratio.
    """
    if blocks % 2 or not 4 <= blocks <= 20:
        raise ConfigError(f"{blocks} blocks: expected an even number from 4 to 20, as in 16")
    if returns.ndim != 2 or len(returns) < 2 or returns.shape[1] < 2 * blocks:
        raise DataError(
            f"returns of shape {returns.shape}: expected at least 2 configurations over at least {2 * blocks} days "
            f"for {blocks} blocks; test over a longer span or take fewer blocks"
        )
    if not np.isfinite(returns).all():
        raise DataError("returns: a value is not finite; leave out configurations whose run is broken")
    days = returns.shape[1] // blocks
    cut = returns[:, returns.shape[1] - days * blocks :].reshape(len(returns), blocks, days)
    sums, squares = cut.sum(axis=2).T, (cut * cut).sum(axis=2).T
    chosen = _halves(blocks)
    step = max(_CHUNK // len(returns), 1)
    fallen = sum(_fallen(chosen[i : i + step], sums, squares, days) for i in range(0, len(chosen), step))
    return fallen / len(chosen)


def _halves(blocks: int) -> FloatArray:
    """Return one row of zeros and ones for each choice of half of the blocks."""
    rows = np.array(list(combinations(range(blocks), blocks // 2)))
    chosen = np.zeros((len(rows), blocks))
    np.put_along_axis(chosen, rows, 1.0, axis=1)
    return chosen


def _fallen(chosen: FloatArray, sums: FloatArray, squares: FloatArray, days: int) -> float:
    """Count the splits whose winner beats no more configurations in the other half than beat it there."""
    count = days * chosen.shape[1] // 2
    inside = _sharpes(chosen @ sums, chosen @ squares, count)
    outside = _sharpes((1.0 - chosen) @ sums, (1.0 - chosen) @ squares, count)
    winner = np.take_along_axis(outside, inside.argmax(axis=1)[:, np.newaxis], axis=1)
    below = (outside < winner).sum(axis=1)
    above = (outside > winner).sum(axis=1)
    return float(np.count_nonzero(below <= above))


def _sharpes(sums: FloatArray, squares: FloatArray, count: int) -> FloatArray:
    """Return Sharpe ratios from sums and sums of squares; 0 where nothing varies."""
    mean = sums / count
    variance = squares / count - mean * mean
    has_spread = variance > CONSTANT * squares / count
    ratio: FloatArray = np.divide(mean, np.sqrt(np.maximum(variance, 0.0)), out=np.zeros_like(mean), where=has_spread)
    return ratio
