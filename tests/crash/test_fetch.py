"""Kill `data fetch` while it works, and let everything go wrong at the venue: the lake is that of a quiet fetch."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
STRIDE = 4
"""Every so many writes one kill; 1 takes minutes."""

# Imported once and forked before any of it is used: a fresh interpreter for every write would take minutes.
EVERY = """
import os, shutil, signal, sys
from pathlib import Path
from tradecore.core.seeds import generator
from tradecore.core.types import Pair, parse_time
from tradecore.market.fetching.job import Jobs, Request
from tradecore.market.fetching.runner import JobRunner, Surroundings
from tradecore.market.lake import Lake
from tradecore.storage.atomic_io import observed
from tradecore.testing.fake_kraken import FakeKraken, FakeSettings, Tape
from tradecore.testing.fake_kraken.memory import MemoryTransport
from tradecore.testing.virtual_time import run_virtual
from tradecore.venues.kraken.addresses import Addresses
from tradecore.venues.kraken.limits import Pace
from tradecore.venues.kraken.public import KrakenPublic

BTC, START, NOW = Pair.parse("BTC/USD"), parse_time("2024-01-30"), parse_time("2024-06-01")
TAPE = Tape.synthetic(5, START, 9_000, per_second=9_000 / (40 * 86_400), tie_share=0.5)

def run(root, at):
    steps = 0
    def kill(step, path):
        nonlocal steps
        if Path(path).name == "job.json":  # written every two seconds, and whole or not at all like the others
            return
        if steps == at:
            os.kill(os.getpid(), signal.SIGKILL)
        steps += 1
    async def work(clock):
        fake = FakeKraken({BTC: TAPE}, clock, FakeSettings(public_limit=None, pair_limit=None, split_ties=True))
        jobs = Jobs(root / "jobs")
        found = jobs.all()
        request = Request("kraken", "trades", (BTC,), ((START, parse_time("2024-03-05")),), False, "words")
        async with MemoryTransport(fake) as transport:
            venue = KrakenPublic(transport, Addresses(), clock, Pace(clock))
            with observed(kill):
                job = found[0] if found else jobs.make(request, clock.now())
                lake = Lake(root / "data", clock=clock)
                around = Surroundings(lake, jobs, clock, venue.trades, generator(1, "x"))
                with jobs.working(job.id):
                    done = await JobRunner(job, around, lambda pair, progress: None).run()
        assert done.state == "done", done
        assert lake.verify() == ()
    run_virtual(work, NOW)

def files(root):
    data = root / "data"
    found = [one for one in data.rglob("*") if one.is_file() and one.name != ".lock"]
    return {str(one.relative_to(data)): one.read_bytes() for one in found}

def forked(root, at):
    child = os.fork()
    if not child:
        code = 1
        try:
            run(root, at)
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

root = Path(sys.argv[1])
assert forked(root / "quiet", -1) == 0
quiet = files(root / "quiet")
kills = 0
for at in range(0, 1000, int(sys.argv[2])):
    code = forked(root / "killed", at)
    if code == 0:
        break
    assert code == -signal.SIGKILL, code
    kills += 1
    assert forked(root / "killed", -1) == 0
    assert files(root / "killed") == quiet, at
    shutil.rmtree(root / "killed")
print(kills, len(quiet))
"""


@pytest.mark.slow
def test_a_fetch_killed_at_its_writes_goes_on_to_the_same_bytes(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", EVERY, str(tmp_path), str(STRIDE)],
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    kills, files = map(int, done.stdout.split())
    assert kills > 60 // STRIDE
    assert files > 6


def _benchmark(name: str, *words: str) -> str:
    done = subprocess.run(
        [sys.executable, str(REPOSITORY / "benchmarks" / name), *words],
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:] + done.stdout[-2000:]
    return done.stdout


@pytest.mark.slow
def test_the_real_command_killed_at_random_moments_ends_with_the_same_bytes() -> None:
    assert "15 kills" in _benchmark("fetch_kills.py", "--kills", "15")


@pytest.mark.slow
def test_30_000_trades_come_whole_through_every_fault() -> None:
    assert "30,000 trades complete and contiguous" in _benchmark("fetch_faults.py", "--trades", "30000")
