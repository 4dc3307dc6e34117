"""Bring a file into the lake: find out what it is, check every row, stage it, commit once.

`import_path` is what `data import` calls. A kill leaves the lake as it was; the next import of the same file goes on
after the last member that was finished. Invariant: importing a file twice, or files in another order, gives the same
hashes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from tradecore.core.errors import DataError, NothingThereError, UsageError
from tradecore.core.types import MINUTE_NS, Nanoseconds, Pair, Timeframe, iso
from tradecore.market.coverage import runs_of
from tradecore.market.draft import Addition
from tradecore.market.frames import is_filler, time_column
from tradecore.market.lake import Dataset, Lake
from tradecore.market.manifest import DatasetKey, SourceRef
from tradecore.market.merge import duplicate_ids
from tradecore.market.quality import QualityReport, inspect
from tradecore.market.sources import kraken_archive, kraken_rest, parquet
from tradecore.market.sources.kraken_archive import Archive
from tradecore.market.sources.member import Asked, Member, Progress, source_named
from tradecore.market.writer import Writer, partitions

SUFFIXES = (".zip", ".csv", ".parquet", ".json")
CLOCK_SKEW_NS = MINUTE_NS
"""A row dated later than this after now is refused: a clock is wrong, or the unit is."""


@dataclass(frozen=True, slots=True)
class ImportedDataset:
    """What an import did to one dataset; `added` may be 0 when everything was there already."""

    dataset: Dataset
    added: int
    quality: QualityReport


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What an import did: datasets touched, rows read, and what was left out, each with its reason."""

    datasets: tuple[ImportedDataset, ...]
    rows_read: int
    fillers: int
    """Rows of bars in which nothing traded: not stored, their time is recorded as empty."""
    unfinished: int
    """Bars that were still open: not stored."""
    duplicates: int
    """Trades that repeated an earlier one, id and all."""
    skipped: tuple[tuple[str, str], ...]
    """Parts of the file that were passed over, with the reason."""


@dataclass(slots=True)
class _Tally:
    rows: int = 0
    fillers: int = 0
    unfinished: int = 0
    duplicates: int = 0
    touched: set[DatasetKey] = field(default_factory=set)


def import_path(
    lake: Lake,
    path: Path | str,
    *,
    pair: Pair | None = None,
    venue: str | None = None,
    timeframe: Timeframe | None = None,
    join: bool = False,
    progress: Progress | None = None,
) -> ImportResult:
    """Import a ZIP, CSV, Parquet file or recorded reply, or a folder of them, in one commit.

    `pair`, `venue` and `timeframe` say what the file does not; of an archive they choose members. `join` allows bars of
    another source beside those stored.
    Errors: NothingThereError, UsageError, DataError naming file and row, StateRefusedError; the lake is then as before.
    """
    source = Path(path)
    archive = _members(source, Asked(venue, pair, timeframe))
    tally = _Tally()
    before = {one.key: one.manifest.rows for one in lake.datasets()}
    identity = lake.identity(source.name, _stamp(source), venue, pair, timeframe, join)
    with lake.writer(join=join, identity=identity) as writer:
        for number, member in enumerate(archive.members, 1):
            _import_member(writer, member, tally, lake.clock.now(), progress)
            if number < len(archive.members):
                writer.checkpoint(identity)
        writer.commit()
    imported = []
    for key in sorted(tally.touched, key=str):
        dataset = lake.dataset(key)
        imported.append(ImportedDataset(dataset, dataset.manifest.rows - before.get(key, 0), inspect(lake, dataset)))
    return ImportResult(tuple(imported), tally.rows, tally.fillers, tally.unfinished, tally.duplicates, archive.skipped)


