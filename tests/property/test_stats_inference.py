"""What holds for every inference: probabilities are probabilities, more trials and less record never help."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tradecore.stats.bootstrap import Bootstrap, block_length, interquartile_mean, sharpe_interval
from tradecore.stats.gates import EDGE, Evidence, EvidenceLimits, gather, judge
from tradecore.stats.inference import Moments, deflated_sharpe, expected_max_sharpe, moments, probabilistic_sharpe

SERIES = arrays(np.float64, st.integers(10, 80), elements=st.floats(-0.5, 0.5, width=32))
QUICK = Bootstrap(samples=100)


@given(SERIES)
def test_probabilities_lie_between_zero_and_one(returns):
    shape = moments(returns)
    if shape is not None:
        assert 0.0 <= (probabilistic_sharpe(shape) or 0.0) <= 1.0
        assert shape.kurtosis >= 1.0 - 1e-9
        assert shape.kurtosis >= shape.skewness**2 + 1.0 - 1e-6


@given(SERIES, st.sampled_from([1e-3, 0.5, 4.0]))
def test_the_sharpe_and_its_shape_do_not_depend_on_leverage(returns, leverage):
    plain, levered = moments(returns), moments(returns * leverage)
    if plain is not None and levered is not None:
        assert levered.sharpe == pytest.approx(plain.sharpe, rel=1e-6, abs=1e-9)
        assert levered.skewness == pytest.approx(plain.skewness, rel=1e-4, abs=1e-6)


@given(st.integers(1, 10**9), st.integers(1, 10**9), st.floats(0, 1), st.floats(-0.5, 0.5))
def test_more_trials_never_raise_the_deflated_sharpe(one, other, variance, sharpe):
    few, many = sorted((one, other))
    assert expected_max_sharpe(few, variance) <= expected_max_sharpe(many, variance) + 1e-12
    shape = Moments(500, sharpe)
    assert deflated_sharpe(shape, many, variance) <= deflated_sharpe(shape, few, variance) + 1e-12


@given(SERIES)
def test_intervals_are_ordered_and_blocks_have_sensible_lengths(returns):
    found = sharpe_interval(returns, 365.0, np.random.default_rng(1), QUICK)
    assert found.low <= found.high
    assert 0.0 <= found.above_zero <= 1.0
    for length in block_length(returns):
        assert 1.0 <= length <= max(3 * len(returns) ** 0.5, len(returns) / 3) + 1


@given(arrays(np.float64, st.integers(1, 50), elements=st.floats(-1e6, 1e6)))
def test_the_interquartile_mean_lies_within_the_values(values):
    assert values.min() - 1e-6 <= interquartile_mean(values) <= values.max() + 1e-6


@given(SERIES, st.integers(0, 60), st.integers(1, 1000))
def test_an_edge_has_passed_every_gate(returns, trades, trials):
    found = gather(
        returns,
        {"buy_and_hold": -returns},
        trades=trades,
        trials=trials,
        rng=np.random.default_rng(1),
        costed_returns={1.5: returns},
        bootstrap=QUICK,
    )
    verdict = judge(found, EvidenceLimits(min_days=10))
    assert (verdict.verdict == EDGE) == (all(gate.passed for gate in verdict.gates) and not found.problems)
    if verdict.verdict == EDGE:
        assert trades >= 30
        assert found.sharpe.low > 0


@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_evidence_without_figures_is_never_an_edge(days, trades):
    assert judge(Evidence(days, trades, 1)).verdict != EDGE
