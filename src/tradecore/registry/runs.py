"""Run directories: what one execution was asked, what it ran on, what came out, and the files that prove it.

    runs/latest              a file that holds the id of the run started last
    runs/<id>/run.json       the record (`registry.record`), rewritten whole at each change
    runs/<id>/...            artefacts: JSON, arrays, text, tracks, reports; each with its sha256 in the record

Not a database of results and not a lock: one process writes a run, anyone may read it. Called by `control`, `backtest`
and the skins. Invariant: a directory appears under its id only with a readable record in it, and a file is named in the
record only after it is whole, so a kill at any instruction leaves every run readable.
"""

from __future__ import annotations

import base64
import builtins
import contextlib
import errno
import hashlib
import io
import json
import os
import re
import shutil
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import ValidationError

from tradecore.core.bars import Bars
from tradecore.core.clock import Clock, SystemClock
from tradecore.core.errors import DataError, InterruptedRunError, NothingThereError, StateRefusedError, UsageError
from tradecore.core.types import iso, parse_time
from tradecore.registry.record import (
    SCHEMA,
    ArtefactRecord,
    RunRecord,
    RunStatus,
    describe_code,
    describe_data,
    describe_host,
    describe_versions,
    is_process_gone,
    plain,
    plain_mapping,
)
from tradecore.storage.atomic_io import explain, make_folder, readable_json, sync_folder, write_bytes, write_json

RECORD = "run.json"
LATEST = "latest"
_ID_LENGTH = 8
_ID = re.compile(rf"[a-z2-7]{{{_ID_LENGTH}}}")
_ATTEMPTS = 1_000
_QUICKEST = 1


@dataclass(frozen=True, slots=True)
class RunInputs:
    """What a run depends on beside its arguments."""

    data: Sequence[Bars] = ()
    features: Mapping[str, str] | None = None
    """Hash of each feature, by name."""
    seeds: Mapping[str, int] | None = None
    settings: Mapping[str, object] | None = None
    """The settings that the numbers depend on, by section."""
    strategy: str = ""
    """Hash of the strategy that was asked for."""


@dataclass(frozen=True, slots=True)
class ListedRun:
    """One line of the list of runs: a record, or what is wrong with it."""

    id: str
    path: Path
    status: RunStatus
    """As it is now: a run whose process is gone is INTERRUPTED, whatever its record last said."""
    record: RunRecord | None
    damage: str = ""


