"""Kill `tradecore data fetch` again and again while it works; every lake it finishes must be that of a quiet fetch.

The real command against the fake venue on loopback, with faults, killed with -9 at random moments.
Run: make fetch-kills
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tradecore.core.clock import SystemClock
from tradecore.core.types import Pair, parse_time
from tradecore.testing.fake_kraken import FakeKraken, FakeSettings, Tape, serving

PAIRS = ("BTC/USD", "ETH/USD")
SINCE, UNTIL = "2024-01-20", "2024-04-10"
FAULTS = {"truncated_json": 0.02, "html_200": 0.01, "reset": 0.02, "lost_answer": 0.01}
PAGES_PER_SECOND = 25


@dataclass
class Figures:
    kills: int = 0
    runs: int = 0
    lakes: int = 0
    files: int = 0


def venue(trades: int) -> FakeKraken:
    """Return a fake venue with a tape of several months for each pair, with many trades at one moment."""
    start = parse_time("2024-01-10")
    rate = trades / (95 * 86_400)
    tapes = {
        Pair.parse(pair): Tape.synthetic(seed, start, trades, per_second=rate, tie_share=0.5)
        for seed, pair in enumerate(PAIRS, 1)
    }
    return FakeKraken(tapes, SystemClock(), FakeSettings(public_limit=None, pair_limit=None, split_ties=True))


def hashes(lake: Path) -> dict[str, str]:
    """Return every file below a lake with its sha256."""
    return {
        path.relative_to(lake).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(lake.rglob("*"))
        if path.is_file() and path.name != ".lock"
    }


def command(workspace: Path, url: str, rate: float) -> list[str]:
    """Return the command as a person types it, pointed at the fake."""
    given = {"kraken.rest_address": url, "kraken.requests_per_second": rate}
    settings = [word for key, value in given.items() for word in ("--set", f"{key}={value}")]
    words = ["data", "fetch", *PAIRS, "--since", SINCE, "--until", UNTIL]
    return [sys.executable, "-m", "tradecore", "--workspace", str(workspace), *settings, *words]


def new_workspace(path: Path) -> Path:
    """Make an empty workspace."""
    shutil.rmtree(path, ignore_errors=True)
    subprocess.run(
        [sys.executable, "-m", "tradecore", "init", str(path)], check=True, stdout=subprocess.DEVNULL, timeout=120
    )
    return path


def killed(asked: list[str], chance: random.Random, longest_s: float) -> bool:
    """Run the command and kill it some time after its job began; return whether it was still at work then."""
    with subprocess.Popen(asked, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as work:
        assert work.stderr is not None
        line = work.stderr.readline()
        if not line.startswith("job ") and work.wait(60):
            raise SystemExit(f"the command failed: {line}{work.stderr.read()}")
        try:
            code = work.wait(chance.uniform(0, longest_s))
        except subprocess.TimeoutExpired:
            work.kill()
            return True
        if code:
            raise SystemExit(f"the command ended with {code}: {line}{work.stderr.read()}")
        return False


def finished(asked: list[str]) -> None:
    """Run the command to its end."""
    subprocess.run(asked, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=600)


def main() -> None:
    """Kill as often as asked and print the figures; end with 1 when a lake differs."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--kills", type=int, default=200)
    options.add_argument("--trades", type=int, default=40_000)
    options.add_argument("--seed", type=int, default=7)
    asked = options.parse_args()
    chance, figures, began = random.Random(asked.seed), Figures(), time.monotonic()
    fake = venue(asked.trades)
    with tempfile.TemporaryDirectory() as folder, serving(fake) as server:
        quiet = new_workspace(Path(folder) / "quiet")
        finished(command(quiet, server.url, 1000))
        whole = hashes(quiet / "data")
        for name, rate in FAULTS.items():
            fake.faults.on(name, rate=rate, endpoint="Trades")
        workspace = new_workspace(Path(folder) / "killed")
        while figures.kills < asked.kills:
            figures.runs += 1
            if killed(command(workspace, server.url, PAGES_PER_SECOND), chance, 0.8):
                figures.kills += 1
                continue
            compare(whole, workspace, figures)
            workspace = new_workspace(Path(folder) / f"killed-{figures.runs}")
        finished(command(workspace, server.url, 1000))
        compare(whole, workspace, figures)
    print(
        f"{figures.kills} kills in {figures.runs} runs, {figures.lakes} finished lakes, each equal to the quiet one in "
        f"all {figures.files} files; {time.monotonic() - began:.0f} s on {os.cpu_count()} cores"
    )


def compare(whole: dict[str, str], workspace: Path, figures: Figures) -> None:
    """End the program where a finished lake has another file, or lacks one."""
    found = hashes(workspace / "data")
    figures.lakes, figures.files = figures.lakes + 1, len(found)
    if found != whole:
        differ = sorted(set(found.items()) ^ set(whole.items()))
        raise SystemExit(f"after {figures.kills} kills the lake differs: {differ[:10]}")


if __name__ == "__main__":
    main()
