"""Walk forward: choose parameters on the past, meet the future with them, move on; only the future is reported.

Each fold's optimiser, by default a search of the grid, chooses on copies of the bars up to the end of its training. The
chosen strategies then take turns in one session over the test slices, with one account that is handed over, so that the
out-of-sample record is what a person who had re-fitted on those days would have had. Invariants: nothing of a test
slice is read while choosing; every candidate tried is handed to the trial ledger.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tradecore.backtest.run import Settings, Shift, Simulation, simulate_shifts
from tradecore.backtest.training import GridSearch, Make, Optimiser, Training, Tried, copied
from tradecore.core.bars import Bars
from tradecore.core.errors import DataError, UsageError
from tradecore.core.types import Nanoseconds
from tradecore.engine.frame import HistoryFrame
from tradecore.stats.splits import WalkForward, auto, walk_forward

__all__ = [
    "ChosenFold", "Make", "Plan", "Tell", "Tried", "Walk", "choose_next", "shape_of", "shifts_of", "walk",
]  # fmt: skip

_Span = tuple[Nanoseconds, Nanoseconds]
Tell = Callable[[str, int, int], None]
"""Told (what is going on, steps done, steps in all)."""


@dataclass(frozen=True, slots=True)
class ChosenFold:
    """One fold: its spans as open times in UTC ns, ends not included, and the parameters its training slice chose."""

    number: int
    train: tuple[Nanoseconds, Nanoseconds]
    test: tuple[Nanoseconds, Nanoseconds]
    params: Mapping[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class Walk:
    """A finished walk: the folds, the shifts they made, and the out-of-sample record."""

    folds: tuple[ChosenFold, ...]
    shifts: tuple[Shift, ...]
    tried: tuple[Tried, ...]
    simulation: Simulation
    bars: tuple[Bars, ...]
    """The bars up to the end of the last test, as the session saw them."""
    shape: WalkForward
    """The folds' shape in bars, so that a baseline can walk the very same ones."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How to walk. Without a `shape`, half of the bars are tests, in `folds` folds. `grid`: candidates by parameter."""

    folds: int = 6
    shape: WalkForward | None = None
    grid: Mapping[str, Sequence[object]] = field(default_factory=dict)
    is_anchored: bool = False
    """Train from the first bar on, growing, instead of over a window that moves along."""
    optimiser: Optimiser = field(default_factory=GridSearch)
    """Chooses the parameters of each fold."""
    purge: int = 0
    """The least number of bars left out between training and test. An optimiser that goes beyond the grid must say here
    how far the features of its candidates look back."""

    def candidates(self) -> list[dict[str, object]]:
        """Return every combination of the grid, or the defaults alone."""
        return [dict(zip(self.grid, values, strict=True)) for values in itertools.product(*self.grid.values())]


def walk(
    make: Make, bars: Sequence[Bars], settings: Settings, plan: Plan | None = None, *, tell: Tell | None = None
) -> Walk:
    """Walk a strategy forward over the bars of one or several pairs.

    Errors: DataError for too few bars; UsageError when no candidate of the grid can be made.
    """
    plan = plan or Plan()
    candidates = plan.candidates()
    frame = HistoryFrame(bars, {})
    shape = shape_of(make, frame, candidates, plan)
    folds = walk_forward(len(frame.clock), frame.timeframe, shape)
    tell = tell or _silent
    chosen: list[ChosenFold] = []
    tried: list[Tried] = []
    steps = itertools.count(1)
    total = len(folds) * len(candidates)
    for number, fold in enumerate(folds, 1):
        spans = _moments(frame, fold.train), _moments(frame, fold.test)
        one, scored = _choose(
            make, bars, settings, plan, (number, *spans), lambda: tell("training", next(steps), total)
        )
        if plan.shape is None:
            _check_purge(make, one.params, shape)
        tried += scored
        chosen.append(one)
    shifts = shifts_of(make, chosen)
    end = chosen[-1].test[1]
    seen = tuple(one.between(None, end) for one in bars)
    simulation = simulate_shifts(shifts, seen, settings, progress=lambda done, of: tell("testing", done, of))
    return Walk(tuple(chosen), shifts, tuple(tried), simulation, seen, shape)


