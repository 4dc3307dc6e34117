"""Whole files to and from `Objects`, several at once, each held against its sha256 on the way. Knows no lake.

Called by `market.sync`. Memory is a few parts for each transfer, however large a file is. Invariants: bytes that are
not those the caller expects are never put and never renamed into place; after an error or an interruption no transfer
goes on, and what was finished stays.
"""

from __future__ import annotations

import hashlib
import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TypeAlias, TypeVar

from tradecore.core.errors import DataError, InterruptedRunError
from tradecore.storage.atomic_io import replace_file, temp_beside
from tradecore.storage.objectstore import Objects

SMALL_BYTES = 8 * 1024 * 1024
"""Up to here a file is sent in one request, which can be refused when the object is there."""
PART_BYTES = 1024 * 1024
POLL_S = 0.1
GRACE_S = 0.5
"""How long an interruption waits for a transfer to notice it."""

log = logging.getLogger(__name__)
T = TypeVar("T")
Told: TypeAlias = Callable[[int], None]
"""What a transfer tells that so many more bytes are through."""
Work: TypeAlias = Callable[[Told], None]


@dataclass(frozen=True, slots=True)
class Content:
    """One file as a manifest states it: its name below a root, its size, its sha256."""

    name: str
    bytes: int
    sha256: str


def send(objects: Objects, root: Path, content: Content, told: Told) -> None:
    """Put the file `root / name` under its name; an object that is there is left as it is.

    Errors: DataError when the file is not what was stated, in which case nothing is put; FileNotFoundError; as
    `Objects.put`.
    """
    path = root / content.name
    with path.open("rb") as file:
        parts = _checked(_read(file), content, str(path), "run: tradecore data verify")
        if content.bytes <= SMALL_BYTES:
            data = b"".join(parts)
            objects.create(content.name, data)
            told(len(data))
        else:
            objects.put(content.name, _counted(parts, told))
    log.info("file_sent name=%s bytes=%d", content.name, content.bytes)


def fetch(objects: Objects, root: Path, content: Content, told: Told) -> None:
    """Put the object of that name at `root / name`, through a temp file beside it.

    Errors: DataError when the object is not what was stated, in which case nothing is kept; as `Objects.stream`.
    """
    remedy = "delete it there and push it again from a lake that is sound"
    parts = _checked(objects.stream(content.name), content, f"{objects.address}/{content.name}", remedy)
    with temp_beside(root / content.name) as temp:
        with temp.open("wb") as file:
            for part in _counted(parts, told):
                file.write(part)
        replace_file(temp, root / content.name)
    log.info("file_fetched name=%s bytes=%d", content.name, content.bytes)


def run_all(works: Sequence[Work], at_once: int, told: Callable[[int], None]) -> None:
    """Run transfers on threads, at most `at_once` at a time; `told` gets the bytes of all that are through so far.

    Errors: the first one of any transfer, once the others have stopped; KeyboardInterrupt at once, whatever a request
    that is on its way waits for.
    """
    stop, lock, total = threading.Event(), threading.Lock(), [0]
    todo, errors = deque(works), list[BaseException]()

    def count(more: int) -> None:
        if stop.is_set():
            raise InterruptedRunError("stopped; what was transferred is kept")
        with lock:
            total[0] += more

    def work() -> None:
        while todo and not stop.is_set():
            try:
                todo.popleft()(count)
            except IndexError:
                return
            except BaseException as error:  # boundary: a thread ends here, and its error is raised by the caller's
                errors.append(error)
                stop.set()

    threads = [threading.Thread(target=work, daemon=True) for _ in range(min(at_once, len(works)))]
    try:
        for one in threads:
            one.start()
        for one in threads:
            while one.is_alive():
                one.join(POLL_S)
                told(total[0])
    except BaseException:  # boundary: whatever stops the wait, an interruption too, stops the threads before it goes on
        stop.set()
        for one in threads:
            one.join(GRACE_S)
        raise
    if errors:
        raise errors[0]
    told(total[0])


def interruptible(work: Callable[[], T]) -> T:
    """Return what blocking work returns, or raise what it raises; a KeyboardInterrupt is heard while it blocks.

    The libraries below wait for sockets where Python hears no signal, so the work has a thread of its own. Interrupted,
    that thread is left behind and ends with the process: for work that may be killed at any moment, as a sync may.
    """
    results, errors = list[T](), list[BaseException]()

    def run() -> None:
        try:
            results.append(work())
        except BaseException as error:  # boundary: a thread ends here, and its error is raised by the caller's
            errors.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(POLL_S)
    if errors:
        raise errors[0]
    return results[0]


def _read(file: BinaryIO) -> Iterator[bytes]:
    while part := file.read(PART_BYTES):
        yield part


def _counted(parts: Iterable[bytes], told: Told) -> Iterator[bytes]:
    for part in parts:
        told(len(part))
        yield part


def _checked(parts: Iterable[bytes], content: Content, where: str, remedy: str) -> Iterator[bytes]:
    """Yield parts and raise DataError at the end, or as soon as there are too many bytes, when they are not as stated.

    The last part is held back until the sum is known: who puts parts together never has all of a wrong file.
    """
    seen, size, held = hashlib.sha256(), 0, b""
    for part in parts:
        seen.update(part)
        size += len(part)
        if size > content.bytes:
            break
        if held:
            yield held
        held = bytes(part)
    if size != content.bytes or seen.hexdigest() != content.sha256:
        more = "more than " if size > content.bytes else ""
        raise DataError(
            f"{where}: {more}{size:,} bytes with sha256 {seen.hexdigest()[:12]}; expected {content.bytes:,} bytes and "
            f"{content.sha256[:12]}: it is damaged; {remedy}"
        )
    yield held
