"""`tradecore config`: what the settings are, where each came from, and what they may be."""

from __future__ import annotations

from typing import Annotated

import typer

from tradecore.interfaces.cli.lab import open_lab
from tradecore.interfaces.cli.options import Json, Workspace
from tradecore.interfaces.cli.screen import Screen

app = typer.Typer(
    rich_markup_mode=None, add_completion=False, no_args_is_help=True, help="Settings: show, schema, diff."
)


@app.command()
def show(
    section: Annotated[str | None, typer.Argument(help="Only this section or key.", show_default="everything")] = None,
    as_json: Json = False,
    workspace: Workspace = None,
) -> None:
    """Show every setting in force: value, unit, and where it came from.

    Example: tradecore config show costs
    """
    from tradecore.control import config

    lab = open_lab(workspace)
    values = config.show(lab, section)
    screen = Screen(as_json)
    rows = [(value.key, _text(value.value), value.unit, _short(value.origin, str(lab.root))) for value in values]
    screen.table(("setting", "value", "unit", "from"), rows, fold=("value",))
    screen.answer({"workspace": lab.root, "settings": values})


@app.command()
def diff(as_json: Json = False, workspace: Workspace = None) -> None:
    """Show the settings that differ from their defaults."""
    from tradecore.control import config

    lab = open_lab(workspace)
    values = config.diff(lab)
    screen = Screen(as_json)
    rows = [(item.key, _text(item.default), _text(item.value), _short(item.origin, str(lab.root))) for item in values]
    if rows:
        screen.table(("setting", "default", "in force", "from"), rows)
    else:
        screen.say("every setting has its default value")
    screen.answer({"workspace": lab.root, "differences": values})


@app.command()
def schema(as_json: Json = False) -> None:
    """Print the JSON schema of tradecore.toml, for editors that complete and check.

    Example: tradecore config schema > tradecore.schema.json
    """
    import json

    from tradecore.control import config

    text = config.schema()
    screen = Screen(as_json)
    screen.say(text)
    screen.answer(json.loads(text))


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _short(origin: str, root: str) -> str:
    return origin.removeprefix(root).lstrip("/\\")