def choose_next(
    make: Make, bars: Sequence[Bars], settings: Settings, plan: Plan, end: Nanoseconds
) -> tuple[ChosenFold, tuple[Tried, ...]]:
    """Choose once more, on the newest training span that the bars hold, for a test from their end to `end`.

    It is what a person would trade from tomorrow on, and what meets the hold-out. Errors: as `walk`.
    """
    frame = HistoryFrame(bars, {})
    shape = shape_of(make, frame, plan.candidates(), plan)
    border = len(frame.clock) - shape.gap
    train = _moments(frame, slice(0 if shape.is_anchored else max(border - shape.train, 0), border))
    test = int(frame.clock[-1]) + frame.timeframe.ns, end
    folds = (len(frame.clock) - shape.train - shape.gap) // shape.test
    return _choose(make, bars, settings, plan, (folds + 1, train, test), lambda: None)


def shifts_of(make: Make, folds: Sequence[ChosenFold]) -> tuple[Shift, ...]:
    """Return each fold's turn with a strategy made anew; one that has played before may remember it."""
    return tuple(Shift(fold.test[0], make(**fold.params)) for fold in folds)


def shape_of(make: Make, frame: HistoryFrame, candidates: Sequence[Mapping[str, object]], plan: Plan) -> WalkForward:
    """Return the shape of the folds on the common clock, purged by the longest feature look-back of any candidate."""
    look_back = plan.purge
    for params in candidates:
        strategy = make(**params)
        look_back = max([look_back, *(feature.warmup for feature in strategy.features(strategy.p).values())])
    shape = plan.shape or auto(len(frame.clock), frame.timeframe, look_back, plan.folds, is_anchored=plan.is_anchored)
    if shape.step not in (0, shape.test):
        raise UsageError(
            f"walk-forward step {shape.step}: expected 0 or the test length {shape.test}, so that one account can go "
            "through all tests"
        )
    return shape


def _choose(
    make: Make, bars: Sequence[Bars], settings: Settings, plan: Plan, fold: tuple[int, _Span, _Span],
    tick: Callable[[], None],
) -> tuple[ChosenFold, tuple[Tried, ...]]:  # fmt: skip
    """Let the optimiser choose on copies of what lies before the end of training; return the fold and what it tried."""
    number, (start, stop), test = fold
    past = copied(bars, stop)
    if any(not len(one) or int(one.open_time[-1]) < start for one in past):
        raise DataError(f"fold {number}: a pair has no bars in the training span; take pairs that cover the same span")
    training = Training(make, past, settings, start, number, plan.candidates(), tick)
    params = plan.optimiser.choose(training)
    tried = training.tried
    if not tried:
        tried = (Tried(number, params, None, 0),)
        tick()
    return ChosenFold(number, (start, stop), test, params), tried


def _check_purge(make: Make, params: Mapping[str, object], shape: WalkForward) -> None:
    """Raise UsageError when what was chosen looks back further than the folds were purged for."""
    strategy = make(**params)
    needed = max((feature.warmup for feature in strategy.features(strategy.p).values()), default=0)
    if needed > shape.purge:
        raise UsageError(
            f"the optimiser chose {dict(params)}, whose features look back {needed} bars, and the folds are purged by "
            f"{shape.purge}; give the plan purge={needed}"
        )


def _moments(frame: HistoryFrame, span: slice) -> tuple[Nanoseconds, Nanoseconds]:
    """Return a slice of the clock as open times, the end not included."""
    last = int(frame.clock[span.stop - 1]) + frame.timeframe.ns
    return int(frame.clock[span.start]), last


def _silent(what: str, done: int, total: int) -> None:
    """Tell nobody."""
