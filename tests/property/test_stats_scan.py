"""The compiled passes of a track against the plain arithmetic they stand for: products, running peaks, sorting."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradecore.core.track import FILL, ORDER_RESULT, TRADE, Curve, Track
from tradecore.core.types import DAY_NS, Pair, Timeframe
from tradecore.stats.sample import daily_returns, sample_of

START = 20_000 * DAY_NS


def plain_curve(track):
    """Wealth by multiplying bar returns, its drawdown, and the returns of days by looking the days up."""
    curve = track.curve
    wealth = curve.wealth()
    peak = np.maximum.accumulate(np.r_[1.0, wealth])
    drawdown = np.where(wealth < peak[1:] * (1 - 1e-13), 1.0 - wealth / peak[1:], 0.0)
    inside = np.array(
        [
            (worst / equity if equity > 0 else 1.0) * one / before
            for worst, equity, one, before in zip(curve.worst, curve.equity, wealth, peak[:-1], strict=True)
        ]
    )
    days = curve.time // DAY_NS if track.timeframe.ns < DAY_NS else np.arange(len(curve))
    ends = wealth[np.r_[days[1:] != days[:-1], True]]
    before = np.r_[1.0, ends[:-1]]
    returns = np.divide(ends, before, out=np.ones(len(ends)), where=before > 0) - 1.0
    return wealth, drawdown, inside, returns


@st.composite
def tracks(draw):
    """Curves of up to 3,000 bars with gaps, flows, ruin and debt, and stretches that stand still."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    bars = draw(st.sampled_from([1, 2, 3, 25, 300, 3000]))
    frame = Timeframe.parse(draw(st.sampled_from(["1m", "15m", "1h", "1d", "1w"])))
    size = draw(st.sampled_from([1e-5, 0.01, 0.4]))
    flows = draw(st.sampled_from([0.0, 0.0, 0.02]))
    drift = draw(st.sampled_from([0.0, 0.3, -0.3])) * size
    steps = (rng.standard_normal(bars) * size + drift) * (rng.random(bars) < 0.7)
    flow = np.where(rng.random(bars) < flows, rng.normal(0.0, 300.0, bars), 0.0)
    equity, now = np.empty(bars), 1000.0
    for bar in range(bars):
        now = equity[bar] = (now + flow[bar]) * (1.0 + steps[bar])
    time = (
        START
        + rng.integers(0, 5) * frame.ns
        + np.cumsum(rng.choice([1, 1, 1, 1, 40 if frame.ns < DAY_NS else 2], bars)) * frame.ns
    )
    exposure = np.where(steps != 0.0, rng.random(bars), 0.0)
    worst = equity - np.abs(equity) * rng.random(bars) * size
    curve = Curve(time, equity, equity, flow, worst, exposure, rng.random(bars) < 0.1, 1000.0)
    count = draw(st.sampled_from([0, 1, 2, 40, 1500]))
    trades, fills = np.zeros(count, TRADE), np.zeros(count, FILL)
    trades["net"] = rng.integers(-50, 50, count)
    trades["side"] = rng.choice([-1, 1], count)
    trades["quantity"], trades["entry_price"] = rng.random(count), rng.choice([0.0, 50.0], count)
    trades["exit_time"] = START + rng.permutation(count) * 60
    trades["entry_time"] = trades["exit_time"] - rng.integers(0, 10**15, count)
    trades["best"], trades["worst"] = rng.random(count), -rng.random(count)
    fills["fee"], fills["quantity"], fills["price"] = rng.random((3, count))
    fills["liquidity"] = rng.integers(0, 2, count)
    pairs, orders = (Pair.parse("BTC/USD"),), np.zeros(0, ORDER_RESULT)
    return Track(pairs, frame, curve, fills, trades, orders, 0.0, 0.0, 0.0, 0.0)


@given(tracks())
@settings(max_examples=150, deadline=None)
def test_one_pass_over_the_curve_equals_the_plain_arithmetic(track):
    sample, curve = sample_of(track), track.curve
    wealth, drawdown, inside, returns = plain_curve(track)
    near = {"rel": 1e-9, "abs": 1e-12}
    assert sample.wealth == pytest.approx(wealth[-1], **near)
    assert sample.returns == pytest.approx(returns, **near)
    assert sample.curve.deepest == pytest.approx(drawdown.max(), **near)
    assert sample.curve.least_in_bar == pytest.approx(min(inside.min(), 1.0), **near)
    assert sample.curve.sum_depth == pytest.approx(drawdown.sum(), **near)
    assert sample.curve.sum_square_depth == pytest.approx((drawdown**2).sum(), **near)
    rank = min(math.ceil(0.95 * len(curve)), len(curve) - 1)
    assert sample.depth_95 == pytest.approx(np.sort(drawdown)[rank], **near)
    assert sample.amounts.equity == pytest.approx(curve.equity.sum(), rel=1e-9, abs=1e-6)
    assert sample.amounts.flow == pytest.approx(curve.flow.sum(), rel=1e-9, abs=1e-6)
    assert sample.amounts.exposure == pytest.approx(curve.exposure.sum())
    assert sample.amounts.max_exposure == curve.exposure.max()
    assert sample.amounts.held == np.count_nonzero(curve.exposure)
    assert sample.amounts.carried == np.count_nonzero(curve.is_carried)


