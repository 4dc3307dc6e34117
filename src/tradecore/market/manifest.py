"""Manifests: what a dataset holds, file by file and stretch by stretch, and the index that names the current ones.

A manifest is canonical JSON; the sha256 of its bytes is the dataset's name. It holds no time of import, no absolute
path and nothing that depends on the order of imports, so that the same content has the same name everywhere. It does
not touch the disk: `lake` reads and writes. Invariant: a Manifest or Index object has passed every check below.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np

from tradecore.core.errors import DataError, StateRefusedError, UsageError
from tradecore.core.types import Nanoseconds, Pair, Timeframe, iso
from tradecore.market.coverage import Run, Slice, count, subtract, union
from tradecore.market.seams import Seam
from tradecore.storage.atomic_io import strict_json

SCHEMA_VERSION = 1
TRADES = "trades"


class OtherVersionError(StateRefusedError):
    """A manifest or index was written by another version of tradecore; it is whole, and nothing may repair it."""


@dataclass(frozen=True, slots=True)
class DatasetKey:
    """Which dataset: a venue, a pair, and a timeframe of bars, or None for trades."""

    venue: str
    pair: Pair
    timeframe: Timeframe | None

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,31}", self.venue):
            raise UsageError(f"venue {self.venue!r}: expected a short name in small letters and digits, as in kraken")

    @classmethod
    def parse(cls, text: str) -> DatasetKey:
        """Read venue/BASE-QUOTE/timeframe, as in kraken/BTC-USD/1m. Errors: UsageError."""
        parts = text.split("/")
        if len(parts) != 3 or "-" not in parts[1]:
            raise UsageError(f"dataset {text!r}: expected venue/BASE-QUOTE/timeframe, as in kraken/BTC-USD/1m")
        timeframe = None if parts[2] == TRADES else Timeframe.parse(parts[2])
        return cls(parts[0], Pair.parse(parts[1].replace("-", "/", 1)), timeframe)

    @property
    def label(self) -> str:
        """The timeframe as text, or `trades`."""
        return TRADES if self.timeframe is None else str(self.timeframe)

    @property
    def step(self) -> Nanoseconds:
        """The grid of the dataset's times: the timeframe, or one nanosecond for trades."""
        return 1 if self.timeframe is None else self.timeframe.ns

    @property
    def folder(self) -> str:
        """The dataset's folder below the lake's root, hive style."""
        return f"venue={self.venue}/pair={self.pair.slug}/timeframe={self.label}"

    def __str__(self) -> str:
        return f"{self.venue}/{self.pair.slug}/{self.label}"


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One Parquet file: path below the root, rows, first and last time, sha256, size; for trades the runs of ids."""

    path: str
    partition: str
    rows: int
    first: Nanoseconds
    last: Nanoseconds
    sha256: str
    bytes: int
    ids: tuple[Run, ...] = ()


@dataclass(frozen=True, slots=True, order=True)
class SourceRef:
    """What was imported: the file's name (never its folder), its sha256, and the importer that read it."""

    name: str
    sha256: str
    importer: str

    @classmethod
    def repaired(cls, importer: str) -> SourceRef:
        """Stand for sources whose rows are partly gone: they count as not imported, so that they can be again."""
        return cls("", f"repaired:{importer}", importer)


