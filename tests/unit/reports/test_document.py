"""The report as data: strict, complete, and honest about what was thinned."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from tradecore.core.orders import FillReason
from tradecore.core.types import iso
from tradecore.reports import document
from tradecore.reports.tear_sheet import TearSheet
from tradecore.storage.atomic_io import strict_json


def refuse(text: str) -> float:
    raise AssertionError(f"{text} is not JSON")


def test_the_json_is_strict_and_holds_every_number(sheet: TearSheet) -> None:
    read_back = json.loads(strict_json(document.to_json(sheet)), parse_constant=refuse)
    assert read_back["schema"] == document.SCHEMA
    assert read_back["verdict"]["verdict"] == "no evidence of edge"
    assert [gate["passed"] for gate in read_back["verdict"]["gates"]] == [True, False, False, False, True]
    assert read_back["metrics"] == dict(sheet.metrics)
    assert len(read_back["trades"]) == len(sheet.track.trades)
    assert sum(one["net"] for one in read_back["trades"]) == pytest.approx(sheet.track.trades["net"].sum())
    assert read_back["account"]["end_equity"] == sheet.track.curve.equity[-1]
    assert len(read_back["folds"]) == 6
    assert read_back["cost_sensitivity"][0] == {"multiple": 0.0, "total_return": 0.41, "sharpe": 0.9}


def test_a_thinned_curve_in_the_json_says_so_and_keeps_its_extremes(sheet: TearSheet) -> None:
    curve = document.to_json(sheet)["curve"]
    assert isinstance(curve, dict)
    assert curve["is_thinned"]
    assert curve["bars"] == len(sheet.track.curve)
    assert min(curve["equity"]) == sheet.track.curve.equity.min()
    assert max(curve["equity"]) == sheet.track.curve.equity.max()


def test_a_number_that_is_not_finite_in_the_track_becomes_null(sheet: TearSheet) -> None:
    trades = sheet.track.trades.copy()
    trades["best"][0] = np.nan
    told = document.to_json(replace(sheet, track=replace(sheet.track, trades=trades)))["trades"]
    assert isinstance(told, list)
    assert told[0]["best"] is None


def test_parameters_of_any_type_are_kept_as_json_can_hold_them(sheet: TearSheet) -> None:
    params = {"fast": np.int64(9), "levels": (1, 2.5), "pair": sheet.datasets[0].pair, "on": True, "none": None}
    strategy = document.to_json(replace(sheet, params=params))["strategy"]
    assert isinstance(strategy, dict)
    expected = {"fast": 9, "levels": [1, 2.5], "pair": "BTC/USDT", "on": True, "none": None}
    assert json.loads(strict_json(strategy["params"])) == expected


def test_every_trade_is_told_as_the_track_has_it(sheet: TearSheet) -> None:
    told = document.to_json(sheet)["trades"]
    assert isinstance(told, list)
    for one, trade in zip(told, sheet.track.trades, strict=True):
        assert one["pair"] == str(sheet.track.pairs[trade["pair"]])
        assert one["side"] == ("long" if trade["side"] > 0 else "short")
        assert (one["entry_time"], one["exit_time"]) == (iso(int(trade["entry_time"])), iso(int(trade["exit_time"])))
        assert one["exit_reason"] == FillReason(int(trade["exit_reason"])).name.lower()
        assert [one[name] for name in ("quantity", "entry_price", "exit_price", "net", "worst")] == [
            float(trade[name]) for name in ("quantity", "entry_price", "exit_price", "net", "worst")
        ]


def test_a_trade_within_a_second_keeps_its_fraction(sheet: TearSheet) -> None:
    trades = sheet.track.trades.copy()
    trades["exit_time"] += 250_000_000
    told = document.to_json(replace(sheet, track=replace(sheet.track, trades=trades)))["trades"]
    assert isinstance(told, list)
    assert [one["exit_time"] for one in told] == [iso(int(moment)) for moment in trades["exit_time"]]
