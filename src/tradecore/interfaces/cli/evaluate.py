"""`tradecore evaluate`: the whole honest protocol on one strategy, bad news first."""

from __future__ import annotations

from typing import Annotated

import typer

from tradecore.interfaces.cli.backtest import Cash, Flows, Pairs, StrategyArgument
from tradecore.interfaces.cli.lab import open_lab
from tradecore.interfaces.cli.options import From, Json, Params, Seed, TimeframeOption, To, Venue, Workspace, assigned
from tradecore.interfaces.cli.screen import Screen

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def evaluate(
    strategy: StrategyArgument,
    pair: Pairs = None,
    venue: Venue = None,
    timeframe: TimeframeOption = None,
    start: From = None,
    end: To = None,
    param: Params = None,
    grid: Annotated[
        list[str] | None, typer.Option("--grid", metavar="NAME=A,B,C", help="Candidates to choose among; repeatable.")
    ] = None,
    profile: Annotated[
        str | None,
        typer.Option("--profile", help="How much of everything: smoke, standard, deep.", show_default="from settings"),
    ] = None,
    open_holdout: Annotated[
        bool, typer.Option("--open-holdout", help="Open the hold-out even if a gate failed; it is recorded.")
    ] = False,
    folds: Annotated[
        int | None, typer.Option("--folds", min=3, help="Test spans.", show_default="from settings")
    ] = None,
    cash: Cash = None,
    flow: Flows = None,
    seed: Seed = 0,
    as_json: Json = False,
    workspace: Workspace = None,
) -> None:
    """Evaluate a strategy by the whole honest protocol: is there evidence of an edge, and what would have to be true?

    The newest bars stay locked until every other gate has passed; every trial and every opening is recorded.

    Example: tradecore evaluate ma-cross --grid fast=10,20 --profile smoke
    """
    from tradecore.control import evaluations
    from tradecore.control.backtests import Ask
    from tradecore.interfaces.cli.verdict import show_evaluation

    candidates = {name: tuple(values.split(",")) for name, values in assigned("--grid", grid).items()}
    ask = Ask(
        strategy, tuple(pair or ()), venue, timeframe, start, end,
        params=assigned("--param", param), grid=candidates, folds=folds, cash=cash, flows=assigned("--flow", flow),
        seed=seed,
    )  # fmt: skip
    screen = Screen(as_json)
    with screen.progress() as progress:
        kept = evaluations.run(open_lab(workspace), evaluations.EvaluateAsk(ask, profile, open_holdout), progress)
    show_evaluation(screen, kept)
