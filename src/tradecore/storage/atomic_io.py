"""Write files so that a reader, or a kill at any instruction, sees the old content or the new, never a mixture.

It is the one way by which tradecore writes a file that will be read again: temp file beside the target, fsync, rename,
fsync of the folder. It is not a database and takes no locks; who may write where is the caller's business. Everything
above `storage` calls it. Invariant: after a call returns, the new content survives a power cut; when a call raises, the
target is as it was and no temp file is left.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from tradecore.core.errors import DataError, StateRefusedError, TradecoreError

TEMP_SUFFIX = ".tmp"
"""Every temp file ends so; one left by a kill may be deleted at any time."""

_LINED_LEVELS = 2
_NESTED = (dict, list, tuple)

_Step = Callable[[str, Path], None]
_steps: list[_Step] = []

_REMEDIES = {
    errno.ENOSPC: "the disk is full; free some space and run it again",
    errno.EDQUOT: "the disk quota is used up; free some space and run it again",
    errno.EFBIG: "the file is larger than this system allows (see `ulimit -f`); raise the limit and run it again",
    errno.EROFS: "the file system is read-only; choose a folder that can be written",
    errno.EACCES: "no permission to write there; change the permissions or choose another folder",
    errno.EPERM: "writing there is not permitted; change the permissions or choose another folder",
    errno.ENOTDIR: "a file stands where a folder is expected; move it away",
    errno.EEXIST: "a file stands where a folder is expected; move it away",
    errno.EISDIR: "a folder stands where a file is expected; move it away",
    errno.EIO: "the disk reported an error; check it before you go on",
}


def write_bytes(path: Path | str, data: bytes | memoryview) -> None:
    """Put `data` at `path`, whole or not at all; missing folders are made.

    Errors: StateRefusedError naming the path and the remedy when the disk is full, the folder cannot be written, or a
            file stands where a folder is expected.
    """
    target = Path(path)
    with _explained(target):
        make_folder(target.parent)
        handle, name = tempfile.mkstemp(prefix=f".{target.name[:100]}.", suffix=TEMP_SUFFIX, dir=target.parent)
        temp = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            temp.chmod(_ordinary_mode())
            replace_file(temp, target)
        except BaseException:  # boundary: whatever stops the write, an interruption too, leaves no temp file behind
            _forget(temp)
            raise


def write_text(path: Path | str, text: str) -> None:
    """Put `text` at `path` as UTF-8, whole or not at all. Errors: as `write_bytes`."""
    write_bytes(path, text.encode("utf-8"))


def write_json(path: Path | str, value: object) -> None:
    """Put `value` at `path` as readable JSON, keys in the order given. Errors: as `write_bytes` and `strict_json`."""
    try:
        text = readable_json(value)
    except DataError as error:
        raise DataError(f"{path}: {error}") from None
    write_text(path, text + "\n")


def strict_json(value: object, *, sort_keys: bool = False) -> str:
    """Return `value` as JSON that every reader accepts: no NaN, no infinity, no key that is not text.

    There is no white space, so that equal values have equal text (with `sort_keys`, whatever the order of their keys).
    Errors: DataError saying which kind of value cannot be written.
    """
    _refuse_foreign_keys(value, "$")
    return _encoded(value, ",", ":", sort_keys=sort_keys)


def readable_json(value: object) -> str:
    """Return `value` as strict JSON for people too: two levels by lines, what lies deeper on the line it belongs to.

    A list of ten thousand trades so has a line for each. Errors: as `strict_json`.
    """
    _refuse_foreign_keys(value, "$")
    return _by_lines(value, 0)


def replace_file(temp: Path | str, path: Path | str) -> None:
    """Make the finished file `temp` the content of `path`: fsync, rename, fsync of the folder.

    Both must lie on one file system. For content too large for memory: write it to a temp file (`temp_beside`) first.
    Errors: as `write_bytes`.
    """
    source, target = Path(temp), Path(path)
    with _explained(target):
        _announce("sync", target)
        sync_file(source)
        _announce("rename", target)
        source.replace(target)
        _announce("renamed", target)
        sync_folder(target.parent)


@contextmanager
def temp_beside(path: Path | str) -> Iterator[Path]:
    """Give the path of a new empty temp file in the folder of `path`; it is deleted at the end unless it was renamed.

    Errors: as `write_bytes`; an OSError raised inside the block is explained the same way.
    """
    target = Path(path)
    with _explained(target):
        make_folder(target.parent)
        handle, name = tempfile.mkstemp(prefix=f".{target.name[:100]}.", suffix=TEMP_SUFFIX, dir=target.parent)
        os.close(handle)
        temp = Path(name)
        temp.chmod(_ordinary_mode())
        try:
            yield temp
        finally:
            _forget(temp)


def make_folder(path: Path | str) -> None:
    """Make a folder and its parents, and make their names durable. Errors: as `write_bytes`."""
    folder = Path(path)
    if folder.is_dir():
        return
    with _explained(folder):
        missing = [folder, *folder.parents]
        missing = missing[: next((i for i, one in enumerate(missing) if one.exists()), len(missing))]
        for one in reversed(missing):
            _announce("mkdir", one)
            one.mkdir(exist_ok=True)
            sync_folder(one.parent)
        if not folder.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, "not a folder", str(folder))


def delete_file(path: Path | str) -> None:
    """Delete a file durably; a missing file is no error. Errors: as `write_bytes`."""
    target = Path(path)
    with _explained(target):
        _announce("delete", target)
        target.unlink(missing_ok=True)
        sync_folder(target.parent)


def sync_file(path: Path | str) -> None:
    """Flush a file's content to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_folder(path: Path | str) -> None:
    """Flush a folder's names to the disk, where the system lets a folder be opened (not on Windows)."""
    if os.name == "nt":  # pragma: no cover - a folder cannot be opened there, and a rename is journalled
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def observed(step: _Step) -> Iterator[None]:
    """Call `step(name, path)` before each step that changes the disk; crash tests kill the process inside it."""
    _steps.append(step)
    try:
        yield
    finally:
        _steps.remove(step)