class Run:
    """One run's directory. Obtained from `Runs`; as a context manager it ends the run whichever way the block ends."""

    def __init__(self, path: Path, record: RunRecord, clock: Clock) -> None:
        self.path = path
        self.record = record
        self._clock = clock

    @property
    def id(self) -> str:
        """The run's short id."""
        return self.record.id

    @property
    def status(self) -> RunStatus:
        """Where the run stands now; INTERRUPTED when it says it is running but its process is gone."""
        return _status_now(self.record)

    def save_json(self, name: str, value: object) -> Path:
        """Store a value as strict JSON under `name` (`.json` is added); a float that is not finite becomes null.

        Errors: DataError for what has no plain form.
        """
        text = readable_json(plain(value, name))
        return self._save(_with_suffix(name, ".json"), (text + "\n").encode())

    def save_text(self, name: str, text: str) -> Path:
        """Store text as UTF-8 under `name`, suffix included."""
        return self._save(name, text.encode())

    def save_array(self, name: str, **arrays: npt.NDArray[Any]) -> Path:
        """Store named arrays under `name` (`.npz` is added); equal arrays give equal bytes.

        Errors: DataError for an array of objects.
        """
        if any(array.dtype.hasobject for array in arrays.values()):
            raise DataError(f"{name}: an array of Python objects cannot be stored; expected numbers, flags or text")
        return self._save(_with_suffix(name, ".npz"), _npz(arrays))

    def load_json(self, name: str) -> object:
        """Return a stored JSON value. Errors: as `read`."""
        return json.loads(self.read(_with_suffix(name, ".json")))

    def load_array(self, name: str) -> dict[str, npt.NDArray[Any]]:
        """Return stored arrays by name. Errors: as `read`."""
        full = _with_suffix(name, ".npz")
        try:
            with np.load(io.BytesIO(self.read(full)), allow_pickle=False) as stored:
                return {key: stored[key] for key in stored.files}
        except (zipfile.BadZipFile, ValueError) as error:
            raise StateRefusedError(f"{self.path / full}: not an array file ({error}); run it again") from None

    def read(self, name: str) -> bytes:
        """Return an artefact's bytes, checked against the hash in the record.

        Errors: NothingThereError when the run has no such artefact; StateRefusedError when the file is gone or changed.
        """
        wanted = self.record.artefacts.get(name)
        if wanted is None:
            known = ", ".join(sorted(self.record.artefacts)) or "none"
            raise NothingThereError(f"run {self.id} has no artefact {name!r}; it has: {known}")
        path = self.path / name
        try:
            data = path.read_bytes()
        except OSError as error:
            raise StateRefusedError(f"{path}: could not be read ({error.strerror}); run it again") from None
        if hashlib.sha256(data).hexdigest() != wanted.sha256:
            raise StateRefusedError(f"{path}: the file changed since run {self.id} wrote it; run it again")
        return data

    def add_artefact(self, path: Path | str) -> Path:
        """Name a file, which other code wrote whole into the run's directory, in the record.

        Errors: UsageError when it lies elsewhere; NothingThereError when it is not there.
        """
        full = self.path / path
        if not full.resolve().is_relative_to(self.path.resolve()):
            raise UsageError(f"{full} lies outside run {self.id}; write it into {self.path} first")
        if not full.is_file():
            raise NothingThereError(f"{full}: no such file; write it before it is added to run {self.id}")
        name = _checked_name(full.resolve().relative_to(self.path.resolve()).as_posix())
        with full.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        self._register(name, ArtefactRecord(sha256=digest, bytes=full.stat().st_size))
        return full

    def finish(self, metrics: Mapping[str, object] | None = None) -> None:
        """End the run as done, with its metrics. Errors: StateRefusedError when it has ended already."""
        self._end(RunStatus.DONE, metrics or {}, None)

    def fail(self, error: BaseException | str) -> None:
        """End the run as failed, with the reason. Errors: StateRefusedError when it has ended already."""
        text = error if isinstance(error, str) else f"{type(error).__name__}: {error}"
        self._end(RunStatus.FAILED, {}, text)

    def interrupt(self, reason: str = "stopped on request") -> None:
        """End the run as interrupted. Errors: StateRefusedError when it has ended already."""
        self._end(RunStatus.INTERRUPTED, {}, reason)

    def __enter__(self) -> Run:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.record.status is not RunStatus.RUNNING:
            return
        if error is None:
            self.finish()
        elif isinstance(error, KeyboardInterrupt | InterruptedRunError):
            self.interrupt()
        else:
            self.fail(error)

    def __repr__(self) -> str:
        return f"Run({self.id}, {self.record.kind}, {self.status})"

    def _save(self, name: str, data: bytes) -> Path:
        path = self.path / _checked_name(name)
        if name in self.record.artefacts:
            # Between the new file and the new hash a kill must not leave a hash that the file does not have.
            others = {one: artefact for one, artefact in self.record.artefacts.items() if one != name}
            self._write(self.record.model_copy(update={"artefacts": others}))
        write_bytes(path, data)
        self._register(name, ArtefactRecord(sha256=hashlib.sha256(data).hexdigest(), bytes=len(data)))
        return path

    def _register(self, name: str, artefact: ArtefactRecord) -> None:
        self._write(self.record.model_copy(update={"artefacts": {**self.record.artefacts, name: artefact}}))

    def _end(self, status: RunStatus, metrics: Mapping[str, object], error: str | None) -> None:
        if self.record.status is not RunStatus.RUNNING:
            raise StateRefusedError(f"run {self.id} has ended as {self.record.status} and cannot end again")
        ended = {"status": status, "ended": iso(self._clock.now()), "error": error}
        self._write(self.record.model_copy(update={**ended, "metrics": plain_mapping(metrics, "metrics")}))

    def _write(self, record: RunRecord) -> None:
        write_json(self.path / RECORD, record.to_json())
        self.record = record


