"""One transaction on the lake: rows are staged in files nobody names yet; one rename of the index makes them current.

A Writer belongs to one process at a time (`lake.writer` holds the lock). Rows are merged partition by partition, so
memory holds one partition. Invariants: until `commit` renames the index, every reader sees the lake as it was; the
outcome does not depend on the order in which sources were added.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator

import numpy as np
import polars as pl

from tradecore.core.errors import DataError
from tradecore.core.types import MINUTE_NS, IntArray, iso
from tradecore.market import trade_writer
from tradecore.market.aggregate import ONE_MINUTE
from tradecore.market.coverage import Run, Slice, count, inside, intersect, runs_of, subtract, union
from tradecore.market.draft import Addition, Draft, admit, draft_of, is_stronger
from tradecore.market.frames import BAR_SCHEMA, TRADE_SCHEMA, time_column
from tradecore.market.manifest import DatasetKey, FileEntry, Manifest, SourceRef, index_text
from tradecore.market.merge import merge_bars, outside
from tradecore.market.seams import Seam, compare_bars, stitched
from tradecore.market.sources.member import Source, source_named
from tradecore.market.store import INDEX, STAGED, Store

ARCHIVE_BARS = "kraken-ohlcvt"
TRADES = ("kraken-rest-trades", "kraken-live", "trades-parquet", "kraken-trades")
"""Sources of trades, whose bars must be those of the archive where both are."""


class Writer:
    """Stages additions and commits them at once. Get one from `Lake.writer`."""

    def __init__(self, store: Store, base: dict[str, str], *, join: bool = False) -> None:
        self._store = store
        self._index = dict(base)
        self.joins = join
        """Whether a person has allowed another source beside those stored."""
        self._drafts: dict[DatasetKey, Draft] = {}
        self._changed: set[DatasetKey] = set()
        self._written: dict[DatasetKey, str] = {}

    def holds(self, key: DatasetKey, ref: SourceRef) -> bool:
        """Whether a source's content is already part of a dataset, in the lake or staged."""
        return ref.sha256 in self.draft(key).refs

    def add_bars(self, key: DatasetKey, addition: Addition, *, replace: bool = False) -> int:
        """Stage bars and return how many the dataset gained. `replace` takes the new rows for the source's own span.

        Errors: DataError when the source was never joined or contradicts what is stored.
        """
        draft, source, step = self.draft(key), source_named(addition.source), key.step
        others = admit(draft, addition, source, self.joins)
        if source.name == ARCHIVE_BARS and key.timeframe == ONE_MINUTE:
            self._take_whole_minutes(draft, addition)
        stronger = [name for name in others if is_stronger(name, source.name)]
        allowed = subtract([addition.span], [run for name in stronger for run in draft.spans[name]], step)
        before = draft.rows
        own = draft.spans.get(source.name, ())
        overlap = intersect(allowed, own, step)
        weaker = tuple(run for name in draft.spans if name != source.name for run in draft.spans[name])
        cut = intersect(allowed, weaker, step)
        known = draft.exceptions.get(source.name, ())
        self._refuse_contradiction(draft, addition, source, overlap)
        meet = self._meetings(draft, addition, allowed)
        also = [*cut, *(allowed if replace else ()), *(run for runs in meet.values() for run in runs)]
        for partition, rows in self.touched(draft, addition.rows, also):
            held = self.read(draft, partition)
            self._hold_against(draft, addition, meet, (partition, held, rows))
            stored = outside(held, allowed if replace else cut)
            if not replace:
                _refuse_emptied(stored, intersect(addition.exceptions, overlap, step), source, f"{key}")
            fresh = outside(rows, subtract([addition.span], allowed, step))
            name = f"{addition.ref.name} into {key}"
            merged = merge_bars(stored, fresh, () if replace else overlap, source.absent, name)
            self.rewrite(draft, partition, merged)
        self._cover(draft, source, allowed, step)
        kept = subtract(known, allowed, step) if replace else known
        draft.exceptions[source.name] = union([*kept, *addition.exceptions], step)
        self._changed.add(key)
        draft.note(addition.ref)
        return draft.rows - before

    def add_trades(self, key: DatasetKey, addition: Addition) -> int:
        """Stage trades and the 1-minute bars they make; return how many trades the dataset gained.

        Errors: DataError when the trades contradict stored ones, were never joined with them, or do not agree with
                those of another source where the two meet.
        """
        draft = self.draft(key)
        before = draft.rows
        self._changed.add(key)
        trade_writer.add_trades(self, draft, addition)
        return draft.rows - before

    def put(self, draft: Draft) -> None:
        """Take a draft that was changed outside (retention, repair) as the dataset's new state."""
        self._drafts[draft.key] = draft
        self._changed.add(draft.key)

    def changed(self, draft: Draft) -> None:
        """Note that a draft this writer gave out was changed."""
        self._changed.add(draft.key)

    def touched(self, draft: Draft, rows: pl.DataFrame, also: Iterable[Run]) -> Iterator[tuple[str, pl.DataFrame]]:
        """Yield each partition that gets rows or has some in the runs of `also`, with its new rows."""
        parts, runs = dict(partitions(rows, draft.key)), list(also)
        for partition, file in draft.files.items():
            if partition not in parts and any(first <= file.last and last >= file.first for first, last in runs):
                parts[partition] = rows.clear()
        yield from sorted(parts.items())

    def rewrite(self, draft: Draft, partition: str, rows: pl.DataFrame) -> None:
        """Stage other rows for one partition of a draft; none removes it."""
        if len(rows):
            draft.files[partition] = self._store.write(draft.key, partition, rows)
        else:
            draft.files.pop(partition, None)

    def read(self, draft: Draft, partition: str, columns: list[str] | None = None) -> pl.DataFrame:
        """Return the rows of one partition of a draft; none where there is no such partition."""
        file = draft.files.get(partition)
        if file is None:
            table = pl.DataFrame(schema=TRADE_SCHEMA if draft.key.timeframe is None else BAR_SCHEMA)
            return table if columns is None else table.select(columns)
        return self._store.read(file, columns)

    def commit(self) -> dict[DatasetKey, str]:
        """Make everything staged current by one rename, delete what nothing names any more, return the new hashes."""
        self._write_manifests()
        if self._index != self._store.index():
            self._store.write_index(INDEX, index_text(self._index))
        self._store.drop(STAGED)
        self._store.clean(self._index)
        return dict(self._written)

    def checkpoint(self, identity: str) -> None:
        """Note how far an import has come, so that it can go on after a kill; readers see nothing of it."""
        self._write_manifests()
        self._store.write_index(STAGED, index_text({**self._index, "": identity}))

    def draft(self, key: DatasetKey) -> Draft:
        """Return the working state of a dataset: staged, stored, or new."""
        if key not in self._drafts:
            name = self._index.get(str(key))
            self._drafts[key] = Draft(key) if name is None else draft_of(self._store.manifest(name))
        return self._drafts[key]

    def _write_manifests(self) -> None:
        """Write the manifests of what changed, and forget the drafts: from here on the files hold their state."""
        for key in sorted(self._changed, key=str):
            draft = self._drafts[key]
            if not draft.files and not draft.spans:
                self._index.pop(str(key), None)
                continue
            manifest = self._finished(draft)
            self._store.write_manifest(manifest)
            self._index[str(key)] = self._written[key] = manifest.hash
        self._drafts.clear()
        self._changed.clear()

    def _take_whole_minutes(self, draft: Draft, addition: Addition) -> None:
        """Make room for an archive's bars of minutes that trades with ids cover only in part."""
        trades = self.draft(DatasetKey(draft.key.venue, draft.key.pair, None))
        partial = intersect(trade_writer.partial_minutes(trades), [addition.span], MINUTE_NS)
        for name in trade_writer.NUMBERED:
            trade_writer.drop_rows(self, draft, name, partial)

    def _meetings(self, draft: Draft, addition: Addition, allowed: tuple[Run, ...]) -> dict[str, tuple[Run, ...]]:
        """Return where an archive's bars and those of trades meet for the first time, by the name of the other."""
        if draft.key.timeframe != ONE_MINUTE:
            return {}
        if addition.source in TRADES:
            found = {ARCHIVE_BARS: intersect(allowed, draft.spans.get(ARCHIVE_BARS, ()), MINUTE_NS)}
        elif addition.source == ARCHIVE_BARS:
            found = {one: intersect([addition.span], draft.spans.get(one, ()), MINUTE_NS) for one in TRADES}
        else:
            return {}
        return {name: runs for name, runs in found.items() if runs}

    def _hold_against(
        self, draft: Draft, addition: Addition, meet: dict[str, tuple[Run, ...]],
        rows: tuple[str, pl.DataFrame, pl.DataFrame],
    ) -> None:  # fmt: skip
        """Refuse bars of an archive and of trades that differ in a year where they meet; else note the seam."""
        partition, stored, new = rows
        for name, runs in meet.items():
            for run in intersect(runs, [_year(partition)], MINUTE_NS):
                archive, made = (new, stored) if addition.source == ARCHIVE_BARS else (stored, new)
                newer = name if addition.source == ARCHIVE_BARS else addition.source
                what = f"{addition.ref.name} into {draft.key}"
                draft.seams.add(compare_bars(archive, made, run, (ARCHIVE_BARS, newer), what))

    def _refuse_contradiction(self, draft: Draft, addition: Addition, source: Source, overlap: tuple[Run, ...]) -> None:
        """Refuse a bar where the same source has proved that nothing traded, and the other way round."""
        if source.absent == "empty":
            return
        step = draft.key.step
        proved = intersect(draft.exceptions.get(source.name, ()), overlap, step)
        times = addition.rows["open_time"].to_numpy()
        clash = times[inside(times, proved)]
        if len(clash):
            raise DataError(
                f"{addition.ref.name} into {draft.key}: {len(clash):,} bars where the same source says that nothing "
                "traded; import the file into another lake, or repair the file"
            )

    def _cover(self, draft: Draft, source: Source, allowed: tuple[Run, ...], step: int) -> None:
        for name in draft.spans:
            if name != source.name:
                draft.spans[name] = subtract(draft.spans[name], allowed, step)
                draft.exceptions[name] = intersect(draft.exceptions.get(name, ()), draft.spans[name], step)
        draft.spans[source.name] = union([*draft.spans.get(source.name, ()), *allowed], step)

    def _finished(self, draft: Draft) -> Manifest:
        files = tuple(sorted(draft.files.values(), key=lambda file: file.partition))
        bars = draft.key.timeframe is not None
        times = self._times(files) if bars else np.zeros(0, np.int64)
        slices = [
            _bar_slice(run, source_named(name), times, draft.exceptions.get(name, ()), draft.key.step)
            if bars
            else Slice(*run, name, self._rows_in(files, run))
            for name, runs in draft.spans.items()
            for run in runs
        ]
        live = {one.source for one in slices}
        refs = [ref for ref in draft.refs.values() if ref.importer in live or ref.importer in draft.joined]
        return Manifest(
            key=draft.key,
            files=files,
            slices=tuple(sorted(slices, key=lambda one: one.start)),
            sources=tuple(sorted(refs)),
            joined=tuple(sorted(draft.joined)),
            finer=draft.finer,
            seams=stitched((self._numbered(draft, one) for one in draft.seams if _stands(draft, one)), draft.key.step),
        )

    def _numbered(self, draft: Draft, seam: Seam) -> Seam:
        """Return a seam of bars with the ids of the first and last trade in it."""
        if draft.key.timeframe is None or seam.first_id or not seam.trades:
            return seam
        trades = self.draft(DatasetKey(draft.key.venue, draft.key.pair, None))
        inside_it = pl.col("time").is_between(seam.start, seam.end + MINUTE_NS - 1)
        held = [
            self.read(trades, partition, ["time", "trade_id"]).filter(inside_it)
            for partition, file in sorted(trades.files.items())
            if file.ids and file.first <= seam.end + MINUTE_NS and file.last >= seam.start
        ]
        ids = pl.concat(held)["trade_id"].drop_nulls() if held else pl.Series([], dtype=pl.Int64)
        if not len(ids):
            return seam
        return dataclasses.replace(seam, first_id=int(ids.min()), last_id=int(ids.max()))  # type: ignore[arg-type]

    def _times(self, files: tuple[FileEntry, ...]) -> IntArray:
        parts = [self._store.read(file, ["open_time"])["open_time"].to_numpy() for file in files]
        return np.concatenate(parts) if parts else np.zeros(0, np.int64)

    def _rows_in(self, files: tuple[FileEntry, ...], run: Run) -> int:
        total = 0
        for file in files:
            if run[0] <= file.first and file.last <= run[1]:
                total += file.rows
            elif file.first <= run[1] and file.last >= run[0]:
                total += int(self._store.read(file, ["time"])["time"].is_between(*run).sum())
        return total


