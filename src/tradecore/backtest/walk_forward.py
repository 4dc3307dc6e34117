"""Walk forward: choose parameters on the past, meet the future with them, move on; only the future is reported.

Each fold tries every candidate of a grid on its training slice and keeps the best by Sharpe ratio. The chosen
strategies then take turns in one session over the test slices, with one account that is handed over, so that the
out-of-sample record is what a person who had re-fitted on those days would have had. Invariants: nothing of a test
slice is read while choosing; every candidate tried is handed to the trial ledger.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tradecore.backtest.run import Settings, Shift, Simulation, simulate, simulate_shifts
from tradecore.core.bars import Bars
from tradecore.core.errors import DataError, UsageError
from tradecore.core.types import Nanoseconds
from tradecore.engine.frame import HistoryFrame
from tradecore.stats.inference import sharpe_ratio
from tradecore.stats.sample import daily_returns
from tradecore.stats.splits import Fold, WalkForward, auto, walk_forward
from tradecore.strategy.contract import Strategy

Make = Callable[..., Strategy]
"""Makes a strategy from parameter values: a class, or a loader with a name bound to it."""
Tell = Callable[[str, int, int], None]
"""Told (what is going on, steps done, steps in all)."""


@dataclass(frozen=True, slots=True)
class Tried:
    """One candidate on one training slice."""

    fold: int
    params: Mapping[str, Any]
    sharpe: float | None
    """Of daily returns, not annualised; None when it never traded."""
    days: int


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
    chosen, tried = [], []
    steps = itertools.count(1)
    total = len(folds) * len(candidates)
    for number, fold in enumerate(folds, 1):
        results = list(
            _train(make, bars, frame, settings, candidates, fold, number, lambda: tell("training", next(steps), total))
        )
        tried += results
        chosen.append(_chosen(frame, fold, number, results))
    shifts = shifts_of(make, chosen)
    end = chosen[-1].test[1]
    seen = tuple(one.between(None, end) for one in bars)
    simulation = simulate_shifts(shifts, seen, settings, progress=lambda done, of: tell("testing", done, of))
    return Walk(tuple(chosen), shifts, tuple(tried), simulation, seen, shape)


def shifts_of(make: Make, folds: Sequence[ChosenFold]) -> tuple[Shift, ...]:
    """Return each fold's turn with a strategy made anew; one that has played before may remember it."""
    return tuple(Shift(fold.test[0], make(**fold.params)) for fold in folds)


def shape_of(make: Make, frame: HistoryFrame, candidates: Sequence[Mapping[str, object]], plan: Plan) -> WalkForward:
    """Return the shape of the folds on the common clock, purged by the longest feature look-back of any candidate."""
    look_back = 0
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


def _train(
    make: Make, bars: Sequence[Bars], frame: HistoryFrame, settings: Settings,
    candidates: Sequence[Mapping[str, object]],
    fold: Fold, number: int, tick: Callable[[], None],
) -> Iterator[Tried]:  # fmt: skip
    start, stop = _moments(frame, fold.train)
    # Only what lies before the end of training is handed over: the candidate cannot read on.
    past = [one.between(None, stop) for one in bars]
    if any(not len(one) or int(one.open_time[-1]) < start for one in past):
        raise DataError(f"fold {number}: a pair has no bars in the training span; take pairs that cover the same span")
    dry = replace(settings, flows={})  # candidates are ranked by returns, from which flows are taken out anyway
    for params in candidates:
        strategy = make(**params)
        if len(candidates) == 1:  # nothing to choose: the training slice stays unread
            yield Tried(number, params, None, 0)
        else:
            track = simulate(strategy, past, dry, decide_from=start).track
            days = daily_returns(track.curve, track.timeframe)
            yield Tried(number, params, sharpe_ratio(days.returns), len(days.returns))
        tick()


def _chosen(frame: HistoryFrame, fold: Fold, number: int, results: Sequence[Tried]) -> ChosenFold:
    """Keep the best candidate; without a Sharpe ratio anywhere, the first, which is the default."""
    best = max(results, key=lambda one: -float("inf") if one.sharpe is None else one.sharpe)
    return ChosenFold(number, _moments(frame, fold.train), _moments(frame, fold.test), best.params)


def _moments(frame: HistoryFrame, span: slice) -> tuple[Nanoseconds, Nanoseconds]:
    """Return a slice of the clock as open times, the end not included."""
    last = int(frame.clock[span.stop - 1]) + frame.timeframe.ns
    return int(frame.clock[span.start]), last


def _silent(what: str, done: int, total: int) -> None:
    """Tell nobody."""
