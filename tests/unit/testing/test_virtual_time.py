"""Virtual time: nothing waits, everything happens in the order of its time, and twice the same."""

from __future__ import annotations

import asyncio
import time

import pytest

from tradecore.core.types import DAY_NS, SECOND_NS
from tradecore.testing.virtual_time import StandstillError, VirtualClock, run_virtual


def test_a_year_of_sleep_takes_no_time_and_the_clock_has_moved_by_it() -> None:
    async def sleep(clock: VirtualClock) -> int:
        for _ in range(365):
            await asyncio.sleep(86_400)
        return clock.now()

    before = time.monotonic()
    assert abs(run_virtual(sleep, start_ns=5) - (365 * DAY_NS + 5)) < 1_000_000
    assert time.monotonic() - before < 30


def test_tasks_wake_in_the_order_of_their_time() -> None:
    async def race(clock: VirtualClock) -> list[tuple[int, int]]:
        woken: list[tuple[int, int]] = []

        async def wait(seconds: int) -> None:
            await asyncio.sleep(seconds)
            woken.append((seconds, clock.now() // SECOND_NS))

        await asyncio.gather(*(wait(seconds) for seconds in (3, 1, 2)))
        return woken

    assert run_virtual(race, start_ns=0) == [(1, 1), (2, 2), (3, 3)]


def test_loop_time_and_clock_are_one_time() -> None:
    async def both(clock: VirtualClock) -> list[tuple[float, int]]:
        seen = []
        for step in (0.1, 0.25, 1e-9, 1000.5):
            await asyncio.sleep(step)
            seen.append((asyncio.get_running_loop().time(), clock.now()))
        return seen

    assert all(round(seconds * SECOND_NS) == now for seconds, now in run_virtual(both, start_ns=0))


def test_a_timeout_ends_what_takes_too_long() -> None:
    async def slow(clock: VirtualClock) -> int:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(10):
                await asyncio.sleep(3600)
        return clock.now()

    assert run_virtual(slow, start_ns=0) // SECOND_NS == 10


def test_waiting_for_nothing_is_told_instead_of_hanging() -> None:
    async def stuck(_clock: VirtualClock) -> None:
        await asyncio.get_running_loop().create_future()

    with pytest.raises(StandstillError, match="no timer is set"):
        run_virtual(stuck)


def test_a_queue_hands_over_without_time_passing() -> None:
    async def talk(clock: VirtualClock) -> tuple[list[int], int]:
        queue: asyncio.Queue[int] = asyncio.Queue(1)

        async def give() -> None:
            for number in range(5):
                await queue.put(number)

        giving = asyncio.create_task(give())
        taken = [await queue.get() for _ in range(5)]
        await giving
        return taken, clock.now()

    assert run_virtual(talk, start_ns=7) == ([0, 1, 2, 3, 4], 7)


def test_what_is_given_to_a_thread_runs_at_once_and_its_errors_come_back() -> None:
    async def work(clock: VirtualClock) -> int:
        with pytest.raises(ZeroDivisionError):
            await asyncio.to_thread(lambda: 1 // 0)
        return await asyncio.to_thread(clock.now)

    assert run_virtual(work, start_ns=7) == 7


def test_two_runs_of_one_program_see_the_same_times() -> None:
    async def program(clock: VirtualClock) -> list[int]:
        times = []

        async def tick(period: float) -> None:
            for _ in range(50):
                await asyncio.sleep(period)
                times.append(clock.now())

        await asyncio.gather(tick(0.1), tick(0.3), tick(1 / 7))
        return times

    assert run_virtual(program) == run_virtual(program)
