"""One pair of a live feed: its trades, its bars, and what is known about how whole they are. Synchronous, no I/O.

`live_feed` brings it what the socket and REST say, and asks it what is due. Continuity is broken by every reconnection
(`broke`) and proved again by a REST answer that was asked for after the subscription stood (`polled`).
Invariant: a bar is final by heartbeats only while continuity is proved and REST or the socket showed it recently.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from tradecore.core.errors import UnknownPairError, VenueError
from tradecore.core.events import BarFinal, BarRevised, FeedReason
from tradecore.core.types import MINUTE_NS, SECOND_NS, Nanoseconds, Pair, Timeframe
from tradecore.market.live.bar_builder import BarBuilder
from tradecore.market.live.longer_bars import LongerBars
from tradecore.market.live.settings import LiveSettings
from tradecore.market.live.status import Connection, Facts, Standing, standing
from tradecore.market.live.ticks import Tick

OVERLAP_NS = SECOND_NS
"""REST is asked from so long before the last known trade: its cursor is finer than the time it shows."""
IN_FLIGHT_NS = 5 * SECOND_NS
"""A trade that REST knows and the socket has not brought for so long was not on its way any more."""
MOST_DOUBLINGS = 16


@dataclass(frozen=True, slots=True)
class Start:
    """Where a pair's feed begins: at a minute, after the last trade that is stored, where there is one."""

    time: Nanoseconds
    after: Tick | None = None
    symbol: str = ""
    """The venue's own name of the pair on its socket; empty where it is ours, as in BTC/USD."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question to REST: what was known when it was asked, so that the answer proves no more than that."""

    at: Nanoseconds
    since: Nanoseconds
    epoch: int | None
    """The stretch of connection during which it was asked; None without a subscription."""
    was_whole: bool


