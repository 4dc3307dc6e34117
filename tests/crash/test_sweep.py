"""Kill -9 a sweep at its write points and at random moments, then ask again: nothing counted twice, nothing lost.

Each child is a process that is killed for real. The sweep that goes on must end with the very bytes of one
that was never interrupted, and the trial ledger must hold every candidate of it once.
"""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from tradecore.bootstrap import open_lab
from tradecore.control import data, sweeps
from tradecore.control.backtests import Ask
from tradecore.control.config import make_workspace
from tradecore.control.data import Recipe, Where
from tradecore.control.sweeps import SweepAsk

pytestmark = pytest.mark.slow

VENUE = "synthetic-planted-1"
LANES = SweepAsk(Ask("ma-cross", ("BTC/USD",), VENUE, "1h", grid={"fast": ("4:12:2",), "slow": ("20:40:10",)}), best=1)
COUNT = 15


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = make_workspace(tmp_path_factory.mktemp("lab") / "here").root
    data.synth(open_lab(root), Where("BTC/USD", timeframe="1h"), Recipe("planted", 60, 1))
    return root


@pytest.fixture(scope="module")
def whole(root: Path) -> sweeps.KeptSweep:
    """Return a sweep that was not interrupted."""
    return sweeps.run(open_lab(root), LANES, keep_every_s=0.0, workers=1)


def figures(kept: sweeps.KeptSweep) -> dict[str, bytes]:
    return {"figures": kept.swept.figures.tobytes(), "daily": kept.swept.daily.tobytes()}


CHILD = """
import os, signal, sys
from pathlib import Path
from tradecore.bootstrap import open_lab
from tradecore.control import sweeps
from tradecore.storage import atomic_io

left = int(sys.argv[2])

def observe(_name, _path):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)

lab = open_lab(Path(sys.argv[1]))
asked = sweeps.asked_of(lab, sys.argv[3])
print("begins", flush=True)
with atomic_io.observed(observe):
    sweeps.run(lab, asked, keep_every_s=0.0, workers=2)
"""


def killed(root: Path, model: str, step: int = 0, delay: float | None = None) -> None:
    """Sweep in a process that is killed: by itself at a write point, or from here, `delay` seconds after it begins.

    A process of its own and no fork: the library that reads the lake does not survive one.
    """
    command = [sys.executable, "-c", CHILD, str(root), str(step), model]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "begins\n"
        if delay is not None:
            time.sleep(delay)
            child.kill()
        child.wait(120)


def check(root: Path, whole: sweeps.KeptSweep) -> None:
    """Ask again, and hold what comes out against the uninterrupted sweep and the ledger."""
    lab = open_lab(root)
    interrupted = {one.id for one in lab.runs.list() if one.status == "interrupted"}
    kept = sweeps.run(lab, LANES, keep_every_s=0.0)
    assert figures(kept) == figures(whole)
    assert not interrupted or kept.run.id in interrupted
    assert not [one for one in lab.runs.list() if one.status == "interrupted"]
    ledger = lab.trials.for_dataset(kept.bars[0].dataset)
    mine = [one.config for one in ledger if one.run == kept.run.id]
    assert len(mine) == COUNT
    assert set(Counter(mine).values()) == {1}
    assert lab.trials.count(kept.bars[0].dataset) == COUNT


@pytest.mark.parametrize("step", [1, 7, 9, 12, 15, 18, 21, 33, 58, 77, 90])
def test_a_sweep_killed_at_a_write_point_goes_on_and_ends_the_same(
    root: Path, whole: sweeps.KeptSweep, step: int
) -> None:
    killed(root, whole.run.id, step)
    check(root, whole)


@pytest.mark.parametrize("number", range(4))
def test_a_sweep_killed_at_a_random_moment_goes_on_and_ends_the_same(
    root: Path, whole: sweeps.KeptSweep, number: int
) -> None:
    killed(root, whole.run.id, delay=random.Random(number).uniform(0.05, 3.0))
    check(root, whole)


def test_a_sweep_killed_again_and_again_still_ends_the_same(root: Path, whole: sweeps.KeptSweep) -> None:
    for step in (13, 17, 22):
        killed(root, whole.run.id, step)
    check(root, whole)
