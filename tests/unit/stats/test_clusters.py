import numpy as np
import pytest

from tradecore.core.errors import ConfigError, DataError
from tradecore.stats.clusters import MOST, effective_trials


def planted(groups, configurations, days=400, noise=0.7, seed=1):
    """Configurations that follow one of some independent sources each, and which one."""
    rng = np.random.default_rng(seed)
    source = rng.integers(0, groups, configurations)
    return rng.normal(0, 1, (groups, days))[source] + noise * rng.normal(0, 1, (configurations, days)), source


def same_partition(labels, others):
    return len(set(zip(labels, others, strict=True))) == len(set(labels)) == len(set(others))


@pytest.mark.parametrize("groups", [1, 2, 7, 30])
def test_planted_groups_are_found(groups):
    returns, source = planted(groups, 300)
    found = effective_trials(returns)
    assert found.count == groups
    assert same_partition(found.labels, source)
    assert found.sizes.tolist() == np.bincount(found.labels).tolist()


def test_configurations_that_share_nothing_count_in_full():
    assert effective_trials(np.random.default_rng(1).normal(0, 1, (200, 365))).count == 200


def test_repetitions_of_one_configuration_are_one_trial_whatever_their_size_and_drift():
    one = np.random.default_rng(1).normal(0, 1, 100)
    assert effective_trials(np.stack([one, 2.0 * one + 0.3, 0.01 * one, one])).count == 1


def test_opposite_bets_are_two_trials():
    one = np.random.default_rng(1).normal(0, 1, 100)
    assert effective_trials(np.stack([one, -one])).labels.tolist() == [0, 1]


def test_configurations_that_never_moved_are_one_group_of_their_own():
    returns = np.zeros((5, 100))
    returns[1] = np.random.default_rng(1).normal(0, 1, 100)
    returns[3] = 0.01
    assert effective_trials(returns).labels.tolist() == [0, 1, 0, 0, 0]
    assert effective_trials(np.zeros((3, 50))).count == 1


def test_average_linkage_equals_joining_the_most_alike_again_and_again():
    returns, _ = planted(6, 40, days=60, noise=1.1, seed=3)
    found = effective_trials(returns, 0.4)
    groups = [[row] for row in range(len(returns))]
    alike = np.corrcoef(returns)
    while True:
        best, pair = max(
            (alike[np.ix_(a, b)].mean(), (i, j)) for i, a in enumerate(groups) for j, b in enumerate(groups) if i < j
        )
        if best < 0.4:
            break
        groups[pair[0]] += groups.pop(pair[1])
    by_hand = np.empty(len(returns), int)
    for label, rows in enumerate(groups):
        by_hand[rows] = label
    assert 1 < found.count < 40
    assert found.count == len(groups)
    assert same_partition(found.labels, by_hand)


def test_higher_level_gives_at_least_as_many_groups():
    returns, _ = planted(5, 120, noise=1.0)
    counts = [effective_trials(returns, level).count for level in (0.1, 0.3, 0.5, 0.7, 0.9)]
    assert counts == sorted(counts)
    assert counts[0] < counts[-1]


def test_more_configurations_than_take_part_in_linkage_join_the_groups_found():
    returns, source = planted(12, MOST + 400, days=120, noise=0.6)
    found = effective_trials(returns)
    assert found.count == 12
    assert same_partition(found.labels, source)


def test_more_configurations_than_take_part_in_linkage_still_count_in_full_when_they_share_nothing():
    assert effective_trials(np.random.default_rng(1).normal(0, 1, (MOST + 300, 150))).count == MOST + 300


def test_same_returns_give_the_same_groups_and_labels_follow_the_order():
    returns, _ = planted(4, 50)
    first, again = effective_trials(returns), effective_trials(returns.copy())
    assert first.labels.tolist() == again.labels.tolist()
    assert [first.labels.tolist().index(group) for group in range(4)] == sorted(
        first.labels.tolist().index(group) for group in range(4)
    )


def test_bad_input_is_refused():
    good = np.random.default_rng(1).normal(0, 1, (3, 50))
    with pytest.raises(ConfigError, match="correlation"):
        effective_trials(good, 1.0)
    with pytest.raises(DataError, match="at least 10 days"):
        effective_trials(good[:, :9])
    with pytest.raises(DataError, match="not finite"):
        effective_trials(np.full((3, 50), np.nan))
