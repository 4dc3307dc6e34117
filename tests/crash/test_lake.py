"""Kill -9 at every write and at random moments: the lake is as before or complete, and going on ends the same."""

from __future__ import annotations

import io
import random
import shutil
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from tradecore.core.types import Pair, Timeframe, parse_time
from tradecore.market.ingest import import_path
from tradecore.market.lake import Lake
from tradecore.market.tiers import retain

DAY = 1_672_531_200
BTC = Pair.parse("BTC/USD")
NOW = parse_time("2023-02-01")

WORK = """
import os, signal, sys
from pathlib import Path
from tradecore.core.types import Pair, Timeframe, parse_time
from tradecore.market.ingest import import_path
from tradecore.market.lake import Lake
from tradecore.market.tiers import retain
from tradecore.storage.atomic_io import observed

def run(root, what, at):
    steps = 0
    def kill(step, path):
        nonlocal steps
        if steps == at:
            os.kill(os.getpid(), signal.SIGKILL)
        steps += 1
    with observed(kill):
        if what == "retain":
            keep = {Timeframe.parse("1m"): 10, Timeframe.parse("5m"): 20}
            retain(Lake(root), "kraken", Pair.parse("BTC/USD"), keep, parse_time("2023-02-01"))
        else:
            import_path(Lake(root), Path(what))
"""
# Imported once and forked before any of it is used: a fresh interpreter per kill would take minutes.
EVERY = (
    WORK
    + """
for at in range(200):
    child = os.fork()
    if not child:
        run(os.path.join(sys.argv[1], f"kill-{at}"), sys.argv[2], at)
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    print(code, flush=True)
    if code != -signal.SIGKILL:
        sys.exit(code)
"""
)
ONE = WORK + "\nprint('ready', flush=True)\nrun(sys.argv[1], sys.argv[2], -1)\n"


def _zip(path: Path, **members: str) -> Path:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in members.items():
            archive.writestr(f"{name}.csv", text)
    path.write_bytes(buffer.getvalue())
    return path


def _bars(minutes: range, price: int = 100) -> str:
    return "".join(f"{DAY + 60 * m},{price},{price + 2},{price - 1},{price + 1},1.5,3\n" for m in minutes)


def _trades(count: int, apart: int) -> str:
    return "".join(f"{DAY + apart * i},{100 + i % 7},0.5\n" for i in range(count))


def _hashes(lake: Lake) -> dict[str, str]:
    return {str(one.key): one.hash for one in lake.datasets()}


def _kill_everywhere(root: Path, what: str, before: Lake, after: dict[str, str]) -> int:
    """Kill the work at each numbered write in turn; check what is left, and that going on gives the end state."""
    start = _hashes(before)
    for at in range(60):
        shutil.copytree(before.root, root / f"kill-{at}")
    command = [sys.executable, "-c", EVERY, str(root), what]
    codes = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, timeout=300).stdout.split()
    assert codes == ["-9"] * (len(codes) - 1) + ["0"]
    for at, code in enumerate(codes):
        lake = Lake(root / f"kill-{at}")
        assert _hashes(lake) == after if code == "0" else _hashes(lake) in (start, after)
        assert lake.verify() == ()
        _go_on(lake, what)
        assert _hashes(lake) == after
        named = {lake.root / file.path for one in lake.datasets() for file in one.manifest.files}
        named |= {lake.root / "manifests" / f"{one}.json" for one in after.values()}
        named |= {lake.root / "manifest.json", lake.root / ".lock"}
        assert {path for path in lake.root.rglob("*") if path.is_file()} == named
    return len(codes) - 1


def _go_on(lake: Lake, what: str) -> None:
    if what == "retain":
        retain(lake, "kraken", BTC, {Timeframe.parse("1m"): 10, Timeframe.parse("5m"): 20}, NOW)
    else:
        import_path(lake, what)


@pytest.mark.slow
def test_an_import_killed_at_any_write_is_whole_or_not_there(tmp_path: Path) -> None:
    before = Lake(tmp_path / "before")
    import_path(before, _zip(tmp_path / "old.zip", XBTUSD_1=_bars(range(50))))
    new = _zip(tmp_path / "new.zip", XBTUSD_1=_bars(range(30, 90)), ETHUSD=_trades(40, 86_400))
    whole = Lake(tmp_path / "whole")
    for path in (tmp_path / "old.zip", new):
        import_path(whole, path)
    assert _kill_everywhere(tmp_path, str(new), before, _hashes(whole)) > 20


@pytest.mark.slow
def test_retention_killed_at_any_write_keeps_every_bar_once(tmp_path: Path) -> None:
    before = Lake(tmp_path / "before")
    import_path(before, _zip(tmp_path / "old.zip", XBTUSD_1=_bars(range(0, 31 * 1440, 3))))
    whole = Lake(tmp_path / "whole")
    import_path(whole, tmp_path / "old.zip")
    _go_on(whole, "retain")
    assert len(_hashes(whole)) == 3
    assert _kill_everywhere(tmp_path, "retain", before, _hashes(whole)) > 8


@pytest.mark.slow
def test_an_import_killed_at_random_moments_is_whole_or_not_there(tmp_path: Path) -> None:
    new = _zip(tmp_path / "new.zip", XBTUSD_1=_bars(range(100_000)), ETHUSD=_trades(100_000, 60))
    whole = Lake(tmp_path / "whole")
    begun = time.perf_counter()
    import_path(whole, new)
    lasts = time.perf_counter() - begun
    chance = random.Random(7)
    lake = Lake(tmp_path / "lake")
    killed = 0
    for _ in range(8):
        command = [sys.executable, "-c", ONE, str(lake.root), str(new)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as work:
            assert work.stdout is not None
            assert work.stdout.readline() == "ready\n"
            try:
                work.wait(chance.uniform(0, 1.2 * lasts))
            except subprocess.TimeoutExpired:
                work.kill()
                killed += 1
        assert _hashes(lake) in ({}, _hashes(whole))
        assert lake.verify() == ()
        if _hashes(lake):
            lake = Lake(tmp_path / f"lake-{killed}")
    assert killed >= 2
    import_path(lake, new)
    assert _hashes(lake) == _hashes(whole)
