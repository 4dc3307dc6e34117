"""The journal of a fetch: pages of trades on their way to the lake, each with the cursor it moved to, in one record.

Append-only. A record holds its length and a checksum, so that what a kill or a power cut left half-written is found
and cut away when the journal is opened; what was cut is asked for again. It knows no venue and no lake. `trades` calls
it. Invariant: rows and cursor of a page are both there or both not, and a trade stands in it once.
"""

from __future__ import annotations

import json
import os
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from tradecore.core.errors import StateRefusedError
from tradecore.core.types import Nanoseconds
from tradecore.market.coverage import Run
from tradecore.market.fetching.rows import Rows
from tradecore.storage.atomic_io import delete_file, explain, make_folder, replace_file, temp_beside

MAGIC = b"tradecore journal 1\n"
SYNC_PAGES = 8
"""Pages between two fsyncs: what a power cut takes of them is asked for again. A kill takes none."""
BLOCK_ROWS = 500_000
_HEAD = struct.Struct("<II")
_COUNT = struct.Struct("<II")


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a chain of pages stands after one of them: what to ask next, and what is known to be missing."""

    start: Nanoseconds
    """The first time wanted: the chain has every trade from here on."""
    held: Nanoseconds
    """The time from which the journal itself has them; the lake has those before."""
    asked: int
    """The cursor the newest page was asked with: asking it again overlaps by that page."""
    cursor: int
    """The venue's cursor after the newest page."""
    newest: Nanoseconds
    """The time shown for the newest trade seen, or `start` before there is one."""
    last_id: int | None = None
    """The highest trade id seen."""
    holes: tuple[Run, ...] = ()
    """Runs of ids below `last_id` that no page has brought."""


class Journal:
    """One pair's journal in one job. Belongs to one process at a time; the job holds the lock."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.mark: Mark | None = None
        self.rows = 0
        self.oldest: Nanoseconds | None = None
        self.cut_bytes = 0
        """What was cut from the end when it was opened."""
        self._unsynced = 0
        make_folder(path.parent)
        try:
            if path.exists():
                self._file = path.open("r+b", buffering=0)
            else:
                self._begin()
            self._end = self._recover()
        except OSError as error:
            raise explain(error, path) from error

    def append(self, mark: Mark, rows: Rows) -> None:
        """Put a page's new rows and the mark it moves to at the end, as one record.

        Errors: StateRefusedError with a remedy when the disk is full; the journal is then as it was.
        """
        record = _packed(mark, rows)
        try:
            self._write(record)
            self._unsynced += 1
            if self._unsynced >= SYNC_PAGES:
                self.sync()
        except OSError as error:
            self._file.truncate(self._end)
            self._file.seek(self._end)
            raise explain(error, self.path) from error
        self._end += len(record)
        self._note(mark, rows)

    def sync(self) -> None:
        """Make durable what was appended."""
        os.fsync(self._file.fileno())
        self._unsynced = 0

    def blocks(self, before: Nanoseconds) -> Iterator[pl.DataFrame]:
        """Yield the trades before a time as tables of `frames.TRADE_SCHEMA`, so that memory holds a block at a time."""
        waiting: list[Rows] = []
        held = 0
        for _, rows in self._records():
            kept = rows.where(rows.time < before)
            if not len(kept):
                continue
            waiting.append(kept)
            held += len(kept)
            if held >= BLOCK_ROWS:
                yield Rows.joined(waiting).frame()
                waiting, held = [], 0
        if waiting:
            yield Rows.joined(waiting).frame()

    def drop_before(self, cut: Nanoseconds) -> None:
        """Forget the trades before a time, which the lake has: what is left is written anew and put in place at once.

        Errors: as `append`.
        """
        assert self.mark is not None, "an empty journal has nothing to drop"
        mark = replace(self.mark, held=max(self.mark.held, cut))
        left = Rows.joined([rows.where(rows.time >= cut) for _, rows in self._records()])
        with temp_beside(self.path) as temp:
            temp.write_bytes(MAGIC + _packed(mark, left))
            self._file.close()
            replace_file(temp, self.path)
        self._file = self.path.open("r+b", buffering=0)
        self.rows, self.oldest = 0, None
        self._end = self._recover()

    def forget(self) -> None:
        """Forget everything, the mark too: another stretch begins. Errors: as `append`."""
        self._file.close()
        self._begin()
        self.mark, self.rows, self.oldest = None, 0, None
        self._end = self._recover()

    def close(self) -> None:
        """Make everything durable and let go of the file."""
        self.sync()
        self._file.close()

    def delete(self) -> None:
        """Close and delete the file: everything in it is in the lake, or nobody wants it."""
        self._file.close()
        delete_file(self.path)

    def _begin(self) -> None:
        """Make the file with nothing but its name line, durably."""
        with temp_beside(self.path) as temp:
            temp.write_bytes(MAGIC)
            replace_file(temp, self.path)
        self._file = self.path.open("r+b", buffering=0)

    def _recover(self) -> int:
        """Read every record, cut what follows the last whole one, and return where the file ends."""
        self._file.seek(0)
        if self._file.read(len(MAGIC)) != MAGIC:
            raise StateRefusedError(
                f"{self.path}: not a journal of this tradecore; expected the line {MAGIC.decode().strip()!r} first; "
                "delete the file and run the job again: what is in the lake stays there"
            )
        end = len(MAGIC)
        for mark, rows in self._records():
            end = self._file.tell()
            self._note(mark, rows)
        size = self._file.seek(0, os.SEEK_END)
        self.cut_bytes = size - end
        if size != end:
            self._file.truncate(end)
        self._file.seek(end)
        return end

    def _note(self, mark: Mark, rows: Rows) -> None:
        self.mark = mark
        self.rows += len(rows)
        if len(rows):
            oldest = int(rows.time.min())
            self.oldest = oldest if self.oldest is None else min(oldest, self.oldest)

    def _write(self, record: bytes) -> None:
        view = memoryview(record)
        while view:
            view = view[self._file.write(view) :]

    def _records(self) -> Iterator[tuple[Mark, Rows]]:
        """Yield whole records from the start; stop at the first that is not. The file stands behind the one yielded."""
        at = len(MAGIC)
        while True:
            self._file.seek(at)
            head = self._file.read(_HEAD.size)
            if len(head) < _HEAD.size:
                break
            length, checksum = _HEAD.unpack(head)
            payload = self._file.read(length)
            if len(payload) < length or zlib.crc32(payload) != checksum:
                break
            at += _HEAD.size + length
            yield _unpacked(payload)
        self._file.seek(at)


def _packed(mark: Mark, rows: Rows) -> bytes:
    state = json.dumps(
        [mark.start, mark.held, mark.asked, mark.cursor, mark.newest, mark.last_id, mark.holes], separators=(",", ":")
    ).encode()
    payload = b"".join([_COUNT.pack(len(state), len(rows)), state, rows.packed()])
    return _HEAD.pack(len(payload), zlib.crc32(payload)) + payload


def _unpacked(payload: bytes) -> tuple[Mark, Rows]:
    size, count = _COUNT.unpack_from(payload)
    begin = _COUNT.size
    start, held, asked, cursor, newest, last_id, holes = json.loads(payload[begin : begin + size])
    mark = Mark(start, held, asked, cursor, newest, last_id, tuple((first, last) for first, last in holes))
    return mark, Rows.unpacked(payload[begin + size :], count)
