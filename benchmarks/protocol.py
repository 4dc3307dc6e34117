"""What a contender in a benchmark does: prepare, run once to warm up, run again with a clock, print one JSON line.

It runs in our environment and in every peer's own, so it needs the standard library and numpy alone. `bench.py` starts
each contender in a fresh process; a contender never starts another. Nothing here is part of the product.

    def prepare(job: Job) -> Run:              # untimed: imports, data, everything a warm process has
        market = job.market()
        return lambda: {"final_equity": ...}   # timed; returns the check values

    if __name__ == "__main__":
        contend("raptorbt", prepare, packages=("raptorbt", "numpy"))

A script that holds several parts or several contenders builds its `Record`s itself and calls `publish`.
"""

from __future__ import annotations

import argparse
import gc
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

Checks = dict[str, Any]
Run = Callable[[], Checks]

RULES = {"fast": 9, "slow": 21, "fee": 0.004, "slippage": 0.0005, "size": 0.01, "cash": 100_000.0, "first": 500}
"""The rules every engine plays: long while the fast average lies above the slow one, decided at the close and filled at
the next open; `size` of the cash per entry; nothing before bar `first`, by which the averages' different beginnings
have died away."""


@dataclass(frozen=True)
class Job:
    """What the harness asks of a contender."""

    size: int
    """How many units (bars, trades, combinations, steps) to do."""
    repeats: int
    data: Path
    """Folder with what the harness made: `bars-<n>.npz`, `trades.parquet`, ..."""
    options: Mapping[str, str] = field(default_factory=dict)

    def market(self, count: int | None = None) -> dict[str, np.ndarray]:
        """Return the shared bars: open_time (int64 ns), open, high, low, close, volume, all of one length."""
        with np.load(self.data / f"bars-{count or self.size}.npz") as stored:
            return {name: stored[name] for name in stored.files}


@dataclass(frozen=True)
class Record:
    """One contender's times for one part of a workload. Times in seconds, one per repeat."""

    contender: str
    units: int
    """How many units each repeat did, so that contenders of different size can be compared."""
    wall: tuple[float, ...]
    cpu: tuple[float, ...]
    """Of the whole process, all threads; of its children where the work is a command."""
    checks: Checks = field(default_factory=dict)
    part: str = ""
    first: float | None = None
    """Seconds of the first call in the process, where it is worth telling."""
    peak_mb: float | None = None
    """Largest resident memory of the process in MB (10^6 bytes); filled in by `publish` when left out."""
    note: str = ""


def job_from(arguments: list[str] | None = None) -> Job:
    """Read the job from the command line the harness gives."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--size", type=int, required=True)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--option", action="append", default=[])
    given = parser.parse_args(arguments)
    return Job(given.size, given.repeats, given.data, dict(one.split("=", 1) for one in given.option))


def contend(name: str, prepare: Callable[[Job], Run], packages: Iterable[str] = ()) -> None:
    """Prepare, warm up, time, and print the record. `units` is the job's size."""
    job = job_from()
    run = prepare(job)
    first, _, checks = timed(run)
    wall, cpu, checks = repeated(run, job.repeats, checks)
    publish([Record(name, job.size, wall, cpu, checks, first=first)], packages)


def repeated(
    run: Run, repeats: int, checks: Checks | None = None
) -> tuple[tuple[float, ...], tuple[float, ...], Checks]:
    """Run and time `repeats` times; return wall and CPU seconds of each, and the check values of the last."""
    wall, cpu, found = [], [], checks or {}
    for _ in range(repeats):
        gc.collect()
        seconds, busy, found = timed(run)
        wall.append(seconds)
        cpu.append(busy)
    return tuple(wall), tuple(cpu), found


def timed(run: Run) -> tuple[float, float, Checks]:
    """Return wall seconds, CPU seconds of this process (all threads), and what was returned."""
    busy, start = time.process_time(), time.perf_counter()
    checks = run()
    return time.perf_counter() - start, time.process_time() - busy, checks


def command_times(words: list[str], repeats: int) -> tuple[tuple[float, ...], tuple[float, ...], float, str]:
    """Run a command line anew for each repeat; return wall and CPU seconds, its peak memory in MB, what it printed."""
    wall, cpu, printed = [], [], ""
    for _ in range(repeats):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        start = time.perf_counter()
        done = subprocess.run(words, check=True, capture_output=True, text=True)
        wall.append(time.perf_counter() - start)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        printed = done.stdout
    return tuple(wall), tuple(cpu), peak_mb(resource.RUSAGE_CHILDREN), printed


def publish(records: Iterable[Record], packages: Iterable[str] = ()) -> None:
    """Print records and the versions of packages as the last line of output."""
    peak = peak_mb()
    rows = [{**asdict(one), "peak_mb": one.peak_mb if one.peak_mb is not None else peak} for one in records]
    print(json.dumps({"records": rows, "versions": versions(packages)}, default=_plain), flush=True)


def peak_mb(who: int = resource.RUSAGE_SELF) -> float:
    """Return the largest resident memory so far, in MB (10^6 bytes); of the children, that of the largest.

    Linux hands the figure of `getrusage` down from the process that started this one; there the own one is read.
    """
    status = Path("/proc/self/status")
    if who == resource.RUSAGE_SELF and status.exists():
        lines = status.read_text(encoding="utf-8").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) * 1024 / 1e6
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(who).ru_maxrss * unit / 1e6


def versions(packages: Iterable[str]) -> dict[str, str]:
    """Return the installed version of each package that is there."""
    found = {"python": sys.version.split()[0]}
    for one in packages:
        try:
            found[one] = version(one)
        except PackageNotFoundError:
            found[one] = "absent"
    return found


def _plain(value: Any) -> Any:
    """Return numpy's scalars as JSON's own."""
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{value!r} cannot be written as JSON")
