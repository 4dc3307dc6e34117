"""Bars of a venue that gives them page by page, brought into the lake without trusting that a page is what was asked.

Venues cut pages short (200 rows where 1,000 were asked), give the newest rows instead of the oldest, or ignore the span
altogether. So the next question follows from what came, a hole before the first row is asked for by itself, and what
nobody gave stays missing. Chunks of a month are committed one by one: a stopped fetch goes on where it was, and the
lake is the same as without the stop. Futures charts and other venues' bars come this way. It knows no venue.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256

import numpy as np
import polars as pl

from tradecore.core.errors import NothingThereError, ReplyError, UsageError
from tradecore.core.types import SECOND_NS, Nanoseconds, Timeframe, iso
from tradecore.market.coverage import Run, runs_of, subtract
from tradecore.market.draft import Addition
from tradecore.market.frames import BAR_SCHEMA, Origin, check_bars, is_filler
from tradecore.market.lake import Dataset, Lake
from tradecore.market.manifest import DatasetKey, SourceRef

FINAL_NS = 5 * SECOND_NS
"""How long after its end a bar is taken as final."""
MOST_REQUESTS = 100_000
"""More than any sane span needs; a venue that never ends is refused."""

AskBars = Callable[[Nanoseconds, Nanoseconds], Awaitable[pl.DataFrame]]
"""Asks for the bars that open from the first to the last time, both inclusive; the answer may be any part of them, or
more. Shape: `frames.BAR_SCHEMA`, oldest first. Errors: VenueError."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which bars, from when to when (open times, both inclusive), and what their source is called."""

    key: DatasetKey
    source: str
    start: Nanoseconds
    end: Nanoseconds
    has_trades: bool = True
    """Whether a flat bar without volume means that nothing traded; false for index and mark prices."""
    join: bool = False


@dataclass(frozen=True, slots=True)
class BarsProgress:
    """How far a fetch is: open times done of all, requests made, bars gained."""

    done: int
    total: int
    requests: int
    added: int


@dataclass(frozen=True, slots=True)
class BarsFetched:
    """What a fetch of bars left in the lake."""

    dataset: Dataset
    requests: int
    added: int


async def fetch_bars(
    lake: Lake, wanted: Wanted, ask: AskBars, told: Callable[[BarsProgress], None] | None = None
) -> BarsFetched:
    """Bring what the lake lacks of a span into it, a month at a time.

    Errors: UsageError for a span without a finished bar; VenueError; NothingThereError when the venue has no bar of the
            span and none is stored; DataError for bars that cannot be, or contradict what is stored.
    """
    key, step = wanted.key, wanted.key.step
    newest = (lake.clock.now() - FINAL_NS) // step * step - step
    start, end = -(-wanted.start // step) * step, min(wanted.end // step * step, newest)
    if end < start:
        raise UsageError(f"{key}: no finished bar between {iso(wanted.start)} and {iso(wanted.end)}")
    asking = _Pages(ask, wanted, lake.clock.now())
    total, done, added = (end - start) // step + 1, 0, 0
    for first, last in _months(subtract([(start, end)], _covered(lake, wanted), step), step):
        rows = await asking.collect(first, last)
        added += _store(lake, wanted, rows, (first, last)) if len(rows) else 0
        done += (last - first) // step + 1
        if told is not None:
            told(BarsProgress(done, total, asking.requests, added))
    try:
        return BarsFetched(lake.dataset(key), asking.requests, added)
    except NothingThereError:
        raise NothingThereError(
            f"{key}: the venue has no bar between {iso(start)} and {iso(end)}; ask for a later span"
        ) from None


class _Pages:
    """The questions for one span."""

    def __init__(self, ask: AskBars, wanted: Wanted, now: Nanoseconds) -> None:
        self._ask, self._wanted, self._now = ask, wanted, now
        self.requests = 0

    async def collect(self, first: Nanoseconds, last: Nanoseconds) -> pl.DataFrame:
        """Return every bar of a span that the venue gives, oldest first, each once."""
        found: list[pl.DataFrame] = []
        holes = [(first, last)]
        step = self._wanted.key.step
        while holes:
            start, end = holes.pop()
            rows = await self._page(start, end)
            if not len(rows):
                continue
            found.append(rows)
            times = rows["open_time"]
            # What lies before the first row may have been cut off as well as what lies behind the last.
            if int(times[0]) > start:
                holes.append((start, int(times[0]) - step))
            if int(times[-1]) < end:
                holes.append((int(times[-1]) + step, end))
        return pl.concat(found).sort("open_time") if found else pl.DataFrame(schema=BAR_SCHEMA)

    async def _page(self, start: Nanoseconds, end: Nanoseconds) -> pl.DataFrame:
        self.requests += 1
        if self.requests > MOST_REQUESTS:
            raise ReplyError(f"{self._wanted.key}: {MOST_REQUESTS:,} requests and no end; expected pages that go on")
        rows = await self._ask(start, end)
        name = f"{self._wanted.key} from the venue"
        times = rows["open_time"].to_numpy()
        if (np.diff(times) <= 0).any():
            raise ReplyError(f"{name}: bars out of order or twice in one answer; expected rising times; try later")
        check_bars(rows, self._timeframe, Origin(name))
        return rows.filter(pl.col("open_time").is_between(start, end))

    @property
    def _timeframe(self) -> Timeframe:
        assert self._wanted.key.timeframe is not None, "bars have a timeframe"
        return self._wanted.key.timeframe


def _covered(lake: Lake, wanted: Wanted) -> tuple[Run, ...]:
    """Return what the lake holds of this source already."""
    try:
        slices = lake.dataset(wanted.key).manifest.slices
    except NothingThereError:
        return ()
    return tuple(one.span for one in slices if one.source == wanted.source)


def _months(runs: tuple[Run, ...], step: Nanoseconds) -> Iterator[Run]:
    """Yield the runs cut at the ends of months."""
    for first, last in runs:
        start = first
        while start <= last:
            month = np.datetime64(start, "ns").astype("datetime64[M]") + 1
            end = int(month.astype("datetime64[ns]").astype(np.int64))
            cut = min(last, (end - 1) // step * step)
            yield start, cut
            start = cut + step


def _store(lake: Lake, wanted: Wanted, rows: pl.DataFrame, span: Run) -> int:
    """Commit the bars of one chunk. What lies between two chunks was asked for and not given: it is missing."""
    key = wanted.key
    filler = is_filler(rows) if wanted.has_trades else pl.Series([False] * len(rows))
    times = rows["open_time"].to_numpy()
    before = max((last for _, last in _covered(lake, wanted) if last < span[0]), default=None)
    first = int(times[0]) if before is None else before + key.step
    ref = SourceRef(f"{wanted.source} {key}", sha256(f"{wanted.source} {key}".encode()).hexdigest(), wanted.source)
    empty = runs_of(times[filler.to_numpy()], key.step)
    with lake.writer(join=wanted.join) as writer:
        gained = writer.add_bars(
            key, Addition(rows.filter(~filler), (first, int(times[-1])), wanted.source, ref, empty)
        )
        writer.commit()
    return gained
