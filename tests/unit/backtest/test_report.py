"""The tear sheet of a result: filled in from what was measured, nothing computed twice, nothing left out."""

from __future__ import annotations

from functools import partial
from math import prod
from typing import Any

import numpy as np
import pytest

from tradecore.backtest.evaluate import Protocol, backtest, evaluate
from tradecore.backtest.report import costs_in_words, tear_sheet
from tradecore.backtest.run import Settings
from tradecore.backtest.walk_forward import Plan
from tradecore.core.bars import Bars
from tradecore.reports.tear_sheet import TearSheet
from tradecore.sim.model import VenueModel
from tradecore.strategy.contract import Strategy
from tradecore.strategy.loading import load

QUICK = Protocol(Plan(folds=3), random_traders=0, lookahead_cuts=0)


@pytest.fixture(scope="module")
def sheet(tested: Any) -> TearSheet:
    return tear_sheet(tested.result)


def test_figures_and_records_are_those_of_the_result(sheet: TearSheet, tested: Any) -> None:
    assert sheet.metrics == tested.result.metrics
    assert sheet.track is tested.result.track
    assert sheet.baselines is tested.result.baselines
    assert sheet.verdict is tested.result.verdict
    assert sheet.notices == tested.result.notices
    assert sheet.seed == 3
    assert sheet.is_synthetic


@pytest.mark.parametrize("left_out", [0, 7, 13])
def test_returns_of_the_folds_multiply_to_the_return_of_the_whole(left_out: int, planted: Bars) -> None:
    bars = planted[: len(planted) - left_out]  # tests begin at other hours of the day
    hold = evaluate(partial(load, "buy_and_hold"), [bars], Settings(), QUICK)
    rows = tear_sheet(hold).folds
    assert prod(1.0 + row.metrics["total_return"] for row in rows) - 1.0 == pytest.approx(hold.metrics["total_return"])
    curve = hold.track.curve
    for row in rows:
        place = np.searchsorted(curve.time, [row.test_start, row.test_end])
        before = curve.equity[place[0] - 1] if place[0] else curve.start_equity
        assert row.metrics["total_return"] == pytest.approx(curve.equity[place[1] - 1] / before - 1.0)


def test_each_fold_has_the_parameters_it_chose_and_its_own_spans(sheet: TearSheet, tested: Any) -> None:
    for row, fold in zip(sheet.folds, tested.result.folds, strict=True):
        assert (row.number, row.params) == (fold.number, fold.params)
        assert (row.train_start, row.train_end, row.test_start, row.test_end) == (*fold.train, *fold.test)
        assert row.metrics["sharpe"] is None or np.isfinite(row.metrics["sharpe"])


def test_costs_are_shown_at_every_multiple_in_order(sheet: TearSheet, tested: Any) -> None:
    assert list(sheet.cost_sensitivity) == [0.0, 0.5, 1.0, 1.5, 2.0, 3.0]
    assert sheet.cost_sensitivity[1.0].total_return == tested.result.metrics["total_return"]


def test_intervals_are_the_evidences_own(sheet: TearSheet, tested: Any) -> None:
    evidence = tested.result.evidence
    labels = [one.label for one in sheet.intervals]
    assert labels[0] == "Sharpe ratio"
    assert "Sharpe ratio over buy and hold" in labels
    assert (sheet.intervals[0].low, sheet.intervals[0].high) == (evidence.sharpe.low, evidence.sharpe.high)


def test_a_plain_run_has_a_sheet_without_folds_intervals_and_verdict(trend: type[Strategy], planted: Bars) -> None:
    plain = tear_sheet(backtest(trend(), [planted]))
    assert (tuple(plain.folds), tuple(plain.intervals), dict(plain.cost_sensitivity)) == ((), (), {})
    assert plain.verdict is None


def test_costs_are_told_in_words() -> None:
    told = {name: text.replace("\N{NO-BREAK SPACE}", " ") for name, text in costs_in_words(VenueModel()).items()}
    assert (told["taker fee"], told["maker fee"], told["half spread"]) == ("0.40 %", "0.25 %", "0.01 %")
    assert (told["share of a bar's volume"], told["latency"]) == ("10 %", "next open")
    other = costs_in_words(VenueModel(participation=float("inf"), latency_bars=2))
    assert (other["share of a bar's volume"], other["latency"]) == ("no cap", "2 bars after the next open")
