"""What a report is made from, and what it refuses."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tradecore.core.bars import Bars
from tradecore.core.errors import DataError
from tradecore.reports.tear_sheet import CostPoint, Dataset, Fold, Interval, TearSheet


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_metric_that_is_not_finite_is_refused_by_name(sheet: TearSheet, value: float) -> None:
    with pytest.raises(DataError, match=r"sharpe is .*None where it is not defined"):
        replace(sheet, metrics={"sharpe": value})
    with pytest.raises(DataError, match="baseline cash: sharpe"):
        replace(sheet, baseline_metrics={"cash": {"sharpe": value}})
    with pytest.raises(DataError, match="fold 2: sharpe"):
        Fold(2, 0, 1, 1, 2, metrics={"sharpe": value})
    with pytest.raises(DataError, match="interval Sharpe"):
        Interval("Sharpe", value, 0.0, 1.0)
    with pytest.raises(DataError, match="cost sensitivity"):
        CostPoint(value)


def test_an_interval_upside_down_is_refused() -> None:
    with pytest.raises(DataError, match="low 2 is above high 1"):
        Interval("Sharpe", 1.5, 2, 1)


def test_a_track_without_bars_is_refused(sheet: TearSheet) -> None:
    curve = sheet.track.curve
    cut = {name: getattr(curve, name)[:0] for name in curve.__dataclass_fields__ if name != "start_equity"}
    empty = replace(sheet.track, curve=replace(curve, **cut))
    with pytest.raises(DataError, match="the track has no bars"):
        replace(sheet, track=empty)
    with pytest.raises(DataError, match="baseline hold has no bars"):
        replace(sheet, baselines={"hold": empty})


def test_figures_are_held_against_buy_and_hold_else_against_a_baseline_that_took_a_risk(sheet: TearSheet) -> None:
    hold, random, cash = sheet.baselines.values()
    assert replace(sheet, baselines={"cash": cash, "random": random, "buy_and_hold": hold}).benchmark == "buy_and_hold"
    assert replace(sheet, baselines={"cash": cash, "random": random}).benchmark == "random"
    assert replace(sheet, baselines={"cash": cash}).benchmark == "cash"
    assert replace(sheet, baselines={}).benchmark is None


def test_a_dataset_is_described_from_its_bars(bars: Bars) -> None:
    one = Dataset.of(bars)
    assert (one.bars, one.is_synthetic, one.timeframe, one.hash) == (len(bars), True, "1h", bars.dataset)
    with pytest.raises(DataError, match="no bars to describe"):
        Dataset.of(bars[:0])


def test_one_synthetic_dataset_makes_the_sheet_synthetic(sheet: TearSheet, bars: Bars) -> None:
    traded = replace(bars, source="kraken")
    clean = replace(sheet, datasets=(Dataset.of(traded),), bars={bars.pair: traded})
    assert sheet.is_synthetic
    assert not clean.is_synthetic
    assert np.isfinite(clean.track.curve.equity).all()
