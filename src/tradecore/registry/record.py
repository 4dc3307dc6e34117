"""What `run.json` holds: the strict schema of a run's record, and what a run can say about code, data and machine.

Not the run directory itself (`registry.runs`). Called by `runs` and by readers of a record. Invariant: what is written
can be read back and means the same; a record of another shape is refused, never half-understood.
"""

from __future__ import annotations

import hashlib
import math
import os
import platform
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from decimal import Decimal
from enum import Enum, StrEnum
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Annotated, TypeAlias

import numpy as np
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from tradecore.core.bars import Bars
from tradecore.core.errors import DataError, UsageError
from tradecore.core.types import Pair, Timeframe, iso, parse_time

SCHEMA = 1
"""Raised when a field changes its meaning or leaves; an older record is then migrated on read."""

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
_SAME_START_S = 60.0
"""Start times are derived from the wall clock, which may be set meanwhile; a process number returns much later."""
_PARTS = ("python", "tradecore", "numpy", "numba")


class RunStatus(StrEnum):
    """Where a run stands. DAMAGED is said of a directory whose record cannot be read; it is never written."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    DAMAGED = "damaged"


def _is_time(text: str) -> str:
    try:
        parse_time(text)
    except UsageError as error:
        raise ValueError(str(error)) from None
    return text


Moment: TypeAlias = Annotated[str, AfterValidator(_is_time)]
"""ISO-8601 text that can be read back as UTC nanoseconds."""


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class CodeRecord(_Strict):
    """Which code ran."""

    version: str
    hash: str
    """sha256 over the package's source files."""
    strategy: str = ""
    """What `strategy.loading.source_hash` says of the strategy that was asked for; empty where there was none."""


class DataRecord(_Strict):
    """One market the run saw."""

    pair: str
    timeframe: str
    source: str
    dataset: str
    """The manifest's hash, or the content hash of bars that were never stored."""
    bars: int
    start: str
    end: str
    is_synthetic: bool


class HostRecord(_Strict):
    """Where it ran. `process_started` tells a living process from a later one with the same number."""

    name: str
    system: str
    processors: int
    process: int
    process_started: float


class ArtefactRecord(_Strict):
    """One file of the run."""

    sha256: str
    bytes: int


class RunRecord(_Strict):
    """Everything `run.json` says about one run. Times are ISO-8601 UTC; `null` is what is not known or not defined."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, populate_by_name=True)

    schema_version: int = Field(alias="schema", ge=1, le=SCHEMA)
    id: str
    kind: str
    status: RunStatus
    started: Moment
    ended: Moment | None
    arguments: dict[str, object]
    code: CodeRecord
    data: list[DataRecord]
    features: dict[str, str]
    """Hash of each feature the run computed, by name."""
    versions: dict[str, str]
    seeds: dict[str, int]
    settings: dict[str, object] = Field(default_factory=dict)
    """The settings that the numbers depend on, by section; empty in records of before they were kept."""
    host: HostRecord
    metrics: dict[str, object]
    artefacts: dict[str, ArtefactRecord]
    error: str | None

    def to_json(self) -> dict[str, object]:
        """Return the record as plain JSON values, in the order they are declared."""
        return self.model_dump(mode="json", by_alias=True)


def plain(value: object, where: str = "value") -> Json:
    """Return a value as plain JSON: pairs, paths, decimals and enums as text, numpy scalars and arrays as numbers.

    A float that is not finite becomes null: a metric that is not defined here.
    Errors: DataError naming the place of anything that has no plain form.
    """
    if value is None or isinstance(value, bool | np.bool_):
        return None if value is None else bool(value)
    if isinstance(value, Enum):
        return plain(value.value, where)
    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, str | Path | Decimal | Pair | Timeframe):
        return str(value)
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name), f"{where}.{field.name}") for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(one, f"{where}.{key}") for key, one in value.items()}
    if isinstance(value, np.ndarray):
        return plain(value.tolist(), where)
    if isinstance(value, list | tuple | set | frozenset):
        items = sorted(value, key=str) if isinstance(value, set | frozenset) else value
        return [plain(one, f"{where}[{index}]") for index, one in enumerate(items)]
    raise DataError(f"{where} is a {type(value).__name__}, which a run cannot record; pass text, numbers or lists")


def plain_mapping(values: Mapping[str, object], where: str) -> dict[str, object]:
    """Return a mapping as plain JSON. Errors: as `plain`."""
    return {str(key): plain(value, f"{where}.{key}") for key, value in values.items()}


def describe_data(bars: Iterable[Bars]) -> list[DataRecord]:
    """Return what a run says about the bars it saw, one entry per pair and timeframe."""
    return [
        DataRecord(
            pair=str(one.pair),
            timeframe=str(one.timeframe),
            source=one.source,
            dataset=one.dataset or one.content_hash(),
            bars=len(one),
            start=iso(int(one.open_time[0])) if len(one) else "",
            end=iso(one.end_time) if len(one) else "",
            is_synthetic=one.is_synthetic,
        )
        for one in bars
    ]


def describe_code(strategy: str = "") -> CodeRecord:
    """Return the package's version and the hashes of its sources and of the strategy."""
    return CodeRecord(version=_version("tradecore"), hash=_code_hash(), strategy=strategy)


def describe_versions() -> dict[str, str]:
    """Return the versions that numbers depend on."""
    return {name: platform.python_version() if name == "python" else _version(name) for name in _PARTS}


def describe_host() -> HostRecord:
    """Return the machine and the process that runs."""
    import psutil  # not needed to read a record

    return HostRecord(
        name=platform.node(),
        system=platform.platform(terse=True),
        processors=os.cpu_count() or 1,
        process=os.getpid(),
        process_started=psutil.Process().create_time(),
    )


def is_process_gone(host: HostRecord) -> bool:
    """Return whether the process that wrote a record has certainly ended: it was on this machine and is no more."""
    import psutil  # not needed unless a run says that it is running

    if host.name != platform.node():
        return False
    try:
        started = psutil.Process(host.process).create_time()
    except psutil.NoSuchProcess:
        return True
    except psutil.AccessDenied:
        return False
    return abs(started - host.process_started) > _SAME_START_S


@cache
def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"


@cache
def _code_hash() -> str:
    root = Path(__file__).resolve().parents[1]
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(root).as_posix()} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()
