"""How often an interval holds the truth: counted on returns of which the truth is known.

A nominal 90 % interval that holds the true Sharpe ratio in 80 % of the cases makes every verdict built on it too bold.
Called by the calibration of the verdict and by tests. Invariant: the same generator gives the same counts.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from tradecore.core.errors import ConfigError, DataError
from tradecore.core.types import FloatArray
from tradecore.stats.bootstrap import Bootstrap, sharpe_interval
from tradecore.stats.proportions import Share, wilson
from tradecore.stats.sample import DAYS_PER_YEAR

MakeReturns = Callable[[np.random.Generator], FloatArray]
"""Makes one record of daily returns, (D,)."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """How often intervals of one level held the truth."""

    level: float
    """What the interval promises."""
    held: Share
    """What it kept, with its own uncertainty."""
    above: int
    """Intervals that lay above the truth: they would have called too much."""
    below: int
    width: float
    """Mean width, annualised."""


@dataclass(frozen=True, slots=True)
class Process:
    """Daily returns of a known true Sharpe ratio."""

    text: str
    make: Callable[[np.random.Generator, int], FloatArray]
    """Makes that many days."""
    sharpe: float
    """True Sharpe ratio, annualised."""


def coverage(
    make_returns: MakeReturns,
    truth: float,
    rng: np.random.Generator,
    replications: int = 2000,
    level: float = 0.90,
) -> Coverage:
    """Count how often the default interval of the Sharpe ratio holds the truth.

    Units:  `truth` annualised with 365 days.
    Errors: ConfigError for no replications; DataError for a truth that is not finite.
    """
    if replications < 1:
        raise ConfigError(f"{replications} replications: expected at least 1, as in 2,000")
    if not math.isfinite(truth):
        raise DataError(f"true Sharpe ratio {truth}: expected a finite number")
    # The interval does not use the resampled figures, so the fewest are drawn.
    settings = Bootstrap(samples=100, level=level)
    above = below = 0
    width = 0.0
    for _ in range(replications):
        found = sharpe_interval(make_returns(rng), DAYS_PER_YEAR, rng, settings)
        above += truth < found.low
        below += found.high < truth
        width += found.high - found.low
    return Coverage(level, wilson(replications - above - below, replications), above, below, width / replications)


def _independent(rng: np.random.Generator, days: int) -> FloatArray:
    return 0.001 + 0.02 * rng.standard_normal(days)


def _fat_tailed(rng: np.random.Generator, days: int) -> FloatArray:
    return 0.001 + 0.02 * rng.standard_t(4, days) / math.sqrt(2.0)


def _autocorrelated(rng: np.random.Generator, days: int) -> FloatArray:
    noise = rng.standard_normal(days + 50) * math.sqrt(1.0 - 0.2**2)
    values = np.empty_like(noise)
    last = 0.0
    for day, shock in enumerate(noise):
        values[day] = last = 0.2 * last + shock
    return 0.001 + 0.02 * values[50:]


def _states(rng: np.random.Generator, days: int, stay: float) -> FloatArray:
    """Return 0 and 1, each lasting on average 1 / (1 - stay) days, (D,)."""
    flips = rng.random(days) >= stay
    flips[0] = rng.random() < 0.5
    states: FloatArray = (np.cumsum(flips) % 2).astype(np.float64)
    return states


def _regimes(rng: np.random.Generator, days: int) -> FloatArray:
    """Calm days that gain and wild days that do not, twenty at a time."""
    wild = _states(rng, days, 0.95)
    return 0.02 * (0.1 * (1.0 - wild) + (0.7 + 0.6 * wild) * rng.standard_normal(days))


def _trends(rng: np.random.Generator, days: int) -> FloatArray:
    """Ten days up, ten days down, half hidden by noise."""
    falling = _states(rng, days, 0.9)
    return 0.02 * (0.35 - 0.6 * falling + rng.standard_normal(days))


_YEAR = math.sqrt(DAYS_PER_YEAR)
PROCESSES: Mapping[str, Process] = MappingProxyType(
    {
        "independent": Process("independent, normal", _independent, 0.05 * _YEAR),
        "fat-tailed": Process("independent, Student t with 4 degrees of freedom", _fat_tailed, 0.05 * _YEAR),
        "regimes": Process(
            "calm and wild stretches of 20 days",
            _regimes,
            0.05 / math.sqrt((0.7**2 + 1.3**2 + 0.1**2) / 2.0 - 0.05**2) * _YEAR,
        ),
        "trends": Process("up and down stretches of 10 days", _trends, 0.05 / math.sqrt(1.0 + 0.3**2) * _YEAR),
        "autocorrelated": Process("autocorrelation 0.2", _autocorrelated, 0.05 * _YEAR),
    }
)
"""What daily returns can be like; the Sharpe ratio is about 1 in each."""
