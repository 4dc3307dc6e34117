"""Opening the lab for a command: remembers the options given before the noun, and builds when a command asks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tradecore.core.errors import NothingThereError, UsageError

if TYPE_CHECKING:
    from tradecore.control.lab import Lab

_given: dict[str, Path | None] = {"workspace": None}
_overrides: dict[str, str] = {}


def remember(workspace: Path | None, settings: Sequence[str]) -> None:
    """Keep what was said before the noun. Errors: UsageError for an override that is not KEY=VALUE."""
    _given["workspace"] = workspace
    _overrides.clear()
    for text in settings:
        key, equals, value = text.partition("=")
        if not (key and equals):
            raise UsageError(f"--set {text}: expected SECTION.KEY=VALUE, as in --set costs.taker_fee=0.0026")
        _overrides[key.strip()] = value.strip()


def open_lab(workspace: Path | None = None, settings: Mapping[str, str] | None = None) -> Lab:
    """Open the workspace that the command, or the words before it, or the current folder name.

    `settings` are those a command's own options stand for; they go above everything else.
    """
    from tradecore import bootstrap

    return bootstrap.open_lab(workspace or _given["workspace"], {**_overrides, **(settings or {})})


def open_lab_if_any(workspace: Path | None = None) -> Lab | None:
    """Open the workspace as `open_lab` does; None where none was named and there is none around."""
    try:
        return open_lab(workspace)
    except NothingThereError:
        if workspace or _given["workspace"]:
            raise
        return None


def open_or_make_lab(workspace: Path | None = None) -> Lab:
    """Open the workspace as `open_lab` does; where there is none, make it first."""
    from tradecore import bootstrap

    return bootstrap.open_or_make_lab(workspace or _given["workspace"], _overrides)
