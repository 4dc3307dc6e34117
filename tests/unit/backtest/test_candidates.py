"""Which parameter sets a sweep tries: grids, ranges, random draws, and those the strategy refuses."""

from __future__ import annotations

import numpy as np
import pytest

from tradecore.backtest.candidates import accepted, combinations, drawn, drawn_from, named, values_of
from tradecore.core.errors import StrategyError, UsageError
from tradecore.strategy.contract import Strategy
from tradecore.strategy.parameters import Choice, Float, Int


class Ordered(Strategy):
    """Refuses a fast side that is not below the slow one."""

    params = {"fast": Int(5, 2, 50), "slow": Int(20, 3, 200)}  # noqa: RUF012

    def __init__(self, **given: object) -> None:
        super().__init__(**given)
        if self.p.fast >= self.p.slow:
            raise StrategyError(f"fast {self.p.fast} is not below slow {self.p.slow}")


def rng() -> np.random.Generator:
    return np.random.default_rng(3)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("5", ("5",)),
        ("5,10,5", ("5", "10")),
        ("5:50:15", ("5", "20", "35", "50")),
        ("5:22:5", ("5", "10", "15", "20")),
        ("0.1:0.5:0.1", ("0.1", "0.2", "0.3", "0.4", "0.5")),
        ("-1:1:1", ("-1", "0", "1")),
        ("2,10:30:10", ("2", "10", "20", "30")),
        ("100:300:100", ("100", "200", "300")),
        ("vote,veto", ("vote", "veto")),
    ],
)
def test_lists_and_ranges_are_read_with_both_ends(text: str, values: tuple[str, ...]) -> None:
    assert values_of("x", text) == values


@pytest.mark.parametrize(
    "text", ["", "5,,6", "5:1:1", "1:5:0", "1:5:-1", "1:5", "1:5:1:1", "a:b:c", "1:inf:1", "0:9e9:1"]
)
def test_a_range_that_cannot_be_meant_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UsageError, match="expected"):
        values_of("x", text)


def test_every_combination_is_made_the_last_parameter_fastest() -> None:
    found = combinations({"a": (1, 2), "b": ("x", "y")})
    assert [tuple(one.values()) for one in found] == [(1, "x"), (1, "y"), (2, "x"), (2, "y")]


def test_a_grid_too_large_to_be_meant_is_refused_before_it_is_made() -> None:
    with pytest.raises(UsageError, match="--sample"):
        combinations({name: range(1000) for name in "abc"})


def test_a_draw_from_a_grid_has_no_doubles_and_repeats_with_its_seed() -> None:
    grid = {"a": range(100), "b": range(100)}
    first = drawn(grid, 500, rng())
    assert len({tuple(one.values()) for one in first}) == 500
    assert first == drawn(grid, 500, rng())
    assert first != drawn(grid, 500, np.random.default_rng(4))


def test_a_draw_of_all_there_is_gives_all_there_is() -> None:
    grid = {"a": range(4), "b": range(3)}
    assert drawn(grid, 12, rng()) == drawn(grid, 99, rng()) == combinations(grid)


def test_a_draw_from_a_grid_too_large_to_list_works() -> None:
    assert len(drawn({name: range(1000) for name in "abcd"}, 50, rng())) == 50


def test_a_draw_from_declared_ranges_stays_in_them() -> None:
    declared = {"a": Int(5, 2, 9), "b": Float(0.5, 0.1, 0.9), "c": Choice("x", ("x", "y"))}
    found = drawn_from(declared, 200, rng())
    assert len(found) == 200
    assert {one["a"] for one in found} == set(range(2, 10))
    assert all(0.1 <= one["b"] <= 0.9 for one in found)
    assert {one["c"] for one in found} == {"x", "y"}


def test_a_draw_from_few_values_ends() -> None:
    assert len(drawn_from({"a": Int(1, 1, 3)}, 50, rng())) == 3


def test_nothing_declared_is_nothing_to_draw() -> None:
    with pytest.raises(UsageError, match="no parameter to draw"):
        drawn_from({}, 5, rng())


def test_what_the_strategy_refuses_is_kept_aside_with_its_reason() -> None:
    found = accepted(Ordered, combinations({"fast": ("5", "20", "60"), "slow": ("10", "30")}))
    assert [tuple(one.values()) for one in found.candidates] == [(5, 10), (5, 30), (20, 30)]
    assert [named(one.params) for one in found.refused] == ["fast=20 slow=10", "fast=60 slow=10", "fast=60 slow=30"]
    assert "not below slow" in found.refused[0].reason
    assert "from 2 to 50" in found.refused[1].reason


def test_sets_that_mean_the_same_are_one() -> None:
    assert accepted(Ordered, [{"fast": "5"}, {"fast": 5.0}, {"fast": 6}]).candidates == ({"fast": 5}, {"fast": 6})


def test_none_left_is_an_error_with_the_first_reason() -> None:
    with pytest.raises(UsageError, match=r"none of the 2 parameter sets.*fast=30 slow=10: fast 30 is not below"):
        accepted(Ordered, combinations({"fast": (30, 40), "slow": (10,)}))


def test_a_parameter_there_is_not_is_named() -> None:
    with pytest.raises(UsageError, match="unknown parameter fats"):
        accepted(Ordered, [{"fats": 3}])
