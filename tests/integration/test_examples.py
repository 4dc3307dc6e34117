"""The examples run as they stand, each in a process of its own, and show what they say they show."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
SHOWN = {
    "ten_lines.py": ("EmaRsiVolume", "BuyAndHold", "RandomEntry"),
    "my_strategy.py": ("PullbackBreakout", "determinism  passed", "keeps the contract"),
    "ensemble.py": ("Breakout", "Ensemble"),
    "evaluate.py": ("NO EVIDENCE OF EDGE", "hold-out"),
    "sweep.py": ("is no evidence of an edge", "worthless ones", "verdict: NO EVIDENCE OF EDGE"),
    "fake_kraken.py": ("trades in 24 hours", "520, as ordered", "1000 trades, cursor"),
    "lookahead.py": ("sees the future", "bars of history"),
}


def test_every_example_is_run_here() -> None:
    assert sorted(path.name for path in EXAMPLES.glob("*.py")) == sorted(SHOWN)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(SHOWN))
def test_an_example_runs_and_shows_what_it_says(name: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / name)], cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    assert [text for text in SHOWN[name] if text not in done.stdout] == []
    assert list(tmp_path.iterdir()) == []
