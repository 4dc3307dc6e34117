"""Which pictures a tear sheet has: each with its name, what it shows in words, and how to draw it on a paper.

The page and the folder of PNGs take their pictures from here, so that they never differ. Invariant: the order and the
names are the same for every run that has the same parts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from matplotlib.figure import Figure

from tradecore.core.bars import Bars
from tradecore.core.track import Track
from tradecore.reports import charts, evaluation_panels, panels, price
from tradecore.reports.canvas import Paper
from tradecore.reports.charts import Mark
from tradecore.reports.tear_sheet import TearSheet

CHARTED_PAIRS = 6
"""Pairs that get a price chart at most: those with the most trades."""


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture: its file name, what it shows for those who cannot see it, and how it is drawn."""

    name: str
    text: str
    draw: Callable[[Paper], Figure]


def account(sheet: TearSheet) -> Picture:
    """Return the account against its baselines, with the folds marked."""
    text = f"Account value of {sheet.strategy} in {sheet.currency} against {len(sheet.baselines)} baselines"
    marks = tuple(Mark(one.test_start, f"fold {one.number}") for one in sheet.folds)
    return Picture(
        "equity",
        text,
        lambda paper: charts.equity(sheet.track, sheet.baselines, name=sheet.strategy, marks=marks, paper=paper),
    )


def single(sheet: TearSheet) -> dict[str, Picture]:
    """Return the pictures of which a sheet has one, by name."""
    track, name = sheet.track, sheet.strategy
    shown = [
        account(sheet),
        Picture(
            "drawdown",
            f"Fall of {name} from its running peak over time",
            lambda paper: charts.drawdown(track, sheet.baselines, name=name, only=sheet.benchmark, paper=paper),
        ),
        Picture("exposure", "Share of the account in the market", lambda paper: charts.exposure(track, paper=paper)),
        Picture(
            "distribution",
            "Distribution of daily returns and of trade results",
            lambda paper: panels.distribution(track, paper=paper),
        ),
        Picture("monthly", "Return of every calendar month", lambda paper: panels.monthly(track, paper=paper)),
        *_worst(sheet),
    ]
    if sheet.cost_sensitivity and sheet.evaluation is None:  # an evaluation draws them as a curve
        text = "Total return at multiples of the assumed costs"
        shown.append(Picture("costs", text, lambda paper: panels.cost_sensitivity(sheet.cost_sensitivity, paper=paper)))
    if sheet.intervals:
        text = "Estimates with their intervals"
        shown.append(Picture("intervals", text, lambda paper: panels.intervals(sheet.intervals, paper=paper)))
    shown += _evaluation(sheet)
    return {one.name: one for one in shown}


def _evaluation(sheet: TearSheet) -> list[Picture]:
    """Return the pictures of an evaluation; none for other tests."""
    found = sheet.evaluation
    if found is None:
        return []
    held, points = found.hold_out, sheet.cost_sensitivity
    shown = [
        Picture(
            "cost-curve", "Total return against the multiple of the assumed costs",
            lambda paper: evaluation_panels.cost_curve(points, found.break_even, paper=paper),
        ),
    ]  # fmt: skip
    if found.chance is not None:
        text = "Sharpe ratios of random traders, with the candidate among them"
        shown.append(Picture("chance", text, lambda paper: evaluation_panels.among_chance(found, paper=paper)))
    if found.paths:
        text = "Sharpe ratio of every path of the combinatorial cross-validation"
        shown.append(Picture("paths", text, lambda paper: evaluation_panels.combined_paths(found, paper=paper)))
    if held is not None and len(held.returns):
        text = "What one unit became over the hold-out"
        shown.append(Picture("hold-out", text, lambda paper: evaluation_panels.hold_out(held, paper=paper)))
    return shown


def trades(sheet: TearSheet) -> dict[str, Picture]:
    """Return the trades on the price by pair, the busiest pair first, `CHARTED_PAIRS` at most."""
    counts = {pair: int((sheet.track.trades["pair"] == i).sum()) for i, pair in enumerate(sheet.track.pairs)}
    known = [sheet.bars[pair] for pair in sheet.track.pairs if pair in sheet.bars]
    shown = sorted(known, key=lambda one: -counts[one.pair])[:CHARTED_PAIRS]
    return {
        str(bars.pair): Picture(
            "trades" if len(shown) == 1 else f"trades-{bars.pair.slug}",
            f"Trades on the price of {bars.pair}",
            _on_price(sheet.track, bars),
        )
        for bars in shown
    }


def _on_price(track: Track, bars: Bars) -> Callable[[Paper], Figure]:
    return lambda paper: price.trades(track, bars, paper=paper)


def _worst(sheet: TearSheet) -> list[Picture]:
    """Return a close-up of the trade that lost the most, where one lost and its bars are there."""
    trades, track = sheet.track.trades, sheet.track
    if not len(trades) or trades["net"].min() >= 0:
        return []
    worst = trades[int(trades["net"].argmin())]
    bars = sheet.bars.get(track.pairs[worst["pair"]])
    if bars is None:
        return []
    span = price.around(track, worst)
    text = f"Close-up of the largest loss, on {bars.pair}"
    return [Picture("largest-loss", text, lambda paper: price.trades(track, bars, span=span, paper=paper))]