class PairFeed:
    """Everything about one pair."""

    def __init__(self, pair: Pair, timeframe: Timeframe, start: Start, settings: LiveSettings) -> None:
        self.pair, self.timeframe = pair, timeframe
        self.symbol = start.symbol or str(pair)
        # Behind stored trades the rest of a longer bar is not ours to tell: it begins with the next whole one.
        begin = start.time - start.time % (timeframe.ns if start.after is None else MINUTE_NS)
        self.builder = BarBuilder(pair, begin, after=start.after, finality=settings.finality)
        self.longer = (
            None if timeframe.ns == MINUTE_NS else LongerBars(timeframe, begin, settings.finality.revisable_ns)
        )
        self.facts = Facts()
        self.counts: Counter[str] = Counter()
        """What was counted beside the builder's own counts: reconnects, polls, filled, failures, zombies."""
        self.told: Standing | None = None
        """The state that was told last."""
        self.told_at = 0
        self._settings = settings
        self._begin = begin
        self._epoch = 0
        self._proved_epoch: int | None = None
        self._proved_at = 0
        self._hole_since: Nanoseconds | None = None
        self._tries = 0

    @property
    def covered_until(self) -> Nanoseconds:
        """Up to here every bar of the feed's timeframe is final."""
        return self.builder.covered_until if self.longer is None else self.longer.covered_until

    @property
    def open_bar(self) -> BarFinal | None:
        """The newest bar that is not final, as far as it has come."""
        minute = self.builder.open_bar
        if minute is None or self.longer is None:
            return minute
        return self.longer.of(minute.open_time - minute.open_time % self.timeframe.ns, open_minute=minute)

    def broke(self) -> None:
        """Learn that trades may have been missed from here on."""
        self._epoch += 1
        self.facts.zombie = False
        self.facts.next_try = None  # what failed before says nothing about the next connection
        self._tries = 0

    def socket_brought(self, ticks: Iterable[Tick], now: Nanoseconds) -> None:
        """Take trades from the socket."""
        before = self.builder.counts["dropped"]
        if self.builder.accept(ticks):
            self._proved_at = now
            self.facts.zombie = False
        if self.builder.counts["dropped"] > before:
            self._epoch += 1
        self._look(now)

    def heard(self, now: Nanoseconds) -> None:
        """Learn that the connection is alive."""
        if self.facts.whole and now - self._proved_at < self._settings.finality.quiet_ns:
            self.builder.alive(now)

    def advance(self, now: Nanoseconds) -> list[BarFinal | BarRevised]:
        """Return the bars that are final now, after revisions."""
        minutes = self.builder.advance(now)
        if self.longer is None:
            return minutes
        return self.longer.accept(minutes, self.builder.covered_until)

    def standing(self, connection: Connection, now: Nanoseconds) -> Standing:
        """Return the state of the feed of this pair."""
        self._look(now)
        settings = self._settings
        answer = standing(
            connection, self.facts, now, round(settings.stale_after_s * SECOND_NS), round(settings.poll_s * SECOND_NS)
        )
        self.facts.was_live |= answer.reason is FeedReason.CAUGHT_UP
        return answer

    def ask_due(self, connection: Connection) -> Nanoseconds:
        """Return when REST should be asked next."""
        settings, facts = self._settings, self.facts
        if not facts.polled_at:
            due = 0
        elif not connection.up:
            due = max(
                connection.down_since + round(settings.poll_after_s * SECOND_NS),
                facts.polled_at + round(settings.poll_s * SECOND_NS),
            )
        elif facts.subscribed and self._proved_epoch != self._epoch:
            due = 0
        else:
            due = self._proved_at + settings.quiet_check_ns
            if self._hole_since is not None:
                due = min(due, self._hole_since + round(settings.hole_grace_s * SECOND_NS))
        return max(due, facts.next_try or 0)

    def question(self, now: Nanoseconds) -> Asked:
        """Return what to ask REST now."""
        frontier, time = self.builder.frontier
        since = (self._begin if frontier is None else time) - OVERLAP_NS
        return Asked(now, since, self._epoch if self.facts.subscribed else None, self.facts.whole)

    def rest_brought(self, ticks: list[Tick], now: Nanoseconds, *, proves: bool = True) -> int:
        """Take one page of a REST answer; return how many trades were new.

        A page that `proves` lists every trade since one that was known: ids that it passes over do not exist.
        """
        before = self.builder.newest
        new = self.builder.accept(ticks)
        if ticks and proves:
            self.builder.prove(ticks[-1].trade_id, ticks[0].trade_id)
        self.counts["filled"] += new
        newest = self.builder.newest
        if before is not None and newest is not None and newest.trade_id > before.trade_id:
            self.counts["brought by REST"] += 1
        self._look(now)
        return new

    def polled(self, asked: Asked, unseen: Tick | None, now: Nanoseconds) -> bool:
        """Learn that REST has answered to the end. `unseen` is the oldest trade that only REST knew.

        Returns whether the socket is a zombie: it stands, has no hole, and did not bring that trade.
        """
        facts = self.facts
        facts.polled_at, facts.failure, facts.next_try = now, None, None
        if not self.builder.has_hole:
            self._tries = 0
        self.counts["polls"] += 1
        self._proved_at = max(self._proved_at, asked.at)
        if asked.epoch is not None:
            self._proved_epoch = asked.epoch
        elif not facts.subscribed:
            self.builder.alive(asked.at)
        self._look(now)
        if self.builder.has_hole:  # REST lags behind, or cannot give what is missing: no use to ask at once again
            facts.next_try = now + self._pause()
        still = asked.epoch == self._epoch and asked.was_whole and facts.subscribed
        facts.zombie = still and unseen is not None and unseen.time < asked.at - IN_FLIGHT_NS
        self.counts["zombies"] += facts.zombie
        return facts.zombie

    def failed(self, error: VenueError, now: Nanoseconds) -> None:
        """Learn that REST gave no good answer; the next question waits longer with every one of them."""
        self.facts.failure = error
        self.counts["failures"] += 1
        if isinstance(error, UnknownPairError):
            self.facts.lost = FeedReason.UNKNOWN_PAIR
        self.facts.next_try = now + max(self._pause(), round((error.retry_after_s or 0.0) * SECOND_NS))

    def _pause(self) -> Nanoseconds:
        """Return how long to wait before the next question, twice as long as the last time."""
        self._tries += 1
        return round(min(2.0 ** min(self._tries - 1, MOST_DOUBLINGS), self._settings.slowest_retry_s) * SECOND_NS)

    def _look(self, now: Nanoseconds) -> None:
        """Note since when trades are missing, and whether all is whole."""
        if not self.builder.has_hole:
            self._hole_since = None
        elif self._hole_since is None:
            self._hole_since = now
        grace = round(self._settings.hole_grace_s * SECOND_NS)
        young = self._hole_since is None or now - self._hole_since < grace
        self.facts.whole = self.facts.subscribed and self._proved_epoch == self._epoch and young
