"""The doctor: are this machine, installation and workspace fit to run tradecore, and if not, what is the remedy.

Looks, never mends. Called by `tradecore doctor`. Every check ends in a finding; a check that itself fails is a finding
too, so that one broken thing never hides the others.
"""

from __future__ import annotations

import os
import platform
import shutil
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial
from importlib import metadata
from pathlib import Path

from tradecore.control.lab import Lab
from tradecore.core.errors import TradecoreError

PYTHON = ((3, 11), (3, 14))
"""The first Python that works, and the first that does not."""
LIBRARIES = ("numpy", "numba", "polars", "pydantic", "typer", "rich", "sqlalchemy", "matplotlib", "jinja2")
"""Libraries whose versions a report of a fault should name."""
MEMORY_GB = 2.0
DISK_GB = 1.0
STEP_TOLERANCE_S = 0.5
"""The wall clock may leave the steady clock by this much within the short time we look."""
OLDEST_NOW = datetime(2025, 1, 1, tzinfo=UTC)
"""A clock before this is a clock that was never set."""


class Health(StrEnum):
    """How a check ended."""

    GOOD = "ok"
    WARNING = "warning"
    BAD = "failed"


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: what was looked at, how it ended, what was seen, and what to do where something is wrong."""

    check: str
    health: Health
    seen: str
    remedy: str = ""


Check = Callable[[], Iterator[Finding]]


def examine(lab: Lab | None) -> list[Finding]:
    """Run every check and return the findings in order; without a lab, those of the machine alone."""
    checks: list[tuple[str, Check]] = [
        ("python", _python),
        ("libraries", _libraries),
        ("resources", _resources),
        ("clock", _clock),
        ("kernel cache", _numba_cache),
    ]
    if lab is not None:
        of_lab = {"workspace": _folder, "disk": _disk, "data": _lake, "databases": _databases}
        checks += [(name, partial(check, lab)) for name, check in of_lab.items()]
    findings: list[Finding] = []
    for name, check in checks:
        try:
            findings.extend(check())
        except (TradecoreError, OSError) as error:
            findings.append(Finding(name, Health.BAD, str(error), "do what the message says, then run this again"))
    return findings


def _python() -> Iterator[Finding]:
    lowest, beyond = PYTHON
    seen = f"{platform.python_version()} at {sys.executable}"
    if lowest <= sys.version_info[:2] < beyond:
        yield Finding("python", Health.GOOD, seen)
    else:
        yield Finding("python", Health.BAD, seen, "install Python 3.11, 3.12 or 3.13 and make the environment again")


def _libraries() -> Iterator[Finding]:
    seen, missing = [], []
    for name in LIBRARIES:
        try:
            seen.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            missing.append(name)
    if missing:
        remedy = "pip install -e . -c constraints.txt, in the environment that tradecore runs in"
        yield Finding("libraries", Health.BAD, f"missing: {', '.join(missing)}", remedy)
    yield Finding("libraries", Health.GOOD, ", ".join(seen))


def _resources() -> Iterator[Finding]:
    import psutil

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    yield Finding("cores", Health.GOOD, f"{cores} usable")
    memory = psutil.virtual_memory()
    free = memory.available / 1e9
    seen = f"{free:.1f} GB free of {memory.total / 1e9:.1f} GB"
    remedy = f"close other programs: a backtest of a year of minutes wants {MEMORY_GB:.0f} GB"
    yield _judged("memory", free >= MEMORY_GB, seen, remedy, Health.WARNING)


def _clock() -> Iterator[Finding]:
    now = datetime.now(UTC)
    seen = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    remedy = "set the system clock and keep it set (timedatectl set-ntp true): times of bars and orders depend on it"
    yield _judged("clock", now >= OLDEST_NOW, seen, remedy)
    wall, steady = time.time(), time.monotonic()
    time.sleep(0.05)
    drift = abs((time.time() - wall) - (time.monotonic() - steady))
    yield _judged("clock is steady", drift < STEP_TOLERANCE_S, f"{drift * 1000:.1f} ms off within 50 ms", remedy)


def _numba_cache() -> Iterator[Finding]:
    import tradecore

    folder = Path(os.path.dirname(tradecore.__file__)) / "__pycache__"
    remedy = "make it writable, or set NUMBA_CACHE_DIR to a folder that is; without it kernels compile at every start"
    target = folder if folder.is_dir() else folder.parent
    writable = _is_writable(target)
    yield _judged("kernel cache", writable, str(target), remedy, Health.WARNING)


def _folder(lab: Lab) -> Iterator[Finding]:
    workspace = lab.root
    remedy = f"give yourself the right to write there (chmod u+w {workspace}), or make another: tradecore init FOLDER"
    yield _judged("workspace", _is_writable(workspace), str(workspace), remedy)


def _disk(lab: Lab) -> Iterator[Finding]:
    usage = shutil.disk_usage(lab.root)
    seen = f"{usage.free / 1e9:.1f} GB free of {usage.total / 1e9:.1f} GB"
    yield _judged("disk", usage.free / 1e9 >= DISK_GB, seen, "free some space: a full disk stops every run half-way")


def _lake(lab: Lab) -> Iterator[Finding]:
    """Look whether every manifest can be read and every file is there; `data verify` reads the files themselves."""
    datasets = lab.lake.datasets()
    gone = [file.path for one in datasets for file in one.manifest.files if not (lab.lake.root / file.path).is_file()]
    remedy = "tradecore data verify, then: tradecore data repair"
    seen = f"files gone: {', '.join(gone[:3])}" if gone else f"{len(datasets)} datasets"
    yield _judged("data", not gone, seen, remedy)


def _databases(lab: Lab) -> Iterator[Finding]:
    for path in sorted(lab.folder("state").glob("*.db")):
        remedy = f"put back a backup of {path.name}; until then nothing that needs it will start"
        try:
            with sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True) as database:
                answer = str(database.execute("PRAGMA quick_check").fetchone()[0])
        except sqlite3.Error as error:
            answer = str(error)
        yield _judged(f"database {path.name}", answer == "ok", answer, remedy)


def _judged(check: str, good: bool, seen: str, remedy: str, otherwise: Health = Health.BAD) -> Finding:
    return Finding(check, Health.GOOD, seen) if good else Finding(check, otherwise, seen, remedy)


def _is_writable(folder: Path) -> bool:
    """Return whether a file can really be made there: permissions alone say nothing on a read-only disk."""
    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False
