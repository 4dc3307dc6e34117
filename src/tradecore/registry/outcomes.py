"""The outcomes of a long experiment, one JSON line each, kept as they come: an interrupted one goes on where it was.

Not a result (a run's artefacts are) and not a log: it lies in the run's folder, and what a run says is made from it.
Called by `control.evidence`. Invariants: an outcome that was acknowledged survives a kill at any instruction; each key
stands in it once; it is read only by the experiment that wrote it, known by its identity; one process writes at a time.

    outcomes.jsonl     {"schema": 1, "identity": "..."}  then  {"key": "...", "value": {...}}  a line each
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from tradecore.core.errors import StateRefusedError
from tradecore.storage.atomic_io import explain, make_folder, strict_json, write_bytes

SCHEMA = 1


class Outcomes:
    """One file of outcomes, open for one writer. Obtained from `open_outcomes`."""

    def __init__(self, path: Path, known: dict[str, Mapping[str, Any]]) -> None:
        self._path = path
        self._known = known

    def done(self) -> Mapping[str, Mapping[str, Any]]:
        """Return everything kept so far by key."""
        return dict(self._known)

    def keep(self, key: str, value: Mapping[str, Any]) -> None:
        """Keep one outcome; on return it is on the disk. A key that is there already is left as it is.

        Errors: StateRefusedError when the file cannot be written; DataError for a value that is not strict JSON.
        """
        if key in self._known:
            return
        self._append((strict_json({"key": key, "value": dict(value)}) + "\n").encode())
        self._known[key] = value

    def _append(self, line: bytes) -> None:
        try:
            handle = os.open(self._path, os.O_WRONLY | os.O_APPEND)
            size = os.fstat(handle).st_size
            try:
                left = memoryview(line)
                while left:
                    left = left[os.write(handle, left) :]
                os.fsync(handle)
            except OSError:
                os.ftruncate(handle, size)
                raise
            finally:
                os.close(handle)
        except OSError as error:
            raise explain(error, self._path) from error


@contextmanager
def open_outcomes(path: Path, identity: str) -> Iterator[Outcomes]:
    """Open the outcomes of the experiment that `identity` names, made if missing; a torn last line is cut off.

    Errors: StateRefusedError when another process writes it, another experiment wrote it, or a line is damaged.
    """
    make_folder(path.parent)
    lock = FileLock(f"{path}.lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise StateRefusedError(f"{path}: another process is at work on this run; wait for it, or end it") from None
    try:
        if not path.exists():
            write_bytes(path, (strict_json({"schema": SCHEMA, "identity": identity}) + "\n").encode())
        yield Outcomes(path, _read(path, identity))
    finally:
        lock.release()


def _read(path: Path, identity: str) -> dict[str, Mapping[str, Any]]:
    try:
        text = path.read_bytes()
        end = text.rfind(b"\n") + 1
        if end < len(text):  # a kill tore off the last line: it was never acknowledged
            os.truncate(path, end)
    except OSError as error:
        raise explain(error, path) from error
    lines = text[:end].splitlines()
    head = _parsed(path, 1, lines[0]) if lines else {}
    if head.get("schema") != SCHEMA or head.get("identity") != identity:
        raise StateRefusedError(
            f"{path}: kept by another experiment, or by other code or data, than the one that wants to go on; start a "
            "new run instead of resuming this one"
        )
    found: dict[str, Mapping[str, Any]] = {}
    for number, line in enumerate(lines[1:], 2):
        row = _parsed(path, number, line)
        found.setdefault(str(row.get("key")), row.get("value", {}))
    return found


def _parsed(path: Path, number: int, line: bytes) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise StateRefusedError(f"{path}, line {number}: not JSON ({error}); start a new run") from None
    if not isinstance(row, dict):
        raise StateRefusedError(f"{path}, line {number}: expected an object; start a new run")
    return row