def _members(path: Path, asked: Asked) -> Archive:
    """Return what can be read at a path. Errors: NothingThereError, UsageError, DataError."""
    if path.is_dir():
        files = sorted(one for one in path.iterdir() if one.suffix.lower() in SUFFIXES and one.is_file())
        if not files:
            raise NothingThereError(f"{path}: no file to import; expected {', '.join(SUFFIXES)}")
        parts = [_members(one, asked) for one in files]
        return Archive(
            tuple(member for part in parts for member in part.members),
            tuple(skip for part in parts for skip in part.skipped),
        )
    if not path.exists():
        raise NothingThereError(f"{path}: no such file; expected a {', '.join(SUFFIXES)} file or a folder of them")
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise UsageError(
            f"{path.name}: cannot import {suffix or 'a file without a suffix'}; expected {', '.join(SUFFIXES)}"
        )
    if not path.stat().st_size:
        raise DataError(f"{path.name}: the file is empty; expected market data; fetch it again")
    if suffix == ".zip":
        return kraken_archive.read_zip(path, asked)
    if suffix == ".csv":
        return kraken_archive.read_csv(path, asked)
    read = parquet.read_parquet if suffix == ".parquet" else kraken_rest.read_json
    return Archive((read(path, asked),), ())


def _import_member(writer: Writer, member: Member, tally: _Tally, now: Nanoseconds, progress: Progress | None) -> None:
    key = DatasetKey(member.venue, member.pair, member.timeframe)
    bars_key = DatasetKey(member.venue, member.pair, Timeframe(MINUTE_NS))
    tally.touched |= {key} if member.timeframe is not None else {key, bars_key}
    ref = SourceRef(member.name, member.digest(), member.source)
    if writer.holds(key, ref) and (member.timeframe is not None or writer.holds(bars_key, ref)):
        return
    covered: Nanoseconds | None = None
    for rows in _whole_partitions(member.blocks(progress), key):
        _refuse_future(rows, member, now)
        tally.rows += len(rows)
        time = time_column(rows)
        first = int(rows[time][0]) if covered is None else covered + key.step
        covered = int(rows[time][-1])
        if member.timeframe is None:
            tally.duplicates += duplicate_ids(rows)
            writer.add_trades(key, Addition(rows, (first, covered), member.source, ref))
        else:
            _add_bars(writer, key, Addition(rows, (first, covered), member.source, ref), tally, now)


def _add_bars(writer: Writer, key: DatasetKey, addition: Addition, tally: _Tally, now: Nanoseconds) -> None:
    """Stage bars without the open one and without fillers, whose times are recorded as empty."""
    rows, (first, last) = addition.rows, addition.span
    final = rows.filter(pl.col("open_time") + key.step <= now)
    tally.unfinished += len(rows) - len(final)
    if not len(final):
        return
    last = min(last, int(final["open_time"][-1]))
    filler = is_filler(final)
    empty = runs_of(final.filter(filler)["open_time"].to_numpy(), key.step)
    tally.fillers += int(filler.sum())
    exceptions = empty if source_named(addition.source).absent == "missing" else ()
    kept = Addition(final.filter(~filler), (first, last), addition.source, addition.ref, exceptions)
    writer.add_bars(key, kept)


def _whole_partitions(blocks: Iterator[pl.DataFrame], key: DatasetKey) -> Iterator[pl.DataFrame]:
    """Yield the rows partition by partition, so that each is written once however the file was cut into blocks."""
    name, waiting = "", list[pl.DataFrame]()
    for block in blocks:
        for partition, rows in partitions(block, key):
            if waiting and partition != name:
                yield pl.concat(waiting)
                waiting = []
            name = partition
            waiting.append(rows)
    if waiting:
        yield pl.concat(waiting)


def _refuse_future(rows: pl.DataFrame, member: Member, now: Nanoseconds) -> None:
    newest = int(rows[time_column(rows)][-1])
    if newest > now + CLOCK_SKEW_NS:
        raise DataError(
            f"{member.name}: its newest row is dated {iso(newest)}, later than now ({iso(now)}); expected the past; "
            "set this machine's clock, or check the unit of the times"
        )


def _stamp(path: Path) -> str:
    """Return what tells whether a file was changed since an interrupted import."""
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    return ";".join(f"{one.name}:{one.stat().st_size}:{one.stat().st_mtime_ns}" for one in files)
