"""Where two records of the same trades meet, and the proof that they agree there. Pure functions of runs and tables.

An archive's trades have no id and coarse times; those fetched from the venue, or heard live, have ids. Where both cover
a stretch, the later record takes over at a whole minute, and only if every trade of the stretch is in both and the ids
of the one follow one another without a hole. Bars of an archive are held against the bars that trades make in the same
way. The writer calls it. Invariant: a seam that is returned was compared trade by trade, or bar by bar.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import polars as pl

from tradecore.core.errors import DataError
from tradecore.core.types import MINUTE_NS, SECOND_NS, Nanoseconds, iso
from tradecore.market.coverage import Run, intersect, runs_of, union
from tradecore.market.frames import PRICES
from tradecore.market.merge import within

COARSE_NS = 100_000
"""Archives print four decimals of a second, the newer ones none."""
OVERLAP_TRADES = 1_000
OVERLAP_NS = 3_600 * SECOND_NS
"""How far back into an archive a fetch starts: so many trades and so long, whichever is more."""
VOLUME_TOLERANCE = 1e-7
"""Archives print eight decimals of a bar's volume; a sum of that many amounts is not more exact."""


@dataclass(frozen=True, slots=True, order=True)
class Seam:
    """A stretch both records cover, in which they agree: from `start` on the rows are those of `newer`.

    `end` is the last time compared; `first_id` and `last_id` are the trade ids there, without a hole between them.
    """

    start: Nanoseconds
    end: Nanoseconds
    older: str
    newer: str
    first_id: int
    last_id: int
    minutes: int
    """How many minutes were compared; all were equal, or there would be no seam."""
    trades: int


def settled(plain: Iterable[Run], numbered: Iterable[Run]) -> tuple[Run, ...]:
    """Return the spans with ids, cut to whole minutes where a span without ids holds the rest of the minute.

    So no minute has trades of both kinds. `plain` and `numbered` are the spans without and with ids.
    """
    without, kept = union(plain), []
    for first, last in union(numbered):
        start, end = first - first % MINUTE_NS, last - last % MINUTE_NS + MINUTE_NS - 1
        cut_start = start < first and intersect(without, [(start, first - 1)])
        cut_end = last < end and intersect(without, [(last + 1, end)])
        run = (start + MINUTE_NS if cut_start else first, end - MINUTE_NS if cut_end else last)
        if run[0] <= run[1]:
            kept.append(run)
    return tuple(kept)


def meet_unproved(plain: Iterable[Run], numbered: Iterable[Run]) -> Nanoseconds | None:
    """Return the first time at which two records touch without a stretch that both cover; None when there is none.

    Records with at least a whole minute between them do not touch: that minute is known to be unknown.
    """
    without = union(plain)
    for first, last in union(numbered):
        if intersect(without, [(first, last)]):
            continue
        if intersect(without, [(first - first % MINUTE_NS - MINUTE_NS, last - last % MINUTE_NS + 2 * MINUTE_NS - 1)]):
            return first
    return None


def compare_trades(
    plain: pl.DataFrame, numbered: pl.DataFrame, runs: Iterable[Run], sources: tuple[str, str], name: str
) -> tuple[Seam, ...]:
    """Hold trades without ids against those with ids in the spans both cover; return a seam for each span.

    Every trade must be in both: price, amount, and the time to the precision of the record without ids. Trades printed
    with one time may stand in another order.
    Errors: DataError naming the first minute in which they differ, or the ids that are not there.
    """
    seams = []
    for run in runs:
        theirs = within(plain, (run,))
        grain = _grain(theirs)
        near = within(numbered, ((run[0] - SECOND_NS, run[1] + SECOND_NS),))
        mine = _printed(near, run, theirs, grain)
        _refuse_other_trades(theirs, mine, sources, name)
        ids = mine["trade_id"].sort().to_numpy()
        held = runs_of(ids, 1)
        if len(held) > 1:
            raise DataError(
                f"{name}: trade {held[0][1] + 1} is not there, between {iso(run[0])} and {iso(run[1])}, where the "
                f"trades should meet those of {sources[0]}; expected ids without a hole; fetch that time again"
            )
        first, last = (int(ids[0]), int(ids[-1])) if len(ids) else (0, 0)
        seams.append(Seam(*run, *sources, first, last, _minutes(*run), len(ids)))
    return tuple(seams)


