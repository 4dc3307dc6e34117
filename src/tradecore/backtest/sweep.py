"""Try thousands of parameter sets on the same bars and keep a few figures and the daily returns of each.

The best of a sweep is no evidence: it was chosen because it looked good. `backtest.selection` says what it is worth.
Strategies with an exposure on one pair are played by the compiled lanes, on threads; all others get a session each, on
processes. Called by `control.sweeps`, the Python API and calibration. Nothing is stored here; a `Store` may keep what
is done. Invariant: the outcome of a parameter set is that of a single backtest of it, whoever played it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from tradecore.backtest.candidates import Accepted, Make, Params, Refused, accepted
from tradecore.backtest.figures import FIGURES, ranked
from tradecore.backtest.lane_sweep import play_lanes, suits
from tradecore.backtest.pool import Played, play_sessions
from tradecore.backtest.processes import cores
from tradecore.backtest.run import Settings
from tradecore.core.bars import Bars
from tradecore.core.errors import UsageError
from tradecore.core.types import DAY_NS, FloatArray, IntArray, RecordArray
from tradecore.engine.frame import HistoryFrame
from tradecore.stats.sample import DAYS_PER_YEAR

KEEP_EVERY_S = 2.0
"""Seconds of work after which what is done is handed to the store; an interruption loses no more."""

TOLD = 200
"""Times that progress is told, at most: telling costs more than playing a fast candidate."""

Tell = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Some candidates' outcomes. Shape: `places` (K,) in the sweep's order, `figures` (K,), `daily` (K, D)."""

    places: IntArray
    figures: RecordArray
    daily: FloatArray


class Store(Protocol):
    """Where a sweep keeps what is done, so that it can go on after an interruption."""

    every_s: float
    """Seconds of work after which what is done is kept."""

    def done(self) -> Part | None:
        """Return what was kept before."""
        ...

    def keep(self, part: Part) -> None:
        """Keep some outcomes; on return they are safe."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Swept:
    """A finished sweep.

    Shape: `figures` (N,) of `FIGURES`; `daily` (N, D) returns per UTC day, per bar where a bar is a day or longer;
    `days` (D,) when each of them begins, UTC ns.
    """

    strategy: str
    candidates: tuple[Params, ...]
    """The parameter sets, (N,): what was varied, with the values the strategy bound."""
    figures: RecordArray
    daily: FloatArray
    days: IntArray
    per_year: float
    """How many such periods a year holds."""
    refused: tuple[Refused, ...] = ()
    is_lane: bool = False
    """Whether the compiled lanes played it."""

    def __len__(self) -> int:
        return len(self.candidates)

    def best(self, count: int = 10, by: str = "sharpe") -> list[int]:
        """Return the places of the best candidates by a figure, best first; those without it are left out."""
        found = ranked(self.figures, by)[:count]
        good = np.isfinite(self.figures[by].astype(np.float64)) & ~self.figures["is_faulty"]
        return [place for place in found if good[place]]

    def row(self, place: int) -> dict[str, Any]:
        """Return one candidate's figures by name; None where one is not defined."""
        values = zip(FIGURES.names or (), self.figures[place].tolist(), strict=True)
        return {name: None if math.isnan(value) else value for name, value in values}


def sweep(
    make: Make, bars: Sequence[Bars], settings: Settings | None = None,
    candidates: Sequence[Params] | Accepted = ({},), *,
    workers: int | None = None, tell: Tell | None = None, store: Store | None = None,
) -> Swept:  # fmt: skip
    """Play every candidate over the bars and return their figures and daily returns.

    `make` makes the strategy from parameter values. `workers` are threads or processes; all processors by default.
    Errors: UsageError when no candidate is accepted or `workers` is below 1; StrategyError, DataError as a backtest.
    """
    settings, tell = settings or Settings(), tell or _silent
    if workers is not None and workers < 1:
        raise UsageError(f"{workers} workers: expected at least 1, or leave it out for all processors")
    taken = candidates if isinstance(candidates, Accepted) else accepted(make, candidates)
    first = make(**taken.candidates[0])
    is_lane = suits(first, bars, settings)
    gathered = _Gathered(len(taken.candidates), store)
    work = [(place, params) for place, params in enumerate(taken.candidates) if not gathered.is_done[place]]
    gathered.add_all(_played(make, bars, settings, work, workers or cores()), tell)
    gathered.flush()
    days, per_year = periods_of(bars)
    return Swept(
        first.name(), taken.candidates, gathered.figures, gathered.daily, days, per_year, taken.refused, is_lane
    )


def periods_of(bars: Sequence[Bars]) -> tuple[IntArray, float]:
    """Return when the periods of daily returns over these bars begin, (D,), and how many a year holds."""
    frame = HistoryFrame(bars, {})
    if frame.timeframe.ns >= DAY_NS:
        return frame.clock, frame.timeframe.per_year
    return np.unique(frame.clock // DAY_NS) * DAY_NS, DAYS_PER_YEAR


def _played(
    make: Make, bars: Sequence[Bars], settings: Settings, work: Sequence[tuple[int, Params]], workers: int
) -> Iterator[Played]:
    if not work:
        return iter(())
    if suits(make(**work[0][1]), bars, settings):
        return play_lanes(make, bars[0], settings, work, workers)
    return play_sessions(make, bars, settings, work, workers)


class _Gathered:
    """The outcomes so far, in the sweep's order, whichever order they come in."""

    def __init__(self, count: int, store: Store | None) -> None:
        self.figures: RecordArray = np.zeros(count, FIGURES)
        self.daily: FloatArray = np.zeros((count, 0))
        self.is_done = np.zeros(count, np.bool_)
        self._store = store
        self._fresh: list[int] = []
        self._kept_at = time.monotonic()
        known = store.done() if store else None
        if known is not None and len(known.places):
            self._room(known.daily.shape[1])
            self.figures[known.places], self.daily[known.places] = known.figures, known.daily
            self.is_done[known.places] = True

    def add_all(self, played: Iterator[Played], tell: Tell) -> None:
        """Take outcomes as they come; what was taken is flushed when the work is broken off, too."""
        total = len(self.figures)
        count = int(self.is_done.sum())
        tell("sweep", count, total)
        try:
            for place, row, daily in played:
                self._room(len(daily))
                self.figures[place], self.daily[place] = row, daily
                self.is_done[place] = True
                self._fresh.append(place)
                count += 1
                if count % max(total // TOLD, 1) == 0 or count == total:
                    tell("sweep", count, total)
                    if self._store is not None and time.monotonic() - self._kept_at >= self._store.every_s:
                        self.flush()
        except KeyboardInterrupt:
            self.flush()
            raise

    def flush(self) -> None:
        """Hand what is new to the store."""
        if self._store is not None and self._fresh:
            places = np.array(self._fresh, np.int64)
            self._store.keep(Part(places, self.figures[places], self.daily[places]))
        self._fresh, self._kept_at = [], time.monotonic()

    def _room(self, days: int) -> None:
        if self.daily.shape[1] != days:
            self.daily = np.zeros((len(self.figures), days))


def _silent(what: str, done: int, total: int) -> None:
    """Tell nobody."""
