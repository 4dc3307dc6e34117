"""Arithmetic of covered spans: runs of times, and the statement of what each stretch of a dataset is known to hold.

A run `(first, last)` is inclusive at both ends and lies on the grid of its step. The manifest, the writer and the
quality report call it. Invariant: every function returns runs that are sorted, disjoint and as few as possible.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from tradecore.core.errors import DataError
from tradecore.core.types import BoolArray, IntArray, Nanoseconds, iso

Run: TypeAlias = tuple[Nanoseconds, Nanoseconds]
"""The first and the last time of a stretch, both inclusive."""


@dataclass(frozen=True, slots=True)
class Slice:
    """A stretch of one dataset that came from one source, and how much of it is known.

    For bars the equation holds: rows + empty + missing = bars of the timeframe in the span. `empty` bars had no trade,
    as the source proves; `missing` ones are unknown. `absent` says which of the two an absent bar is in this source,
    and `exceptions` lists the runs for which it is the other. Slices of trades have no empty and no missing part.
    """

    start: Nanoseconds
    end: Nanoseconds
    source: str
    rows: int
    empty: int = 0
    missing: int = 0
    absent: str = "empty"
    exceptions: tuple[Run, ...] = ()

    @property
    def span(self) -> Run:
        """The stretch as a run."""
        return self.start, self.end

    def check(self, name: str, step: Nanoseconds) -> None:
        """Raise DataError where the coverage equation does not hold; a step of 0, for trades, checks the order only."""
        where = f"{name}: slice {iso(self.start)} .. {iso(self.end)} from {self.source}"
        if self.end < self.start:
            raise DataError(f"{where}: ends before it starts; expected start <= end; import the source again")
        if not step:
            return
        if self.start % step or self.end % step:
            raise DataError(f"{where}: bounds are off the grid; expected open times; import the source again")
        held = (self.end - self.start) // step + 1
        if min(self.rows, self.empty, self.missing) < 0 or self.rows + self.empty + self.missing != held:
            unit = "minutes" if step == 60_000_000_000 else "bars"
            raise DataError(
                f"{where}: {self.rows:,} bars + {self.empty:,} empty + {self.missing:,} missing = "
                f"{self.rows + self.empty + self.missing:,}, but the span holds {held:,} {unit}; "
                "slices overlap or rows were counted twice; import the sources again into an empty lake"
            )
        listed = count(self.exceptions, step)
        stated = self.missing if self.absent == "empty" else self.empty
        if listed != stated:
            raise DataError(
                f"{where}: {listed:,} exceptions are listed, but {stated:,} are counted; import the source again"
            )


def union(runs: Iterable[Run], step: Nanoseconds = 1) -> tuple[Run, ...]:
    """Return the runs with those that touch or overlap made one."""
    merged: list[Run] = []
    for first, last in sorted(runs):
        if merged and first <= merged[-1][1] + step:
            merged[-1] = (merged[-1][0], max(merged[-1][1], last))
        else:
            merged.append((first, last))
    return tuple(merged)


def subtract(runs: Iterable[Run], cut: Iterable[Run], step: Nanoseconds = 1) -> tuple[Run, ...]:
    """Return what is left of the runs outside every run of `cut`."""
    cuts = union(cut, step)
    left: list[Run] = []
    at = 0
    for first, last in union(runs, step):
        start = first
        while at < len(cuts) and cuts[at][1] < first:
            at += 1
        here = at
        while here < len(cuts) and cuts[here][0] <= last:
            if cuts[here][0] > start:
                left.append((start, cuts[here][0] - step))
            start = cuts[here][1] + step
            here += 1
        if start <= last:
            left.append((start, last))
    return tuple(left)


def intersect(runs: Iterable[Run], others: Iterable[Run], step: Nanoseconds = 1) -> tuple[Run, ...]:
    """Return the times that lie in both."""
    mine = union(runs, step)
    return subtract(mine, subtract(mine, others, step), step)


def count(runs: Iterable[Run], step: Nanoseconds) -> int:
    """Return how many grid times the disjoint runs hold."""
    return sum((last - first) // step + 1 for first, last in runs)


def runs_of(times: IntArray, step: Nanoseconds) -> tuple[Run, ...]:
    """Return the runs of a rising array of grid times."""
    if not len(times):
        return ()
    breaks = np.flatnonzero(np.diff(times) != step)
    firsts = times[np.concatenate(([0], breaks + 1))]
    lasts = times[np.concatenate((breaks, [len(times) - 1]))]
    return tuple(zip(firsts.tolist(), lasts.tolist(), strict=True))


def inside(times: IntArray, runs: Iterable[Run]) -> BoolArray:
    """Return, for a rising array of times, which of them lie in one of the runs."""
    mask = np.zeros(len(times), np.bool_)
    for first, last in runs:
        mask[np.searchsorted(times, first) : np.searchsorted(times, last, side="right")] = True
    return mask


def absent_runs(times: IntArray, span: Run, step: Nanoseconds) -> tuple[Run, ...]:
    """Return the runs of a span in which a rising array of grid times has nothing."""
    return subtract([span], runs_of(times, step), step)
