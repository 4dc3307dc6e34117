"""Worker processes: work handed out a little ahead, results taken as they come, nobody left behind.

Called by sweeps and calibrations; what is played is theirs. Invariants: every piece of work is answered once or an
error is raised; workers end with their parent, however it ends.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import connection
from typing import Any, TypeVar

from tradecore.core.errors import StateRefusedError

Work = TypeVar("Work")
Answer = TypeVar("Answer")
_AHEAD = 4
"""Pieces waiting for each worker, so that none is idle and little is lost on an interruption."""


def cores() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def each(
    play: Callable[[Work], Answer], work: Sequence[Work], workers: int, begin: Callable[..., None], *told: Any
) -> Iterator[Answer]:
    """Yield what `play` gives for every piece of work, in any order; each worker calls `begin(*told)` first.

    Errors: StateRefusedError when a worker is killed; whatever `play` raises.
    """
    others = set(multiprocessing.active_children())
    # Spawned, not forked: a fork of a process with threads and compiled code may hang.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(min(workers, len(work)), context, _begin, (begin, told))
    waiting: set[Future[Answer]] = set()
    left, finished = iter(work), False
    try:
        while True:
            for one in left:
                waiting.add(pool.submit(play, one))
                if len(waiting) >= _AHEAD * workers:
                    break
            if not waiting:
                break
            done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            for future in done:
                yield future.result()
        finished = True
    except BrokenProcessPool:
        raise StateRefusedError(
            "a worker process ended without a word; it may have run out of memory: resume the run with fewer --workers"
        ) from None
    finally:
        pool.shutdown(wait=finished, cancel_futures=True)
        if not finished:
            for child in set(multiprocessing.active_children()) - others:
                child.terminate()
                child.join()


def _begin(begin: Callable[..., None], told: tuple[Any, ...]) -> None:
    """Make this process a worker: an interruption is its parent's business, and it ends when its parent does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    begin(*told)


def _leave_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)
