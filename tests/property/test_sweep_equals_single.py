"""A sweep's figures are those of single runs: random shares, prices, volumes, venues and limits, through both."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tradecore.backtest.figures import FIGURES, NAMES, figures_of
from tradecore.backtest.lane_sweep import suits
from tradecore.backtest.run import Settings, simulate
from tradecore.backtest.sweep import sweep
from tradecore.core.bars import Bars
from tradecore.core.types import HOUR_NS, FloatArray, Pair, Timeframe
from tradecore.risk.rules import Limits
from tradecore.sim.model import VenueModel
from tradecore.stats.sample import daily_returns
from tradecore.strategy.contract import Strategy
from tradecore.strategy.lanes import Lane
from tradecore.strategy.parameters import Int
from tradecore.strategy.skills.exposure import Held

ANYWHERE = st.integers(0, 2**32 - 1)


class Preset(Strategy):
    """Wants what the test says."""

    params = {"number": Int(0, 0, 99)}  # noqa: RUF012
    shares: FloatArray = np.zeros((0, 0))

    def exposure(self, features: Mapping[str, FloatArray]) -> Any:
        wanted = self.shares[self.p.number]
        sizes = np.unique(wanted[wanted > 0.0])
        return Held(wanted > 0.0, float(sizes[0])) if len(sizes) == 1 else wanted


def market(rng: np.random.Generator, count: int) -> Bars:
    """Return bars that jump, gap and now and then hardly trade."""
    close = 100.0 * np.exp(np.cumsum(rng.normal(0.0, 0.03, count)))
    open_ = np.roll(close, 1) * np.exp(rng.normal(0.0, 0.01, count) * (rng.random(count) < 0.3))
    open_[0] = 100.0
    high = np.maximum(open_, close) * (1.0 + rng.random(count) * 0.01)
    low = np.minimum(open_, close) * (1.0 - rng.random(count) * 0.01)
    volume = rng.exponential(300.0, count) * np.where(rng.random(count) < 0.15, 1e-3, 1.0)
    time = np.cumsum(rng.integers(1, 4, count)) * HOUR_NS
    return Bars(Pair("BTC", "USD"), Timeframe(HOUR_NS), time, open_, high, low, close, volume, "test")


def shares(rng: np.random.Generator, rows: int, count: int) -> FloatArray:
    """Return wanted shares that stand still for a while: some all or nothing, some of any size."""
    found = np.zeros((rows, count))
    for row in range(rows):
        sizes = [[0.0, 1.0, 0.5], [0.0, 0.01, 0.01], [0.0, 0.4, 0.4]][rng.integers(3)]
        any_size = np.round(rng.random(count), 2) * (rng.random() < 0.9)
        values = rng.choice(sizes, count) if row % 2 else any_size
        found[row] = np.repeat(values, rng.integers(1, 12, count))[:count]
    return found


def venue(rng: np.random.Generator) -> VenueModel:
    return VenueModel(
        taker_fee=float(rng.choice([0.0, 0.004])), half_spread=float(rng.choice([0.0, 0.0002])),
        slippage=float(rng.choice([0.0, 0.001])), participation=float(rng.choice([0.01, 0.1, np.inf])),
        tick=float(rng.choice([0.0, 0.05])), lot=float(rng.choice([0.0, 0.5])),
        min_quantity=float(rng.choice([0.0, 2.0])), min_notional=float(rng.choice([0.0, 0.5, 400.0])),
        max_base=float(rng.choice([np.inf, 40.0])), max_quote=float(rng.choice([np.inf, 5000.0])),
        latency_bars=int(rng.choice([0, 0, 1, 3])),
    )  # fmt: skip


def figures_alone(strategy: Preset, bars: Bars, settings: Settings) -> tuple[tuple[Any, ...], FloatArray]:
    """Return figures and daily returns of a session that asks for a decision on every bar."""
    track = simulate(Lane(strategy, bars), [bars], settings).track
    return figures_of(track), daily_returns(track.curve, track.timeframe).returns


@hypothesis_settings(max_examples=150)
@given(seed=ANYWHERE, count=st.integers(2, 160))
def test_every_figure_of_a_sweep_is_that_of_a_single_run(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    bars = market(rng, count)
    limits = Limits(float(rng.choice([1.0, 0.6])), float(rng.choice([1.0, 0.8])))
    settings = Settings(cash=float(rng.choice([50.0, 10_000.0])), venue=venue(rng), limits=limits)
    wanted = shares(rng, 4, count)

    def make(number: object = 0) -> Preset:
        made = Preset(number=number)
        made.shares = wanted
        return made

    assert suits(make(), [bars], settings)
    swept = sweep(make, [bars], settings, [{"number": number} for number in range(4)], workers=1)
    for number in range(4):
        alone, daily = figures_alone(make(number), bars, settings)
        for name, value, single in zip(NAMES, swept.figures[number].tolist(), alone, strict=False):
            assert value == pytest.approx(single, rel=1e-9, abs=1e-9, nan_ok=True), name
        np.testing.assert_allclose(swept.daily[number], daily, rtol=0, atol=1e-9)


def test_figures_have_the_names_of_metrics() -> None:
    assert set(FIGURES.names or ()) - set(NAMES) == {"is_faulty"}


@pytest.mark.parametrize("drift", [0.0, -0.004, 0.004])
@pytest.mark.parametrize("size", [0.01, 0.5, 1.0])
def test_figures_hold_over_thousands_of_stretches_and_in_a_market_that_falls_by_far(size: float, drift: float) -> None:
    rng = np.random.default_rng(3)
    count = 4000
    close = 100.0 * np.exp(np.cumsum(rng.normal(drift, 0.002, count)))
    open_ = np.concatenate([[100.0], close[:-1]])
    high, low = np.maximum(open_, close), np.minimum(open_, close)
    time, volume = np.arange(1, count + 1) * HOUR_NS, np.full(count, 1e9)
    bars = Bars(Pair("BTC", "USD"), Timeframe(HOUR_NS), time, open_, high, low, close, volume, "test")
    strategy = Preset()
    strategy.shares = np.repeat(rng.random(count // 4) < 0.5, 4)[np.newaxis, :] * size
    swept = sweep(lambda **_: strategy, [bars], Settings(), [{}], workers=1)
    track = simulate(strategy, [bars], Settings()).track
    for name, value, single in zip(NAMES, swept.figures[0].tolist(), figures_of(track), strict=False):
        assert value == pytest.approx(single, rel=1e-9, abs=1e-9, nan_ok=True), name