def _announce(name: str, path: Path) -> None:
    for step in _steps:
        step(name, path)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turn an OSError into the error a person can act on."""
    try:
        yield
    except OSError as error:
        raise explain(error, path) from error


def explain(error: OSError, path: Path | str) -> TradecoreError:
    """Return the typed error for a failed write: what failed, where, and what to do."""
    remedy = _REMEDIES.get(error.errno or 0, "check the path and the disk, then run it again")
    return StateRefusedError(f"{path}: could not write ({error.strerror or error}); {remedy}")


def _forget(temp: Path) -> None:
    """Delete a temp file if it can be: nobody reads one, and the first error is the one to tell."""
    with contextlib.suppress(OSError):
        temp.unlink(missing_ok=True)


def _ordinary_mode() -> int:
    """Return the mode a plain `open` would have given: mkstemp makes files private."""
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


def _by_lines(value: object, depth: int) -> str:
    """Return JSON with an entry a line down to `_LINED_LEVELS`; below, the encoder in C writes a branch at once."""
    if depth == _LINED_LEVELS or not isinstance(value, _NESTED) or not value:
        return _encoded(value, ", ", ": ")
    room = "  " * (depth + 1)
    if isinstance(value, dict):
        lines = [f"{room}{_encoded(key, ',', ':')}: {_by_lines(one, depth + 1)}" for key, one in value.items()]
        return "{\n" + ",\n".join(lines) + "\n" + "  " * depth + "}"
    if not any(isinstance(one, _NESTED) for one in value):
        return _encoded(value, ", ", ": ")
    return "[\n" + ",\n".join(room + _by_lines(one, depth + 1) for one in value) + "\n" + "  " * depth + "]"


def _encoded(value: object, between: str, after_key: str, *, sort_keys: bool = False) -> str:
    try:
        return _encoder(between, after_key, sort_keys).encode(value)
    except (TypeError, ValueError) as error:
        raise DataError(
            f"a value cannot be written as strict JSON ({error}); expected text, finite numbers, true, false, null, "
            "lists and objects"
        ) from None


@cache
def _encoder(between: str, after_key: str, sort_keys: bool) -> json.JSONEncoder:
    """Return an encoder made once: `json.dumps` would make one for each of ten thousand lines."""
    return json.JSONEncoder(ensure_ascii=False, allow_nan=False, sort_keys=sort_keys, separators=(between, after_key))


def _refuse_foreign_keys(value: object, where: str) -> None:
    """Raise DataError for a key that json.dumps would silently turn into text."""
    if isinstance(value, dict):
        for key, one in value.items():
            if not isinstance(key, str):
                raise DataError(f"{where}: key {key!r} cannot be written as strict JSON; expected text")
            if isinstance(one, _NESTED):
                _refuse_foreign_keys(one, f"{where}.{key}")
    elif isinstance(value, list | tuple):
        for index, one in enumerate(value):
            if isinstance(one, _NESTED):
                _refuse_foreign_keys(one, f"{where}[{index}]")
