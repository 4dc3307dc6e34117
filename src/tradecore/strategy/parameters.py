"""Typed parameters: a default and a range each. The command line, the sweep and the optimiser are driven by them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from tradecore.core.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Int:
    """A whole number between low and high, both included."""

    default: int
    low: int
    high: int

    def bind(self, name: str, value: object) -> int:
        """Return the value as an int. Errors: ConfigError when it is not whole or out of range."""
        number = _number(name, value)
        if number != int(number) or not self.low <= number <= self.high:
            raise ConfigError(f"parameter {name} is {value!r}, expected a whole number from {self.low} to {self.high}")
        return int(number)


@dataclass(frozen=True, slots=True)
class Float:
    """A number between low and high, both included."""

    default: float
    low: float
    high: float

    def bind(self, name: str, value: object) -> float:
        """Return the value as a float. Errors: ConfigError when it is no finite number or out of range."""
        number = _number(name, value)
        if not self.low <= number <= self.high:
            raise ConfigError(f"parameter {name} is {value!r}, expected a number from {self.low} to {self.high}")
        return number


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few words."""

    default: str
    options: tuple[str, ...]

    def bind(self, name: str, value: object) -> str:
        """Return the value. Errors: ConfigError when it is not one of the options."""
        if value not in self.options:
            raise ConfigError(f"parameter {name} is {value!r}, expected one of {', '.join(self.options)}")
        return str(value)


Parameter: TypeAlias = Int | Float | Choice


def bind(declared: Mapping[str, Parameter], given: Mapping[str, object]) -> dict[str, Any]:
    """Return every declared parameter with its given or default value.

    Errors: ConfigError for a name that was not declared, or a value out of range.
    """
    unknown = sorted(set(given) - set(declared))
    if unknown:
        known = ", ".join(declared) or "none"
        raise ConfigError(f"unknown parameter {', '.join(unknown)}; this strategy has: {known}")
    return {name: kind.bind(name, given.get(name, kind.default)) for name, kind in declared.items()}


def _number(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ConfigError(f"parameter {name} is {value!r}, expected a number")
    try:
        number = float(value)
    except ValueError:
        raise ConfigError(f"parameter {name} is {value!r}, expected a number") from None
    if not math.isfinite(number):
        raise ConfigError(f"parameter {name} is {value!r}, expected a finite number")
    return number
