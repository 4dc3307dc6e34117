"""The pace of public calls and the two counters of private ones, with their share for exits."""

from __future__ import annotations

import asyncio

import pytest

from tradecore.core.clock import Clock, ManualClock
from tradecore.core.errors import ConfigError, RateLimitedError
from tradecore.core.types import SECOND_NS, Pair
from tradecore.testing.virtual_time import run_virtual
from tradecore.venues.kraken.limits import (
    Change,
    EngineCounter,
    EngineCounters,
    Pace,
    PaceSettings,
    PrivateCounter,
    Tier,
)

BTC, ETH = Pair("BTC", "USD"), Pair("ETH", "USD")
START = 1_760_000_000 * SECOND_NS


def times_of(calls: list[tuple[str, Pair | None]], settings: PaceSettings) -> list[float]:
    """Return the second at which each call was let through; all ask at once."""

    async def on(clock: Clock) -> list[float]:
        pace = Pace(clock, settings)

        async def one(endpoint: str, pair: Pair | None) -> float:
            await pace.wait(endpoint, pair, "host")
            return round((clock.now() - START) / SECOND_NS, 6)

        return list(await asyncio.gather(*(one(*call) for call in calls)))

    return run_virtual(on, START)


def test_calls_of_one_kind_keep_their_distance_and_order() -> None:
    assert times_of([("Trades", BTC)] * 4, PaceSettings(1.0)) == [0, 1, 2, 3]


def test_pairs_have_buckets_of_their_own_for_trades_and_bars_only() -> None:
    assert times_of([("Trades", BTC), ("Trades", ETH), ("OHLC", BTC)], PaceSettings(1.0)) == [0, 0, 0]
    assert times_of([("Ticker", BTC), ("Depth", ETH), ("Time", None)], PaceSettings(1.0)) == [0, 1, 2]


def test_a_burst_goes_at_once_after_a_rest() -> None:
    assert times_of([("Trades", BTC)] * 5, PaceSettings(1.0, burst=3)) == [0, 0, 0, 1, 2]


def test_no_pace_is_no_pace() -> None:
    assert times_of([("Trades", BTC)] * 5, PaceSettings(0)) == [0] * 5


def test_an_idle_bucket_saves_no_more_than_its_burst() -> None:
    async def on(clock: Clock) -> float:
        pace = Pace(clock, PaceSettings(1.0))
        await pace.wait("Trades", BTC)
        await asyncio.sleep(100)
        begun = clock.now()
        for _ in range(3):
            await pace.wait("Trades", BTC)
        return (clock.now() - begun) / SECOND_NS

    assert run_virtual(on, START) == pytest.approx(2)


def test_a_refusal_for_the_rate_holds_that_kind_back_only() -> None:
    async def on(clock: Clock) -> tuple[float, float]:
        pace = Pace(clock, PaceSettings(1.0))
        pace.hold(15, "Trades", BTC)
        await pace.wait("Trades", ETH)
        other = (clock.now() - START) / SECOND_NS
        await pace.wait("Trades", BTC)
        return other, (clock.now() - START) / SECOND_NS

    assert run_virtual(on, START) == (0, 15)


def test_a_clock_that_is_put_back_makes_nobody_wait_for_it() -> None:
    class Hands:
        time = START

        def now(self) -> int:
            return self.time

    hands = Hands()
    pace = Pace(hands, PaceSettings(1.0))
    assert pace._reserve("Trades", BTC, "") == 0
    hands.time = START - 3600 * SECOND_NS
    assert pace._reserve("Trades", BTC, "") <= SECOND_NS


@pytest.mark.parametrize(("interval", "burst"), [(-1.0, 1), (float("nan"), 1), (1.0, 0)])
def test_a_pace_that_cannot_be_meant_is_refused(interval: float, burst: int) -> None:
    with pytest.raises(ConfigError):
        PaceSettings(interval, burst)


def test_private_calls_fill_the_counter_and_wait_for_its_decay() -> None:
    async def on(clock: Clock) -> list[float]:
        counter = PrivateCounter(clock, Tier.PRO, reserved=0.0)
        waited = []
        for _ in range(22):
            await counter.wait("Balance")
            waited.append((clock.now() - START) / SECOND_NS)
        return waited

    waited = run_virtual(on, START)
    assert waited[19] == 0
    assert waited[20] == pytest.approx(1, abs=0.01)
    assert waited[21] == pytest.approx(2, abs=0.02)


