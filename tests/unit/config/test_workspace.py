"""The workspace is found from any folder inside it, and what names it wins in a fixed order."""

from __future__ import annotations

from pathlib import Path

import pytest

from tradecore.config.workspace import find_workspace
from tradecore.core.errors import NothingThereError


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "lab"
    (folder / "runs" / "deep").mkdir(parents=True)
    (folder / "tradecore.toml").write_text("")
    return folder.resolve()


def test_it_is_found_from_any_folder_inside(workspace: Path) -> None:
    assert find_workspace(start=workspace / "runs" / "deep") == workspace


def test_the_nearest_one_is_found(workspace: Path) -> None:
    (workspace / "runs" / "tradecore.toml").write_text("")
    assert find_workspace(start=workspace / "runs" / "deep") == workspace / "runs"


def test_a_name_wins_over_the_folder_one_is_in(workspace: Path, tmp_path: Path) -> None:
    assert find_workspace(workspace, start=tmp_path) == workspace


def test_the_variable_wins_over_the_folder_one_is_in(
    workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRADECORE_WORKSPACE", str(workspace))
    assert find_workspace(start=tmp_path) == workspace


def test_outside_of_any_it_says_where_it_looked_and_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(NothingThereError, match="run: tradecore init") as caught:
        find_workspace(start=tmp_path)
    assert str(tmp_path.resolve()) in str(caught.value)


def test_a_named_folder_without_settings_is_refused_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NothingThereError, match="--workspace names"):
        find_workspace(tmp_path)
    monkeypatch.setenv("TRADECORE_WORKSPACE", str(tmp_path))
    with pytest.raises(NothingThereError, match="TRADECORE_WORKSPACE names"):
        find_workspace()
