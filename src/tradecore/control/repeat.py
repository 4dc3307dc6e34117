"""The verb `runs repeat`: do again what a run did, on the same data, code and settings, and compare every number.

The repetition happens aside: it makes no run in the workspace, counts no trial (they were counted) and teaches nothing;
its significance is computed with the ledger as it was. Invariant: bit for bit or not the same; a run whose data, code
or config has changed is refused by name, because a difference would then say nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from tradecore.control import backtests, evaluations, evidence, sweeps
from tradecore.control.backtests import Ask, inputs_of, read
from tradecore.control.lab import Lab, Progress, no_progress
from tradecore.control.sameness import differences
from tradecore.core.errors import StateRefusedError, UsageError
from tradecore.registry.knowledge import KnowledgeBase
from tradecore.registry.record import RunRecord, RunStatus
from tradecore.registry.runs import Run, RunInputs, Runs
from tradecore.registry.trials import TrialLedger
from tradecore.strategy.loading import load

UNCOUNTED = ("backtest",)
"""Kinds that enter no trial into the ledger."""
TIMELY = frozenset({"run", "command", "time", "status", "opened", "looks"})
"""Words in a result that say when or where it was made, not what came out."""


@dataclass(frozen=True, slots=True)
class Repeated:
    """What a repetition found."""

    run: str
    kind: str
    figures: int
    """Figures that were compared, and arrays."""
    arrays: int
    different: tuple[str, ...] = field(default=())
    """What was not the same, by name; empty when everything was."""


@dataclass(frozen=True)
class Aside(Lab):
    """The lab as a repetition sees it: everything it reads is the workspace's, everything it writes lies elsewhere."""

    elsewhere: Path
    original: RunRecord

    @cached_property
    def runs(self) -> Runs:
        """Runs beside the workspace."""
        return Runs(self.elsewhere / "runs", self.clock)

    @cached_property
    def trials(self) -> TrialLedger:
        """The ledger as it was when the original run used it."""
        ledger = TrialLedger.open(self.folder("state") / "lab.db")
        return ledger if self.original.kind in UNCOUNTED else ledger.as_of(self.original.id)

    @cached_property
    def knowledge(self) -> KnowledgeBase:
        """A knowledge base beside the workspace's."""
        return KnowledgeBase(self.elsewhere / "knowledge.jsonl", self.clock)


def repeat(lab: Lab, name: str, progress: Progress = no_progress) -> Repeated:
    """Repeat a finished run and say what is not the same, if anything.

    Errors: UsageError for a kind that cannot be repeated; StateRefusedError for a run that did not end well, or saying
            which of data, code or config is no longer as it was.
    """
    stored = lab.runs.get(name)
    record = stored.record
    if record.kind not in KINDS:
        raise UsageError(f"run {stored.id} is a {record.kind}; what can be repeated: {', '.join(KINDS)}")
    if stored.status is not RunStatus.DONE:
        raise StateRefusedError(f"run {stored.id} is {stored.status}; only one that is done has figures to compare")
    if not record.settings:
        raise StateRefusedError(
            f"run {stored.id} was recorded without its settings, by an older tradecore; run it anew"
        )
    kind = KINDS[record.kind]
    if changed := differences(record, kind.inputs(lab, record.arguments)):
        raise StateRefusedError(f"run {stored.id} cannot be repeated: {'; '.join(changed)}")
    with TemporaryDirectory(prefix="tradecore-repeat-") as folder:
        aside = Aside(lab.root, lab.loaded, lab.clock, Path(folder), record)
        again = kind.run(aside, record.arguments, progress)
        return compare(stored, again)


def compare(one: Run, other: Run) -> Repeated:
    """Compare the figures, arrays and verdicts of two runs, bit for bit."""
    different = [
        f"figure {name}"
        for name in sorted({*one.record.metrics, *other.record.metrics})
        if one.record.metrics.get(name, "") != other.record.metrics.get(name, "")
    ]
    names = sorted(set(_lasting(one)) | set(_lasting(other)))
    arrays = 0
    for name in names:
        if name not in one.record.artefacts or name not in other.record.artefacts:
            different.append(f"{name} is only in one of them")
        elif name.endswith(".npz"):
            before, after = one.load_array(name), other.load_array(name)
            arrays += len(before)
            different += [f"{name}: {key}" for key in sorted({*before, *after}) if not _same(before, after, key)]
        elif _timeless(json.loads(one.read(name))) != _timeless(json.loads(other.read(name))):
            different.append(name)
    return Repeated(one.id, one.record.kind, len(one.record.metrics), arrays, tuple(different))


def _lasting(run: Run) -> Iterator[str]:
    """Yield the artefacts that hold numbers: pictures and pages are made of them, pieces of a sweep depend on time."""
    for name in run.record.artefacts:
        if name.endswith((".npz", ".json")) and not name.startswith(sweeps.CHUNKS) and name != "report.json":
            yield name


def _same(before: Mapping[str, Any], after: Mapping[str, Any], key: str) -> bool:
    if key not in before or key not in after:
        return False
    one, other = np.ascontiguousarray(before[key]), np.ascontiguousarray(after[key])
    return one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()


def _timeless(value: Any) -> Any:
    """Return a JSON value without the words that say when or where it was made."""
    if isinstance(value, dict):
        return {name: _timeless(one) for name, one in value.items() if name not in TIMELY}
    return [_timeless(one) for one in value] if isinstance(value, list) else value


@dataclass(frozen=True, slots=True)
class _Kind:
    """How a kind of run is had again: what it would depend on now, and how it is run; both from its words."""

    inputs: Callable[[Lab, Mapping[str, Any]], RunInputs]
    run: Callable[[Lab, Mapping[str, Any], Progress], Run]


def _inputs(lab: Lab, words: Mapping[str, Any]) -> RunInputs:
    ask = Ask.from_words(words)
    strategy = load(ask.strategy, **ask.params)
    return inputs_of(lab, strategy, read(lab, ask, strategy), ask.seed)


def _backtest(lab: Lab, words: Mapping[str, Any], progress: Progress) -> Run:
    return backtests.run(lab, Ask.from_words(words), progress).run


def _walk_forward(lab: Lab, words: Mapping[str, Any], progress: Progress) -> Run:
    return backtests.walk_forward(lab, Ask.from_words(words), progress).run


def _evaluate(lab: Lab, words: Mapping[str, Any], progress: Progress) -> Run:
    own = {name: words[name] for name in ("profile", "opens_hold_out") if name in words}
    return evaluations.run(lab, evaluations.EvaluateAsk(Ask.from_words(words), **own), progress).run


def _sweep(lab: Lab, words: Mapping[str, Any], progress: Progress) -> Run:
    return sweeps.run(lab, sweeps.SweepAsk.from_words(words), progress).run


def _calibration(lab: Lab, words: Mapping[str, Any], progress: Progress) -> Run:
    return evidence.calibrate(lab, evidence.CalibrationAsk.from_words(words), progress).run


KINDS: Mapping[str, _Kind] = {
    "backtest": _Kind(_inputs, _backtest),
    "walk_forward": _Kind(_inputs, _walk_forward),
    evaluations.KIND: _Kind(_inputs, _evaluate),
    sweeps.KIND: _Kind(lambda lab, words: sweeps.inputs(lab, sweeps.SweepAsk.from_words(words)), _sweep),
    evidence.KIND: _Kind(
        lambda lab, words: evidence.inputs_of(lab, evidence.CalibrationAsk.from_words(words)), _calibration
    ),
}
"""What can be repeated."""
