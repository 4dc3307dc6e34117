"""`tradecore hello` as a stranger types it: a process of its own in an empty folder."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
WORDS = (sys.executable, "-m", "tradecore", "hello", "--no-browser", "--json")


def _hello(folder: Path, *words: str) -> dict[str, object]:
    done = subprocess.run([*WORDS, *words], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 1
    answer = json.loads(lines[0])
    assert isinstance(answer, dict)
    return answer


@pytest.mark.parametrize(("market", "verdict"), [("planted", "edge"), ("noise", "no evidence of edge")])
def test_it_says_edge_where_there_is_one_and_only_there(market: str, verdict: str, tmp_path: Path) -> None:
    answer = _hello(tmp_path, "--market", market)
    assert answer["verdict"] == verdict
    assert answer["is_synthetic"]
    assert answer["dataset"]
    report = Path(str(answer["report"]))
    assert report.is_relative_to(tmp_path.resolve() / "workspace" / "runs" / str(answer["run"]))
    assert "SYNTHETIC" in report.read_text(encoding="utf-8").upper()


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_ends_with_130_one_line_and_a_run_that_says_so(end: signal.Signals, tmp_path: Path) -> None:
    command = [part for part in WORDS if part != "--json"]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    for line in process.stderr:  # the first line of training says that the run has begun
        if line.startswith("training"):
            break
    process.send_signal(end)
    _, told = process.communicate()
    # CPython ends itself by SIGINT when the interruption passed through an exec(); a shell calls that 130 as well.
    assert process.returncode in (130, -signal.SIGINT)
    assert told.splitlines()[-1] == "error: interrupted; what was done so far is kept"
    records = [json.loads(path.read_text()) for path in (tmp_path / "workspace" / "runs").glob("*/run.json")]
    assert [record["status"] for record in records] == ["interrupted"]
