"""Making a workspace, and showing its settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from tradecore.bootstrap import open_lab
from tradecore.control import config
from tradecore.core.errors import NothingThereError, StateRefusedError


def test_a_workspace_has_settings_and_every_folder(tmp_path: Path) -> None:
    made = config.make_workspace(tmp_path / "lab")
    assert sorted(path.name for path in made.root.iterdir()) == sorted(made.made)
    assert {"data", "runs", "strategies", "state", "reports", "logs", "tradecore.toml"} == set(made.made)


def test_what_was_there_is_kept(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "mine").write_text("x")
    assert config.make_workspace(tmp_path).kept == ("data",)
    assert (tmp_path / "data" / "mine").read_text() == "x"


def test_a_settings_file_is_not_written_over_unless_asked(tmp_path: Path) -> None:
    config.make_workspace(tmp_path)
    (tmp_path / "tradecore.toml").write_text("# mine\n")
    with pytest.raises(StateRefusedError, match="is there already"):
        config.make_workspace(tmp_path)
    assert (tmp_path / "tradecore.toml").read_text() == "# mine\n"
    config.make_workspace(tmp_path, replace=True)
    assert "schema_version" in (tmp_path / "tradecore.toml").read_text()


def test_one_section_or_one_key_can_be_shown(tmp_path: Path) -> None:
    lab = open_lab(config.make_workspace(tmp_path).root)
    assert {value.key.partition(".")[0] for value in config.show(lab, "costs")} == {"costs"}
    assert [value.key for value in config.show(lab, "log.level")] == ["log.level"]


def test_a_section_that_there_is_not_is_told_with_those_there_are(tmp_path: Path) -> None:
    lab = open_lab(config.make_workspace(tmp_path).root)
    with pytest.raises(NothingThereError, match="sections: schema_version, folders"):
        config.show(lab, "cost")
