from dataclasses import replace

import numpy as np
import pytest

from tradecore.core.errors import ConfigError, DataError
from tradecore.stats.bootstrap import (
    Bootstrap,
    block_length,
    circular_indices,
    interquartile_mean,
    intervals,
    mean_statistic,
    resampled,
    resampled_moments,
    sharpe_interval,
    sharpe_statistic,
    stationary_indices,
)

RETURNS = np.random.default_rng(5).normal(0.001, 0.02, 300)


def test_stationary_blocks_have_the_wanted_mean_length():
    indices = stationary_indices(1000, 8.0, 200, np.random.default_rng(1))
    joined = (np.diff(indices, axis=1) % 1000 == 1).mean()
    assert joined == pytest.approx(1 - 1 / 8, abs=0.005)


def test_stationary_blocks_of_one_draw_each_day_alone():
    indices = stationary_indices(50, 1.0, 400, np.random.default_rng(1))
    assert (np.diff(indices, axis=1) % 50 == 1).mean() == pytest.approx(1 / 50, abs=0.01)


def test_circular_blocks_run_their_full_length_and_wrap_around():
    indices = circular_indices(10, 4, 500, np.random.default_rng(1))
    assert indices.shape == (500, 10)
    steps = np.diff(indices, axis=1) % 10
    assert (steps[:, [0, 1, 2, 4, 5, 6, 8]] == 1).all()
    assert (np.diff(indices, axis=1) < 0).any()


@pytest.mark.parametrize(
    "draw", [lambda rng: stationary_indices(40, 5.0, 3000, rng), lambda rng: circular_indices(40, 5, 3000, rng)]
)
def test_every_day_is_drawn_equally_often(draw):
    counts = np.bincount(draw(np.random.default_rng(2)).ravel(), minlength=40)
    assert counts / counts.mean() == pytest.approx(np.ones(40), abs=0.1)


def test_same_generator_state_gives_the_same_interval():
    first = sharpe_interval(RETURNS, 365, np.random.default_rng(3))
    assert first == sharpe_interval(RETURNS, 365, np.random.default_rng(3))
    assert first != sharpe_interval(RETURNS, 365, np.random.default_rng(4))


def test_interval_holds_its_estimate_and_the_share_above_zero_is_a_probability():
    found = sharpe_interval(RETURNS, 365, np.random.default_rng(3))
    assert found.low < found.estimate < found.high
    assert 0.0 <= found.above_zero <= 1.0
    assert found.estimate == pytest.approx(RETURNS.mean() / RETURNS.std(ddof=1) * np.sqrt(365))


def test_interval_of_the_mean_of_independent_returns_is_the_normal_one():
    settings = Bootstrap(samples=20_000, block=1.0)
    (found,) = intervals(RETURNS, mean_statistic, np.random.default_rng(3), settings)
    half = 1.96 * RETURNS.std() / np.sqrt(300)
    assert (found.high - found.low) / 2 == pytest.approx(half, rel=0.03)


def trending(days=2000):
    return np.convolve(np.random.default_rng(6).normal(0, 0.01, days), np.ones(10), mode="valid")


def test_dependence_widens_the_percentile_interval():
    settings = Bootstrap(interval="percentile")
    alone = sharpe_interval(trending(), 365, np.random.default_rng(1), replace(settings, block=1.0))
    blocks = sharpe_interval(trending(), 365, np.random.default_rng(1), settings)
    assert blocks.block > 5
    assert blocks.high - blocks.low > 2 * (alone.high - alone.low)


def test_dependence_widens_the_studentised_interval_whatever_the_block():
    shuffled = np.random.default_rng(1).permutation(trending())
    alone = sharpe_interval(shuffled, 365, np.random.default_rng(1), Bootstrap(block=1.0))
    found = sharpe_interval(trending(), 365, np.random.default_rng(1), Bootstrap(block=1.0))
    assert found.high - found.low > 2 * (alone.high - alone.low)


