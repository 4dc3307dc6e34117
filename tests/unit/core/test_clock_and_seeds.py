"""Time and randomness come in from outside and can be had again."""

from __future__ import annotations

import pytest

from tradecore.core.clock import ManualClock, SystemClock
from tradecore.core.seeds import generator


def test_a_manual_clock_stands_still_until_it_is_moved():
    clock = ManualClock(5)
    assert clock.now() == clock.now() == 5
    clock.move_to(9)
    assert clock.now() == 9


def test_a_manual_clock_never_moves_back():
    with pytest.raises(ValueError, match="cannot go back"):
        ManualClock(5).move_to(4)


def test_the_system_clock_goes_forward():
    clock = SystemClock()
    assert clock.now() <= clock.now()


def test_one_seed_and_path_is_one_stream():
    assert generator(1, "a", 2).random(4).tolist() == generator(1, "a", 2).random(4).tolist()


@pytest.mark.parametrize("other", [(2, "a"), (1, "b"), (1, "a", 0)])
def test_another_seed_or_path_is_another_stream(other: tuple[int, str]):
    assert generator(1, "a").random() != generator(*other).random()
