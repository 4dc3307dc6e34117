"""From a result to a report: fills in the tear sheet that `reports` draws. No figure is computed twice."""

from __future__ import annotations

from dataclasses import fields
from importlib.metadata import version
from typing import TYPE_CHECKING

import numpy as np

from tradecore.backtest.evaluation_report import evaluation_sheet
from tradecore.core.track import Curve
from tradecore.core.types import Nanoseconds
from tradecore.reports.formats import percent
from tradecore.reports.tear_sheet import CostPoint, Dataset, Fold, Interval, TearSheet
from tradecore.sim.model import VenueModel
from tradecore.stats import metrics
from tradecore.stats.inference import sharpe_ratio
from tradecore.stats.sample import daily_returns

if TYPE_CHECKING:
    from tradecore.backtest.result import Result


def tear_sheet(result: Result) -> TearSheet:
    """Return the tear sheet of a result."""
    return TearSheet(
        title=f"{result.strategy} on {', '.join(str(pair) for pair in result.track.pairs)} {result.track.timeframe}",
        strategy=result.strategy,
        strategy_text=result.text,
        params=result.params,
        datasets=tuple(Dataset.of(one) for one in result.bars),
        track=result.track,
        bars={one.pair: one for one in result.bars},
        metrics=result.metrics,
        baselines=result.baselines,
        baseline_metrics=result.baseline_metrics,
        folds=_folds(result),
        intervals=_intervals(result),
        costs=costs_in_words(result.settings.venue),
        cost_sensitivity=_sensitivity(result),
        verdict=result.verdict,
        notices=result.notices,
        run=result.run,
        command=result.command,
        version=version("tradecore"),
        seed=result.settings.seed,
        evaluation=evaluation_sheet(result),
    )


def costs_in_words(model: VenueModel) -> dict[str, str]:
    """Return what trading was assumed to cost, as a person reads it."""
    own = {
        f"but for {pair}": ", ".join(f"{name.replace('_', ' ')} {value:g}" for name, value in changed.items())
        for pair, changed in model.exceptions.items()
    }
    return {
        "taker fee": percent(model.taker_fee),
        "maker fee": percent(model.maker_fee),
        "half spread": percent(model.half_spread),
        "slippage": percent(model.slippage),
        "share of a bar's volume": percent(model.participation, digits=0)
        if model.participation < float("inf")
        else "no cap",
        "latency": f"{model.latency_bars} bars after the next open" if model.latency_bars else "next open",
        **own,
    }


def _folds(result: Result) -> tuple[Fold, ...]:
    """Return the folds with the return and Sharpe ratio each test slice brought; the returns multiply to the whole."""
    rows = []
    for fold in result.folds:
        days = daily_returns(_between(result.track.curve, *fold.test), result.track.timeframe)
        total = float((1.0 + days.returns).prod() - 1.0)
        sharpe = sharpe_ratio(days.returns)
        yearly = None if sharpe is None else sharpe * days.per_year**0.5
        rows.append(Fold(fold.number, *fold.train, *fold.test, fold.params, {"total_return": total, "sharpe": yearly}))
    return tuple(rows)


def _between(curve: Curve, start: Nanoseconds, end: Nanoseconds) -> Curve:
    """Return the bars of a curve from `start` to before `end`, begun with what the account had then."""
    first, last = np.searchsorted(curve.time, (start, end)).tolist()
    names = [field.name for field in fields(Curve) if field.name != "start_equity"]
    before = float(curve.equity[first - 1]) if first else curve.start_equity
    return Curve(**{name: getattr(curve, name)[first:last] for name in names}, start_equity=before)


def _intervals(result: Result) -> tuple[Interval, ...]:
    evidence = result.evidence
    if evidence is None:
        return ()
    found = [] if evidence.sharpe is None else [("Sharpe ratio", evidence.sharpe)]
    found += [(f"Sharpe ratio over {name.replace('_', ' ')}", one.sharpe) for name, one in evidence.comparisons.items()]
    return tuple(Interval(label, one.estimate, one.low, one.high, one.level) for label, one in found)


def _sensitivity(result: Result) -> dict[float, CostPoint]:
    points = {}
    for multiple, track in sorted(result.costed.items()):
        figures = metrics.measure(track)
        points[multiple] = CostPoint(figures["total_return"], figures["sharpe"])
    return points
