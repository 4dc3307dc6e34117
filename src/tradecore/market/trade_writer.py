"""How trades enter a dataset: those of one source, or of several that a person has joined and that prove themselves.

Trades with ids are one record, whatever brought them: each id once. Trades without ids (an archive) are another, and
no minute holds both kinds: the seam between the two lies at a whole minute (`seams`). Every changed month then makes
its 1-minute bars anew, each kind its own. `Writer.add_trades` calls it. Invariant: where two kinds meet, either every
trade of the common stretch is in both, or nothing was changed.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from tradecore.core.errors import DataError
from tradecore.core.types import MINUTE_NS, iso
from tradecore.market.aggregate import ONE_MINUTE, trades_to_bars
from tradecore.market.coverage import Run, intersect, subtract, union
from tradecore.market.draft import Addition, Draft, admit, is_stronger
from tradecore.market.frames import empty_bars, minute_of
from tradecore.market.manifest import DatasetKey, FileEntry, SourceRef
from tradecore.market.merge import Better, both_kinds, by_kind, merge_trades, outside, unknown_minutes, within
from tradecore.market.seams import compare_trades, meet_unproved, settled
from tradecore.market.sources.member import source_named

if TYPE_CHECKING:
    from tradecore.market.writer import Writer

BAR_COLUMNS = ["time", "trade_id", "price", "amount"]
"""What bars are made from."""
ARCHIVE = "kraken-trades"
NUMBERED = ("kraken-rest-trades", "kraken-live")
"""Sources whose trades always have ids; the archive's never have."""


def add_trades(writer: Writer, draft: Draft, addition: Addition) -> None:
    """Stage trades and the 1-minute bars they make.

    Errors: DataError when they contradict stored ones, were never joined with them, or do not agree with them where two
            records meet.
    """
    others = admit(draft, addition, source_named(addition.source), writer.joins)
    numbered = _is_numbered(addition)
    kinds = {name: _stored_kind(writer, draft, name) for name in draft.spans if draft.spans[name]}
    _refuse_kinds(draft, addition, kinds, numbered)
    plain = union(run for name, kind in kinds.items() if not kind for run in draft.spans[name])
    ids = union(run for name, kind in kinds.items() if kind for run in draft.spans[name])
    plain, ids = (plain, union([*ids, addition.span])) if numbered else (union([*plain, addition.span]), ids)
    final = settled(plain, ids)
    proved = [(seam.start, seam.end) for seam in draft.seams]
    _refuse_touching(draft, addition, meet_unproved(plain, [run for run in final if not intersect(proved, [run])]))
    rivals = {name for name in others if kinds[name]} if numbered else set[str]()
    draft.note(addition.ref)
    refs = {one: _ref(draft, addition, one) for one in (addition.source, *rivals)}
    if numbered:
        changed = _add_numbered(writer, draft, addition, intersect([addition.span], final), (plain, rivals))
    else:
        lost = subtract(ids, final)
        for name in [name for name, kind in kinds.items() if kind and lost]:
            _give_up(writer, draft, name, lost)
        changed = _add_plain(writer, draft, addition, final, [name for name, kind in kinds.items() if kind])
    for trades in changed:  # a month at a time, each forgotten before the next
        if len(trades):
            _derive(writer, draft, refs, trades)
    _cover_edges(writer, draft, refs)
    # An archive that gave no minute of its own is known to the bars all the same, whichever came first.
    bars = writer.draft(DatasetKey(draft.key.venue, draft.key.pair, ONE_MINUTE))
    bars.joined |= {*others, addition.source} if others else set()
    bars.note(addition.ref)
    writer.changed(bars)


def partial_minutes(draft: Draft) -> tuple[Run, ...]:
    """Return the minutes that a dataset's trades with ids cover only in part: at the edges of their spans."""
    edges = []
    for first, last in union(run for name in NUMBERED for run in draft.spans.get(name, ())):
        edges += [minute_of(first)] if first % MINUTE_NS else []
        edges += [minute_of(last)] if (last + 1) % MINUTE_NS else []
    return union(((one, one) for one in edges), MINUTE_NS)


