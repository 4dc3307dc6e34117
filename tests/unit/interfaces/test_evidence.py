"""`tradecore evidence calibrate` at the command line: tables for people, one JSON line for programs, exit codes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tradecore.interfaces.cli.main import run

Type = Callable[..., dict[str, Any]]


@pytest.mark.slow
def test_a_calibration_shows_its_tables_and_answers_with_what_it_found(
    workspace: Path, answer: Type, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("evidence", "calibrate", "--profile", "smoke", "--markets", "1", "--workers", "1")
    code = run(list(words))
    shown = capsys.readouterr().out
    assert code in (0, 4)
    assert "called an edge" in shown
    assert "best of a sweep" in shown
    assert f"verdict on the verdict: {'CALIBRATED' if code == 0 else 'NOT CALIBRATED'}" in shown
    assert max(map(len, shown.splitlines())) <= 100 or str(workspace) in shown
    found = answer(*words, code=code)
    assert found["is_calibrated"] == (code == 0)
    assert len(found["false_edges"]) == 4
    assert Path(found["report"]).is_file()


def test_a_profile_there_is_not_is_refused(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["evidence", "calibrate", "--profile", "huge"]) == 64
    assert "smoke, quick, full" in capsys.readouterr().err


def test_without_bars_to_shuffle_it_says_what_to_do(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["evidence", "calibrate", "--profile", "quick"]) == 2
    assert "--market gbm" in capsys.readouterr().err
