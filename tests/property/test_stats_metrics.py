"""What holds for the metrics of every track: bounds, scale invariance, agreement of related figures."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tradecore.core.track import FILL, ORDER_RESULT, TRADE, Curve, Track
from tradecore.core.types import DAY_NS, Pair, Timeframe
from tradecore.stats.metrics import METRICS, measure

START = 20_000 * DAY_NS
STEPS = st.integers(-5_000, 10_000).map(lambda step: step / 10_000)
"""Returns in whole basis points: no series that varies by rounding alone."""
RETURNS = arrays(np.float64, st.integers(1, 120), elements=STEPS)
NETS = arrays(np.float64, st.integers(0, 30), elements=st.integers(-10_000, 10_000).map(float))
WILD = arrays(np.float64, st.integers(1, 60), elements=st.floats(-1.5, 10.0))


def track_of(returns, nets=(), *, scale=1.0, flow=None, timeframe="1d"):
    frame = Timeframe.parse(timeframe)
    count = len(returns)
    flow = np.zeros(count) if flow is None else flow
    equity = np.empty(count)
    before = 1000.0 * scale
    for bar in range(count):
        before = equity[bar] = (before + flow[bar]) * (1.0 + returns[bar])
    trades = np.zeros(len(nets), TRADE)
    trades["net"], trades["quantity"], trades["entry_price"] = np.asarray(nets) * scale, scale, 100.0
    trades["exit_time"] = START + np.arange(len(nets))
    curve = Curve(
        START + np.arange(count, dtype=np.int64) * frame.ns,
        equity,
        equity.copy(),
        flow,
        equity * 0.99,
        np.zeros(count),
        np.zeros(count, np.bool_),
        1000.0 * scale,
    )
    pairs = (Pair.parse("BTC/USD"),)
    return Track(pairs, frame, curve, np.zeros(0, FILL), trades, np.zeros(0, ORDER_RESULT), 0.0, 0.0, 0.0, 0.0)


@given(RETURNS, NETS)
def test_figures_stay_in_their_bounds_and_are_strict_json(returns, nets):
    found = measure(track_of(returns, nets))
    json.dumps(found, allow_nan=False)
    for name in (
        "max_drawdown",
        "max_drawdown_in_bar",
        "average_drawdown",
        "ulcer_index",
        "time_under_water",
        "positive_days",
        "positive_months",
        "win_rate",
        "top_trade_share",
        "probabilistic_sharpe_ratio",
        "stability",
    ):
        assert found[name] is None or 0.0 <= found[name] <= 1.0 + 1e-12, name
    assert found["max_drawdown"] <= found["max_drawdown_in_bar"]
    assert found["average_drawdown"] <= found["ulcer_index"] + 1e-12 <= found["max_drawdown"] + 2e-12
    assert found["drawdown_at_risk_95"] <= found["max_drawdown"]
    assert found["cvar_95"] >= found["value_at_risk_95"] - 1e-12
    assert found["worst_day"] <= found["mean_day"] + 1e-12 <= found["best_day"] + 2e-12
    assert found["total_return"] >= -1.0
    assert found["winning_trades"] + found["losing_trades"] <= found["trades"]
    assert max(found["winning_streak"], found["losing_streak"]) <= found["trades"]


@given(WILD, arrays(np.float64, st.integers(0, 10), elements=st.floats(-1e100, 1e100)))
def test_wild_returns_ruin_and_debt_still_give_strict_json(returns, nets):
    json.dumps(measure(track_of(returns, nets)), allow_nan=False)


@given(RETURNS, NETS, st.sampled_from([0.001, 0.5, 8.0, 1e6]))
def test_a_larger_account_changes_quote_figures_alone(returns, nets, scale):
    plain, scaled = measure(track_of(returns, nets)), measure(track_of(returns, nets, scale=scale))
    for metric in METRICS:
        if metric.name == "autocorrelation" or plain[metric.name] is None:
            continue
        factor = scale if metric.unit == "quote" else 1.0
        wanted = pytest.approx(plain[metric.name] * factor, rel=1e-6, abs=1e-7 * factor)
        assert scaled[metric.name] == wanted, metric.name


@given(RETURNS, st.integers(0, 2**31))
def test_deposits_change_no_time_weighted_figure(returns, seed):
    flow = np.random.default_rng(seed).uniform(0, 500, len(returns))
    plain, flowing = measure(track_of(returns)), measure(track_of(returns, flow=flow))
    for name in ("total_return", "max_drawdown", "ulcer_index", "worst_day", "mean_day", "volatility"):
        if plain[name] is not None:
            assert flowing[name] == pytest.approx(plain[name], rel=1e-6, abs=1e-9), name


@given(RETURNS, st.floats(0.001, 0.02))
def test_a_cost_on_every_day_never_helps(returns, cost):
    plain, dearer = measure(track_of(returns)), measure(track_of((1.0 + returns) * (1.0 - cost) - 1.0))
    assert dearer["total_return"] <= plain["total_return"]
    assert dearer["max_drawdown"] >= plain["max_drawdown"] - 1e-12
    assert dearer["worst_day"] <= plain["worst_day"]
    assert dearer["time_under_water"] >= plain["time_under_water"] - 1e-12


@given(arrays(np.float64, st.integers(3, 40), elements=st.integers(-1_000, 1_000).map(lambda step: step / 10_000)))
def test_the_order_of_days_changes_no_figure_of_their_distribution(returns):
    plain, shuffled = measure(track_of(returns)), measure(track_of(returns[::-1]))
    for name in ("sharpe", "sortino", "omega", "volatility", "cvar_95", "skewness", "total_return"):
        if plain[name] is not None and shuffled[name] is not None:
            assert shuffled[name] == pytest.approx(plain[name], rel=1e-5, abs=1e-6), name
