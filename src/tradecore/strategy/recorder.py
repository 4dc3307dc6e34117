"""Write down what a strategy answers, bar by bar, as text that can be compared byte by byte.

`Recorder` stands between a session and a strategy; the session is handed in as a player, because it lives on a higher
floor. Who calls it: `strategy.check`, `strategy.causality`, and the process that decides apart (`control.decide`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any, TypeAlias

import numpy as np

from tradecore.core.bars import Bars
from tradecore.core.orders import Action, Fill, Signal
from tradecore.core.types import FloatArray, Nanoseconds, iso
from tradecore.features.feature import Feature
from tradecore.strategy.contract import Answer, Strategy, export_state
from tradecore.strategy.views import Account, Market


@dataclass(frozen=True, slots=True)
class Faulted:
    """A bar at which the session could not take the strategy's answer, or the strategy raised."""

    time: Nanoseconds
    """Open time of the bar."""
    text: str


Player: TypeAlias = Callable[[Strategy, Sequence[Bars]], Sequence[Faulted]]
"""Plays a strategy through a session over bars and returns the faults: `backtest.replay.play`."""


@dataclass(frozen=True, slots=True)
class Decision:
    """One answer: the whole of it as text, and what it would do (hold and nothing at all are the same)."""

    line: str
    deed: str


@dataclass(frozen=True, slots=True, eq=False)
class Decisions:
    """Every decision of one session, by the open time of its bar, in order."""

    by_time: Mapping[Nanoseconds, Decision]
    faults: tuple[Faulted, ...]
    seconds: FloatArray
    """(N,) what each decision took."""

    @property
    def deeds(self) -> list[Nanoseconds]:
        """The bars at which something was wanted."""
        return [time for time, decision in self.by_time.items() if decision.deed]

    def to_json(self) -> str:
        """Return decisions and faults as text; the same decisions give the same text in any process."""
        rows = [[time, decision.line, decision.deed] for time, decision in self.by_time.items()]
        return json.dumps({"decisions": rows, "faults": [[fault.time, fault.text] for fault in self.faults]})

    @classmethod
    def from_json(cls, text: str) -> Decisions:
        """Read what `to_json` wrote."""
        kept = json.loads(text)
        decisions = {int(time): Decision(line, deed) for time, line, deed in kept["decisions"]}
        return cls(decisions, tuple(Faulted(int(time), what) for time, what in kept["faults"]), np.empty(0))


@dataclass(frozen=True, slots=True)
class Difference:
    """The first bar at which two sessions of one strategy disagree."""

    time: Nanoseconds
    one: str
    other: str

    def __str__(self) -> str:
        return f"at {iso(self.time)}: {self.one} became {self.other}"


def record(strategy: Strategy, bars: Sequence[Bars], play: Player) -> Decisions:
    """Play a strategy and return everything it decided."""
    recorder = Recorder(strategy)
    faults = tuple(play(recorder, bars))
    return Decisions(recorder.decided, faults, np.array(recorder.seconds))


def difference(
    one: Decisions, other: Decisions, *, before: Nanoseconds | None = None, deeds_only: bool = False
) -> Difference | None:
    """Return the first decision in which two records differ, of bars that open before a moment; None if equal."""
    for time in sorted(one.by_time.keys() | other.by_time.keys()):
        if before is not None and time >= before:
            break
        left, right = (_text(record.by_time.get(time), deeds_only) for record in (one, other))
        if left != right:
            return Difference(time, left, right)
    return None


class Wrapper(Strategy):
    """A strategy around another: it is asked in the other's place and passes on what it is told."""

    def __init__(self, inner: Strategy) -> None:
        super().__init__()
        self._inner = inner
        self.pairs = inner.pairs  # type: ignore[misc]  # it stands for the other, instance by instance
        self.timeframe = inner.timeframe  # type: ignore[misc]

    def features(self, p: Any) -> Mapping[str, Feature]:
        """Return the other's features."""
        return self._inner.features(self._inner.p)

    def decide(self, market: Market, account: Account) -> Answer:
        """Let the other decide, with its own randomness."""
        self._inner._seed, self._inner._now = self._seed, self._now
        return self._inner.decide(market, account)

    def on_start(self) -> None:
        """Pass on."""
        self._inner.on_start()

    def on_stop(self) -> None:
        """Pass on."""
        self._inner.on_stop()

    def on_fill(self, fill: Fill) -> None:
        """Pass on."""
        self._inner.on_fill(fill)