class Runs:
    """The runs of one workspace: start one, list them, get one by id, by the start of its id, or as `latest`."""

    def __init__(self, root: Path | str, clock: Clock | None = None) -> None:
        self.root = Path(root)
        self._clock = SystemClock() if clock is None else clock

    def start(self, kind: str, arguments: Mapping[str, object], inputs: RunInputs | None = None) -> Run:
        """Make a new run's directory and record, and point `latest` at it.

        Errors: DataError for an argument that cannot be recorded; StateRefusedError when the folder cannot be written.
        """
        asked, given = plain_mapping(arguments, "arguments"), inputs or RunInputs()
        fields: dict[str, Any] = {
            "schema": SCHEMA, "kind": kind, "status": RunStatus.RUNNING, "started": iso(self._clock.now()),
            "ended": None, "arguments": asked, "code": describe_code(given.strategy), "data": describe_data(given.data),
            "features": dict(given.features or {}), "versions": describe_versions(), "seeds": dict(given.seeds or {}),
            "settings": plain_mapping(given.settings or {}, "settings"),
            "host": describe_host(), "metrics": {}, "artefacts": {}, "error": None,
        }  # fmt: skip
        make_folder(self.root)
        for attempt in range(_ATTEMPTS):
            record = RunRecord(id=_short_id(kind, asked, fields["started"], attempt), **fields)
            if self._place(record):
                write_bytes(self.root / LATEST, f"{record.id}\n".encode())
                return Run(self.root / record.id, record, self._clock)
        raise StateRefusedError(f"{self.root}: no free run id in {_ATTEMPTS} tries; move old runs away")

    def resume(self, run: Run) -> Run:
        """Let an interrupted or failed run go on in this process, its artefacts kept; `latest` points at it again.

        Who calls this holds a lock of its own: two processes must not go on with one run.
        Errors: StateRefusedError when it is done, or still running.
        """
        if run.status in (RunStatus.DONE, RunStatus.RUNNING):
            what = "done" if run.status is RunStatus.DONE else f"still running as process {run.record.host.process}"
            raise StateRefusedError(f"run {run.id} is {what}; only one that was interrupted or failed can go on")
        again = {"status": RunStatus.RUNNING, "ended": None, "error": None, "host": describe_host()}
        resumed = Run(run.path, run.record, self._clock)
        resumed._write(run.record.model_copy(update=again))
        write_bytes(self.root / LATEST, f"{run.id}\n".encode())
        return resumed

    def list(self) -> builtins.list[ListedRun]:
        """Return all runs, newest first, damaged ones last; empty when there are none."""
        if not self.root.is_dir():
            return []
        found = [_listed(path) for path in sorted(self.root.iterdir()) if _ID.fullmatch(path.name) and path.is_dir()]
        return sorted(
            found, key=lambda one: (parse_time(one.record.started) if one.record else 0, one.id), reverse=True
        )

    def get(self, name: str = LATEST) -> Run:
        """Return the run with this id, or whose id starts so, or the latest.

        Errors: NothingThereError when there is none; UsageError when several ids start so; StateRefusedError when its
                record is damaged.
        """
        listed = self._find(name)
        if listed.record is None:
            raise StateRefusedError(f"run {listed.id} is damaged: {listed.damage}; its files are in {listed.path}")
        return Run(listed.path, listed.record, self._clock)

    def _find(self, name: str) -> ListedRun:
        ids = [path.name for path in self.root.iterdir()] if self.root.is_dir() else []
        ids = sorted(one for one in ids if _ID.fullmatch(one) and (self.root / one).is_dir())
        if not ids:
            raise NothingThereError(f"no run yet in {self.root}; make one with: tradecore hello")
        if name == LATEST:
            return self._latest(ids)
        matches = [one for one in ids if one.startswith(name)] if name else []
        if len(matches) > 1:
            raise UsageError(f"run {name!r} could be {', '.join(matches[:5])}; give more letters of the id")
        if not matches:
            raise NothingThereError(f"no run {name!r} in {self.root}; see them with: tradecore runs list")
        return _listed(self.root / matches[0])

    def _latest(self, ids: builtins.list[str]) -> ListedRun:
        """Return the run that `latest` names; a kill or a person may have left it behind, then the newest by record."""
        with contextlib.suppress(OSError):
            named = (self.root / LATEST).read_text(encoding="utf-8", errors="replace").strip()
            if named in ids:
                return _listed(self.root / named)
        return self.list()[0]

    def _place(self, record: RunRecord) -> bool:
        """Put a directory with its record under the run's id in one step; False when the id is taken."""
        target = self.root / record.id
        if target.exists():
            return False
        try:
            made = Path(tempfile.mkdtemp(prefix=".new-", dir=self.root))
        except OSError as error:
            raise explain(error, target) from error
        try:
            write_json(made / RECORD, record.to_json())
            made.chmod(0o755)
            made.rename(target)
        except OSError as error:
            if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
                return False
            raise explain(error, target) from error
        finally:
            shutil.rmtree(made, ignore_errors=True)
        sync_folder(self.root)
        return True


