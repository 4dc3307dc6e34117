"""The worked examples are from Bailey & Lopez de Prado (2012, 2014)."""

import math

import numpy as np
import pytest

from tradecore.core.errors import DataError
from tradecore.stats.inference import (
    Moments,
    deflated_sharpe,
    expected_max_sharpe,
    minimum_track_record,
    moments,
    probabilistic_sharpe,
    sharpe_error,
    sharpe_ratio,
    trial_variance,
)


def test_deflated_sharpe_of_the_papers_example():
    shape = Moments(periods=1250, sharpe=2.5 / math.sqrt(250), skewness=-3.0, kurtosis=10.0)
    variance = 0.5 / 250
    assert expected_max_sharpe(100, variance) == pytest.approx(0.1132, abs=5e-5)
    assert deflated_sharpe(shape, 100, variance) == pytest.approx(0.9004, abs=5e-5)


def test_deflated_sharpe_of_the_papers_example_with_fewer_trials():
    shape = Moments(periods=1250, sharpe=2.5 / math.sqrt(250), skewness=-3.0, kurtosis=10.0)
    assert deflated_sharpe(shape, 46, 0.5 / 250) == pytest.approx(0.9505, abs=5e-5)


def test_probabilistic_sharpe_of_the_papers_hedge_fund():
    normal = Moments(periods=24, sharpe=0.458)
    fat = Moments(periods=24, sharpe=0.458, skewness=-2.448, kurtosis=10.164)
    assert probabilistic_sharpe(normal) == pytest.approx(0.982, abs=1e-3)
    assert probabilistic_sharpe(fat) == pytest.approx(0.913, abs=1e-3)


@pytest.mark.parametrize(("per_year", "years"), [(250, 2.73), (52, 2.83), (12, 3.24)])
def test_minimum_track_record_of_the_papers_table(per_year, years):
    shape = Moments(periods=1000, sharpe=2 / math.sqrt(per_year))
    length = minimum_track_record(shape, benchmark=1 / math.sqrt(per_year), confidence=0.95)
    assert length / per_year == pytest.approx(years, abs=5e-3)


def test_minimum_track_record_of_the_papers_hedge_fund_style():
    shape = Moments(periods=1000, sharpe=2 / math.sqrt(12), skewness=-0.72, kurtosis=5.78)
    assert minimum_track_record(shape, 1 / math.sqrt(12)) / 12 == pytest.approx(4.99, abs=5e-3)


def test_minimum_track_record_is_where_the_probabilistic_sharpe_reaches_the_confidence():
    shape = Moments(periods=100, sharpe=0.1, skewness=-1.0, kurtosis=6.0)
    length = minimum_track_record(shape, confidence=0.95)
    at_length = Moments(math.ceil(length), 0.1, -1.0, 6.0)
    before = Moments(math.ceil(length) - 2, 0.1, -1.0, 6.0)
    assert probabilistic_sharpe(at_length) >= 0.95 > probabilistic_sharpe(before)


def test_no_record_is_long_enough_for_a_sharpe_below_the_benchmark():
    assert minimum_track_record(Moments(100, -0.1)) is None


def test_confidence_outside_its_range_is_refused():
    with pytest.raises(DataError, match="confidence"):
        minimum_track_record(Moments(100, 0.1), confidence=1.0)


def test_one_trial_expects_nothing_so_the_deflated_sharpe_is_the_probabilistic():
    shape = Moments(250, 0.1)
    assert expected_max_sharpe(1, 1.0) == 0.0
    assert deflated_sharpe(shape, 1, 1.0) == probabilistic_sharpe(shape)


@pytest.mark.parametrize("trials", [10, 100, 1000])
def test_expected_maximum_agrees_with_simulation(trials):
    draws = np.random.default_rng(1).normal(0, 2.0, (4000, trials)).max(axis=1)
    assert expected_max_sharpe(trials, 4.0) == pytest.approx(draws.mean(), rel=0.03)


@pytest.mark.parametrize(("trials", "variance"), [(0, 1.0), (5, -1.0), (5, math.nan)])
def test_impossible_trials_are_refused(trials, variance):
    with pytest.raises(DataError):
        expected_max_sharpe(trials, variance)


def test_standard_error_agrees_with_simulated_skewed_returns():
    rng = np.random.default_rng(2)
    draws = 0.3 - rng.exponential(1.0, (4000, 500)) + 1.0
    ratios = draws.mean(axis=1) / draws.std(axis=1, ddof=1)
    assert sharpe_error(Moments(500, 0.3, -2.0, 9.0)) == pytest.approx(ratios.std(), rel=0.05)


def test_moments_match_scipy():
    stats = pytest.importorskip("scipy.stats")
    values = np.random.default_rng(3).standard_t(5, 300)
    found = moments(values)
    assert found.skewness == pytest.approx(stats.skew(values))
    assert found.kurtosis == pytest.approx(stats.kurtosis(values, fisher=False))


@pytest.mark.parametrize(
    "values", [[], [0.01], [0.0] * 50, [0.01] * 50, [0.01, math.nan, 0.02]], ids=["none", "one", "zero", "same", "nan"]
)
def test_sharpe_of_returns_that_do_not_vary_is_none(values):
    assert sharpe_ratio(np.array(values)) is None
    assert moments(np.array(values)) is None


def test_few_trials_never_claim_less_variance_than_chance():
    assert trial_variance(np.array([0.1, 0.1]), 101) == pytest.approx(0.01)
    assert trial_variance(None, 101) == pytest.approx(0.01)
    assert trial_variance(np.array([0.1, 0.9]), 101) == pytest.approx(0.01)


def test_many_trials_speak_for_themselves():
    assert trial_variance(np.full(10, 0.1), 101) == pytest.approx(0.0)
    assert trial_variance(np.tile([0.0, 0.05], 10), 101) == pytest.approx(0.05**2 / 4 * 20 / 19)


def test_trials_that_truly_differ_are_not_taken_for_luck():
    ruined_by_costs = np.linspace(-0.5, 0.1, 200)
    assert trial_variance(ruined_by_costs, 101) == pytest.approx(0.01)


def test_best_of_many_correlated_worthless_trials_is_expected_no_better_than_the_bar():
    """The ceiling is safe: whatever the trials share, their best is on average below what the bar expects."""
    rng, days, trials, best, bars = np.random.default_rng(4), 400, 200, [], []
    for share in np.repeat([0.0, 0.5, 0.9], 40):
        common, own = rng.standard_normal((1, days)), rng.standard_normal((trials, days))
        returns = math.sqrt(share) * common + math.sqrt(1 - share) * own
        sharpes = returns.mean(axis=1) / returns.std(axis=1, ddof=1)
        best.append(float(sharpes.max()))
        bars.append(expected_max_sharpe(trials, trial_variance(None, days)))
    assert np.mean(best) <= np.mean(bars) * 1.01


def test_trial_variance_refuses_what_is_not_finite_and_single_periods():
    with pytest.raises(DataError, match="not finite"):
        trial_variance([0.1, math.nan], 100)
    with pytest.raises(DataError, match="1 periods"):
        trial_variance(None, 1)
