"""A workspace to type commands in, and a reader of the one JSON line they end with."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tradecore.interfaces.cli.main import run

Type = Callable[..., dict[str, Any]]


def strict(text: str) -> dict[str, Any]:
    """Return the JSON object on the only line of a text; NaN and infinity are not JSON."""

    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is not JSON")

    lines = text.splitlines()
    assert len(lines) == 1, lines
    answer = json.loads(lines[0], parse_constant=refuse)
    assert isinstance(answer, dict)
    return answer


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Path:
    """Return a new workspace that is also the current folder."""
    assert run(["init", str(tmp_path / "lab")]) == 0
    capsys.readouterr()
    monkeypatch.chdir(tmp_path / "lab")
    return tmp_path / "lab"


@pytest.fixture
def answer(workspace: Path, capsys: pytest.CaptureFixture[str]) -> Type:
    """Return what types a command with --json and gives back its object, having checked its exit code."""

    def typed(*words: str, code: int = 0) -> dict[str, Any]:
        assert run([*words, "--json"]) == code
        return strict(capsys.readouterr().out)

    return typed
