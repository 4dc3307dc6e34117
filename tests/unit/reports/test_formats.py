"""How numbers are written for a person."""

from __future__ import annotations

import doctest
from collections.abc import Callable

import pytest

from tradecore.core.types import DAY_NS, HOUR_NS
from tradecore.reports import axis, formats
from tradecore.reports.catalogue import words
from tradecore.stats.metrics import METRICS


def test_the_examples_in_the_docstrings_hold() -> None:
    for module in (formats, axis):
        result = doctest.testmod(module)
        assert result.attempted
        assert not result.failed


@pytest.mark.parametrize("kind", formats.KINDS)
def test_what_is_not_defined_is_a_dash_in_every_kind(kind: str) -> None:
    assert formats.value_text(None, kind) == "–"


def test_what_rounds_to_zero_has_no_sign() -> None:
    assert formats.percent(-0.000001, signed=True) == "0.00 %"
    assert formats.money(-1e-12) == "0.00"


def test_float_dust_is_not_written_out() -> None:
    assert formats.money(1.2e-10, "USD") == "0.00 USD"


def test_a_small_ratio_keeps_four_decimals_and_no_more() -> None:
    assert formats.ratio(-0.00042) == "−0.0004"
    assert formats.ratio(0.0349) == "0.0349"
    assert formats.ratio(-0.02) == "−0.02"
    assert formats.ratio(2.57e-7) == "0.00"


@pytest.mark.parametrize(
    ("value", "expected"),
    [(HOUR_NS * 36.5, "1 d 12 h"), (DAY_NS * 400.0, "400 d"), (-HOUR_NS * 2.0, "−2 h"), (0.0, "0 s")],
)
def test_a_duration_shows_its_two_largest_units(value: float, expected: str) -> None:
    assert formats.duration(value) == expected


def test_a_whole_number_is_written_without_decimals() -> None:
    assert formats.value_text(90) == "90"
    assert formats.value_text(True) == "yes"
    assert formats.value_text(2.5, "count") == "2.5"


def test_every_metric_of_stats_has_a_kind_that_is_known() -> None:
    assert {words(metric.name).kind for metric in METRICS} <= set(formats.KINDS)


def test_a_foreign_metric_is_shown_by_its_name_and_the_kind_the_caller_gives() -> None:
    assert words("my_own_share", {"my_own_share": "percent"}).kind == "percent"
    assert words("my_own_share").label == "My own share"
    assert words("my_own_share").kind == "ratio"


@pytest.mark.parametrize(
    "write", [formats.percent, formats.ratio, formats.money, formats.price, formats.count, formats.duration]
)
def test_each_writer_shows_none_as_a_dash(write: Callable[[None], str]) -> None:
    assert write(None) == formats.NOTHING


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0, "0"), (64_321.5, "64,321.5"), (0.000012345, "0.000012345"), (250_000.0, "250,000"), (0.1, "0.1")],
)
def test_a_price_shows_the_digits_that_matter(value: float, expected: str) -> None:
    assert formats.price(value) == expected


@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [("ema", "ratio", "ema"), (3, "days", "3 d"), (12.5, "bps", "12.50 bp"), (2.0, "per_year", "2.00 a year")],
)
def test_a_value_is_written_as_its_kind_says(value: object, kind: str, expected: str) -> None:
    assert formats.value_text(value, kind) == expected


@pytest.mark.parametrize(("value", "expected"), [(2_500_000_000, "2.5B"), (999, "999"), (0, "0"), (-12_340, "−12.3k")])
def test_an_axis_shows_amounts_in_few_signs(value: float, expected: str) -> None:
    assert axis.compact(value) == expected