def _add_numbered(
    writer: Writer, draft: Draft, addition: Addition, allowed: tuple[Run, ...], beside: tuple[tuple[Run, ...], set[str]]
) -> Iterator[pl.DataFrame]:
    """Stage trades with ids, month by month: they replace those without ids where they agree with them.

    Yields what has ids in each changed month. `beside` is what has no ids, and the other sources that have.
    """
    (plain, rivals), rows, name = beside, addition.rows, f"{addition.ref.name} into {draft.key}"
    if not rows["time"].is_sorted():
        rows = rows.sort(["time", "trade_id"])
    if allowed != (addition.span,):
        rows = within(rows, allowed)
    older = next((one for one in draft.spans if one not in rivals and one != addition.source), "")
    meet = intersect(allowed, plain) if older else ()
    better = None
    if rivals:
        slack = source_named(addition.source).grain + max(source_named(one).grain for one in rivals)
        better = Better(all(is_stronger(addition.source, one) for one in rivals), slack)
    _cover(draft, addition.source, allowed, rivals)
    for partition, new in writer.touched(draft, rows, meet):
        without, stored = by_kind(writer.read(draft, partition))
        runs = intersect(meet, [_month(partition)])
        draft.seams |= set(compare_trades(without, new, runs, (older, addition.source), name))
        merged = merge_trades(stored, new, (), name, better)
        del stored
        writer.rewrite(draft, partition, both_kinds(outside(without, allowed), merged))
        made = merged.select(BAR_COLUMNS)
        del merged, new
        yield made


def _cover(draft: Draft, source: str, allowed: tuple[Run, ...], rivals: set[str]) -> None:
    """Give a source what it covers now; a stronger source with ids keeps what it has."""
    mine = allowed
    for other in sorted(draft.spans):
        if other == source:
            continue
        if other in rivals and is_stronger(other, source):
            mine = subtract(mine, draft.spans[other])
        else:
            draft.uncover(other, allowed)
    draft.spans[source] = union([*draft.spans.get(source, ()), *mine])


def _add_plain(
    writer: Writer, draft: Draft, addition: Addition, final: tuple[Run, ...], newer: list[str]
) -> Iterator[pl.DataFrame]:
    """Stage trades without ids where none with ids are, with which they must agree, month by month.

    Yields what has no ids in each changed month.
    """
    name = f"{addition.ref.name} into {draft.key}"
    allowed = subtract([addition.span], final)
    own = intersect([addition.span], draft.spans.get(addition.source, ()))
    draft.spans[addition.source] = union([*draft.spans.get(addition.source, ()), *allowed])
    for partition, new in writer.touched(draft, addition.rows, intersect([addition.span], final)):
        stored, ids = by_kind(writer.read(draft, partition))
        for one in newer:
            runs = intersect(intersect([addition.span], draft.spans[one]), [_month(partition)])
            draft.seams |= set(compare_trades(new, ids, runs, (addition.source, one), name))
        kept = within(new, allowed) if newer else new
        merged = merge_trades(stored, kept, own, name) if len(kept) else stored
        writer.rewrite(draft, partition, both_kinds(merged, ids))
        yield merged.select(BAR_COLUMNS)


def _is_numbered(addition: Addition) -> bool:
    missing = addition.rows["trade_id"].null_count()
    if 0 < missing < len(addition.rows):
        raise DataError(
            f"{addition.ref.name}: {missing:,} of {len(addition.rows):,} trades have no id; expected all or none; "
            "import the two kinds apart"
        )
    return not missing if len(addition.rows) else addition.source != ARCHIVE


def _stored_kind(writer: Writer, draft: Draft, name: str) -> bool:
    """Say whether the stored trades of a source have ids."""
    if name == ARCHIVE or name in NUMBERED:
        return name != ARCHIVE
    for file in sorted(draft.files.values(), key=lambda one: one.first):
        rows = within(writer.read(draft, file.partition, ["time", "trade_id"]), draft.spans[name])
        if len(rows):
            return not rows["trade_id"].null_count()
    return True


def _refuse_kinds(draft: Draft, addition: Addition, kinds: dict[str, bool], numbered: bool) -> None:
    if kinds.get(addition.source, numbered) != numbered:
        have, has = ("none", "ids") if numbered else ("ids", "none")
        raise DataError(
            f"{draft.key}: its trades from {addition.source} have {have}, those of {addition.ref.name} have {has}; "
            "the order inside a bar would be a guess; import the two kinds into two lakes"
        )
    rivals = [name for name, kind in kinds.items() if not kind and name != addition.source]
    if not numbered and rivals:
        raise DataError(
            f"{draft.key}: holds trades from {', '.join(rivals)}, {addition.ref.name} gives {addition.source}; trades "
            "of two sources without ids cannot be told apart; import the file into another lake"
        )


def _refuse_touching(draft: Draft, addition: Addition, at: int | None) -> None:
    if at is not None:
        raise DataError(
            f"{addition.ref.name} into {draft.key}: trades with and without ids meet at {iso(at)} and no stretch is in "
            "both, so nothing proves that none is lost between them; expected at least a whole minute in both; fetch "
            "from an hour earlier"
        )


