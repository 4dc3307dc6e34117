from itertools import combinations

import numpy as np
import pytest

from tradecore.core.errors import ConfigError, DataError
from tradecore.stats.overfitting import probability_of_overfitting


def by_hand(returns, blocks):
    """The definition, split by split."""
    parts = np.split(returns, blocks, axis=1)
    fallen = total = 0
    for chosen in combinations(range(blocks), blocks // 2):
        inside = np.concatenate([parts[i] for i in chosen], axis=1)
        outside = np.concatenate([parts[i] for i in range(blocks) if i not in chosen], axis=1)
        best = np.argmax(inside.mean(axis=1) / inside.std(axis=1))
        ratios = outside.mean(axis=1) / outside.std(axis=1)
        rank = (ratios <= ratios[best]).sum()
        fallen += np.log(rank / (len(returns) + 1 - rank)) <= 0
        total += 1
    return fallen / total


@pytest.mark.parametrize("configurations", [2, 3, 10])
def test_it_is_the_share_of_splits_whose_winner_falls_to_the_lower_half(configurations):
    returns = np.random.default_rng(configurations).normal(0.002, 0.02, (configurations, 64))
    assert probability_of_overfitting(returns, 8) == pytest.approx(by_hand(returns, 8))


def test_noise_overfits_in_about_half_of_the_splits():
    rng = np.random.default_rng(1)
    found = [probability_of_overfitting(rng.normal(0, 0.02, (20, 160)), 8) for _ in range(100)]
    assert np.mean(found) == pytest.approx(0.5, abs=0.07)


def test_a_lasting_advantage_does_not_overfit():
    returns = np.random.default_rng(1).normal(0, 0.02, (20, 320))
    returns[7] += 0.01
    assert probability_of_overfitting(returns) < 0.01


def test_winners_that_always_turn_overfit_everywhere():
    """Each configuration gains in one block only, so whoever won in one half lost in the other."""
    returns = np.kron(np.eye(8) - 1 / 8, np.array([0.9, 1.1]))
    assert probability_of_overfitting(returns, 8) == 1.0


def test_configurations_that_never_trade_have_a_sharpe_of_zero():
    assert probability_of_overfitting(np.zeros((3, 32)), 8) == 1.0


@pytest.mark.parametrize("blocks", [3, 2, 22])
def test_odd_or_extreme_counts_of_blocks_are_refused(blocks):
    with pytest.raises(ConfigError, match="blocks"):
        probability_of_overfitting(np.zeros((3, 100)), blocks)


@pytest.mark.parametrize("shape", [(1, 100), (3, 31), (100,)])
def test_too_few_configurations_or_days_are_refused(shape):
    with pytest.raises(DataError, match="expected at least 2 configurations"):
        probability_of_overfitting(np.zeros(shape), 16)


def test_values_that_are_not_finite_are_refused():
    with pytest.raises(DataError, match="not finite"):
        probability_of_overfitting(np.full((3, 100), np.nan))
