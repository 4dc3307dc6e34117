"""The verb `sweep`: try many parameter sets, count every one as a trial, keep all of it in a run that can go on.

Candidates are played by `backtest.sweep`; here they are counted and kept. Invariants, whenever the process is killed: a
candidate whose outcome is kept is in the trial ledger (it is counted first), each is there once, and a sweep that went
on after an interruption ends with the very figures of one that was not interrupted.
"""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
from filelock import FileLock, Timeout

from tradecore.backtest import candidates as sets
from tradecore.backtest.candidates import Accepted, Make, Params
from tradecore.backtest.evaluate import backtest
from tradecore.backtest.figures import NAMES
from tradecore.backtest.holdout import development
from tradecore.backtest.protocol import Protocol
from tradecore.backtest.result import Result, dataset_of
from tradecore.backtest.run import Settings
from tradecore.backtest.selection import Selection, holding_sharpe, select, trials_of
from tradecore.backtest.sweep import KEEP_EVERY_S, Part, Swept, sweep
from tradecore.control.backtests import Ask, again, inputs_of, read, settings
from tradecore.control.evaluations import EvaluateAsk
from tradecore.control.kernels import prepare
from tradecore.control.lab import Lab, Progress, no_progress
from tradecore.control.sameness import differences
from tradecore.control.sweep_report import luck, sheet_of
from tradecore.core.bars import Bars
from tradecore.core.errors import AccountingError, StateRefusedError, UsageError
from tradecore.core.seeds import generator
from tradecore.registry.record import RunStatus, plain_mapping
from tradecore.registry.runs import Run, RunInputs
from tradecore.reports.save import Saved
from tradecore.reports.sweep_sheet import save
from tradecore.strategy.loading import load

KIND = "sweep"
CHUNKS = "chunks/"
AGREEMENT = 1e-9
"""How far, relative to its size, a figure of the sweep may be from that of the single run that checks it."""


@dataclass(frozen=True, slots=True)
class SweepAsk:
    """What a sweep is asked for: a test's words (`grid` holds the candidates), and how many to draw and to show."""

    ask: Ask
    sample: int | None = None
    """Draw so many at random: from the grid, or from the declared ranges where there is none."""
    best: int = 10
    """Candidates that are measured in full."""
    by: str = "sharpe"
    """The figure that ranks them."""

    def __post_init__(self) -> None:
        if self.by not in NAMES:
            raise UsageError(f"candidates cannot be ranked by {self.by!r}; expected one of {', '.join(NAMES)}")
        if self.sample is not None and self.sample < 1:
            raise UsageError(f"--sample {self.sample}: expected at least 1")
        if not self.ask.grid and self.sample is None:
            raise UsageError(
                "nothing to sweep: name candidates, as in --grid fast=5:50:5, or draw some with --sample 500"
            )
        if fixed := sorted(set(self.ask.grid) & set(self.ask.params)):
            raise UsageError(f"parameter {', '.join(fixed)} is both fixed and in the grid; choose one of the two")

    def words(self) -> dict[str, Any]:
        """Return what was asked, as a run records it."""
        return {**self.ask.words(), "sample": self.sample, "best": self.best, "by": self.by}

    @classmethod
    def from_words(cls, words: Mapping[str, Any]) -> SweepAsk:
        """Return the ask that a run recorded."""
        return cls(Ask.from_words(words), words.get("sample"), words.get("best", 10), words.get("by", "sharpe"))

    def command(self, lab: Lab) -> str:
        """Return the command line that asks for the same again."""
        parts = [f"--sample={self.sample}"] if self.sample is not None else []
        parts += [f"--best={self.best}"] if self.best != 10 else []
        parts += [f"--by={self.by}"] if self.by != "sharpe" else []
        return " ".join([again(lab, self.ask, "sweep"), *map(shlex.quote, parts)])


@dataclass(frozen=True, slots=True, eq=False)
class KeptSweep:
    """A finished sweep, what its best is worth, and where it is kept."""

    asked: SweepAsk
    bars: tuple[Bars, ...]
    swept: Swept
    selection: Selection
    best: tuple[Result, ...]
    """Single runs of the best candidates, best first."""
    run: Run
    report: Saved | None
    command: str
    evaluate: str
    """The command that tests the best one honestly."""
    notices: tuple[str, ...] = field(default=())

    def words(self) -> list[str]:
        """Return what a reader must know before any figure, worst first, one sentence each."""
        return [
            *(f"! {notice}" for notice in self.notices),
            f"{self.swept.strategy}: {len(self.swept):,} parameter sets tried"
            + (f", {len(self.swept.refused):,} refused by the strategy" if self.swept.refused else "")
            + f". This data has now seen {self.selection.trials:,} configurations.",
            *luck(self.selection),
            "The best of a sweep is no evidence of an edge: it was chosen because it looked good on these very bars.",
        ]

    def to_json(self) -> dict[str, Any]:
        """Return the result as strict JSON material: the best in full, the others by their figures."""
        places = self.swept.best(len(self.best), self.asked.by)
        first = self.bars[0]
        return {
            "kind": KIND, "strategy": self.swept.strategy, "pairs": [str(one.pair) for one in self.bars],
            "timeframe": str(first.timeframe), "dataset": dataset_of(self.bars), "notices": list(self.notices),
            "is_synthetic": any(one.is_synthetic for one in self.bars), "candidates": len(self.swept),
            "refused": len(self.swept.refused), "by": self.asked.by, "selection": self.selection.as_dict(),
            "is_lane": self.swept.is_lane, "evaluate": self.evaluate,
            "best": [
                {"params": dict(self.swept.candidates[place]), "metrics": dict(one.metrics)}
                for place, one in zip(places, self.best, strict=True)
            ],
        }  # fmt: skip


