"""Windows are exact copies of the table's rows up to now, and nothing outside the table is ever read."""

from __future__ import annotations

import numpy as np
import pytest

from tradecore.core.errors import UsageError
from tradecore.features.window import gather, table_of


def test_a_window_holds_the_rows_up_to_now_and_none_after():
    rng = np.random.default_rng(3)
    table = rng.standard_normal((3, 50, 7)).astype(np.float32)
    pair, bar = rng.integers(0, 3, 200), rng.integers(7, 50, 200)
    out = gather(table, pair, bar, np.zeros((200, 8, 7), np.float32))
    expected = np.stack([table[p, t - 7 : t + 1] for p, t in zip(pair, bar, strict=True)])
    assert out.tobytes() == expected.tobytes()


@pytest.mark.parametrize(("pair", "bar"), [(0, 6), (0, 50), (3, 20), (-1, 20)])
def test_a_window_that_does_not_lie_in_the_table_is_refused(pair: int, bar: int):
    table, out = np.zeros((3, 50, 2), np.float32), np.zeros((1, 8, 2), np.float32)
    with pytest.raises(UsageError, match=f"window of 8 bars up to bar {bar} of pair {pair}"):
        gather(table, np.array([pair]), np.array([bar]), out)


def test_shapes_that_do_not_fit_are_refused():
    table, one = np.zeros((1, 50, 2), np.float32), np.array([0])
    for out in (np.zeros((1, 8, 3), np.float32), np.zeros((2, 8, 2), np.float32), np.zeros((1, 8, 2))):
        with pytest.raises(UsageError, match="do not fit a table"):
            gather(table, one, one + 20, out)
    with pytest.raises(UsageError, match="C-contiguous"):
        gather(np.asfortranarray(np.zeros((2, 50, 2), np.float32)), one, one + 20, np.zeros((1, 8, 2), np.float32))


def test_a_table_holds_each_pairs_columns_and_nothing_after_its_last_bar():
    table = table_of([{"a": np.arange(3.0), "b": np.ones(3)}, {"a": np.arange(2.0) + 5.0, "b": np.zeros(2)}])
    assert table.dtype == np.float32
    assert table[0].tolist() == [[0.0, 1.0], [1.0, 1.0], [2.0, 1.0]]
    assert table[1, :2].tolist() == [[5.0, 0.0], [6.0, 0.0]]
    assert np.isnan(table[1, 2]).all()


def test_tables_of_unlike_pairs_or_of_nothing_are_refused():
    with pytest.raises(UsageError, match="different columns; all must have a"):
        table_of([{"a": np.ones(2)}, {"b": np.ones(2)}])
    for nothing in ([], [{}]):
        with pytest.raises(UsageError, match="at least one pair with one feature"):
            table_of(nothing)
