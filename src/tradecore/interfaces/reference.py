"""The generated pages of `docs/reference`: commands, settings, errors, indicators, metrics, from the code's tables.

`python -m tradecore.interfaces.reference FOLDER` (or `make docs`) writes them; a test holds what is committed equal to
what is generated, so no page can be stale.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import typer

from tradecore.config.load import Loaded, Value, setting_values
from tradecore.config.template import toml
from tradecore.config.tree import Tree
from tradecore.core import errors
from tradecore.features import reference as features
from tradecore.interfaces.cli.main import EXIT_CODES, app
from tradecore.stats import reference as metrics
from tradecore.storage.atomic_io import make_folder, write_text

WIDTH = 80
_CLI = """# Commands

*Generated from the command line; do not edit.*

Every command takes `--json`: its last line on standard output is then one strict JSON object, and nothing else is
printed there. Before the command stand `--workspace FOLDER` (or the variable `TRADECORE_WORKSPACE`; without either, the
nearest folder upwards with a `tradecore.toml`), `--set SECTION.KEY=VALUE` and `--debug`. The exit codes are in
[errors](errors.md)."""
_SETTINGS = """# Settings

*Generated from the tree of settings; do not edit.*

Four layers, the later over the earlier: defaults, `tradecore.toml`, the environment (`TRADECORE_SECTION__KEY`, lists as
JSON), and `--set section.key=value` on the command line. An unknown key stops everything. `tradecore config show` says
what is in force and which layer it came from, `tradecore config diff` what differs from the defaults, and
`tradecore config schema` prints the JSON schema."""
_ERRORS = """# Errors and exit codes

*Generated from the error tree; do not edit.*

A command that fails prints `error:` and one or two lines that say what was, what was expected and what to do. With
`--json` its last line is an object with `error`, `kind` (the class below) and `exit_code`. `--debug` before the command
shows the traceback.

## Exit codes

| Code | Meaning |
|---|---|"""


def command_help() -> Iterator[tuple[str, str]]:
    """Yield every command of the command line, groups included, with its help as a terminal of 80 columns shows it."""
    yield from _walk(typer.main.get_command(app), "tradecore", None)


def _walk(command: Any, name: str, parent: Any) -> Iterator[tuple[str, str]]:
    context = typer.Context(command, info_name=name.rpartition(" ")[2], parent=parent, terminal_width=WIDTH)
    yield name, "\n".join(line.rstrip() for line in command.get_help(context).splitlines())
    if hasattr(command, "list_commands"):
        for inner in command.list_commands(context):
            yield from _walk(command.get_command(context, inner), f"{name} {inner}", context)


def error_classes() -> list[type[errors.TradecoreError]]:
    """Return every class of the error tree in the order of the file."""
    found = (value for value in vars(errors).values() if inspect.isclass(value))
    return [value for value in found if issubclass(value, errors.TradecoreError)]


def _cli() -> str:
    parts = [_CLI]
    parts += [f"\n## `{name}`\n\n```text\n{text}\n```" for name, text in command_help()]
    return "\n".join(parts) + "\n"


def _settings() -> str:
    parts = [_SETTINGS]
    section = None
    for value in setting_values(Loaded(Tree(), {})):
        name, _, key = value.key.rpartition(".")
        if name != section:
            section = name
            text = inspect.getdoc(getattr(Tree(), name).__class__) if name else "The file itself."
            parts.append(f"\n## {f'`[{name}]`' if name else 'The file'}\n\n{text}\n")
            parts.append("| Key | Default | Unit | Range | Meaning |\n|---|---|---|---|---|")
        parts.append(_setting_row(key, value))
    return "\n".join(parts) + "\n"


def _setting_row(key: str, value: Value) -> str:
    return _row(f"`{key}`", f"`{toml(value.default)}`", value.unit, value.range, value.text)


def _errors() -> str:
    parts = [
        _ERRORS,
        *(_row(str(code), text) for code, text in EXIT_CODES.items()),
        "\n## Classes\n\n| Class | Is a | Exit code | Raised when |\n|---|---|---|---|",
    ]
    for kind in error_classes():
        parent = kind.__bases__[0].__name__
        parts.append(
            _row(f"`{kind.__name__}`", f"`{parent}`", str(kind.exit_code), " ".join((kind.__doc__ or "").split()))
        )
    return "\n".join(parts) + "\n"


def _row(*cells: str) -> str:
    return "| " + " | ".join(" ".join(cell.replace("|", "\\|").split()) for cell in cells) + " |"


PAGES: Mapping[str, Callable[[], str]] = MappingProxyType(
    {
        "cli.md": _cli,
        "settings.md": _settings,
        "errors.md": _errors,
        "indicators.md": features.render,
        "metrics.md": metrics.render,
    }
)
"""Every generated page by its file name."""


def main(folder: Path) -> None:
    """Write every page into a folder."""
    make_folder(folder)
    for name, render in PAGES.items():
        write_text(folder / name, render())


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/reference"))
