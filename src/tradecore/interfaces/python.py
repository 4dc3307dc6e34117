"""The Python API for scripts and notebooks: ten lines load, test and show. A skin like the command line, over the
same verbs.

Reached as `import tradecore`; nothing is imported before it is used. Results are `backtest.result.Result`: they
print, render in a notebook, and give their tables as Polars frames.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, TypeAlias

from tradecore.backtest import evaluate as protocols
from tradecore.backtest.result import Result
from tradecore.backtest.run import Settings
from tradecore.backtest.walk_forward import Plan
from tradecore.control.lab import Lab
from tradecore.core.bars import Bars
from tradecore.core.errors import NothingThereError, UsageError
from tradecore.core.types import Pair, Timeframe, parse_time
from tradecore.market import ingest
from tradecore.market import synthetic as markets
from tradecore.market.lake import Lake
from tradecore.reports.tables import Table, comparison
from tradecore.stats.metrics import METRICS
from tradecore.strategy.contract import Strategy
from tradecore.strategy.loading import load

if TYPE_CHECKING:
    from tradecore.control.sweep_result import SweepResult

Candidate: TypeAlias = str | Strategy | type[Strategy]
"""A strategy: its name or file, an instance, or a class."""


def lab(workspace: Path | str | None = None) -> Lab:
    """Open a workspace: its settings, lake, runs and trial ledger. Without a name, the one around the current
    folder."""
    from tradecore.bootstrap import open_lab

    return open_lab(None if workspace is None else Path(workspace))


def read(path: Path | str, *, pair: str | None = None, timeframe: str | None = None) -> Bars:
    """Return the bars in a ZIP, CSV or Parquet file, checked as an import checks them; nothing is stored.

    `timeframe` longer than the file's makes the bars from it. Errors: typed ones naming file and row; UsageError when
    the file holds several pairs and none was chosen.
    """
    source, chosen = Path(path), None if pair is None else Pair.parse(pair)
    with TemporaryDirectory(prefix="tradecore-") as folder:
        lake = Lake(folder)
        # Of a file the pair says what it holds, or which member is meant; the files of a folder say it themselves.
        found = ingest.import_path(lake, source, pair=None if source.is_dir() else chosen)
        keys = [one.dataset.key for one in found.datasets if one.dataset.key.timeframe is not None]
        keys = [key for key in keys if chosen in (None, key.pair)]
        if len({key.pair for key in keys}) > 1:
            raise UsageError(
                f"{path} holds {', '.join(sorted({str(key.pair) for key in keys}))}; choose one with pair="
            )
        if not keys:
            raise NothingThereError(f"{path} holds no bars{f' of {chosen}' if chosen else ''}")
        shortest = min(keys, key=lambda key: key.step)
        wanted = Timeframe.parse(timeframe) if timeframe else shortest.timeframe
        assert wanted is not None
        return lake.bars(shortest.venue, shortest.pair, wanted)


def synthetic(
    kind: str = "regimes", *, pair: str = "BTC/USD", timeframe: str = "1h", days: float = 1095, seed: int = 7
) -> Bars:
    """Return a made-up market, marked as such wherever it appears. Kinds: gbm, noise, regimes, jumps, planted."""
    step = Timeframe.parse(timeframe)
    count = round(days * Timeframe.parse("1d").ns / step.ns)
    return markets.make(
        kind, pair=Pair.parse(pair), timeframe=step, bars=count, seed=seed, start=parse_time("2023-01-01")
    )


def run(strategy: Candidate, *bars: Bars, settings: Settings | None = None) -> Result:
    """Run a strategy once over the bars of one or several pairs. Figures, no verdict."""
    made = strategy if isinstance(strategy, Strategy) else _maker(strategy)()
    return protocols.backtest(made, bars, settings)


def walk_forward(
    strategy: Candidate, *bars: Bars, grid: Mapping[str, Sequence[object]] | None = None, folds: int = 6,
    settings: Settings | None = None, lab: Lab | None = None,
) -> Result:  # fmt: skip
    """Test a strategy honestly: walk forward beside baselines, and say whether there is an edge.

    `grid` maps parameters to candidates. With a `lab` the trials are counted in its ledger; without one, only this
    call's.
    """
    protocol = protocols.Protocol(plan=Plan(folds=folds, grid=grid or {}))
    counted = None if lab is None else protocols.Ledgered(lab.trials, clock=lab.clock)
    return protocols.evaluate(_maker(strategy), bars, settings, protocol, counted=counted)


def evaluate(
    strategy: Candidate, *bars: Bars, grid: Mapping[str, Sequence[object]] | None = None, profile: str = "standard",
    open_hold_out: bool = False, settings: Settings | None = None, lab: Lab | None = None,
) -> Result:  # fmt: skip
    """Evaluate a strategy by honest-v1: everything a walk-forward does, sensitivity, sentinels, and a locked hold-out.

    `profile` is `smoke`, `standard` or `deep`. With a `lab` trials and openings of the hold-out are recorded in it;
    without one, nothing is, and the result says so.
    """
    protocol = protocols.Protocol.of(profile, plan=Plan(grid=grid or {}), opens_hold_out=open_hold_out)
    counted = None if lab is None else protocols.Ledgered(lab.trials, clock=lab.clock, hold_outs=lab.hold_outs)
    return protocols.evaluate(_maker(strategy), bars, settings, protocol, counted=counted)


def sweep(
    strategy: Candidate, *bars: Bars, grid: Mapping[str, Sequence[object] | str] | None = None,
    sample: int | None = None, seed: int = 0, by: str = "sharpe", settings: Settings | None = None,
    workers: int | None = None, lab: Lab | None = None,
) -> SweepResult:  # fmt: skip
    """Try many parameter sets on the same bars. The best of them is no evidence: it prints what it is worth first.

    `grid` maps parameters to candidates, as lists or as text like "5:50:5"; `sample` draws so many of them, or of the
    declared ranges without a grid. With a `lab` every candidate is counted in its ledger. Strategies without an
    exposure are played in other processes: save yours in a file, or give workers=1.
    """
    from tradecore.control.sweep_result import Choice, run_sweep

    counted = None if lab is None else protocols.Ledgered(lab.trials, clock=lab.clock)
    chosen = settings or Settings(seed=seed)
    return run_sweep(
        _maker(strategy), bars, Choice(grid or {}, sample, seed), chosen, by=by, workers=workers, counted=counted
    )


def compare(*results: Result, metrics: Sequence[str] | None = None) -> Table:
    """Return the figures of several results side by side; renders as a table in a notebook."""
    names = [result.strategy for result in results]
    labels = [name if names.count(name) == 1 else f"{name} {place}" for place, name in enumerate(names, 1)]
    columns = metrics or ("total_return", "sharpe", "max_drawdown", "trades", "win_rate", "exposure", "fees")
    known = {metric.name for metric in METRICS}
    if unknown := sorted(set(columns) - known):
        raise UsageError(f"no metric {', '.join(unknown)}; they are listed in docs/reference/metrics.md")
    return comparison(dict(zip(labels, (result.metrics for result in results), strict=True)), columns)


def _maker(strategy: Candidate) -> Callable[..., Strategy]:
    """Return what makes a strategy from parameter values."""
    if isinstance(strategy, str):
        return partial(load, strategy)
    if isinstance(strategy, Strategy):
        return partial(_anew, strategy)
    return strategy


def _anew(strategy: Strategy, **given: object) -> Strategy:
    """Return a strategy as one is before its first bar, with other parameters where they are given.

    Errors: UsageError for parameters of an ensemble, which has none of its own.
    """
    from tradecore.strategy.ensemble import Ensemble

    if not isinstance(strategy, Ensemble):
        return type(strategy)(**{**strategy.p._asdict(), **given})
    if given:
        raise UsageError(f"an ensemble has no parameter {', '.join(given)}; choose those of its members, or no grid")
    return strategy.copy_of_members(_anew)
