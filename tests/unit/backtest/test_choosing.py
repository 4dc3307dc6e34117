"""How much is the choice: a field of candidates, judged over halves of its days."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from tradecore.backtest.choosing import Choice, choice_of, combined_paths, falls_and_loses, field_of
from tradecore.backtest.run import Settings, simulate
from tradecore.backtest.walk_forward import Plan
from tradecore.core.bars import Bars
from tradecore.stats.cpcv import Combinatorial
from tradecore.stats.overfitting import probability_of_overfitting
from tradecore.stats.sample import daily_returns
from tradecore.strategy.loading import load


def quiet(what: str, done: int, total: int) -> None:
    """Tell nobody."""


def noise(count: int, days: int = 400, *, drift: float = 0.0) -> np.ndarray:
    return np.random.default_rng(5).normal(drift, 0.01, (count, days))


def test_the_field_is_every_candidate_over_the_same_days(planted: Bars) -> None:
    plan = Plan(grid={"fast": (5, 10), "slow": (40, 90)})
    make = partial(load, "ma-cross")
    daily, per_year = field_of(make, (planted,), Settings(), plan, quiet)
    track = simulate(load("ma-cross", fast=10, slow=40), (planted,), decide_from=int(planted.open_time[89])).track
    days = daily_returns(track.curve, track.timeframe)
    assert daily.shape == (4, len(days.returns))
    assert per_year == 365.0
    assert np.array_equal(daily[2], days.returns)


def test_to_fall_and_lose_is_rarer_than_to_fall() -> None:
    daily = noise(20)
    assert 0.0 < falls_and_loses(daily, 8) < probability_of_overfitting(daily, 8)


def test_candidates_that_all_gain_alike_are_not_overfit_although_their_order_is_luck() -> None:
    daily = noise(10, drift=0.004)
    found = choice_of(daily, 365.0, 8)
    assert found.overfitting is not None
    assert found.overfitting > 0.2
    assert found.falls_and_loses == 0.0
    assert found.gate(0.2).passed


def test_the_best_of_many_worthless_ones_fails(planted: Bars) -> None:
    daily = noise(200, drift=-0.0005)
    found = choice_of(daily, 365.0, 8)
    assert not found.gate(0.2).passed
    assert "falls behind most and loses" in found.gate(0.2).text


def test_too_few_days_or_candidates_that_move_fail_and_say_so() -> None:
    for daily in (noise(5, 6), np.zeros((3, 100))):
        found = choice_of(daily, 365.0, 8)
        assert found.overfitting is None
        gate = found.gate(0.2)
        assert not gate.passed
        assert "could not be computed" in gate.text


def test_candidates_that_repeat_one_another_count_as_few() -> None:
    base = noise(2)
    daily = np.repeat(base, 5, axis=0) + noise(10) * 1e-3
    assert choice_of(daily, 365.0, 8).effective_trials == 2


def test_paths_are_whole_histories_of_what_was_best_elsewhere() -> None:
    daily = np.vstack([noise(3), noise(1, drift=0.01) + 0.01])
    paths = combined_paths(daily, 365.0, Combinatorial(8, 2, 3, 1))
    own = daily[3]
    assert len(paths) == 7
    assert paths == pytest.approx([own.mean() / own.std(ddof=1) * 365.0**0.5] * 7)


def test_no_paths_where_the_gap_leaves_nothing_to_train_on() -> None:
    assert combined_paths(noise(3, 80), 365.0, Combinatorial(8, 2, 100, 0)) == []


def test_a_choice_is_strict_json_material() -> None:
    assert Choice(2, None, None).as_dict()["paths"] == []
