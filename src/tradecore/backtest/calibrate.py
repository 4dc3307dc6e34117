"""The verdict itself, measured: how often it says "edge" where there is none, and how small an edge it finds.

The whole protocol is run on many made-up markets of which the truth is known. This module says which experiment that is
(`Calibration`), cuts it into tasks that know nothing of one another, and plays them here or on worker processes; one
task's work is `calibration_work`, the summing up `calibration_result`. Called by `control.evidence` and by tests.
Invariants: what a task gives depends on the plan and its key alone, never on who plays it or when; a task kept by a
`Store` is not played again.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

from tradecore.backtest.calibration_work import CHUNK, Calibration, Task, Worker
from tradecore.backtest.pool import hand_over, take_over
from tradecore.backtest.processes import cores, each
from tradecore.core.bars import Bars
from tradecore.core.errors import UsageError

Tell = Callable[[str, int, int], None]


class Store(Protocol):
    """Where outcomes are kept as they come, so that an interrupted calibration can go on."""

    def done(self) -> Mapping[str, Mapping[str, Any]]:
        """Return what was kept before, by task."""
        ...

    def keep(self, key: str, value: Mapping[str, Any]) -> None:
        """Keep one outcome; on return it is safe."""
        ...


@dataclass(slots=True)
class Memory:
    """A store that lasts as long as the process."""

    kept: dict[str, Mapping[str, Any]] = field(default_factory=dict)

    def done(self) -> Mapping[str, Mapping[str, Any]]:
        """Return what was kept."""
        return dict(self.kept)

    def keep(self, key: str, value: Mapping[str, Any]) -> None:
        """Keep one outcome."""
        self.kept.setdefault(key, value)


def identity(plan: Calibration, real: Bars | None) -> str:
    """Return the hash of everything the outcomes depend on besides the code: the plan and the real bars."""
    chosen = {"plan": asdict(plan), "real": real.content_hash() if real is not None and plan.needs_real else ""}
    return hashlib.sha256(json.dumps(chosen, sort_keys=True, default=repr).encode()).hexdigest()


def tasks(plan: Calibration) -> list[Task]:
    """Return every task of a plan; kinds alternate, so that the time left can be told from the share done."""
    kinds = [
        [Task("truth", "trending", plan.years[-1], edge) for edge in plan.edges if plan.planted or plan.tracks],
        *(
            [Task("no edge", kind, plan.years[at % len(plan.years)], index=at) for at in range(plan.markets)]
            for kind in plan.kinds
        ),
        *(
            [Task("planted", "trending", years, edge, at) for at in range(plan.planted)]
            for years in plan.years
            for edge in plan.edges
        ),
        [Task("coverage", "made", index=at) for at in range(-(-plan.replications // CHUNK))],
        [Task("coverage", "trending", plan.years[0], plan.middle_edge, at) for at in range(-(-plan.tracks // CHUNK))],
    ]
    spread = [((place + 0.5) / len(some), at, one) for at, some in enumerate(kinds) for place, one in enumerate(some)]
    return [one for _, _, one in sorted(spread, key=lambda row: row[:2])]


def calibrate(
    plan: Calibration, *, real: Bars | None = None, store: Store | None = None, workers: int | None = None,
    tell: Tell | None = None,
) -> dict[str, Mapping[str, Any]]:  # fmt: skip
    """Play every task that the store does not hold and return the outcomes of all, by task, in the plan's order.

    `real` are the bars that are shuffled. `workers` are processes, all processors by default; 1 plays here.
    Errors: UsageError for fewer than one worker or shuffled markets without bars; whatever a task raises.
    """
    if plan.needs_real and real is None:
        raise UsageError("shuffled markets need real bars; give some, or leave the kind `shuffled` out")
    if workers is not None and workers < 1:
        raise UsageError(f"{workers} workers: expected at least 1, or leave it out for all processors")
    store, tell = store or Memory(), tell or (lambda what, done, total: None)
    everything = tasks(plan)
    known = store.done()
    left = [one for one in everything if one.key not in known]
    count = len(everything) - len(left)
    tell("calibration", count, len(everything))
    for key, outcome in _played(plan, real, left, workers or cores()):
        store.keep(key, outcome)
        count += 1
        tell("calibration", count, len(everything))
    done = store.done()
    return {one.key: done[one.key] for one in everything}


def _played(
    plan: Calibration, real: Bars | None, left: Sequence[Task], workers: int
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if workers == 1 or len(left) <= 1:
        with TemporaryDirectory(prefix="tradecore-calibrate-") as folder:
            worker = Worker(plan, real, Path(folder))
            try:
                for task in left:
                    yield task.key, worker.play(task)
            finally:
                worker.close()
        return
    with TemporaryDirectory(prefix="tradecore-calibrate-") as folder:
        if real is not None:
            hand_over((real,), Path(folder))
        yield from each(_play, left, workers, _begin, plan, Path(folder))


_worker: list[Worker] = []
"""What this process plays with, when it is a worker."""


def _begin(plan: Calibration, folder: Path) -> None:
    real = take_over(folder)[0] if (folder / "words.pickle").exists() else None
    own = folder / f"worker-{os.getpid()}"
    own.mkdir()
    _worker.append(Worker(plan, real, own))


def _play(task: Task) -> tuple[str, Mapping[str, Any]]:
    return task.key, _worker[0].play(task)
