"""`tradecore strategy` from the outside: what there is, a new file, and a check that can say no."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tradecore.strategy.builtin import BUILTINS

Type = Callable[..., dict[str, Any]]


def test_the_built_ins_and_the_files_of_the_workspace_are_listed(answer: Type) -> None:
    made = answer("strategy", "new", "my-idea")
    assert made["file"].endswith("my_idea.py")
    listed = [item["name"] for item in answer("strategy", "list")["strategies"]]
    assert listed == [*BUILTINS, made["file"]]


def test_the_built_ins_are_listed_outside_of_a_workspace(
    answer: Type, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert len(answer("strategy", "list")["strategies"]) == len(BUILTINS)
    assert answer("strategy", "list", "-w", "nowhere", code=2)["kind"] == "NothingThereError"


def test_a_file_is_not_written_over(answer: Type, workspace: Path) -> None:
    answer("strategy", "new", "my-idea")
    assert "is there already" in answer("strategy", "new", "my-idea", code=64)["error"]


@pytest.mark.slow
def test_a_new_strategy_passes_its_check(answer: Type) -> None:
    report = answer("strategy", "check", answer("strategy", "new", "my-idea")["file"])
    assert report["passed"]
    assert {step["outcome"] for step in report["steps"]} <= {"passed", "skipped"}


@pytest.mark.slow
def test_a_strategy_that_breaks_the_contract_ends_with_4(answer: Type) -> None:
    path = Path(answer("strategy", "new", "my-idea")["file"])
    path.write_text(path.read_text().replace('return self.hold("no crossing")', "return self.buy(7.0)"))
    report = answer("strategy", "check", str(path), code=4)
    assert not report["passed"]
    assert report["verdict"].startswith("MyIdea fails ")


def test_a_file_that_is_no_python_ends_with_1_and_the_line(answer: Type, workspace: Path) -> None:
    (workspace / "strategies" / "broken.py").write_text("class Broken(\n")
    told = answer("strategy", "check", "strategies/broken.py", code=1)
    assert told["kind"] == "StrategyError"
    assert "broken.py:1" in told["error"]
