"""Features computed side by side have the bits of those computed alone."""

from __future__ import annotations

import numpy as np

from tradecore.core.types import Pair, Timeframe
from tradecore.features import ema, sma
from tradecore.features.together import WIDTH, groups_of, rows_of
from tradecore.market.synthetic import make

BARS = make("noise", pair=Pair("BTC", "USD"), timeframe=Timeframe.parse("1h"), bars=300, seed=5)
MANY = [*(ema(period) for period in (2, 3, 9, 21, 50, 120, 250, 299, 300, 301, 2000)), sma(5), sma(20)]


def test_side_by_side_every_bit_is_that_of_a_feature_alone() -> None:
    for group in groups_of(MANY):
        for feature, rows in zip(group, rows_of(group, BARS), strict=True):
            np.testing.assert_array_equal(rows, feature.rows(BARS), err_msg=feature.label)
            assert not rows.flags.writeable


def test_every_feature_is_in_one_group_and_groups_are_small() -> None:
    groups = list(groups_of(MANY))
    assert sorted(one.label for group in groups for one in group) == sorted(one.label for one in MANY)
    assert max(map(len, groups)) <= WIDTH
    assert not list(groups_of([]))
