"""The verb of watching: where a feed begins, what is refused, and what is stored when it ends."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tradecore.bootstrap import open_lab
from tradecore.control.config import make_workspace
from tradecore.control.lab import Lab
from tradecore.control.watching import Wanted, watching
from tradecore.core.errors import StateRefusedError, UnknownPairError, UsageError
from tradecore.core.events import BarFinal, FeedChanged, FeedEvent, FeedState
from tradecore.core.types import DAY_NS, MINUTE_NS, SECOND_NS, Pair
from tradecore.market.live.live_feed import LiveFeed
from tradecore.testing.fake_kraken import FakeKraken, Tape
from tradecore.testing.fake_kraken.memory import MemoryTransport
from tradecore.testing.virtual_time import VirtualClock, run_virtual

BTC = Pair("BTC", "USD")
START = 1_700_000_100 * SECOND_NS
TAPE = Tape.synthetic(1, START - 60 * MINUTE_NS, 12_000, per_second=0.6)


class Ear:
    """Keeps what it hears."""

    def __init__(self) -> None:
        self.feed: LiveFeed | None = None
        self.events: list[FeedEvent] = []
        self.looks = 0

    def began(self, feed: LiveFeed) -> None:
        self.feed = feed

    def told(self, event: FeedEvent) -> None:
        self.events.append(event)

    def looked(self) -> None:
        self.looks += 1

    @property
    def bars(self) -> list[BarFinal]:
        return [event for event in self.events if isinstance(event, BarFinal)]


def watch(tmp_path: Path, wanted: Wanted, begin: int = START, fault: str = "", **options: object) -> tuple[Ear, int]:
    """Watch the fake on virtual time; return what was heard and how many trades were stored."""
    if not (tmp_path / "lab").exists():
        make_workspace(tmp_path / "lab")
    ear = Ear()

    async def main(clock: VirtualClock) -> int:
        opened = open_lab(tmp_path / "lab")
        fake = FakeKraken({BTC: TAPE}, clock, seed=1)
        if fault:
            fake.faults.on(fault, **options)
        async with MemoryTransport(fake) as transport:
            return await watching(Lab(opened.root, opened.loaded, clock), wanted, ear, transport)

    return ear, run_virtual(main, begin)


def test_it_begins_with_the_bars_asked_for_and_ends_when_the_time_is_over(tmp_path: Path) -> None:
    ear, stored = watch(tmp_path, Wanted(("btc/usd",), back=10, for_s=300.0))
    begin = START - 10 * MINUTE_NS
    assert ear.bars[0].open_time == begin - begin % MINUTE_NS
    assert len(ear.bars) in (14, 15)
    assert 500 < ear.looks <= 600
    assert stored == 0


def test_bars_of_an_hour_begin_on_the_hour(tmp_path: Path) -> None:
    ear, _ = watch(tmp_path, Wanted(("BTC/USD",), "15m", back=2, for_s=10.0))
    assert [str(bar.timeframe) for bar in ear.bars] == ["15m"] * len(ear.bars)
    assert ear.bars
    assert ear.bars[0].open_time % (15 * MINUTE_NS) == 0


def test_what_is_final_at_the_end_is_stored_and_the_next_watch_goes_on_behind_it(tmp_path: Path) -> None:
    first, stored = watch(tmp_path, Wanted(("BTC/USD",), back=5, for_s=30.0, store=True))
    assert stored == sum(bar.count or 0 for bar in first.bars)
    second, more = watch(tmp_path, Wanted(("BTC/USD",), back=5, for_s=30.0, store=True), begin=START + 20 * MINUTE_NS)
    assert second.bars[0].open_time == first.bars[-1].close_time
    assert second.bars[0].first_id == (first.bars[-1].last_id or 0) + 1
    assert more == sum(bar.count or 0 for bar in second.bars)


def test_stored_trades_that_end_days_ago_are_left_to_a_fetch(tmp_path: Path) -> None:
    wanted = Wanted(("BTC/USD",), back=5, for_s=30.0, store=True)
    watch(tmp_path, wanted)
    with pytest.raises(UsageError, match="tradecore data fetch BTC/USD"):
        watch(tmp_path, wanted, begin=START + 2 * DAY_NS)


def test_a_pair_that_is_lost_fails_the_verb_after_its_event(tmp_path: Path) -> None:
    with pytest.raises(UnknownPairError, match="NOBODY/USD"):
        watch(tmp_path, Wanted(("NOBODY/USD",), for_s=60.0))


@pytest.mark.parametrize("shift_s", [-8.0, 8.0])
def test_a_wrong_clock_is_refused(tmp_path: Path, shift_s: float) -> None:
    with pytest.raises(StateRefusedError, match="clock"):
        watch(tmp_path, Wanted(("BTC/USD",), for_s=5.0), fault="clock_skew", shift_s=shift_s)


def test_a_clock_that_is_a_little_off_is_not(tmp_path: Path) -> None:
    ear, _ = watch(tmp_path, Wanted(("BTC/USD",), for_s=5.0), fault="clock_skew", shift_s=3.0)
    assert ear.bars


def test_a_venue_that_answers_nothing_at_the_start_is_waited_for(tmp_path: Path) -> None:
    ear, _ = watch(tmp_path, Wanted(("BTC/USD",), for_s=120.0), fault="http_503", times=4)
    states = [event.state for event in ear.events if isinstance(event, FeedChanged)]
    assert states[0] is FeedState.CONNECTING
    assert states[-1] is FeedState.LIVE


@pytest.mark.parametrize("wanted", [Wanted(()), Wanted(("BTC/USD",), for_s=0.0), Wanted(("BTCUSD",)),
                                    Wanted(("BTC/USD",), "90s")])  # fmt: skip
def test_what_cannot_be_meant_is_refused_before_anything_is_asked(tmp_path: Path, wanted: Wanted) -> None:
    with pytest.raises(UsageError, match="expected"):
        watch(tmp_path, wanted)


def test_a_watch_that_is_cancelled_leaves_no_task_behind(tmp_path: Path) -> None:
    make_workspace(tmp_path / "lab")

    async def main(clock: VirtualClock) -> int:
        opened = open_lab(tmp_path / "lab")
        async with MemoryTransport(FakeKraken({BTC: TAPE}, clock, seed=1)) as transport:
            work = asyncio.create_task(
                watching(Lab(opened.root, opened.loaded, clock), Wanted(("BTC/USD",)), Ear(), transport)
            )
            await asyncio.sleep(100)
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
        await asyncio.sleep(0)
        return len(asyncio.all_tasks())

    assert run_virtual(main, START) == 1
