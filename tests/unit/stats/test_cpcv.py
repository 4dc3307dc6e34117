import numpy as np
import pytest

from tradecore.core.errors import ConfigError, DataError
from tradecore.stats.cpcv import Combinatorial, assemble, path_table, split


def test_eight_groups_taken_two_at_a_time_give_28_splits_and_7_paths():
    settings = Combinatorial()
    assert (settings.splits, settings.paths) == (28, 7)
    assert len(split(800, settings)) == 28
    assert path_table(settings).shape == (7, 8)


def test_six_groups_taken_two_at_a_time_give_the_paths_of_the_book():
    """Lopez de Prado (2018), figure 12.1: splits S1 to S15; figure 12.2: the paths they make."""
    settings = Combinatorial(6, 2)
    assert (settings.splits, settings.paths) == (15, 5)
    assert (path_table(settings) + 1).tolist() == [
        [1, 1, 2, 3, 4, 5],
        [2, 6, 6, 7, 8, 9],
        [3, 7, 10, 10, 11, 12],
        [4, 8, 11, 13, 13, 14],
        [5, 9, 12, 14, 15, 15],
    ]


@pytest.mark.parametrize(
    ("groups", "tested", "splits", "paths"), [(4, 1, 4, 1), (5, 2, 10, 4), (10, 2, 45, 9), (6, 3, 20, 10)]
)
def test_paths_are_the_share_of_tested_groups_of_the_splits(groups, tested, splits, paths):
    settings = Combinatorial(groups, tested)
    assert (settings.splits, settings.paths) == (splits, paths)
    assert paths == splits * tested / groups


def test_training_keeps_purge_and_embargo_on_both_sides_of_each_test():
    first, *_, last = split(80, Combinatorial(8, 2, purge=2, embargo=1))
    assert first.test == (slice(0, 10), slice(10, 20))
    assert first.train == (slice(23, 80),)
    assert last.test == (slice(60, 70), slice(70, 80))
    assert last.train == (slice(0, 57),)
    apart = split(80, Combinatorial(8, 2, purge=2, embargo=1))[9]
    assert apart.tested == (1, 4)
    assert apart.train == (slice(0, 7), slice(23, 37), slice(53, 80))


def test_gap_that_leaves_nothing_to_train_on_leaves_no_training():
    assert all(one.train == () for one in split(20, Combinatorial(4, 2, purge=20)))


def test_paths_are_joined_from_the_tests_of_all_splits_oldest_first():
    settings = Combinatorial(4, 2)
    days = np.arange(40.0)
    results = [[days[part] + 100.0 * number for part in one.test] for number, one in enumerate(split(40, settings))]
    paths = assemble(results, settings)
    assert [(path % 100).tolist() for path in paths] == [days.tolist()] * 3
    assert [(path[::10] // 100).tolist() for path in paths] == path_table(settings).tolist()


def test_missing_splits_and_groups_of_other_lengths_are_refused():
    settings = Combinatorial(4, 2)
    results = [[np.zeros(10), np.zeros(10)] for _ in range(6)]
    with pytest.raises(DataError, match="expected 6 with 2 groups"):
        assemble(results[:5], settings)
    results[3][1] = np.zeros(9)
    with pytest.raises(DataError, match="differ in number"):
        assemble(results, settings)


@pytest.mark.parametrize(
    "wrong", [{"groups": 1}, {"groups": 17}, {"tested": 0}, {"tested": 8}, {"purge": -1}, {"embargo": -1}]
)
def test_impossible_choices_are_refused(wrong):
    with pytest.raises(ConfigError, match="expected"):
        Combinatorial(**wrong)


def test_fewer_bars_than_groups_are_refused():
    with pytest.raises(DataError, match="7 bars for 8 groups"):
        split(7)
