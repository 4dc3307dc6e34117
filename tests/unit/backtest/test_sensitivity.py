"""What if: each variant is the candidate under one other circumstance, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar

import numpy as np
import pytest

from tradecore.backtest import sensitivity
from tradecore.backtest.run import Settings, simulate_shifts
from tradecore.backtest.sensitivity import Variant
from tradecore.backtest.walk_forward import Plan, Walk, shifts_of, walk
from tradecore.core.bars import Bars
from tradecore.features import bollinger, ema
from tradecore.features.compute import compute
from tradecore.features.feature import Feature
from tradecore.sim.model import VenueModel
from tradecore.stats.sample import daily_returns
from tradecore.strategy.contract import Answer, Strategy, export_state
from tradecore.strategy.loading import load
from tradecore.strategy.views import Account, Market


def quiet(what: str, done: int, total: int) -> None:
    """Tell nobody."""


class Bands(Strategy):
    """Read two outputs of one indicator, and another."""

    params: ClassVar[Mapping[str, Any]] = {}

    def features(self, p: Any) -> Mapping[str, Feature]:
        return {"up": bollinger(20, 2.0).upper, "low": bollinger(20, 2.0).lower, "slow": ema(50)}

    def decide(self, market: Market, account: Account) -> Answer:
        return self.hold("looking")


def test_late_orders_are_those_of_a_slower_venue(trend: type[Strategy], walked: Walk) -> None:
    (one,) = sensitivity.latencies(trend, walked, Settings(), (2,), quiet)
    slow = Settings(venue=VenueModel(latency_bars=2))
    track = simulate_shifts(shifts_of(trend, walked.folds), walked.bars, slow).track
    assert one == sensitivity.variant("latency", "orders 2 bars late", 2, track)
    assert one.total_return != sensitivity.variant("latency", "", 0, walked.simulation.track).total_return


def test_lateness_comes_on_top_of_what_was_assumed(trend: type[Strategy], walked: Walk) -> None:
    assumed = Settings(venue=VenueModel(latency_bars=1))
    (one,) = sensitivity.latencies(trend, walked, assumed, (1,), quiet)
    (other,) = sensitivity.latencies(trend, walked, Settings(), (2,), quiet)
    assert one.total_return == other.total_return


def test_folds_that_begin_earlier_keep_their_number_and_end_earlier(
    trend: type[Strategy], walked: Walk, plan: Plan
) -> None:
    step = walked.shape.test // 3
    found = sensitivity.offsets(trend, walked, Settings(), plan, 2, quiet)
    assert [one.amount for one in found] == [step, 2 * step]
    shorter = replace(walked.shape, train=walked.shape.train - 2 * step)
    cut = walked.bars[0][: len(walked.bars[0]) - step]
    again = walk(trend, (cut,), Settings(), replace(plan, shape=shorter))
    assert len(again.folds) == len(walked.folds)
    assert found[0].total_return == sensitivity.variant("offset", "", 0, again.simulation.track).total_return


def test_a_dropped_feature_keeps_its_distribution_and_persistence_and_tells_nothing(planted: Bars) -> None:
    strategy = load("ma-cross", fast=20, slow=100)
    real = compute(strategy.features(strategy.p), planted)
    dropped = sensitivity.without(strategy, ("fast",), 3)
    found = compute(dropped.features(dropped.p), planted)
    assert np.array_equal(found["slow"], real["slow"], equal_nan=True)
    assert np.array_equal(np.isnan(found["fast"]), np.isnan(real["fast"]))
    own, others = found["fast"][19:], real["fast"][19:]
    assert np.array_equal(np.sort(own), np.sort(others))
    kept = np.mean(np.isin(np.diff(own), np.diff(others)))
    assert kept > 0.9
    assert abs(np.corrcoef(np.diff(own)[:-1], np.diff(others)[:-1])[0, 1]) < 0.1


def test_the_same_seed_drops_alike_and_the_lane_is_played(walked: Walk, planted: Bars) -> None:
    make = partial(load, "ma-cross", fast=10, slow=40)
    done = walk(make, (planted,), Settings(), Plan(folds=3))
    first, second = (sensitivity.dropped_features(make, done, Settings(seed=5), 8, quiet) for _ in range(2))
    assert first == second
    assert [one.label for one in first] == ["without fast", "without slow"]
    assert {one.total_return for one in first} - {sensitivity.variant("feature", "", 0, done.simulation.track)}
    assert sensitivity.dropped_features(make, done, Settings(), 1, quiet) == []


def test_keys_of_one_indicator_are_dropped_together() -> None:
    assert sensitivity.feature_groups(Bands()) == {"up, low": ("up", "low"), "slow": ("slow",)}
    assert sensitivity.feature_groups(load("buy-and-hold")) == {}


def test_a_strategy_with_a_dropped_feature_keeps_its_name_and_state(planted: Bars) -> None:
    plain, dropped = load("ma-cross"), sensitivity.without(load("ma-cross"), ("fast",), 3)
    assert dropped.name() == plain.name()
    assert export_state(dropped) == export_state(plain)
    assert isinstance(dropped, type(plain))


def test_the_best_days_are_taken_out_and_no_other(walked: Walk) -> None:
    track = walked.simulation.track
    returns = daily_returns(track.curve, track.timeframe).returns
    one = sensitivity.best_days_removed(track, 3)
    assert one.total_return == pytest.approx(np.prod(1.0 + np.sort(returns)[:-3]) - 1.0)
    assert one.label == "without the best 3 days"


def points(*pairs: tuple[float, float]) -> list[Variant]:
    return [Variant("costs", "", multiple, total, None, 0) for multiple, total in pairs]


@pytest.mark.parametrize(
    ("shown", "words"),
    [
        (points((0.0, 0.5), (1.0, 0.1), (2.0, -0.1)), "It breaks even at 1.47"),
        (points((0.0, 0.5), (3.0, 0.1)), "It still gains at 3 times"),
        (points((0.0, -0.1), (1.0, -0.5)), "It loses even without any costs."),
        (points((1.0, -0.1), (1.5, -0.5)), "It loses at the lowest costs that were played."),
    ],
)
def test_the_costs_it_can_bear_are_said_in_one_sentence(shown: list[Variant], words: str) -> None:
    found = sensitivity.break_even(shown, Settings())
    assert found is not None
    assert sensitivity.break_even_words(found, shown, Settings()).startswith(words)


def test_one_cost_alone_gives_no_break_even() -> None:
    assert sensitivity.break_even(points((1.0, 0.1)), Settings()) is None
