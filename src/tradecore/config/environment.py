"""The environment that a process started by us gets: ours, with what must differ in it."""

from __future__ import annotations

import os


def child_environment(**changes: str) -> dict[str, str]:
    """Return this process's environment variables with some of them set otherwise."""
    return {**os.environ, **changes}
