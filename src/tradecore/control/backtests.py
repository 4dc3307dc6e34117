"""Verbs of backtests: run, walk forward, compare, look for lookahead. Each leaves a run behind that says how to
repeat it."""

from __future__ import annotations

import json
import math
import shlex
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from tradecore.backtest.evaluate import Ledgered, Protocol, backtest, config_hash, evaluate
from tradecore.backtest.lookahead import Lookahead, Recursion, find_lookahead, find_recursion
from tradecore.backtest.result import Result
from tradecore.backtest.run import Settings
from tradecore.backtest.walk_forward import Plan
from tradecore.config.load import setting_values
from tradecore.config.workspace import FILE
from tradecore.control.data import Where, resolve
from tradecore.control.kernels import prepare
from tradecore.control.lab import Lab, Progress, no_progress
from tradecore.core.bars import Bars
from tradecore.core.errors import NothingThereError, UsageError
from tradecore.core.seeds import generator
from tradecore.core.types import parse_time
from tradecore.registry.knowledge import Lesson
from tradecore.registry.runs import Run, RunInputs
from tradecore.registry.tracks import save_track
from tradecore.reports.tables import Table, comparison
from tradecore.strategy.contract import Strategy
from tradecore.strategy.loading import load, source_hash

if TYPE_CHECKING:
    from tradecore.reports.save import Saved

COMPARED = (
    "total_return", "cagr", "sharpe", "sortino", "max_drawdown", "trades", "win_rate", "profit_factor", "exposure",
    "fees",
)  # fmt: skip
"""The figures `compare` shows unless told otherwise."""
ASSUMED = (
    "market", "costs", "rules", "account", "limits", "evidence", "walk_forward", "evaluate", "profile_smoke",
    "profile_standard", "profile_deep",
)  # fmt: skip
"""The sections of the settings that a test depends on."""


