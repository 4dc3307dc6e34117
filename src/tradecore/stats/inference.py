"""How sure one can be of a Sharpe ratio: probabilistic and deflated Sharpe, expected best of many, minimum record.

Closed forms only; intervals by resampling are in `stats.bootstrap`. Called by `stats.gates`, `stats.returns` and the
trial ledger. Sharpe ratios here are *per period* (per day for daily returns), never annualised: mixing the two is the
commonest mistake with these formulas. Invariant: whatever cannot be computed is None, never a number.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from tradecore.core.errors import DataError
from tradecore.core.types import FloatArray

EULER_MASCHERONI = 0.5772156649015329
CONSTANT = 1e-12
"""A deviation below this share of the mean (or of the largest value) is rounding, not variation."""
MIN_TRIALS_FOR_VARIANCE = 10
"""Below this many trial Sharpe ratios their variance is too uncertain to be used when it is small."""

_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True)
class Moments:
    """The four numbers the Sharpe formulas need: periods, Sharpe per period, skewness, kurtosis (normal: 3)."""

    periods: int
    sharpe: float
    skewness: float = 0.0
    kurtosis: float = 3.0


def sharpe_ratio(returns: FloatArray) -> float | None:
    """Return mean over standard deviation (ddof 1) per period; None for fewer than 2 returns or none that vary.

    Shape:  returns (D,), fractions per period.
    Source: Sharpe (1994), cash earning nothing.
    """
    if len(returns) < 2:
        return None
    mean, deviation = float(returns.mean()), float(returns.std(ddof=1))
    if not deviation > CONSTANT * float(np.abs(returns).max()):
        return None
    return mean / deviation


def moments(returns: FloatArray) -> Moments | None:
    """Return the moments of a return series; None where the Sharpe ratio is not defined.

    Shape:  returns (D,), fractions per period, all finite.
    Source: population moments (g1, g2 + 3 of Joanes & Gill 1998), as in Bailey & Lopez de Prado (2012).
    """
    ratio = sharpe_ratio(returns)
    if ratio is None:
        return None
    scaled = returns - returns.mean()
    scaled /= scaled.std()
    square = scaled * scaled
    return Moments(len(returns), ratio, float((square * scaled).mean()), float((square * square).mean()))


def sharpe_error(shape: Moments) -> float:
    """Return the standard error of a Sharpe ratio, per period, for returns of any distribution, serially independent.

    Source: Mertens (2002); Bailey & Lopez de Prado (2012), eq. 4: the divisor is periods - 1.
    """
    spread = 1.0 - shape.skewness * shape.sharpe + (shape.kurtosis - 1.0) / 4.0 * shape.sharpe**2
    return math.sqrt(max(spread, 0.0) / (shape.periods - 1))


def probabilistic_sharpe(shape: Moments, benchmark: float = 0.0) -> float | None:
    """Return the probability in [0, 1] that the true Sharpe ratio exceeds `benchmark` (per period).

    None when the estimator's variance is not positive, which no finite sample of varying returns gives.
    Source: Bailey & Lopez de Prado (2012), eq. 11.
    """
    error = sharpe_error(shape)
    return _NORMAL.cdf((shape.sharpe - benchmark) / error) if error > 0 else None


def expected_max_sharpe(trials: int, variance: float) -> float:
    """Return the Sharpe ratio that the best of `trials` worthless strategies is expected to show.

    Units:  `variance` of the trials' Sharpe ratios and the result in the same period.
    Errors: DataError for fewer than one trial or a negative variance.
    Source: Bailey & Lopez de Prado (2014), eq. 1 with mean 0; one trial expects 0.
    """
    if trials < 1 or not variance >= 0.0:
        raise DataError(f"{trials} trials with variance {variance}: expected at least 1 trial and a variance >= 0")
    if trials == 1:
        return 0.0
    common = -_NORMAL.inv_cdf(1.0 / trials)
    rare = -_NORMAL.inv_cdf(1.0 / (trials * math.e))
    return math.sqrt(variance) * ((1.0 - EULER_MASCHERONI) * common + EULER_MASCHERONI * rare)


def deflated_sharpe(shape: Moments, trials: int, variance: float) -> float | None:
    """Return the probability that the true Sharpe ratio is above zero, given it is the best of `trials` tried.

    Units:  `variance` of the trials' Sharpe ratios per period, as is `shape.sharpe`.
    Errors: DataError as in `expected_max_sharpe`.
    Source: Bailey & Lopez de Prado (2014), eq. 2.
    """
    return probabilistic_sharpe(shape, expected_max_sharpe(trials, variance))


def trial_variance(trial_sharpes: Sequence[float] | FloatArray | None, periods: int) -> float:
    """Return the variance of the trials' Sharpe ratios per period, for the deflated Sharpe ratio.

    Chance alone gives worthless strategies a variance of 1/(periods - 1), less where they resemble one another. So a
    larger spread is no luck but shows that the trials truly differ (costs ruin the busy ones, some have an edge), and
    is cut to that: independent estimates have the largest expected maximum of all that vary as much. With fewer than
    ten known Sharpe ratios it is taken as it is, since two trials that happen to agree prove nothing.
    Errors: DataError for fewer than 2 periods or a value that is not finite.
    Source: Lo (2002) for the variance under no skill; Fernique (1975) for the maximum; floor and ceiling are ours,
            measured by `tradecore evidence calibrate`.
    """
    if periods < 2:
        raise DataError(f"{periods} periods: expected at least 2 for the variance of a Sharpe ratio")
    chance = 1.0 / (periods - 1)
    if trial_sharpes is None or len(trial_sharpes) < 2:
        return chance
    values = np.asarray(trial_sharpes, np.float64)
    if not np.isfinite(values).all():
        raise DataError("trial Sharpe ratios: a value is not finite; leave out trials whose Sharpe is not defined")
    return min(float(values.var(ddof=1)), chance) if len(values) >= MIN_TRIALS_FOR_VARIANCE else chance


def minimum_track_record(shape: Moments, benchmark: float = 0.0, confidence: float = 0.95) -> float | None:
    """Return how many periods a record like this needs before its Sharpe ratio exceeds `benchmark` at `confidence`.

    None when the Sharpe ratio does not exceed the benchmark: no length is enough then.
    Errors: DataError when `confidence` lies outside (0.5, 1).
    Source: Bailey & Lopez de Prado (2012), eq. 13.
    """
    if not 0.5 < confidence < 1.0:
        raise DataError(f"confidence {confidence}: expected a number between 0.5 and 1, as in 0.95")
    if shape.sharpe <= benchmark:
        return None
    spread = max(1.0 - shape.skewness * shape.sharpe + (shape.kurtosis - 1.0) / 4.0 * shape.sharpe**2, 0.0)
    return 1.0 + spread * (_NORMAL.inv_cdf(confidence) / (shape.sharpe - benchmark)) ** 2
