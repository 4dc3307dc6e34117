import json
import math
from pathlib import Path

import numpy as np
import pytest

from tradecore.core.errors import DataError
from tradecore.core.types import DAY_NS, HOUR_NS, Timeframe
from tradecore.stats.metrics import METRIC_BY_NAME, METRICS, measure
from tradecore.stats.reference import render
from tradecore.stats.sample import daily_returns


def test_every_metric_has_text_formula_and_source():
    for metric in METRICS:
        assert metric.text, metric.name
        assert metric.formula, metric.name
        assert metric.source, metric.name


def test_there_are_at_least_forty_five_metrics_with_unique_names_and_labels():
    assert len(METRICS) >= 45
    assert len(METRIC_BY_NAME) == len(METRICS)
    assert len({metric.label for metric in METRICS}) == len(METRICS)


def test_reference_page_is_fresh():
    page = Path(__file__).resolve().parents[3] / "docs" / "reference" / "metrics.md"
    assert page.read_text(encoding="utf-8") == render(), (
        "stale; run: python -m tradecore.stats.reference > docs/reference/metrics.md"
    )


@pytest.mark.parametrize(
    "equity",
    [[100.0], [100.0] * 40, [100.0, 0.0, 0.0], [50.0, -10.0, -10.0], list(range(101, 180))],
    ids=["one bar", "nothing happened", "ruin", "debt", "never lost"],
)
def test_result_is_strict_json_whatever_happened(make_track, equity):
    measured = measure(make_track(equity))
    assert list(measured) == [metric.name for metric in METRICS]
    json.dumps(measured, allow_nan=False)
    assert all(value is None or type(value) in (int, float) for value in measured.values())


def test_empty_track_is_refused(make_track):
    track = make_track([])
    with pytest.raises(DataError, match="0 bars"):
        measure(track)
    with pytest.raises(DataError, match="0 bars"):
        daily_returns(track.curve, track.timeframe)


def test_curve_with_times_out_of_order_is_refused(make_track):
    track = make_track([100.0, 101.0, 102.0])
    track.curve.time[:] = track.curve.time[::-1].copy()
    with pytest.raises(DataError, match="do not rise"):
        measure(track)


def test_equity_that_is_not_finite_is_refused(make_track):
    with pytest.raises(DataError, match="not finite"):
        measure(make_track([100.0, math.nan, 102.0]))


def test_total_return_and_annual_growth_of_a_known_year(make_track):
    equity = 100.0 * 1.21 ** (np.arange(1, 366) / 365)
    measured = measure(make_track(equity))
    assert measured["total_return"] == pytest.approx(0.21)
    assert measured["cagr"] == pytest.approx(0.21)
    assert measured["log_growth"] == pytest.approx(math.log(1.21))


def test_growth_is_not_annualised_for_spans_under_thirty_days(make_track):
    measured = measure(make_track(np.linspace(101, 110, 29)))
    assert measured["cagr"] is None
    assert measured["calmar"] is None


def test_sharpe_and_sortino_follow_their_formulas_on_daily_returns(make_track):
    returns = np.array([0.02, -0.01, 0.03, -0.02, 0.01])
    measured = measure(make_track(100 * np.cumprod(1 + returns)))
    assert measured["sharpe"] == pytest.approx(returns.mean() / returns.std(ddof=1) * math.sqrt(365))
    downside = math.sqrt((0.01**2 + 0.02**2) / 5)
    assert measured["sortino"] == pytest.approx(returns.mean() / downside * math.sqrt(365))
    assert measured["omega"] == pytest.approx(2.0)
    assert measured["positive_days"] == pytest.approx(0.6)


def test_minute_bars_are_compounded_to_utc_days_before_the_sharpe(make_track):
    per_day = np.array([0.02, -0.01, 0.03])
    equity = np.repeat(100 * np.cumprod(1 + per_day), 24)
    hourly, daily = make_track(equity, timeframe="1h"), make_track(100 * np.cumprod(1 + per_day))
    assert measure(hourly)["sharpe"] == pytest.approx(measure(daily)["sharpe"])
    assert measure(hourly)["days"] == 3


def test_days_begin_at_utc_midnight_and_days_without_bars_are_left_out(make_track):
    track = make_track([101.0, 102.0, 103.0, 104.0], timeframe="1h", start=5 * DAY_NS - 2 * HOUR_NS)
    track.curve.time[3] += 3 * DAY_NS
    periods = daily_returns(track.curve, track.timeframe)
    assert periods.time.tolist() == [4 * DAY_NS, 5 * DAY_NS, 8 * DAY_NS]
    assert periods.returns == pytest.approx([0.02, 103 / 102 - 1, 104 / 103 - 1])


def test_weekly_bars_annualise_with_their_own_count(make_track):
    track = make_track([101.0, 99.0, 103.0], timeframe="1w")
    assert daily_returns(track.curve, track.timeframe).per_year == pytest.approx(365 / 7)
    assert Timeframe.parse("1w").per_year == pytest.approx(365 / 7)


def test_deposit_and_withdrawal_change_no_return(make_track):
    plain = measure(make_track([110.0, 99.0, 108.9]))
    flows = measure(make_track([110.0, 189.0, 152.9], flow=[0.0, 100.0, -50.0]))
    assert flows["total_return"] == pytest.approx(plain["total_return"])
    assert flows["max_drawdown"] == pytest.approx(plain["max_drawdown"])
    assert flows["net_profit"] == pytest.approx(152.9 - 150.0)


