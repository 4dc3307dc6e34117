"""A fetch as a job: what was asked, how far it is, and the words by which another terminal stops it.

One folder per job below `state/jobs`: `job.json` (written whole), a lock that says whether a process works on it, a
control file, and the journals and request logs of its pairs. It fetches nothing itself. `runner` and the verbs of
`control` call it. Invariant: `job.json` is the state before or after a change; one process at a time works on a job.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal, TypeAlias

from filelock import FileLock, Timeout

from tradecore.core.errors import NothingThereError, StateRefusedError, UsageError
from tradecore.core.types import Nanoseconds, Pair, iso
from tradecore.market.coverage import Run
from tradecore.storage.atomic_io import delete_file, explain, make_folder, write_json, write_text

State: TypeAlias = Literal["waiting", "running", "paused", "cancelled", "failed", "done"]
UNFINISHED: tuple[State, ...] = ("waiting", "running", "paused", "failed")
Order: TypeAlias = Literal["pause", "cancel"]
SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked for, every word of it resolved when the job was made, so that going on later asks the same."""

    venue: str
    source: str
    pairs: tuple[Pair, ...]
    spans: tuple[Run, ...]
    """For each pair, the first time wanted and the end, exclusive; both whole minutes, UTC ns."""
    join: bool
    words: str
    """The words of the command, by which the same command finds its unfinished job."""


@dataclass(frozen=True, slots=True)
class PairState:
    """How far one pair of a job is."""

    rows: int = 0
    """Trades that came and were new."""
    requests: int = 0
    retries: int = 0
    covered_to: Nanoseconds = 0
    """The time before which every trade is in the lake or the journal; 0 before the first page."""
    missing_ids: int = 0
    """Ids that were passed over and that the venue does not have."""
    state: State = "waiting"
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Job:
    """A job as `job.json` tells it."""

    id: str
    request: Request
    created: Nanoseconds
    updated: Nanoseconds
    state: State = "waiting"
    reason: str = ""
    pairs: dict[str, PairState] = field(default_factory=dict)


class Jobs:
    """The folder of jobs."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def make(self, request: Request, now: Nanoseconds) -> Job:
        """Write a new job down and return it."""
        names = (sha256(f"{request.words}\n{now}\n{again}".encode()).hexdigest()[:6] for again in range(1000))
        name = next(one for one in names if not self.folder(one).exists())
        job = Job(name, request, now, now, pairs={str(pair): PairState() for pair in request.pairs})
        self.save(job)
        return job

    def save(self, job: Job) -> None:
        """Write a job's state, whole. Errors: StateRefusedError when the disk refuses."""
        write_json(self.folder(job.id) / "job.json", _to_json(job))

    def all(self) -> tuple[Job, ...]:
        """Return every job, oldest first."""
        found = [self.get(path.parent.name) for path in self.root.glob("*/job.json")]
        return tuple(sorted(found, key=lambda job: (job.created, job.id)))

    def get(self, id_: str) -> Job:
        """Return a job by its id or the beginning of it; one whose process ended without a word counts as paused.

        Errors: NothingThereError; UsageError when several begin so; StateRefusedError when the file is damaged.
        """
        job = self._read(self._named(id_))
        if job.state == "running" and not self.is_worked_on(job.id):
            return replace(job, state="paused", reason="its process ended without a word")
        return job

    def folder(self, id_: str) -> Path:
        """Return the folder of a job."""
        return self.root / id_

    def journal(self, job: Job, pair: Pair) -> Path:
        """Return where one pair's journal lies."""
        return self.folder(job.id) / f"{pair.slug}.journal"

    def request_log(self, job: Job, pair: Pair) -> Path:
        """Return where one pair's requests are written down, one JSON object a line."""
        return self.folder(job.id) / f"{pair.slug}.requests.jsonl"

    def is_worked_on(self, id_: str) -> bool:
        """Whether a process works on a job now."""
        try:
            with FileLock(self.folder(id_) / ".lock", timeout=0):
                return False
        except Timeout:
            return True

    @contextmanager
    def working(self, id_: str) -> Iterator[None]:
        """Be the one process that works on a job. Errors: StateRefusedError when another does."""
        make_folder(self.folder(id_))
        # A look by `is_worked_on` holds the lock for a moment.
        lock = FileLock(self.folder(id_) / ".lock", timeout=1)
        try:
            lock.acquire()
        except Timeout:
            raise StateRefusedError(
                f"job {id_}: another process works on it; see: tradecore data jobs; stop it with: "
                f"tradecore data pause {id_}"
            ) from None
        except OSError as error:
            raise explain(error, self.folder(id_) / ".lock") from error
        try:
            self.forget_order(id_)
            yield
        finally:
            lock.release()

    def order(self, id_: str, word: Order) -> None:
        """Leave an order for the process that works on a job; it looks every half second."""
        write_text(self.folder(id_) / "control", word + "\n")

    def ordered(self, id_: str) -> Order | None:
        """Return the order that was left, if any."""
        try:
            text = (self.folder(id_) / "control").read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            return None
        return "cancel" if text == "cancel" else "pause"

    def forget_order(self, id_: str) -> None:
        """Take an order away: it was carried out, or is of the past."""
        if (self.folder(id_) / "control").exists():
            delete_file(self.folder(id_) / "control")

    def _named(self, id_: str) -> str:
        if not id_.isalnum():
            raise UsageError(f"job {id_!r}: expected an id as `tradecore data jobs` shows it")
        found = sorted(path.parent.name for path in self.root.glob(f"{id_}*/job.json"))
        if not found:
            raise NothingThereError(f"job {id_}: there is none; see: tradecore data jobs")
        if len(found) > 1 and id_ not in found:
            raise UsageError(f"job {id_}: {', '.join(found)} begin so; say one more letter")
        return id_ if id_ in found else found[0]

    def _read(self, id_: str) -> Job:
        path = self.folder(id_) / "job.json"
        try:
            return _from_json(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, KeyError, TypeError, UsageError) as error:
            raise StateRefusedError(
                f"{path}: not a job of this tradecore ({error!r}); delete its folder and fetch again: what is in the "
                "lake stays there and is not fetched twice"
            ) from error


def _to_json(job: Job) -> dict[str, object]:
    request = job.request
    return {
        "schema": SCHEMA,
        "id": job.id,
        "state": job.state,
        "reason": job.reason,
        "created": iso(job.created),
        "updated": iso(job.updated),
        "created_ns": job.created,
        "updated_ns": job.updated,
        "request": {
            "venue": request.venue,
            "source": request.source,
            "pairs": [str(pair) for pair in request.pairs],
            "spans": [list(span) for span in request.spans],
            "from_to": [[iso(first), iso(end)] for first, end in request.spans],
            "join": request.join,
            "words": request.words,
        },
        "pairs": {pair: asdict(state) for pair, state in job.pairs.items()},
    }


def _from_json(data: dict[str, Any]) -> Job:
    if data["schema"] != SCHEMA:
        raise ValueError(f"schema {data['schema']}, this tradecore reads {SCHEMA}")
    asked = data["request"]
    request = Request(
        asked["venue"],
        asked["source"],
        tuple(Pair.parse(pair) for pair in asked["pairs"]),
        tuple((int(first), int(end)) for first, end in asked["spans"]),
        bool(asked["join"]),
        asked["words"],
    )
    pairs = {pair: PairState(**state) for pair, state in data["pairs"].items()}
    return Job(data["id"], request, data["created_ns"], data["updated_ns"], data["state"], data["reason"], pairs)
