"""The verb of watching: a live feed of some pairs, for as long as a person wants it, stored if asked for.

The one place where a live feed gets its network. Called by the command line; `market.live` does the work.
Invariant: a pair that cannot go on is told, and the verb then fails.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, Protocol, cast

from tradecore.control.interruption import stopped_by_signals
from tradecore.control.kraken import addresses, pace
from tradecore.control.lab import Lab
from tradecore.core.errors import StateRefusedError, UnknownPairError, UsageError, VenueUnavailableError
from tradecore.core.events import BarRevised, FeedEvent, FeedReason, FeedState
from tradecore.core.seeds import generator
from tradecore.core.types import DAY_NS, MINUTE_NS, SECOND_NS, Pair, Timeframe
from tradecore.market.live.keeping import Keeper, start_after
from tradecore.market.live.live_feed import LiveFeed
from tradecore.market.live.pair_feed import Start
from tradecore.venues.kraken.answers import Done
from tradecore.venues.kraken.listing import Listing
from tradecore.venues.kraken.public import KrakenPublic
from tradecore.venues.kraken.socket import KrakenSocket
from tradecore.venues.kraken.transport import NetworkTransport, Transport

MOST_CATCH_UP_NS = DAY_NS
"""A longer stretch behind the stored trades is fetched by a job, which can be stopped and resumed."""
WORST_CLOCK_NS = 5 * SECOND_NS
"""How far this machine's clock may be off the venue's."""
STORE_EVERY_S = 60.0
LOOK_EVERY_S = 0.5


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a person wants to watch."""

    pairs: tuple[str, ...]
    timeframe: str = "1m"
    back: int = 40
    """Bars before now to begin with."""
    for_s: float | None = None
    """Seconds to watch; None until interrupted."""
    store: bool = False
    join: bool = False


class Watcher(Protocol):
    """Hears and shows what a feed tells."""

    def began(self, feed: LiveFeed) -> None:
        """Hear that the feed begins; its `status` may be asked at any time from now on."""
        ...

    def told(self, event: FeedEvent) -> None:
        """Hear an event."""
        ...

    def looked(self) -> None:
        """Hear that some time has passed."""
        ...


def watch(lab: Lab, wanted: Wanted, watcher: Watcher, transport: Transport | None = None) -> int:
    """Watch until the time is over, a person interrupts, or no pair can go on; return how many trades were stored.

    Errors: UsageError; StateRefusedError for a wrong clock; UnknownPairError or VenueUnavailableError when a pair was
            lost; DataError when the lake refuses.
    """
    return asyncio.run(watching(lab, wanted, watcher, transport))


async def watching(lab: Lab, wanted: Wanted, watcher: Watcher, transport: Transport | None = None) -> int:
    """Do what `watch` does, inside a running loop. Errors: as there."""
    pairs, timeframe = _asked(wanted)
    stop = asyncio.Event()
    async with _network(transport) as network:
        where, calls, patience = addresses(lab.settings.kraken), pace(lab), lab.settings.kraken.timeout_s
        asked = KrakenPublic(network, where, lab.clock, calls, timeout_s=patience)
        await _refuse_wrong_clock(lab, asked)
        listing = await _listing(asked, pairs)
        starts = {pair: _start(lab, wanted, pair, timeframe, listing) for pair in pairs}
        rng = generator(0, "watch", *map(str, pairs))
        feed = LiveFeed(
            KrakenPublic(network, where, lab.clock, calls, listing=listing, timeout_s=patience),
            lambda: KrakenSocket(network, where.socket, lab.clock, rng),
            lab.clock,
            starts,
            timeframe,
        )
        keeper = None
        if wanted.store:
            keeper = Keeper(lab.lake, feed, {pair: one.time for pair, one in starts.items()}, join=wanted.join)
        watcher.began(feed)
        with stopped_by_signals(stop.set):
            await _follow(feed, watcher, keeper, stop, wanted.for_s)
    _refuse_lost(feed)
    return keeper.stored if keeper is not None else 0


