import numpy as np
import pytest

from tradecore.core.errors import DataError
from tradecore.stats.benchmarks import align, compare, compare_all
from tradecore.stats.bootstrap import Bootstrap
from tradecore.stats.sample import Periods

RNG = np.random.default_rng(1)
MARKET = RNG.normal(0.0, 0.03, 365)
QUICK = Bootstrap(samples=500)


def fresh():
    return np.random.default_rng(2)


def test_candidate_equal_to_its_baseline_is_never_better():
    found = compare(MARKET, MARKET.copy(), fresh(), QUICK)
    assert (found.sharpe.estimate, found.sharpe.low, found.sharpe.high, found.sharpe.above_zero) == (0, 0, 0, 0)
    assert found.mean.above_zero == 0.0


def test_swapping_the_two_turns_the_sign():
    other = RNG.normal(0.001, 0.03, 365)
    forth, back = compare(MARKET, other, fresh(), QUICK), compare(other, MARKET, fresh(), QUICK)
    assert forth.sharpe.estimate == pytest.approx(-back.sharpe.estimate)
    assert forth.sharpe.low == pytest.approx(-back.sharpe.high)
    assert forth.sharpe.above_zero == pytest.approx(1 - back.sharpe.above_zero)


def test_shared_market_moves_cancel_out_of_the_difference():
    better = MARKET + 0.001
    paired = compare(better, MARKET, fresh(), QUICK)
    assert paired.mean.estimate == pytest.approx(0.365)
    assert paired.mean.low == pytest.approx(0.365)
    assert paired.sharpe.above_zero == 1.0


def test_cash_has_a_sharpe_of_zero():
    found = compare(MARKET, np.zeros(365), fresh(), QUICK)
    assert found.sharpe.estimate == pytest.approx(MARKET.mean() / MARKET.std(ddof=1) * np.sqrt(365))


def test_all_baselines_are_compared_over_the_same_histories():
    found = compare_all(MARKET, {"cash": np.zeros(365), "half": MARKET / 2}, fresh(), QUICK)
    assert found["half"].mean.estimate == pytest.approx(found["cash"].mean.estimate / 2)
    assert found["half"].mean.above_zero == found["cash"].mean.above_zero
    assert compare_all(MARKET, {}, fresh(), QUICK) == {}


def test_series_of_other_lengths_are_refused():
    with pytest.raises(DataError, match="365 candidate returns and 364"):
        compare(MARKET, MARKET[1:], fresh())


def test_align_keeps_the_days_all_have():
    first = Periods(np.array([1, 2, 3, 5]), np.array([0.1, 0.2, 0.3, 0.5]), 365.0)
    second = Periods(np.array([2, 3, 4, 5]), np.array([2.0, 3.0, 4.0, 5.0]), 365.0)
    ours, theirs = align(first, second)
    assert ours.tolist() == [0.2, 0.3, 0.5]
    assert theirs.tolist() == [2.0, 3.0, 5.0]


def test_align_refuses_records_without_a_common_day_or_of_other_periods():
    first = Periods(np.array([1, 2]), np.zeros(2), 365.0)
    with pytest.raises(DataError, match="without a day in common"):
        align(first, Periods(np.array([3]), np.zeros(1), 365.0))
    with pytest.raises(DataError, match="different length"):
        align(first, Periods(np.array([1, 2]), np.zeros(2), 52.0))
