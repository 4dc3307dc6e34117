"""`tradecore backtest sweep`: try many parameter sets, and be told first what the best of them is worth.

Mounted by `interfaces.cli.backtest`. Bad news comes before the table; it shows what `control.sweeps` says and decides
nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from tradecore.core.errors import UsageError
from tradecore.interfaces.cli.lab import open_lab
from tradecore.interfaces.cli.options import From, Json, Params, Seed, TimeframeOption, To, Venue, Workspace, assigned
from tradecore.interfaces.cli.screen import Screen

if TYPE_CHECKING:
    from tradecore.control.sweeps import KeptSweep, SweepAsk

SHOWN = {
    "sharpe": "Sharpe", "total_return": "return", "max_drawdown": "drawdown", "trades": "trades", "fees": "fees",
}  # fmt: skip
"""The figures of the table, with labels short enough for 80 columns; the one that ranks leads when it is not there."""


def sweep(
    strategy: Annotated[
        str | None, typer.Argument(help="A built-in, as in ma-cross, or a file.", show_default=False)
    ] = None,
    pair: Annotated[
        list[str] | None, typer.Option("--pair", "-p", help="The pair; repeatable.", show_default="from the strategy")
    ] = None,
    venue: Venue = None,
    timeframe: TimeframeOption = None,
    start: From = None,
    end: To = None,
    param: Params = None,
    grid: Annotated[
        list[str] | None,
        typer.Option("--grid", metavar="NAME=VALUES", help="Candidates: fast=5,9,13 or slow=20:200:10; repeatable."),
    ] = None,
    sample: Annotated[
        int | None,
        typer.Option("--sample", min=1, help="Draw so many sets at random, from the grid or from all ranges."),
    ] = None,
    best: Annotated[int, typer.Option("--best", min=1, max=100, help="Sets that are measured in full.")] = 10,
    by: Annotated[str, typer.Option("--by", help="The figure that ranks them.")] = "sharpe",
    workers: Annotated[
        int | None, typer.Option("--workers", min=1, help="Threads or processes.", show_default="all processors")
    ] = None,
    resume: Annotated[
        str | None, typer.Option("--resume", metavar="RUN", help="Go on with this interrupted sweep.")
    ] = None,
    cash: Annotated[
        float | None, typer.Option("--cash", help="Starting cash in quote.", show_default="from settings")
    ] = None,
    seed: Seed = 0,
    as_json: Json = False,
    workspace: Workspace = None,
) -> None:
    """Try many parameter sets, count every one as a trial, and say what the best of them is worth.

    The same command again goes on with a sweep that was interrupted. The best of a sweep is no evidence of an edge.

    Example: tradecore backtest sweep ma-cross --grid fast=5:50:5 --grid slow=60:300:20
    """
    from tradecore.control import backtests, sweeps

    lab = open_lab(workspace)
    if resume is not None:
        asked = sweeps.asked_of(lab, resume)
        if strategy is not None and strategy != asked.ask.strategy:
            raise UsageError(f"run {resume} swept {asked.ask.strategy}, not {strategy}; leave the strategy out")
    elif strategy is None:
        raise UsageError("which strategy? Name one, as in: tradecore backtest sweep ma-cross --grid fast=5:50:5")
    else:
        candidates = {name: (values,) for name, values in assigned("--grid", grid).items()}
        ask = backtests.Ask(
            strategy, tuple(pair or ()), venue, timeframe, start, end,
            params=assigned("--param", param), grid=candidates, cash=cash, seed=seed,
        )  # fmt: skip
        asked = sweeps.SweepAsk(ask, sample, best, by)
    with (screen := Screen(as_json)).progress() as progress:
        kept = sweeps.run(lab, asked, progress, resume=resume, workers=workers)
    show_sweep(screen, kept, asked)


def show_sweep(screen: Screen, kept: KeptSweep, asked: SweepAsk) -> None:
    """Print what the best is worth, then the best, then where everything is; answer with the JSON."""
    for line in kept.words():
        screen.paragraph(line)
    screen.say()
    columns = SHOWN if asked.by in SHOWN else {asked.by: asked.by.replace("_", " "), **SHOWN}
    rows, labels = list(_rows(kept, asked, tuple(columns))), list(columns.values())
    screen.table(["", "parameters", *labels], rows, right=["", *labels], fold=["parameters"])
    screen.say(f"\nrun     {kept.run.id}")
    if kept.report is not None:
        screen.say(f"report  {kept.report.html}")
    screen.say(f"again   {kept.command}")
    screen.say(f"next    {kept.evaluate}")
    answer = {**kept.to_json(), "run": kept.run.id, "report": kept.report.html if kept.report else None}
    screen.answer(answer)


def _rows(kept: KeptSweep, asked: SweepAsk, columns: tuple[str, ...]) -> Iterator[list[object]]:
    from tradecore.backtest.candidates import named
    from tradecore.reports.catalogue import words
    from tradecore.reports.formats import value_text

    for number, place in enumerate(kept.swept.best(len(kept.best), asked.by), 1):
        row = kept.swept.row(place)
        yield [number, named(kept.swept.candidates[place]), *(value_text(row[one], words(one).kind) for one in columns)]
