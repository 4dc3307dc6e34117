"""Verbs of runs: which there are, and one in full."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradecore.control.lab import Lab
from tradecore.core.errors import NothingThereError

if TYPE_CHECKING:
    from tradecore.registry.runs import ListedRun, Run


def list_runs(lab: Lab, kind: str | None = None, limit: int = 0) -> list[ListedRun]:
    """Return the runs of the lab, newest first; all kinds and all of them unless told otherwise.

    Errors: NothingThereError when there is none.
    """
    found = [run for run in lab.runs.list() if kind is None or (run.record is not None and run.record.kind == kind)]
    if not found:
        what = f"no run of kind {kind!r}" if kind else "no run yet"
        raise NothingThereError(f"{what} in {lab.folder('runs')}; make one with: tradecore hello")
    return found[:limit] if limit else found


def show(lab: Lab, name: str) -> Run:
    """Return one run by its id, the start of it, or `latest`. Errors: as `registry.runs.Runs.get`."""
    return lab.runs.get(name)