@dataclass(frozen=True, slots=True)
class Ask:
    """What a test is asked for, in the words of the command line; what is None comes from the settings."""

    strategy: str
    pairs: tuple[str, ...] = ()
    venue: str | None = None
    timeframe: str | None = None
    start: str | None = None
    end: str | None = None
    params: Mapping[str, str] = field(default_factory=dict)
    grid: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Candidates by parameter, for a walk-forward to choose among."""
    folds: int | None = None
    cash: float | None = None
    flows: Mapping[str, str] = field(default_factory=dict)
    """Deposits (+) and withdrawals (-) in quote by moment, ISO-8601."""
    seed: int = 0
    random_traders: int = 100
    decide: bool | None = None
    """True asks `decide` on every bar where the compiled lane could answer; only a plain run can be asked that."""

    def words(self) -> dict[str, Any]:
        """Return what was asked, without what was left open, as a run records it."""
        given = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {name: value for name, value in given.items() if value not in (None, (), {}, "")}

    @classmethod
    def from_words(cls, words: Mapping[str, Any]) -> Ask:
        """Return the ask that a run recorded; what else the run recorded is left out."""
        given = {name: value for name, value in words.items() if name in cls.__dataclass_fields__}
        given["pairs"] = tuple(given.get("pairs", ()))
        given["grid"] = {name: tuple(values) for name, values in given.get("grid", {}).items()}
        return cls(**given)

    def command(self, verb: str, said: Sequence[str] = ()) -> str:
        """Return the command line that asks for the same again; `said` are options before the noun.

        `verb` is one of `backtest`, or `evaluate`, which is a noun of its own.
        """
        noun = [verb] if verb == "evaluate" else ["backtest", verb]
        parts = ["tradecore", *said, *noun, self.strategy, *(f"--pair={pair}" for pair in self.pairs)]
        named = (
            ("venue", self.venue),
            ("timeframe", self.timeframe),
            ("from", self.start),
            ("to", self.end),
            ("folds", self.folds),
            ("cash", self.cash),
        )
        parts += [f"--{name}={value}" for name, value in named if value is not None]
        parts += [f"--flow={moment}={amount}" for moment, amount in self.flows.items()]
        parts += [f"--param={name}={value}" for name, value in self.params.items()]
        parts += [f"--grid={name}={','.join(values)}" for name, values in self.grid.items()]
        parts += ["--decide"] if self.decide else []
        return shlex.join([*parts, *([f"--seed={self.seed}"] if self.seed else [])])


@dataclass(frozen=True, slots=True)
class Kept:
    """A result and where it is kept."""

    result: Result
    run: Run
    report: Saved


def run(lab: Lab, ask: Ask, progress: Progress = no_progress) -> Kept:
    """Run a strategy once over the chosen bars. Errors: typed ones for what cannot be read, made or tested."""
    make, bars = maker(ask), read(lab, ask, load(ask.strategy, **ask.params))
    with _started(lab, "backtest", ask, bars) as kept:
        prepare(make(), bars, progress)
        result = backtest(make(), bars, settings(lab, ask), tell=progress, lane=False if ask.decide else None)
        return keep(lab, kept, result, again(lab, ask, "run"))


def walk_forward(lab: Lab, ask: Ask, progress: Progress = no_progress) -> Kept:
    """Test a strategy honestly: walk forward, baselines, trials counted, verdict. Errors: as `run`."""
    make, bars = maker(ask), read(lab, ask, load(ask.strategy, **ask.params))
    with _started(lab, "walk_forward", ask, bars) as kept:
        prepare(make(), bars, progress)
        chosen = protocol(lab, ask)
        counted = Ledgered(lab.trials, kept.id, lab.clock)
        result = evaluate(make, bars, settings(lab, ask), chosen, counted=counted, tell=progress)
        return keep(lab, kept, result, again(lab, ask, "walk-forward"))


def again(lab: Lab, ask: Ask, verb: str) -> str:
    """Return the command line that asks for the same again, settings included that stand in no file."""
    elsewhere = (
        one
        for one in setting_values(lab.loaded)
        if one.key.partition(".")[0] in ASSUMED and one.origin not in ("default", str(lab.root / FILE))
    )
    return ask.command(verb, [f"--set={one.key}={json.dumps(one.value)}" for one in elsewhere])


def compare(lab: Lab, names: Sequence[str], columns: Sequence[str] = COMPARED) -> Table:
    """Return the figures of several finished runs side by side.

    Errors: NothingThereError for a run that is not there or kept no figures.
    """
    if not names:
        raise UsageError("no runs to compare; name some, or see them with: tradecore runs list")
    rows: dict[str, Mapping[str, Any]] = {}
    for name in names:
        stored = lab.runs.get(name)
        if not stored.record.metrics:
            raise NothingThereError(f"run {stored.id} is {stored.status} and kept no figures; compare finished runs")
        rows[f"{stored.id} {stored.record.arguments.get('strategy', stored.record.kind)}"] = stored.record.metrics
    return comparison(rows, columns)


def lookahead(lab: Lab, ask: Ask, cuts: int, progress: Progress = no_progress) -> tuple[Lookahead, Recursion]:
    """Look for decisions that change when later bars are cut, and for features that depend on where history begins."""
    make, bars = maker(ask), read(lab, ask, load(ask.strategy, **ask.params))
    progress("lookahead", 0, 2)
    found = find_lookahead(make, bars, cuts=cuts, rng=generator(ask.seed, "lookahead"))
    progress("recursion", 1, 2)
    recursion = find_recursion(make, bars)
    progress("recursion", 2, 2)
    return found, recursion


def read(lab: Lab, ask: Ask, strategy: Strategy) -> list[Bars]:
    """Return the bars that are asked for: the pairs named, else the strategy's own, else the first of the settings."""
    pairs = ask.pairs or strategy.pairs or (lab.settings.market.pairs[0],)
    found = []
    for pair in pairs:
        market = resolve(lab, Where(pair, ask.venue, ask.timeframe or strategy.timeframe, ask.start, ask.end))
        found.append(lab.lake.bars(market.venue, market.pair, market.timeframe, market.start, market.end))
    return found


