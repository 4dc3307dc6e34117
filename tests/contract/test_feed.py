"""The contract of a feed, kept by every adapter: stored bars, and live trades of a venue."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any, cast

import polars as pl
import pytest

from tradecore.core.bars import Bars
from tradecore.core.errors import UsageError
from tradecore.core.events import BarFinal, FeedChanged, FeedEvent, FeedReason, FeedState
from tradecore.core.ports import Clock, Feed
from tradecore.core.seeds import generator
from tradecore.core.types import MINUTE_NS, SECOND_NS, Pair, Timeframe
from tradecore.market.aggregate import ONE_MINUTE, bars_to_bars, trades_to_bars
from tradecore.market.lake import Lake
from tradecore.market.live.live_feed import LiveFeed
from tradecore.market.live.pair_feed import Start
from tradecore.market.live.stored_feed import StoredFeed
from tradecore.testing.fake_kraken.core import FakeKraken
from tradecore.testing.fake_kraken.memory import MemoryTransport
from tradecore.testing.fake_kraken.tape import Tape
from tradecore.testing.virtual_time import run_virtual
from tradecore.venues.kraken.public import KrakenPublic
from tradecore.venues.kraken.socket import KrakenSocket

START = 1_700_000_100 * SECOND_NS
END = START + 90 * MINUTE_NS
BTC, ETH, UNKNOWN = Pair("BTC", "USD"), Pair("ETH", "USD"), Pair("NOBODY", "USD")
TAPES = {
    BTC: Tape.synthetic(1, START - 10 * MINUTE_NS, 4_000, per_second=0.6),
    ETH: Tape.synthetic(2, START - 10 * MINUTE_NS, 120, per_second=0.015, first_price=3000.0),
}
FIVE = Timeframe(5 * MINUTE_NS)


def table(pair: Pair, timeframe: Timeframe) -> pl.DataFrame:
    """The bars that the tape makes between START and END."""
    tape = TAPES[pair]
    trades = pl.DataFrame(
        {"time": tape.shown_time, "trade_id": tape.trade_id, "price": tape.price, "amount": tape.amount}
    )
    minutes = trades_to_bars(trades).filter((pl.col("open_time") >= START) & (pl.col("open_time") < END))
    return bars_to_bars(minutes, ONE_MINUTE, timeframe)


class Stored:
    """A feed of the lake."""

    def __init__(self, folder: Path) -> None:
        self.lake = Lake(folder)
        for pair in TAPES:
            rows = {name: values.to_numpy() for name, values in table(pair, ONE_MINUTE).drop("count").to_dict().items()}
            self.lake.commit(Bars(pair, ONE_MINUTE, **rows, source="kraken-rest-trades"), venue="kraken")

    def collect(self, pairs: Sequence[Pair], timeframe: Timeframe) -> list[FeedEvent]:
        """Return everything the feed tells."""

        async def main(clock: Clock) -> list[FeedEvent]:
            return [event async for event in StoredFeed(self.lake, "kraken", pairs, timeframe, START, END)]

        return run_virtual(main, START)

    def twice(self) -> Feed:
        """Return a feed that can be iterated."""
        return StoredFeed(self.lake, "kraken", [BTC], ONE_MINUTE)


class Live:
    """A feed of the fake venue, from a quarter of an hour after START on: what lies before is fetched."""

    def __init__(self, folder: Path) -> None:
        pass

    def collect(self, pairs: Sequence[Pair], timeframe: Timeframe) -> list[FeedEvent]:
        """Return what the feed tells until every bar before END is final."""

        async def main(clock: Clock) -> list[FeedEvent]:
            async with MemoryTransport(FakeKraken(TAPES, clock, seed=1)) as transport:
                feed = live_feed(transport, clock, pairs, timeframe)
                told: list[FeedEvent] = []
                async with aclosing(cast(Any, aiter(feed))) as events:
                    async for event in events:
                        told.append(event)
                        if is_done(feed, pairs):
                            break
                return [event for event in told if not isinstance(event, BarFinal) or event.open_time < END]

        return run_virtual(main, START + 15 * MINUTE_NS)

    def twice(self) -> Feed:
        """Return a feed that can be iterated."""
        transport = cast(Any, None)
        return live_feed(transport, cast(Any, FixedClock()), [BTC], ONE_MINUTE)


class FixedClock:
    """Stands at END."""

    def now(self) -> int:
        """Return END."""
        return END


def live_feed(transport: MemoryTransport, clock: Clock, pairs: Sequence[Pair], timeframe: Timeframe) -> LiveFeed:
    addresses = MemoryTransport.addresses
    return LiveFeed(
        KrakenPublic(transport, addresses, clock),
        lambda: KrakenSocket(transport, addresses.socket, clock, generator(1, "socket")),
        clock,
        {pair: Start(START) for pair in pairs},
        timeframe,
    )


def is_done(feed: LiveFeed, pairs: Sequence[Pair]) -> bool:
    """Every pair has its bars, or never will."""
    return all(feed.status(pair).covered_until >= END or feed.status(pair).state is FeedState.LOST for pair in pairs)


@pytest.fixture(params=[Stored, Live], ids=["stored", "live"])
def adapter(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    make: Callable[[Path], Any] = request.param
    return make(tmp_path / "lake")


def bars_of(told: list[FeedEvent], pair: Pair) -> list[BarFinal]:
    return [event for event in told if isinstance(event, BarFinal) and event.pair == pair]


@pytest.mark.parametrize("timeframe", [ONE_MINUTE, FIVE], ids=str)
def test_every_bar_of_the_span_comes_once_in_order_and_as_the_lake_makes_it(adapter: Any, timeframe: Timeframe) -> None:
    told = adapter.collect([BTC, ETH], timeframe)
    for pair in TAPES:
        got = [(bar.open_time, bar.open, bar.high, bar.low, bar.close, bar.volume) for bar in bars_of(told, pair)]
        assert got == table(pair, timeframe).drop("count").rows()
        assert all(bar.timeframe == timeframe and bar.revision == 0 for bar in bars_of(told, pair))


def test_a_minute_in_which_nothing_traded_has_no_bar(adapter: Any) -> None:
    bars = bars_of(adapter.collect([ETH], ONE_MINUTE), ETH)
    assert 10 < len(bars) < 80
    assert all(bar.volume > 0 for bar in bars)


def test_a_pair_begins_by_connecting_and_says_when_it_can_be_relied_on(adapter: Any) -> None:
    told = adapter.collect([BTC, ETH], ONE_MINUTE)
    for pair in TAPES:
        states = [event for event in told if isinstance(event, FeedChanged) and event.pair == pair]
        assert [(one.state, one.reason) for one in states[:2]] == [
            (FeedState.CONNECTING, FeedReason.STARTED),
            (FeedState.LIVE, FeedReason.CAUGHT_UP),
        ]


def test_a_pair_that_cannot_be_had_is_lost_with_a_reason_and_the_others_go_on(adapter: Any) -> None:
    told = adapter.collect([UNKNOWN, BTC], ONE_MINUTE)
    lost = [event for event in told if isinstance(event, FeedChanged) and event.state is FeedState.LOST]
    assert [one.pair for one in lost] == [UNKNOWN]
    assert lost[0].reason in {FeedReason.UNKNOWN_PAIR, FeedReason.TOO_LITTLE_DATA}
    assert lost[0].detail
    assert bars_of(told, BTC)


def test_the_iteration_ends_when_no_pair_can_go_on(adapter: Any) -> None:
    told = adapter.collect([UNKNOWN], ONE_MINUTE)
    assert isinstance(told[-1], FeedChanged)
    assert told[-1].state is FeedState.LOST


def test_a_feed_is_iterated_once(adapter: Any) -> None:
    async def twice(_clock: Clock) -> None:
        feed = adapter.twice()
        async with aclosing(cast(Any, aiter(feed))) as events:
            await first_of(events)
        with pytest.raises(UsageError, match="once"):
            await first_of(aiter(feed))

    run_virtual(twice, START)


async def first_of(events: AsyncIterator[FeedEvent]) -> FeedEvent:
    return await anext(events)
