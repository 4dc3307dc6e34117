"""The standard error of a mean over days that depend on each other, and the Student quantile that goes with it.

Adding up autocovariances, or resampling in blocks of a length taken from the data, finds too little of weak but long
dependence, and intervals then hold the truth less often than they say. Here the long-run variance is the mean square of
the slowest cosine waves in the record; few waves leave no room for short dependence to hide in, and Student's t pays
for their small number. Called by `stats.bootstrap`. Invariant: a series without variation has an error of 0.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from tradecore.core.errors import DataError
from tradecore.core.types import FloatArray

_LEAST_WAVES = 4


def waves(periods: int) -> int:
    """Return how many cosine waves to use, which is the number of degrees of freedom: 0.4 x periods^(2/3), at least 4.

    >>> waves(365), waves(730)
    (20, 32)

    Source: Lazarus, Lewis, Stock & Watson (2018), their recommendation.
    """
    return max(int(0.4 * periods ** (2 / 3)), _LEAST_WAVES)


def long_run_error(influence: FloatArray) -> FloatArray:
    """Return the standard errors of the means of several series, (S,), whatever their short dependence.

    Shape:  influence (S, D): each value's contribution to a statistic (for a mean, the values themselves), D >= 10.
    Source: Mueller (2004) and Lazarus, Lewis, Stock & Watson (2018): equal-weighted cosine long-run variance.
    """
    periods = influence.shape[1]
    centred = influence - influence.mean(axis=1, keepdims=True)
    parts = centred @ _cosines(periods)
    errors: FloatArray = np.sqrt((parts * parts).mean(axis=1) / periods)
    return errors


def sharpe_influence(returns: FloatArray) -> FloatArray:
    """Return each day's contribution to the Sharpe ratio per period, (S, D); zeros for a series that does not vary.

    Shape:  returns (S, D).
    Source: Lo (2002); Ledoit & Wolf (2008), the delta method on mean and variance.
    """
    deviation = returns.std(axis=1, keepdims=True)
    has_spread = deviation > 1e-12 * np.abs(returns).max(axis=1, keepdims=True)
    centred = returns - returns.mean(axis=1, keepdims=True)
    scaled = np.divide(centred, deviation, out=np.zeros_like(centred), where=has_spread)
    ratio = np.divide(returns.mean(axis=1, keepdims=True), deviation, out=np.zeros_like(deviation), where=has_spread)
    influence: FloatArray = scaled - ratio / 2.0 * (scaled * scaled - 1.0)
    return np.where(has_spread, influence, 0.0)


@lru_cache(maxsize=256)
def student_quantile(probability: float, freedom: int) -> float:
    """Return the quantile of Student's t for a whole number of degrees of freedom.

    >>> round(student_quantile(0.95, 20), 4), round(student_quantile(0.975, 7), 4)
    (1.7247, 2.3646)

    Errors: DataError for a probability outside [0.5, 1) or fewer than 1 degree.
    Source: Abramowitz & Stegun (1964), 26.7.3 and 26.7.4, solved by halving.
    """
    if not 0.5 <= probability < 1.0 or freedom < 1:
        raise DataError(f"probability {probability} with {freedom} degrees: expected 0.5 to below 1 and at least 1")
    low, high = 0.0, 1.0
    while _student_share(high, freedom) < probability:
        high *= 2.0
    for _ in range(100):
        middle = (low + high) / 2.0
        low, high = (middle, high) if _student_share(middle, freedom) < probability else (low, middle)
    return high


def _student_share(t: float, freedom: int) -> float:
    """Return the probability of a Student variable below t, t >= 0."""
    angle = math.atan(t / math.sqrt(freedom))
    sine, cosine = math.sin(angle), math.cos(angle)
    is_odd = freedom % 2
    total = term = (cosine if freedom > 1 else 0.0) if is_odd else 1.0
    for k in range(3 if is_odd else 2, freedom - 1, 2):
        term *= (k - 1) / k * cosine * cosine
        total += term
    inside = 2.0 / math.pi * (angle + sine * total) if is_odd else sine * total
    return 0.5 + inside / 2.0


@lru_cache(maxsize=8)
def _cosines(periods: int) -> FloatArray:
    """Return the waves, (periods, waves), each of mean square 1 / periods: column j turns j times half around."""
    time = (np.arange(periods)[:, np.newaxis] + 0.5) / periods
    found: FloatArray = math.sqrt(2.0) * np.cos(math.pi * time * np.arange(1, waves(periods) + 1)) / math.sqrt(periods)
    return found
