"""`tradecore init`: make a workspace."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tradecore.interfaces.cli.options import Json
from tradecore.interfaces.cli.screen import Screen

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(help="Where the workspace is to be.")] = Path(),
    force: Annotated[bool, typer.Option("--force", help="Write a new settings file over the old one.")] = False,
    as_json: Json = False,
) -> None:
    """Make a workspace: a folder with commented settings and places for data, runs and strategies.

    Example: tradecore init ~/lab
    """
    from tradecore.control import config

    made = config.make_workspace(folder, replace=force)
    screen = Screen(as_json)
    screen.say(f"workspace {made.root}")
    screen.say(f"  made {', '.join(made.made)}")
    if made.kept:
        screen.say(f"  kept {', '.join(made.kept)}")
    screen.say("\nnext: tradecore hello, or bring your own history: tradecore data import FILE")
    screen.answer({"workspace": made.root, "made": made.made, "kept": made.kept})
