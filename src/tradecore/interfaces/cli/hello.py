"""`tradecore hello`: the whole road in about a minute, from a market to a verdict and a report."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from tradecore.interfaces.cli.lab import open_or_make_lab
from tradecore.interfaces.cli.options import Json, Seed, Workspace
from tradecore.interfaces.cli.screen import Screen

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def hello(
    market: Annotated[
        str, typer.Option("--market", help="A synthetic market: regimes, noise, planted, gbm or jumps.")
    ] = "regimes",
    online: Annotated[bool, typer.Option("--online", help="Take Kraken's newest bars instead.")] = False,
    file: Annotated[
        Path | None, typer.Option("--data", help="Take an archive or Parquet file instead.", show_default=False)
    ] = None,
    pair: Annotated[str | None, typer.Option("--pair", help="The pair to look at.", show_default="BTC/USD")] = None,
    seed: Seed = 7,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Do not open the report.")] = False,
    as_json: Json = False,
    workspace: Workspace = None,
) -> None:
    """See it work: a market, a strategy, the honest test, a verdict and a report.

    Without --online or --data the market is synthetic, and named so wherever it appears. It works in the workspace
    you are in; where there is none, it makes the folder `workspace`.

    Example: tradecore hello --market planted
    """
    from tradecore.control import hello as verbs
    from tradecore.interfaces.cli.verdict import show_result

    screen = Screen(as_json)
    lab = open_or_make_lab(workspace)
    screen.say(f"workspace {lab.root}")
    ask = verbs.Ask(market=market, online=online, file=file, pair=pair, seed=seed)
    with screen.progress() as progress:
        kept = verbs.hello(lab, ask, progress)
    screen.say()
    show_result(screen, kept)
    here = "" if Path.cwd().resolve().is_relative_to(lab.root) else f"cd {os.path.relpath(lab.root)}, then "
    screen.say(f"next    {here}write your own: tradecore strategy new my-idea")
    if lab.settings.report.open_browser and not (no_browser or as_json):
        typer.launch(kept.report.html.as_uri())