@dataclass(frozen=True, slots=True)
class Manifest:
    """What one dataset holds. `joined` lists the sources a person has allowed to stand side by side in it."""

    key: DatasetKey
    files: tuple[FileEntry, ...]
    slices: tuple[Slice, ...]
    sources: tuple[SourceRef, ...]
    joined: tuple[str, ...] = ()
    finer: str = ""
    """The timeframe whose oldest bars were moved here by retention; empty for an ordinary dataset."""
    seams: tuple[Seam, ...] = ()
    """Where two joined records of the same trades meet, each with what was compared there."""
    text: str = field(init=False, compare=False, default="")

    def __post_init__(self) -> None:
        _check(self)
        object.__setattr__(self, "text", strict_json(_to_json(self), sort_keys=True) + "\n")

    @property
    def hash(self) -> str:
        """The sha256 of the canonical JSON: the dataset's name."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def rows(self) -> int:
        """How many bars or trades the dataset holds."""
        return sum(file.rows for file in self.files)

    @property
    def empty(self) -> int:
        """How many bars are absent because nothing traded."""
        return sum(one.empty for one in self.slices)

    @property
    def missing(self) -> int:
        """How many bars are absent and nobody knows why."""
        return sum(one.missing for one in self.slices)

    @property
    def missing_ids(self) -> tuple[Run, ...]:
        """The runs of trade ids between the first and the last that the dataset lacks."""
        held = union(run for file in self.files for run in file.ids)
        return subtract([(held[0][0], held[-1][1])], held) if held else ()


def manifest_from_text(text: str, name: str) -> Manifest:
    """Read a manifest. Errors: StateRefusedError when it is no manifest or newer, DataError when it breaks a rule."""
    data = _load(text, name)
    try:
        step = 1 if data["timeframe"] == TRADES else Timeframe.parse(data["timeframe"]).ns
        return Manifest(
            key=DatasetKey(data["venue"], Pair.parse(data["pair"]), None if step == 1 else Timeframe(step)),
            files=tuple(_file_from_json(one) for one in data["files"]),
            slices=tuple(_slice_from_json(one) for one in data["slices"]),
            sources=tuple(SourceRef(one["name"], one["sha256"], one["importer"]) for one in data["sources"]),
            joined=tuple(data["joined"]),
            finer=data["finer"],
            seams=tuple(_seam_from_json(one) for one in data.get("seams", ())),
        )
    except (KeyError, TypeError, ValueError, AttributeError, UsageError) as error:
        raise StateRefusedError(f"{name}: not a manifest ({error!r}); run: tradecore data repair") from error


def index_text(datasets: Mapping[str, str]) -> str:
    """Return the canonical JSON of the lake's index: dataset key -> hash of its manifest."""
    return strict_json({"schema": SCHEMA_VERSION, "datasets": dict(datasets)}, sort_keys=True) + "\n"


def index_from_text(text: str, name: str) -> dict[str, str]:
    """Read the lake's index. Errors: StateRefusedError."""
    datasets = _load(text, name).get("datasets")
    if not isinstance(datasets, dict) or not all(isinstance(one, str) for one in datasets.values()):
        raise StateRefusedError(
            f"{name}: not the index of a lake; expected a table of datasets; run: tradecore data repair"
        )
    return dict(datasets)


def _load(text: str, name: str) -> dict[str, Any]:
    try:
        data = json.loads(text)
    except ValueError as error:
        raise StateRefusedError(f"{name}: not JSON ({error}); run: tradecore data repair") from error
    if not isinstance(data, dict) or not isinstance(data.get("schema"), int):
        raise StateRefusedError(f"{name}: no schema version; run: tradecore data repair")
    if data["schema"] != SCHEMA_VERSION:
        raise OtherVersionError(
            f"{name}: schema {data['schema']}, this tradecore reads {SCHEMA_VERSION}; use the version that wrote it"
        )
    return data


def _check(manifest: Manifest) -> None:
    """Raise DataError where a manifest contradicts itself."""
    name, step = str(manifest.key), 0 if manifest.key.timeframe is None else manifest.key.step
    for one in manifest.slices:
        one.check(name, step)
    for before, after in pairwise(manifest.slices):
        if after.start <= before.end:
            raise DataError(
                f"{name}: slices overlap: {iso(before.start)} .. {iso(before.end)} and {iso(after.start)} .. "
                f"{iso(after.end)}; expected disjoint slices in order; import the sources again into an empty lake"
            )
    for earlier, later in pairwise(manifest.files):
        if later.first <= earlier.last:
            raise DataError(f"{name}: files {earlier.path} and {later.path} overlap; run: tradecore data repair")
    held, stated = manifest.rows, sum(one.rows for one in manifest.slices)
    if held != stated:
        raise DataError(f"{name}: files hold {held:,} rows, slices state {stated:,}; run: tradecore data repair")
    sources = {one.source for one in manifest.slices}
    if len(sources) > 1 and not sources <= set(manifest.joined):
        raise DataError(
            f"{name}: sources {', '.join(sorted(sources))} stand side by side but were never joined; "
            "import them again and join them by name"
        )
    unknown = sources - {one.importer for one in manifest.sources}
    if unknown:
        raise DataError(f"{name}: no file is recorded for source {', '.join(sorted(unknown))}; import it again")
    ids = count(union(run for file in manifest.files for run in file.ids), 1)
    if ids and ids != sum(count(file.ids, 1) for file in manifest.files):
        raise DataError(f"{name}: a trade id stands in two files; run: tradecore data repair")


