"""The charts over time and the small ones: what they show, what they say when there is nothing to show."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from tradecore.core.bars import Bars
from tradecore.core.track import Track
from tradecore.core.types import Pair
from tradecore.reports import canvas, charts, panels, price, series
from tradecore.reports.charts import Mark
from tradecore.reports.tear_sheet import CostPoint, Interval, TearSheet


def words(figure: Figure) -> str:
    return "\n".join(text.get_text() for axes in figure.axes for text in axes.texts)


def test_a_price_chart_without_trades_says_so(idle_track: Track, bars: Bars) -> None:
    assert "no trades" in words(price.trades(idle_track, bars))


def test_a_price_chart_without_bars_says_so(sheet: TearSheet, bars: Bars) -> None:
    assert "no bars of BTC/USDT" in words(price.trades(sheet.track, bars[:0]))


def test_exposure_that_never_was_says_so(idle_track: Track) -> None:
    assert "never in the market" in words(charts.exposure(idle_track))


def test_a_flat_account_has_no_drawdown_and_the_chart_says_so(idle_track: Track) -> None:
    assert "never below" in words(charts.drawdown(idle_track))


def test_the_deepest_fall_is_named_with_its_day(sheet: TearSheet) -> None:
    fall = series.drawdown(sheet.track)
    day = str(sheet.track.curve.time[fall.argmin()].astype("M8[ns]"))[:10]
    text = words(charts.drawdown(sheet.track))
    assert f"{abs(fall.min()):.1%}".replace("%", " %") in text
    assert day in text


@pytest.mark.parametrize("paper", [canvas.WIDE, canvas.NARROW])
def test_no_line_has_more_points_than_a_screen_shows(sheet: TearSheet, bars: Bars, paper: canvas.Paper) -> None:
    for figure in (
        charts.equity(sheet.track, sheet.baselines, paper=paper),
        charts.drawdown(sheet.track, sheet.baselines, paper=paper),
        charts.exposure(sheet.track, paper=paper),
        price.trades(sheet.track, bars, paper=paper),
    ):
        assert max(len(line.get_xdata()) for axes in figure.axes for line in axes.lines) <= paper.points


def test_the_highest_and_lowest_value_are_drawn(sheet: TearSheet) -> None:
    value = series.account_value(sheet.track)
    drawn = charts.equity(sheet.track).axes[0].lines[-1].get_ydata()
    assert np.min(drawn) == value.min()
    assert np.max(drawn) == value.max()


def test_a_baseline_keeps_its_colour_where_it_stands_alone(sheet: TearSheet) -> None:
    together = charts.equity(sheet.track, sheet.baselines).axes[0].texts
    alone = charts.drawdown(sheet.track, sheet.baselines, only="Random entries").axes[0].texts
    colours = [next(t.get_color() for t in texts if "Random entries" in t.get_text()) for texts in (together, alone)]
    assert colours[0] == colours[1]
    assert not [text for text in alone if "Cash" in text.get_text()]


def test_every_baseline_is_named_at_the_end_of_its_line(sheet: TearSheet) -> None:
    figure = charts.equity(sheet.track, {"buy_and_hold": sheet.baselines["Buy and hold"]}, name="ema_cross")
    assert "ema_cross +" in words(figure)
    assert "Buy and hold +" in words(figure)


def test_a_phone_gets_a_key_instead(sheet: TearSheet) -> None:
    figure = charts.equity(sheet.track, sheet.baselines, name="ema_cross", paper=canvas.NARROW)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["ema_cross", *sheet.baselines]


def test_folds_are_marked_on_the_account(sheet: TearSheet) -> None:
    figure = charts.equity(sheet.track, marks=[Mark(int(sheet.track.curve.time[100]), "fold 1")])
    assert "fold 1" in words(figure)


def test_a_wide_range_of_values_is_drawn_on_a_log_scale_and_says_so(sheet: TearSheet) -> None:
    curve = sheet.track.curve
    steep = replace(sheet.track, curve=replace(curve, equity=np.geomspace(10_000, 900_000, len(curve))))
    figure = charts.equity(steep)
    assert figure.axes[0].get_yscale() == "log"
    assert "log scale" in words(figure)


def test_an_account_that_lost_everything_is_still_drawn(sheet: TearSheet) -> None:
    curve = sheet.track.curve
    ruined = replace(sheet.track, curve=replace(curve, equity=np.append(curve.equity[:-1], 0.0)))
    assert charts.equity(ruined).axes[0].get_yscale() == "linear"
    assert canvas.png(charts.drawdown(ruined))


def test_past_the_limit_only_the_largest_results_are_drawn_and_the_chart_says_so(sheet: TearSheet, bars: Bars) -> None:
    figure = price.trades(sheet.track, bars, limit=10)
    assert "10 of 90 trades drawn: those with the largest result" in words(figure)


def test_only_the_trades_of_the_charted_pair_are_drawn(sheet: TearSheet, bars: Bars) -> None:
    other = replace(bars, pair=Pair("ETH", "USDT"))
    both = replace(sheet.track, pairs=(bars.pair, other.pair))
    assert "no trades" in words(price.trades(both, other))
    assert "90 trades" in words(price.trades(both, bars))


def test_a_close_up_shows_candles_and_only_the_trades_in_it(sheet: TearSheet, bars: Bars) -> None:
    trade = sheet.track.trades[5]
    start, end = price.around(sheet.track, trade)
    assert start < trade["entry_time"] < trade["exit_time"] < end
    figure = price.trades(sheet.track, bars, span=(int(bars.open_time[0]), int(bars.open_time[100])))
    assert sum(len(patch.get_path()) // 5 for patch in figure.axes[0].patches) == 100


def test_one_bar_is_enough_for_every_chart(track_maker: Callable[..., Track], bars: Bars) -> None:
    track = track_maker(bars[:1], [])
    for figure in (
        charts.equity(track),
        charts.drawdown(track),
        charts.exposure(track),
        price.trades(track, bars[:1]),
        panels.distribution(track),
        panels.monthly(track),
    ):
        assert canvas.png(figure)


def test_a_picture_is_written_as_png(sheet: TearSheet, tmp_path: Path) -> None:
    path = charts.save_png(charts.equity(sheet.track), tmp_path / "new" / "equity.png")
    assert path.read_bytes().startswith(b"\x89PNG")


def test_costs_that_were_not_varied_say_so() -> None:
    assert "not measured" in words(panels.cost_sensitivity({}))


def test_each_cost_multiple_shows_its_return_and_its_sharpe() -> None:
    text = words(panels.cost_sensitivity({0.0: CostPoint(0.2, 1.1), 2.0: CostPoint(-0.1)}))
    assert "+20.0 %" in text
    assert "−10.0 %" in text
    assert "Sharpe 1.10" in text
    assert "Sharpe –" in text


@pytest.mark.parametrize("paper", [canvas.WIDE, canvas.NARROW])
def test_an_interval_shows_its_numbers(paper: canvas.Paper) -> None:
    assert "0.50  [−0.20, 1.20]" in words(panels.intervals([Interval("Sharpe", 0.5, -0.2, 1.2)], paper=paper))


def test_no_intervals_say_so() -> None:
    assert "no intervals" in words(panels.intervals([]))


def test_a_distribution_without_trades_says_so(idle_track: Track) -> None:
    assert words(panels.distribution(idle_track)).count("nothing to spread") == 2


def test_a_distribution_counts_every_trade_and_never_mixes_gains_with_losses(sheet: TearSheet) -> None:
    values = series.trade_returns(sheet.track.trades)
    edges = panels._edges(values)
    assert np.histogram(values, edges)[0].sum() == len(values)
    assert np.abs(edges).min() == 0.0


def test_the_monthly_table_shows_every_month_and_year(sheet: TearSheet) -> None:
    table = series.monthly_returns(sheet.track)
    drawn = words(panels.monthly(sheet.track)).split("\n")
    assert len(drawn) == np.isfinite(table.months).sum() + np.isfinite(table.years).sum()


def test_a_run_without_the_metric_is_named_in_a_comparison() -> None:
    text = words(panels.comparison({"ema_cross": 0.31, "cash": None}, "sharpe"))
    assert "not defined" in text
    assert "0.31" in text
    assert "Sharpe ratio" in text
    assert "no runs" in words(panels.comparison({}, "sharpe"))
