"""Minute bars become longer ones as they come, with the arithmetic the lake uses for stored ones. Pure.

A longer bar is final when every minute of it is. The live feed puts minutes and their revisions in, in the order in
which the bar builder gave them. Invariant: a longer bar equals `aggregate.bars_to_bars` of its minutes, bit for bit.
"""

from __future__ import annotations

from collections.abc import Sequence

from tradecore.core.errors import UsageError
from tradecore.core.events import BarFinal, BarRevised
from tradecore.core.types import MINUTE_NS, Nanoseconds, Timeframe
from tradecore.market.live.ticks import changes


class LongerBars:
    """The bars of one pair and timeframe, made of its minutes. Begins with the first bar wholly after `start`."""

    def __init__(self, timeframe: Timeframe, start: Nanoseconds, revisable_ns: Nanoseconds) -> None:
        if timeframe.ns <= MINUTE_NS:
            raise UsageError(f"timeframe {timeframe}: minutes are not made of minutes; expected a longer one")
        self.timeframe = timeframe
        self.covered_until = -(-start // timeframe.ns) * timeframe.ns
        self._start = self.covered_until
        self._revisable_ns = revisable_ns + timeframe.ns
        self._minutes: dict[Nanoseconds, dict[Nanoseconds, BarFinal]] = {}
        self._bars: dict[Nanoseconds, BarFinal] = {}

    def accept(
        self, events: Sequence[BarFinal | BarRevised], covered_until: Nanoseconds
    ) -> list[BarFinal | BarRevised]:
        """Take minutes and how far they are final; return the longer bars that are final, after revised ones."""
        changed: set[Nanoseconds] = set()
        for event in events:
            minute = event.bar if isinstance(event, BarRevised) else event
            opened = minute.open_time - minute.open_time % self.timeframe.ns
            if opened < self._start:
                continue
            self._minutes.setdefault(opened, {})[minute.open_time] = minute
            if opened < self.covered_until:
                changed.add(opened)
        made: list[BarFinal | BarRevised] = [self._revised(opened) for opened in sorted(changed)]
        until = covered_until - covered_until % self.timeframe.ns
        if until <= self.covered_until:
            return made
        for opened in sorted(one for one in self._minutes if self.covered_until <= one < until):
            self._bars[opened] = self.of(opened)
            made.append(self._bars[opened])
        self.covered_until = until
        for kept in (self._minutes, self._bars):
            for old in [one for one in kept if one < until - self._revisable_ns]:
                del kept[old]
        return made

    def of(self, opened: Nanoseconds, revision: int = 0, open_minute: BarFinal | None = None) -> BarFinal:
        """Return the bar that the minutes known so far make; `open_minute` is one that is not final yet."""
        held = dict(self._minutes.get(opened, {}))
        if open_minute is not None:
            held[open_minute.open_time] = open_minute
        minutes = [held[time] for time in sorted(held)]
        volume, count = 0.0, 0
        for minute in minutes:
            volume += minute.volume
            count += minute.count or 0
        return BarFinal(
            pair=minutes[0].pair,
            timeframe=self.timeframe,
            open_time=opened,
            open=minutes[0].open,
            high=max(minute.high for minute in minutes),
            low=min(minute.low for minute in minutes),
            close=minutes[-1].close,
            volume=volume,
            count=count,
            source=minutes[0].source,
            revision=revision,
            first_id=minutes[0].first_id,
            last_id=minutes[-1].last_id,
        )

    def _revised(self, opened: Nanoseconds) -> BarRevised:
        before = self._bars.get(opened)
        after = self.of(opened, 1 if before is None else before.revision + 1)
        self._bars[opened] = after
        return BarRevised(after, changes(before, after))