def test_wealth_stays_negative_after_a_debt_was_paid_in_and_its_depths_are_found():
    """Wealth is -1, and every gain after the payment makes it worse: its worst bar is the best of the account."""
    equity = np.r_[np.full(23, 100.0), -100.0, np.linspace(110.0, 130.0, 48)]
    flow = np.zeros(72)
    flow[24] = 200.0
    time = START + np.arange(72) * Timeframe.parse("1h").ns
    curve = Curve(time, equity, equity, flow, equity * 0.9, np.zeros(72), np.zeros(72, np.bool_), 100.0)
    empty = (np.zeros(0, FILL), np.zeros(0, TRADE), np.zeros(0, ORDER_RESULT))
    track = Track((Pair.parse("BTC/USD"),), Timeframe.parse("1h"), curve, *empty, 0.0, 0.0, 0.0, 0.0)
    wealth, drawdown, inside, _ = plain_curve(track)
    sample = sample_of(track)
    assert sample.wealth == pytest.approx(wealth[-1]) == pytest.approx(-1.3)
    assert sample.curve.deepest == pytest.approx(drawdown.max())
    assert sample.curve.least_in_bar == pytest.approx(inside.min())
    assert sample.depth_95 == pytest.approx(np.sort(drawdown)[math.ceil(0.95 * 72)])


@given(tracks())
@settings(max_examples=50, deadline=None)
def test_daily_returns_alone_are_those_of_the_whole_measurement_bit_for_bit(track):
    alone, whole = daily_returns(track.curve, track.timeframe), sample_of(track).periods
    assert alone.time.tolist() == whole.time.tolist()
    assert alone.returns.tobytes() == whole.returns.tobytes()
    assert alone.per_year == whole.per_year


@given(tracks())
@settings(max_examples=50, deadline=None)
def test_one_pass_over_trades_and_fills_equals_the_plain_arithmetic(track):
    sample, rows, fills = sample_of(track), track.trades, track.fills
    net = rows["net"][np.argsort(rows["exit_time"])]
    found = sample.trades
    assert (found.wins, found.losses) == ((net > 0).sum(), (net < 0).sum())
    assert (found.longs, found.shorts) == ((rows["side"] > 0).sum(), (rows["side"] < 0).sum())
    assert (found.won, found.lost) == pytest.approx((net[net > 0].sum(), net[net < 0].sum()))
    if len(net):
        assert (found.largest, found.smallest) == (net.max(), net.min())
    assert found.winning_streak == longest_run(net > 0)
    assert found.losing_streak == longest_run(net < 0)
    notional = rows["quantity"] * rows["entry_price"]
    assert found.returns == pytest.approx((rows["net"][notional > 0] / notional[notional > 0]).sum())
    assert found.hours == pytest.approx(((rows["exit_time"] - rows["entry_time"]) / 3.6e12).sum())
    assert sample.fills.fees == pytest.approx(fills["fee"].sum())
    assert sample.fills.notional == pytest.approx((fills["quantity"] * fills["price"]).sum())


def longest_run(flags):
    return max((len(run) for run in "".join("x" if flag else " " for flag in flags).split()), default=0)


def test_depth_that_one_bar_in_twenty_exceeds_is_exact_when_depths_are_tiny():
    rng = np.random.default_rng(1)
    equity = 1000.0 * np.exp(np.cumsum(rng.normal(0, 1e-9, 5000)))
    curve = Curve(
        START + np.arange(5000) * Timeframe.parse("1m").ns, equity, equity, np.zeros(5000), equity, np.zeros(5000),
        np.zeros(5000, np.bool_), 1000.0,
    )  # fmt: skip
    empty = (np.zeros(0, FILL), np.zeros(0, TRADE), np.zeros(0, ORDER_RESULT))
    track = Track((Pair.parse("BTC/USD"),), Timeframe.parse("1m"), curve, *empty, 0.0, 0.0, 0.0, 0.0)
    peak = np.maximum.accumulate(np.r_[1000.0, equity])[1:]
    assert sample_of(track).depth_95 == pytest.approx(np.sort(1 - equity / peak)[4750], abs=1e-15)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_equity_that_is_not_finite_anywhere_makes_every_daily_return_nan(value):
    equity = np.linspace(100.0, 110.0, 500)
    equity[77] = value
    time = START + np.arange(500) * Timeframe.parse("1h").ns
    curve = Curve(time, equity, equity, np.zeros(500), equity, np.zeros(500), np.zeros(500, np.bool_), 100.0)
    assert np.isnan(daily_returns(curve, Timeframe.parse("1h")).returns).all()
    good = replace(curve, equity=np.linspace(100.0, 110.0, 500))
    assert np.isfinite(daily_returns(good, Timeframe.parse("1h")).returns).all()
