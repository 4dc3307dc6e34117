import numpy as np
import pytest

from tradecore.core.errors import ConfigError, DataError
from tradecore.stats.bootstrap import Bootstrap, sharpe_interval
from tradecore.stats.calibration import PROCESSES, coverage


@pytest.mark.parametrize("name", PROCESSES)
def test_true_sharpe_ratio_is_that_of_a_long_record(name):
    process = PROCESSES[name]
    returns = process.make(np.random.default_rng(3), 400_000)
    assert returns.mean() / returns.std() * np.sqrt(365) == pytest.approx(process.sharpe, abs=0.12)


@pytest.mark.parametrize("name", PROCESSES)
def test_ninety_percent_intervals_hold_the_truth_in_about_ninety_percent_of_records(name):
    process, held = PROCESSES[name], 0
    for days in (180, 365, 730):
        found = coverage(lambda rng: process.make(rng, days), process.sharpe, np.random.default_rng(days), 500)  # noqa: B023
        assert found.held.count == 500
        assert found.above + found.below == 500 - found.held.hits
        held += found.held.hits
    assert held / 1500 == pytest.approx(0.90, abs=0.03)


def test_percentile_intervals_fail_where_days_trend():
    """The reason for the default: this is what coverage is for."""
    process, settings = PROCESSES["trends"], Bootstrap(samples=200, level=0.90, interval="percentile")
    rng, held = np.random.default_rng(1), 0
    for _ in range(400):
        found = sharpe_interval(process.make(rng, 180), 365.0, rng, settings)
        held += found.low <= process.sharpe <= found.high
    assert held / 400 < 0.86


def test_wrong_truth_is_seen():
    found = coverage(lambda rng: rng.normal(0.2, 1.0, 400), 0.0, np.random.default_rng(1), 100)
    assert found.above > 80


def test_same_generator_gives_the_same_counts():
    first, again = (coverage(lambda rng: rng.normal(0, 1, 50), 0.0, np.random.default_rng(1), 50) for _ in range(2))
    assert first == again


def test_bad_requests_are_refused():
    with pytest.raises(ConfigError, match="0 replications"):
        coverage(lambda rng: rng.normal(0, 1, 50), 0.0, np.random.default_rng(1), 0)
    with pytest.raises(DataError, match="finite"):
        coverage(lambda rng: rng.normal(0, 1, 50), float("nan"), np.random.default_rng(1))
