"""Run directories: what was asked, what came out, and that no damaged run hides or breaks the others."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from tradecore.core.bars import Bars
from tradecore.core.clock import ManualClock
from tradecore.core.errors import (
    DataError,
    InterruptedRunError,
    NothingThereError,
    StateRefusedError,
    UsageError,
)
from tradecore.core.types import HOUR_NS, SECOND_NS, Pair, Timeframe
from tradecore.registry.record import RunStatus
from tradecore.registry.runs import Run, RunInputs, Runs

BTC = Pair("BTC", "USD")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(1_700_000_000 * SECOND_NS)


@pytest.fixture
def runs(tmp_path: Path, clock: ManualClock) -> Runs:
    return Runs(tmp_path / "runs", clock)


def _record(run: Run) -> dict[str, object]:
    stored: dict[str, object] = json.loads((run.path / "run.json").read_text(encoding="utf-8"))
    return stored


def test_run_json_says_what_was_asked_on_what_and_when(runs: Runs, clock: ManualClock) -> None:
    flat = np.full(2, 100.0)
    bars = Bars(
        BTC, Timeframe(HOUR_NS), np.arange(2) * HOUR_NS, flat, flat, flat, flat, flat, "synthetic:x", "dataset-hash"
    )
    run = runs.start("backtest", {"pair": BTC, "fee": 0.004}, RunInputs([bars], {"ema": "ab12"}, {"market": 7}))
    clock.move_to(clock.now() + 5 * SECOND_NS)
    run.finish({"sharpe": np.float64(1.25), "profit_factor": float("inf"), "grüße": "ü"})
    stored = _record(run)
    assert stored["schema"] == 1
    assert stored["status"] == "done"
    assert stored["arguments"] == {"pair": "BTC/USD", "fee": 0.004}
    assert stored["features"] == {"ema": "ab12"}
    assert stored["seeds"] == {"market": 7}
    assert (stored["started"], stored["ended"]) == ("2023-11-14T22:13:20Z", "2023-11-14T22:13:25Z")
    assert stored["metrics"] == {"sharpe": 1.25, "profit_factor": None, "grüße": "ü"}
    assert stored["data"][0]["dataset"] == "dataset-hash"  # type: ignore[index]
    assert set(stored) >= {"code", "versions", "host"}


def test_ids_are_short_and_never_collide_even_for_equal_runs_at_one_moment(runs: Runs) -> None:
    ids = {runs.start("backtest", {}).id for _ in range(50)}
    assert len(ids) == 50
    assert all(len(one) == 8 and one[0].isalpha() and one.isalnum() for one in ids)


def test_latest_is_a_file_that_names_the_run_started_last(runs: Runs, clock: ManualClock) -> None:
    runs.start("backtest", {"n": 1})
    clock.move_to(clock.now() + SECOND_NS)
    last = runs.start("backtest", {"n": 2})
    pointer = runs.root / "latest"
    assert pointer.is_file()
    assert not pointer.is_symlink()
    assert pointer.read_text(encoding="utf-8") == f"{last.id}\n"
    assert runs.get().id == runs.get("latest").id == last.id


@pytest.mark.parametrize("content", [None, b"", b"nosuchid\n", b"\xff\xfe"])
def test_a_lost_pointer_is_found_again_from_the_records(runs: Runs, clock: ManualClock, content: bytes | None) -> None:
    runs.start("backtest", {"n": 1})
    clock.move_to(clock.now() + SECOND_NS)
    last = runs.start("backtest", {"n": 2})
    (runs.root / "latest").unlink()
    if content is not None:
        (runs.root / "latest").write_bytes(content)
    assert runs.get("latest").id == last.id


def test_without_any_run_the_answer_says_how_to_make_one_and_exits_with_two(runs: Runs) -> None:
    with pytest.raises(NothingThereError, match=r"no run yet.*tradecore hello") as caught:
        runs.get()
    assert caught.value.exit_code == 2
    assert runs.list() == []


def test_a_run_is_found_by_the_start_of_its_id(runs: Runs) -> None:
    run = runs.start("backtest", {})
    assert runs.get(run.id[:4]).id == run.id


def test_a_start_that_fits_several_runs_is_refused_and_names_them(runs: Runs) -> None:
    ids = sorted(runs.start("backtest", {"n": n}).id for n in range(60))
    shared = next(a[0] for a, b in pairwise(ids) if a[0] == b[0])
    with pytest.raises(UsageError, match=r"could be .*give more letters"):
        runs.get(shared)


@pytest.mark.parametrize("name", ["zzzzzzzz", "", "../x", "*"])
def test_an_unknown_run_is_nothing_there(runs: Runs, name: str) -> None:
    runs.start("backtest", {})
    with pytest.raises(NothingThereError, match="tradecore runs list"):
        runs.get(name)


def test_the_list_is_newest_first(runs: Runs, clock: ManualClock) -> None:
    made = []
    for n in range(4):
        made.append(runs.start("backtest", {"n": n}).id)
        clock.move_to(clock.now() + SECOND_NS // 3)
    assert [one.id for one in runs.list()] == made[::-1]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "not JSON"),
        (b'{"schema": 1, "id":', "not JSON"),
        (b"\x80\x81", "not JSON"),
        (b"[]", "not a run's record"),
        (b'{"schema": 1}', "not a run's record"),
        (b'{"schema": 99}', "update tradecore"),
        (None, "could not be read"),
    ],
)
def test_a_damaged_record_is_listed_as_damaged_and_hides_no_other(runs: Runs, content: bytes | None, says: str) -> None:
    good, bad = runs.start("backtest", {"n": 1}), runs.start("backtest", {"n": 2})
    path = bad.path / "run.json"
    path.unlink() if content is None else path.write_bytes(content)
    listed = {one.id: one for one in runs.list()}
    assert listed[good.id].record is not None
    assert listed[bad.id].status is RunStatus.DAMAGED
    assert says in listed[bad.id].damage
    with pytest.raises(StateRefusedError, match="is damaged"):
        runs.get(bad.id)


def test_a_record_copied_from_another_run_is_damage(runs: Runs) -> None:
    one, other = runs.start("backtest", {"n": 1}), runs.start("backtest", {"n": 2})
    (one.path / "run.json").write_bytes((other.path / "run.json").read_bytes())
    assert f"belongs to run {other.id}" in {entry.id: entry.damage for entry in runs.list()}[one.id]


def test_a_record_whose_time_cannot_be_read_is_damage(runs: Runs) -> None:
    run = runs.start("backtest", {})
    path = run.path / "run.json"
    path.write_text(path.read_text().replace("2023-11-14T22:13:20Z", "yesterday"))
    assert "started" in runs.list()[0].damage


def test_strangers_in_the_folder_are_left_alone(runs: Runs) -> None:
    runs.start("backtest", {})
    (runs.root / "notes").mkdir()
    (runs.root / "abcdefgh").write_text("a file")
    assert len(runs.list()) == 1


def test_a_run_whose_process_is_gone_is_interrupted(runs: Runs) -> None:
    run = runs.start("backtest", {})
    path = run.path / "run.json"
    stored = json.loads(path.read_text())
    stored["host"]["process_started"] = 1.0
    path.write_text(json.dumps(stored))
    assert runs.get(run.id).status is RunStatus.INTERRUPTED
    assert runs.list()[0].status is RunStatus.INTERRUPTED


def test_artefacts_come_back_as_they_were_and_are_named_with_their_hash(runs: Runs) -> None:
    run = runs.start("backtest", {})
    run.save_json("verdict", {"verdict": "edge", "p": float("nan")})
    run.save_text("report/index.html", "<p>grüße</p>")
    run.save_array("curve", equity=np.arange(3.0), bars=np.arange(3))
    run.finish()
    again = runs.get(run.id)
    assert again.load_json("verdict") == {"verdict": "edge", "p": None}
    assert again.read("report/index.html").decode() == "<p>grüße</p>"
    np.testing.assert_array_equal(again.load_array("curve")["equity"], np.arange(3.0))
    assert set(again.record.artefacts) == {"verdict.json", "report/index.html", "curve.npz"}


def test_equal_arrays_give_equal_bytes(runs: Runs) -> None:
    one, other = runs.start("backtest", {"n": 1}), runs.start("backtest", {"n": 2})
    for run in (one, other):
        run.save_array("x", a=np.arange(1000.0))
    assert one.read("x.npz") == other.read("x.npz")


def test_an_artefact_saved_twice_keeps_the_newest_hash(runs: Runs) -> None:
    run = runs.start("backtest", {})
    run.save_text("a.txt", "one")
    run.save_text("a.txt", "two")
    assert runs.get(run.id).read("a.txt") == b"two"


def test_a_changed_or_missing_artefact_is_refused(runs: Runs) -> None:
    run = runs.start("backtest", {})
    path = run.save_text("a.txt", "one")
    path.write_text("other")
    with pytest.raises(StateRefusedError, match="changed since"):
        run.read("a.txt")
    path.unlink()
    with pytest.raises(StateRefusedError, match="could not be read"):
        run.read("a.txt")


def test_an_artefact_the_run_never_had_is_nothing_there_and_names_what_it_has(runs: Runs) -> None:
    run = runs.start("backtest", {})
    run.save_text("a.txt", "one")
    with pytest.raises(NothingThereError, match=r"it has: a\.txt"):
        run.read("b.txt")


def test_a_file_written_by_other_code_is_added_with_its_hash(runs: Runs, tmp_path: Path) -> None:
    run = runs.start("backtest", {})
    (run.path / "chart.png").write_bytes(b"png")
    run.add_artefact("chart.png")
    run.add_artefact(run.path / "chart.png")
    assert runs.get(run.id).read("chart.png") == b"png"
    (tmp_path / "else.png").write_bytes(b"png")
    with pytest.raises(UsageError, match="outside"):
        run.add_artefact(tmp_path / "else.png")
    with pytest.raises(NothingThereError, match="no such file"):
        run.add_artefact("gone.png")


@pytest.mark.parametrize("name", ["", "../x.txt", "/etc/x", "run.json", "a/../../x", "a\\b", "."])
def test_a_name_that_leaves_the_run_or_hides_its_record_is_refused(runs: Runs, name: str) -> None:
    with pytest.raises(UsageError, match="artefact name"):
        runs.start("backtest", {}).save_text(name, "x")


def test_arrays_of_objects_are_refused(runs: Runs) -> None:
    with pytest.raises(DataError, match="Python objects"):
        runs.start("backtest", {}).save_array("x", a=np.array([object()]))


def test_a_torn_array_file_is_refused(runs: Runs) -> None:
    run = runs.start("backtest", {})
    (run.path / "x.npz").write_bytes(b"PK\x03\x04 torn")
    run.add_artefact("x.npz")
    with pytest.raises(StateRefusedError, match="not an array file"):
        run.load_array("x")


def test_a_block_that_ends_well_is_done_and_one_that_raises_is_failed_with_the_reason(runs: Runs) -> None:
    with runs.start("backtest", {"n": 1}) as good:
        pass
    bad = runs.start("backtest", {"n": 2})
    with pytest.raises(DataError), bad:
        raise DataError("high below low")
    assert good.status is RunStatus.DONE
    assert runs.get(bad.id).record.error == "DataError: high below low"
    assert runs.get(bad.id).status is RunStatus.FAILED


@pytest.mark.parametrize("stop", [KeyboardInterrupt(), InterruptedRunError("stop")])
def test_a_block_that_was_stopped_is_interrupted(runs: Runs, stop: BaseException) -> None:
    run = runs.start("backtest", {})
    with pytest.raises(type(stop)), run:
        raise stop
    assert runs.get(run.id).record.status is RunStatus.INTERRUPTED


def test_a_run_ends_once(runs: Runs) -> None:
    run = runs.start("backtest", {})
    run.finish()
    with pytest.raises(StateRefusedError, match="cannot end again"):
        run.fail("late")


def test_a_report_may_be_added_after_the_end(runs: Runs) -> None:
    run = runs.start("backtest", {})
    run.finish({"sharpe": 1.0})
    runs.get(run.id).save_text("report.html", "<p>")
    assert runs.get(run.id).record.metrics == {"sharpe": 1.0}
    assert "report.html" in runs.get(run.id).record.artefacts


def test_a_run_folder_where_a_file_stands_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file")
    with pytest.raises(StateRefusedError, match="a file stands where a folder is expected"):
        Runs(tmp_path / "runs").start("backtest", {})