def run(
    lab: Lab, asked: SweepAsk, progress: Progress = no_progress, *, resume: str | None = None,
    workers: int | None = None, keep_every_s: float = KEEP_EVERY_S,
) -> KeptSweep:  # fmt: skip
    """Sweep, or go on with a sweep that was interrupted: the one named, else the newest that was asked the very same.

    Errors: StateRefusedError when the run named cannot go on, saying which of data, code or config changed.
    """
    made = _Made.of(lab, asked)
    with _opened(lab, made, resume) as kept:
        prepare(made.make(**made.accepted.candidates[0]), made.bars, progress)
        swept = sweep(
            made.make, made.bars, made.settings, made.accepted, workers=workers, tell=progress,
            store=RunStore(lab, kept, made, keep_every_s),
        )  # fmt: skip
        return _finished(lab, kept, made, swept, progress)


def asked_of(lab: Lab, name: str) -> SweepAsk:
    """Return what the sweep with this run id was asked for. Errors: UsageError for a run of another kind."""
    stored = lab.runs.get(name)
    if stored.record.kind != KIND:
        raise UsageError(
            f"run {stored.id} is a {stored.record.kind}, not a sweep; see: tradecore runs list --kind sweep"
        )
    return SweepAsk.from_words(stored.record.arguments)


def inputs(lab: Lab, asked: SweepAsk) -> RunInputs:
    """Return what the numbers of a sweep depend on besides what was asked."""
    return _Made.of(lab, asked).inputs(lab)


@dataclass(frozen=True, slots=True, eq=False)
class _Made:
    """An ask made concrete: the bars, the settings, what makes the strategy, and its candidates."""

    asked: SweepAsk
    bars: tuple[Bars, ...]
    settings: Settings
    make: Make
    accepted: Accepted

    @classmethod
    def of(cls, lab: Lab, asked: SweepAsk) -> _Made:
        ask = asked.ask
        strategy = load(ask.strategy, **ask.params)
        make = partial(load, ask.strategy, **ask.params)
        locked = Protocol(hold_out=lab.settings.walk_forward.hold_out)
        bars = development(read(lab, ask, strategy), locked)  # a sweep must not see what is kept for the very end
        return cls(asked, bars, settings(lab, ask), make, sets.accepted(make, candidates_of(asked)))

    def inputs(self, lab: Lab) -> RunInputs:
        """Return what the numbers depend on, as a run records it."""
        ask = self.asked.ask
        return inputs_of(lab, load(ask.strategy, **ask.params), self.bars, ask.seed)


def candidates_of(asked: SweepAsk) -> list[Params]:
    """Return the parameter sets that are asked for, before the strategy has had its say."""
    grid = {name: sets.values_of(name, ",".join(values)) for name, values in asked.ask.grid.items()}
    rng = generator(asked.ask.seed, "sweep")
    if asked.sample is None:
        return sets.combinations(grid)
    if grid:
        return sets.drawn(grid, asked.sample, rng)
    declared = load(asked.ask.strategy, **asked.ask.params).params
    free = {name: kind for name, kind in declared.items() if name not in asked.ask.params}
    return sets.drawn_from(free, asked.sample, rng)


class RunStore:
    """Keeps outcomes in a run: first every candidate is counted as a trial, then its figures are written.

    The order matters. Killed between the two, the candidates are played again and the ledger knows that it has them;
    the other way round they would be done and never counted.
    """

    def __init__(self, lab: Lab, kept: Run, made: _Made, every_s: float) -> None:
        self.every_s = every_s
        self._lab, self._run, self._made = lab, kept, made
        self._counted = lab.trials.of_run(kept.id)
        self._number = len(chunk_names(kept))

    def done(self) -> Part | None:
        """Return the outcomes this run has kept so far."""
        return load_parts(self._run)

    def keep(self, part: Part) -> None:
        """Count the candidates, then write their outcomes."""
        made = self._made
        strategies = [made.make(**made.accepted.candidates[place]) for place in part.places.tolist()]
        trials = trials_of(strategies, made.bars, made.settings, part.daily, self._run.id, self._lab.clock.now())
        fresh = (one for one in trials if (one.dataset, one.strategy, one.config) not in self._counted)
        self._lab.trials.record_many(fresh, made.bars)
        self._run.save_array(f"{CHUNKS}{self._number:05}", places=part.places, figures=part.figures, daily=part.daily)
        self._number += 1


def chunk_names(kept: Run) -> list[str]:
    """Return the names of a run's pieces of outcome, in the order they were written."""
    return sorted(name for name in kept.record.artefacts if name.startswith(CHUNKS))