def _give_up(writer: Writer, draft: Draft, source: str, runs: tuple[Run, ...]) -> None:
    """Take a source's trades in some parts of minutes out, and its bars of these minutes."""
    bars = writer.draft(DatasetKey(draft.key.venue, draft.key.pair, ONE_MINUTE))
    drop_rows(writer, draft, source, runs)
    drop_rows(writer, bars, source, union(((minute_of(a), minute_of(b)) for a, b in runs), MINUTE_NS))


def drop_rows(writer: Writer, draft: Draft, source: str, runs: tuple[Run, ...]) -> None:
    """Stage a dataset without the rows of one source in some runs, which it then does not cover."""
    mine = intersect(runs, draft.spans.get(source, ()), draft.key.step)
    for partition, file in sorted(draft.files.items()):
        if any(first <= file.last and last >= file.first for first, last in mine):
            writer.rewrite(draft, partition, outside(writer.read(draft, partition), mine))
    if mine:
        draft.uncover(source, mine)
        writer.changed(draft)


def _ref(draft: Draft, addition: Addition, source: str) -> SourceRef:
    return addition.ref if source == addition.source else draft.ref_of(source)


def _derive(writer: Writer, draft: Draft, refs: dict[str, SourceRef], trades: pl.DataFrame) -> None:
    """Replace the 1-minute bars of one month's trades of one kind by those they make now, each source's its own."""
    key = DatasetKey(draft.key.venue, draft.key.pair, ONE_MINUTE)
    bars, unknown = trades_to_bars(trades), unknown_minutes(trades)
    month = (int(bars["open_time"][0]), int(bars["open_time"][-1]))
    taken: tuple[Run, ...] = _archive_keeps(writer.draft(key), draft)
    for source in sorted(refs, key=lambda one: (-source_named(one).strength, one)):
        minutes = union([(minute_of(a), minute_of(b)) for a, b in draft.spans.get(source, ())], MINUTE_NS)
        covered = subtract(minutes, taken, MINUTE_NS)
        taken = union([*taken, *minutes], MINUTE_NS)
        for span in intersect(covered, [month], MINUTE_NS):
            part = bars.filter(pl.col("open_time").is_between(*span))
            gaps = intersect(unknown, [span], MINUTE_NS)
            writer.add_bars(key, Addition(part, span, source, refs[source], gaps), replace=True)
        for before, after in pairwise(sorted(draft.files.values(), key=lambda file: file.first)):
            _bridge(writer, key, refs[source], covered, (before, after))


def _cover_edges(writer: Writer, draft: Draft, refs: dict[str, SourceRef]) -> None:
    """Cover the whole minutes before the first and after the last trade of a span: nothing traded in them."""
    key = DatasetKey(draft.key.venue, draft.key.pair, ONE_MINUTE)
    for source in [one for one in refs if one in (*NUMBERED, ARCHIVE)]:
        runs = draft.spans.get(source, ())
        whole = [(-(-a // MINUTE_NS) * MINUTE_NS, (b + 1) // MINUTE_NS * MINUTE_NS - MINUTE_NS) for a, b in runs]
        spans = writer.draft(key).spans
        held = [run for one in spans if one == source or is_stronger(one, source) for run in spans[one]]
        for span in subtract([run for run in whole if run[0] <= run[1]], held, MINUTE_NS):
            writer.add_bars(key, Addition(empty_bars(), span, source, refs[source]))


def _archive_keeps(bars: Draft, trades: Draft) -> tuple[Run, ...]:
    """Return the minutes that trades cover in part and an archive of bars covers whole."""
    return intersect(partial_minutes(trades), bars.spans.get("kraken-ohlcvt", ()), MINUTE_NS)


def _bridge(
    writer: Writer, key: DatasetKey, ref: SourceRef, covered: tuple[Run, ...], files: tuple[FileEntry, FileEntry]
) -> None:
    """Cover the minutes between the last trade of one month and the first of the next: empty, or unknown."""
    before, after = files
    gap = (minute_of(before.last) + MINUTE_NS, minute_of(after.first) - MINUTE_NS)
    if gap[1] < gap[0]:
        return
    skipped = bool(before.ids and after.ids) and after.ids[0][0] != before.ids[-1][1] + 1
    for span in intersect(covered, [gap], MINUTE_NS):
        unknown = (span,) if skipped else ()
        writer.add_bars(key, Addition(empty_bars(), span, ref.importer, ref, unknown), replace=True)


def _month(partition: str) -> Run:
    """Return the first and last nanosecond of a month, as in 2023-11."""
    month = np.datetime64(partition, "M")
    first, end = (int(one.astype("datetime64[ns]").astype(np.int64)) for one in (month, month + 1))
    return first, end - 1
