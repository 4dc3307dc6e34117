"""Modes are a table of plugs; a replay yields the moments of history in order and says how far it is."""

from __future__ import annotations

import numpy as np
import pytest

from tradecore.core.events import BarsClosed
from tradecore.core.types import HOUR_NS
from tradecore.engine.decisions import ArrayJournal
from tradecore.engine.modes import MODES, Replay

CLOCK = np.arange(250, dtype=np.int64) * HOUR_NS


def test_a_backtest_reads_history_keeps_its_log_in_memory_and_takes_any_candidate() -> None:
    mode = MODES["backtest"]
    assert (mode.name, mode.least_stage, mode.moments, mode.journal) == (
        "backtest", "candidate", Replay, ArrayJournal,
    )  # fmt: skip


def test_every_mode_stands_under_its_own_name() -> None:
    assert all(name == mode.name for name, mode in MODES.items())


def test_a_replay_yields_every_moment_once_in_order() -> None:
    assert list(Replay(CLOCK[:3])) == [BarsClosed(place * HOUR_NS, place) for place in range(3)]


def test_a_part_of_the_feed_keeps_the_places_of_the_whole() -> None:
    assert [event.index for event in Replay(CLOCK, start=10, stop=13, at_once=1)] == [10, 11, 12]
    times = [event.open_time for event in Replay(CLOCK, start=248, at_once=1)]
    assert times == [248 * HOUR_NS, 249 * HOUR_NS]
    assert list(Replay(CLOCK, start=5, stop=5)) == []


@pytest.mark.parametrize("at_once", [1, 7, 1000])
def test_moments_that_come_together_are_those_that_come_alone(at_once: int) -> None:
    long = np.arange(2000, dtype=np.int64) * HOUR_NS
    events = list(Replay(long, start=3, stop=1999, at_once=at_once))
    assert [event.index + n for event in events for n in range(event.count)] == list(range(3, 1999))
    assert all(event.open_time == event.index * HOUR_NS and event.count <= at_once for event in events)


def test_times_are_plain_integers() -> None:
    assert {type(event.open_time) for event in Replay(CLOCK[:2])} == {int}


def test_progress_is_told_about_a_hundred_times_and_at_the_end() -> None:
    told: list[tuple[int, int]] = []
    for _ in Replay(CLOCK, lambda done, total: told.append((done, total))):
        pass
    assert told == sorted(set(told))
    assert told[-1] == (250, 250)
    assert 100 <= len(told) <= 126


def test_progress_of_a_short_feed_is_told_at_every_moment() -> None:
    told: list[tuple[int, int]] = []
    list(Replay(CLOCK[:3], lambda done, total: told.append((done, total))))
    assert told == [(1, 3), (2, 3), (3, 3)]
