"""One at a time: urgent ones first, equals in order, and nobody is stuck behind one who gave up."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from tradecore.core.clock import Clock
from tradecore.core.seeds import generator
from tradecore.core.types import SECOND_NS
from tradecore.testing.virtual_time import run_virtual
from tradecore.venues.kraken.turns import Turns


def test_urgent_ones_go_first_and_equals_in_order() -> None:
    async def scene(_: Clock) -> list[str]:
        turns, done = Turns(patience_s=60), []

        async def one(name: str, urgent: bool) -> None:
            async with turns.taken(urgent=urgent):
                await asyncio.sleep(1)
                done.append(name)

        await asyncio.gather(*(one(name, name.isupper()) for name in "abAcB"))
        return done

    assert run_virtual(scene) == ["a", "A", "B", "b", "c"]


def test_an_urgent_one_overtakes_what_hangs_and_the_others_wait_for_it() -> None:
    async def scene(clock: Clock) -> list[tuple[str, float]]:
        turns, begun = Turns(patience_s=1.0), []
        start = clock.now()

        async def one(name: str, urgent: bool, length: float) -> None:
            async with turns.taken(urgent=urgent):
                begun.append((name, round((clock.now() - start) / SECOND_NS, 6)))
                await asyncio.sleep(length)

        await asyncio.gather(
            one("hangs", False, 10), one("other", False, 1), one("EXIT", True, 2), one("EXIT 2", True, 2)
        )
        return begun

    assert run_virtual(scene) == [("hangs", 0), ("EXIT", 1), ("EXIT 2", 1), ("other", 10)]


def test_an_error_inside_gives_the_turn_on() -> None:
    async def scene(_: Clock) -> bool:
        turns = Turns()
        with pytest.raises(ZeroDivisionError):
            async with turns.taken():
                raise ZeroDivisionError
        async with turns.taken():
            return True

    assert run_virtual(scene)


@pytest.mark.parametrize("seed", range(20))
def test_whoever_gives_up_never_two_are_inside_and_all_others_get_their_turn(seed: int) -> None:
    async def scene(_: Clock) -> tuple[int, int, int]:
        turns, rng = Turns(patience_s=1000), generator(seed, "turns")
        inside = most = finished = 0

        async def one(length: float, urgent: bool) -> None:
            nonlocal inside, most, finished
            async with turns.taken(urgent=urgent):
                inside += 1
                most = max(most, inside)
                try:
                    await asyncio.sleep(length)
                finally:
                    inside -= 1
                finished += 1

        tasks = [asyncio.create_task(one(float(rng.integers(0, 3)), bool(rng.random() < 0.3))) for _ in range(40)]
        given_up = await give_up(tasks, rng)
        results = await asyncio.gather(*tasks, return_exceptions=True)
        async with turns.taken():
            pass
        return most, finished, sum(isinstance(one, asyncio.CancelledError) for one in results) - given_up

    most, finished, difference = run_virtual(scene)
    assert (most, difference) == (1, 0)
    assert finished > 0


async def give_up(tasks: list[asyncio.Task[None]], rng: np.random.Generator) -> int:
    """Cancel some of the tasks at whole seconds, just when turns change hands; return how many were still waiting."""
    count = 0
    for task in tasks:
        if rng.random() < 0.4:
            await asyncio.sleep(float(rng.integers(0, 2)))
            count += task.cancel()
    return count
