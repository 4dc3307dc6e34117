"""`tradecore strategy`: which there are, a new one to begin with, and a check of your own."""

from __future__ import annotations

from typing import Annotated

import typer

from tradecore.interfaces.cli import history
from tradecore.interfaces.cli.lab import open_lab, open_lab_if_any
from tradecore.interfaces.cli.options import From, Json, Params, Seed, TimeframeOption, To, Venue, Workspace, assigned
from tradecore.interfaces.cli.screen import Screen

app = typer.Typer(
    rich_markup_mode=None, add_completion=False, no_args_is_help=True, help="Strategies: list, new, check, history."
)


@app.command("list")
def list_(as_json: Json = False, workspace: Workspace = None) -> None:
    """List the built-in strategies, and those in the workspace.

    Example: tradecore strategy list
    """
    from tradecore.control import strategies

    found = strategies.list_strategies(open_lab_if_any(workspace))
    screen = Screen(as_json)
    screen.table(("strategy", "bars", "what it does"), [(item.name, item.timeframe, item.text) for item in found])
    screen.answer({"strategies": found})


@app.command()
def new(
    name: Annotated[str, typer.Argument(help="Words joined by hyphens, as in my-idea.", show_default=False)],
    as_json: Json = False,
    workspace: Workspace = None,
) -> None:
    """Write a new strategy file that works as it stands, with a comment at every choice.

    Example: tradecore strategy new my-idea
    """
    from tradecore.control import strategies

    path = strategies.new(open_lab(workspace), name)
    screen = Screen(as_json)
    screen.say(f"wrote {path}\nnext: tradecore strategy check {path}")
    screen.answer({"file": path})


@app.command()
def check(
    strategy: Annotated[str, typer.Argument(help="A file, or a built-in.", show_default=False)],
    pair: Annotated[
        str | None, typer.Option("--pair", "-p", help="Check on this pair's bars.", show_default="a synthetic market")
    ] = None,
    venue: Venue = None,
    timeframe: TimeframeOption = None,
    start: From = None,
    end: To = None,
    param: Params = None,
    seed: Seed = 0,
    as_json: Json = False,
    workspace: Workspace = None,
) -> None:
    """Check a strategy: contract, determinism, causality, restart, both lanes, speed; a plain verdict.

    Ends with 4 when it fails. Example: tradecore strategy check strategies/my_idea.py
    """
    from tradecore.control import strategies
    from tradecore.control.data import Where

    screen = Screen(as_json)
    where = Where(pair, venue, timeframe, start, end)
    params = assigned("--param", param)
    with screen.progress() as progress:
        report = strategies.check(
            open_lab_if_any(workspace),
            strategy,
            None if where == Where() else where,
            seed=seed,
            params=params,
            progress=progress,
        )
    screen.table(("step", "", "found"), [(item.name, item.outcome, item.text) for item in report.steps])
    for note in report.notes:
        screen.paragraph(f"note: {note}")
    screen.say()
    screen.paragraph(report.verdict)
    screen.answer({"passed": report.passed, "verdict": report.verdict, "steps": report.steps, "notes": report.notes})
    if not report.passed:
        raise typer.Exit(4)


history.hang_into(app)
