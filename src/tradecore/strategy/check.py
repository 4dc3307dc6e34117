"""`strategy check`: does it decide the same twice, without the future, after a restart, in both lanes, fast enough?

Every step either passes or names the first bar at which it does not. It says nothing about profit. The players come
from above (`backtest.replay`, `control.strategies`), since strategies lie below the engine; nothing here does I/O.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np

from tradecore.core.bars import Bars
from tradecore.core.errors import TradecoreError
from tradecore.core.seeds import generator
from tradecore.core.types import Nanoseconds, iso
from tradecore.features.compute import warmup
from tradecore.strategy.causality import bar_at, cut_places, first_changed_by_cuts
from tradecore.strategy.contract import Strategy
from tradecore.strategy.declared import problems
from tradecore.strategy.lanes import Lane, remembers
from tradecore.strategy.recorder import Decisions, Player, Restarted, copy_of, difference, record

SMOKE_BARS = 50
STEPS = ("contract", "smoke", "determinism", "truncation", "restart", "both lanes", "speed")
_RESTARTS = 10
"""Bars before which the code is executed anew; between them a new instance takes over before every bar."""


class Outcome(StrEnum):
    """What a step found."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the check. `bar` and `time` name the first bar that offends, where it is one."""

    name: str
    outcome: Outcome
    text: str
    bar: int | None = None
    time: Nanoseconds | None = None


@dataclass(frozen=True, slots=True)
class Budget:
    """What a decision may take."""

    mean_ms: float = 10.0
    """Milliseconds on average: a year of hours in a minute and a half."""
    p99_ms: float = 100.0
    """Milliseconds in 99 of 100 decisions."""