def test_drawdowns_of_a_known_path(make_track):
    measured = measure(make_track([120.0, 90.0, 105.0, 120.0, 108.0], worst=[95.0, 60.0, 90.0, 105.0, 100.0]))
    assert measured["max_drawdown"] == pytest.approx(0.25)
    assert measured["max_drawdown_in_bar"] == pytest.approx(0.5)
    assert measured["current_drawdown"] == pytest.approx(0.1)
    assert measured["time_under_water"] == pytest.approx(0.6)
    assert measured["ulcer_index"] == pytest.approx(math.sqrt((0.25**2 + 0.125**2 + 0.1**2) / 5))
    assert measured["longest_drawdown"] == pytest.approx(2.0)


def test_start_counts_as_a_peak_and_an_open_drawdown_counts_to_the_end(make_track):
    measured = measure(make_track([90.0, 95.0, 80.0]))
    assert measured["max_drawdown"] == pytest.approx(0.2)
    assert measured["longest_drawdown"] == pytest.approx(3.0)
    assert measured["time_under_water"] == 1.0


def test_worst_inside_the_first_bar_counts_from_the_start(make_track):
    assert measure(make_track([110.0, 111.0], worst=[70.0, 111.0]))["max_drawdown_in_bar"] == pytest.approx(0.3)


def test_drawdown_inside_a_bar_is_measured_from_the_peak_before_it(make_track):
    assert measure(make_track([100.0, 200.0], worst=[100.0, 90.0]))["max_drawdown_in_bar"] == pytest.approx(0.1)


def test_tail_figures_of_a_known_sample(make_track):
    returns = np.arange(-50, 51) / 1000
    measured = measure(make_track(100 * np.cumprod(1 + returns)))
    assert measured["value_at_risk_95"] == pytest.approx(0.045)
    assert measured["cvar_95"] == pytest.approx(np.arange(45, 51).mean() / 1000)
    assert measured["tail_ratio"] == pytest.approx(1.0)
    assert measured["skewness"] == pytest.approx(0.0, abs=1e-9)
    assert measured["best_day"] == pytest.approx(0.05)
    assert measured["worst_day"] == pytest.approx(-0.05)
    assert measured["return_without_best_days"] == pytest.approx(np.prod(1 + returns[:-5]) - 1)


def test_months_are_calendar_months(make_track):
    start = int(np.datetime64("2024-01-30", "ns").astype(np.int64))
    measured = measure(make_track([110.0, 121.0, 60.5, 66.55], start=start))
    assert measured["best_month"] == pytest.approx(0.21)
    assert measured["worst_month"] == pytest.approx(-0.45)
    assert measured["positive_months"] == pytest.approx(0.5)
    assert measured["gain_to_pain"] == pytest.approx((0.21 - 0.45) / 0.45)


def test_plain_truths_of_known_trades(make_track):
    measured = measure(make_track([100.0] * 3, net=[10.0, -5.0, -5.0, 20.0, 0.0, -2.0], fees=[1.0, 2.0]))
    expected = {
        "trades": 6,
        "winning_trades": 2,
        "losing_trades": 3,
        "win_rate": 2 / 6,
        "profit_factor": 30 / 12,
        "expectancy": 3.0,
        "expectancy_return": 0.03,
        "average_win": 15.0,
        "average_loss": -4.0,
        "payoff_ratio": 3.75,
        "largest_win": 20.0,
        "largest_loss": -5.0,
        "winning_streak": 1,
        "losing_streak": 2,
        "top_trade_share": 20 / 30,
        "mean_holding": 3.5,
        "median_holding": 3.5,
        "fees": 3.0,
        "fills": 2,
        "traded_notional": 100.0,
        "break_even_cost": 300.0,
    }
    assert {name: measured[name] for name in expected} == pytest.approx(expected)


def test_streaks_follow_the_time_of_exit(make_track):
    track = make_track([100.0], net=[-1.0, 1.0, -1.0])
    track.trades["exit_time"] = [1, 3, 2]
    assert measure(track)["losing_streak"] == 2


def test_ratios_to_losses_are_none_when_nothing_was_lost(make_track):
    measured = measure(make_track(list(range(101, 180)), net=[1.0, 2.0]))
    for name in ("profit_factor", "average_loss", "payoff_ratio", "largest_loss", "sortino", "omega", "calmar"):
        assert measured[name] is None, name


def test_track_without_trades_has_no_trade_figures(make_track):
    measured = measure(make_track([100.0] * 5))
    assert measured["trades"] == 0
    assert measured["losing_streak"] == 0
    for name in ("win_rate", "expectancy", "mean_holding", "maker_share", "order_fill_share", "break_even_cost"):
        assert measured[name] is None, name
    assert measured["sharpe"] is None


@pytest.mark.filterwarnings("ignore:overflow")
def test_figures_that_overflow_are_none(make_track):
    measured = measure(make_track([100.0] * 3, net=[1e308, 1e308, -1.0]))
    assert measured["expectancy"] is None
    json.dumps(measured, allow_nan=False)


def test_money_turnover_and_exposure(make_track):
    track = make_track([110.0] * 365, fees=[5.0] * 10, exposure=[1.0] * 73 + [0.0] * 292)
    measured = measure(track)
    assert measured["net_profit"] == pytest.approx(10.0)
    assert measured["gross_profit"] == pytest.approx(60.0)
    assert measured["cost_share"] == pytest.approx(50 / 60)
    assert measured["turnover"] == pytest.approx(500 / 110)
    assert measured["fee_drag"] == pytest.approx(50 / 110)
    assert measured["exposure"] == pytest.approx(0.2)
    assert measured["time_in_market"] == pytest.approx(0.2)
