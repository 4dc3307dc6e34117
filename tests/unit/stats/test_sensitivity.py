import math

import numpy as np
import pytest

from tradecore.core.errors import DataError
from tradecore.stats.sensitivity import BreakEven, break_even, permutation_p_value


def test_break_even_is_found_where_log_growth_crosses_zero():
    growth = {multiple: math.expm1(0.3 - 0.2 * multiple) for multiple in (0.0, 0.5, 1.0, 1.5, 2.0, 3.0)}
    found = break_even(growth, cost_bps=26.0)
    assert found.multiple == pytest.approx(1.5)
    assert found.bps == pytest.approx(39.0)
    assert not found.is_beyond


def test_record_that_still_gains_at_the_highest_cost_has_its_break_even_beyond():
    assert break_even({0.0: 0.5, 3.0: 0.1}, 10.0) == BreakEven(None, None, True)


def test_record_that_loses_without_costs_has_none():
    assert break_even({0.0: -0.1, 1.0: -0.2}, 10.0) == BreakEven(None, None, False)
    assert break_even({0.0: 0.0, 1.0: -0.2}, 10.0) == BreakEven(None, None, False)


def test_lowest_crossing_counts_and_missing_returns_are_passed_over():
    assert break_even({0.0: 0.1, 1.0: None, 2.0: -0.1, 3.0: 0.2}, 1.0).multiple < 2.0


def test_ruin_at_high_cost_is_a_crossing():
    assert 0.0 < break_even({0.0: 0.1, 1.0: -1.0}, 10.0).multiple < 0.1


def test_too_few_points_or_an_impossible_cost_are_refused():
    with pytest.raises(DataError, match="1 multiples"):
        break_even({0.0: 0.1, 1.0: None}, 10.0)
    with pytest.raises(DataError, match="cost of at least 0"):
        break_even({0.0: 0.1, 1.0: -0.1}, -1.0)


def test_p_value_counts_draws_at_least_as_good_and_is_never_zero():
    draws = np.arange(99.0)
    assert permutation_p_value(1e9, draws) == pytest.approx(0.01)
    assert permutation_p_value(98.0, draws) == pytest.approx(0.02)
    assert permutation_p_value(-1.0, draws) == 1.0


def test_p_value_of_chance_is_uniform():
    rng = np.random.default_rng(1)
    found = np.array([permutation_p_value(*split) for split in ((x[0], x[1:]) for x in rng.normal(0, 1, (4000, 20)))])
    assert np.unique(np.round(found * 20)).tolist() == list(range(1, 21))
    assert (found <= 0.05).mean() == pytest.approx(0.05, abs=0.012)


def test_no_draws_or_values_that_are_not_finite_are_refused():
    with pytest.raises(DataError, match="0 draws"):
        permutation_p_value(1.0, np.empty(0))
    with pytest.raises(DataError, match="finite"):
        permutation_p_value(math.nan, np.zeros(3))
