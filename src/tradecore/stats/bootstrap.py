"""Resampling blocks of days, and intervals: serial dependence survives, no distribution is assumed.

Two series are always resampled with the same days, so a difference keeps what they share. Called by
`stats.benchmarks` and `stats.gates`. Invariant: the same generator state gives the same interval.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from tradecore.core.errors import ConfigError, DataError
from tradecore.core.types import BoolArray, FloatArray, IntArray
from tradecore.stats.inference import CONSTANT
from tradecore.stats.long_run import long_run_error, sharpe_influence, student_quantile, waves

Statistic: TypeAlias = Callable[[FloatArray], FloatArray]
"""Maps samples, time on the last axis, to one or more numbers each."""

MIN_PERIODS = 10
"""With fewer periods there is nothing to resample."""
_CHUNK = 2_000_000


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """How to resample."""

    samples: int = 2000
    """Resampled histories, 100 to 100,000; the Monte Carlo error of a probability is about 0.5/sqrt(samples)."""
    level: float = 0.95
    """Coverage of the two-sided interval, inside (0.5, 1)."""
    method: Literal["stationary", "circular"] = "stationary"
    """Blocks of geometric (Politis & Romano 1994) or of equal length (1992)."""
    interval: Literal["studentised", "percentile"] = "studentised"
    """Student's t on a long-run standard error (holds its level for dependent returns too; `stats.long_run`), or the
    percentiles of the resampled figures, which hold it for independent ones only."""
    block: float | None = None
    """Mean block length in periods, >= 1; None chooses it from the data (Politis & White 2004)."""

    def __post_init__(self) -> None:
        if not 100 <= self.samples <= 100_000 or not 0.5 < self.level < 1.0:
            raise ConfigError(
                f"bootstrap samples={self.samples} level={self.level}: expected 100 to 100,000 samples and a level "
                "between 0.5 and 1"
            )
        if self.block is not None and not self.block >= 1.0:
            raise ConfigError(f"bootstrap block={self.block}: expected a length of at least 1, or none to choose it")


DEFAULT = Bootstrap()


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure, where it may lie, and how often the resampled histories put it above zero."""

    estimate: float
    low: float
    high: float
    level: float
    above_zero: float
    """Share of resampled histories in which the figure was above zero, in [0, 1]."""
    block: float
    """Mean block length used, in periods."""


def stationary_indices(periods: int, block: float, samples: int, rng: np.random.Generator) -> IntArray:
    """Return resampled positions (samples, periods) in blocks of geometric length with mean `block`, wrapping around.

    Source: Politis & Romano (1994).
    """
    return _walk(*_stationary_blocks(periods, block, samples, rng))


def circular_indices(periods: int, block: int, samples: int, rng: np.random.Generator) -> IntArray:
    """Return resampled positions (samples, periods) in blocks of `block` periods, wrapping around.

    Source: Politis & Romano (1992).
    """
    return _walk(*_circular_blocks(periods, block, samples, rng))


def block_length(returns: FloatArray) -> tuple[float, float]:
    """Return the block lengths (stationary, circular) that minimise the error of the variance of the mean.

    Shape:  returns (D,), all finite. Series without variation get 1.
    Errors: DataError for fewer than 10 periods.
    Source: Politis & White (2004), corrected by Patton, Politis & White (2009); tuning as in their programs.
    """
    n = len(returns)
    _enough(n)
    centred = returns - returns.mean()
    if not float(np.abs(centred).max()) > CONSTANT * float(np.abs(returns).max()):
        return 1.0, 1.0
    covariance, bandwidth = _autocovariance(centred)
    lags = np.arange(1, bandwidth + 1)
    window = np.minimum(1.0, 2.0 * (1.0 - lags / bandwidth))
    slope = 2.0 * float((window * lags) @ covariance[1 : bandwidth + 1])
    long_run = float(covariance[0]) + 2.0 * float(window @ covariance[1 : bandwidth + 1])
    longest = math.ceil(min(3.0 * math.sqrt(n), n / 3.0))
    ratio = (slope / long_run) ** 2 * n if long_run else math.inf
    stationary, circular = ratio ** (1 / 3), (1.5 * ratio) ** (1 / 3)
    return max(min(stationary, longest), 1.0), max(min(circular, longest), 1.0)


