"""The verb `calibrate`: measure the verdict on markets of which the truth is known, and keep all of it in a run.

The experiment is `backtest.calibrate`; here it is asked for, kept as it goes, and reported. Invariants, whenever the
process is killed: every outcome that was kept is used when the run goes on, and none is counted twice; a calibration
that went on ends with the very bytes of one that was not interrupted.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from tradecore.backtest.calibrate import calibrate as play
from tradecore.backtest.calibrate import identity
from tradecore.backtest.calibration_result import summarise
from tradecore.backtest.calibration_work import SHUFFLED, Calibration, judging
from tradecore.backtest.run import Settings
from tradecore.config.load import setting_values
from tradecore.config.workspace import FILE
from tradecore.control import data
from tradecore.control.backtests import ASSUMED, assumed
from tradecore.control.data import Where
from tradecore.control.lab import Lab, Progress, no_progress
from tradecore.control.sameness import differences
from tradecore.core.bars import Bars
from tradecore.core.errors import NothingThereError, StateRefusedError, UsageError
from tradecore.registry.outcomes import open_outcomes
from tradecore.registry.record import RunStatus
from tradecore.registry.runs import Run, RunInputs
from tradecore.reports.calibration_sheet import CalibrationSheet

if TYPE_CHECKING:
    from tradecore.reports.save import Saved

KIND = "calibration"
OUTCOMES = "outcomes.jsonl"
PROFILES: Mapping[str, Calibration] = MappingProxyType(
    {
        "smoke": Calibration(
            markets=4,
            planted=1,
            kinds=("gbm",),
            years=(2,),
            edges=(0.0, 0.9),
            configurations=20,
            truth=2,
            replications=100,
            tracks=0,
        ),
        "quick": Calibration(
            markets=20,
            planted=10,
            edges=(0.0, 0.45, 0.9, 1.4),
            configurations=100,
            truth=10,
            replications=2000,
            tracks=100,
        ),
        "full": Calibration(),
    }
)
"""How large the experiment is: `smoke` shows that it runs, `quick` says something within minutes, and `full` is what
the documentation cites."""


@dataclass(frozen=True, slots=True)
class CalibrationAsk:
    """What a calibration is asked for, in the words of the command line; what is None comes from the profile."""

    profile: str = "full"
    markets: int | None = None
    """Markets without an edge, of each kind."""
    kinds: tuple[str, ...] = ()
    """Kinds of market without an edge."""
    pair: str | None = None
    venue: str | None = None
    """Which real bars are shuffled; None is the first pair and the venue of the settings."""
    seed: int = 1

    def __post_init__(self) -> None:
        if self.profile not in PROFILES:
            raise UsageError(f"no profile {self.profile!r}; expected one of {', '.join(PROFILES)}")
        if self.markets is not None and self.markets < 1:
            raise UsageError(f"--markets {self.markets}: expected at least 1")

    def plan(self, lab: Lab) -> Calibration:
        """Return the experiment, with the workspace's limits and costs. Errors: ConfigError as `Calibration`."""
        base = PROFILES[self.profile]
        return replace(
            base,
            seed=self.seed,
            markets=base.markets if self.markets is None else self.markets,
            kinds=self.kinds or base.kinds,
            protocol=judging(lab.evidence_limits),
            settings=Settings(venue=lab.venue_model, limits=lab.risk_limits),
        )

    def words(self) -> dict[str, Any]:
        """Return what was asked, as a run records it."""
        given = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {name: list(v) if isinstance(v, tuple) else v for name, v in given.items() if v not in (None, ())}

    @classmethod
    def from_words(cls, words: Mapping[str, Any]) -> CalibrationAsk:
        """Return the ask that a run recorded."""
        return cls(**{**words, "kinds": tuple(words.get("kinds", ()))})

    def command(self, lab: Lab) -> str:
        """Return the command line that asks for the same again, settings included that stand in no file."""
        said = (
            f"--set={one.key}={json.dumps(one.value)}"
            for one in setting_values(lab.loaded)
            if one.key.partition(".")[0] in ASSUMED and one.origin not in ("default", str(lab.root / FILE))
        )
        parts = ["tradecore", *said, "evidence", "calibrate", f"--profile={self.profile}"]
        named = (("markets", self.markets), ("pair", self.pair), ("venue", self.venue))
        parts += [f"--{name}={value}" for name, value in named if value is not None]
        parts += [f"--market={kind}" for kind in self.kinds]
        return shlex.join([*parts, f"--seed={self.seed}"])


@dataclass(frozen=True, slots=True, eq=False)
class KeptCalibration:
    """A finished calibration and where it is kept."""

    sheet: CalibrationSheet
    run: Run
    report: Saved


