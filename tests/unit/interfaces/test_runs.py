"""`tradecore runs` from the outside."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tradecore.bootstrap import open_lab
from tradecore.interfaces.cli.main import run

Type = Callable[..., dict[str, Any]]


@pytest.fixture
def made(workspace: Path) -> str:
    """Return the id of a finished run."""
    started = open_lab(workspace).runs.start("backtest", {"strategy": "breakout"})
    started.save_text("note.txt", "x")
    started.finish({"sharpe": 1.25, "trades": 12})
    return started.id


def test_runs_are_listed_and_one_is_shown(answer: Type, made: str) -> None:
    assert [(item["id"], item["status"]) for item in answer("runs", "list")["runs"]] == [(made, "done")]
    for name in ("latest", made, made[:4]):
        shown = answer("runs", "show", name)
        assert (shown["id"], shown["metrics"]["sharpe"]) == (made, 1.25)


def test_kinds_are_kept_apart(answer: Type, made: str) -> None:
    assert "no run of kind 'hello'" in answer("runs", "list", "--kind", "hello", code=2)["error"]


def test_a_run_that_is_not_there_ends_with_2(answer: Type, made: str) -> None:
    assert answer("runs", "show", "zzzz", code=2)["exit_code"] == 2


def test_a_damaged_run_is_listed_as_such_and_refused_with_3(answer: Type, made: str, workspace: Path) -> None:
    (workspace / "runs" / made / "run.json").write_text("{")
    assert [item["status"] for item in answer("runs", "list")["runs"]] == ["damaged"]
    assert answer("runs", "show", made, code=3)["kind"] == "StateRefusedError"


def test_a_person_sees_figures_files_and_folder(made: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["runs", "show"]) == 0
    text = capsys.readouterr().out
    assert all(word in text for word in (made, "breakout", "1.25", "note.txt"))