class Recorder(Wrapper):
    """Writes down every answer and how long it took."""

    def __init__(self, inner: Strategy) -> None:
        super().__init__(inner)
        self.decided: dict[Nanoseconds, Decision] = {}
        self.seconds: list[float] = []

    def decide(self, market: Market, account: Account) -> Answer:
        """Let the other decide and write it down; what it raises is written down and raised again."""
        started = perf_counter()
        try:
            answer = super().decide(market, account)
        except Exception as error:  # boundary: written down as it was raised, and raised again
            self.decided[self._now] = Decision(f"raised {type(error).__name__}: {error}", "raised")
            raise
        self.seconds.append(perf_counter() - started)
        self.decided[self._now] = Decision(_line(answer, market.pair), _deed(answer, market.pair))
        return answer


class Restarted(Wrapper):
    """Puts a new strategy with the old one's exported state in the old one's place before every decision.

    At the bars in `anew` even the code is new, made by `fresh`: nothing kept outside the state is there any more.
    """

    def __init__(self, inner: Strategy, fresh: Callable[[], Strategy], anew: Iterable[Nanoseconds]) -> None:
        super().__init__(inner)
        self._fresh = fresh
        self._anew = frozenset(anew)

    def decide(self, market: Market, account: Account) -> Answer:
        """Restart, then decide."""
        kept = json.loads(export_state(self._inner))
        self._inner = self._fresh() if self._now in self._anew else copy_of(self._inner)
        self._inner.on_start()
        self._inner.restore(kept)
        return super().decide(market, account)


def copy_of(strategy: Strategy) -> Strategy:
    """Return a new strategy of the same class and parameters that has decided nothing yet."""
    from tradecore.strategy.ensemble import Ensemble

    if isinstance(strategy, Ensemble):
        return strategy.copy_of_members(copy_of)
    return type(strategy)(**strategy.p._asdict())


def _text(decision: Decision | None, deeds_only: bool) -> str:
    if deeds_only:
        return (decision.deed if decision else "") or "hold"
    return decision.line if decision else "not asked"


def _signals(answer: object, pair: str) -> list[tuple[str, object]]:
    if isinstance(answer, Mapping):
        return [(str(name), signal) for name, signal in answer.items()]
    return [] if answer is None else [(pair, answer)]


def _line(answer: object, pair: str) -> str:
    return "; ".join(f"{name} {_described(signal)}" for name, signal in _signals(answer, pair)) or "no answer"


def _described(signal: object) -> str:
    if not isinstance(signal, Signal):
        return type(signal).__name__  # its repr may hold an address, which differs in every process
    action = signal.action.value if isinstance(signal.action, Action) else repr(signal.action)
    given = [
        f"{name}={getattr(signal, name)!r}"
        for name in (
            "size",
            "limit",
            "trigger",
            "stop",
            "target",
            "trail",
            "slippage_tolerance",
            "confidence",
            "regime",
        )
        if repr(getattr(signal, name)) != _PLAIN[name]
    ]
    return " ".join([action, *given, f"({signal.reason})"])


def _deed(answer: object, pair: str) -> str:
    deeds = []
    for name, signal in _signals(answer, pair):
        if isinstance(signal, Signal) and signal.action is not Action.HOLD:
            size = "" if signal.action is Action.CLOSE else f" {_size(signal.size)}"
            deeds.append(f"{name} {signal.action.value}{size}")
    return "; ".join(deeds)


def _size(size: object) -> str:
    return f"{size:.9g}" if isinstance(size, int | float) else repr(size)


_PLAIN: Mapping[str, str] = {
    name: repr(getattr(Signal(Action.HOLD), name))
    for name in ("size", "limit", "trigger", "stop", "target", "trail", "slippage_tolerance", "confidence", "regime")
}
