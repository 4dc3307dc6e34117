"""Bars: the one form in which prices travel. An immutable struct of arrays that has already been checked.

A bar is labelled by its open time and covers `[open_time, open_time + timeframe)`. Minutes in which nothing traded have
no bar; where a reader asked for them to be filled, `is_real` is False and nothing ever fills there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from tradecore.core.errors import DataError
from tradecore.core.types import BoolArray, FloatArray, IntArray, Nanoseconds, Pair, Timeframe, iso

PRICES = ("open", "high", "low", "close")
_ALL_REAL: BoolArray = np.ones(0, np.bool_)
"""Stands for a mask that was not given."""


@dataclass(frozen=True, slots=True, eq=False)
class Bars:
    """A run of final bars of one pair and timeframe, oldest first.

    Shape:  every array (T,); times int64 UTC nanoseconds on the timeframe's grid, strictly rising; prices and volume
            float64, prices > 0 in quote currency, volume >= 0 in base.
    Errors: DataError naming the first offending bar.
    """

    pair: Pair
    timeframe: Timeframe
    open_time: IntArray
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray
    source: str
    """Where the bars came from, as the manifest names it; synthetic sources start with `synthetic`."""
    dataset: str = ""
    """The manifest's hash; empty for bars that were never stored."""
    is_real: BoolArray = field(default_factory=lambda: _ALL_REAL)
    """(T,) False where a gap was filled on read."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "open_time", _frozen(self.open_time, np.int64))
        for name in (*PRICES, "volume"):
            object.__setattr__(self, name, _frozen(getattr(self, name), np.float64))
        real = np.ones(len(self.open_time), np.bool_) if self.is_real is _ALL_REAL else self.is_real
        object.__setattr__(self, "is_real", _frozen(real, np.bool_))
        _check(self)

    def __len__(self) -> int:
        return len(self.open_time)

    def __iter__(self) -> Iterator[None]:
        raise TypeError("Bars are arrays, not rows: use bars.close, or bars[a:b] for a span")

    def __getitem__(self, span: slice) -> Bars:
        """Return the bars of a span of indices as views; the checks are not run again."""
        if not isinstance(span, slice) or span.step not in (None, 1):
            raise TypeError("Bars take a slice of consecutive bars, as in bars[100:200]")
        part = object.__new__(Bars)
        for name in ("pair", "timeframe", "source", "dataset"):
            object.__setattr__(part, name, getattr(self, name))
        for name in ("open_time", *PRICES, "volume", "is_real"):
            object.__setattr__(part, name, getattr(self, name)[span])
        return part

    @property
    def is_synthetic(self) -> bool:
        """Whether these bars were made rather than traded."""
        return self.source.startswith("synthetic")

    @property
    def end_time(self) -> Nanoseconds:
        """The moment the last bar became final, in UTC nanoseconds."""
        return int(self.open_time[-1]) + self.timeframe.ns

    def between(self, start: Nanoseconds | None = None, end: Nanoseconds | None = None) -> Bars:
        """Return the bars with start <= open_time < end."""
        first = 0 if start is None else int(np.searchsorted(self.open_time, start))
        last = len(self) if end is None else int(np.searchsorted(self.open_time, end))
        return self[first:last]

    def content_hash(self) -> str:
        """Return the sha256 of pair, timeframe and every value: the same bars have the same hash wherever they lie."""
        digest = hashlib.sha256(f"{self.pair} {self.timeframe} {len(self)}\n".encode())
        for name in ("open_time", *PRICES, "volume", "is_real"):
            digest.update(np.ascontiguousarray(getattr(self, name)).tobytes())
        return digest.hexdigest()

    def with_dataset(self, dataset: str) -> Bars:
        """Return the same bars named by a dataset hash."""
        return replace(self, dataset=dataset)

    def __repr__(self) -> str:
        if not len(self):
            return f"Bars({self.pair} {self.timeframe}, empty)"
        span = f"{iso(int(self.open_time[0]))} .. {iso(int(self.open_time[-1]))}"
        return f"Bars({self.pair} {self.timeframe}, {len(self):,} bars, {span}, source {self.source})"


def _frozen(values: object, dtype: type[np.generic]) -> Any:
    array = np.ascontiguousarray(values, dtype=dtype)
    if array.flags.writeable:
        array = array.view()
        array.flags.writeable = False
    return array


def _check(bars: Bars) -> None:
    """Raise DataError for the first bar that breaks the type's promise."""
    count = len(bars.open_time)
    for name in (*PRICES, "volume", "is_real"):
        if getattr(bars, name).shape != (count,):
            raise DataError(
                f"{bars.pair} {bars.timeframe}: {name} has shape {getattr(bars, name).shape}, expected ({count},)"
            )
    if not count:
        return
    stack = np.stack([getattr(bars, name) for name in PRICES])
    _refuse(bars, ~np.isfinite(stack).all(axis=0) | ~np.isfinite(bars.volume), "a value is not finite")
    _refuse(bars, (stack <= 0).any(axis=0), "a price is not above zero")
    _refuse(bars, bars.volume < 0, "volume is negative")
    _refuse(bars, bars.high < stack.max(axis=0), "high is below open, low or close")
    _refuse(bars, bars.low > stack.min(axis=0), "low is above open, high or close")
    _refuse(bars, bars.open_time % bars.timeframe.ns != 0, f"open time is not on the {bars.timeframe} grid")
    _refuse(bars, np.diff(bars.open_time, prepend=bars.open_time[0] - 1) <= 0, "open time does not rise")


def _refuse(bars: Bars, wrong: Any, what: str) -> None:
    if wrong.any():
        first = int(np.argmax(wrong))
        raise DataError(
            f"{bars.pair} {bars.timeframe}: {what} in bar {first} ({iso(int(bars.open_time[first]))}), "
            f"{int(wrong.sum())} bars in all; repair the source or run: tradecore data verify"
        )
