"""What a command prints: strict JSON for programs, tables and plain progress lines for people."""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from tradecore.core.orders import Action
from tradecore.interfaces.cli.screen import Screen, plain


@dataclass(frozen=True, slots=True)
class _Point:
    x: float
    place: Path


def test_what_json_cannot_hold_becomes_what_it_can() -> None:
    value = {
        1: float("nan"),
        "inf": [float("-inf"), np.float64("inf")],
        "numpy": (np.int64(3), np.float64(0.5), np.bool_(True), np.array([1.0, np.nan])),
        "money": Decimal("1.10"),
        "enum": Action.BUY,
        "data": _Point(0.25, Path("a/b")),
    }
    assert json.loads(json.dumps(plain(value), allow_nan=False)) == {
        "1": None,
        "inf": [None, None],
        "numpy": [3, 0.5, True, [1.0, None]],
        "money": "1.10",
        "enum": "buy",
        "data": {"x": 0.25, "place": "a/b"},
    }


def test_json_leaves_out_what_a_person_would_read(capsys: pytest.CaptureFixture[str]) -> None:
    screen = Screen(as_json=True)
    screen.say("hello")
    screen.facts({"a": 1})
    screen.table(("a",), [(1,)])
    screen.answer({"a": 1})
    assert capsys.readouterr().out == '{"a": 1}\n'


def test_without_json_no_object_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    Screen(as_json=False).answer({"a": 1})
    assert capsys.readouterr().out == ""


def test_absent_values_are_a_dash_and_counts_have_separators(capsys: pytest.CaptureFixture[str]) -> None:
    Screen(as_json=False).facts({"bars": 1_025_708, "source": None, "real": True, "pairs": ("BTC/USD", "ETH/USD")})
    assert [line.split(None, 1)[1] for line in capsys.readouterr().out.splitlines()] == [
        "1,025,708",
        "–",
        "yes",
        "BTC/USD, ETH/USD",
    ]


def test_progress_without_a_terminal_is_a_line_at_begin_and_end_of_each_stage(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with Screen(as_json=True).progress() as progress:
        for done in range(101):
            progress("reading", done, 100)
        progress("writing", 0, 0)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == ["reading 0 %", "reading 100 %", "writing"]
