"""Put new rows beside stored ones: what agrees is kept once, what contradicts is refused. Pure functions of tables.

The writer calls it, partition by partition. Invariant: merging is idempotent, and where it succeeds the result does not
depend on the order of merging.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from tradecore.core.errors import DataError
from tradecore.core.types import MINUTE_NS, Nanoseconds, iso
from tradecore.market.coverage import Run, inside, union
from tradecore.market.frames import time_column

VALUES = ("open", "high", "low", "close", "volume", "count")


def within(frame: pl.DataFrame, runs: tuple[Run, ...]) -> pl.DataFrame:
    """Return the rows whose time lies in one of the runs."""
    return frame.filter(pl.Series(inside(frame[time_column(frame)].to_numpy(), runs)))


def outside(frame: pl.DataFrame, runs: tuple[Run, ...]) -> pl.DataFrame:
    """Return the rows whose time lies in none of the runs."""
    return frame.filter(pl.Series(~inside(frame[time_column(frame)].to_numpy(), runs)))


def merge_bars(
    stored: pl.DataFrame, new: pl.DataFrame, overlap: tuple[Run, ...], absent: str, name: str
) -> pl.DataFrame:
    """Return stored and new bars of one source, each once.

    `overlap` is the span both cover: there a bar of both must be the same bar, and where an absent bar proves that
    nothing traded (`absent` is empty) neither may have a bar the other lacks.
    Errors: DataError naming the first bar in which they differ.
    """
    both = stored.join(new, on="open_time", how="inner", suffix="_new", maintain_order="left")
    differ = pl.any_horizontal([pl.col(one).ne_missing(pl.col(f"{one}_new")) for one in VALUES])
    wrong = both.filter(differ)
    if len(wrong):
        row = wrong.row(0, named=True)
        what = next(one for one in VALUES if row[one] != row[f"{one}_new"])
        raise DataError(
            f"{name}: bar {iso(row['open_time'])} has {what} {row[what]} in the lake and {row[what + '_new']} in the "
            f"file, {len(wrong):,} bars in all; expected the same bars from the same source; "
            "import the file into another lake, or repair the file"
        )
    fresh = new.join(stored, on="open_time", how="anti", maintain_order="left")
    if absent == "empty" and overlap:
        gone = within(stored.join(new, on="open_time", how="anti", maintain_order="left"), overlap)
        for rows, here, there in ((within(fresh, overlap), "file", "lake"), (gone, "lake", "file")):
            if len(rows):
                raise DataError(
                    f"{name}: bar {iso(int(rows['open_time'][0]))} is in the {here}, but the {there} says that nothing "
                    f"traded then, {len(rows):,} bars in all; import the file into another lake, or repair the file"
                )
    return pl.concat([stored, fresh]).sort("open_time") if len(fresh) else stored


def merge_trades(
    stored: pl.DataFrame, new: pl.DataFrame, overlap: tuple[Run, ...], name: str, better: Better | None = None
) -> pl.DataFrame:
    """Return stored and new trades of one kind, each once: by id, or without ids by the span both files cover.

    `stored` is used up where it has ids. `better` says how two sources of ids are told apart: then a trade may have two
    times, as far apart as cutting and rounding them explains.
    Errors: DataError when one id names two different trades, or two files without ids differ where they overlap.
    """
    if new["trade_id"].null_count():
        return _merge_without_ids(stored, new, overlap, name)
    if better is None:
        return _each_once(_one_after_another(stored, new), name)
    both = [new, stored] if better.new else [stored, new]
    return _each_once(_by_id(pl.concat(both), better.slack, name), name)


@dataclass(frozen=True, slots=True)
class Better:
    """Which of two sources' rows is kept where both have a trade: the new one or the stored.

    `slack` is how far apart they may print its time: one may cut where the other rounds up, so both precisions count.
    """

    new: bool
    slack: Nanoseconds


def by_kind(trades: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the trades without ids and those with ids, each in the order they had."""
    missing = trades["trade_id"].null_count()
    if not missing:
        return trades.clear(), trades
    if missing == len(trades):
        return trades, trades.clear()
    null = trades["trade_id"].is_null()
    return trades.filter(null), trades.filter(~null)


