"""The front door: exit codes, one line of error, and one JSON object as the last line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tradecore.core.errors import TradecoreError
from tradecore.interfaces.cli.main import EXIT_CODES, NOUNS, run


def _answer(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """Return the JSON on the last line, having checked that it is the only line and strict."""
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1

    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is not JSON")

    answer = json.loads(lines[0], parse_constant=refuse)
    assert isinstance(answer, dict)
    return answer


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["confg"], "No such command 'confg'. Did you mean 'config'? (see: tradecore --help)"),
        (["config", "shw"], "No such command 'shw'. Did you mean 'show'? (see: tradecore config --help)"),
        (["config", "show", "--jsn"], "No such option: --jsn"),
        (["runs", "list", "--limit", "many"], "Invalid value for '--limit'"),
        (["features", "show"], "Missing argument 'name'"),
        (["--set", "costs.taker_fee", "config", "show"], "--set costs.taker_fee: expected SECTION.KEY=VALUE"),
    ],
)
def test_a_wrong_use_ends_with_64_and_one_line(words: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(words) == 64
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    assert told in err
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize("words", [[], ["config"], ["runs"], ["features"]])
def test_a_noun_alone_shows_its_help_and_ends_with_64(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(words) == 64
    assert capsys.readouterr().out.startswith("Usage: tradecore")


def test_outside_of_a_workspace_it_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["config", "show"]) == 2
    assert "run: tradecore init" in capsys.readouterr().err


def test_an_error_with_json_is_an_object_too(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["runs", "list", "--json"]) == 2
    answer = _answer(capsys)
    assert (answer["kind"], answer["exit_code"]) == ("NothingThereError", 2)


def test_a_wrong_use_with_json_is_an_object_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["config", "show", "--json", "--bad"]) == 64
    assert _answer(capsys)["exit_code"] == 64


@pytest.mark.parametrize(
    "words",
    [
        ["config", "show"],
        ["config", "diff"],
        ["config", "schema"],
        ["features", "list"],
        ["features", "show", "macd"],
    ],
)
def test_json_is_one_strict_object(words: list[str], workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*words, "--json"]) == 0
    assert _answer(capsys)


def test_the_workspace_can_be_named_before_or_after_the_command(
    workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for words in (["-w", "lab", "config", "diff"], ["config", "diff", "-w", "lab"]):
        assert run([*words, "--json"]) == 0
        assert _answer(capsys)["workspace"] == str(workspace.resolve())


def test_what_was_said_in_one_call_is_forgotten_in_the_next(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["--set", "costs.taker_fee=0.001", "config", "diff", "--json"]) == 0
    assert [item["key"] for item in _answer(capsys)["differences"]] == ["costs.taker_fee"]
    assert run(["config", "diff", "--json"]) == 0
    assert _answer(capsys)["differences"] == []


def test_the_origin_of_a_value_is_shown(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (workspace / "tradecore.toml").write_text("[costs]\ntaker_fee = 0.003\n")
    assert run(["config", "show", "costs"]) == 0
    line = next(line for line in capsys.readouterr().out.splitlines() if "taker_fee" in line)
    assert line.split()[1:] == ["0.003", "fraction", "tradecore.toml"]


def test_tables_fit_80_columns(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["config", "show"], ["features", "list"], ["features", "show", "keltner"]):
        assert run(words) == 0
        assert max(map(len, capsys.readouterr().out.splitlines())) <= 120
        table = [line for line in capsys.readouterr().out.splitlines() if "─" in line]
        assert all(len(line) <= 80 for line in table)


def test_a_fault_of_ours_is_one_line_and_a_traceback_only_on_request(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (workspace / "runs" / "latest").mkdir()
    (workspace / "tradecore.toml").write_bytes(b"\xff")
    assert run(["config", "show"]) == 64
    assert "Traceback" not in capsys.readouterr().err
    assert run(["--debug", "config", "show"]) == 64
    assert "Traceback" in capsys.readouterr().err


def test_every_exit_code_of_the_error_tree_has_a_meaning() -> None:
    codes = {kind.exit_code for kind in (TradecoreError, *TradecoreError.__subclasses__())}
    assert codes <= set(EXIT_CODES)


def test_every_noun_has_a_module_of_its_own() -> None:
    import tradecore.interfaces.cli as package

    folder = Path(str(package.__file__)).parent
    assert [noun for noun in NOUNS if not (folder / f"{noun}.py").is_file()] == []


def test_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out.startswith("tradecore 0.")
