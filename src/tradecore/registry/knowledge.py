"""The knowledge base: what was tried where and what came of it, one JSON line per lesson, kept for ever.

Not the trial ledger, which counts everything and judges nothing, and not a log. Written after a verdict, read before
the next experiment ("what worked here?"). Invariants: a lesson stands in the file once, by its content; a line that was
acknowledged survives a kill; a line that cannot be trusted is refused by its number, never skipped.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Annotated, TypeAlias

from filelock import FileLock, Timeout
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from tradecore.core.clock import Clock, SystemClock
from tradecore.core.errors import DataError, StateRefusedError, UsageError
from tradecore.core.types import Pair, Timeframe, iso
from tradecore.storage.atomic_io import explain, make_folder, strict_json, sync_folder

SCHEMA = 1
LOCK_TIMEOUT_S = 30.0


def _spelled(parse: Callable[[str], object], text: str) -> str:
    try:
        canonical = str(parse(text))
    except UsageError as error:
        raise ValueError(str(error)) from None
    if text != canonical:
        raise ValueError(f"{text!r} is written {canonical!r}")
    return text


PairName: TypeAlias = Annotated[str, AfterValidator(partial(_spelled, Pair.parse))]
TimeframeName: TypeAlias = Annotated[str, AfterValidator(partial(_spelled, Timeframe.parse))]


Text: TypeAlias = Annotated[str, Field(min_length=1, max_length=500)]
Value: TypeAlias = bool | int | float | Annotated[str, Field(max_length=500)] | None


class Lesson(BaseModel):
    """What one evaluation taught. The same content is the same lesson, whenever and by whichever run it was learned."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    pair: PairName
    timeframe: TimeframeName
    strategy: Text
    verdict: Text
    """`edge`, `no evidence of edge`, or another stage's word."""
    dataset: Text
    """Hash of the data it was learned on."""
    protocol: Text = "walk_forward"
    config: str = ""
    """Hash of the configuration, as in the trial ledger."""
    parameters: dict[str, Value] = Field(default_factory=dict)
    metrics: dict[str, float | None] = Field(default_factory=dict)
    """Out-of-sample figures by name; null where not defined."""
    score: float | None = None
    """What lessons are ranked by: the lower end of the Sharpe ratio's interval, annualised."""
    regime: str = ""
    is_synthetic: bool = False
    text: Annotated[str, Field(max_length=2_000)] = ""
    run: str = ""
    """Where the evidence lies; not part of the content."""
    time: str = ""
    """When it was learned, ISO-8601 UTC; set when it is added; not part of the content."""

    def content_hash(self) -> str:
        """Return the sha256 of everything but when and by which run it was learned."""
        content = strict_json(self.model_dump(exclude={"run", "time"}, exclude_defaults=True), sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()


class KnowledgeBase:
    """One file of lessons, safe to be added to by several processes at once."""

    def __init__(self, path: Path | str, clock: Clock | None = None) -> None:
        self.path = Path(path)
        self._clock = SystemClock() if clock is None else clock

    def add(self, lesson: Lesson) -> bool:
        """Add a lesson unless it is there; return whether it was new. On return it is on the disk.

        Errors: StateRefusedError when the file is damaged, locked too long or cannot be written.
        """
        stamped = lesson.model_copy(update={"time": iso(self._clock.now())})
        wanted = lesson.content_hash()
        with self._locked():
            self._mend()
            if wanted in self._read():
                return False
            self._append(_line(stamped, wanted))
        return True

    def lessons(self) -> list[Lesson]:
        """Return every lesson, oldest first. A last line that a kill tore off is cut away.

        Errors: StateRefusedError naming the first line that cannot be trusted.
        """
        if self._is_torn():
            with self._locked():
                self._mend()
        return list(self._read().values())

    def query(
        self,
        *,
        pair: Pair | str | None = None,
        timeframe: Timeframe | str | None = None,
        strategy: str | None = None,
        verdict: str | None = None,
        limit: int | None = None,
        **others: str | bool,
    ) -> list[Lesson]:
        """Return the lessons that match everything given, best first: what worked here.

        `others` are any of dataset, protocol, config, regime, run, is_synthetic. Best is an edge before none, then the
        higher score, then the newer. Errors: UsageError for another name; as `lessons`.
        """
        unknown = sorted(set(others) - {"dataset", "protocol", "config", "regime", "run", "is_synthetic"})
        if unknown:
            raise UsageError(f"lessons cannot be asked for by {unknown[0]!r}; see KnowledgeBase.query for what can")
        wanted: dict[str, object] = {"strategy": strategy, "verdict": verdict, **others}
        wanted["pair"] = None if pair is None else str(Pair.parse(str(pair)))
        wanted["timeframe"] = None if timeframe is None else str(Timeframe.parse(str(timeframe)))
        asked = {name: value for name, value in wanted.items() if value is not None}
        found = [one for one in self.lessons() if all(getattr(one, name) == value for name, value in asked.items())]
        found.sort(key=_rank, reverse=True)
        return found[:limit]

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        make_folder(self.path.parent)
        lock = FileLock(f"{self.path}.lock", timeout=LOCK_TIMEOUT_S)
        try:
            lock.acquire()
        except Timeout:
            raise StateRefusedError(
                f"{self.path}: locked by another process for {LOCK_TIMEOUT_S:g} s; wait until it is done or end it"
            ) from None
        except OSError as error:
            raise explain(error, self.path) from error
        try:
            yield
        finally:
            lock.release()

    def _is_torn(self) -> bool:
        try:
            with self.path.open("rb") as file:
                if file.seek(0, os.SEEK_END) == 0:
                    return False
                file.seek(-1, os.SEEK_END)
                return file.read(1) != b"\n"
        except FileNotFoundError:
            return False

    def _mend(self) -> None:
        """Cut off a last line without its end: it was never acknowledged. Only under the lock."""
        if not self._is_torn():
            return
        try:
            with self.path.open("r+b") as file:
                file.truncate(file.read().rfind(b"\n") + 1)
                os.fsync(file.fileno())
        except OSError as error:
            raise explain(error, self.path) from error

    def _append(self, line: bytes) -> None:
        """Write one line at the end, whole; what a failed write left is cut off again. Only under the lock."""
        try:
            is_new = not self.path.exists()
            handle = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
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
            if is_new:
                sync_folder(self.path.parent)
        except OSError as error:
            raise explain(error, self.path) from error

    def _read(self) -> dict[str, Lesson]:
        """Return the lessons by content hash, in the order they were added; a line without its end is not read."""
        try:
            text = self.path.read_bytes()
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise StateRefusedError(
                f"{self.path}: could not be read ({error.strerror}); check its permissions"
            ) from None
        lines = text[: text.rfind(b"\n") + 1].splitlines()
        found: dict[str, Lesson] = {}
        for number, line in enumerate(lines, 1):
            try:
                digest, lesson = _lesson(line)
            except DataError as error:
                raise StateRefusedError(f"{self.path}, line {number}: {error}; mend or delete that line") from None
            found.setdefault(digest, lesson)
        return found


def _line(lesson: Lesson, digest: str) -> bytes:
    return (strict_json({"schema": SCHEMA, "hash": digest, **lesson.model_dump()}) + "\n").encode()


def _lesson(line: bytes) -> tuple[str, Lesson]:
    """Read one line. Errors: DataError saying what is wrong with it."""
    try:
        stored = json.loads(line)
    except ValueError as error:
        raise DataError(f"not JSON ({error})") from None
    if not isinstance(stored, dict) or stored.pop("schema", None) != SCHEMA:
        raise DataError(f"not a lesson of schema {SCHEMA}; a newer tradecore may have written it")
    digest = stored.pop("hash", None)
    try:
        lesson = Lesson.model_validate(stored)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise DataError(f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}") from None
    if lesson.content_hash() != digest:
        raise DataError("its content does not match its hash")
    return lesson.content_hash(), lesson


def _rank(lesson: Lesson) -> tuple[bool, float, str]:
    return lesson.verdict == "edge", float("-inf") if lesson.score is None else lesson.score, lesson.time