async def _follow(
    feed: LiveFeed, watcher: Watcher, keeper: Keeper | None, stop: asyncio.Event, for_s: float | None
) -> None:
    """Carry events to the watcher and minutes to the lake until it is over; what is final by then is stored."""

    async def tell() -> None:
        async with aclosing(cast(Any, aiter(feed))) as events:
            async for event in events:
                if keeper is not None and isinstance(event, BarRevised):
                    keeper.revise(event.bar.pair, event.bar.open_time, event.bar.close_time)
                watcher.told(event)

    async def look() -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            watcher.looked()

    async def keep(keeper: Keeper) -> None:
        while True:
            await asyncio.sleep(STORE_EVERY_S)
            await _store(keeper)

    telling = asyncio.create_task(tell())
    others = [asyncio.create_task(look()), asyncio.create_task(stop.wait())]
    if keeper is not None:
        others.append(asyncio.create_task(keep(keeper)))
    tasks: list[asyncio.Task[Any]] = [telling, *others]
    try:
        await asyncio.wait(tasks, timeout=for_s, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            if task.done():
                task.result()
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task
        if keeper is not None:
            await _store(keeper)


async def _store(keeper: Keeper) -> None:
    """Store what is final; the lake is written in a thread, so that the feed goes on meanwhile."""
    batch = keeper.collect()
    keeper.done(batch, await asyncio.to_thread(keeper.write, batch))


def _asked(wanted: Wanted) -> tuple[tuple[Pair, ...], Timeframe]:
    if not wanted.pairs:
        raise UsageError("no pair named; expected one or more, as in: tradecore data watch BTC/USD")
    if wanted.for_s is not None and wanted.for_s <= 0:
        raise UsageError(f"--for {wanted.for_s:g}: expected seconds above zero")
    return tuple(dict.fromkeys(map(Pair.parse, wanted.pairs))), Timeframe.parse(wanted.timeframe)


def _start(lab: Lab, wanted: Wanted, pair: Pair, timeframe: Timeframe, listing: Listing | None) -> Start:
    """Return where a pair begins: behind what is stored if it is to be stored, else some bars ago."""
    now, symbol = lab.clock.now(), "" if listing is None else listing.rules(pair).socket_name
    stored = start_after(lab.lake, pair, symbol) if wanted.store else None
    if stored is not None:
        if now - stored.time > MOST_CATCH_UP_NS:
            raise UsageError(
                f"{pair}: the stored trades end {(now - stored.time) / DAY_NS:.1f} days ago; expected a day at most; "
                f"run first: tradecore data fetch {pair}"
            )
        return stored
    begin = now - max(wanted.back, 0) * timeframe.ns
    return Start(begin - begin % max(timeframe.ns, MINUTE_NS), None, symbol)


async def _refuse_wrong_clock(lab: Lab, public: KrakenPublic) -> None:
    """Refuse a machine whose clock is wrong: bars would be final at the wrong time. No answer proves nothing."""
    before = lab.clock.now()
    answer = await public.server_time()
    if not isinstance(answer, Done):
        return
    # The venue tells whole seconds, some time between asking and hearing.
    ahead_ns = max(before - (answer.value + SECOND_NS), answer.value - lab.clock.now(), 0)
    if ahead_ns > WORST_CLOCK_NS:
        raise StateRefusedError(
            f"this machine's clock is {ahead_ns / SECOND_NS:.0f} s off the venue's; expected at most "
            f"{WORST_CLOCK_NS // SECOND_NS} s, or bars are final at the wrong time; set the clock (NTP), then try again"
        )


async def _listing(public: KrakenPublic, pairs: Sequence[Pair]) -> Listing | None:
    """Ask for the venue's own names; without an answer the pairs' names are spelled by rule, and the feed tells why."""
    answer = await public.pairs(*pairs)
    return answer.value if isinstance(answer, Done) else None


def _refuse_lost(feed: LiveFeed) -> None:
    """Raise for the first pair that cannot go on."""
    for pair in feed.pairs:
        status = feed.status(pair)
        if status.state is FeedState.LOST:
            error = UnknownPairError if status.reason is FeedReason.UNKNOWN_PAIR else VenueUnavailableError
            raise error(f"{pair}: its feed is lost ({status.reason}): {status.detail or 'start it again'}")


@asynccontextmanager
async def _network(transport: Transport | None) -> AsyncIterator[Transport]:
    if transport is not None:
        yield transport
        return
    async with NetworkTransport() as network:
        yield network
