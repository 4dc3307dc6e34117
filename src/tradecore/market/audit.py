"""Hold the lake against its manifests, file by file; and take out what is damaged so that it can be imported again.

`verify` only reads. `repair` never invents data: a damaged file goes to `quarantine/`, its span is no longer covered,
and the report names the sources to import again, after which the dataset has its old hash. `Lake.verify` and
`Lake.repair` call these.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from tradecore.core.errors import DataError, StateRefusedError, TradecoreError
from tradecore.core.types import Nanoseconds, iso
from tradecore.market.aggregate import ONE_MINUTE, blocks_to_bars
from tradecore.market.coverage import subtract
from tradecore.market.frames import BAR_SCHEMA, TRADE_SCHEMA, Origin, check_bars, check_trades, time_column
from tradecore.market.manifest import DatasetKey, FileEntry, Manifest, OtherVersionError, SourceRef, index_text
from tradecore.market.merge import within
from tradecore.market.store import INDEX, QUARANTINE, Store, id_runs
from tradecore.market.writer import Writer
from tradecore.storage.atomic_io import write_bytes


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as the manifest states: dataset, file (empty for the manifest itself) and what is wrong."""

    dataset: str
    file: str
    problem: str

    def __str__(self) -> str:
        return f"{self.dataset}: {self.file or 'manifest'}: {self.problem}"


@dataclass(frozen=True, slots=True)
class Repair:
    """What a repair did: what was found and taken out, how many stray files were deleted, what to import again."""

    findings: tuple[Finding, ...]
    stray_files: int
    import_again: tuple[str, ...]


def verify(store: Store, index: dict[str, str], only: DatasetKey | None = None) -> tuple[Finding, ...]:
    """Return everything that is not as the manifests state, in order; nothing when all is well."""
    names = [name for name in sorted(index) if only in (None, DatasetKey.parse(name))]
    return tuple(finding for name in names for finding in _dataset(store, index, name))


def repair(store: Store, index: dict[str, str], only: DatasetKey | None = None) -> Repair:
    """Take damaged files and manifests out of the lake in one commit. The caller holds the writer's lock."""
    findings = verify(store, index, only)
    sound = dict(index)
    again: set[str] = set()
    for name in {one.dataset for one in findings if not one.file}:
        again.add(f"every source of {name}")
        sound.pop(name)
    if sound != index:
        store.write_index(INDEX, index_text(sound))
    writer = Writer(store, sound)
    for finding in findings:
        if finding.file and finding.dataset in sound:
            again |= _take_out(store, writer, finding)
    stray = store.clean(sound)
    writer.commit()
    return Repair(findings, stray, tuple(sorted(again)))


def rebuild_index(store: Store) -> None:
    """Write the index anew from the manifests where it is gone or cannot be read. The caller holds the writer's lock.

    Of two manifests of one dataset the one whose files are all there counts, then the one with more rows.
    """
    if not _lacks_index(store):
        return
    best: dict[str, tuple[bool, int, str]] = {}
    for path in sorted((store.root / "manifests").glob("*.json")):
        try:
            manifest = store.manifest(path.stem)
        except (StateRefusedError, DataError):
            continue  # an altered manifest names nothing; its files become strays
        whole = all((store.root / file.path).exists() for file in manifest.files)
        rank = (whole, manifest.rows, path.stem)
        best[str(manifest.key)] = max(rank, best.get(str(manifest.key), rank))
    store.write_index(INDEX, index_text({name: rank[2] for name, rank in best.items()}))


def _lacks_index(store: Store) -> bool:
    """Say whether there are manifests and no index that can be read. One of another version is not ours to judge."""
    if not any((store.root / "manifests").glob("*.json")):
        return False
    try:
        return not store.index()
    except OtherVersionError:
        raise
    except StateRefusedError:
        return True


