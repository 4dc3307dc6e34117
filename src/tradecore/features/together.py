"""Compute many features over the same bars at once, as a sweep does: those of a kind side by side where that is faster.

An exponential mean waits for its own last value; eight of them wait at the same time. Whatever has no such form is
computed one by one. Called by `backtest.lane_sweep`, on threads. Invariant: the bits are those of `Feature.rows`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from tradecore.core.bars import Bars
from tradecore.core.types import FloatArray
from tradecore.features.feature import Feature

WIDTH = 8
"""Features of a kind that are computed side by side."""


def groups_of(features: Sequence[Feature]) -> Iterator[list[Feature]]:
    """Cut features into groups for `rows_of`, each in the order given; all give all their outputs."""
    side_by_side = [one for one in features if one.spec.name == "ema"]
    for at in range(0, len(side_by_side), WIDTH):
        yield side_by_side[at : at + WIDTH]
    for one in features:
        if one.spec.name != "ema":
            yield [one]


def rows_of(group: Sequence[Feature], bars: Bars) -> list[FloatArray]:
    """Return the rows of each feature of a group, (K, T) each, read-only."""
    if len(group) == 1:
        return [group[0].rows(bars)]
    from tradecore.features.kernels.side_by_side import emas

    rows = np.empty((len(group), len(bars)))
    emas(bars.close, np.array([one.values[0] for one in group], np.int64), rows)
    rows.flags.writeable = False
    return [rows[at : at + 1] for at in range(len(group))]
