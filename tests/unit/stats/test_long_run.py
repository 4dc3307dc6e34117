import numpy as np
import pytest

from tradecore.core.errors import DataError
from tradecore.stats.inference import moments, sharpe_error
from tradecore.stats.long_run import long_run_error, sharpe_influence, student_quantile, waves


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 7, 12, 20, 33, 100])
@pytest.mark.parametrize("probability", [0.5, 0.75, 0.95, 0.975, 0.9995])
def test_student_quantiles_equal_those_of_scipy(probability, freedom):
    stats = pytest.importorskip("scipy.stats")
    assert student_quantile(probability, freedom) == pytest.approx(
        stats.t.ppf(probability, freedom), rel=1e-9, abs=1e-9
    )


def test_error_of_independent_days_is_the_textbook_one_on_average():
    values = np.random.default_rng(1).normal(5.0, 2.0, (4000, 300))
    assert (long_run_error(values) ** 2).mean() == pytest.approx(4.0 / 300, rel=0.02)


def test_error_of_dependent_days_is_that_of_the_true_long_run_variance():
    rng = np.random.default_rng(2)
    noise = rng.normal(0, 1, (2000, 1100))
    values = np.empty_like(noise)
    values[:, 0] = noise[:, 0]
    for day in range(1, 1100):
        values[:, day] = 0.3 * values[:, day - 1] + noise[:, day]
    kept = values[:, 100:]
    assert kept.mean(axis=1).std() == pytest.approx(np.sqrt((long_run_error(kept) ** 2).mean()), rel=0.05)


def test_influence_gives_the_error_of_the_sharpe_ratio():
    returns = np.random.default_rng(3).standard_t(6, 5000) * 0.02 + 0.002
    influence = sharpe_influence(returns[np.newaxis])
    assert influence.mean() == pytest.approx(0.0, abs=1e-12)
    assert influence.std() / np.sqrt(4999) == pytest.approx(sharpe_error(moments(returns)), rel=1e-6)


def test_series_without_variation_has_neither_influence_nor_error():
    assert (sharpe_influence(np.full((1, 50), 0.01)) == 0.0).all()
    assert long_run_error(np.zeros((2, 50))).tolist() == [0.0, 0.0]


def test_waves_grow_with_the_record_and_never_fall_under_four():
    assert [waves(days) for days in (10, 30, 365, 730, 3650)] == [4, 4, 20, 32, 94]


@pytest.mark.parametrize(("probability", "freedom"), [(0.4, 5), (1.0, 5), (0.9, 0)])
def test_quantile_refuses_what_has_none(probability, freedom):
    with pytest.raises(DataError, match="degrees"):
        student_quantile(probability, freedom)
