"""Retention: the oldest short bars become longer ones, 1m -> 5m -> 15m -> 1h -> 4h -> 1d, and nothing is lost by it.

Longer bars are inserted and the shorter ones deleted by the same rename, so there is no moment at which a bar is in
both or in neither. Reading a longer timeframe puts the tiers together again (`Lake.bars`). Nothing runs unless asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import polars as pl

from tradecore.core.errors import DataError, UsageError
from tradecore.core.types import DAY_NS, Nanoseconds, Pair, Timeframe
from tradecore.market.aggregate import bars_to_bars
from tradecore.market.coverage import Run, intersect, subtract
from tradecore.market.draft import Addition, Draft
from tradecore.market.frames import empty_bars
from tradecore.market.lake import Lake
from tradecore.market.manifest import DatasetKey
from tradecore.market.merge import outside, within
from tradecore.market.sources.member import source_named
from tradecore.market.writer import Writer

LADDER = tuple(Timeframe.parse(text) for text in ("1m", "5m", "15m", "1h", "4h", "1d"))
"""Each timeframe's bars become those of the next."""


@dataclass(frozen=True, slots=True)
class Moved:
    """One step of retention: bars deleted from `source` and bars really inserted into `target`."""

    source: Timeframe
    target: Timeframe
    deleted: int
    inserted: int


def retain(lake: Lake, venue: str, pair: Pair, keep: Mapping[Timeframe, int], now: Nanoseconds) -> tuple[Moved, ...]:
    """Apply retention to one pair in one commit: bars of each timeframe older than `keep` days become the next longer.

    A day is moved whole. A timeframe that `keep` does not name is kept for ever.
    Errors: UsageError for a timeframe outside the ladder; DataError when the longer timeframe was imported by itself.
    """
    for timeframe, days in keep.items():
        if timeframe not in LADDER[:-1] or days < 0:
            raise UsageError(
                f"retention of {timeframe} for {days} days: expected zero or more days for one of "
                f"{', '.join(map(str, LADDER[:-1]))}; {LADDER[-1]} bars are kept for ever"
            )
    moved: list[Moved] = []
    with lake.writer() as writer:
        for source, target in pairwise(LADDER):
            if source in keep:
                cut = (now - keep[source] * DAY_NS) // DAY_NS * DAY_NS
                step = _move(writer, DatasetKey(venue, pair, source), DatasetKey(venue, pair, target), cut)
                moved += [step] if step else []
        writer.commit()
    return tuple(moved)


def _move(writer: Writer, source: DatasetKey, target: DatasetKey, cut: Nanoseconds) -> Moved | None:
    """Stage the bars of `source` before `cut` as bars of `target`."""
    assert source.timeframe is not None, "the ladder holds bars"
    assert target.timeframe is not None, "the ladder holds bars"
    old = writer.draft(source)
    aged = {name: intersect(runs, [(0, cut - source.step)], source.step) for name, runs in old.spans.items()}
    aged = {name: runs for name, runs in aged.items() if runs}
    if not aged:
        return None
    new = writer.draft(target)
    if new.spans and new.finer != source.label:
        raise DataError(
            f"{target}: holds bars that were imported as {target.label}; retention would mix them with those made from "
            f"{source.label}; keep {source.label} bars, or use another lake"
        )
    new.finer, new.joined = source.label, new.joined | old.joined
    new.refs = {**old.refs, **new.refs}
    inserted = _insert(writer, old, new, aged)
    deleted = _delete(writer, old, tuple(run for runs in aged.values() for run in runs))
    writer.put(new)
    return Moved(source.timeframe, target.timeframe, deleted, inserted)


def _insert(writer: Writer, old: Draft, new: Draft, aged: Mapping[str, tuple[Run, ...]]) -> int:
    """Stage the longer bars slice by slice; a bar that two slices share belongs to the earlier one."""
    assert old.key.timeframe is not None, "the ladder holds bars"
    assert new.key.timeframe is not None, "the ladder holds bars"
    step, inserted, free = new.key.step, 0, 0
    slices = sorted((run, name) for name, runs in aged.items() for run in runs)
    whole = tuple(run for run, _ in slices)
    made = [
        bars_to_bars(within(writer.read(old, partition), whole), old.key.timeframe, new.key.timeframe)
        for partition in sorted(old.files)
    ]
    rows = pl.concat(made) if made else empty_bars()
    for (first, last), name in slices:
        span = (max(first // step * step, free), last // step * step)
        if span[1] < span[0]:
            continue
        free = span[1] + step
        ref = next(ref for ref in new.refs.values() if ref.importer == name)
        odd = _longer(old.exceptions.get(name, ()), source_named(name).absent, step, old.key.step)
        part = rows.filter(pl.col("open_time").is_between(*span))
        inserted += writer.add_bars(new.key, Addition(part, span, name, ref, intersect(odd, [span], step)))
    return inserted


def _longer(exceptions: tuple[Run, ...], absent: str, step: Nanoseconds, shorter: Nanoseconds) -> tuple[Run, ...]:
    """Return exceptions as longer bars: one missing minute makes a bar unknown, only empty minutes prove it empty."""
    if absent == "empty":
        return tuple((first // step * step, last // step * step) for first, last in exceptions)
    inner = ((-(-first // step) * step, (last + shorter) // step * step - step) for first, last in exceptions)
    return tuple(run for run in inner if run[1] >= run[0])


def _delete(writer: Writer, draft: Draft, runs: tuple[Run, ...]) -> int:
    """Stage a dataset without some runs; return how many bars it lost."""
    before = sum(file.rows for file in draft.files.values())
    for partition, file in sorted(draft.files.items()):
        if any(first <= file.last and last >= file.first for first, last in runs):
            writer.rewrite(draft, partition, outside(writer.read(draft, partition), runs))
    draft.spans = {name: subtract(spans, runs, draft.key.step) for name, spans in draft.spans.items()}
    draft.spans = {name: spans for name, spans in draft.spans.items() if spans}
    draft.exceptions = {
        name: intersect(odd, draft.spans.get(name, ()), draft.key.step) for name, odd in draft.exceptions.items()
    }
    writer.put(draft)
    return before - sum(file.rows for file in draft.files.values())
