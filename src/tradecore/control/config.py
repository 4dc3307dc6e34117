"""Verbs of settings: make a workspace, show what is in force and why, export the schema, show what differs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tradecore.config.load import Value, setting_values
from tradecore.config.template import differences, json_schema, settings_file
from tradecore.config.tree import FolderSettings
from tradecore.config.workspace import FILE
from tradecore.control.lab import Lab
from tradecore.core.errors import NothingThereError, StateRefusedError
from tradecore.storage.atomic_io import make_folder, write_text


@dataclass(frozen=True, slots=True)
class Made:
    """What `make_workspace` made, and what was there already."""

    root: Path
    made: tuple[str, ...]
    kept: tuple[str, ...]


def make_workspace(root: Path, *, replace: bool = False) -> Made:
    """Make a workspace at `root`: the settings file and the folders. What is there is kept.

    Errors: StateRefusedError when there is a settings file and `replace` is False.
    """
    root = root.expanduser().resolve()
    if (root / FILE).exists() and not replace:
        raise StateRefusedError(f"{root / FILE} is there already; use it as it is, or write a new one with --force")
    folders = tuple(FolderSettings().model_dump().values())
    kept = tuple(name for name in folders if (root / name).is_dir())
    for name in ("", *folders):
        make_folder(root / name)
    # The settings file comes last: a folder is a workspace only when everything it needs is there.
    write_text(root / FILE, settings_file())
    return Made(root, (*(name for name in folders if name not in kept), FILE), kept)


def show(lab: Lab, section: str | None = None) -> list[Value]:
    """Return every setting in force with its origin, or those of one section or key.

    Errors: NothingThereError for a section that there is not.
    """
    values = setting_values(lab.loaded)
    if section is None:
        return values
    chosen = [value for value in values if value.key == section or value.key.startswith(f"{section}.")]
    if not chosen:
        sections = dict.fromkeys(value.key.partition(".")[0] for value in values)
        raise NothingThereError(f"settings have no section or key {section!r}; sections: {', '.join(sections)}")
    return chosen


def diff(lab: Lab) -> list[Value]:
    """Return the settings that differ from the defaults."""
    return differences(lab.loaded)


def schema() -> str:
    """Return the JSON schema of the settings."""
    return json_schema()