def read_record(path: Path) -> RunRecord:
    """Read one `run.json`. Errors: DataError saying what is wrong with it."""
    try:
        stored = json.loads(path.read_bytes())
    except OSError as error:
        raise DataError(f"{RECORD} could not be read ({error.strerror})") from None
    except ValueError as error:
        raise DataError(f"{RECORD} is not JSON ({error})") from None
    if isinstance(stored, dict) and isinstance(stored.get("schema"), int) and stored["schema"] > SCHEMA:
        raise DataError(f"{RECORD} has schema {stored['schema']}, this tradecore knows {SCHEMA}; update tradecore")
    try:
        return RunRecord.model_validate(stored)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the whole"
        raise DataError(f"{RECORD} is not a run's record: {place}: {first['msg']}") from None


def _listed(path: Path) -> ListedRun:
    try:
        record = read_record(path / RECORD)
    except DataError as error:
        return ListedRun(path.name, path, RunStatus.DAMAGED, None, str(error))
    if record.id != path.name:
        return ListedRun(path.name, path, RunStatus.DAMAGED, None, f"{RECORD} belongs to run {record.id}")
    return ListedRun(path.name, path, _status_now(record), record)


def _status_now(record: RunRecord) -> RunStatus:
    if record.status is RunStatus.RUNNING and is_process_gone(record.host):
        return RunStatus.INTERRUPTED
    return record.status


def _short_id(kind: str, arguments: Mapping[str, object], started: str, attempt: int) -> str:
    """Return eight letters and digits that start with a letter, so that no shell or reader takes them for a number."""
    text = json.dumps([kind, arguments, started, os.getpid(), attempt], sort_keys=True)
    digest = hashlib.sha256(text.encode()).digest()
    letters = base64.b32encode(digest).decode().lower().rstrip("=")
    return letters.lstrip("234567")[:_ID_LENGTH]


def _npz(arrays: Mapping[str, npt.NDArray[Any]]) -> bytes:
    """Return arrays in numpy's own format, packed at the quickest level: the others take longer for 2 % less."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for key, array in arrays.items():
            part = io.BytesIO()
            np.lib.format.write_array(part, np.asanyarray(array), allow_pickle=False)
            # A member made like this carries no time of writing.
            archive.writestr(zipfile.ZipInfo(f"{key}.npy"), part.getbuffer(), zipfile.ZIP_DEFLATED, _QUICKEST)
    return buffer.getvalue()


def _with_suffix(name: str, suffix: str) -> str:
    return name if name.endswith(suffix) else name + suffix


def _checked_name(name: str) -> str:
    path = PurePosixPath(name)
    if not name or path.is_absolute() or ".." in path.parts or "\\" in name or str(path) in (RECORD, "."):
        raise UsageError(f"artefact name {name!r}: expected a path below the run's folder, other than {RECORD}")
    return name
