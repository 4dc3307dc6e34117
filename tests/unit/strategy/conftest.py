"""Markets and files for tests of strategies."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tradecore.core.bars import Bars
from tradecore.core.types import Pair, Timeframe
from tradecore.market.synthetic import make, make_many

HOUR = Timeframe.parse("1h")
BTC, ETH = Pair("BTC", "USD"), Pair("ETH", "USD")


@pytest.fixture(scope="session")
def bars() -> Bars:
    """Return a made-up market with trends: 700 hours, enough for some trades of any rule."""
    return make("planted", pair=BTC, timeframe=HOUR, bars=700, seed=7)


@pytest.fixture(scope="session")
def two_pairs() -> tuple[Bars, ...]:
    """Return two made-up markets on one clock."""
    return tuple(make_many("planted", (BTC, ETH), timeframe=HOUR, bars=400, seed=7).values())


@pytest.fixture
def strategy_file(tmp_path: Path) -> Callable[[str], Path]:
    """Return a function that writes a strategy file: imports are put before the given text."""

    def write(text: str) -> Path:
        path = tmp_path / "mine.py"
        head = (
            "from tradecore.features import *\n"
            "from tradecore.features import ema, sma\n"
            "from tradecore.strategy.contract import Strategy\n"
            "from tradecore.strategy.parameters import Choice, Float, Int\n"
        )
        path.write_text(head + text, encoding="utf-8")
        return path

    return write
