"""Stored bars as a feed: the same events as live ones, as fast as they are read.

For whoever reads a `core.ports.Feed` and must not care where it comes from; a backtest replays arrays instead
(`engine.modes.Replay`). Invariant: the bars are those of `Lake.bars`, pair by pair, merged by the time they close.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import AsyncIterator, Iterator, Sequence

from tradecore.core.bars import Bars
from tradecore.core.errors import NothingThereError, UsageError
from tradecore.core.events import BarFinal, FeedChanged, FeedEvent, FeedReason, FeedState
from tradecore.core.types import Nanoseconds, Pair, Timeframe
from tradecore.market.lake import Lake

AT_ONCE = 1000
"""Bars between two moments at which other tasks may run."""


class StoredFeed:
    """The stored bars of some pairs with start <= open time < end."""

    def __init__(
        self,
        lake: Lake,
        venue: str,
        pairs: Sequence[Pair],
        timeframe: Timeframe,
        start: Nanoseconds | None = None,
        end: Nanoseconds | None = None,
    ) -> None:
        if not pairs:
            raise UsageError("a feed of no pairs; expected one at least, as in BTC/USD")
        self._lake, self._venue, self._pairs, self._timeframe = lake, venue, tuple(dict.fromkeys(pairs)), timeframe
        self._start, self._end = start, end
        self._begun = False

    async def __aiter__(self) -> AsyncIterator[FeedEvent]:
        """Yield bars until the span ends. A pair without any is `lost` with the reason. Errors: as `Lake.bars`."""
        if self._begun:
            raise UsageError("a feed is iterated once; make another one")
        self._begun = True
        rows = []
        for pair in self._pairs:
            now = self._lake.clock.now()
            yield FeedChanged(FeedState.CONNECTING, FeedReason.STARTED, now, pair=pair)
            try:
                bars = self._lake.bars(self._venue, pair, self._timeframe, self._start, self._end)
            except NothingThereError as error:
                yield FeedChanged(FeedState.LOST, FeedReason.TOO_LITTLE_DATA, now, detail=str(error), pair=pair)
                continue
            yield FeedChanged(FeedState.LIVE, FeedReason.CAUGHT_UP, now, pair=pair)
            rows.append(_events(bars))
        for count, bar in enumerate(heapq.merge(*rows, key=lambda one: (one.open_time, one.pair))):
            if count % AT_ONCE == 0:
                await asyncio.sleep(0)
            yield bar


def _events(bars: Bars) -> Iterator[BarFinal]:
    columns = (bars.open_time, bars.open, bars.high, bars.low, bars.close, bars.volume)
    pair, timeframe, source = bars.pair, bars.timeframe, bars.source
    for start in range(0, len(bars), AT_ONCE):
        block = (column[start : start + AT_ONCE].tolist() for column in columns)
        for time, first, high, low, last, volume in zip(*block, strict=True):
            yield BarFinal(pair, timeframe, time, first, high, low, last, volume, None, source)
