"""One transaction on the lake: rows are staged in files nobody names yet; one rename of the index makes them current.

A Writer belongs to one process at a time (`lake.writer` holds the lock). Rows are merged partition by partition, so
memory holds one partition. Invariants: until `commit` renames the index, every reader sees the lake as it was; the
outcome does not depend on the order in which sources were added.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import polars as pl

from tradecore.core.errors import DataError
from tradecore.core.types import MINUTE_NS, IntArray, iso
from tradecore.market.aggregate import ONE_MINUTE, trades_to_bars
from tradecore.market.coverage import Run, Slice, count, inside, intersect, runs_of, subtract, union
from tradecore.market.frames import BAR_SCHEMA, TRADE_SCHEMA, empty_bars, time_column
from tradecore.market.manifest import DatasetKey, FileEntry, Manifest, SourceRef, index_text
from tradecore.market.merge import merge_bars, merge_trades, outside, unknown_minutes
from tradecore.market.sources.member import Source, source_named
from tradecore.market.store import INDEX, STAGED, Store


@dataclass(slots=True)
class Draft:
    """A dataset as it will be: its files, what each source covers, and the exceptions to what an absent bar means."""

    key: DatasetKey
    files: dict[str, FileEntry] = field(default_factory=dict)
    spans: dict[str, tuple[Run, ...]] = field(default_factory=dict)
    exceptions: dict[str, tuple[Run, ...]] = field(default_factory=dict)
    refs: dict[str, SourceRef] = field(default_factory=dict)
    joined: set[str] = field(default_factory=set)
    finer: str = ""


@dataclass(frozen=True, slots=True)
class Addition:
    """Rows of one source and the span they cover: between the rows it is empty or missing, as the source means it.

    `exceptions` are the runs in which an absent bar is the other of the two.
    """

    rows: pl.DataFrame
    span: Run
    source: str
    ref: SourceRef
    exceptions: tuple[Run, ...] = ()


class Writer:
    """Stages additions and commits them at once. Get one from `Lake.writer`."""

    def __init__(self, store: Store, base: dict[str, str], *, join: bool = False) -> None:
        self._store = store
        self._index = dict(base)
        self._join = join
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
        allowed = self._admit(draft, addition, source)
        before = sum(file.rows for file in draft.files.values())
        own = draft.spans.get(source.name, ())
        overlap = intersect(allowed, own, step)
        weaker = tuple(run for name in draft.spans if name != source.name for run in draft.spans[name])
        cut = intersect(allowed, weaker, step)
        known = draft.exceptions.get(source.name, ())
        self._refuse_contradiction(draft, addition, source, overlap)
        for partition, rows in self._touched(draft, addition.rows, [*cut, *(allowed if replace else ())]):
            stored = outside(self._stored(draft, partition, BAR_SCHEMA), allowed if replace else cut)
            if not replace:
                _refuse_emptied(stored, intersect(addition.exceptions, overlap, step), source, f"{key}")
            fresh = outside(rows, subtract([addition.span], allowed, step))
            name = f"{addition.ref.name} into {key}"
            merged = merge_bars(stored, fresh, () if replace else overlap, source.absent, name)
            self._stage(draft, partition, merged)
        self._cover(draft, source, allowed, step)
        kept = subtract(known, allowed, step) if replace else known
        draft.exceptions[source.name] = union([*kept, *addition.exceptions], step)
        self._changed.add(key)
        _note(draft, addition.ref)
        return sum(file.rows for file in draft.files.values()) - before

    def add_trades(self, key: DatasetKey, addition: Addition) -> int:
        """Stage trades and the 1-minute bars they make; return how many trades the dataset gained.

        Errors: DataError when the trades contradict stored ones, or the dataset holds trades of another source.
        """
        draft = self.draft(key)
        if set(draft.spans) - {addition.source}:
            raise DataError(
                f"{key}: holds trades from {', '.join(draft.spans)}, the file gives {addition.source}; trades of two "
                "sources cannot be told apart; import the file into another lake"
            )
        overlap = intersect([addition.span], draft.spans.get(addition.source, ()))
        before = sum(file.rows for file in draft.files.values())
        touched: list[pl.DataFrame] = []
        for partition, rows in self._touched(draft, addition.rows, []):
            stored = self._stored(draft, partition, TRADE_SCHEMA)
            merged = merge_trades(stored, rows, overlap, f"{addition.ref.name} into {key}")
            self._stage(draft, partition, merged)
            touched.append(merged)
        draft.spans[addition.source] = union([*draft.spans.get(addition.source, ()), addition.span])
        _note(draft, addition.ref)
        self._changed.add(key)
        for trades in touched:
            self._derive(draft, addition, trades)
        return sum(file.rows for file in draft.files.values()) - before

    def put(self, draft: Draft) -> None:
        """Take a draft that was changed outside (retention, repair) as the dataset's new state."""
        self._drafts[draft.key] = draft
        self._changed.add(draft.key)

    def rewrite(self, draft: Draft, partition: str, rows: pl.DataFrame) -> None:
        """Stage other rows for one partition of a draft; none removes it."""
        self._stage(draft, partition, rows)

    def read(self, draft: Draft, partition: str) -> pl.DataFrame:
        """Return the rows of one partition of a draft."""
        return self._stored(draft, partition, TRADE_SCHEMA if draft.key.timeframe is None else BAR_SCHEMA)

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

    def _admit(self, draft: Draft, addition: Addition, source: Source) -> tuple[Run, ...]:
        """Return the part of the addition's span it may fill: a stronger source's part is left as it is."""
        others = {name for name in draft.spans if name != source.name}
        if not others:
            return (addition.span,)
        names = ", ".join(sorted(others))
        if any(one.startswith("synthetic") for one in (*others, source.name)):
            raise DataError(
                f"{draft.key}: holds {names}, the file gives {source.name}; made and traded bars are never mixed; "
                "use another lake"
            )
        if not (self._join or {*others, source.name} <= draft.joined):
            raise DataError(
                f"{draft.key}: holds bars from {names}, {addition.ref.name} gives {source.name}; sources are never "
                "mixed silently; join them by name (--join), or use another lake"
            )
        draft.joined |= {*others, source.name}
        stronger = [name for name in others if _rank(source_named(name)) > _rank(source)]
        return subtract([addition.span], [run for name in stronger for run in draft.spans[name]], draft.key.step)

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

    def _touched(self, draft: Draft, rows: pl.DataFrame, also: list[Run]) -> Iterator[tuple[str, pl.DataFrame]]:
        """Yield each partition that gets rows or loses some, with its new rows."""
        parts = dict(partitions(rows, draft.key))
        for partition, file in draft.files.items():
            if partition not in parts and any(first <= file.last and last >= file.first for first, last in also):
                parts[partition] = rows.clear()
        yield from sorted(parts.items())

    def _stored(self, draft: Draft, partition: str, schema: pl.Schema) -> pl.DataFrame:
        file = draft.files.get(partition)
        return pl.DataFrame(schema=schema) if file is None else self._store.read(file)

    def _stage(self, draft: Draft, partition: str, rows: pl.DataFrame) -> None:
        if len(rows):
            draft.files[partition] = self._store.write(draft.key, partition, rows)
        else:
            draft.files.pop(partition, None)

    def _derive(self, trades_draft: Draft, addition: Addition, trades: pl.DataFrame) -> None:
        """Replace the 1-minute bars of one partition of trades by those its trades make now."""
        key = DatasetKey(trades_draft.key.venue, trades_draft.key.pair, ONE_MINUTE)
        bars = trades_to_bars(trades)
        first, last = int(bars["open_time"][0]), int(bars["open_time"][-1])
        covered = union([_minutes(run) for run in trades_draft.spans[addition.source]], MINUTE_NS)
        for span in intersect(covered, [(first, last)], MINUTE_NS):
            part = bars.filter(pl.col("open_time").is_between(*span))
            unknown = intersect(unknown_minutes(trades), [span], MINUTE_NS)
            self.add_bars(key, Addition(part, span, addition.source, addition.ref, unknown), replace=True)
        for before, after in pairwise(sorted(trades_draft.files.values(), key=lambda file: file.first)):
            self._bridge(key, addition, covered, (before, after))

    def _bridge(
        self, key: DatasetKey, addition: Addition, covered: tuple[Run, ...], files: tuple[FileEntry, FileEntry]
    ) -> None:
        """Cover the minutes between the last trade of one partition and the first of the next: empty, or unknown."""
        before, after = files
        gap = (_minute(before.last) + MINUTE_NS, _minute(after.first) - MINUTE_NS)
        if gap[1] < gap[0]:
            return
        spans = intersect(covered, [gap], MINUTE_NS)
        skipped = bool(before.ids and after.ids) and after.ids[0][0] != before.ids[-1][1] + 1
        for span in spans:
            unknown = (span,) if skipped else ()
            self.add_bars(key, Addition(empty_bars(), span, addition.source, addition.ref, unknown), replace=True)

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
        )

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


def draft_of(manifest: Manifest) -> Draft:
    """Return a stored dataset as a draft that can be changed."""
    names = {one.source for one in manifest.slices}
    return Draft(
        key=manifest.key,
        files={file.partition: file for file in manifest.files},
        spans={name: tuple(one.span for one in manifest.slices if one.source == name) for name in sorted(names)},
        exceptions={
            name: tuple(run for one in manifest.slices if one.source == name for run in one.exceptions)
            for name in sorted(names)
        },
        refs={ref.sha256: ref for ref in manifest.sources},
        joined=set(manifest.joined),
        finer=manifest.finer,
    )


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


def _rank(source: Source) -> tuple[int, str]:
    return source.strength, source.name


def _note(draft: Draft, ref: SourceRef) -> None:
    """Record a source; of two names for the same bytes keep the one that does not depend on which came first."""
    draft.refs[ref.sha256] = min(ref, draft.refs.get(ref.sha256, ref))
    draft.refs.pop(SourceRef.repaired(ref.importer).sha256, None)


def _minute(time: int) -> int:
    return time - time % MINUTE_NS


def _minutes(run: Run) -> Run:
    return _minute(run[0]), _minute(run[1])
