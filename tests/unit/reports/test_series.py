"""The numbers behind the pictures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradecore.core.bars import Bars
from tradecore.core.seeds import generator
from tradecore.core.track import Track
from tradecore.core.types import DAY_NS
from tradecore.reports import series
from tradecore.reports.tear_sheet import TearSheet


@given(total=st.integers(1, 30_000), points=st.integers(4, 3_000), seed=st.integers(0, 5))
def test_thinning_keeps_both_ends_and_every_extreme(total: int, points: int, seed: int) -> None:
    values = np.cumsum(generator(seed, "walk").normal(size=total))
    pick = series.thin(values, points)
    assert len(pick) <= max(points, 4)
    assert pick[0] == 0
    assert pick[-1] == total - 1
    assert (np.diff(pick) > 0).all()
    assert values[pick].min() == values.min()
    assert values[pick].max() == values.max()


def test_one_lone_spike_among_a_million_bars_is_still_drawn() -> None:
    values = np.zeros(1_000_000)
    values[654_321] = -1.0
    assert 654_321 in series.thin(values)


def test_a_short_series_is_left_as_it_is() -> None:
    assert list(series.thin(np.array([3.0, 1.0, 2.0]))) == [0, 1, 2]


def test_a_fall_below_the_start_is_a_drawdown(sheet: TearSheet) -> None:
    track = sheet.track
    fall = series.drawdown(track)
    wealth = track.curve.wealth()
    expected = min(w / max(1.0, wealth[: t + 1].max()) - 1 for t, w in enumerate(wealth[:500]))
    assert fall[:500].min() == pytest.approx(expected)
    assert (fall <= 0).all()


def test_a_fall_that_begins_with_the_first_bar_counts_from_the_start(idle_track: Track) -> None:
    curve = idle_track.curve
    fallen = replace(idle_track, curve=replace(curve, equity=np.full(len(curve), 0.9 * curve.start_equity)))
    assert series.drawdown(fallen)[0] == pytest.approx(-0.1)


def test_months_and_days_compound_to_the_total(sheet: TearSheet) -> None:
    total = sheet.track.curve.wealth()[-1]
    table = series.monthly_returns(sheet.track)
    assert np.nanprod(1 + table.months) == pytest.approx(total)
    assert np.nanprod(1 + table.years) == pytest.approx(total)
    assert np.prod(1 + series.daily_returns(sheet.track)) == pytest.approx(total)


def test_a_month_without_bars_is_not_a_month_of_zero(sheet: TearSheet) -> None:
    table = series.monthly_returns(sheet.track)
    assert table.first_year == 2017
    assert np.isnan(table.months).sum() == 24 - len({str(m)[:7] for m in sheet.track.curve.time.astype("M8[ns]")})


def test_a_day_has_one_return(sheet: TearSheet, bars: Bars) -> None:
    assert len(series.daily_returns(sheet.track)) == len(np.unique(bars.open_time // DAY_NS))


def test_the_trades_worth_showing_are_those_with_the_largest_result(sheet: TearSheet) -> None:
    trades = sheet.track.trades
    shown = series.biggest(trades, 10)
    assert len(shown) == 10
    assert np.abs(shown["net"]).min() >= np.sort(np.abs(trades["net"]))[-10]
    assert (np.diff(shown["exit_time"]) > 0).all()


def test_bars_longer_than_a_day_have_one_return_each(
    track_maker: Callable[..., Track], make_bars: Callable[..., Bars]
) -> None:
    track = track_maker(make_bars(30, timeframe="1w"), [(2, 20)])
    assert len(series.daily_returns(track)) == 30