def _dataset(store: Store, index: dict[str, str], name: str) -> Iterator[Finding]:
    try:
        manifest = store.manifest(index[name])
    except FileNotFoundError:
        yield Finding(name, "", f"manifest {index[name]} is gone")
        return
    except (StateRefusedError, DataError) as error:
        yield Finding(name, "", str(error))
        return
    after: Nanoseconds | None = None
    for file in manifest.files:
        try:
            rows = _file(store, manifest, file, after)
        except FileNotFoundError:
            yield Finding(name, file.path, "the file is gone")
        except TradecoreError as error:
            yield Finding(name, file.path, str(error))
        else:
            after = file.last
            if manifest.key.timeframe is None:
                yield from _bars_of(store, index, manifest.key, file, rows)


def _file(store: Store, manifest: Manifest, file: FileEntry, after: Nanoseconds | None) -> pl.DataFrame:
    """Return a file's rows when it is what the manifest states. Errors: FileNotFoundError, DataError."""
    path = store.root / file.path
    data = path.read_bytes()
    if len(data) != file.bytes or hashlib.sha256(data).hexdigest() != file.sha256:
        raise DataError(
            f"{len(data):,} bytes with another sha256; expected {file.bytes:,} bytes and {file.sha256[:12]}; "
            "the file was altered"
        )
    rows, key = store.read(file), manifest.key
    if key.timeframe is None:
        check_trades(rows.cast(TRADE_SCHEMA), Origin(file.path), after)
    else:
        check_bars(rows.cast(BAR_SCHEMA), key.timeframe, Origin(file.path), after)
    times = rows[time_column(rows)]
    if (int(times[0]), int(times[-1])) != (file.first, file.last):
        raise DataError(
            f"its rows go from {iso(int(times[0]))} to {iso(int(times[-1]))}; the manifest states other times"
        )
    held = within(rows, tuple(one.span for one in manifest.slices))
    if len(held) != len(rows):
        raise DataError(f"{len(rows) - len(held):,} rows lie outside every slice; nobody knows their source")
    if id_runs(rows, file.path) != file.ids:
        raise DataError("its trade ids are not those the manifest states")
    return rows


def _bars_of(
    store: Store, index: dict[str, str], key: DatasetKey, file: FileEntry, trades: pl.DataFrame
) -> Iterator[Finding]:
    """Hold the stored 1-minute bars against those the trades of a month make."""
    name = str(DatasetKey(key.venue, key.pair, ONE_MINUTE))
    if name not in index:
        return
    try:
        manifest = store.manifest(index[name])
        spans = tuple(one.span for one in manifest.slices if one.source in _sources(store, index, key))
        made = within(blocks_to_bars([trades]), spans)
        year = next((one for one in manifest.files if one.partition == file.partition[:4]), None)
        stored = store.read(year) if year else made.clear()
    except (FileNotFoundError, TradecoreError):
        return  # told where that dataset itself is verified
    found = stored.filter(pl.col("open_time").is_in(made["open_time"].implode()))
    if not found.equals(made):
        yield Finding(name, year.path if year else "", f"bars differ from those the trades of {file.partition} make")


def _sources(store: Store, index: dict[str, str], key: DatasetKey) -> set[str]:
    return {one.source for one in store.manifest(index[str(key)]).slices}


def _take_out(store: Store, writer: Writer, finding: Finding) -> set[str]:
    """Stage a dataset without one file and its span, and move the file aside; return what to import again."""
    draft = writer.draft(DatasetKey.parse(finding.dataset))
    file = next((one for one in draft.files.values() if one.path == finding.file), None)
    if file is None:
        return set()
    del draft.files[file.partition]
    hurt = {
        name for name, runs in draft.spans.items() if subtract(runs, [(file.first, file.last)], draft.key.step) != runs
    }
    for name in hurt:
        draft.spans[name] = subtract(draft.spans[name], [(file.first, file.last)], draft.key.step)
    again = {ref.name or ref.importer for ref in draft.refs.values() if ref.importer in hurt}
    draft.refs = {sha: ref for sha, ref in draft.refs.items() if ref.importer not in hurt}
    for name in sorted(hurt):
        ref = SourceRef.repaired(name)
        draft.refs[ref.sha256] = ref
    draft.spans = {name: runs for name, runs in draft.spans.items() if runs}
    writer.put(draft)
    damaged = store.root / file.path
    if damaged.exists():  # a copy: the file itself goes when the commit no longer names it
        write_bytes(store.root / QUARANTINE / damaged.name, damaged.read_bytes())
    return again
