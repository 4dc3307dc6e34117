"""An environment is a backtest: with the same wishes, the account is the same after every bar, bit for bit."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tradecore.backtest.run import Settings, simulate
from tradecore.core.bars import Bars
from tradecore.core.types import MINUTE_NS, Pair, Timeframe
from tradecore.sim.environments import Environments, Episodes
from tradecore.sim.model import VenueModel
from tradecore.strategy.contract import Answer, Strategy
from tradecore.strategy.views import Account, Market

PAIRS = (Pair("BTC", "USD"), Pair("ETH", "USD"), Pair("SOL", "USD"))
seeds = st.integers(0, 2**32 - 1)


def random_bars(rng: np.random.Generator, pair: Pair, count: int) -> Bars:
    """Bars that jump, trade tiny volumes, and are sometimes not there: then the last close is carried."""
    real = rng.random(count) > 0.15
    open_, close = np.empty(count), np.empty(count)
    last = 100.0
    for t in range(count):
        open_[t] = last * np.exp(rng.normal(0, 0.01)) if real[t] else last
        last = close[t] = open_[t] * np.exp(rng.normal(0, 0.03)) if real[t] else last
    high, low = np.maximum(open_, close) * 1.001, np.minimum(open_, close) * 0.999
    volume = rng.exponential(40.0, count) * (rng.random(count) > 0.1) * real
    times = np.arange(count, dtype=np.int64) * MINUTE_NS
    return Bars(pair, Timeframe(MINUTE_NS), times, open_, high, low, close, volume, source="test", is_real=real)


def random_model(rng: np.random.Generator) -> VenueModel:
    drawn: dict[str, Any] = {
        "taker_fee": rng.choice([0.0, 0.004, 0.05]), "half_spread": rng.choice([0.0, 0.001]),
        "slippage": rng.choice([0.0, 0.002]), "participation": rng.choice([0.02, 0.5, np.inf]),
        "tick": rng.choice([0.0, 0.5]), "lot": rng.choice([0.0, 0.001, 0.5]),
        "min_quantity": rng.choice([0.0, 0.05]), "min_notional": rng.choice([0.0, 5.0, 300.0]),
        "max_base": rng.choice([np.inf, 20.0]), "max_quote": rng.choice([np.inf, 3000.0]),
    }  # fmt: skip
    return VenueModel(**{name: float(value) for name, value in drawn.items()}, latency_bars=int(rng.integers(0, 3)))


class Wishes(Strategy):
    """Wishes for given shares, one per bar, in the words a strategy has."""

    timeframe = "1m"

    def __init__(self, targets: np.ndarray, band: float) -> None:
        super().__init__()
        self._targets, self._band = targets, band

    def decide(self, market: Market, account: Account) -> Answer:
        target = float(self._targets[market.index])
        if np.isnan(target):
            return None
        if target <= 0.0:
            return self.close("out")
        change = target - account.position * market.close / account.equity
        if change > self._band:
            return self.buy(change, reason="more")
        return self.sell(-change, reason="less") if change < -self._band else self.hold("near enough")


@given(seeds)
@settings(max_examples=120)
def test_an_environment_equals_a_backtest_bit_for_bit(seed: int):
    rng = np.random.default_rng(seed)
    count, many, length = 60, 6, 40
    bars = [random_bars(rng, pair, count) for pair in PAIRS]
    model = random_model(rng)
    episodes = Episodes(cash=5000.0, length=10, warmup=0, ruin=0.0, band=float(rng.choice([0.0, 0.02])))
    wishes = np.where(rng.random((length + 1, many)) < 0.4, np.nan, rng.choice([0.0, 0.3, 1.0], (length + 1, many)))
    wishes = np.where(rng.random(wishes.shape) < 0.3, rng.random(wishes.shape), wishes)
    world = Environments(bars, model, many, episodes=episodes)
    pair, start = rng.integers(0, 3, many), rng.integers(0, count - length - 1, many)
    world.place(pair, start, length)
    seen = []
    for step in range(length - 1):
        world.step(wishes[step])
        assert not world.is_ended.any()
        seen.append(world.state.copy())
    for i in range(many):
        part = bars[int(pair[i])][int(start[i]) : int(start[i]) + length]
        done = simulate(Wishes(wishes[:, i], episodes.band), [part], Settings(cash=5000.0, venue=model))
        assert not done.journal.faults
        assert [one["equity"][i] for one in seen] == done.track.curve.equity[1:].tolist()
        assert [one["cash"][i] for one in seen] == done.track.curve.cash[1:].tolist()
        held = np.bincount(
            done.track.fills["bar"], done.track.fills["side"] * done.track.fills["quantity"], minlength=length
        )
        assert np.allclose(np.cumsum(held)[1:], [one["quantity"][i] for one in seen], atol=1e-9)
        assert seen[-1]["realised"][i] == done.track.realised


@given(seeds, st.integers(1, 5))
@settings(max_examples=25)
def test_an_environment_lives_the_same_whoever_lives_beside_it(seed: int, many: int):
    rng = np.random.default_rng(seed)
    bars = [random_bars(rng, pair, 80) for pair in PAIRS]
    episodes = Episodes(cash=1000.0, length=12, warmup=3)
    few = Environments(bars, VenueModel(), many, episodes=episodes, seed=seed)
    more = Environments(bars, VenueModel(), many + 3, episodes=episodes, seed=seed)
    for _ in range(30):
        targets = rng.random(many + 3)
        few.step(targets[:many])
        more.step(targets)
        assert few.state.tobytes() == more.state[:many].tobytes()
        assert few.account.tobytes() == more.account[:many].tobytes()
