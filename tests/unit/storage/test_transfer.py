"""Files on their way: held against their hash in either direction, in little memory, all stopped by one fault."""

from __future__ import annotations

import hashlib
import threading
import tracemalloc
from pathlib import Path

import pytest

from tradecore.core.errors import DataError, InterruptedRunError, NothingThereError, StorageError
from tradecore.storage.objectstore import Folder
from tradecore.storage.transfer import SMALL_BYTES, Content, Told, fetch, interruptible, run_all, send


def nobody(count: int) -> None:
    """Be told and do nothing."""


def made(root: Path, name: str, data: bytes) -> Content:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return Content(name, len(data), hashlib.sha256(data).hexdigest())


@pytest.fixture
def place(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "place")


@pytest.mark.parametrize("size", [0, 1, 5000, SMALL_BYTES, SMALL_BYTES + 1, 3 * SMALL_BYTES], ids=str)
def test_what_was_sent_is_fetched(tmp_path: Path, place: Folder, size: int) -> None:
    data = (b"0123456789abcdef" * (size // 16 + 1))[:size]
    content = made(tmp_path / "here", "a/b.bin", data)
    told: list[int] = []
    send(place, tmp_path / "here", content, told.append)
    assert sum(told) == size
    fetch(place, tmp_path / "there", content, told.append)
    assert sum(told) == 2 * size
    assert (tmp_path / "there" / "a/b.bin").read_bytes() == data


@pytest.mark.parametrize("size", [100, SMALL_BYTES + 100], ids=["small", "large"])
@pytest.mark.parametrize("change", [lambda d: d[:-1], lambda d: d + b"x", lambda d: b"\1" + d[1:]], ids=["-", "+", "~"])
def test_a_file_that_is_not_as_stated_is_not_put(tmp_path: Path, place: Folder, size: int, change: object) -> None:
    data = bytes(size)
    content = made(tmp_path / "here", "x", data)
    (tmp_path / "here" / "x").write_bytes(change(data))  # type: ignore[operator]
    with pytest.raises(DataError, match="damaged"):
        send(place, tmp_path / "here", content, nobody)
    assert place.sizes("") == {}
    assert not list(place.root.rglob("*.tmp"))


def test_an_object_that_is_not_as_stated_leaves_no_file(tmp_path: Path, place: Folder) -> None:
    content = Content("x", 4, hashlib.sha256(b"good").hexdigest())
    place.create("x", b"evil")
    with pytest.raises(DataError, match="push it again from a lake that is sound"):
        fetch(place, tmp_path / "there", content, nobody)
    assert [path for path in (tmp_path / "there").rglob("*") if path.is_file()] == []


def test_a_large_file_takes_little_memory(tmp_path: Path, place: Folder) -> None:
    content = made(tmp_path / "here", "x", bytes(96 * 1024 * 1024))
    tracemalloc.start()
    try:
        send(place, tmp_path / "here", content, nobody)
        fetch(place, tmp_path / "there", content, nobody)
        assert tracemalloc.get_traced_memory()[1] < 8 * 1024 * 1024
    finally:
        tracemalloc.stop()


def test_the_first_fault_stops_all_and_is_told() -> None:
    begun: list[int] = []
    gate = threading.Event()

    def fine(number: int) -> object:
        def work(told: Told) -> None:
            begun.append(number)
            gate.wait(5)
            told(1)

        return work

    def bad(told: Told) -> None:
        gate.set()
        raise StorageError("the line is cut")

    with pytest.raises(StorageError, match="the line is cut"):
        run_all([fine(0), bad, *(fine(number) for number in range(1, 50))], 2, nobody)  # type: ignore[list-item]
    assert len(begun) < 50


def test_an_interruption_stops_what_is_on_its_way() -> None:
    stopped: list[bool] = []

    def endless(told: Told) -> None:
        try:
            while True:
                told(1)
        except InterruptedRunError:
            stopped.append(True)
            raise

    def interrupt(done: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_all([endless, lambda told: None], 2, interrupt)
    assert stopped == [True]


def test_an_interruption_does_not_wait_for_a_request_that_blocks() -> None:
    blocked = threading.Event()

    def interrupt(done: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_all([lambda told: blocked.wait(60) and None], 1, interrupt)
    blocked.set()


def test_interruptible_work_returns_and_raises_as_it_would_have() -> None:
    assert interruptible(lambda: 7) == 7
    with pytest.raises(StorageError, match="gone"):
        interruptible(fail)


def fail() -> None:
    raise StorageError("gone")


def test_a_missing_object_is_told_by_name(tmp_path: Path, place: Folder) -> None:
    with pytest.raises(NothingThereError, match="no object nowhere"):
        fetch(place, tmp_path, Content("nowhere", 1, "0" * 64), nobody)