def test_history_costs_two_and_orders_nothing() -> None:
    async def on(clock: Clock) -> tuple[float, float]:
        counter = PrivateCounter(clock, Tier.PRO)
        await counter.wait("TradesHistory")
        first = counter.count
        for _ in range(100):
            await counter.wait("AddOrder")
        return first, counter.count

    assert run_virtual(on, START) == (2, 2)


def test_urgent_reads_use_the_share_that_others_leave() -> None:
    async def on(clock: Clock) -> tuple[float, float]:
        counter = PrivateCounter(clock, Tier.PRO, reserved=0.25)
        for _ in range(15):
            await counter.wait("Balance")
        await counter.wait("OpenOrders", urgent=True)
        urgent = (clock.now() - START) / SECOND_NS
        await counter.wait("Balance")
        return urgent, (clock.now() - START) / SECOND_NS

    urgent, ordinary = run_virtual(on, START)
    assert urgent == 0
    assert ordinary > 1.9


def test_a_refusal_for_the_rate_fills_our_counter() -> None:
    counter = PrivateCounter(ManualClock(START), Tier.STARTER)
    counter.full()
    assert counter.count == 15
    counter.correct(3.5)
    assert counter.count == 3.5


def test_changes_cost_more_the_younger_the_order() -> None:
    assert [Change.CANCEL.cost(age) for age in (0, 4.9, 5, 12, 44, 89, 299, 300)] == [8, 8, 6, 5, 4, 2, 1, 0]
    assert [Change.AMEND.cost(age) for age in (1, 7, 12, 15)] == [4, 3, 2, 1]
    assert Change.ADD.cost(0) == 1


def test_entries_stop_at_the_share_of_the_exits_and_exits_never() -> None:
    counter = EngineCounter(BTC, ManualClock(START), Tier.STARTER, reserved=0.25)
    for _ in range(45):
        counter.take(Change.ADD, exits=False)
    with pytest.raises(RateLimitedError, match="kept for exits") as refused:
        counter.take(Change.ADD, exits=False)
    assert refused.value.retryable
    assert refused.value.retry_after_s == pytest.approx(1.0)
    for _ in range(200):
        counter.take(Change.CANCEL, exits=True, age_s=1)
    assert counter.count == 45 + 1600


def test_the_counter_decays_and_is_corrected_by_the_venue() -> None:
    clock = ManualClock(START)
    counter = EngineCounter(BTC, clock, Tier.PRO)
    counter.correct(100)
    clock.move_to(START + 10 * SECOND_NS)
    assert counter.count == pytest.approx(62.5)
    assert counter.seconds_until(Change.ADD, exits=False) == 0
    counter.full()
    assert counter.seconds_until(Change.ADD, exits=True) == pytest.approx(1 / 3.75)


@pytest.mark.parametrize("share", [-0.1, 1.0, 2.0])
def test_a_share_that_leaves_nothing_is_refused(share: float) -> None:
    with pytest.raises(ConfigError):
        EngineCounter(BTC, ManualClock(START), reserved=share)


def test_orders_are_known_by_both_ids_and_cost_by_their_age() -> None:
    clock = ManualClock(START)
    counters = EngineCounters(clock, Tier.PRO)
    counters.take(BTC, Change.ADD, "ours", exits=False)
    counters.also("ours", "theirs")
    assert counters.of(BTC).count == 1
    counters.cancel("theirs")
    assert counters.of(BTC).count == 9
    clock.move_to(START + 1000 * SECOND_NS)
    counters.cancel("ours")
    counters.cancel("of another program")
    assert (counters.of(BTC).count, counters.of(ETH).count) == (0, 0)


def test_a_change_makes_an_order_young_again_and_an_unknown_one_costs_most() -> None:
    clock = ManualClock(START)
    counters = EngineCounters(clock, Tier.PRO)
    counters.take(BTC, Change.ADD, "ours", exits=False)
    clock.move_to(START + 1000 * SECOND_NS)
    counters.take(BTC, Change.AMEND, "ours", exits=False)
    assert counters.of(BTC).count == 1
    counters.take(BTC, Change.AMEND, "ours", exits=False)
    counters.take(BTC, Change.AMEND, "somebody's", exits=False)
    assert counters.of(BTC).count == 1 + 4 + 4
