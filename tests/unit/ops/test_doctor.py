"""The doctor names what is wrong and what to do, and one broken thing never hides the others."""

from __future__ import annotations

from pathlib import Path

import pytest

from tradecore.bootstrap import open_lab
from tradecore.control.config import make_workspace
from tradecore.control.lab import Lab
from tradecore.interfaces.cli.main import run
from tradecore.ops.doctor import Health, examine


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return open_lab(make_workspace(tmp_path / "lab").root)


def test_a_sound_workspace_has_nothing_that_failed(lab: Lab) -> None:
    assert [item for item in examine(lab) if item.health is Health.BAD] == []


def test_everything_but_the_good_comes_with_a_remedy(lab: Lab) -> None:
    (lab.root / "state" / "lab.db").write_bytes(b"this is no database" * 100)
    findings = examine(lab)
    assert [item.check for item in findings if item.health is not Health.GOOD and not item.remedy] == []


def test_a_damaged_database_is_found_and_the_rest_still_looked_at(lab: Lab) -> None:
    (lab.root / "state" / "lab.db").write_bytes(b"this is no database" * 100)
    (lab.root / "state" / "other.db").write_bytes(b"")
    found = {item.check: item for item in examine(lab)}
    assert found["database lab.db"].health is Health.BAD
    assert "backup" in found["database lab.db"].remedy
    assert found["database other.db"].health is Health.GOOD


def test_the_machine_is_examined_without_a_workspace() -> None:
    checks = {item.check for item in examine(None)}
    assert {"python", "libraries", "cores", "memory", "clock"} <= checks
    assert "workspace" not in checks


def test_the_command_ends_with_1_when_something_failed(lab: Lab, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["doctor", "-w", str(lab.root)]) == 0
    (lab.root / "state" / "lab.db").write_bytes(b"this is no database" * 100)
    assert run(["doctor", "-w", str(lab.root)]) == 1
    assert "database lab.db: put back a backup of lab.db" in capsys.readouterr().out


def test_outside_of_a_workspace_the_command_says_how_to_make_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["doctor"]) == 0
    assert "workspace: tradecore init" in capsys.readouterr().out
