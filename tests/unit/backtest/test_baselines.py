"""Baselines: the same bars, the same costs, the same chances."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tradecore.backtest.baselines import FIXED, TUNED, baselines
from tradecore.backtest.run import Settings
from tradecore.backtest.walk_forward import Plan, Walk, walk
from tradecore.core.bars import Bars
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


def test_progress_counts_every_baseline(walked: Walk, plan: Plan) -> None:
    told: list[tuple[str, int, int]] = []
    baselines(walked, Settings(), plan, tell=lambda *one: told.append(one))
    assert [one for one in told if one[0] == "baselines"] == [("baselines", place, 5) for place in range(6)]
