"""Files are written whole or not at all, and every refusal says what to do."""

from __future__ import annotations

import json
import math
import resource
import signal
import stat
from pathlib import Path

import pytest

from tradecore.core.errors import DataError, StateRefusedError
from tradecore.storage import atomic_io


def test_bytes_text_and_json_are_read_back_as_written(tmp_path: Path) -> None:
    atomic_io.write_bytes(tmp_path / "a" / "b.bin", b"\x00\xff")
    atomic_io.write_text(tmp_path / "c.txt", "Käse")
    atomic_io.write_json(tmp_path / "d.json", {"b": 1, "a": [1.5, None, True]})
    assert (tmp_path / "a" / "b.bin").read_bytes() == b"\x00\xff"
    assert (tmp_path / "c.txt").read_text(encoding="utf-8") == "Käse"
    assert json.loads((tmp_path / "d.json").read_text()) == {"b": 1, "a": [1.5, None, True]}


def test_readable_json_has_a_line_for_each_entry_of_two_levels_and_none_for_deeper_ones() -> None:
    value = {
        "a": 1,
        "rows": [{"x": 1, "y": [1, 2]}, {"x": 2, "y": []}],
        "some": [1, 2],
        "none": {},
        "ü": {"b": {"c": 0}},
    }
    text = atomic_io.readable_json(value)
    assert json.loads(text) == value
    assert text.splitlines() == [
        "{", '  "a": 1,', '  "rows": [', '    {"x": 1, "y": [1, 2]},', '    {"x": 2, "y": []}', "  ],",
        '  "some": [1, 2],', '  "none": {},', '  "ü": {', '    "b": {"c": 0}', "  }", "}",
    ]  # fmt: skip


def test_no_temp_file_is_left_and_the_mode_is_that_of_a_plain_file(tmp_path: Path) -> None:
    atomic_io.write_text(tmp_path / "a.txt", "x")
    (tmp_path / "plain").write_text("x")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.txt", "plain"]
    assert stat.S_IMODE((tmp_path / "a.txt").stat().st_mode) == stat.S_IMODE((tmp_path / "plain").stat().st_mode)


@pytest.mark.parametrize("value", [math.nan, math.inf, {"a": [-math.inf]}, {1: "a"}, {"x": object()}, {"a": {2: 3}}])
def test_json_that_another_reader_would_refuse_is_refused_here(tmp_path: Path, value: object) -> None:
    with pytest.raises(DataError, match=r"a\.json.*strict JSON"):
        atomic_io.write_json(tmp_path / "a.json", value)
    assert not list(tmp_path.iterdir())


def test_canonical_json_does_not_depend_on_the_order_of_keys() -> None:
    one = atomic_io.strict_json({"b": 1, "a": 2}, sort_keys=True)
    assert one == atomic_io.strict_json({"a": 2, "b": 1}, sort_keys=True) == '{"a":2,"b":1}'


def test_a_failed_write_leaves_the_old_content_and_no_temp_file(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    atomic_io.write_text(target, "old")

    def fail(step: str, path: Path) -> None:
        raise OSError(28, "No space left on device")

    with atomic_io.observed(fail), pytest.raises(StateRefusedError, match=r"a\.txt.*disk is full; free some space"):
        atomic_io.write_text(target, "new")
    assert target.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_a_file_that_may_not_grow_is_refused_with_the_remedy(tmp_path: Path) -> None:
    target = tmp_path / "a.bin"
    atomic_io.write_bytes(target, b"old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(StateRefusedError, match=r"a\.bin.*ulimit"):
            atomic_io.write_bytes(target, b"x" * 5000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)
    assert target.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.bin"]


def test_a_file_where_a_folder_is_expected_is_refused_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "folder").write_text("I am a file")
    with pytest.raises(StateRefusedError, match="a file stands where a folder is expected"):
        atomic_io.write_text(tmp_path / "folder" / "deep" / "a.txt", "x")


def test_a_folder_where_a_file_is_expected_is_refused_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "a.txt").mkdir()
    with pytest.raises(StateRefusedError, match="a folder stands where a file is expected"):
        atomic_io.write_text(tmp_path / "a.txt", "x")
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_a_read_only_file_system_is_refused_with_the_remedy() -> None:
    with pytest.raises(StateRefusedError, match=r"/proc/tradecore\.txt: could not write"):
        atomic_io.write_text("/proc/tradecore.txt", "x")


def test_a_large_file_is_written_beside_its_target_and_then_renamed(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "a.bin"
    with atomic_io.temp_beside(target) as temp:
        assert temp.parent == target.parent
        temp.write_bytes(b"x")
        assert not target.exists()
        atomic_io.replace_file(temp, target)
    assert target.read_bytes() == b"x"
    assert [p.name for p in target.parent.iterdir()] == ["a.bin"]


def test_a_temp_file_that_was_not_renamed_is_deleted(tmp_path: Path) -> None:
    with atomic_io.temp_beside(tmp_path / "a.bin") as temp:
        temp.write_bytes(b"x")
    assert not list(tmp_path.iterdir())


def test_the_steps_of_a_write_come_in_the_order_that_survives_a_power_cut(tmp_path: Path) -> None:
    seen: list[str] = []
    with atomic_io.observed(lambda name, path: seen.append(name)):
        atomic_io.write_text(tmp_path / "deep" / "a.txt", "x")
    assert seen == ["mkdir", "sync", "rename", "renamed"]
