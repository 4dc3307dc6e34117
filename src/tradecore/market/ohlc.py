"""The venue's own newest bars: stored where they are all there is, and held against bars that trades made.

Kraken gives 720 finished bars and no older ones. They are a check: what is stored from trades is the record, and a
difference is named, never copied over. `hello`, `data check` and the history for a strategy call this. It asks nobody.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

import polars as pl

from tradecore.core.errors import DataError, NothingThereError
from tradecore.core.types import Nanoseconds, Timeframe
from tradecore.market.coverage import runs_of
from tradecore.market.draft import Addition
from tradecore.market.frames import PRICES, Origin, check_bars, is_filler
from tradecore.market.lake import Dataset, Lake
from tradecore.market.manifest import DatasetKey, SourceRef
from tradecore.market.merge import within
from tradecore.market.sources.kraken_rest import OHLC, bars_of
from tradecore.venues.kraken.replies import OhlcPage

VENUE = "kraken"
VOLUME_TOLERANCE = 1e-7
"""The venue prints eight decimals of a bar's volume."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One bar that is not the same in the lake and at the venue; `what` are the columns, None is no bar at all."""

    open_time: Nanoseconds
    what: tuple[str, ...]
    stored: tuple[float, ...] | None
    """Open, high, low, close, volume, count."""
    venue: tuple[float, ...] | None


@dataclass(frozen=True, slots=True)
class OhlcCheck:
    """What holding stored bars against the venue's found."""

    dataset: str
    start: Nanoseconds
    end: Nanoseconds
    """First and last open time that was compared."""
    compared: int
    """Bars that something traded in, on either side."""
    fillers: int
    """Bars the venue filled in where nothing traded; the lake must have none there."""
    uncovered: int
    """Bars of the venue outside what the lake covers; nothing is said about them."""
    differences: tuple[Difference, ...]


def store_newest(lake: Lake, page: OhlcPage, timeframe: Timeframe, *, join: bool = False) -> Dataset:
    """Store the finished bars of a page as bars of the source `kraken-rest-ohlc`; fillers prove their time empty.

    Errors: NothingThereError for a page without a finished bar; DataError as `Writer.add_bars`.
    """
    key, rows = DatasetKey(VENUE, page.pair, timeframe), bars_of(page)
    if not len(rows):
        raise NothingThereError(f"{key}: the venue gave no finished bar; nothing was stored")
    check_bars(rows, timeframe, Origin(f"{key} from the venue"))
    filler = is_filler(rows)
    times = rows["open_time"].to_numpy()
    sha = sha256(rows.write_csv().encode()).hexdigest()
    ref = SourceRef(f"OHLC {page.pair} {timeframe}", sha, OHLC)
    empty = runs_of(times[filler.to_numpy()], timeframe.ns)
    with lake.writer(join=join) as writer:
        writer.add_bars(key, Addition(rows.filter(~filler), (int(times[0]), int(times[-1])), OHLC, ref, empty))
        writer.commit()
    return lake.dataset(key)


def check(lake: Lake, page: OhlcPage, timeframe: Timeframe) -> OhlcCheck:
    """Hold the stored bars against a page: prices, count and volume of every bar both cover.

    A bar the venue filled in must not be stored; the open bar is left out. Bars that came from the venue's OHLC
    themselves are compared like all others.
    Errors: NothingThereError when there are no such bars; DataError when the page and the lake share no bar.
    """
    key = DatasetKey(VENUE, page.pair, timeframe)
    dataset, stored = lake.stored(key)
    theirs = bars_of(page)
    covered = tuple(one.span for one in dataset.manifest.slices)
    held = within(theirs, covered)
    if not len(held):
        raise DataError(f"{key}: the venue's newest bars begin after the stored ones end; fetch the pair first")
    filler = is_filler(held)
    mine = within(stored, ((int(theirs["open_time"][0]), int(theirs["open_time"][-1])),))
    differences = _differences(mine, held.filter(~filler))
    bars = len(held) - int(filler.sum())
    first, newest = int(held["open_time"][0]), int(held["open_time"][-1])
    return OhlcCheck(str(key), first, newest, bars, int(filler.sum()), len(theirs) - len(held), tuple(differences))


def _differences(mine: pl.DataFrame, theirs: pl.DataFrame) -> list[Difference]:
    both = mine.join(theirs, on="open_time", how="full", suffix="_venue", coalesce=True).sort("open_time")
    columns = (*PRICES, "volume", "count")
    found = []
    for row in both.rows(named=True):
        here = None if row["open"] is None else tuple(row[one] for one in columns)
        there = None if row["open_venue"] is None else tuple(row[f"{one}_venue"] for one in columns)
        if here is None or there is None:
            found.append(Difference(row["open_time"], ("bar",), here, there))
            continue
        what = tuple(
            name for name, a, b in zip(columns, here, there, strict=True) if a is not None and not _same(name, a, b)
        )
        if what:
            found.append(Difference(row["open_time"], what, here, there))
    return found


def _same(name: str, one: float, other: float) -> bool:
    return abs(one - other) <= VOLUME_TOLERANCE * max(1.0, abs(one)) if name == "volume" else one == other