def intervals(
    returns: FloatArray, statistic: Statistic, rng: np.random.Generator, settings: Bootstrap = DEFAULT
) -> tuple[Interval, ...]:
    """Return the percentile intervals of one or more statistics over the same block-resampled histories.

    Shape:  returns (D,) for one series or (K, D) for K aligned ones; the statistic gets (B, D) or (K, B, D) and returns
            (B,) or (S, B).
    Errors: DataError for fewer than 10 periods or a value that is not finite.
    Source: Efron & Tibshirani (1993), ch. 13, on blocks after Politis & Romano (1994).
    """
    periods = returns.shape[-1]
    block = _checked_block(returns, settings)
    chunk = max(_CHUNK // returns.size, 1)
    draws = np.concatenate(
        [np.atleast_2d(statistic(returns[..., rows])) for rows in resampled(periods, block, rng, settings, chunk)],
        axis=1,
    )
    return intervals_of(draws, np.atleast_2d(statistic(returns[..., np.newaxis, :]))[:, 0], block, settings)


def intervals_of(
    draws: FloatArray,
    estimates: FloatArray,
    block: float,
    settings: Bootstrap,
    influence: FloatArray | None = None,
) -> tuple[Interval, ...]:
    """Return the intervals of figures from their resampled values, (S, B), and their daily influence, (S, D), if known.

    Without influence, or when the settings ask for it, they are percentile intervals.
    """
    tail = (1.0 - settings.level) / 2.0
    above = (draws > 0.0).mean(axis=1)
    if influence is None or settings.interval == "percentile":
        low, high = np.quantile(draws, (tail, 1.0 - tail), axis=1)
    else:
        half = student_quantile(1.0 - tail, waves(influence.shape[1])) * long_run_error(influence)
        low, high = estimates - half, estimates + half
    return tuple(
        Interval(float(estimates[i]), float(low[i]), float(high[i]), settings.level, float(above[i]), block)
        for i in range(len(estimates))
    )


def resampled(
    periods: int, block: float, rng: np.random.Generator, settings: Bootstrap = DEFAULT, chunk: int = 1000
) -> Iterator[IntArray]:
    """Yield the resampled positions, (up to chunk, periods) at a time so that they fit in memory."""
    for starts, begins in _blocks(periods, block, rng, settings, chunk):
        yield _walk(starts, begins)


def resampled_moments(
    returns: FloatArray, rng: np.random.Generator, settings: Bootstrap = DEFAULT
) -> tuple[FloatArray, FloatArray, float]:
    """Return mean and standard deviation per period of every series in every resampled history, and the block length.

    Shape:  returns (K, D), aligned series; both results (K, samples).
    Errors: DataError as in `intervals`.
    """
    from tradecore.stats import resample

    block = _checked_block(returns, settings)
    series, periods = returns.shape
    rows = np.ascontiguousarray(returns.T)
    means, deviations = np.empty((settings.samples, series)), np.empty((settings.samples, series))
    done = 0
    for starts, begins in _blocks(periods, block, rng, settings, max(_CHUNK // periods, 1)):
        part = slice(done, done + len(starts))
        done = part.stop
        resample.resampled_moments(
            rows, np.ascontiguousarray(starts), np.ascontiguousarray(begins), means[part], deviations[part]
        )
    return means.T, deviations.T, block


def sharpe_ratios(returns: FloatArray, means: FloatArray, deviations: FloatArray) -> FloatArray:
    """Return the Sharpe ratio per period of resampled histories, (K, B), of series (K, D); 0 without variation."""
    least = CONSTANT * np.abs(returns).max(axis=1)[:, np.newaxis]
    ratio: FloatArray = np.divide(means, deviations, out=np.zeros_like(means), where=deviations > least)
    return ratio


def sharpe_statistic(samples: FloatArray) -> FloatArray:
    """Return the Sharpe ratio per period of each sample (..., D) → (...); 0 for a sample that does not vary."""
    mean = samples.mean(axis=-1)
    deviation = samples.std(axis=-1, ddof=1)
    has_spread = deviation > CONSTANT * np.abs(samples).max(axis=-1)
    ratio: FloatArray = np.divide(mean, deviation, out=np.zeros_like(mean), where=has_spread)
    return ratio


def mean_statistic(samples: FloatArray) -> FloatArray:
    """Return the mean of each sample (..., D) → (...)."""
    means: FloatArray = samples.mean(axis=-1)
    return means


def sharpe_interval(
    returns: FloatArray, per_year: float, rng: np.random.Generator, settings: Bootstrap = DEFAULT
) -> Interval:
    """Return the interval of the annualised Sharpe ratio of one series. Shape and errors as in `intervals`.

    Source: Lazarus, Lewis, Stock & Watson (2018) on the influence of Ledoit & Wolf (2008); how often it holds the truth
            is measured in docs/concepts/evidence.md.
    """
    rows, scale = np.atleast_2d(returns), math.sqrt(per_year)
    means, deviations, block = resampled_moments(rows, rng, settings)
    draws = sharpe_ratios(rows, means, deviations) * scale
    return intervals_of(draws, sharpe_statistic(rows) * scale, block, settings, sharpe_influence(rows) * scale)[0]


def interquartile_mean(values: FloatArray) -> float:
    """Return the mean of the middle half of the values: as robust as the median, as efficient as the mean.

    Shape:  values (N,), N >= 1; a quarter of them, rounded down, is cut from each end.
    Errors: DataError for no values.
    Source: Agarwal et al. (2021), over the seeds of one configuration.
    """
    if len(values) == 0:
        raise DataError("interquartile mean of no values: expected at least one")
    cut = len(values) // 4
    return float(np.sort(values)[cut : len(values) - cut].mean())


def _enough(periods: int) -> None:
    if periods < MIN_PERIODS:
        raise DataError(f"{periods} periods: expected at least {MIN_PERIODS} to resample; test over a longer span")


def _checked_block(returns: FloatArray, settings: Bootstrap) -> float:
    """Return the block length wanted, or the longest any of the series asks for, so that no dependence is cut."""
    _enough(returns.shape[-1])
    if not np.isfinite(returns).all():
        raise DataError("returns: a value is not finite; expected numbers only. The run that wrote them is broken")
    if settings.block is not None:
        return settings.block
    which = 0 if settings.method == "stationary" else 1
    return max(block_length(column)[which] for column in np.atleast_2d(returns))


def _stationary_blocks(
    periods: int, block: float, samples: int, rng: np.random.Generator
) -> tuple[IntArray, BoolArray]:
    """Return where each block would start and whether one begins at each place, both (samples, periods)."""
    starts = rng.integers(periods, size=(samples, periods), dtype=np.int64)
    return starts, rng.random((samples, periods)) < 1.0 / block


def _circular_blocks(periods: int, block: int, samples: int, rng: np.random.Generator) -> tuple[IntArray, BoolArray]:
    """Return the same for blocks of equal length."""
    starts = rng.integers(periods, size=(samples, -(-periods // block)), dtype=np.int64)
    begins = np.broadcast_to(np.arange(periods) % block == 0, (samples, periods))
    return np.repeat(starts, block, axis=1)[:, :periods], begins


def _walk(starts: IntArray, begins: BoolArray) -> IntArray:
    """Return the positions drawn, (samples, periods): on from each start, around the end."""
    periods = starts.shape[1]
    position = np.arange(periods)
    last = np.maximum.accumulate(np.where(begins, position, 0), axis=1)
    indices: IntArray = (np.take_along_axis(starts, last, axis=1) + position - last) % periods
    return indices


def _blocks(
    periods: int, block: float, rng: np.random.Generator, settings: Bootstrap, chunk: int
) -> Iterator[tuple[IntArray, BoolArray]]:
    """Yield the blocks of all samples, up to `chunk` samples at a time so that they fit in memory."""
    left = settings.samples
    while left > 0:
        count = min(left, chunk)
        if settings.method == "stationary":
            yield _stationary_blocks(periods, block, count, rng)
        else:
            yield _circular_blocks(periods, max(round(block), 1), count, rng)
        left -= count


def _autocovariance(centred: FloatArray) -> tuple[FloatArray, int]:
    """Return the autocovariances (M + 1,) and the bandwidth after which correlations stay insignificant."""
    n = len(centred)
    run = max(5, int(math.log10(n)))
    longest = min(math.ceil(math.sqrt(n)) + run, n - 2)
    bound = 2.0 * math.sqrt(math.log10(n) / n)
    covariance = np.array([centred[lag:] @ centred[: n - lag] for lag in range(longest + 1)]) / n
    small = np.empty(longest + 1, np.bool_)
    for lag in range(longest + 1):
        late, early = centred[lag + 1 :], centred[: -(lag + 1)]
        small[lag] = abs(covariance[lag]) * n < bound * math.sqrt(float(late @ late) * float(early @ early))
    for lag in range(run, longest + 1):
        if small[lag - run : lag].all():
            return covariance, min(2 * max(lag - run, 1), longest)
    return covariance, longest
