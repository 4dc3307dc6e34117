"""Nonces only rise: after a restart, a kill, a clock that goes back, and never from two processes at once."""

from __future__ import annotations

import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from tradecore.core.clock import ManualClock
from tradecore.core.errors import StateRefusedError
from tradecore.venues.kraken.nonces import BLOCK, NonceWriter

NOW = 1_760_000_000_000_000_000
COUNTING = """
import sys
from tradecore.core.clock import ManualClock
from tradecore.venues.kraken.nonces import NonceWriter
clock = ManualClock(int(sys.argv[2]))
writer = NonceWriter(__import__("pathlib").Path(sys.argv[1]), "key", clock)
print("ready", flush=True)
while True:
    number = writer.next()
    print(number, flush=True)
    clock.move_to(clock.now() + 7_000_000_000)
"""


def test_a_nonce_is_the_time_and_otherwise_one_more(tmp_path: Path) -> None:
    clock = ManualClock(NOW)
    with NonceWriter(tmp_path, "key", clock) as nonces:
        assert [nonces.next(), nonces.next()] == [NOW, NOW + 1]
        clock.move_to(NOW + 50)
        assert nonces.next() == NOW + 50


def test_a_clock_that_goes_back_takes_no_nonce_back(tmp_path: Path) -> None:
    with NonceWriter(tmp_path, "key", ManualClock(NOW)) as nonces:
        last = nonces.next()
    with NonceWriter(tmp_path, "key", ManualClock(NOW - 10**15)) as nonces:
        assert nonces.next() > last


def test_many_are_given_without_many_writes(tmp_path: Path) -> None:
    with NonceWriter(tmp_path, "key", ManualClock(NOW)) as nonces:
        nonces.next()
        before = (tmp_path / "nonce-key.json").stat().st_mtime_ns
        for _ in range(1000):
            nonces.next()
        assert (tmp_path / "nonce-key.json").stat().st_mtime_ns == before


def test_a_restart_begins_above_the_mark(tmp_path: Path) -> None:
    with NonceWriter(tmp_path, "key", ManualClock(NOW)) as nonces:
        nonces.next()
    with NonceWriter(tmp_path, "key", ManualClock(NOW)) as nonces:
        assert nonces.next() == NOW + BLOCK + 1


def test_a_second_writer_of_a_key_is_refused_at_once(tmp_path: Path) -> None:
    with NonceWriter(tmp_path, "key", ManualClock(NOW)):
        with pytest.raises(StateRefusedError, match="another process"):
            NonceWriter(tmp_path, "key", ManualClock(NOW))
        with NonceWriter(tmp_path, "other", ManualClock(NOW)) as other:
            assert other.next() == NOW
    with NonceWriter(tmp_path, "key", ManualClock(NOW)) as again:
        again.next()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"mark": -1}', '{"mark": "7"}', '{"mark": 1e30}', '{"other": 1}'])
def test_a_mark_that_cannot_be_read_is_refused_and_the_lock_given_back(tmp_path: Path, content: str) -> None:
    (tmp_path / "nonce-key.json").write_text(content)
    for _ in range(2):
        with pytest.raises(StateRefusedError, match="cannot be read"):
            NonceWriter(tmp_path, "key", ManualClock(NOW))


def test_a_clock_in_the_far_future_is_refused(tmp_path: Path) -> None:
    with (
        NonceWriter(tmp_path, "key", ManualClock((1 << 63) + 5)) as nonces,
        pytest.raises(StateRefusedError, match="clock that is right"),
    ):
        nonces.next()


def test_a_disk_that_fails_later_stops_no_request_and_is_told(tmp_path: Path) -> None:
    clock, folder = ManualClock(NOW), tmp_path / "state"
    with NonceWriter(folder, "key", clock) as nonces:
        first = nonces.next()
        shutil.rmtree(folder)
        folder.write_text("in the way")
        clock.move_to(NOW + 2 * BLOCK)
        second, third = nonces.next(), nonces.next()
        assert first < second < third
        assert nonces.unsaved is not None
        folder.unlink()
        nonces.next()
        assert nonces.unsaved is None


def test_a_disk_that_fails_at_the_start_is_refused(tmp_path: Path) -> None:
    (tmp_path / "nonce-key.json").mkdir()
    with pytest.raises(StateRefusedError):
        NonceWriter(tmp_path, "key", ManualClock(NOW))


def test_no_kill_makes_a_nonce_come_twice(tmp_path: Path) -> None:
    seen: list[int] = []
    for round_ in range(6):
        # The clock of each start stands before all of those before: only the mark on disk keeps the order.
        arguments = [sys.executable, "-c", COUNTING, str(tmp_path), str(NOW - round_ * 10**12)]
        with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            assert child.stdout.readline() == "ready\n"
            for _ in range(5 + 7 * round_):
                seen.append(int(child.stdout.readline()))
            child.kill()
            seen += [int(line) for line in child.stdout.read().splitlines(keepends=True) if line.endswith("\n")]
    assert len(seen) > 100
    assert all(earlier < later for earlier, later in pairwise(seen))
