"""The decision log of a backtest: every decision, HOLD included, recorded into arrays as it is made.

A session of a million bars decides a million times, so a decision costs a few bytes: an action, and the number of its
reason. Signals and gate traces, which are few, are kept whole.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from tradecore.core.orders import Action, Signal
from tradecore.core.ports import Verdict
from tradecore.core.types import Pair

_CODES = {Action.HOLD.value: 1, Action.BUY.value: 2, Action.SELL.value: 3, Action.CLOSE.value: 4}

_Told: TypeAlias = tuple[int, Pair, Signal, tuple[Verdict, ...]]


@dataclass(frozen=True, slots=True)
class Decided:
    """One signal that was not a HOLD, with what the gates said. `blocker` is empty when it went through."""

    index: int
    pair: Pair
    signal: Signal
    trace: tuple[Verdict, ...]
    blocker: str


@dataclass(frozen=True, slots=True)
class Fault:
    """A bar at which the strategy failed to decide."""

    index: int
    name: str
    text: str


class ArrayJournal:
    """Records a session's decisions for P pairs over T moments."""

    def __init__(self, pairs: Sequence[Pair], moments: int) -> None:
        self._place = {pair: p for p, pair in enumerate(pairs)}
        self.actions = np.zeros((len(pairs), moments), np.int8)
        """(P, T): 0 not asked, 1 hold, 2 buy, 3 sell, 4 close."""
        self.reasons = np.zeros((len(pairs), moments), np.int32)
        """(P, T): index into `texts`."""
        self.texts: list[str] = [""]
        self._numbers: dict[str, int] = {"": 0}
        self._rows = list(zip(self.actions, self.reasons, strict=True))
        self._cells = [(actions.data, reasons.data) for actions, reasons in self._rows]
        self._told: list[_Told] = []
        self._signals: list[Decided] = []
        self.faults: list[Fault] = []

    def hold(self, index: int, pair: Pair, reason: str, count: int = 1) -> None:
        """Record that nothing was wanted on `count` bars in a row, and why."""
        place = self._place[pair]
        if count == 1:
            actions, reasons = self._cells[place]  # a single cell is written several times faster this way
            actions[index], reasons[index] = 1, self._number(reason)
        else:
            row, named = self._rows[place]
            row[index : index + count], named[index : index + count] = 1, self._number(reason)

    def decision(self, index: int, pair: Pair, signal: Signal, trace: Sequence[Verdict]) -> None:
        """Record a signal and its gate trace."""
        place = self._place[pair]
        actions, reasons = self._cells[place]
        actions[index], reasons[index] = _CODES[signal.action._value_], self._number(signal.reason)
        self._told.append((index, pair, signal, tuple(trace)))

    @property
    def signals(self) -> list[Decided]:
        """The signals so far that were not a HOLD, each with its gate trace; made when first asked for."""
        for index, pair, signal, trace in self._told[len(self._signals) :]:
            blocker = "" if not trace or trace[-1].passed else trace[-1].rule
            self._signals.append(Decided(index, pair, signal, trace, blocker))
        return self._signals

    def fault(self, index: int, name: str, text: str) -> None:
        """Record that the strategy failed."""
        self.faults.append(Fault(index, name, text))

    def top_blockers(self) -> list[tuple[str, int]]:
        """Return the rules that blocked signals, with how often, most first."""
        return Counter(entry.blocker for entry in self.signals if entry.blocker).most_common()

    def reasons_counted(self) -> list[tuple[str, int]]:
        """Return every reason given, HOLDs included, with how often, most first."""
        asked = self.reasons[self.actions > 0]
        return [(self.texts[number], count) for number, count in Counter(asked.tolist()).most_common()]

    def counts(self) -> dict[str, int]:
        """Return how many bars were decided on, and how many decisions of each kind there were."""
        kinds = {action: int((self.actions == code).sum()) for action, code in _CODES.items()}
        return {"scans": int((self.actions > 0).any(axis=0).sum()), **kinds, "faults": len(self.faults)}

    def _number(self, reason: str) -> int:
        number = self._numbers.get(reason)
        if number is None:
            number = self._numbers[reason] = len(self.texts)
            self.texts.append(reason)
        return number
