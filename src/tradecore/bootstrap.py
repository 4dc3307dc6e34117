"""The one place that builds: a workspace becomes a lab with its settings, clock and stores. Decides nothing else.

Called by the skins and by the Python API; `control` receives what is built here. A venue, feed or notifier is made
nowhere else, so this file is where to look for what is plugged into what.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tradecore.config.load import load_settings
from tradecore.config.workspace import find_workspace
from tradecore.control.lab import Lab
from tradecore.core.clock import SystemClock


def open_lab(workspace: Path | None = None, overrides: Mapping[str, str] | None = None) -> Lab:
    """Open the workspace named, or the one around the current folder.

    Errors: NothingThereError when there is none; ConfigError for a setting that cannot be meant.
    """
    root = find_workspace(workspace)
    return Lab(root=root, loaded=load_settings(root, overrides), clock=SystemClock())