def both_kinds(plain: pl.DataFrame, numbered: pl.DataFrame) -> pl.DataFrame:
    """Return the trades of both kinds, oldest first; each kind keeps its order."""
    if not (len(plain) and len(numbered)):
        return plain if len(plain) else numbered
    return pl.concat([plain, numbered]).sort("time", maintain_order=True)


def duplicate_ids(frame: pl.DataFrame) -> int:
    """Return how many trades of a table repeat an earlier one in every value and its id."""
    return 0 if frame["trade_id"].null_count() else len(frame) - frame["trade_id"].n_unique()


def unknown_minutes(trades: pl.DataFrame) -> tuple[Run, ...]:
    """Return the minutes between two trades whose ids do not follow one another: a lost trade may lie there."""
    if trades["trade_id"].null_count() or len(trades) < 2:
        return ()
    ids, minutes = trades["trade_id"].to_numpy(), trades["time"].to_numpy() // MINUTE_NS * MINUTE_NS
    jumps = np.flatnonzero((np.diff(ids) > 1) & (np.diff(minutes) > MINUTE_NS))
    return union(((int(minutes[i]) + MINUTE_NS, int(minutes[i + 1]) - MINUTE_NS) for i in jumps), MINUTE_NS)


def _one_after_another(stored: pl.DataFrame, new: pl.DataFrame) -> pl.DataFrame:
    """Return both tables as one, column by column, taking `stored` apart: a busy month is never in memory twice."""
    if not (len(stored) and len(new)):
        return stored if len(stored) else new
    names = stored.columns
    return pl.DataFrame([pl.concat([stored.drop_in_place(one), new[one]], rechunk=True) for one in names])


def _each_once(rows: pl.DataFrame, name: str) -> pl.DataFrame:
    """Return trades by time and id, a repeated one once. Errors: DataError when one id names two trades."""
    ids = rows["trade_id"].to_numpy()
    if (ids[1:] > ids[:-1]).all() and rows["time"].is_sorted():
        return rows
    rows = rows.unique(maintain_order=True)
    twice = rows.filter(pl.col("trade_id").is_duplicated())
    if len(twice):
        raise DataError(
            f"{name}: trade {twice['trade_id'][0]} at {iso(int(twice['time'][0]))} has two different contents; "
            "expected one trade per id; fetch the file again"
        )
    return rows.sort(["time", "trade_id"])


def _by_id(rows: pl.DataFrame, slack: Nanoseconds, name: str) -> pl.DataFrame:
    """Return the first row of each id. Errors: DataError when a later row of it is not the same trade."""
    first = rows.unique("trade_id", keep="first", maintain_order=True)
    if len(first) == len(rows):
        return rows
    pairs = rows.join(first, on="trade_id", suffix="_first", maintain_order="left")
    apart = (pl.col("time") - pl.col("time_first")).abs() > slack
    other = pl.any_horizontal([pl.col(one) != pl.col(f"{one}_first") for one in ("price", "amount", "side")])
    wrong = pairs.filter(apart | other)
    if len(wrong):
        row = wrong.row(0, named=True)
        raise DataError(
            f"{name}: trade {row['trade_id']} at {iso(row['time'])} is another trade in two sources: "
            f"{row['amount']} at {row['price']}, and {row['amount_first']} at {row['price_first']} at "
            f"{iso(row['time_first'])}; expected one trade per id; fetch that minute again"
        )
    return first


def _merge_without_ids(stored: pl.DataFrame, new: pl.DataFrame, overlap: tuple[Run, ...], name: str) -> pl.DataFrame:
    if not overlap:
        return pl.concat([stored, new]).sort("time", maintain_order=True)
    mine, theirs = within(stored, overlap), within(new, overlap)
    if not mine.equals(theirs):
        same = min(len(mine), len(theirs))
        differ = mine.head(same)["time"].to_numpy() != theirs.head(same)["time"].to_numpy()
        row = int(np.argmax(differ)) if differ.any() else max(same - 1, 0)
        shorter = theirs if len(theirs) else mine
        raise DataError(
            f"{name}: between {iso(overlap[0][0])} and {iso(overlap[-1][1])} the lake holds {len(mine):,} trades and "
            f"the file {len(theirs):,}, differing from {iso(int(shorter['time'][min(row, len(shorter) - 1)]))}; trades "
            "without ids cannot be told apart, so both must agree there; cut the file, or import it into another lake"
        )
    return pl.concat([stored, outside(new, overlap)]).sort("time", maintain_order=True)
