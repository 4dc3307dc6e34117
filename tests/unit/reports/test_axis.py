"""The axes: dates that are round and few, whatever the span."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradecore.core.types import DAY_NS, HOUR_NS, MINUTE_NS, parse_time
from tradecore.reports import axis, canvas


def labels(start: str, length: int, paper: canvas.Paper = canvas.WIDE) -> list[str]:
    with canvas.style():
        _, (axes,) = canvas.sheet(paper.width, 200)
        first = parse_time(start)
        axis.date_axis(axes, paper, first, first + length)
    return [label.get_text() for label in axes.get_xticklabels()]


@pytest.mark.parametrize(
    ("start", "length", "expected"),
    [
        ("2017-01-01", 730 * DAY_NS, ["2017", "Apr", "Jul", "Oct", "2018", "Apr", "Jul", "Oct", "2019"]),
        ("2017-12-30", 4 * DAY_NS, ["30 Dec", "12:00", "31 Dec", "12:00", "1 Jan", "12:00", "2 Jan", "12:00", "3 Jan"]),
        ("2017-03-01T05:00", 3 * HOUR_NS, ["05:00", "05:30", "06:00", "06:30", "07:00", "07:30", "08:00"]),
        (
            "2017-03-01",
            10 * 365 * DAY_NS,
            ["2018", "2019", "2020", "2021", "2022", "2023", "2024", "2025", "2026", "2027"],
        ),
        ("2018-01-20", 30 * DAY_NS, ["21 Jan", "25 Jan", "29 Jan", "2 Feb", "6 Feb", "10 Feb", "14 Feb", "18 Feb"]),
    ],
)
def test_dates_are_round_and_as_short_as_they_can_be(start: str, length: int, expected: list[str]) -> None:
    assert labels(start, length) == expected


@given(minutes=st.integers(1, 60 * 24 * 365 * 30), offset=st.integers(0, 10**6), narrow=st.booleans())
def test_no_span_has_too_many_dates_or_a_warning(minutes: int, offset: int, narrow: bool) -> None:
    start = parse_time("2011-05-03") + offset * MINUTE_NS
    limit = 5 if narrow else 10
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ticks, _ = axis._ticks(start, start + minutes * MINUTE_NS, limit)
    assert 1 <= len(ticks) <= limit
    assert all(start <= tick <= start + minutes * MINUTE_NS for tick in ticks)
    if minutes >= 60:
        assert len(ticks) >= 2


def test_columns_of_one_look_are_one_shape_and_none_is_nothing() -> None:
    figure, (axes,) = canvas.sheet(300, 200)
    axis.columns(axes, np.array([1.0, 2.0]), 0.5, 0.0, np.array([3.0, 4.0]), color="#1d5fd1")
    axis.columns(axes, np.empty(0), 0.5, 0.0, np.empty(0), color="#1d5fd1")
    (patch,) = axes.patches
    assert patch.get_path().to_polygons()[1].tolist() == [
        [1.75, 0.0],
        [2.25, 0.0],
        [2.25, 4.0],
        [1.75, 4.0],
        [1.75, 0.0],
    ]
    assert canvas.png(figure)


def test_strokes_are_one_line_with_a_gap_after_each() -> None:
    _, (axes,) = canvas.sheet(300, 200)
    axis.strokes(axes, np.array([[0.0, 1.0], [2.0, 3.0]]), np.array([[1.0, 1.0], [3.0, 4.0]]))
    (line,) = axes.lines
    assert np.isnan(line.get_xydata()[[2, 5]]).all()
    assert line.get_xydata()[[0, 1, 3, 4]].tolist() == [[0.0, 1.0], [1.0, 1.0], [2.0, 3.0], [3.0, 4.0]]
