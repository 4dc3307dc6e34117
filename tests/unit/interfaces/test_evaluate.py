"""`tradecore evaluate` from the outside: bad news first, in words and as JSON."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import tradecore as tc
from tradecore.interfaces.cli.main import run

Type = Callable[..., dict[str, Any]]
VENUE = ("--venue", "synthetic-planted-1")
WORDS = ("evaluate", "breakout", *VENUE, "--profile", "smoke", "--folds", "3")
FEW = ("--set", "profile_smoke.random_traders=3", "--set", "profile_smoke.bootstrap_samples=100")


@pytest.fixture
def market(answer: Type) -> None:
    """Put four months of a synthetic market into the workspace."""
    answer("data", "synth", "planted", "--days", "120", "--seed", "1", "--timeframe", "1h")


@pytest.mark.slow
def test_the_answer_holds_verdict_findings_and_hold_out(answer: Type, market: None) -> None:
    result = answer(*FEW, *WORDS)
    assert result["kind"] == "evaluate"
    assert result["verdict"] in ("edge", "no evidence of edge")
    assert result["findings"]["protocol"]["profile"]["random_traders"] == 3
    assert result["hold_out"]["status"] in ("locked", "opened")
    assert Path(result["report"]).is_file()


@pytest.mark.slow
def test_bad_news_comes_before_any_figure(
    answer: Type, market: None, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    capsys.readouterr()
    assert run([*FEW, *WORDS]) == 0
    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines())) <= 80 or "report" in shown
    places = [shown.index(word) for word in ("verdict:", "drawdown", "if something were otherwise", "hold-out:")]
    assert places == sorted(places)
    if "NO EVIDENCE" in shown:
        assert shown.index("what would have to be true") < shown.index("drawdown")


@pytest.mark.parametrize("words", [("--profile", "quick"), ("--grid", "enter"), ("--folds", "2")])
def test_words_that_cannot_be_meant_are_refused(answer: Type, market: None, words: tuple[str, ...]) -> None:
    assert answer("evaluate", "breakout", *VENUE, *words, code=64)["kind"] in ("UsageError", "ConfigError", "usage")


def test_python_offers_the_same() -> None:
    bars = tc.synthetic("planted", days=120)
    result = tc.evaluate("ma-cross", bars, grid={"slow": (40,)}, profile="smoke")
    assert result.kind == "evaluate"
    assert result.findings is not None
    assert result.findings.protocol["name"] == "honest-v1 smoke"
    assert any("counted for this call alone" in notice for notice in result.notices)
