"""Our block bootstrap against the `arch` package: block lengths, the same resamples, the same interval."""

import numpy as np
import pytest
from arch.bootstrap import CircularBlockBootstrap, StationaryBootstrap, optimal_block_length

from tradecore.stats.bootstrap import (
    Bootstrap,
    block_length,
    intervals,
    mean_statistic,
    sharpe_statistic,
    stationary_indices,
)


def autoregressive(phi, days, seed):
    noise = np.random.default_rng(seed).standard_t(5, days) * 0.02
    values = np.empty(days)
    values[0] = noise[0]
    for day in range(1, days):
        values[day] = phi * values[day - 1] + noise[day]
    return values


@pytest.mark.parametrize("days", [30, 100, 365, 1500])
@pytest.mark.parametrize("phi", [-0.5, 0.0, 0.2, 0.6, 0.95])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_block_lengths_equal_those_of_arch(days, phi, seed):
    values = autoregressive(phi, days, seed)
    oracle = optimal_block_length(values).iloc[0]
    ours = block_length(values)
    # arch may give less than one day where the correlation is near nothing; a block is at least one day.
    assert ours == pytest.approx((max(oracle["stationary"], 1.0), max(oracle["circular"], 1.0)), rel=1e-9)


def test_figures_of_the_same_resamples_are_equal():
    values = autoregressive(0.2, 365, 1)
    oracle = StationaryBootstrap(6, values, seed=np.random.default_rng(9))
    rows, theirs = [], []
    for data, _ in oracle.bootstrap(50):
        rows.append(oracle.index.copy())
        theirs.append(data[0].mean() / data[0].std(ddof=1))
    assert sharpe_statistic(values[np.array(rows)]) == pytest.approx(np.array(theirs), rel=1e-9)


@pytest.mark.parametrize("phi", [0.0, 0.6])
@pytest.mark.parametrize(
    ("method", "other"), [("stationary", StationaryBootstrap), ("circular", CircularBlockBootstrap)]
)
def test_intervals_agree_with_those_of_arch(method, other, phi):
    values = autoregressive(phi, 400, 4)
    (ours,) = intervals(
        values, sharpe_statistic, np.random.default_rng(1), Bootstrap(samples=10_000, block=8.0, method=method)
    )
    oracle = other(8, values, seed=np.random.default_rng(2))
    low, high = oracle.conf_int(lambda x: x.mean() / x.std(ddof=1), reps=10_000, method="percentile")[:, 0]
    width = high - low
    assert ours.low == pytest.approx(low, abs=0.05 * width)
    assert ours.high == pytest.approx(high, abs=0.05 * width)


def test_variance_of_the_mean_agrees_with_arch():
    values = autoregressive(0.5, 300, 5)
    draws = mean_statistic(values[stationary_indices(300, 10.0, 20_000, np.random.default_rng(1))])
    oracle = StationaryBootstrap(10, values, seed=np.random.default_rng(2))
    assert draws.var() == pytest.approx(oracle.var(np.mean, reps=5_000).item(), rel=0.1)
