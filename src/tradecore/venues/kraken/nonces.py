"""Numbers used once: always above the last, also after a kill, a restart and a clock that was put back.

One writer per key and machine. It holds a lock while it lives, and on disk a mark that no nonce given out may pass: the
mark is moved ahead, durably, before a number beyond it is given out, so that a kill at any instruction costs numbers
and never repeats one. The private client calls it. Invariant: every number is above every number of this key before.
A disk that is full is refused at the start. Later it stops nothing, because an exit may be waiting: numbers go on from
the clock and `unsaved` says so; should a kill and a clock put back then come together, the venue refuses a used number.
"""

from __future__ import annotations

import json
from pathlib import Path

from filelock import FileLock, Timeout

from tradecore.core.clock import Clock
from tradecore.core.errors import StateRefusedError
from tradecore.core.types import SECOND_NS
from tradecore.storage.atomic_io import make_folder, write_json

BLOCK = 30 * SECOND_NS
"""How far ahead the mark is moved: one write to disk in half a minute of steady asking."""
LARGEST = (1 << 63) - 1


class NonceWriter:
    """The one source of nonces of one key: nanoseconds of the clock, or one more than the last."""

    def __init__(self, folder: Path, fingerprint: str, clock: Clock) -> None:
        """Take the key's lock. Errors: StateRefusedError when another process has it or the mark cannot be read."""
        make_folder(folder)
        self._path = folder / f"nonce-{fingerprint}.json"
        self._clock = clock
        self._lock = FileLock(folder / f"nonce-{fingerprint}.lock")
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            raise StateRefusedError(
                f"Kraken key {fingerprint} is in use by another process; expected one process per key: "
                "stop the other one, or give this one a key of its own"
            ) from None
        self.unsaved: StateRefusedError | None = None
        """Why the mark could not be moved ahead; None while all is well."""
        try:
            self._last = self._mark = self._read()
            self._save(max(clock.now(), self._mark))
        except StateRefusedError:
            self._lock.release()
            raise

    def next(self) -> int:
        """Return a number above every one before."""
        number = max(self._clock.now(), self._last + 1)
        if number > LARGEST:
            raise StateRefusedError(f"nonce {number} is larger than the venue takes; expected a clock that is right")
        if number > self._mark:
            try:
                self._save(number)
            except StateRefusedError as error:
                self.unsaved = error
        self._last = number
        return number

    def close(self) -> None:
        """Give the key's lock back."""
        self._lock.release()

    def __enter__(self) -> NonceWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _save(self, number: int) -> None:
        mark = min(number + BLOCK, LARGEST)
        write_json(self._path, {"mark": mark})
        self._mark, self.unsaved = mark, None

    def _read(self) -> int:
        try:
            stored = json.loads(self._path.read_bytes())
        except FileNotFoundError:
            return 0
        except (OSError, ValueError) as error:
            raise self._unreadable(type(error).__name__) from error
        mark = stored.get("mark") if isinstance(stored, dict) else None
        if type(mark) is not int or not 0 <= mark <= LARGEST:
            raise self._unreadable("no mark in it")
        return mark

    def _unreadable(self, why: str) -> StateRefusedError:
        return StateRefusedError(
            f"{self._path.name}: cannot be read ({why}); expected the mark of used nonces; make a new key, "
            "or delete the file when no other program has used this key"
        )
