"""Outcomes of a long experiment: kept as they come, each once, and readable after a kill at any byte."""

from __future__ import annotations

from pathlib import Path

import pytest

from tradecore.core.errors import DataError, StateRefusedError
from tradecore.registry.outcomes import open_outcomes


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run" / "outcomes.jsonl"


def test_what_was_kept_is_there_when_it_is_opened_again(path: Path) -> None:
    with open_outcomes(path, "one") as store:
        store.keep("a", {"edge": True})
        store.keep("b", {"rate": 0.1})
    with open_outcomes(path, "one") as store:
        assert store.done() == {"a": {"edge": True}, "b": {"rate": 0.1}}


def test_a_key_is_kept_once(path: Path) -> None:
    with open_outcomes(path, "one") as store:
        store.keep("a", {"n": 1})
        store.keep("a", {"n": 2})
        assert store.done() == {"a": {"n": 1}}
    assert path.read_text().count('"a"') == 1


def test_a_kill_at_any_byte_loses_only_the_line_that_was_being_written(path: Path) -> None:
    with open_outcomes(path, "one") as store:
        for name in "abc":
            store.keep(name, {"name": name})
    whole = path.read_bytes()
    head = whole.index(b"\n") + 1
    for size in range(head, len(whole) + 1):
        path.write_bytes(whole[:size])
        with open_outcomes(path, "one") as store:
            known = list(store.done())
            assert known == list("abc")[: whole[head:size].count(b"\n")]
            for name in "abc":
                store.keep(name, {"name": name})
        assert path.read_bytes() == whole


def test_another_experiment_does_not_go_on_with_them(path: Path) -> None:
    with open_outcomes(path, "one") as store:
        store.keep("a", {})
    with pytest.raises(StateRefusedError, match="another experiment"), open_outcomes(path, "two"):
        pass


def test_two_processes_do_not_write_at_once(path: Path) -> None:
    with (
        open_outcomes(path, "one"),
        pytest.raises(StateRefusedError, match="another process"),
        open_outcomes(path, "one"),
    ):
        pass


def test_a_damaged_line_is_refused_by_its_number(path: Path) -> None:
    with open_outcomes(path, "one") as store:
        store.keep("a", {})
    path.write_bytes(path.read_bytes() + b"no json\n")
    with pytest.raises(StateRefusedError, match="line 3"), open_outcomes(path, "one"):
        pass


def test_a_value_that_is_not_strict_json_is_refused_and_leaves_the_file_as_it_was(path: Path) -> None:
    with open_outcomes(path, "one") as store:
        store.keep("a", {})
        before = path.read_bytes()
        with pytest.raises(DataError):
            store.keep("b", {"rate": float("nan")})
        assert path.read_bytes() == before
