"""A feature: an indicator with its parameters bound, and optionally one of its outputs. What a strategy asks for.

A value: frozen, hashable, equal to any other with the same label, and readable back from that label. Strategies make
them with the constructors of the catalogue; the shell computes them. Invariant: the batch and the stream run the same
kernel, so they agree bit for bit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tradecore.core.bars import Bars
from tradecore.core.errors import UsageError
from tradecore.core.types import FloatArray, Nanoseconds, Timeframe
from tradecore.features.spec import Number, Params, Spec

_FIELDS = {"open_time": 0, "open": 1, "high": 2, "low": 3, "close": 4, "volume": 5}


@dataclass(frozen=True, slots=True)
class Feature:
    """An indicator with bound parameters: `ema(9)`, `bollinger(20, 2).upper`."""

    spec: Spec
    values: tuple[Number, ...]
    """One per parameter of the spec, in its order."""
    output: str | None = None
    """The chosen output, or None for all of them."""

    def __getattr__(self, name: str) -> Feature:
        """Choose one output: `macd().hist`. Errors: AttributeError naming the outputs."""
        if name.startswith("_") or name not in self.outputs:
            raise AttributeError(f"{self.label}: no attribute or output {name!r}; outputs: {', '.join(self.outputs)}")
        return self.pick(name)

    def __dir__(self) -> list[str]:
        return [*object.__dir__(self), *self.outputs]

    def __reduce__(self) -> tuple[Any, ...]:
        from tradecore.features.catalogue import parse

        return (parse, (self.label,))

    def __repr__(self) -> str:
        return self.label

    @property
    def params(self) -> Params:
        """The bound values by parameter name, read-only."""
        return self.spec.mapping(self.values)

    @property
    def label(self) -> str:
        """The feature as text, every parameter written out, as `catalogue.parse` reads it: `bollinger(20,2).upper`."""
        inside = ",".join(_plain(value) for value in self.values)
        return f"{self.spec.name}({inside})" + (f".{self.output}" if self.output else "")

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of the columns this feature computes."""
        return self.spec.outputs if self.output is None else (self.output,)

    def pick(self, output: str) -> Feature:
        """Return the feature of one output only. Errors: UsageError naming the outputs."""
        if output not in self.outputs:
            raise UsageError(f"{self.label}: no output {output!r}; its outputs: {', '.join(self.outputs)}")
        return self if len(self.outputs) == 1 else Feature(self.spec, self.values, output)

    @property
    def warmup(self) -> int:
        """How many bars at the start are NaN; every later value is finite."""
        return self.spec.warmup(self.params)

    def columns(self, key: str) -> tuple[str, ...]:
        """Return the column names under a strategy's key: `("fast",)`, or `("bands_upper", "bands_middle", ...)`."""
        return (key,) if len(self.outputs) == 1 else tuple(f"{key}_{output}" for output in self.outputs)

    def rows(self, bars: Bars) -> FloatArray:
        """Compute the feature's columns as contiguous read-only rows. Shape: (K, T)."""
        rows = self.spec.rows(bars, self.values)
        if self.output is None:
            return rows
        at = self.spec.outputs.index(self.output)
        return rows[at : at + 1]

    def compute(self, bars: Bars) -> FloatArray:
        """Compute the feature over bars, read-only. Shape: (T,) for one column, (T, K) for K; NaN for `warmup` bars."""
        rows = self.rows(bars)
        return rows[0] if len(rows) == 1 else rows.T

    def stream(self, timeframe: Timeframe | None = None) -> Stream:
        """Return the feature in its incremental form, before the first bar.

        Errors: UsageError when the indicator is annualised and no timeframe is given.
        """
        return Stream(self, timeframe)


class Stream:
    """A feature that takes one final bar at a time and remembers only what it needs."""

    __slots__ = ("_arguments", "_fields", "_inputs", "_kernel", "_out", "_rows", "_state", "feature")

    def __init__(self, feature: Feature, timeframe: Timeframe | None) -> None:
        spec = feature.spec
        self.feature = feature
        self._kernel = spec.load()
        self._state = spec.new_state(feature.values)
        self._out = np.empty((len(spec.outputs), 1))
        self._rows = tuple(spec.outputs.index(output) for output in feature.outputs)
        self._fields = tuple(_FIELDS[name] for name in spec.inputs)
        self._inputs = tuple(np.empty(1, np.int64 if name == "open_time" else np.float64) for name in spec.inputs)
        self._arguments = (
            *map(_sealed, self._inputs),
            *spec.arguments(feature.values, timeframe),
            self._state,
            self._out,
        )

    def update(
        self, open_time: Nanoseconds, open: float, high: float, low: float, close: float, volume: float
    ) -> float | tuple[float, ...]:
        """Take the next bar and return the value at its close, or one value per output; NaN during the warm-up."""
        bar = (open_time, open, high, low, close, volume)
        for cell, field in zip(self._inputs, self._fields, strict=True):
            cell[0] = bar[field]
        self._kernel(*self._arguments)
        if len(self._rows) == 1:
            return float(self._out[self._rows[0], 0])
        return tuple(float(self._out[row, 0]) for row in self._rows)

    def state(self) -> list[float]:
        """Return everything the stream remembers, as numbers that survive JSON."""
        return [float(value) for value in self._state]

    def restore(self, state: list[float]) -> None:
        """Go on from what `state` returned. Errors: UsageError when it belongs to another feature."""
        if len(state) != len(self._state):
            raise UsageError(
                f"{self.feature.label}: a state of {len(state)} numbers, expected {len(self._state)}; "
                "it belongs to another feature"
            )
        self._state[:] = state


def _plain(value: Number) -> str:
    text = repr(value)
    return text.removesuffix(".0")


def _sealed(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return a read-only view: bars are read-only, and the kernels are compiled once, for those."""
    view = array.view()
    view.flags.writeable = False
    return view
