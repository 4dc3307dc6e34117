"""The lake's files: one Parquet file per partition, named by its content, and the small JSON files that name them.

A file is written once and never changed; what is current is said by the index alone. It knows no merging and no locks.
`writer` and `lake` call it. Invariant: a partition that is returned has the rows its manifest states.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from tradecore.core.errors import DataError, StateRefusedError
from tradecore.market.coverage import Run, runs_of
from tradecore.market.frames import TRADE_SCHEMA, time_column
from tradecore.market.manifest import DatasetKey, FileEntry, Manifest, index_from_text, index_text, manifest_from_text
from tradecore.storage.atomic_io import TEMP_SUFFIX, delete_file, write_bytes, write_text

INDEX = "manifest.json"
STAGED = "staged.json"
LOCK = ".lock"
QUARANTINE = "quarantine"
MAX_ID_RUNS = 100_000
ROW_GROUP_ROWS = 262_144
BLOCK_ROWS = 4 * ROW_GROUP_ROWS


class Store:
    """The files below one root."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def index(self) -> dict[str, str]:
        """Return dataset key -> manifest hash; a lake that was never written is empty. Errors: StateRefusedError."""
        return self.read_index(INDEX)

    def read_index(self, name: str) -> dict[str, str]:
        """Return an index file's table, or an empty one when there is no such file."""
        path = self.root / name
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return {}
        except (OSError, UnicodeDecodeError) as error:
            raise StateRefusedError(
                f"{path}: the lake's index cannot be read ({error}); run: tradecore data repair"
            ) from error
        return index_from_text(text, str(path))

    def begin(self) -> None:
        """Give a new lake its empty index, so that a lake without one is known to be damaged.

        Errors: StateRefusedError when there are manifests but no index: what it named would be taken for strays.
        """
        if (self.root / INDEX).exists():
            return
        if any((self.root / "manifests").glob("*.json")):
            raise StateRefusedError(f"{self.root / INDEX}: the lake's index is gone; run: tradecore data repair")
        self.write_index(INDEX, index_text({}))

    def manifest(self, name: str) -> Manifest:
        """Return the manifest of a hash. Errors: FileNotFoundError; StateRefusedError when it was altered."""
        path = self.root / "manifests" / f"{name}.json"
        data = path.read_bytes()
        if hashlib.sha256(data).hexdigest() != name:
            raise StateRefusedError(f"{path}: the manifest was altered; run: tradecore data repair")
        return manifest_from_text(data.decode("utf-8"), str(path))

    def write_manifest(self, manifest: Manifest) -> None:
        """Put a manifest beside the others; it counts only once the index names it."""
        path = self.root / "manifests" / f"{manifest.hash}.json"
        if not path.exists():
            write_text(path, manifest.text)

    def write_index(self, name: str, text: str) -> None:
        """Put an index file; for INDEX this is the commit."""
        write_text(self.root / name, text)

    def read(self, file: FileEntry, columns: list[str] | None = None) -> pl.DataFrame:
        """Return a partition. Errors: FileNotFoundError; DataError when it is damaged or has other rows than stated."""
        path = self.root / file.path
        with _told(path):
            frame = pl.read_parquet(path, columns=columns, hive_partitioning=False)
        if len(frame) != file.rows:
            raise DataError(
                f"{path}: {len(frame):,} rows, the manifest states {file.rows:,}; run: tradecore data verify"
            )
        return frame

    def blocks(self, file: FileEntry, columns: list[str]) -> Iterator[pl.DataFrame]:
        """Yield a partition in blocks of whole row groups, so that memory does not grow with it. Errors: as `read`."""
        path = self.root / file.path
        for start in range(0, file.rows, BLOCK_ROWS):
            with _told(path):
                rows = pl.scan_parquet(path, hive_partitioning=False).select(columns)
                block = rows.slice(start, BLOCK_ROWS).collect()
            if len(block) != min(BLOCK_ROWS, file.rows - start):
                raise DataError(
                    f"{path}: ends after {start + len(block):,} rows, the manifest states {file.rows:,}; "
                    "run: tradecore data verify"
                )
            yield block

    def write(self, key: DatasetKey, partition: str, frame: pl.DataFrame) -> FileEntry:
        """Write one partition under a name made from its content, and return its entry.

        Errors: StateRefusedError when it cannot be written; DataError when trade ids are not consecutive numbers.
        """
        ids = id_runs(frame, f"{key} {partition}")
        times = frame[time_column(frame)]
        buffer = io.BytesIO()
        frame.rechunk().write_parquet(
            buffer, compression="zstd", compression_level=3, statistics=True, row_group_size=ROW_GROUP_ROWS
        )
        data = buffer.getbuffer()  # no copy of what may be a hundred megabytes
        sha = hashlib.sha256(data).hexdigest()
        path = f"{key.folder}/year={partition[:4]}/{partition}-{sha[:16]}.parquet"
        target = self.root / path
        if not (target.exists() and target.stat().st_size == len(data)):
            write_bytes(target, data)
        return FileEntry(
            path=path,
            partition=partition,
            rows=len(frame),
            first=int(times[0]),
            last=int(times[-1]),
            sha256=sha,
            bytes=len(data),
            ids=ids,
        )

    def drop(self, name: str) -> None:
        """Delete a file at the root, if it is there."""
        if (self.root / name).exists():
            delete_file(self.root / name)

    def clean(self, *indexes: dict[str, str]) -> int:
        """Delete every file that no index names, and every temp file; return how many. Only a writer may call this.

        Errors: StateRefusedError where the lake has lost its index.
        """
        self.begin()
        named: set[Path] = set()
        for name in {one for index in indexes for one in index.values()}:
            named.add(self.root / "manifests" / f"{name}.json")
            named.update(self.root / file.path for file in self.manifest(name).files)
        stray = [path for path in self._own_files() if path not in named]
        for path in stray:
            delete_file(path)
        return len(stray)

    def _own_files(self) -> Iterator[Path]:
        yield from self.root.glob(f".*{TEMP_SUFFIX}")
        for folder in [self.root / "manifests", *self.root.glob("venue=*")]:
            yield from (path for path in folder.rglob("*") if path.is_file())


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Turn what goes wrong while a file is read into FileNotFoundError or DataError."""
    if not path.exists():
        raise FileNotFoundError(path)
    try:
        yield
    except (pl.exceptions.PolarsError, OSError) as error:
        if not path.exists():
            raise FileNotFoundError(path) from error
        reason = str(error).splitlines()[0]
        raise DataError(f"{path}: cannot be read ({reason}); run: tradecore data repair") from error


def id_runs(frame: pl.DataFrame, name: str) -> tuple[Run, ...]:
    """Return the runs of trade ids of a table; none for bars, and none for those of its trades that have no id.

    Errors: DataError when the ids are not consecutive numbers at all.
    """
    if frame.schema != TRADE_SCHEMA:
        return ()
    ids = frame["trade_id"].drop_nulls()
    runs = runs_of((ids if ids.is_sorted() else ids.sort()).to_numpy(), 1)
    if len(runs) > MAX_ID_RUNS:
        raise DataError(
            f"{name}: trade ids fall into {len(runs):,} separate runs; expected numbers that follow one another; "
            "remove the column trade_id if the ids are not counted per pair"
        )
    return runs
