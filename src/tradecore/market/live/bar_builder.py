"""Trades of one pair become minute bars that are final, once: pure, synchronous, driven by whoever has the trades.

Trades come in any order, twice, late or with holes; ids, not times, say what is missing. A bar is final when its time
is over by two seconds and a later trade has come with no id missing before it, or when the connection was proved alive
a minute after it. A hole holds every later bar back until it is filled (`accept`) or proved to be none (`prove`).
A trade of a minute that was final already makes its bar anew, as a revision. The live feed calls this.
Invariants: bars come in order of time, each once with revision 0; a bar is what `aggregate.trades_to_bars` makes of the
same trades, bit for bit; memory is that of the trades of `revisable_ns` and of what waits for a hole, which is bounded.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass

from tradecore.core.events import BarFinal, BarRevised
from tradecore.core.types import HOUR_NS, MINUTE_NS, SECOND_NS, Nanoseconds, Pair
from tradecore.market.live.ticks import Tick, bar_of, changes

SOURCE = "kraken-live"
MOST_PROOFS = 10_000
"""Runs of ids that are remembered as proved to be absent; a trade with an older one counts as a duplicate."""


@dataclass(frozen=True, slots=True)
class Finality:
    """When a bar is final, and for how long it can still be revised."""

    settle_ns: Nanoseconds = 2 * SECOND_NS
    """After the close, for trades that are on their way."""
    quiet_ns: Nanoseconds = MINUTE_NS
    """After the close, when no later trade comes, but the connection is alive."""
    revisable_ns: Nanoseconds = HOUR_NS
    """How long the trades of a final bar are kept. A trade later than that is counted, and its bar left as it is."""
    most_waiting: int = 500_000
    """Trades beyond a hole. More are dropped and counted: they are part of the hole, to be fetched with it."""


class BarBuilder:
    """The bars of one pair from the minute `start` on."""

    def __init__(
        self,
        pair: Pair,
        start: Nanoseconds,
        *,
        after: Tick | None = None,
        source: str = SOURCE,
        finality: Finality | None = None,
    ) -> None:
        """Begin at a minute. `after` is the last trade before the first wanted; None where only `prove` will tell."""
        self.pair, self.source = pair, source
        self.covered_until = start - start % MINUTE_NS
        """Everything before is final: its bars have come, and where none came nothing traded."""
        self.counts: Counter[str] = Counter()
        """Trades taken, and duplicates, early, late, too_late and dropped ones; bars and revisions."""
        self.newest: Tick | None = after
        """The trade with the highest id so far."""
        self._start = self.covered_until
        self._rules = finality or Finality()
        self._frontier: int | None = None if after is None else after.trade_id
        self._frontier_time = 0 if after is None else after.time
        self._origin = -1 if after is None else after.trade_id + 1
        self._waiting: dict[int, Nanoseconds] = {}
        self._absent: deque[tuple[int, int]] = deque(maxlen=MOST_PROOFS)
        self._minutes: dict[Nanoseconds, list[Tick]] = {}
        self._bars: dict[Nanoseconds, BarFinal] = {}
        self._changed: set[Nanoseconds] = set()
        self._alive_at = 0

    @property
    def frontier(self) -> tuple[int | None, Nanoseconds]:
        """The highest id up to which none is missing, and the newest time up to there; None before any is known."""
        return self._frontier, self._frontier_time

    @property
    def has_hole(self) -> bool:
        """Whether trades have come that are not proved to follow those before them."""
        return bool(self._waiting)

    @property
    def open_bar(self) -> BarFinal | None:
        """The newest bar as far as it has come, final or not; None before the first trade."""
        if not self._minutes:
            return None
        newest = max(self._minutes)
        return bar_of(self._minutes[newest], self.pair, newest, self.source)

    def accept(self, ticks: Iterable[Tick]) -> int:
        """Take trades in any order; those known already are dropped. Return how many were new."""
        before = self.counts["trades"]
        for tick in ticks:
            if self._is_new(tick):
                self._take(tick)
        self._move_on()
        return self.counts["trades"] - before

    def prove(self, last_id: int, first_id: int | None = None) -> None:
        """Learn that the venue has no trades up to `last_id` but those accepted: it listed all of them.

        `first_id` is where the list began, if the builder has no beginning yet.
        """
        if self._frontier is None:
            if first_id is None:
                return
            self._frontier, self._origin = first_id - 1, first_id
            for early in [one for one in self._waiting if one < first_id]:
                del self._waiting[early]
        begin = self._frontier + 1
        for known in sorted(one for one in self._waiting if one <= last_id):
            if known > begin:
                self._absent.append((begin, known - 1))
            self._pass(known)
            begin = known + 1
        if last_id >= begin:
            self._absent.append((begin, last_id))
            self._frontier = last_id
        self._move_on()

    def alive(self, moment: Nanoseconds) -> None:
        """Learn that at this moment the connection was alive and every trade before it would have come."""
        self._alive_at = max(self._alive_at, moment)

    def advance(self, now: Nanoseconds) -> list[BarFinal | BarRevised]:
        """Return the bars that are final now, oldest first, after revisions of those that were final before."""
        events: list[BarFinal | BarRevised] = self._revisions()
        until = min(now - self._rules.settle_ns, self._frontier_time)
        if not self._waiting:
            until = max(until, min(self._alive_at, now) - self._rules.quiet_ns)
        until -= until % MINUTE_NS
        if until <= self.covered_until:
            return events
        for minute in sorted(one for one in self._minutes if self.covered_until <= one < until):
            self._bars[minute] = bar_of(self._minutes[minute], self.pair, minute, self.source)
            events.append(self._bars[minute])
            self.counts["bars"] += 1
        self.covered_until = until
        self._forget()
        return events

    def ticks_between(self, start: Nanoseconds, end: Nanoseconds) -> list[Tick]:
        """Return the trades with start <= time < end, in the order of their ids; whole minutes, still revisable."""
        minutes = sorted(one for one in self._minutes if start <= one < end)
        return sorted(tick for minute in minutes for tick in self._minutes[minute])

    def _is_new(self, tick: Tick) -> bool:
        number = tick.trade_id
        if number in self._waiting:
            self.counts["duplicates"] += 1
            return False
        if tick.time < self._start or number < self._origin:
            self.counts["early"] += 1
            if self._frontier is None or number > self._frontier:
                self._wait_for(tick)
            return False
        if self._frontier is not None and number <= self._frontier:
            run = next((run for run in self._absent if run[0] <= number <= run[1]), None)
            if run is None:
                self.counts["duplicates"] += 1
                return False
            self._absent.remove(run)
            pieces = ((run[0], number - 1), (number + 1, run[1]))
            self._absent.extend(piece for piece in pieces if piece[0] <= piece[1])
            return True
        if len(self._waiting) >= self._rules.most_waiting and number != (self._frontier or 0) + 1:
            self.counts["dropped"] += 1
            return False
        self._wait_for(tick)
        return True

    def _wait_for(self, tick: Tick) -> None:
        self._waiting[tick.trade_id] = tick.time
        if self.newest is None or tick.trade_id > self.newest.trade_id:
            self.newest = tick
        if tick.trade_id - 1 == self._frontier:
            self._move_on()

    def _take(self, tick: Tick) -> None:
        minute = tick.time - tick.time % MINUTE_NS
        if minute < self.covered_until:
            if minute < self.covered_until - self._rules.revisable_ns:
                self.counts["too_late"] += 1
                return
            self.counts["late"] += 1
            self._changed.add(minute)
        self.counts["trades"] += 1
        self._minutes.setdefault(minute, []).append(tick)

    def _move_on(self) -> None:
        if self._frontier is None:
            return
        while self._frontier + 1 in self._waiting:
            self._pass(self._frontier + 1)

    def _pass(self, number: int) -> None:
        """Move the frontier to a trade that waited for it."""
        self._frontier_time = max(self._frontier_time, self._waiting.pop(number))
        self._frontier = number

    def _revisions(self) -> list[BarFinal | BarRevised]:
        events: list[BarFinal | BarRevised] = []
        for minute in sorted(self._changed):
            if self._waiting and minute + MINUTE_NS > self._frontier_time:
                continue  # a hole lies near: more of the same minute may follow at once
            before = self._bars.get(minute)
            revision = 1 if before is None else before.revision + 1
            after = bar_of(self._minutes[minute], self.pair, minute, self.source, revision)
            self._bars[minute] = after
            self._changed.discard(minute)
            events.append(BarRevised(after, changes(before, after)))
            self.counts["revisions"] += 1
        return events

    def _forget(self) -> None:
        oldest = self.covered_until - self._rules.revisable_ns
        for kept in (self._minutes, self._bars):
            for minute in [one for one in kept if one < oldest and one not in self._changed]:
                del kept[minute]
