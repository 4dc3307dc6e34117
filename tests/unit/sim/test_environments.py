"""Episodes begin and end as said, tell what a policy may know, and refuse what cannot be meant.

That an environment equals a backtest is held in tests/property/test_environments.py.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tradecore.core.bars import Bars
from tradecore.core.errors import DataError, UsageError
from tradecore.core.types import MINUTE_NS, Pair, Timeframe
from tradecore.sim.environments import KEEP, Environments, Episodes
from tradecore.sim.episode import DRAWDOWN, HELD, ON_ITS_WAY, PROGRESS, SHARE, UNREALISED
from tradecore.sim.model import VenueModel

FREE = VenueModel(0.0, 0.0, 0.0, 0.0, float("inf"), min_notional=0.0)


def bars_of(closes: Any, name: str = "BTC") -> Bars:
    close = np.asarray(closes, np.float64)
    open_ = np.concatenate([close[:1], close[:-1]])
    return Bars(
        Pair(name, "USD"), Timeframe(MINUTE_NS), np.arange(len(close), dtype=np.int64) * MINUTE_NS, open_,
        np.maximum(open_, close), np.minimum(open_, close), close, np.full(len(close), 1e6), source="test",
    )  # fmt: skip


def one(closes: Any, model: VenueModel = FREE, **episode: Any) -> Environments:
    """One environment at bar 0 for all but the last of its bars."""
    length = len(closes) - 1
    episodes = Episodes(cash=100.0, length=1, warmup=0, **episode)
    made = Environments([bars_of(closes)], model, 1, episodes=episodes)
    made.place(np.array([0]), np.array([0]), length)
    return made


def step(world: Environments, target: float) -> float:
    world.step(np.full(len(world), target))
    return float(world.reward[0])


def test_a_wish_on_the_close_fills_at_the_next_open_and_earns_from_there():
    world = one([10, 10, 11, 12.1, 12.1])
    assert step(world, 1.0) == 0.0  # bought at 10, the open of bar 1, which closed at 10
    assert step(world, KEEP) == pytest.approx(np.log(1.1))
    assert step(world, 0.0) == pytest.approx(np.log(12.1 / 11) - np.log(12.1 / 11))  # sold at the open of bar 3, at 11


def test_rewards_sum_to_what_the_account_became_costs_included():
    rng = np.random.default_rng(1)
    world = one(50 * np.exp(np.cumsum(rng.normal(0, 0.02, 60))), VenueModel(participation=float("inf")))
    total = sum(step(world, float(target)) for target in rng.random(50))
    assert total == pytest.approx(np.log(world.state["equity"][0] / 100.0), abs=1e-12)


def test_an_account_tells_share_profit_age_drawdown_and_progress():
    world = one([10, 10, 20, 10, 10])
    step(world, 0.5)
    step(world, KEEP)
    assert world.account[0, [SHARE, UNREALISED, HELD, DRAWDOWN, PROGRESS]].tolist() == pytest.approx(
        [100 / 150, 50 / 150, 1 / 4, 0.0, 2 / 4]
    )
    step(world, KEEP)
    assert world.account[0, [SHARE, UNREALISED, DRAWDOWN]].tolist() == pytest.approx([0.5, 0.0, 1 / 3])


def test_an_order_on_its_way_is_told_and_cancelled_by_a_wish_for_nothing():
    world = one([10] * 6, VenueModel(0.0, 0.0, 0.0, 0.0, float("inf"), min_notional=0.0, latency_bars=2))
    step(world, 1.0)
    assert world.account[0, ON_ITS_WAY] == 1.0
    step(world, 0.0)
    assert world.account[0, ON_ITS_WAY] == 0.0
    step(world, KEEP)
    assert world.state["quantity"][0] == 0.0


def test_changes_within_the_band_are_not_traded():
    world = one([10, 10, 10.1, 10.1, 10.1], band=0.02)
    step(world, 0.5)
    held = float(world.state["quantity"][0])
    step(world, KEEP)
    step(world, 0.5)
    assert float(world.state["quantity"][0]) == held
    step(world, 0.4)
    assert float(world.state["quantity"][0]) < held


def test_an_episode_whose_bars_are_over_is_told_and_another_begins():
    world = Environments([bars_of([10.0] * 30)], FREE, 3, episodes=Episodes(cash=100.0, length=4, warmup=2))
    begun = world.bar.copy()
    for _ in range(4):
        assert not world.is_ended.any()
        step(world, 0.5)
    assert world.is_ended.all()
    assert not world.is_ruined.any()
    assert (world.ended.last_bar == begun + 4).all()
    assert world.ended.last_account[:, PROGRESS].tolist() == [1.0] * 3
    assert world.account[:, PROGRESS].tolist() == [0.0] * 3
    assert world.state["cash"].tolist() == [100.0] * 3


def test_an_account_that_lost_nearly_everything_is_ruined():
    world = one([10, 10, 1, 1, 1], ruin=0.5)
    step(world, 1.0)
    assert step(world, KEEP) == pytest.approx(np.log(0.1))
    assert world.is_ruined.tolist() == [True]
    assert world.ended.last_equity.tolist() == pytest.approx([10.0])


def test_episodes_begin_anywhere_that_leaves_room_for_a_whole_one():
    bars = [bars_of([10.0] * 20, "BTC"), bars_of([10.0] * 14, "ETH")]
    world = Environments(bars, FREE, 4000, episodes=Episodes(length=6, warmup=3), seed=5)
    starts = {(int(p), int(t)) for p, t in zip(world.pair, world.bar, strict=True)}
    assert starts == {(0, t) for t in range(3, 14)} | {(1, t) for t in range(3, 8)}
    share = float((world.pair == 0).mean())
    assert share == pytest.approx(11 / 16, abs=0.03)


def test_a_seed_repeats_its_run_and_another_does_not():
    bars = [bars_of(np.linspace(10, 20, 200))]
    made = [Environments(bars, FREE, 8, episodes=Episodes(length=9, warmup=0), seed=seed) for seed in (1, 1, 2)]
    assert made[0].bar.tolist() == made[1].bar.tolist() != made[2].bar.tolist()
    for _ in range(20):
        step(made[0], 1.0)
    made[0].reset()
    assert made[0].state.tobytes() == made[1].state.tobytes()


@pytest.mark.parametrize("bad", [-0.1, 1.0001, float("inf")])
def test_a_target_that_is_no_share_is_refused_and_nothing_moves(bad: float):
    world = Environments([bars_of([10.0] * 30)], FREE, 2, episodes=Episodes(length=4, warmup=0))
    before = world.state.tobytes()
    with pytest.raises(UsageError, match=r"environment 1 was given target .* expected \[0, 1\] or NaN"):
        world.step(np.array([0.5, bad]))
    assert world.state.tobytes() == before
    with pytest.raises(UsageError, match="targets have shape"):
        world.step(np.zeros(3))


def test_what_cannot_be_an_environment_is_refused():
    bars = [bars_of([10.0] * 30)]
    with pytest.raises(UsageError, match="at least one"):
        Environments(bars, FREE, 0)
    with pytest.raises(UsageError, match="at least one pair"):
        Environments([], FREE, 1)
    with pytest.raises(UsageError, match="long-only"):
        Environments(bars, VenueModel(allow_short=True), 1)
    with pytest.raises(DataError, match="BTC/USD: 30 bars, an episode needs 63 before it"):
        Environments(bars, FREE, 1)
    with pytest.raises(UsageError, match="length is 0"):
        Episodes(length=0)
    with pytest.raises(UsageError, match="does not lie within"):
        one([10.0] * 5).place(np.array([0]), np.array([3]), 2)
