"""The decision log of a compiled lane: the same log as a session's, written out only where somebody reads it.

The lane keeps one row per signal. Counts and blockers are read from the rows; gate traces, which are many objects, are
made by sending each signal through `risk.chain` again, with the standing the account had. Made by `backtest.lane`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tradecore.backtest.lane_loop import BUY, CLOSE, FIRST_RULE, HOLD, ON_ITS_WAY, SELL
from tradecore.core.orders import Action, Signal
from tradecore.core.ports import Verdict
from tradecore.core.track import Curve
from tradecore.core.types import FloatArray, Pair, RecordArray
from tradecore.engine.decisions import ArrayJournal, Decided, Fault
from tradecore.risk.chain import GateVerdict, Outcome, Proposal, Standing, judge
from tradecore.risk.rules import Limits
from tradecore.strategy.lanes import REASON

_ACTIONS = {BUY: Action.BUY, SELL: Action.SELL, CLOSE: Action.CLOSE}
_WAITING = GateVerdict("shell", "on_its_way", 1.0, 0.0, Outcome.BLOCK, "the same order has not finished yet")


@dataclass(frozen=True, slots=True, eq=False)
class Played:
    """What a lane leaves to its journal: signals (N,) as `lane_loop.SIGNAL`, the curve and closes (T,) they met."""

    pair: Pair
    spans: Sequence[tuple[int, int]]
    """The moments that were decided on, first and one past the last, of each shift."""
    signals: RecordArray
    curve: Curve
    close: FloatArray
    limits: Limits


class LaneJournal(ArrayJournal):
    """An `ArrayJournal` whose arrays and signals are made when they are first read."""

    def __init__(self, played: Played) -> None:
        self._played = played
        self._place = {played.pair: 0}
        self.texts: list[str] = ["", REASON]
        self._numbers: dict[str, int] = {"": 0, REASON: 1}
        self.faults: list[Fault] = []

    @cached_property
    def actions(self) -> np.ndarray:  # type: ignore[override]  # an attribute there; made on reading here
        """(1, T): 0 not asked, 1 hold, 2 buy, 3 sell, 4 close."""
        actions = np.zeros((1, len(self._played.close)), np.int8)
        for first, stop in self._played.spans:
            actions[0, first:stop] = HOLD
        actions[0, self._played.signals["bar"]] = self._played.signals["action"]
        return actions

    @cached_property
    def reasons(self) -> np.ndarray:  # type: ignore[override]
        """(1, T): index into `texts`; a lane has one reason."""
        return (self.actions > 0).astype(np.int32)

    @cached_property
    def signals(self) -> list[Decided]:  # type: ignore[override]
        """Every signal that was not a HOLD, with its gate trace."""
        played = self._played
        rules, drawdown, equity = played.limits.rules(), _drawdown(played.curve), played.curve.equity
        found = []
        for bar, size, held, left_at, action, outcome in played.signals.tolist():
            signal = Signal(_ACTIONS[action], reason=REASON) if action == CLOSE else Signal(
                _ACTIONS[action], size, reason=REASON
            )  # fmt: skip
            trace: tuple[Verdict, ...] = (_WAITING,)
            if outcome != ON_ITS_WAY:
                worth = float(equity[bar])
                share = held * float(played.close[bar]) / (worth if worth > 0.0 else float("nan"))
                standing = Standing(worth, float(drawdown[bar]), share, share, bar - left_at)
                proposal = Proposal(played.pair, action != BUY, None if action == CLOSE else size)
                trace = judge(rules, proposal, standing).trace
            blocker = "" if trace[-1].passed else trace[-1].rule
            found.append(Decided(bar, played.pair, signal, trace, blocker))
        return found

    def top_blockers(self) -> list[tuple[str, int]]:
        """Return the rules that blocked signals, with how often, most first."""
        names = {ON_ITS_WAY: _WAITING.rule}
        names |= {FIRST_RULE + place: rule.name for place, rule in enumerate(self._played.limits.rules())}
        outcomes = self._played.signals["outcome"]
        return Counter(names[one] for one in outcomes[outcomes >= ON_ITS_WAY].tolist()).most_common()


def _drawdown(curve: Curve) -> FloatArray:
    """Return the fall of time-weighted wealth from its peak after every bar, as the kernel follows it."""
    base = np.concatenate([[curve.start_equity], curve.equity[:-1]]) + curve.flow
    grew = np.divide(curve.equity, base, out=np.ones(len(base)), where=base > 0.0)
    wealth = np.cumprod(grew)
    fallen: FloatArray = 1.0 - wealth / np.maximum.accumulate(np.maximum(wealth, 1.0))
    return fallen