def partitions(rows: pl.DataFrame, key: DatasetKey) -> Iterator[tuple[str, pl.DataFrame]]:
    """Yield the rows of each partition: a year of bars, a month of trades."""
    if not len(rows):
        return
    pattern = "%Y-%m" if key.timeframe is None else "%Y"
    label = pl.from_epoch(pl.col(time_column(rows)), time_unit="ns").dt.strftime(pattern)
    labels = rows.select(label.alias("partition"))["partition"]
    if labels.n_unique() == 1:
        yield str(labels[0]), rows
        return
    for (name, *_), part in (
        rows.with_columns(labels)
        .partition_by("partition", as_dict=True, include_key=False, maintain_order=True)
        .items()
    ):
        yield str(name), part


def _bar_slice(span: Run, source: Source, times: IntArray, exceptions: tuple[Run, ...], step: int) -> Slice:
    first, last = np.searchsorted(times, span[0]), np.searchsorted(times, span[1], side="right")
    rows, held = int(last - first), (span[1] - span[0]) // step + 1
    mine = intersect(exceptions, [span], step)
    if mine:
        mine = subtract(mine, runs_of(times[inside(times, mine)], step), step)
    odd = count(mine, step)
    rest = held - rows - odd
    empty, missing = (rest, odd) if source.absent == "empty" else (odd, rest)
    return Slice(*span, source.name, rows, empty, missing, source.absent, mine)


def _refuse_emptied(stored: pl.DataFrame, exceptions: tuple[Run, ...], source: Source, name: str) -> None:
    """Refuse a source that now says nothing traded where it gave a bar before."""
    times = stored["open_time"].to_numpy()
    clash = times[inside(times, exceptions)] if source.absent == "missing" else times[:0]
    if len(clash):
        raise DataError(
            f"{name}: {iso(int(clash[0]))} has a bar in the lake, and the file says that nothing traded then, "
            f"{len(clash):,} bars in all; import the file into another lake, or repair the file"
        )


def _stands(draft: Draft, seam: Seam) -> bool:
    """Whether the newer record still holds the stretch in which it was compared."""
    return intersect([(seam.start, seam.end)], draft.spans.get(seam.newer, ()), draft.key.step) == (
        (seam.start, seam.end),
    )


def _year(partition: str) -> Run:
    """Return the first and last minute of a year."""
    year = np.datetime64(partition, "Y")
    first, end = (int(one.astype("datetime64[ns]").astype(np.int64)) for one in (year, year + 1))
    return first, end - MINUTE_NS
