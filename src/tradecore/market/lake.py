"""The lake: every bar and trade this workspace has, as one folder of Parquet files that a manifest names.

`Lake` is the one door: reading never waits and never sees a half-written state; writing is one process at a time and
one rename. It imports nothing by itself (`ingest`) and checks nothing it was not asked to (`audit`). Invariant: bars
that are returned are those of the dataset whose hash they carry.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias, TypeVar

import numpy as np
import polars as pl
from filelock import FileLock, Timeout

from tradecore.core.bars import Bars
from tradecore.core.clock import Clock, SystemClock
from tradecore.core.errors import NothingThereError, StateRefusedError, TradecoreError, UsageError
from tradecore.core.types import Nanoseconds, Pair, Timeframe, iso
from tradecore.market.aggregate import ONE_MINUTE, bars_to_bars, blocks_to_bars, whole_buckets
from tradecore.market.audit import Finding, Repair, rebuild_index, repair, verify
from tradecore.market.coverage import runs_of
from tradecore.market.draft import Addition
from tradecore.market.frames import BAR_SCHEMA, empty_bars, minute_of
from tradecore.market.manifest import DatasetKey, FileEntry, Manifest, SourceRef, index_text
from tradecore.market.sources.member import source_named
from tradecore.market.store import LOCK, STAGED, Store
from tradecore.market.writer import Writer
from tradecore.storage.atomic_io import explain, make_folder

Fill: TypeAlias = Literal["none", "flat"]
"""What stands for a bar in which nothing traded: nothing, or a flat bar at the last close whose `is_real` is False."""

READ_ATTEMPTS = 20
TRADE_COLUMNS = ["time", "trade_id", "price", "amount"]
"""What bars are made from."""
_T = TypeVar("_T")


class LakeBusyError(StateRefusedError):
    """Another process is writing to the lake; what was to be written can be tried again."""


@dataclass(frozen=True, slots=True)
class Dataset:
    """A dataset and what it holds; `hash` names it wherever it is used."""

    key: DatasetKey
    hash: str
    manifest: Manifest

    @property
    def start(self) -> Nanoseconds:
        """The first time covered."""
        return min(one.start for one in self.manifest.slices)

    @property
    def end(self) -> Nanoseconds:
        """The last time covered, inclusive."""
        return max(one.end for one in self.manifest.slices)

    @property
    def sources(self) -> tuple[str, ...]:
        """The sources of its rows, in alphabetical order."""
        return tuple(sorted({one.source for one in self.manifest.slices}))


class Lake:
    """A folder of datasets."""

    def __init__(self, root: Path | str, *, clock: Clock | None = None) -> None:
        self.root = Path(root)
        self.clock = clock or SystemClock()
        self.store = Store(self.root)

    def datasets(self) -> tuple[Dataset, ...]:
        """Return every dataset, in order of venue, pair and timeframe; none for a lake that was never written."""
        return self._steady(lambda index: tuple(self._dataset(name, index) for name in sorted(index)))

    def dataset(self, key: DatasetKey) -> Dataset:
        """Return one dataset. Errors: NothingThereError saying what there is."""
        return self._steady(lambda index: self._find(key, index))

    def bars(
        self,
        venue: str,
        pair: Pair,
        timeframe: Timeframe,
        start: Nanoseconds | None = None,
        end: Nanoseconds | None = None,
        fill: Fill = "none",
    ) -> Bars:
        """Return the bars with start <= open time < end, made from a shorter stored timeframe where need be.

        A bar that is made is there only if the data covers its whole span at the edges. With `fill="flat"` absent bars
        between the first and the last are flat at the last close, without volume, and `is_real` is False for them.
        Errors: NothingThereError when there is no dataset to take or make them from, or none in the span; UsageError.
        """
        if fill not in ("none", "flat"):
            raise UsageError(f"fill {fill!r}: expected none or flat; a bar cannot hold NaN")
        key = DatasetKey(venue, pair, timeframe)
        table, used = self._steady(lambda index: self._table(key, start, end, index))
        if not len(table):
            raise NothingThereError(
                f"{key}: no bars between {iso(start) if start is not None else 'the start'} and "
                f"{iso(end) if end is not None else 'the end'}; it covers {_covered(used)}; import more or ask for less"
            )
        source = "+".join(sorted({name for one in used for name in one.sources}))
        bars = _bars(table, key, source, _name(used))
        return bars if fill == "none" else filled(bars)

    def trades(
        self, venue: str, pair: Pair, start: Nanoseconds | None = None, end: Nanoseconds | None = None
    ) -> Iterator[pl.DataFrame]:
        """Yield stored trades with start <= time < end, a month at a time. Errors: NothingThereError."""
        for file in self.dataset(DatasetKey(venue, pair, None)).manifest.files:
            if _meets(file, start, end):
                try:
                    month = self.store.read(file)
                except FileNotFoundError as error:
                    raise StateRefusedError(f"{error}: the lake changed while it was read; read again") from error
                yield _cut(month, "time", start, end)

    def bars_of_trades(
        self, venue: str, pair: Pair, timeframe: Timeframe, start: Nanoseconds | None = None,
        end: Nanoseconds | None = None,
    ) -> Bars:  # fmt: skip
        """Return the bars that the stored trades make, whatever bars are stored beside them.

        Shape:  bars with start <= open time < end, only those whose whole span the trades cover at the edges. Memory
                holds a million trades and the bars.
        Errors: NothingThereError when there are no trades, or none in the span.
        """
        key = DatasetKey(venue, pair, timeframe)

        def read(index: dict[str, str]) -> tuple[pl.DataFrame, Dataset]:
            stored = self._find(DatasetKey(venue, pair, None), index)
            last = None if end is None else -(-end // timeframe.ns) * timeframe.ns
            files = [file for file in stored.manifest.files if _meets(file, start, last)]
            blocks = (block for file in files for block in self.store.blocks(file, TRADE_COLUMNS))
            return _cut(blocks_to_bars(blocks, timeframe), "open_time", start, end), stored

        table, used = self._steady(read)
        covered = minute_of(used.start), minute_of(used.end)
        table = table.filter(pl.col("open_time").is_between(*whole_buckets(*covered, ONE_MINUTE, timeframe)))
        if not len(table):
            raise NothingThereError(f"{used.key}: no whole {timeframe} bar in the span; it covers {_covered([used])}")
        return _bars(table, key, "+".join(used.sources), used.hash)

    def stored(self, key: DatasetKey) -> tuple[Dataset, pl.DataFrame]:
        """Return a dataset of bars and all its rows, both of one state. Errors: NothingThereError."""

        def read(index: dict[str, str]) -> tuple[Dataset, pl.DataFrame]:
            dataset = self._find(key, index)
            return dataset, self._read(dataset, None, None)

        return self._steady(read)

    def commit(self, bars: Bars, *, venue: str, join: bool = False) -> str:
        """Store bars that came from no file (made, or fetched) and return the dataset's hash; filled bars are left out.

        Errors: DataError when they contradict what is stored or were never joined with it.
        """
        timeframe = bars.timeframe
        key = DatasetKey(venue, bars.pair, timeframe)
        if not len(bars):
            raise UsageError(f"{key}: no bars to store; expected at least one")
        table = pl.DataFrame(
            {name: getattr(bars, name) for name in BAR_SCHEMA if name != "count"}
            | {"count": pl.Series([None] * len(bars), dtype=pl.Int64)}
        ).select(BAR_SCHEMA.names())
        made = runs_of(bars.open_time[~bars.is_real], timeframe.ns)
        ref = SourceRef("", bars.content_hash(), bars.source)
        span = (int(bars.open_time[0]), int(bars.open_time[-1]))
        real = table.filter(pl.Series(bars.is_real))
        with self.writer(join=join) as writer:
            empty = made if source_named(bars.source).absent == "missing" else ()
            writer.add_bars(key, Addition(real, span, bars.source, ref, empty))
            return writer.commit()[key]

    def verify(self, key: DatasetKey | None = None) -> tuple[Finding, ...]:
        """Hold one dataset, or all, against their manifests: hashes, rows, order, coverage, ids, bars against trades.

        Errors: NothingThereError when the dataset is not there.
        """
        if key is not None:
            self._steady(lambda index: self._known(key, index))
        while True:
            index = self.store.index()
            findings = verify(self.store, index, key)
            if not findings or self.store.index() == index:
                return findings
            # A commit came in between and took files away; what was found may be no fault.

    def repair(self, key: DatasetKey | None = None) -> Repair:
        """Take damaged files out, so that their sources can be imported again, and delete strays of a killed import.

        Errors: NothingThereError; StateRefusedError when another process is writing.
        """
        with self.locked():
            rebuild_index(self.store)
            index = self.store.index()
            if key is not None:
                self._known(key, index)
            self.store.drop(STAGED)
            return repair(self.store, index, key)

    @contextmanager
    def writer(self, *, join: bool = False, identity: str = "") -> Iterator[Writer]:
        """Give the one writer of the lake; what it stages is kept only by `commit`.

        `identity` names an import: one that was interrupted and left a checkpoint goes on from it.
        Errors: StateRefusedError when another process is writing, or the folder cannot be written.
        """
        with self.locked():
            try:
                writer = self._open(join, identity)
                try:
                    yield writer
                except TradecoreError:
                    self._forget_staged()
                    raise
            except FileNotFoundError as error:
                raise StateRefusedError(f"{error}: the lake's file is gone; run: tradecore data repair") from error

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Be the one process that writes to this lake. Errors: StateRefusedError when another one is."""
        make_folder(self.root)
        lock = FileLock(self.root / LOCK, timeout=0)
        try:
            lock.acquire()
        except Timeout:
            raise LakeBusyError(
                f"{self.root}: another process is writing to this lake; expected one writer at a time; "
                "wait until it has finished, then run it again"
            ) from None
        except OSError as error:
            raise explain(error, self.root / LOCK) from error
        try:
            yield
        finally:
            lock.release()

    def identity(self, *parts: object) -> str:
        """Return a name for an import into the lake as it is now, for `writer` and `Writer.checkpoint`."""
        state = "\n".join([index_text(self.store.index()), *map(str, parts)])
        return hashlib.sha256(state.encode()).hexdigest()

    def _open(self, join: bool, identity: str) -> Writer:
        self.store.begin()
        index, staged = self.store.index(), self.store.read_index(STAGED)
        if identity and staged.pop("", None) == identity:
            self.store.clean(index, staged)
            return Writer(self.store, staged, join=join)
        self.store.drop(STAGED)
        self.store.clean(index)
        return Writer(self.store, index, join=join)

    def _forget_staged(self) -> None:
        """Delete what a refused import staged; if even that fails, the next writer does it, and the refusal is told."""
        with suppress(TradecoreError, FileNotFoundError):
            self.store.drop(STAGED)
            self.store.clean(self.store.index())

    def _steady(self, read: Callable[[dict[str, str]], _T]) -> _T:
        """Read under one index; when a commit deleted a file meanwhile, read again under the new one."""
        index = self.store.index()
        for _ in range(READ_ATTEMPTS):
            try:
                return read(index)
            except FileNotFoundError as error:
                newer = self.store.index()
                if newer == index:
                    raise StateRefusedError(f"{error}: the file is gone; run: tradecore data repair") from error
                index = newer
        raise StateRefusedError(f"{self.root}: the lake changed {READ_ATTEMPTS} times while it was read; try again")

    def _dataset(self, name: str, index: dict[str, str]) -> Dataset:
        return Dataset(DatasetKey.parse(name), index[name], self.store.manifest(index[name]))

    def _find(self, key: DatasetKey, index: dict[str, str]) -> Dataset:
        return self._dataset(self._known(key, index), index)

    def _known(self, key: DatasetKey, index: dict[str, str]) -> str:
        """Return the dataset's name in the index. Errors: NothingThereError saying what there is."""
        if str(key) not in index:
            there = ", ".join(sorted(index)) or "nothing"
            raise NothingThereError(f"{key}: not in the lake, which holds {there}; run: tradecore data import FILE")
        return str(key)

    def _table(
        self, key: DatasetKey, start: Nanoseconds | None, end: Nanoseconds | None, index: dict[str, str]
    ) -> tuple[pl.DataFrame, list[Dataset]]:
        """Return a table of bars and the datasets it was made from: stored, moved here by retention, or derived."""
        assert key.timeframe is not None, "trades are read by Lake.trades"
        if str(key) in index:
            stored = self._dataset(str(key), index)
            table = self._read(stored, start, end)
            if not stored.manifest.finer:
                return table, [stored]
            finer = DatasetKey(key.venue, key.pair, Timeframe.parse(stored.manifest.finer))
            if str(finer) not in index:
                return table, [stored]
            rest, used = self._table(finer, _later(start, stored.end + key.step), end, index)
            rest = bars_to_bars(rest, Timeframe(finer.step), key.timeframe)
            return pl.concat([table, _whole(rest, used, finer.step, key.timeframe)]), [stored, *used]
        base = self._base(key, index)
        if base is None:
            return empty_bars(), [self._find(key, index)]
        # Read whole buckets, so that the bars at the edges of the span are made from all their parts.
        first = None if start is None else -(-start // key.step) * key.step
        last = None if end is None else -(-end // key.step) * key.step
        table, used = self._table(base, first, last, index)
        made = bars_to_bars(table, Timeframe(base.step), key.timeframe)
        return _whole(made, used, base.step, key.timeframe), used

    def _base(self, key: DatasetKey, index: dict[str, str]) -> DatasetKey | None:
        """Return the longest stored timeframe that the wanted one can be made from."""
        stored = [DatasetKey.parse(name) for name in index]
        fit = [
            one
            for one in stored
            if (one.venue, one.pair) == (key.venue, key.pair) and one.timeframe is not None and key.step % one.step == 0
        ]
        return max(fit, key=lambda one: one.step, default=None)

    def _read(self, dataset: Dataset, start: Nanoseconds | None, end: Nanoseconds | None) -> pl.DataFrame:
        wanted = [file for file in dataset.manifest.files if _meets(file, start, end)]
        if not wanted:
            return empty_bars()
        return _cut(pl.concat([self.store.read(file) for file in wanted]), "open_time", start, end)


def filled(bars: Bars) -> Bars:
    """Return bars with a flat bar at the last close for every absent one between the first and the last."""
    step = bars.timeframe.ns
    if not len(bars):
        return bars
    grid = np.arange(int(bars.open_time[0]), int(bars.open_time[-1]) + step, step, dtype=np.int64)
    at = np.searchsorted(bars.open_time, grid, side="right") - 1
    there = bars.open_time[at] == grid
    flat = bars.close[at]
    prices = {name: np.where(there, getattr(bars, name)[at], flat) for name in ("open", "high", "low", "close")}
    return Bars(
        pair=bars.pair,
        timeframe=bars.timeframe,
        open_time=grid,
        **prices,
        volume=np.where(there, bars.volume[at], 0.0),
        source=bars.source,
        dataset=bars.dataset,
        is_real=there & bars.is_real[at],
    )


def _bars(table: pl.DataFrame, key: DatasetKey, source: str, dataset: str) -> Bars:
    assert key.timeframe is not None, "trades are no bars"
    columns = {name: table[name].to_numpy() for name in BAR_SCHEMA if name != "count"}
    return Bars(pair=key.pair, timeframe=key.timeframe, source=source, dataset=dataset, **columns)


def _whole(table: pl.DataFrame, used: list[Dataset], step: Nanoseconds, target: Timeframe) -> pl.DataFrame:
    """Leave out the first and last made bars whose span the data does not wholly cover."""
    start, end = min(one.start for one in used), max(one.end for one in used)
    return table.filter(pl.col("open_time").is_between(*whole_buckets(start, end, Timeframe(step), target)))


def _meets(file: FileEntry, start: Nanoseconds | None, end: Nanoseconds | None) -> bool:
    return (start is None or file.last >= start) and (end is None or file.first < end)


def _cut(table: pl.DataFrame, column: str, start: Nanoseconds | None, end: Nanoseconds | None) -> pl.DataFrame:
    if start is not None:
        table = table.filter(pl.col(column) >= start)
    return table if end is None else table.filter(pl.col(column) < end)


def _later(one: Nanoseconds | None, other: Nanoseconds) -> Nanoseconds:
    return other if one is None else max(one, other)


def _covered(used: list[Dataset]) -> str:
    return ", ".join(f"{one.key} from {iso(one.start)} to {iso(one.end)}" for one in used)


def _name(used: list[Dataset]) -> str:
    """Return the hash of the dataset read; of several, a hash of theirs."""
    if len(used) == 1:
        return used[0].hash
    return hashlib.sha256("\n".join(one.hash for one in used).encode()).hexdigest()
