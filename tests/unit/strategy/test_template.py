"""What `strategy new` writes works as it stands."""

from __future__ import annotations

from pathlib import Path

import pytest

from tradecore.backtest.replay import play, play_blind
from tradecore.core.bars import Bars
from tradecore.core.errors import UsageError
from tradecore.strategy.check import Players, check
from tradecore.strategy.loading import load
from tradecore.strategy.template import file_name, render


def test_a_new_strategy_passes_the_check(tmp_path: Path, bars: Bars) -> None:
    path = tmp_path / file_name("my-first-idea")
    path.write_text(render("my-first-idea"), encoding="utf-8")
    strategy = load(str(path))
    assert strategy.name() == "MyFirstIdea"
    report = check(strategy, [bars], Players(play, play_blind))
    assert report.passed, report.verdict
    assert report.notes == ()


@pytest.mark.parametrize("name", ["", "9lives", "a b", "../out", "class", "ema-rsi-volume", "x" * 65, "a--b", "ä"])
def test_a_name_that_cannot_be_one_is_refused(name: str) -> None:
    with pytest.raises(UsageError):
        file_name(name)
