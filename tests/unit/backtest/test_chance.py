"""Random traders have the candidate's habits to the bar, and none of its timing."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from itertools import pairwise

import numpy as np
import pytest

from tradecore.backtest.chance import Chance, random_traders, shuffled, wanted_shares
from tradecore.backtest.run import Settings, simulate
from tradecore.backtest.walk_forward import Plan, Walk, walk
from tradecore.core.bars import Bars
from tradecore.core.seeds import generator
from tradecore.core.track import Track
from tradecore.core.types import FloatArray
from tradecore.sim.model import VenueModel
from tradecore.stats.gates import Gate
from tradecore.strategy.contract import Strategy
from tradecore.strategy.lanes import wanted_share
from tradecore.strategy.loading import load


def quiet(what: str, done: int, total: int) -> None:
    """Tell nobody."""


def spells(share: FloatArray) -> list[tuple[bool, int]]:
    """Return (held, bars) for each spell, in order."""
    borders = [0, *(np.flatnonzero(np.diff(share != 0)) + 1).tolist(), len(share)]
    return [(bool(share[one]), other - one) for one, other in pairwise(borders)]


@pytest.mark.parametrize("latency", [0, 2])
def test_what_was_wanted_is_read_from_the_fills(planted: Bars, latency: int) -> None:
    strategy = load("ma-cross", fast=10, slow=40, size=0.5)
    track = simulate(strategy, (planted,), Settings(venue=VenueModel(latency_bars=latency))).track
    (found,) = wanted_shares(track, latency)
    asked = wanted_share(load("ma-cross", fast=10, slow=40, size=0.5), planted)
    last = len(planted) - 1 - latency  # what is wanted at the very end never fills
    # With orders on their way for longer, wishes that change meanwhile are not all sent.
    assert ((found[:last] > 0) == (asked[:last] > 0)).mean() >= (0.98 if latency else 1.0)
    assert np.median(found[found > 0]) == pytest.approx(0.5, abs=0.01)


def test_spells_keep_their_lengths_and_sizes_and_take_turns() -> None:
    rng = np.random.default_rng(3)
    share = np.repeat([0.0, 0.5, 0.0, 0.2, 0.4, 0.0, 1.0], [3, 4, 2, 1, 2, 6, 5])
    for _ in range(50):
        other = shuffled(share, rng)
        assert np.array_equal(np.sort(other), np.sort(share))
        assert sorted(spells(other)) == sorted(spells(share))
        assert other.tobytes().count(np.array([0.2, 0.4, 0.4]).tobytes()) == 1


def test_orders_differ_and_the_same_generator_draws_alike() -> None:
    share = np.repeat([0.0, 0.5] * 10, range(1, 21))
    drawn = {shuffled(share, np.random.default_rng(seed)).tobytes() for seed in range(20)}
    assert len(drawn) == 20
    assert shuffled(share, np.random.default_rng(1)).tobytes() in drawn
    for held in (False, True):  # spells of holding and of being out are both put into another order
        orders = {
            tuple(n for is_held, n in spells(shuffled(share, np.random.default_rng(seed))) if is_held == held)
            for seed in range(9)
        }
        assert len(orders) == 9


@pytest.mark.parametrize("share", [np.zeros(5), np.full(5, 0.5), np.array([0.0, 0.0, 1.0])])
def test_one_or_two_spells_are_shuffled_too(share: FloatArray) -> None:
    other = shuffled(share, np.random.default_rng(1))
    assert np.array_equal(np.sort(other), np.sort(share))


def exposure(track: Track) -> float:
    return float((track.curve.exposure > 0).mean())


def test_random_traders_trade_as_often_and_hold_as_long_as_the_candidate(planted: Bars) -> None:
    make = partial(load, "ma-cross", fast=10, slow=40)
    done = walk(make, (planted,), Settings(), Plan(folds=3))
    (mine,) = wanted_shares(done.simulation.track)
    drawn = shuffled(mine, generator(1, "draw"))
    assert exposure(done.simulation.track) == pytest.approx((drawn > 0).mean(), abs=0.01)
    found = random_traders(done, Settings(), 30, generator(1, "draws"), tell=quiet)
    again = random_traders(done, Settings(), 30, generator(1, "draws"), tell=quiet)
    assert len(set(found.sharpes.tolist())) > 25
    assert found.sharpes.tobytes() == again.sharpes.tobytes()


def test_who_never_traded_has_nobody_to_be_ranked_among(planted: Bars) -> None:
    done = walk(partial(load, "cash"), (planted,), Settings(), Plan(folds=3))
    found = random_traders(done, Settings(), 10, generator(1), tell=quiet)
    assert (len(found.sharpes), found.rank, found.p_value) == (0, None, None)
    assert found.gate(0.95) == Gate(
        "beats_random", False, None, 0.95, "no closed trade: random traders cannot be matched to it"
    )


def test_rank_and_p_value_count_ties_against_the_candidate() -> None:
    one = Chance(np.array([1.0, 2.0, 3.0, 4.0]), 3.0)
    assert (one.rank, one.p_value) == (0.5, 3 / 5)
    assert not one.gate(0.95).passed
    assert replace(one, mine=5.0).gate(0.95).passed
    assert "p = 0.200" in replace(one, mine=5.0).gate(0.95).text


def test_several_pairs_are_matched_too(trend: type[Strategy], two_pairs: tuple[Bars, ...]) -> None:
    done: Walk = walk(trend, two_pairs, Settings(), Plan(folds=3))
    found = random_traders(done, Settings(), 3, generator(1), tell=quiet)
    assert len(found.sharpes) == 3
