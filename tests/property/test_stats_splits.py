"""What holds for every walk-forward: tests disjoint and in order, training before its test, the gap between."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradecore.core.errors import DataError
from tradecore.core.types import Timeframe
from tradecore.stats.cpcv import Combinatorial, assemble, split
from tradecore.stats.splits import WalkForward, auto, walk_forward

LENGTH = st.integers(1, 60)
GAP = st.integers(0, 30)


@st.composite
def shapes(draw):
    test = draw(LENGTH)
    step = draw(st.one_of(st.just(0), st.integers(test, test + 40)))
    return WalkForward(draw(LENGTH), test, step, draw(GAP), draw(GAP), draw(st.booleans()))


def check(folds, n_bars, settings):
    assert len(folds) >= 3
    assert folds[-1].test.stop == n_bars
    for fold in folds:
        assert 0 <= fold.train.start < fold.train.stop
        assert fold.test.start - fold.train.stop == settings.gap
        assert fold.test.stop - fold.test.start == settings.test
        trained = fold.train.stop - fold.train.start
        assert trained >= settings.train if settings.is_anchored else trained == settings.train
    for before, after in pairwise(folds):
        assert before.test.stop <= after.test.start
        assert before.train.stop < after.train.stop


@given(shapes(), st.integers(1, 2000))
def test_folds_keep_their_promises_or_are_refused_for_want_of_bars(settings, n_bars):
    if n_bars < settings.bars_needed():
        with pytest.raises(DataError, match=f"needs {settings.bars_needed()} bars"):
            walk_forward(n_bars, Timeframe.parse("1h"), settings)
        return
    check(walk_forward(n_bars, Timeframe.parse("1h"), settings), n_bars, settings)


@given(shapes())
def test_the_bars_named_as_needed_are_exactly_enough(settings):
    needed = settings.bars_needed()
    assert len(walk_forward(needed, Timeframe.parse("1h"), settings)) == 3
    with pytest.raises(DataError):
        walk_forward(needed - 1, Timeframe.parse("1h"), settings)


@given(
    st.one_of(st.integers(1, 3_000), st.integers(1, 200_000)),
    st.sampled_from(["1m", "15m", "1h", "4h", "1d", "1w"]),
    st.integers(0, 3000),
    st.integers(3, 12),
    st.booleans(),
)
def test_automatic_shapes_always_fit_and_use_up_to_the_wanted_folds(n_bars, timeframe, purge, folds, is_anchored):
    frame = Timeframe.parse(timeframe)
    try:
        settings = auto(n_bars, frame, purge, folds, is_anchored=is_anchored)
    except DataError as refused:
        needed = int(str(refused).split("needs ")[1].split(" bars")[0])
        assert needed > n_bars
        assert len(walk_forward(needed, frame, auto(needed, frame, purge, folds))) == 3
        with pytest.raises(DataError):
            auto(needed - 1, frame, purge, folds)
        return
    found = walk_forward(n_bars, frame, settings)
    check(found, n_bars, settings)
    assert len(found) <= folds
    assert settings.purge == purge


@given(st.integers(20, 200), st.integers(2, 9), st.integers(0, 20), st.integers(0, 20), st.data())
def test_combinatorial_training_keeps_its_distance_from_every_tested_bar(n_bars, groups, purge, embargo, data):
    settings = Combinatorial(groups, data.draw(st.integers(1, groups - 1)), purge, embargo)
    tested = np.zeros(n_bars, np.int64)
    found = split(n_bars, settings)
    assert len(found) == settings.splits
    for one in found:
        test, train = (
            np.concatenate([np.arange(n_bars)[part] for part in parts] or [[]]) for parts in (one.test, one.train)
        )
        tested[test.astype(int)] += 1
        away = np.abs(np.arange(n_bars)[:, np.newaxis] - test).min(axis=1)
        assert train.tolist() == np.flatnonzero(away > purge + embargo).tolist()
    assert set(tested) == {settings.paths}


@given(st.integers(2, 9), st.data())
def test_every_path_tests_each_group_once_and_every_test_lies_in_one_path(groups, data):
    settings = Combinatorial(groups, data.draw(st.integers(1, groups - 1)))
    results = [
        [np.array([number, group]) for group in one.tested] for number, one in enumerate(split(groups, settings))
    ]
    paths = assemble(results, settings)
    assert len(paths) == settings.paths
    used = [(number, group) for path in paths for number, group in path.reshape(-1, 2).tolist()]
    assert all(path.reshape(-1, 2)[:, 1].tolist() == list(range(groups)) for path in paths)
    assert sorted(used) == sorted(
        (number, group) for number, one in enumerate(split(groups, settings)) for group in one.tested
    )