def load_parts(kept: Run) -> Part | None:
    """Return all outcomes that a sweep's run holds, None when it holds none. Errors: as `Run.read`."""
    parts = [kept.load_array(name) for name in chunk_names(kept)]
    if not parts:
        return None
    return Part(*(np.concatenate([one[name] for one in parts]) for name in ("places", "figures", "daily")))


@contextmanager
def _opened(lab: Lab, made: _Made, resume: str | None) -> Iterator[Run]:
    """Give the run to work in: the one to go on with, under its lock, or a new one."""
    inputs = made.inputs(lab)
    found = lab.runs.get(resume) if resume is not None else _interrupted(lab, made, inputs)
    if found is None:
        with lab.runs.start(KIND, made.asked.words(), inputs) as kept:
            yield kept
        return
    if changed := differences(found.record, inputs):
        raise StateRefusedError(
            f"run {found.id} cannot go on: {'; '.join(changed)}. Undo that, or begin a new sweep without --resume"
        )
    with _locked(found), lab.runs.resume(lab.runs.get(found.id)) as kept:
        yield kept


def _interrupted(lab: Lab, made: _Made, inputs: RunInputs) -> Run | None:
    """Return the newest sweep that was asked the very same on the same data, code and settings, and did not end."""
    words = plain_mapping(made.asked.words(), "arguments")
    for one in lab.runs.list():
        record = one.record
        if record is None or record.kind != KIND or record.arguments != words:
            continue
        if one.status is RunStatus.INTERRUPTED and not differences(record, inputs):
            return lab.runs.get(one.id)
    return None


@contextmanager
def _locked(kept: Run) -> Iterator[None]:
    lock = FileLock(kept.path / "sweep.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise StateRefusedError(f"run {kept.id}: another process goes on with it; wait until it is done") from None
    try:
        yield
    finally:
        lock.release()


def _finished(lab: Lab, kept: Run, made: _Made, swept: Swept, progress: Progress) -> KeptSweep:
    """Measure the best in full, judge them against luck, write what a reader wants, and end the run."""
    asked, dataset = made.asked, dataset_of(made.bars)
    trials = max(lab.trials.count(dataset), lab.trials.count_market(made.bars))
    holding = holding_sharpe(made.bars, made.settings)
    selection = select(swept, trials, lab.trials.sharpes(dataset), asked.by, holding)
    best = []
    for done, place in enumerate(places := swept.best(asked.best, asked.by)):
        progress("the best in full", done, len(places))
        one = backtest(made.make(**swept.candidates[place]), made.bars, made.settings)
        check(swept, place, one)
        best.append(one)
    progress("the best in full", 1, 1)
    winner = replace(asked.ask, grid={}, params={**asked.ask.params, **_texts(swept, places)})
    command, further = asked.command(lab), EvaluateAsk(winner).command(lab)
    result = KeptSweep(
        asked, made.bars, swept, selection, tuple(best), kept, None, command, further, _notices(lab, best)
    )
    kept.save_array("figures", figures=swept.figures, **_columns(swept))
    kept.save_json("result", result.to_json())
    sheet = sheet_of(
        swept, selection, made.bars, {place: one.metrics for place, one in zip(places, best, strict=True)}, asked.by,
        notices=result.notices, run=kept.id, command=command, next=further, document=result.to_json(),
        facts={"Run": kept.id, "Seed": str(asked.ask.seed), "Data": dataset},
    )  # fmt: skip
    report = save(sheet, kept.path)
    for path in (report.html, report.json, *report.pngs):
        kept.add_artefact(path)
    kept.finish({**(best[0].metrics if best else {}), **{f"sweep_{k}": v for k, v in selection.as_dict().items()}})
    return replace(result, report=report)


def _notices(lab: Lab, best: Sequence[Result]) -> tuple[str, ...]:
    found = [notice for one in best for notice in one.notices]
    if share := lab.settings.walk_forward.hold_out:
        found.append(f"The newest {share:.0%} of the bars are locked for the final test and were not looked at.")
    return tuple(dict.fromkeys(found))


def check(swept: Swept, place: int, single: Result) -> None:
    """Hold a candidate's figures against its single run. Errors: AccountingError when they are not the same."""
    for name, value in swept.row(place).items():
        other = single.metrics.get(name) if name in NAMES else value
        if value is None or other is None:
            same = value is other
        else:
            same = math.isclose(value, other, rel_tol=AGREEMENT, abs_tol=AGREEMENT)
        if not same:
            raise AccountingError(
                f"{sets.named(swept.candidates[place])}: {name} is {value!r} in the sweep and {other!r} in a single "
                "run; please report it"
            )


def _texts(swept: Swept, places: Sequence[int]) -> dict[str, str]:
    return {name: str(value) for name, value in swept.candidates[places[0]].items()} if places else {}


def _columns(swept: Swept) -> dict[str, Any]:
    """Return each varied parameter as a column, (N,)."""
    names = list(swept.candidates[0])
    return {f"param_{name}": np.array([one[name] for one in swept.candidates]) for name in names}