@dataclass(frozen=True, slots=True)
class Players:
    """The sessions that the check plays in."""

    play: Player
    play_blind: Player
    """Hides every bar until it is final."""
    apart: Callable[[], Sequence[Decisions]] | None = None
    """Plays in processes of their own, with other hash seeds and clocks; None where the code is in no file."""


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What was found, step by step."""

    strategy: str
    data: str
    """The bars it was checked on, in words."""
    steps: tuple[Step, ...]
    notes: tuple[str, ...] = ()
    """What is allowed but worth knowing."""

    @property
    def passed(self) -> bool:
        """Whether no step failed."""
        return all(step.outcome is not Outcome.FAILED for step in self.steps)

    @property
    def first_failure(self) -> Step | None:
        """The first step that failed."""
        return next((step for step in self.steps if step.outcome is Outcome.FAILED), None)

    @property
    def verdict(self) -> str:
        """One plain sentence."""
        failure = self.first_failure
        if failure is not None:
            where = "" if failure.bar is None else f" First offending bar: {failure.bar} ({iso(failure.time or 0)})."
            return f"{self.strategy} fails {failure.name}: {failure.text}.{where}"
        skipped = [f"{step.name} ({step.text})" for step in self.steps if step.outcome is Outcome.SKIPPED]
        rest = f" Not judged: {'; '.join(skipped)}." if skipped else ""
        return f"{self.strategy} keeps the contract on {self.data}.{rest} This says nothing about profit."


@dataclass(slots=True)
class _Bench:
    """What the steps share."""

    fresh: Callable[[], Strategy]
    anew: Callable[[], Strategy]
    bars: Sequence[Bars]
    players: Players
    budget: Budget
    whole: Decisions = field(default_factory=lambda: Decisions({}, (), np.empty(0)))

    def record(self, strategy: Strategy) -> Decisions:
        return record(strategy, self.bars, self.players.play)

    def failed(self, name: str, text: str, time: Nanoseconds) -> Step:
        return Step(name, Outcome.FAILED, text, bar_at(self.bars[0].open_time, time), time)


def check(
    strategy: Strategy, bars: Sequence[Bars], players: Players, *,
    anew: Callable[[], Strategy] | None = None, budget: Budget | None = None, told: Callable[[str], None] | None = None,
) -> CheckReport:  # fmt: skip
    """Take a strategy through every step.

    `anew` makes it from code that is executed again; `told` hears the name of each step as it begins. A step that makes
    the later ones meaningless (contract, smoke, determinism) leaves them skipped.
    """
    bench = _Bench(lambda: copy_of(strategy), anew or (lambda: copy_of(strategy)), bars, players, budget or Budget())
    runs = (_contract, _smoke, _determinism, _truncation, _restart, _lanes, _speed)
    steps: list[Step] = []
    halted = ""
    for name, run in zip(STEPS, runs, strict=True):
        if halted and not (name == "speed" and halted == "determinism"):
            steps.append(Step(name, Outcome.SKIPPED, f"it failed {halted}"))
            continue
        if told is not None:
            told(name)
        steps.append(run(bench))
        if steps[-1].outcome is Outcome.FAILED and name in STEPS[:3]:
            halted = name
    data = " and ".join(f"{len(one):,} {one.timeframe} bars of {one.pair} ({one.source})" for one in bars)
    return CheckReport(strategy.name(), data, tuple(steps), _notes(bench))


def _contract(bench: _Bench) -> Step:
    try:
        strategy = bench.fresh()
    except Exception as error:  # boundary: __init__ is the user's code
        return Step("contract", Outcome.FAILED, f"__init__ raised {type(error).__name__}: {error}")
    found = problems(strategy, [str(one.pair) for one in bench.bars])
    if found:
        return Step("contract", Outcome.FAILED, "; ".join(found))
    return Step("contract", Outcome.PASSED, "parameters, features, pairs and methods are as declared")


def _smoke(bench: _Bench) -> Step:
    """Play the first bars, then all; a strategy that is far too slow is stopped after the first."""
    strategy = bench.fresh()
    first = warmup(strategy.features(strategy.p)) + SMOKE_BARS
    short = [one[:first] for one in bench.bars]
    if min(len(one) for one in bench.bars) < first:
        need = f"{first - SMOKE_BARS} to warm up and {SMOKE_BARS} to decide on"
        return Step(
            "smoke", Outcome.FAILED, f"too few bars: it needs {need}, and there are {min(map(len, bench.bars))}"
        )
    smoke = record(strategy, short, bench.players.play)
    if not smoke.faults:
        mean_ms = 1e3 * float(smoke.seconds.mean()) if len(smoke.seconds) else 0.0
        if mean_ms > bench.budget.mean_ms:
            text = f"{mean_ms:,.1f} ms per decision over {SMOKE_BARS} bars; allowed are {bench.budget.mean_ms:g} ms"
            return Step("smoke", Outcome.FAILED, f"too slow: {text}")
        bench.whole = smoke = bench.record(bench.fresh())
    if smoke.faults:
        fault = smoke.faults[0]
        return bench.failed("smoke", f"{len(smoke.faults)} faults, the first in {fault.text}", fault.time)
    count, deeds = len(smoke.by_time), len(smoke.deeds)
    return Step(
        "smoke", Outcome.PASSED, f"{SMOKE_BARS} bars, then all: {count:,} decisions, {deeds:,} signals, no fault"
    )


def _determinism(bench: _Bench) -> Step:
    again = difference(bench.whole, bench.record(bench.fresh()))
    if again is not None:
        text = f"a second run decided otherwise; state belongs on self, chance comes from self.rng: {again}"
        return bench.failed("determinism", text, again.time)
    if bench.players.apart is None:
        return Step(
            "determinism", Outcome.PASSED, "two runs in one process are equal; save it in a file for the full test"
        )
    others = bench.players.apart()
    for other in others:
        changed = difference(bench.whole, other)
        if changed is not None:
            text = f"another process (other hash seed and clock) decided otherwise: {changed}"
            return bench.failed("determinism", text, changed.time)
    if {other.to_json() for other in others} != {bench.whole.to_json()}:
        return Step("determinism", Outcome.FAILED, "processes recorded different faults")
    return Step("determinism", Outcome.PASSED, f"two runs here and {len(others)} processes apart: equal to the byte")


def _truncation(bench: _Bench) -> Step:
    blind = difference(bench.whole, record(bench.fresh(), bench.bars, bench.players.play_blind))
    if blind is not None:
        text = f"it looks ahead: with every bar hidden until it is final, {blind}"
        return bench.failed("truncation", text, blind.time)
    cuts = cut_places(bench.whole, generator(0, "check", "cuts"))
    changed = first_changed_by_cuts(bench.fresh, bench.bars, bench.players.play, bench.whole, cuts)
    if changed is not None:
        return bench.failed("truncation", f"it looks ahead: {changed}", changed.difference.time)
    return Step(
        "truncation", Outcome.PASSED, f"equal with the bars cut at {len(cuts)} places, and with the future hidden"
    )


def _restart(bench: _Bench) -> Step:
    times = list(bench.whole.by_time)
    picked = generator(0, "check", "restart").permutation(len(times))[:_RESTARTS]
    restarted = Restarted(bench.fresh(), bench.anew, [times[int(i)] for i in picked])
    other = bench.record(restarted)
    changed = difference(bench.whole, other)
    if changed is None:
        return Step(
            "restart", Outcome.PASSED, f"equal with a restart before every bar, {len(picked)} of them with new code"
        )
    told = next((fault.text for fault in other.faults if fault.time == changed.time), "")
    text = told or f"what state() returns does not bring it back: {changed}"
    return bench.failed("restart", text, changed.time)


def _lanes(bench: _Bench) -> Step:
    strategy = bench.fresh()
    if strategy.exposure is None:
        return Step("both lanes", Outcome.SKIPPED, "it has no exposure(features)")
    if len(bench.bars) > 1:
        return Step("both lanes", Outcome.SKIPPED, "the compiled lane is for one pair")
    try:
        lane = bench.record(Lane(strategy, bench.bars[0]))
    except TradecoreError as error:
        return Step("both lanes", Outcome.FAILED, str(error))
    except Exception as error:  # boundary: exposure is the user's code
        return Step("both lanes", Outcome.FAILED, f"exposure raised {type(error).__name__}: {error}")
    changed = difference(bench.whole, lane, deeds_only=True)
    if changed is not None:
        text = f"decide wants {changed.one}, exposure wants {changed.other}"
        return bench.failed("both lanes", text, changed.time)
    if not strategy.is_latched and remembers(strategy, bench.bars[0]):
        text = (
            "exposure depends on bars long past; write is_latched = True into the class, so that decide is asked where "
        )
        return Step("both lanes", Outcome.FAILED, text + "a test begins in the middle of history")
    return Step("both lanes", Outcome.PASSED, f"decide and exposure want the same on all {len(lane.by_time):,} bars")


def _speed(bench: _Bench) -> Step:
    took = 1e3 * bench.whole.seconds
    if not len(took):
        return Step("speed", Outcome.SKIPPED, "it was never asked")
    mean, p99 = float(took.mean()), float(np.percentile(took, 99))
    text = f"{mean:.3f} ms per decision on average, {p99:.3f} ms in 99 of 100"
    allowed = f"allowed are {bench.budget.mean_ms:g} and {bench.budget.p99_ms:g} ms"
    if mean > bench.budget.mean_ms or p99 > bench.budget.p99_ms:
        return Step("speed", Outcome.FAILED, f"too slow: {text}; {allowed}")
    return Step("speed", Outcome.PASSED, text)


def _notes(bench: _Bench) -> tuple[str, ...]:
    notes = []
    decisions = bench.whole.by_time
    if decisions and not bench.whole.deeds:
        notes.append("It never wanted anything on these bars, so little was tested; check it on bars it trades on.")
    silent = sum(decision.line == "no answer" or decision.line.endswith("()") for decision in decisions.values())
    if silent:
        notes.append(f"{silent:,} of {len(decisions):,} answers have no reason; with one, the decision log says why.")
    return tuple(notes)
