"""The live feed: trades of the venue's socket become final bars; REST fills what the socket missed or cannot bring.

One reader of the socket, one task per pair that keeps its trades whole over REST, one beat for the passing of time;
what they learn goes through `pair_feed`, which decides. At the start, after every reconnection, for every hole and
while the socket is down the same thing happens: REST is asked from the last proved trade on, and ids prove the seam.
`control.watching` and sessions read it. Invariants: a change of state is an event before anyone can act on it wrongly;
nothing is dropped silently; a permanent failure ends the iteration after an event that says so.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping

from tradecore.core.clock import Clock
from tradecore.core.errors import UsageError
from tradecore.core.events import FeedChanged, FeedEvent, FeedReason, FeedState
from tradecore.core.types import SECOND_NS, Nanoseconds, Pair, Timeframe
from tradecore.market.live.pair_feed import PairFeed, Start
from tradecore.market.live.settings import LiveSettings
from tradecore.market.live.status import SOCKET_REASONS, Connection, PairStatus
from tradecore.market.live.ticks import Tick, tick_of, ticks_of_page
from tradecore.venues.kraken import messages as m
from tradecore.venues.kraken.answers import Done
from tradecore.venues.kraken.public import MOST_TRADES, KrakenPublic
from tradecore.venues.kraken.socket import KrakenSocket

BEAT_S = 5.0
"""How often time alone is looked at: silence is noticed so much later at most. Everything else happens by messages."""
CHANNEL = "trade"


class LiveFeed:
    """Final bars of some pairs, as they become known. `socket` makes a connection that was not used before."""

    def __init__(
        self,
        public: KrakenPublic,
        socket: Callable[[], KrakenSocket],
        clock: Clock,
        starts: Mapping[Pair, Start],
        timeframe: Timeframe,
        settings: LiveSettings | None = None,
    ) -> None:
        if not starts:
            raise UsageError("a live feed of no pairs; expected one at least, as in BTC/USD")
        self._public, self._make_socket, self._clock = public, socket, clock
        self._settings = settings or LiveSettings()
        self._pairs = {pair: PairFeed(pair, timeframe, start, self._settings) for pair, start in starts.items()}
        self._news = {pair: asyncio.Event() for pair in starts}
        self._connection = Connection(heard_at=clock.now(), down_since=clock.now())
        self._renew = False
        self._out: deque[FeedEvent] = deque()
        self._woken = asyncio.Event()
        self._begun = False

    @property
    def pairs(self) -> tuple[Pair, ...]:
        """The pairs of this feed."""
        return tuple(self._pairs)

    def status(self, pair: Pair) -> PairStatus:
        """Return how a pair stands now, with what has not become an event yet."""
        feed, told = self._pairs[pair], self._pairs[pair].told
        newest = feed.builder.newest
        return PairStatus(
            pair=pair,
            state=FeedState.CONNECTING if told is None else told.state,
            reason=FeedReason.STARTED if told is None else told.reason,
            since=feed.told_at,
            detail="" if told is None else told.detail,
            next_try=None if told is None else told.next_try,
            last_price=None if newest is None else newest.price,
            last_trade=None if newest is None else newest.time,
            heard_at=self._connection.heard_at,
            covered_until=feed.covered_until,
            open_bar=feed.open_bar,
            counts={**feed.builder.counts, **feed.counts},
        )

    def ticks(self, pair: Pair, start: Nanoseconds, end: Nanoseconds) -> list[Tick]:
        """Return the trades of final minutes with start <= time < end, as long as they can still be revised."""
        return self._pairs[pair].builder.ticks_between(start, min(end, self.minutes_until(pair)))

    def minutes_until(self, pair: Pair) -> Nanoseconds:
        """Return up to where every minute of a pair is final, whatever the feed's timeframe."""
        return self._pairs[pair].builder.covered_until

    async def __aiter__(self) -> AsyncIterator[FeedEvent]:
        """Yield bars and states until no pair can go on. Errors: UsageError when iterated twice; our own faults."""
        if self._begun:
            raise UsageError("a live feed is iterated once; make another one")
        self._begun = True
        work = [self._listen(), self._beat(), *(self._keep_whole(feed) for feed in self._pairs.values())]
        tasks = [asyncio.create_task(one) for one in work]
        for task in tasks:
            task.add_done_callback(lambda _: self._woken.set())
        self._step(self._clock.now())
        try:
            while True:
                self._woken.clear()
                while self._out:
                    yield self._out.popleft()
                for task in tasks:
                    if task.done():
                        task.result()
                if self._has_ended:
                    return
                await self._woken.wait()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    @property
    def _has_ended(self) -> bool:
        return not self._out and all(feed.facts.lost is not None for feed in self._pairs.values())

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(BEAT_S)
            self._step(self._clock.now())

    async def _listen(self) -> None:
        """Read the socket for ever; a zombie is replaced by a new connection."""
        while True:
            self._renew = False
            async with self._make_socket() as socket:
                socket.subscribe(CHANNEL, [feed.symbol for feed in self._pairs.values()])
                async for message in socket:
                    self._take(message)
                    if self._renew:
                        break
            self._lose(FeedReason.NO_TRADES, "no trades came that REST knew of; connecting anew", None)

    def _take(self, message: m.Message) -> None:
        """Learn one thing from the socket."""
        now, connection = self._clock.now(), self._connection
        is_venue = not isinstance(message, (m.Connected, m.Disconnected, m.Silent, m.Gap))
        if is_venue:
            connection.heard_at = now
        match message:
            case m.TradesSnapshot() | m.TradesUpdate():
                self._take_trades(message.ticks, now)
            case m.Connected():
                connection.up, connection.reason, connection.next_try = True, FeedReason.STARTED, None
                connection.heard_at = now
            case m.Disconnected(reason, words, _, next_try_s):
                self._lose(
                    SOCKET_REASONS.get(reason, FeedReason.NO_CONNECTION), words, now + round(next_try_s * SECOND_NS)
                )
            case m.SystemStatus(system):
                connection.system = system
            case m.Subscribed(channel, symbol) if channel == CHANNEL:
                self._subscribed(symbol)
            case m.SubscriptionRefused(channel, symbol, words) if channel == CHANNEL:
                self._refused(symbol, words)
            case m.Gap(channel, symbol) if channel == CHANNEL:
                if message.reason == "slow_reader":  # it names what is subscribed; we may have missed hearing so
                    self._subscribed(symbol)
                self._break()
            case m.Quarantined(channel=channel) if channel == CHANNEL:
                self._break()
        if connection.up and is_venue:
            for feed in self._pairs.values():
                feed.heard(now)
        self._step(now)

    def _take_trades(self, trades: tuple[m.TradeTick, ...], now: Nanoseconds) -> None:
        by_pair: dict[Pair, list[Tick]] = {}
        for trade in trades:
            by_pair.setdefault(trade.pair, []).append(tick_of(trade))
        for pair, ticks in by_pair.items():
            feed = self._pairs.get(pair)
            if feed is None:
                continue
            had_hole = feed.builder.has_hole
            feed.socket_brought(ticks, now)
            if feed.builder.has_hole and not had_hole:
                self._news[pair].set()

    def _lose(self, reason: FeedReason, words: str, next_try: Nanoseconds | None) -> None:
        connection, now = self._connection, self._clock.now()
        if connection.up or not connection.down_since:
            connection.down_since = now
            for feed in self._pairs.values():
                feed.counts["reconnects"] += 1
        connection.up, connection.reason, connection.detail, connection.next_try = False, reason, words, next_try
        for feed in self._pairs.values():
            feed.facts.subscribed = False
        self._break()
        self._step(now)

    def _break(self) -> None:
        for pair, feed in self._pairs.items():
            feed.broke()
            self._news[pair].set()

    def _subscribed(self, symbol: str) -> None:
        for pair, feed in self._pairs.items():
            if feed.symbol == symbol:
                feed.facts.subscribed, feed.facts.refused = True, ""
                self._news[pair].set()

    def _refused(self, symbol: str, words: str) -> None:
        for feed in self._pairs.values():
            if symbol in (feed.symbol, ""):
                feed.facts.refused = words or "the venue refused the subscription without a word"
                if "not supported" in words:
                    feed.facts.lost = FeedReason.UNKNOWN_PAIR

    async def _keep_whole(self, feed: PairFeed) -> None:
        """Ask REST whenever something is due, for as long as the pair can go on."""
        news = self._news[feed.pair]
        while feed.facts.lost is None:
            wait_ns = feed.ask_due(self._connection) - self._clock.now()
            if wait_ns > 0:
                news.clear()
                try:
                    async with asyncio.timeout(wait_ns / SECOND_NS):
                        await news.wait()
                except TimeoutError:
                    continue
                continue
            await self._ask(feed)

    async def _ask(self, feed: PairFeed) -> None:
        """Ask REST from the last proved trade to the newest, page by page."""
        asked = feed.question(self._clock.now())
        since, cursor = asked.since, asked.since
        unseen: Tick | None = None
        proves = True
        while True:
            answer = await self._public.trades(feed.pair, since)
            now = self._clock.now()
            if not isinstance(answer, Done):
                feed.failed(answer.error, now)
                break
            page = answer.value
            ticks = list(ticks_of_page(page))
            newest = feed.builder.newest
            later = [tick for tick in ticks if newest is None or tick.trade_id > newest.trade_id]
            unseen = unseen or (later[0] if later else None)
            feed.rest_brought(ticks, now, proves=proves)
            if len(ticks) < MOST_TRADES:
                if feed.polled(asked, unseen, now):
                    self._renew = True
                break
            # One step back, so that a trade at the very edge of the page is in the next one, too.
            # Where more share a moment than a page holds, it is stepped over, and what follows proves nothing of it.
            proves = proves and page.last > cursor
            since = page.last - 1 if page.last > cursor else since + 1
            cursor = max(cursor, page.last)
            self._step(now)
        self._step(self._clock.now())

    def _step(self, now: Nanoseconds) -> None:
        """Tell everything that is due now: bars first, then the states."""
        for feed in self._pairs.values():
            if feed.told is not None and feed.told.state is FeedState.LOST:
                continue
            self._out.extend(feed.advance(now))
            told = feed.standing(self._connection, now)
            if feed.told is None or told[:2] != feed.told[:2]:
                feed.told_at = now
            if feed.told is None or told[:3] != feed.told[:3]:
                since = feed.told_at
                self._out.append(FeedChanged(told.state, told.reason, since, told.next_try, told.detail, feed.pair))
            feed.told = told
        if len(self._out) > self._settings.most_events:
            for feed in self._pairs.values():
                feed.facts.lost = FeedReason.TOO_SLOW
        if self._out or self._has_ended:
            self._woken.set()
