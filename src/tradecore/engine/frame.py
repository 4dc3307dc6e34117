"""Frames: the bars and features a session reads, on the session's own clock.

`HistoryFrame` computes every feature once for the whole history and then only moves a cursor; features are causal,
which `features.causality` tests, so that this equals computing them bar by bar.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from itertools import pairwise
from typing import Any

import numpy as np

from tradecore.core.bars import Bars
from tradecore.core.errors import DataError, UsageError
from tradecore.core.types import FloatArray, IntArray, Nanoseconds, Pair, Timeframe, iso
from tradecore.features.compute import compute
from tradecore.features.feature import Feature
from tradecore.sim.state import Tape

_MARKET = ("open", "high", "low", "close", "volume", "is_real")
"""The fields of bars that make a tape, in its order."""


class HistoryFrame:
    """Bars of P pairs merged on one clock of T moments, with their features.

    Shape: `clock` (T,) open times in UTC ns; `rows[p]` (T,) the index of pair p's newest bar at each moment, -1
    before its first. Errors: UsageError when there are no pairs or their timeframes differ; DataError when there are
    no bars.
    """

    def __init__(self, bars: Sequence[Bars], features: Mapping[str, Feature]) -> None:
        if not bars:
            raise UsageError("a session needs the bars of at least one pair")
        for one, other in pairwise(bars):
            if one.timeframe != other.timeframe:
                raise UsageError(
                    f"{one.pair} has {one.timeframe} bars, {other.pair} {other.timeframe}: a session has one timeframe"
                )
        if len({one.pair for one in bars}) != len(bars):
            raise UsageError("a pair was given twice: one session has each pair once")
        for one in bars:
            if not len(one):
                raise DataError(
                    f"{one.pair} {one.timeframe}: no bars in the chosen span; see what there is: tradecore data list"
                )
        self.bars = tuple(bars)
        self.pairs: tuple[Pair, ...] = tuple(one.pair for one in bars)
        self.timeframe: Timeframe = bars[0].timeframe
        # Pairs of one market mostly have the same bars; then nothing needs to be merged or looked for.
        self._is_shared = all(np.array_equal(one.open_time, bars[0].open_time) for one in bars[1:])
        times = bars[0].open_time if self._is_shared else np.unique(np.concatenate([one.open_time for one in bars]))
        self.clock: IntArray = times
        self.rows: tuple[IntArray, ...] = (
            (np.arange(len(times)),) * len(bars)
            if self._is_shared
            else tuple(np.searchsorted(one.open_time, times, side="right") - 1 for one in bars)
        )
        self.columns: tuple[dict[str, FloatArray], ...] = tuple(compute(features, one) for one in bars)
        self.warmup = max((feature.warmup for feature in features.values()), default=0)

    @property
    def names(self) -> tuple[str, ...]:
        """The feature columns, in order."""
        return tuple(self.columns[0])

    def first_decision(self) -> int:
        """Return the first moment at which every pair has a bar with all its features, or T when there is none."""
        ready = [np.searchsorted(rows, self.warmup) for rows in self.rows]
        return int(max(ready))

    def starting(self, moment: Nanoseconds) -> HistoryFrame:
        """Return this frame with its clock cut to moments from `moment` on; the bars before warmed the features up."""
        start = int(np.searchsorted(self.clock, moment))
        if start == len(self.clock):
            raise DataError(f"no bars from {iso(moment)} on; the last opens at {iso(int(self.clock[-1]))}")
        part = copy(self)
        part.clock = self.clock[start:]
        part.rows = tuple(rows[start:] for rows in self.rows)
        return part

    def tape(self, flows: Mapping[int, float] | None = None) -> Tape:
        """Return the market as the kernel reads it. `flows` are deposits and withdrawals by moment (open time, ns)."""
        clock, flow = _readonly(self.clock[:]), np.zeros(len(self.clock))  # read-only: one set of types to compile for
        for moment, amount in (flows or {}).items():
            place = int(np.searchsorted(self.clock, moment))
            if place == len(self.clock):
                raise UsageError("a cash flow lies after the last bar; give a moment inside the span")
            flow[place] += amount
        if len(self.bars) == 1:
            one = self.bars[0][len(self.bars[0]) - len(self.clock) :]
            rows = [getattr(one, name).reshape(1, -1) for name in _MARKET]
            return Tape._make([clock, *rows, _readonly(flow)])
        shape = (len(self.bars), len(self.clock))
        merged = {name: np.zeros(shape, np.bool_) if name == "is_real" else np.ones(shape) for name in _MARKET}
        for p, one in enumerate(self.bars):
            part = one.between(int(self.clock[0]))
            places = slice(None) if self._is_shared else np.searchsorted(self.clock, part.open_time)
            for name, target in merged.items():
                target[p, places] = getattr(part, name)
        return Tape._make([clock, *map(_readonly, merged.values()), _readonly(flow)])


def _readonly(array: Any) -> Any:
    array.flags.writeable = False
    return array
