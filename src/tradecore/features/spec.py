"""What an indicator is in words: its parameters, inputs, outputs, warm-up, and the name of its kernel. No arithmetic.

The tables (`trend`, `momentum`, `volatility`, `volume`, `regime`) are made of these; the catalogue, the command line,
the panel and the generated reference read nothing else. Invariant: importing this loads no numba, so that listing the
catalogue is quick; the kernel is imported when an indicator is first computed.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from numbers import Integral, Real
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

import numpy as np

from tradecore.core.bars import Bars
from tradecore.core.errors import ConfigError, UsageError
from tradecore.core.types import FloatArray, Timeframe

Number: TypeAlias = int | float
Params: TypeAlias = Mapping[str, Any]
Kernel: TypeAlias = Callable[..., None]

HEAD = 16
"""Scalars at the start of every kernel's state, before its rings: counters, sums, previous values."""

LONGEST = 10_000
"""The longest window in bars: a week of minutes, forty years of days."""


@dataclass(frozen=True, slots=True)
class Param:
    """One typed parameter of an indicator, with the range in which it means something."""

    name: str
    kind: Literal["int", "float"]
    default: Number
    low: Number
    high: Number
    unit: str
    text: str

    def bind(self, owner: str, value: object) -> Number:
        """Return the value in this parameter's type. Errors: ConfigError naming parameter, range and what was given."""
        wanted: type[Any] = Integral if self.kind == "int" else Real
        word = "a whole number" if self.kind == "int" else "a number"
        bad = isinstance(value, bool | np.bool_) or not isinstance(value, wanted)
        if bad or not math.isfinite(value) or not self.low <= value <= self.high:  # type: ignore[arg-type, operator]
            raise ConfigError(
                f"{owner}: parameter {self.name} is {value!r}; expected {word} from {self.low:g} to {self.high:g}"
                + (f" ({self.unit})" if self.unit else "")
            )
        return int(value) if self.kind == "int" else float(value)  # type: ignore[call-overload, arg-type]


@dataclass(frozen=True, slots=True, eq=False)
class Spec:
    """One indicator of the catalogue."""

    name: str
    label: str
    text: str
    group: str
    params: tuple[Param, ...]
    inputs: tuple[str, ...]
    """Fields of Bars that the kernel reads, in its order."""
    outputs: tuple[str, ...]
    kernel: str | Kernel
    """`module.function` under `features.kernels`, or the function itself."""
    warmup: Callable[[Params], int]
    """Bars at the start that have no value yet."""
    rings: Callable[[Params], int]
    """Floats of window memory that the kernel keeps behind the scalars of its state."""
    constants: tuple[Number, ...] = ()
    """Fixed arguments after the parameters: which member of a family of indicators the kernel computes."""
    annualised: bool = False
    """Whether the kernel needs the number of bars in a year."""
    rule: Callable[[Params], str] | None = None
    """What is wrong with a combination of parameters, or an empty string."""
    source: str = ""
    unit: str = ""

    def bind(self, args: tuple[object, ...], named: Mapping[str, object]) -> tuple[Number, ...]:
        """Return a valid value per parameter. Errors: UsageError for too many or unknown, ConfigError for bad ones."""
        if len(args) > len(self.params):
            raise UsageError(
                f"{self.name}: {len(args)} parameters given, expected at most {len(self.params)}: {self.usage}"
            )
        given: dict[str, object] = dict(zip((param.name for param in self.params), args, strict=False))
        known = [param.name for param in self.params]
        for name, value in named.items():
            if name not in known or name in given:
                raise UsageError(
                    f"{self.name}: parameter {name} is {'given twice' if name in given else 'unknown'}: {self.usage}"
                )
            given[name] = value
        values = tuple(param.bind(self.name, given.get(param.name, param.default)) for param in self.params)
        wrong = self.rule(self.mapping(values)) if self.rule else ""
        if wrong:
            raise ConfigError(f"{self.name}: {wrong}")
        return values

    def mapping(self, values: tuple[Number, ...]) -> Params:
        """Return bound values by parameter name."""
        return MappingProxyType(dict(zip((param.name for param in self.params), values, strict=True)))

    @property
    def usage(self) -> str:
        """How the indicator is called, with its defaults: `ema(period=20)`."""
        return f"{self.name}({', '.join(f'{param.name}={param.default:g}' for param in self.params)})"

    def f(self, bars: Bars, **params: object) -> FloatArray:
        """Compute the indicator over bars. Shape: (T,) for one output, (T, K) for K. Errors: as `bind`."""
        rows = self.rows(bars, self.bind((), params))
        return rows[0] if len(self.outputs) == 1 else rows.T

    def rows(self, bars: Bars, values: tuple[Number, ...]) -> FloatArray:
        """Compute every output over bars, one contiguous read-only row each. Shape: (K, T)."""
        out = np.empty((len(self.outputs), len(bars)))
        inputs = [getattr(bars, name) for name in self.inputs]
        self.load()(*inputs, *self.arguments(values, bars.timeframe), self.new_state(values), out)
        out.flags.writeable = False
        return out

    def new_state(self, values: tuple[Number, ...]) -> FloatArray:
        """Return the state of a kernel that has seen no bar."""
        return np.zeros(HEAD + self.rings(self.mapping(values)))

    def arguments(self, values: tuple[Number, ...], timeframe: Timeframe | None) -> tuple[Number, ...]:
        """Return the kernel's scalar arguments. Errors: UsageError when it needs a timeframe and there is none."""
        if not self.annualised:
            return (*values, *self.constants)
        if timeframe is None:
            raise UsageError(f"{self.name}: annualising needs the timeframe of the bars; call stream(timeframe)")
        return (*values, *self.constants, timeframe.per_year)

    def load(self) -> Kernel:
        """Return the compiled kernel; the first call in a process imports numba."""
        if not isinstance(self.kernel, str):
            return self.kernel
        module, _, function = self.kernel.partition(".")
        kernel: Kernel = getattr(importlib.import_module(f"tradecore.features.kernels.{module}"), function)
        return kernel


def bars(name: str, default: int, low: int, text: str) -> Param:
    """Return a parameter that counts bars, at most LONGEST of them."""
    return Param(name, "int", default, low, LONGEST, "bars", text)


def rate(name: str, default: float, low: float, high: float, text: str, unit: str = "") -> Param:
    """Return a parameter that is a real number."""
    return Param(name, "float", default, low, high, unit, text)
