"""Kill -9 at every write point of a run and of a new database, at random moments of trials and lessons.

Each child is a fork of this process and is killed for real. What it was told is safe must be there afterwards, what it
was not told may be there or not, and everything must be readable.
"""

from __future__ import annotations

import os
import random
import select
import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa

from tradecore.core.track import FILL, ORDER_RESULT, TRADE, Curve, Track
from tradecore.core.types import HOUR_NS, Pair, Timeframe
from tradecore.registry.knowledge import KnowledgeBase, Lesson
from tradecore.registry.record import RunStatus
from tradecore.registry.runs import Runs
from tradecore.registry.tracks import load_track, save_track, track_names
from tradecore.registry.trials import Trial, TrialLedger
from tradecore.storage import atomic_io
from tradecore.storage.database import open_database, verify

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


def _child(work: Callable[[], None]) -> int:
    """Fork a process that does the work and then leaves without a word; return its id."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    return child


def _kill_at(step: int) -> Callable[[str, Path], None]:
    """Return an observer of write points that kills this process at the `step`-th of them."""
    seen = 0

    def observe(_name: str, _path: Path) -> None:
        nonlocal seen
        seen += 1
        if seen == step:
            os.kill(os.getpid(), signal.SIGKILL)

    return observe


def _track() -> Track:
    ramp = np.arange(5.0)
    curve = Curve(np.arange(5), ramp, ramp, ramp, ramp, ramp, np.zeros(5, np.bool_), 1.0)
    records = (np.zeros(2, FILL), np.zeros(1, TRADE), np.zeros(0, ORDER_RESULT))
    return Track((Pair("BTC", "USD"),), Timeframe(HOUR_NS), curve, *records, 1.0, 0.0, 0.0, 0.0)


def _whole_run(root: Path) -> None:
    with Runs(root).start("backtest", {"pair": "BTC/USD"}) as run:
        run.save_json("verdict", {"verdict": "edge"})
        save_track(run, "strategy", _track())
        run.save_text("report.html", "<p>first</p>")
        run.save_text("report.html", "<p>second</p>")
        run.finish({"sharpe": 1.0})


def _check_readable(root: Path) -> list[RunStatus]:
    """Fail unless every run is whole: record, each file it names, each track; return where the runs stand."""
    runs = Runs(root)
    listed = runs.list()
    for one in listed:
        assert one.record is not None, one.damage
        run = runs.get(one.id)
        for name in one.record.artefacts:
            run.read(name)
        for name in track_names(run):
            load_track(run, name)
    if listed:
        assert runs.get("latest").id in {one.id for one in listed}
    return [one.status for one in listed]


def test_a_run_killed_at_any_write_point_leaves_every_run_readable(tmp_path: Path) -> None:
    step, endings = 0, []
    while True:
        step += 1
        root = tmp_path / f"runs-{step}"
        with Runs(root).start("backtest", {"earlier": True}) as earlier:
            pass

        def work(root: Path = root, step: int = step) -> None:
            with atomic_io.observed(_kill_at(step)):
                _whole_run(root)

        _, status = os.waitpid(_child(work), 0)
        states = _check_readable(root)
        assert earlier.id in {one.id for one in Runs(root).list()}
        with Runs(root).start("backtest", {"later": True}):
            pass
        assert _check_readable(root)[0] is RunStatus.DONE
        if not os.WIFSIGNALED(status):
            assert os.waitstatus_to_exitcode(status) == 0
            assert states == [RunStatus.DONE, RunStatus.DONE]
            break
        endings.append(states[0] if len(states) == 2 else None)
    # The kills reached all three phases: before the run was there, while it ran, and after it had ended.
    assert set(endings) == {None, RunStatus.INTERRUPTED, RunStatus.DONE}
    assert step > 30


def _acknowledged(work: Callable[[int], None], moment_s: float) -> int:
    """Let a child do the work for 0, 1, 2, ...; kill it after a while; return how many it was told are safe."""
    reading_end, writing_end = os.pipe()

    def loop() -> None:
        os.close(reading_end)
        for n in range(1_000_000):
            work(n)
            os.write(writing_end, b".")

    child = _child(loop)
    os.close(writing_end)
    told = len(os.read(reading_end, 1))
    select.select([], [], [], moment_s)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    while part := os.read(reading_end, 65_536):
        told += len(part)
    os.close(reading_end)
    return told


def test_no_acknowledged_trial_is_lost_and_a_batch_is_whole_or_absent(tmp_path: Path) -> None:
    chance = random.Random(7)
    path = tmp_path / "lab.db"
    TrialLedger.open(path).close()
    for attempt in range(12):
        ledger = TrialLedger.open(path)

        def work(n: int, attempt: int = attempt, ledger: TrialLedger = ledger) -> None:
            ledger.record_many(
                Trial(f"d{attempt}", "s", f"{n}-{k}", "backtest", "sweep", "", 0.1, 10, 1) for k in range(20)
            )

        told = _acknowledged(work, chance.uniform(0, 0.05))
        kept = TrialLedger.open(path).count(f"d{attempt}")
        assert told > 0
        assert kept % 20 == 0
        assert told * 20 <= kept <= (told + 1) * 20


def test_a_database_killed_at_any_statement_of_its_making_opens_again(tmp_path: Path) -> None:
    killed, step = True, 0
    while killed:
        step += 1
        path = tmp_path / f"{step}.db"

        def work(path: Path = path, step: int = step) -> None:
            observe = _kill_at(step)
            sa.event.listen(sa.Engine, "before_cursor_execute", lambda *_: observe("statement", path))
            TrialLedger.open(path).close()

        _, status = os.waitpid(_child(work), 0)
        killed = os.WIFSIGNALED(status)
        ledger = TrialLedger.open(path)
        assert ledger.record(Trial("d", "s", "c", "backtest", "run", "", 0.1, 10, 1))
        verify(open_database(path))
    assert os.waitstatus_to_exitcode(status) == 0
    assert step > 10


def test_no_acknowledged_lesson_is_lost(tmp_path: Path) -> None:
    chance = random.Random(7)
    for attempt in range(12):
        base = KnowledgeBase(tmp_path / f"{attempt}.jsonl")

        def work(n: int, base: KnowledgeBase = base) -> None:
            base.add(Lesson(pair="BTC/USD", timeframe="1h", strategy="s", verdict="edge", dataset=f"d{n:06}"))

        told = _acknowledged(work, chance.uniform(0, 0.05))
        found = [one.dataset for one in base.lessons()]
        assert found == [f"d{n:06}" for n in range(len(found))]
        assert told <= len(found) <= told + 1
        assert base.add(Lesson(pair="BTC/USD", timeframe="1h", strategy="s", verdict="edge", dataset="after"))
