"""Kill -9 at every write of a push or a pull: nothing is visible that was not finished, and going on ends the same."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tradecore.core.types import Pair, Timeframe
from tradecore.market import commits
from tradecore.market.lake import Lake
from tradecore.market.sync import pull, push
from tradecore.market.synthetic import make
from tradecore.storage.objectstore import Folder

# Imported once and forked for each kill; one transfer at a time, so that the writes come in one order.
EVERY = """
import os, signal, sys
from pathlib import Path
from tradecore.market.lake import Lake
from tradecore.market.sync import How, pull, push
from tradecore.storage.atomic_io import observed
from tradecore.storage.objectstore import Folder

class Place(Folder):
    identity = "one place"  # type: ignore[assignment]

def run(root, what, at):
    steps = 0
    def kill(step, path):
        nonlocal steps
        if steps == at:
            os.kill(os.getpid(), signal.SIGKILL)
        steps += 1
    with observed(kill):
        move = push if what == "push" else pull
        move(Lake(root / "lake"), Place(root / "place"), How(at_once=1))

for at in range(200):
    child = os.fork()
    if not child:
        run(Path(sys.argv[1]) / str(at), sys.argv[2], at)
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    print(code, flush=True)
    if code != -signal.SIGKILL:
        sys.exit(code)
"""


class Place(Folder):
    """A folder that is the same place wherever it was copied to, as a bucket would be."""

    identity = "one place"  # type: ignore[assignment]


def add(lake: Lake, name: str, bars: int) -> None:
    whole = make("noise", pair=Pair.parse(name), timeframe=Timeframe.parse("1h"), bars=200, seed=1)
    lake.commit(whole[:bars], venue="synthetic-noise-1")


def content(root: Path) -> dict[str, bytes]:
    """Return every file but locks, temp files, and the records of what was agreed, which name the place."""
    files = (path for path in root.rglob("*") if path.is_file() and path.name != ".lock" and path.suffix != ".tmp")
    return {str(path.relative_to(root)): path.read_bytes() for path in files if "remotes" not in path.parts}


@pytest.mark.slow
@pytest.mark.parametrize("what", ["push", "pull"])
def test_a_sync_killed_at_any_write_is_whole_or_not_there(tmp_path: Path, what: str) -> None:
    old, new, place = Lake(tmp_path / "old"), Lake(tmp_path / "new"), Place(tmp_path / "place")
    for lake in (old, new):
        add(lake, "BTC/USD", 48)
    push(old, place)
    pull(new, place)
    add(new, "BTC/USD", 60)
    add(new, "ETH/USD", 60)
    grown, after = shutil.copytree(new.root, tmp_path / "grown"), tmp_path / "after"
    shutil.copytree(place.root, after)
    push(new, Place(after))
    start, begun = (grown, place.root) if what == "push" else (old.root, after)
    for at in range(90):
        shutil.copytree(start, tmp_path / "kill" / str(at) / "lake")
        shutil.copytree(begun, tmp_path / "kill" / str(at) / "place")
    command = [sys.executable, "-c", EVERY, str(tmp_path / "kill"), what]
    codes = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, timeout=300).stdout.split()
    assert codes == ["-9"] * (len(codes) - 1) + ["0"]
    assert len(codes) > 20
    for at, code in enumerate(codes):
        lake, there = Lake(tmp_path / "kill" / str(at) / "lake"), Place(tmp_path / "kill" / str(at) / "place")
        assert commits.newest(there) in [commits.newest(Place(root)) for root in (place.root, after)]
        assert lake.datasets() in (old.datasets(), new.datasets())
        assert lake.verify() == ()
        done = (push if what == "push" else pull)(lake, there)
        assert not (code == "0" and done.files)
        assert content(lake.root) == content(new.root)
        assert content(there.root) == content(after)
