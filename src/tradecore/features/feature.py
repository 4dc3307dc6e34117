"""A feature: an indicator with its parameters bound, and optionally one of its outputs. What a strategy asks for.

A value: frozen, hashable, equal to any other with the same label, and readable back from that label. Strategies make
them with the constructors of the catalogue; the shell computes them. Invariant: the batch and the stream run the same
kernel, so they agree bit for bit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from struct import Struct
from typing import Any, Protocol

import numpy as np

from tradecore.core.bars import Bars
from tradecore.core.errors import UsageError
from tradecore.core.types import FloatArray, Nanoseconds, Timeframe
from tradecore.features.spec import Kernel, Number, Params, Spec

_FIELDS = {"open_time": 0, "open": 1, "high": 2, "low": 3, "close": 4, "volume": 5}

_BAR = Struct("=q5d")
"""A bar in memory: one cell of eight bytes per field, in the order of `_FIELDS`."""


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


class Update(Protocol):
    """Takes the next bar and gives the value at its close, or one value per output; NaN during the warm-up."""

    def __call__(
        self, open_time: Nanoseconds, open: float, high: float, low: float, close: float, volume: float, /
    ) -> float | tuple[float, ...]:
        """Take the bar's prices and volume, by place."""


class Stream:
    """A feature that takes one final bar at a time and remembers only what it needs.

    `update` is made for the stream when the stream is made: it fills the kernel's inputs, calls the compiled function
    itself and reads the result, without numba's search for the right one on every bar.
    """

    __slots__ = ("_state", "feature", "update")

    update: Update

    def __init__(self, feature: Feature, timeframe: Timeframe | None) -> None:
        spec = feature.spec
        self.feature = feature
        self._state = spec.new_state(feature.values)
        bar, out = np.empty(len(_FIELDS)), np.empty((len(spec.outputs), 1))
        arguments = (
            *(_cell(bar, name) for name in spec.inputs),
            *spec.arguments(feature.values, timeframe),
            self._state,
            out,
        )
        run = partial(_entry(spec.load(), arguments), *arguments)
        row = spec.outputs.index(feature.output) if feature.output else 0
        if len(feature.outputs) > 1:
            self.update = _several(bar, run, out)
        elif spec.inputs == ("close",):
            self.update = _one_of_close(bar, run, out, row)
        else:
            self.update = _one(bar, run, out, row)

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


def _cell(bar: FloatArray, name: str) -> np.ndarray[Any, Any]:
    """Return a read-only view of a field: bars are read-only, and the kernels are compiled once, for those."""
    at = _FIELDS[name]
    view = bar[at : at + 1].view(np.int64 if name == "open_time" else np.float64)
    view.flags.writeable = False
    return view


def _entry(kernel: Kernel, arguments: tuple[object, ...]) -> Kernel:
    """Return the compiled function for these arguments; the kernel itself where numba is switched off."""
    if not hasattr(kernel, "compile"):
        return kernel
    from numba import typeof

    entry: Kernel = kernel.compile(tuple(map(typeof, arguments)))
    return entry


def _one_of_close(bar: Any, run: Callable[[], None], out: Any, row: int) -> Update:
    """Return the update of the commonest shape: closes in, one value out."""
    cell: Any = memoryview(bar)
    results, place = memoryview(out[:, 0]), _FIELDS["close"]

    def update(
        open_time: Nanoseconds, open: float, high: float, low: float, close: float, volume: float, /
    ) -> float | tuple[float, ...]:
        cell[place] = close
        run()
        return results[row]

    return update


def _one(bar: Any, run: Callable[[], None], out: Any, row: int) -> Update:
    fill, results = partial(_BAR.pack_into, bar, 0), memoryview(out[:, 0])

    def update(
        open_time: Nanoseconds, open: float, high: float, low: float, close: float, volume: float, /
    ) -> float | tuple[float, ...]:
        fill(open_time, open, high, low, close, volume)
        run()
        return results[row]

    return update


def _several(bar: Any, run: Callable[[], None], out: Any) -> Update:
    fill, results = partial(_BAR.pack_into, bar, 0), memoryview(out[:, 0])

    def update(
        open_time: Nanoseconds, open: float, high: float, low: float, close: float, volume: float, /
    ) -> float | tuple[float, ...]:
        fill(open_time, open, high, low, close, volume)
        run()
        return tuple(results)

    return update