def _to_json(manifest: Manifest) -> dict[str, object]:
    key = manifest.key
    data: dict[str, object] = {
        "schema": SCHEMA_VERSION,
        "venue": key.venue,
        "pair": str(key.pair),
        "timeframe": key.label,
        "rows": manifest.rows,
        "files": [_file_to_json(one) for one in manifest.files],
        "slices": [_slice_to_json(one) for one in manifest.slices],
        "sources": [{"name": s.name, "sha256": s.sha256, "importer": s.importer} for s in manifest.sources],
        "joined": list(manifest.joined),
        "finer": manifest.finer,
    }
    if manifest.seams:  # only where there are any, so that every other dataset keeps its name
        data["seams"] = [_seam_to_json(one) for one in manifest.seams]
    if key.timeframe is None:
        data["missing_ids"] = [list(run) for run in manifest.missing_ids]
    return data


def _file_to_json(file: FileEntry) -> dict[str, object]:
    return {
        "path": file.path,
        "partition": file.partition,
        "rows": file.rows,
        "first": iso(file.first),
        "last": iso(file.last),
        "sha256": file.sha256,
        "bytes": file.bytes,
        "ids": [list(run) for run in file.ids],
    }


def _file_from_json(data: dict[str, Any]) -> FileEntry:
    return FileEntry(
        path=str(data["path"]),
        partition=str(data["partition"]),
        rows=int(data["rows"]),
        first=_time(data["first"]),
        last=_time(data["last"]),
        sha256=str(data["sha256"]),
        bytes=int(data["bytes"]),
        ids=tuple((int(a), int(b)) for a, b in data["ids"]),
    )


def _slice_to_json(one: Slice) -> dict[str, object]:
    return {
        "start": iso(one.start),
        "end": iso(one.end),
        "source": one.source,
        "rows": one.rows,
        "empty": one.empty,
        "missing": one.missing,
        "absent": one.absent,
        "exceptions": [[iso(first), iso(last)] for first, last in one.exceptions],
    }


def _slice_from_json(data: dict[str, Any]) -> Slice:
    return Slice(
        start=_time(data["start"]),
        end=_time(data["end"]),
        source=str(data["source"]),
        rows=int(data["rows"]),
        empty=int(data["empty"]),
        missing=int(data["missing"]),
        absent=str(data["absent"]),
        exceptions=tuple((_time(a), _time(b)) for a, b in data["exceptions"]),
    )


def _seam_to_json(one: Seam) -> dict[str, object]:
    return {
        "from": one.older,
        "to": one.newer,
        "at": iso(one.start),
        "until": iso(one.end),
        "first_trade_id": one.first_id,
        "last_trade_id": one.last_id,
        "minutes": one.minutes,
        "trades": one.trades,
        "equal": True,
    }


def _seam_from_json(data: dict[str, Any]) -> Seam:
    if data["equal"] is not True:
        raise ValueError("a seam that is not equal")
    return Seam(
        start=_time(data["at"]),
        end=_time(data["until"]),
        older=str(data["from"]),
        newer=str(data["to"]),
        first_id=int(data["first_trade_id"]),
        last_id=int(data["last_trade_id"]),
        minutes=int(data["minutes"]),
        trades=int(data["trades"]),
    )


def _time(text: str) -> Nanoseconds:
    """Read ISO-8601 with Z to the nanosecond, which `core.types.parse_time` does not keep."""
    if not text.endswith("Z"):
        raise ValueError(f"time {text!r} has no Z")
    return int(np.datetime64(text[:-1], "ns").astype(np.int64))
