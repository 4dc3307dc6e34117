"""A disk that takes no more: what was there stands, nothing is half-written, and the error says what to do.

The disk is made full by the system's own limit on the size of a file, so the writes fail for real.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from tradecore.core.errors import StateRefusedError
from tradecore.registry.knowledge import KnowledgeBase, Lesson
from tradecore.registry.runs import Runs
from tradecore.registry.trials import Trial, TrialLedger

resource = pytest.importorskip("resource", reason="needs limits on the size of a file")


@contextmanager
def _no_file_larger_than(size: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def _lesson(dataset: str) -> Lesson:
    return Lesson(pair="BTC/USD", timeframe="1h", strategy="s", verdict="edge", dataset=dataset)


def test_a_run_that_cannot_be_started_leaves_nothing(tmp_path: Path) -> None:
    runs = Runs(tmp_path / "runs")
    with _no_file_larger_than(100), pytest.raises(StateRefusedError, match="run it again"):
        runs.start("backtest", {})
    assert list(runs.root.iterdir()) == []


def test_an_artefact_that_cannot_be_written_leaves_the_run_as_it_was(tmp_path: Path) -> None:
    run = Runs(tmp_path / "runs").start("backtest", {})
    run.save_text("a.txt", "one")
    noise = np.random.default_rng(1).random(50_000)
    with _no_file_larger_than(50_000), pytest.raises(StateRefusedError, match=r"big\.npz: could not write"):
        run.save_array("big", noise=noise)
    assert sorted(path.name for path in run.path.iterdir()) == ["a.txt", "run.json"]
    assert Runs(tmp_path / "runs").get().read("a.txt") == b"one"
    run.save_array("big", noise=noise)
    run.finish()


def test_a_lesson_that_does_not_fit_is_cut_off_again(tmp_path: Path) -> None:
    base = KnowledgeBase(tmp_path / "knowledge.jsonl")
    base.add(_lesson("one"))
    before = base.path.read_bytes()
    with _no_file_larger_than(len(before) + 50), pytest.raises(StateRefusedError, match="could not write"):
        base.add(_lesson("two"))
    assert base.path.read_bytes() == before
    assert base.add(_lesson("two"))


def test_trials_that_do_not_fit_are_all_absent_and_the_ledger_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "lab.db"
    ledger = TrialLedger.open(path)
    many = [Trial("d", "s", f"{n:0100}", "backtest", "sweep", "", 0.1, 10, 1) for n in range(5_000)]
    with _no_file_larger_than(200_000), pytest.raises(StateRefusedError, match=r"lab\.db: .*(full|disk)"):
        ledger.record_many(many)
    assert ledger.count("d") == 0
    assert ledger.record_many(many) == 5_000
