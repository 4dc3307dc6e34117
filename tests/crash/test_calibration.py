"""Kill -9 a calibration: nothing that was kept is lost, played again or counted twice, and no worker is left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tradecore.backtest.calibrate import calibrate, identity, tasks
from tradecore.backtest.calibration_result import summarise
from tradecore.backtest.calibration_work import Calibration
from tradecore.registry.outcomes import open_outcomes

PLAN = Calibration(
    seed=5, markets=4, planted=0, kinds=("gbm",), years=(1,), configurations=8, truth=0, replications=0, tracks=0
)
CHILD = """
import sys
from pathlib import Path
from tradecore.backtest.calibrate import calibrate, identity
from tradecore.backtest.calibration_work import Calibration
from tradecore.registry.outcomes import open_outcomes
if __name__ == "__main__":
    plan = Calibration(
        seed=5, markets=4, planted=0, kinds=("gbm",), years=(1,), configurations=8, truth=0, replications=0, tracks=0
    )
    with open_outcomes(Path(sys.argv[1]), identity(plan, None)) as store:
        calibrate(plan, store=store, workers=2)
"""
LONGEST_S = 240.0

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL")]


def lines(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


def test_a_killed_calibration_goes_on_where_it_was_and_ends_with_the_same_bytes(tmp_path: Path) -> None:
    path, script = tmp_path / "outcomes.jsonl", tmp_path / "child.py"
    script.write_text(CHILD)
    child = subprocess.Popen([sys.executable, str(script), str(path)])
    end = time.monotonic() + LONGEST_S
    while lines(path) < 2 and time.monotonic() < end and child.poll() is None:
        time.sleep(0.02)
    workers = psutil.Process(child.pid).children(recursive=True)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    _, left = psutil.wait_procs(workers, timeout=30)
    assert left == [], "workers end with their parent"

    path.write_bytes(path.read_bytes() + b'{"key": "no edge/gbm/1y/0/0')  # as a kill within a write leaves it
    with open_outcomes(path, identity(PLAN, None)) as store:
        kept = store.done()
        assert 1 <= len(kept) < len(tasks(PLAN))
        played: list[int] = []
        found = calibrate(PLAN, store=store, workers=1, tell=lambda _, done, total: played.append(done))
    assert played[0] == len(kept)
    assert json.loads(path.read_text().splitlines()[1])["value"] == kept[next(iter(kept))]
    assert lines(path) == 1 + len(tasks(PLAN)), "each outcome stands there once"

    whole = calibrate(PLAN, workers=1)
    assert json.dumps(found) == json.dumps(whole)
    assert summarise(PLAN, found) == summarise(PLAN, whole)