def calibrate(
    lab: Lab, ask: CalibrationAsk, progress: Progress = no_progress, *, resume: str | None = None,
    workers: int | None = None,
) -> KeptCalibration:  # fmt: skip
    """Calibrate, or go on with a calibration that was interrupted: the one named, else the newest asked the same.

    Errors: NothingThereError without bars to shuffle; StateRefusedError when the run named cannot go on, with reasons.
    """
    plan = ask.plan(lab)
    inputs = inputs_of(lab, ask)
    real = inputs.data[0] if inputs.data else None
    with _opened(lab, ask, inputs, resume) as kept:
        with open_outcomes(kept.path / OUTCOMES, identity(plan, real)) as store:
            outcomes = play(plan, real=real, store=store, workers=workers, tell=progress)
        sheet = replace(summarise(plan, outcomes), run=kept.id, command=ask.command(lab), code=kept.record.code.hash)
        return _finished(kept, sheet, outcomes)


def inputs_of(lab: Lab, ask: CalibrationAsk) -> RunInputs:
    """Return what the numbers of a calibration depend on besides what was asked. Errors: as `calibrate`."""
    real = (_real(lab, ask),) if ask.plan(lab).needs_real else ()
    return RunInputs(data=real, seeds={"seed": ask.seed}, settings=assumed(lab))


def fill_page(lab: Lab, name: str, page: Path) -> Run:
    """Put a finished calibration's tables and pictures into a page of documentation, between its marks.

    Errors: NothingThereError for a page that is not there; UsageError for a run of another kind; DataError for a page
    without marks; as `Run.read`.
    """
    from tradecore.reports import calibration_page

    asked_of(lab, name)
    if not page.is_file():
        raise NothingThereError(
            f"{page}: no such page; make one with {calibration_page.BEGIN} and {calibration_page.END}"
        )
    kept = lab.runs.get(name)
    pictures = {one: kept.read(one) for one in kept.record.artefacts if one.endswith(".png")}
    calibration_page.fill(page, kept.read(calibration_page.PIECE).decode(), pictures)
    return kept


def asked_of(lab: Lab, name: str) -> CalibrationAsk:
    """Return what the calibration with this run id was asked for. Errors: UsageError for a run of another kind."""
    stored = lab.runs.get(name)
    if stored.record.kind != KIND:
        raise UsageError(
            f"run {stored.id} is a {stored.record.kind}, not a calibration; see: tradecore runs list --kind {KIND}"
        )
    return CalibrationAsk.from_words(stored.record.arguments)


def _finished(kept: Run, sheet: CalibrationSheet, outcomes: Mapping[str, Mapping[str, Any]]) -> KeptCalibration:
    from tradecore.reports import calibration, calibration_page

    kept.save_json("outcomes", outcomes)
    kept.save_text(calibration_page.PIECE, calibration_page.piece(sheet))
    report = calibration.save(sheet, kept.path)
    for path in (report.html, report.json, *report.pngs):
        kept.add_artefact(path)
    worst = max((one.share.rate for one in sheet.false_edges), default=None)
    kept.finish({"is_calibrated": sheet.is_calibrated, "worst_false_edge_rate": worst})
    return KeptCalibration(sheet, kept, report)


def _real(lab: Lab, ask: CalibrationAsk) -> Bars:
    try:
        return data.bars(lab, Where(ask.pair, ask.venue, "1h"))
    except NothingThereError as error:
        raise NothingThereError(
            f"{error}. Real bars are wanted to be shuffled; import some, or choose other markets, as in "
            f"--market gbm --market regimes (without {SHUFFLED})"
        ) from None


@contextmanager
def _opened(lab: Lab, ask: CalibrationAsk, inputs: RunInputs, resume: str | None) -> Iterator[Run]:
    """Give the run to work in: the one to go on with, or a new one."""
    found = lab.runs.get(resume) if resume is not None else _interrupted(lab, ask, inputs)
    if found is None:
        with lab.runs.start(KIND, ask.words(), inputs) as kept:
            yield kept
        return
    if changed := differences(found.record, inputs):
        raise StateRefusedError(
            f"run {found.id} cannot go on: {'; '.join(changed)}. Undo that, or begin a new calibration without --resume"
        )
    with lab.runs.resume(found) as kept:
        yield kept


def _interrupted(lab: Lab, ask: CalibrationAsk, inputs: RunInputs) -> Run | None:
    """Return the newest calibration asked the very same, on the same data, code and settings, that did not end."""
    for one in lab.runs.list():
        record = one.record
        if record is None or record.kind != KIND or record.arguments != ask.words():
            continue
        if one.status is RunStatus.INTERRUPTED and not differences(record, inputs):
            return lab.runs.get(one.id)
    return None
