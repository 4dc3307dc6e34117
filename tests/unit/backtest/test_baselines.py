"""Baselines: the same bars, the same costs, the same chances."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tradecore.backtest.baselines import FIXED, TUNED, alone, baselines, matched, random_sharpes, typical_size
from tradecore.backtest.run import Settings
from tradecore.backtest.walk_forward import Plan, Walk, walk
from tradecore.core.bars import Bars
from tradecore.core.seeds import generator
from tradecore.core.track import Track
from tradecore.sim.model import VenueModel
from tradecore.strategy.contract import Strategy
from tradecore.strategy.loading import load


def quiet(what: str, done: int, total: int) -> None:
    """Tell nobody."""


@pytest.fixture(scope="module")
def others(walked: Walk, plan: Plan) -> dict[str, Track]:
    return baselines(walked, Settings(), plan, tell=quiet)


def test_one_pair_has_every_baseline_but_equal_weight(others: dict[str, Track]) -> None:
    assert list(others) == [*FIXED, *TUNED]
    assert {"cash", "buy_and_hold"} <= set(others)


def test_every_baseline_covers_exactly_the_span_of_the_candidate(others: dict[str, Track], walked: Walk) -> None:
    mine = walked.simulation.track.curve
    for track in others.values():
        assert np.array_equal(track.curve.time, mine.time)
        assert track.curve.start_equity == mine.start_equity


def test_cash_stays_what_it_was(others: dict[str, Track]) -> None:
    assert (others["cash"].curve.equity == 10_000.0).all()


def test_buy_and_hold_buys_at_the_first_chance_with_the_same_costs_and_never_sells(
    others: dict[str, Track], walked: Walk
) -> None:
    fills, bars = others["buy_and_hold"].fills, walked.bars[0]
    costs = VenueModel()
    first = int(np.searchsorted(bars.open_time, walked.folds[0].test[0])) + 1
    assert (fills["side"] == 1).all()
    assert int(fills["time"][0]) == int(bars.open_time[first])
    assert fills["price"][0] == pytest.approx(bars.open[first] * (1.0 + costs.half_spread + costs.slippage))
    assert fills["fee"] == pytest.approx(costs.taker_fee * fills["price"] * fills["quantity"])


def test_no_baseline_pays_where_the_candidate_would_not(walked: Walk, plan: Plan) -> None:
    free = replace(Settings(), venue=VenueModel(0.0, 0.0, 0.0, 0.0))
    found = baselines(walked, free, plan, tell=quiet)
    assert sum(len(track.fills) for track in found.values()) > 3
    assert all(track.fills["fee"].sum() == 0.0 for track in found.values())


def test_the_tuned_baseline_is_walked_on_the_candidates_own_folds(
    others: dict[str, Track], walked: Walk, plan: Plan
) -> None:
    again = walk(
        lambda **values: load("ma_cross", **values),
        walked.bars,
        Settings(),
        replace(plan, grid=TUNED["ma_cross"], shape=walked.shape),
    )
    assert [(one.train, one.test) for one in again.folds] == [(one.train, one.test) for one in walked.folds]
    assert others["ma_cross"].fills.tobytes() == again.simulation.track.fills.tobytes()


def test_several_pairs_are_held_against_equal_weight(trend: type[Strategy], two_pairs: tuple[Bars, ...]) -> None:
    plan = Plan(folds=3)
    found = baselines(walk(trend, two_pairs, Settings(), plan), Settings(), plan, tell=quiet)
    assert "equal_weight" in found
    assert set(found["buy_and_hold"].fills["pair"].tolist()) == {0, 1}


def test_random_traders_trade_about_as_often_and_hold_about_as_long(walked: Walk) -> None:
    done = walked.simulation.track
    held = float(np.median(done.trades["exit_bar"] - done.trades["entry_bar"]))
    tracks = [alone(load("random_entry", **matched(walked)), walked, Settings(seed=seed)) for seed in range(20)]
    assert np.mean([len(track.trades) for track in tracks]) == pytest.approx(len(done.trades), rel=0.25)
    lengths = np.concatenate([track.trades["exit_bar"] - track.trades["entry_bar"] for track in tracks])
    assert lengths.mean() == pytest.approx(held, rel=0.25)
    at_work = [track.curve.exposure[track.curve.exposure > 0].mean() for track in tracks]
    assert np.mean(at_work) == pytest.approx(typical_size(walked), rel=0.1)


def test_random_traders_of_several_pairs_trade_no_oftener_than_the_candidate(
    trend: type[Strategy], two_pairs: tuple[Bars, ...]
) -> None:
    walked = walk(trend, two_pairs, Settings(), Plan(folds=3))
    done = walked.simulation.track
    tracks = [alone(load("random_entry", **matched(walked)), walked, Settings(seed=seed)) for seed in range(20)]
    assert np.mean([len(track.trades) for track in tracks]) == pytest.approx(len(done.trades), rel=0.25)
    mean = np.mean([track.curve.exposure.mean() for track in tracks])
    wanted = len(done.trades) * matched(walked)["holding"] / len(done.curve) * 0.25  # the candidate's size of a pair
    assert mean == pytest.approx(wanted, rel=0.3)


def test_random_draws_follow_their_generator_and_differ_among_themselves(walked: Walk) -> None:
    one, two = (random_sharpes(walked, Settings(), 4, generator(5, "draws"), tell=quiet) for _ in range(2))
    assert one == two
    assert len(set(one)) == 4
    assert one != random_sharpes(walked, Settings(), 4, generator(6, "draws"), tell=quiet)


def test_who_never_traded_has_no_random_traders_to_match(planted: Bars) -> None:
    idle = walk(lambda: load("cash"), (planted,), Settings(), Plan(folds=3))
    assert random_sharpes(idle, Settings(), 4, generator(5), tell=quiet) == []
    assert typical_size(idle) == 0.0


def test_progress_counts_every_baseline_and_every_random_trader(walked: Walk, plan: Plan) -> None:
    told: list[tuple[str, int, int]] = []
    baselines(walked, Settings(), plan, tell=lambda *one: told.append(one))
    random_sharpes(walked, Settings(), 2, generator(5), tell=lambda *one: told.append(one))
    assert [one for one in told if one[0] == "baselines"] == [("baselines", place, 5) for place in range(6)]
    assert [one for one in told if one[0] == "random traders"] == [("random traders", 1, 2), ("random traders", 2, 2)]