def compare_bars(archive: pl.DataFrame, made: pl.DataFrame, run: Run, sources: tuple[str, str], name: str) -> Seam:
    """Hold an archive's 1-minute bars against those that trades make in a span both cover; ids are not known here.

    Errors: DataError naming the first minute in which prices, count or volume differ.
    """
    theirs, mine = within(archive, (run,)), within(made, (run,))
    both = theirs.join(mine, on="open_time", how="full", suffix="_made", coalesce=True).sort("open_time")
    wrong = [pl.col(one).ne_missing(pl.col(f"{one}_made")) for one in (*PRICES, "count")]
    near = (pl.col("volume") - pl.col("volume_made")).abs() <= VOLUME_TOLERANCE * pl.max_horizontal(1.0, "volume")
    found = both.filter(pl.any_horizontal(*wrong, ~near.fill_null(False)))
    if len(found):
        row = found.row(0, named=True)
        raise DataError(
            f"{name}: minute {iso(row['open_time'])} has {_told(row, '')} in {sources[0]} and {_told(row, '_made')} "
            f"in {sources[1]}, {len(found):,} minutes in all; expected the same trades on both sides of a seam; fetch "
            "that minute again, or keep the two in different lakes"
        )
    return Seam(*run, *sources, 0, 0, _minutes(*run), int(mine["count"].sum()))


def stitched(seams: Iterable[Seam], step: Nanoseconds) -> tuple[Seam, ...]:
    """Return seams with those that follow one another without a gap made one."""
    found: list[Seam] = []
    for seam in sorted(set(seams)):
        last = found[-1] if found else None
        if last and (last.older, last.newer) == (seam.older, seam.newer) and last.end + step == seam.start:
            found[-1] = replace(
                last, end=seam.end, first_id=last.first_id or seam.first_id, last_id=max(last.last_id, seam.last_id),
                minutes=_minutes(last.start, seam.end), trades=last.trades + seam.trades,
            )  # fmt: skip
        else:
            found.append(seam)
    return tuple(found)


def _minutes(start: Nanoseconds, end: Nanoseconds) -> int:
    """Return how many minutes a stretch lies in."""
    return end // MINUTE_NS - start // MINUTE_NS + 1


def _grain(plain: pl.DataFrame) -> Nanoseconds:
    """Return the precision of an archive's times: whole seconds, or four decimals."""
    return SECOND_NS if (plain["time"] % SECOND_NS == 0).all() else COARSE_NS


def _printed(numbered: pl.DataFrame, run: Run, plain: pl.DataFrame, grain: Nanoseconds) -> pl.DataFrame:
    """Return trades with their times as an archive prints them: cut off, or rounded where only that agrees."""
    for shift in (0, grain // 2):
        moved = numbered.with_columns(printed=(pl.col("time") + shift) // grain * grain)
        moved = moved.filter(pl.col("printed").is_between(*run))
        if shift == 0:
            cut = moved
        if len(moved) == len(plain) and _ordered(moved, "printed").equals(_ordered(plain, "time")):
            return moved
    return cut


def _ordered(trades: pl.DataFrame, time: str) -> pl.DataFrame:
    """Return time, price and amount in an order that does not depend on how equal times stood."""
    return trades.select(pl.col(time).alias("time"), "price", "amount").sort(["time", "price", "amount"])


def _refuse_other_trades(plain: pl.DataFrame, numbered: pl.DataFrame, sources: tuple[str, str], name: str) -> None:
    theirs, mine = _ordered(plain, "time"), _ordered(numbered, "printed")
    if theirs.equals(mine):
        return
    counts = [
        table.group_by(pl.col("time") // MINUTE_NS * MINUTE_NS).len().sort("time").rename({"len": which})
        for table, which in ((theirs, "plain"), (mine, "numbered"))
    ]
    minutes = counts[0].join(counts[1], on="time", how="full", coalesce=True).fill_null(0).sort("time")
    for minute, before, after in minutes.rows():
        span = ((minute, minute + MINUTE_NS - 1),)
        if before != after or not within(theirs, span).equals(within(mine, span)):
            raise DataError(
                f"{name}: minute {iso(minute)} has {before:,} trades in {sources[0]} and {after:,} in {sources[1]}"
                f"{'' if before != after else ', not the same ones'}; expected the same trades on both sides of a "
                "seam; fetch that minute again, or keep the two in different lakes"
            )


def _told(row: dict[str, object], suffix: str) -> str:
    if row[f"open{suffix}"] is None:
        return "no bar"
    prices = "/".join(str(row[one + suffix]) for one in PRICES)
    return f"{row['count' + suffix]} trades, {prices}, volume {row['volume' + suffix]}"
