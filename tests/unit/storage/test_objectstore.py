"""Objects in a folder, and what a URL may say. The bucket is tested against a server in tests/integration."""

from __future__ import annotations

import pickle
import threading
from pathlib import Path

import pytest

from tradecore.core.errors import NothingThereError, StorageError, UsageError
from tradecore.core.secret import Secret
from tradecore.storage.objectstore import Folder, S3Access, open_bucket, open_folder

CANARY = "canary-secret-0123456789"


def test_an_object_is_created_once_and_never_replaced(tmp_path: Path) -> None:
    place = Folder(tmp_path)
    assert place.create("a/b", b"first")
    assert not place.create("a/b", b"second")
    assert b"".join(place.stream("a/b")) == b"first"


def test_of_many_who_create_one_object_one_succeeds(tmp_path: Path) -> None:
    won: list[int] = []
    start = threading.Barrier(8)

    def race(number: int) -> None:
        start.wait()
        if Folder(tmp_path).create("commits/00000001.json", str(number).encode()):
            won.append(number)

    threads = [threading.Thread(target=race, args=(number,)) for number in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(won) == 1
    assert b"".join(Folder(tmp_path).stream("commits/00000001.json")) == str(won[0]).encode()


def test_what_stops_half_way_is_not_there(tmp_path: Path) -> None:
    place = Folder(tmp_path)

    def parts() -> object:
        yield b"half"
        raise RuntimeError("gone")

    with pytest.raises(RuntimeError):
        place.put("x", parts())  # type: ignore[arg-type]
    assert place.sizes("") == {}
    with pytest.raises(NothingThereError):
        list(place.stream("x"))


def test_sizes_are_those_of_whole_files_below_a_folder(tmp_path: Path) -> None:
    place = Folder(tmp_path)
    place.create("a/b/c", b"123")
    place.create("a2/c", b"4")
    (tmp_path / "a" / ".x.1.tmp").write_bytes(b"left by a kill")
    assert place.sizes("a") == {"a/b/c": 3}


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageError, match="choose another folder"):
        Folder(tmp_path / "file" / "below").create("x", b"")


def test_a_folder_is_named_by_its_full_path(tmp_path: Path) -> None:
    folder = tmp_path / "with space"
    assert open_folder(folder.as_uri()).address == folder.as_uri()


@pytest.mark.parametrize(
    "url", ["lake", "/lake", "file://host/lake", "file:///", "ftp://x/y", "gs://bucket/x", "file:lake?"]
)
def test_a_url_that_names_no_folder_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match="expected"):
        open_folder(url)


@pytest.mark.parametrize(
    "url", ["s3://", "s3:///prefix", f"s3://key:{CANARY}@bucket/x", f"s3://bucket/x?secret={CANARY}"]
)
def test_a_url_with_a_secret_or_without_a_bucket_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(UsageError) as told:
        open_bucket(url, S3Access())
    assert CANARY not in str(told.value)


def test_an_open_bucket_shows_no_secret_and_is_not_pickled() -> None:
    pytest.importorskip("obstore")
    access = S3Access(Secret("canary-key-0123456789"), Secret(CANARY), Secret(CANARY))
    bucket = open_bucket("s3://bucket/prefix/", access)
    assert (bucket.address, bucket.identity) == ("s3://bucket/prefix", "s3://bucket/prefix at amazon us-east-1")
    for said in (repr(bucket), str(vars(bucket)), repr(access)):
        assert "canary" not in said
    for held in (bucket, access):
        with pytest.raises((TypeError, AttributeError)):
            pickle.dumps(held)


def test_without_the_library_a_bucket_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    for name in ("obstore", "obstore.store", "obstore.exceptions"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(UsageError, match=r"pip install 'tradecore\[s3\]'"):
        open_bucket("s3://bucket/x", S3Access())
