"""The one place that builds: a workspace becomes a lab with its settings, clock and stores. Decides nothing else.

Called by the skins and by the Python API; `control` receives what is built here: the lab, which opens its stores when
they are first asked for. Clients of a venue live no longer than the verb that asks it, which opens them by
`control.kraken`; a feed or notifier that lasts is made nowhere but here.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tradecore.config.load import load_settings
from tradecore.config.workspace import FILE, find_workspace
from tradecore.control.config import make_workspace
from tradecore.control.lab import Lab
from tradecore.core.clock import SystemClock
from tradecore.core.errors import NothingThereError

NEW_WORKSPACE = Path("workspace")
"""The folder that `open_or_make_lab` makes where there is no workspace, in the current one."""


def open_lab(workspace: Path | None = None, overrides: Mapping[str, str] | None = None) -> Lab:
    """Open the workspace named, or the one around the current folder.

    Errors: NothingThereError when there is none; ConfigError for a setting that cannot be meant.
    """
    root = find_workspace(workspace)
    return Lab(root=root, loaded=load_settings(root, overrides), clock=SystemClock())


def open_or_make_lab(workspace: Path | None = None, overrides: Mapping[str, str] | None = None) -> Lab:
    """Open the workspace as `open_lab` does; where there is none, make the one that was named, or `workspace` here.

    Errors: ConfigError for a setting that cannot be meant; StateRefusedError when the folder cannot be written.
    """
    try:
        return open_lab(workspace, overrides)
    except NothingThereError:
        root = workspace or NEW_WORKSPACE
        if not (root / FILE).is_file():
            make_workspace(root)
        return open_lab(root, overrides)