def settings(lab: Lab, ask: Ask) -> Settings:
    """Return what a test assumes, from the settings and what was asked."""
    cash = lab.settings.account.start_cash if ask.cash is None else ask.cash
    flows = {parse_time(moment): _amount(moment, text) for moment, text in ask.flows.items()}
    return Settings(cash=cash, venue=lab.venue_model, limits=lab.risk_limits, seed=ask.seed, flows=flows)


def _amount(moment: str, text: str) -> float:
    try:
        amount = float(text)
    except ValueError:
        amount = math.nan
    if not math.isfinite(amount):
        raise UsageError(f"cash flow {moment}={text}: expected an amount, as in 2018-01-01=500, or -500 to withdraw")
    return amount


def protocol(lab: Lab, ask: Ask) -> Protocol:
    """Return how a candidate is tested, from the settings and what was asked."""
    shape = lab.settings.walk_forward
    plan = Plan(folds=ask.folds or shape.folds, grid=ask.grid, is_anchored=shape.anchored)
    return Protocol(plan=plan, limits=lab.evidence_limits, random_traders=ask.random_traders)


def keep(lab: Lab, kept: Run, result: Result, command: str) -> Kept:
    """Store a result in its run: tracks, decisions, figures, verdict and report; then what it taught."""
    result = result.with_run(kept.id, command)
    with ThreadPoolExecutor(1) as packer:  # arrays are packed outside the interpreter's lock, while the report is drawn
        stored = packer.submit(_store, kept, result)
        report = result.save(kept.path)
        stored.result()
    if result.verdict and result.evidence:
        lab.knowledge.add(_lesson(result))
    for path in (report.html, report.json, *report.pngs):
        kept.add_artefact(path)
    kept.finish(result.metrics)
    return Kept(result, kept, report)


def _store(kept: Run, result: Result) -> None:
    save_track(kept, "candidate", result.track)
    for name, track in result.baselines.items():
        save_track(kept, name, track)
    kept.save_json("result", result.to_json())
    kept.save_array("decisions", actions=result.journal.actions, reasons=result.journal.reasons)
    kept.save_json("decisions", {
        "texts": result.journal.texts, "counts": result.journal.counts(),
        "blockers": dict(result.journal.top_blockers()),
        "faults": [{"index": one.index, "name": one.name, "text": one.text} for one in result.journal.faults],
    })  # fmt: skip
    if result.verdict and result.evidence:
        kept.save_json("verdict", {**result.verdict.as_dict(), "evidence": result.evidence.as_dict()})


def _lesson(result: Result) -> Lesson:
    assert result.verdict is not None
    assert result.evidence is not None
    low = result.evidence.sharpe.low if result.evidence.sharpe else None
    return Lesson(
        pair=str(result.track.pairs[0]), timeframe=str(result.track.timeframe), strategy=result.strategy,
        verdict=result.verdict.verdict, dataset=result.dataset, parameters=dict(result.params),
        config=config_hash(result.params, result.settings, result.bars),
        metrics={name: result.metrics.get(name) for name in COMPARED}, score=low,
        is_synthetic=any(one.is_synthetic for one in result.bars), text="; ".join(result.verdict.reasons)[:2000],
        run=result.run,
    )  # fmt: skip


def maker(ask: Ask) -> Callable[..., Strategy]:
    """Return what makes the strategy: its name or file, with the parameters that were fixed bound to it."""
    return partial(load, ask.strategy, **ask.params)


def _started(lab: Lab, kind: str, ask: Ask, bars: Sequence[Bars]) -> Run:
    strategy = load(ask.strategy, **ask.params)
    return lab.runs.start(kind, ask.words(), inputs_of(lab, strategy, bars, ask.seed))


def inputs_of(lab: Lab, strategy: Strategy, bars: Sequence[Bars], seed: int) -> RunInputs:
    """Return what the numbers of a test depend on besides what was asked, as a run records it."""
    features = {key: one.label for key, one in strategy.features(strategy.p).items()}
    return RunInputs(
        data=bars, features=features, seeds={"seed": seed}, settings=assumed(lab), strategy=source_hash(strategy)
    )


def assumed(lab: Lab) -> dict[str, object]:
    """Return the settings a test depends on, by section."""
    return {section: getattr(lab.settings, section).model_dump(mode="json") for section in ASSUMED}
