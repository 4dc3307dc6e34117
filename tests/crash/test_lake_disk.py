"""A disk that is really full and one that is really read-only; both need the right to mount, so they may be skipped."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tradecore.core.errors import StateRefusedError
from tradecore.market.ingest import import_path
from tradecore.market.lake import Lake

DAY = 1_672_531_200


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a disk of one megabyte."""
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)]
    try:
        done = subprocess.run(command, check=False, capture_output=True)
    except FileNotFoundError:
        pytest.skip("no mount command here")
    if done.returncode:
        pytest.skip("not allowed to mount a disk here")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def _archive(path: Path, minutes: range) -> Path:
    rows = (f"{DAY + 60 * m},{100 + m % 97},{300 + m % 89},1,{100 + m % 83},{m * 7919 % 10007},3\n" for m in minutes)
    path.write_text("".join(rows))
    return path


def test_a_full_disk_is_told_with_the_remedy_and_the_lake_is_as_before(small_disk: Path, tmp_path: Path) -> None:
    lake = Lake(small_disk / "lake")
    import_path(lake, _archive(tmp_path / "XBTUSD_1.csv", range(1000)))
    before = {str(one.key): one.hash for one in lake.datasets()}
    files = sorted(path for path in lake.root.rglob("*") if path.is_file())
    with pytest.raises(StateRefusedError, match=r"disk is full; free some space"):
        import_path(lake, _archive(tmp_path / "ETHUSD_1.csv", range(200_000)))
    assert {str(one.key): one.hash for one in lake.datasets()} == before
    assert sorted(path for path in lake.root.rglob("*") if path.is_file()) == files
    assert lake.verify() == ()


def test_a_read_only_disk_is_told_with_the_remedy_and_can_still_be_read(small_disk: Path, tmp_path: Path) -> None:
    lake = Lake(small_disk / "lake")
    path = _archive(tmp_path / "XBTUSD_1.csv", range(1000))
    import_path(lake, path)
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(StateRefusedError, match=r"read-only; choose a folder that can be written"):
        import_path(lake, _archive(tmp_path / "ETHUSD_1.csv", range(10)))
    assert len(lake.datasets()) == 1
    assert lake.verify() == ()
