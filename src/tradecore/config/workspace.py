"""The workspace: the folder a person works in, and how a command finds it from anywhere inside. Not what lies in it.

A workspace is any folder with a `tradecore.toml`. Called by `bootstrap` and by `doctor`. Light on purpose: finding a
workspace imports nothing beyond the standard library.
"""

from __future__ import annotations

import os
from pathlib import Path

from tradecore.core.errors import NothingThereError

FILE = "tradecore.toml"
VARIABLE = "TRADECORE_WORKSPACE"


def find_workspace(named: Path | None = None, start: Path | None = None) -> Path:
    """Return the workspace folder: the one named, else $TRADECORE_WORKSPACE, else the nearest upwards from `start`.

    Errors: NothingThereError naming where it looked.
    """
    if named is not None:
        return _checked(named, "--workspace")
    variable = os.environ.get(VARIABLE)
    if variable:
        return _checked(Path(variable), VARIABLE)
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        if (folder / FILE).is_file():
            return folder
    raise NothingThereError(
        f"no workspace: neither {here} nor a folder above it has a {FILE}; "
        "run: tradecore init (or name one: --workspace)"
    )


def _checked(folder: Path, origin: str) -> Path:
    folder = folder.expanduser().resolve()
    if not (folder / FILE).is_file():
        raise NothingThereError(f"{origin} names {folder}, which has no {FILE}; run: tradecore init {folder}")
    return folder
