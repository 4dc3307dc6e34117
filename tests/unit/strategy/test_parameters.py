"""Parameters are typed and bounded, whether they come from code, the command line or an optimiser."""

from __future__ import annotations

import pytest

from tradecore.core.errors import ConfigError
from tradecore.strategy.parameters import Choice, Float, Int, Parameter, bind

DECLARED: dict[str, Parameter] = {
    "fast": Int(9, 2, 50),
    "stop": Float(0.03, 0.002, 0.5),
    "side": Choice("long", ("long", "short")),
}


def test_what_is_not_given_has_its_default_in_the_declared_order() -> None:
    assert bind(DECLARED, {"stop": 0.1}) == {"fast": 9, "stop": 0.1, "side": "long"}
    assert list(bind(DECLARED, {"side": "short", "fast": 3})) == ["fast", "stop", "side"]


@pytest.mark.parametrize(("given", "bound"), [("12", 12), (12.0, 12), ("12.0", 12), (2, 2), (50, 50)])
def test_whole_numbers_are_taken_as_text_and_float_too(given: object, bound: int) -> None:
    value = bind(DECLARED, {"fast": given})["fast"]
    assert (value, type(value)) == (bound, int)


@pytest.mark.parametrize(("given", "bound"), [("0.05", 0.05), (0.5, 0.5), (0.002, 0.002)])
def test_numbers_are_taken_as_text_too(given: object, bound: float) -> None:
    value = bind(DECLARED, {"stop": given})["stop"]
    assert (value, type(value)) == (bound, float)


@pytest.mark.parametrize("given", [1, 51, 9.5, "9.5", "nine", "", None, True, "nan", "inf", [9]])
def test_what_is_no_whole_number_of_the_range_is_refused(given: object) -> None:
    with pytest.raises(ConfigError, match=r"parameter fast is .*, expected a"):
        bind(DECLARED, {"fast": given})


@pytest.mark.parametrize("given", [0.001, 0.6, "wide", False, float("nan"), float("-inf")])
def test_what_is_no_number_of_the_range_is_refused(given: object) -> None:
    with pytest.raises(ConfigError, match=r"parameter stop is .*, expected a"):
        bind(DECLARED, {"stop": given})


@pytest.mark.parametrize("kind", [Int(1, 0, 3), Float(1.0, 0.0, 3.0)])
def test_yes_and_no_are_no_numbers(kind: Parameter) -> None:
    with pytest.raises(ConfigError, match="parameter n is True, expected a number"):
        bind({"n": kind}, {"n": True})


def test_the_range_is_told_with_the_refusal() -> None:
    with pytest.raises(ConfigError, match="expected a whole number from 2 to 50"):
        bind(DECLARED, {"fast": 99})
    with pytest.raises(ConfigError, match=r"expected a number from 0\.002 to 0\.5"):
        bind(DECLARED, {"stop": 0.9})


@pytest.mark.parametrize("given", ["both", 1, None])
def test_a_word_that_is_no_option_is_refused(given: object) -> None:
    with pytest.raises(ConfigError, match="expected one of long, short"):
        bind(DECLARED, {"side": given})


def test_a_name_that_was_not_declared_is_refused_with_those_that_were() -> None:
    with pytest.raises(ConfigError, match="unknown parameter slow, speed; this strategy has: fast, stop, side"):
        bind(DECLARED, {"speed": 1, "slow": 2})
    with pytest.raises(ConfigError, match="this strategy has: none"):
        bind({}, {"speed": 1})


def test_a_default_out_of_its_range_is_refused_when_it_is_bound() -> None:
    with pytest.raises(ConfigError, match="parameter n is 1"):
        bind({"n": Int(1, 2, 3)}, {})
