"""`tradecore features` from the outside: the catalogue, one indicator in full, and the check on stored bars."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tradecore.features import catalogue

Type = Callable[..., dict[str, Any]]


def test_the_whole_catalogue_is_listed(answer: Type) -> None:
    listed = answer("features", "list")
    assert [item["name"] for item in listed["features"]] == list(catalogue.SPECS)
    assert set(listed["presets"]) == {"default", "extended"}


def test_one_group_is_listed(answer: Type) -> None:
    assert {item["group"] for item in answer("features", "list", "--group", "volume")["features"]} == {"volume"}
    assert "groups: trend" in answer("features", "list", "--group", "magic", code=2)["error"]


def test_one_indicator_is_shown_with_ranges(answer: Type) -> None:
    shown = answer("features", "show", "bollinger")
    assert shown["outputs"] == ["upper", "middle", "lower"]
    assert [(item["name"], item["low"]) for item in shown["parameters"]] == [("period", 2), ("width", 0.1)]


def test_an_unknown_indicator_is_a_wrong_use_with_the_nearest_name(answer: Type) -> None:
    assert "did you mean" in answer("features", "show", "bolinger", code=64)["error"]


def test_features_are_checked_on_stored_bars(answer: Type) -> None:
    answer("data", "synth", "noise", "--days", "20", "--timeframe", "1h")
    words = ("features", "check", "BTC/USD", "ema(9)", "default", "--venue", "synthetic-noise-0")
    checked = answer(*words)
    assert checked["ok"]
    assert [item["result"]["label"] for item in checked["checked"]] == ["ema(9)", "vwap()", "zscore(20)"]
    assert {item["bars"] for item in checked["checked"]} == {480}


def test_a_market_that_is_not_there_ends_with_2(answer: Type, workspace: Path) -> None:
    assert answer("features", "check", "ETH/USD", code=2)["kind"] == "NothingThereError"