def test_fast_moments_equal_those_of_the_drawn_days():
    returns = np.random.default_rng(3).standard_t(3, (3, 200)) * 0.02
    for settings in (Bootstrap(samples=150, block=4.3), Bootstrap(samples=150, block=4.3, method="circular")):
        means, deviations, _ = resampled_moments(returns, np.random.default_rng(1), settings)
        rows = np.concatenate(list(resampled(200, 4.3, np.random.default_rng(1), settings)))
        assert means == pytest.approx(returns[:, rows].mean(axis=-1), rel=1e-12, abs=1e-15)
        assert deviations == pytest.approx(returns[:, rows].std(axis=-1, ddof=1), rel=1e-12)


def test_history_that_drew_one_value_alone_has_no_deviation_at_all():
    returns = np.full((1, 50), 0.1)
    returns[0, 7] = 0.3
    means, deviations, _ = resampled_moments(returns, np.random.default_rng(1), Bootstrap(samples=500, block=1.0))
    without = np.isclose(means[0], 0.1, rtol=1e-15)
    assert without.sum() > 100
    assert (deviations[0][without] == 0.0).all()


def test_ninety_five_percent_intervals_hold_the_truth_about_that_often():
    settings = Bootstrap(samples=300)
    rng = np.random.default_rng(7)
    held = 0
    for _ in range(200):
        returns = rng.normal(0.1, 1.0, 250)
        (found,) = intervals(returns, sharpe_statistic, rng, settings)
        held += found.low <= 0.1 <= found.high
    assert 0.90 <= held / 200 <= 0.99


def test_circular_and_stationary_blocks_agree():
    stationary = sharpe_interval(RETURNS, 365, np.random.default_rng(1), Bootstrap(block=5.0))
    circular = sharpe_interval(RETURNS, 365, np.random.default_rng(1), Bootstrap(block=5.0, method="circular"))
    assert circular.low == pytest.approx(stationary.low, abs=0.25)
    assert circular.high == pytest.approx(stationary.high, abs=0.25)


def test_long_histories_are_resampled_in_chunks_that_give_as_many_samples():
    long = np.random.default_rng(1).normal(0, 1, 30_000)
    found = sharpe_interval(long, 365, np.random.default_rng(1), Bootstrap(samples=150, block=10.0))
    assert found.low < found.estimate < found.high


def test_series_without_variation_gets_single_days_and_a_sharpe_of_zero():
    assert block_length(np.full(50, 0.01)) == (1.0, 1.0)
    found = sharpe_interval(np.zeros(50), 365, np.random.default_rng(1))
    assert (found.estimate, found.low, found.high, found.above_zero) == (0.0, 0.0, 0.0, 0.0)


def test_block_length_stays_between_one_and_a_third_of_the_days():
    alternating = np.tile([1.0, -1.0], 50) + np.random.default_rng(1).normal(0, 1e-3, 100)
    walk = np.cumsum(np.random.default_rng(1).normal(0, 1, 100))
    for values in (alternating, walk):
        assert all(1.0 <= length <= 34.0 for length in block_length(values))


def test_too_few_days_are_refused_and_so_is_nan():
    with pytest.raises(DataError, match="9 periods: expected at least 10"):
        sharpe_interval(np.ones(9), 365, np.random.default_rng(1))
    with pytest.raises(DataError, match="not finite"):
        sharpe_interval(np.full(20, np.nan), 365, np.random.default_rng(1))


@pytest.mark.parametrize("wrong", [{"samples": 99}, {"level": 1.0}, {"level": 0.5}, {"block": 0.5}])
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(ConfigError, match="bootstrap"):
        Bootstrap(**wrong)


def test_interquartile_mean_matches_scipy_and_ignores_outliers():
    stats = pytest.importorskip("scipy.stats")
    values = np.random.default_rng(1).standard_cauchy(37)
    assert interquartile_mean(values) == pytest.approx(stats.trim_mean(values, 0.25))
    assert interquartile_mean(np.array([0.0, 1.0, 2.0, 1e9])) == 1.5
    with pytest.raises(DataError):
        interquartile_mean(np.empty(0))
