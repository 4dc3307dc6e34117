"""What an optimiser may know: the bars of one training span, and how a candidate does on them. Nothing later is there.

A fold hands its optimiser a `Training`; the optimiser hands back parameters. The bars in it are copies that end where
training ends, so that no view, base or attribute of anything it is given leads to a test bar or to the hold-out.
Called by `backtest.walk_forward` alone. Invariant: every candidate that was scored is remembered, for the trial ledger.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from tradecore.backtest.run import Settings, simulate
from tradecore.core.bars import PRICES, Bars
from tradecore.core.types import Nanoseconds
from tradecore.stats.inference import sharpe_ratio
from tradecore.stats.sample import daily_returns
from tradecore.strategy.contract import Strategy

Make = Callable[..., Strategy]
"""Makes a strategy from parameter values: a class, or a loader with a name bound to it."""


@dataclass(frozen=True, slots=True)
class Tried:
    """One candidate on one training slice."""

    fold: int
    params: Mapping[str, Any]
    sharpe: float | None
    """Of daily returns, not annualised; None when it never traded."""
    days: int


class Training:
    """The training span of one fold, as an optimiser is given it."""

    __slots__ = ("_make", "_settings", "_start", "_tick", "_tried", "bars", "candidates", "fold")

    def __init__(
        self, make: Make, bars: Sequence[Bars], settings: Settings, start: Nanoseconds, fold: int,
        candidates: Sequence[Mapping[str, object]], tick: Callable[[], None],
    ) -> None:  # fmt: skip
        self.fold = fold
        """The fold's number, from 1."""
        self.candidates = tuple(candidates)
        """Every combination of the grid; the defaults alone where there is no grid."""
        self.bars = tuple(bars)
        """The bars up to the end of training, oldest first; those before its start only warm features up."""
        # Candidates are ranked by returns, from which flows are taken out anyway; one may be dated after training.
        self._make, self._settings, self._start = make, replace(settings, flows={}), start
        self._tick, self._tried = tick, list[Tried]()

    def score(self, params: Mapping[str, object]) -> float | None:
        """Return the Sharpe ratio of the daily returns on the training span, not annualised; None if none is defined.

        Every call is a trial. Errors: those of making the strategy and of playing it.
        """
        track = simulate(self._make(**params), self.bars, self._settings, decide_from=self._start).track
        days = daily_returns(track.curve, track.timeframe)
        tried = Tried(self.fold, dict(params), sharpe_ratio(days.returns), len(days.returns))
        self._tried.append(tried)
        self._tick()
        return tried.sharpe

    @property
    def tried(self) -> tuple[Tried, ...]:
        """What was scored so far."""
        return tuple(self._tried)


class Optimiser(Protocol):
    """Chooses parameters for one fold."""

    def choose(self, training: Training) -> Mapping[str, object]:
        """Return the parameters to meet the future with."""
        ...


@dataclass(frozen=True, slots=True)
class GridSearch:
    """Try every combination and keep the best by Sharpe ratio; without one anywhere, the first, which is the default.

    With a single candidate there is nothing to choose, and the training span stays unread.
    """

    def choose(self, training: Training) -> Mapping[str, object]:
        """Return the best candidate."""
        if len(training.candidates) == 1:
            return training.candidates[0]
        scores = [training.score(params) for params in training.candidates]
        ranks = [-float("inf") if one is None else one for one in scores]
        return training.candidates[ranks.index(max(ranks))]


def copied(bars: Sequence[Bars], end: Nanoseconds | None = None) -> tuple[Bars, ...]:
    """Return the bars that open before `end` as copies: arrays of their own, behind which nothing later lies."""
    return tuple(_copy(one.between(None, end)) for one in bars)


def _copy(part: Bars) -> Bars:
    for name in ("open_time", *PRICES, "volume", "is_real"):
        own = getattr(part, name).copy()
        own.flags.writeable = False
        object.__setattr__(part, name, own)  # `between` made `part` for us; checked bars need no second check
    return part
