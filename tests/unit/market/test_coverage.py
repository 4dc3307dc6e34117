"""Runs of times, and the equation that a slice must keep."""

from __future__ import annotations

import numpy as np
import pytest

from tradecore.core.errors import DataError
from tradecore.core.types import MINUTE_NS, parse_time
from tradecore.market import coverage
from tradecore.market.coverage import Slice


def test_runs_that_touch_or_overlap_become_one() -> None:
    assert coverage.union([(5, 9), (0, 4), (20, 30), (8, 12)]) == ((0, 12), (20, 30))
    assert coverage.union([(0, 60), (120, 180)], 60) == ((0, 180),)


def test_subtracting_leaves_what_lies_outside() -> None:
    assert coverage.subtract([(0, 100)], [(10, 20), (50, 200)]) == ((0, 9), (21, 49))
    assert coverage.subtract([(0, 5), (10, 15)], [(3, 12)]) == ((0, 2), (13, 15))
    assert coverage.subtract([(0, 5)], [(0, 5)]) == ()
    assert coverage.intersect([(0, 10), (20, 30)], [(5, 25)]) == ((5, 10), (20, 25))


def test_times_are_grouped_into_runs_and_back() -> None:
    times = np.array([0, 60, 120, 300, 360], np.int64)
    assert coverage.runs_of(times, 60) == ((0, 120), (300, 360))
    assert coverage.absent_runs(times, (0, 420), 60) == ((180, 240), (420, 420))
    assert coverage.count(coverage.runs_of(times, 60), 60) == 5
    assert coverage.inside(times, [(60, 300)]).tolist() == [False, True, True, True, False]
    assert coverage.runs_of(times[:0], 60) == ()


def test_a_claim_of_more_bars_than_minutes_is_refused() -> None:
    # A published data set claims 1,091,587 one-minute bars in a span of 984,049 minutes.
    claim = Slice(
        parse_time("2023-12-31T23:00:00Z"), parse_time("2025-11-14T07:48:00Z"), "kraken-ohlcvt", rows=1_091_587
    )
    with pytest.raises(DataError, match=r"1,091,587.*the span holds 984,049 minutes.*counted twice"):
        claim.check("kraken/BTC-USD/1m", MINUTE_NS)


@pytest.mark.parametrize(
    "broken",
    [
        Slice(0, 9 * MINUTE_NS, "a", rows=9),
        Slice(0, 9 * MINUTE_NS, "a", rows=12, empty=-2),
        Slice(0, 9 * MINUTE_NS, "a", rows=9, missing=1),
        Slice(0, 9 * MINUTE_NS + 1, "a", rows=10),
        Slice(9 * MINUTE_NS, 0, "a", rows=0),
        Slice(0, 9 * MINUTE_NS, "a", rows=9, empty=1, absent="missing"),
    ],
)
def test_a_slice_that_does_not_add_up_is_refused(broken: Slice) -> None:
    with pytest.raises(DataError, match="x: slice"):
        broken.check("x", MINUTE_NS)
