"""A candidate beside its baselines: aligned days, the difference and how sure it is.

Baselines are strategies run in the same engine with the same costs; nothing is simulated here. Called by
`stats.gates` and `backtest.compare`. Invariant: both series are resampled with the same days.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tradecore.core.errors import DataError
from tradecore.core.types import FloatArray
from tradecore.stats.bootstrap import (
    DEFAULT,
    Bootstrap,
    Interval,
    intervals_of,
    mean_statistic,
    resampled_moments,
    sharpe_ratios,
    sharpe_statistic,
)
from tradecore.stats.long_run import sharpe_influence
from tradecore.stats.sample import DAYS_PER_YEAR, Periods


@dataclass(frozen=True, slots=True)
class Comparison:
    """How a candidate did against one baseline over the same periods, annualised."""

    sharpe: Interval
    """Sharpe ratio of the candidate less that of the baseline; a baseline that never moves (cash) has 0."""
    mean: Interval
    """Mean return of the candidate less that of the baseline, per year."""


def compare(
    candidate: FloatArray,
    baseline: FloatArray,
    rng: np.random.Generator,
    settings: Bootstrap = DEFAULT,
    per_year: float = DAYS_PER_YEAR,
) -> Comparison:
    """Compare two aligned series of daily returns by paired block bootstrap.

    Shape:  candidate and baseline (D,), the same days in the same order.
    Errors: DataError when the lengths differ, for fewer than 10 days or a value that is not finite.
    Source: Ledoit & Wolf (2008) for paired resampling and the influence of Sharpe differences.
    """
    return compare_all(candidate, {"baseline": baseline}, rng, settings, per_year)["baseline"]


def compare_all(
    candidate: FloatArray,
    baselines: Mapping[str, FloatArray],
    rng: np.random.Generator,
    settings: Bootstrap = DEFAULT,
    per_year: float = DAYS_PER_YEAR,
) -> dict[str, Comparison]:
    """Compare a candidate with several baselines over the same resampled histories; shape and errors as `compare`."""
    for name, baseline in baselines.items():
        if baseline.shape != candidate.shape:
            raise DataError(
                f"{len(candidate)} candidate returns and {len(baseline)} of baseline {name!r}: expected the same days; "
                "use stats.benchmarks.align first"
            )
    if not baselines:
        return {}

    rows, scale = np.stack((candidate, *baselines.values())), math.sqrt(per_year)
    means, deviations, block = resampled_moments(rows, rng, settings)
    draws = _advantage(sharpe_ratios(rows, means, deviations) * scale, means * per_year)
    estimates = _advantage(sharpe_statistic(rows) * scale, mean_statistic(rows) * per_year)
    influence = _advantage(sharpe_influence(rows) * scale, rows * per_year)
    found = intervals_of(draws, estimates, block, settings, influence)
    return {
        name: Comparison(sharpe, mean)
        for name, sharpe, mean in zip(baselines, found[: len(baselines)], found[len(baselines) :], strict=True)
    }


def _advantage(sharpes: FloatArray, means: FloatArray) -> FloatArray:
    """Return the first less each of the others, Sharpe ratios and then means."""
    return np.concatenate((sharpes[0] - sharpes[1:], means[0] - means[1:]))


def align(*series: Periods) -> tuple[FloatArray, ...]:
    """Return the returns of several records on the days they have in common, oldest first.

    Errors: DataError when their periods differ in length or no day is shared.
    """
    if len({one.per_year for one in series}) != 1:
        raise DataError("records with periods of different length: expected one timeframe, or all of less than a day")
    shared = series[0].time
    for one in series[1:]:
        shared = np.intersect1d(shared, one.time, assume_unique=True)
    if len(shared) == 0:
        raise DataError("records without a day in common: expected overlapping spans; test them over the same bars")
    return tuple(one.returns[np.searchsorted(one.time, shared)] for one in series)
