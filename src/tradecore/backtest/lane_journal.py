"""The decision log of a compiled lane: the same log as a session's, written out only where somebody reads it.

The lane keeps one row per signal. Counts and blockers are read from the rows; gate traces, which are many objects, are
made by sending each signal through `risk.chain` again, with the standing the account had. Made by `backtest.lane`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tradecore.backtest.lane_loop import BUY, CLOSE, FIRST_RULE, HOLD, ON_ITS_WAY, SELL
from tradecore.core.orders import Action, Signal
from tradecore.core.ports import Verdict
from tradecore.core.types import Pair, RecordArray
from tradecore.engine.decisions import ArrayJournal, Decided, Fault
from tradecore.risk.chain import GateVerdict, Outcome, Proposal, Standing, judge
from tradecore.risk.rules import Limits
from tradecore.strategy.lanes import REASON

_ACTIONS = {BUY: Action.BUY, SELL: Action.SELL, CLOSE: Action.CLOSE}
_WAITING = GateVerdict("shell", "on_its_way", 1.0, 0.0, Outcome.BLOCK, "the same order has not finished yet")


@dataclass(frozen=True, slots=True, eq=False)
class Played:
    """What a lane leaves to its journal."""

    pairs: tuple[Pair, ...]
    moments: int
    spans: Sequence[tuple[int, int]]
    """The moments that were decided on, first and one past the last, of each shift."""
    signals: RecordArray
    """(N,) with at least bar, pair, action, share and outcome, as in `lane_loop.SIGNAL`."""
    standings: Callable[[], Iterable[Standing]]
    """Says how the account stood at each signal."""
    limits: Limits


class LaneJournal(ArrayJournal):
    """An `ArrayJournal` whose arrays and signals are made when they are first read."""

    def __init__(self, played: Played) -> None:
        self._played = played
        self._place = {pair: p for p, pair in enumerate(played.pairs)}
        self.texts: list[str] = ["", REASON]
        self._numbers: dict[str, int] = {"": 0, REASON: 1}
        self.faults: list[Fault] = []

    @cached_property
    def actions(self) -> np.ndarray:  # type: ignore[override]  # an attribute there; made on reading here
        """(P, T): 0 not asked, 1 hold, 2 buy, 3 sell, 4 close."""
        played = self._played
        actions = np.zeros((len(played.pairs), played.moments), np.int8)
        for first, stop in played.spans:
            actions[:, first:stop] = HOLD
        actions[played.signals["pair"], played.signals["bar"]] = played.signals["action"]
        return actions

    @cached_property
    def reasons(self) -> np.ndarray:  # type: ignore[override]
        """(P, T): index into `texts`; a lane has one reason."""
        return (self.actions > 0).astype(np.int32)

    @cached_property
    def signals(self) -> list[Decided]:
        """Every signal that was not a HOLD, with its gate trace."""
        played, found, rules = self._played, [], self._played.limits.rules()
        columns = (played.signals[name].tolist() for name in ("bar", "pair", "share", "action", "outcome"))
        for bar, p, size, code, outcome, standing in zip(*columns, played.standings(), strict=True):
            pair, action, share = played.pairs[p], _ACTIONS[code], None if code == CLOSE else size
            signal = Signal(action, reason=REASON) if share is None else Signal(action, share, reason=REASON)
            trace: tuple[Verdict, ...] = (_WAITING,)
            if outcome != ON_ITS_WAY:
                trace = judge(rules, Proposal(pair, code != BUY, share), standing).trace
            found.append(Decided(bar, pair, signal, trace, "" if trace[-1].passed else trace[-1].rule))
        return found

    def top_blockers(self) -> list[tuple[str, int]]:
        """Return the rules that blocked signals, with how often, most first."""
        names = {ON_ITS_WAY: _WAITING.rule}
        names |= {FIRST_RULE + place: rule.name for place, rule in enumerate(self._played.limits.rules())}
        outcomes = self._played.signals["outcome"]
        return Counter(names[one] for one in outcomes[outcomes >= ON_ITS_WAY].tolist()).most_common()
