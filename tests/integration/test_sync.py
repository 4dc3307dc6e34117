"""A bucket over a real socket, by moto: what a lake is after a push and a pull, and what errors give away."""

from __future__ import annotations

import json
import logging
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tradecore.core.errors import DataError, NothingThereError, StorageError
from tradecore.core.secret import Secret
from tradecore.core.types import Pair, Timeframe
from tradecore.market import commits
from tradecore.market.commits import OvertakenError
from tradecore.market.lake import Lake
from tradecore.market.sync import Sync, pull, push
from tradecore.market.synthetic import make
from tradecore.storage.objectstore import Objects, S3Access, open_bucket
from tradecore.storage.transfer import SMALL_BYTES, Content, fetch, send

pytest.importorskip("obstore")
pytest.importorskip("moto")

KEY, SECRET = "AKIACANARYKEY0000001", "canary-secret-3f9a7b1c"
BUCKET = "lake"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """Run an S3 server on loopback and return its address."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    running = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    yield f"http://{host}:{port}"
    running.stop()


@pytest.fixture(scope="module")
def bucket(server: str) -> Any:
    """Return boto's view of the bucket, to look at it, and to damage it, from outside."""
    import boto3

    client = boto3.client(
        "s3", endpoint_url=server, region_name="us-east-1", aws_access_key_id=KEY, aws_secret_access_key=SECRET
    )
    client.create_bucket(Bucket=BUCKET)
    return client


@pytest.fixture
def place(server: str, bucket: Any, request: pytest.FixtureRequest) -> Objects:
    """Return an empty prefix of the bucket."""
    prefix = request.node.name.replace("[", "-").replace("]", "")
    return open_bucket(f"s3://{BUCKET}/{prefix}", access(server))


def access(server: str) -> S3Access:
    return S3Access(Secret(KEY), Secret(SECRET), endpoint=server, timeout_s=10.0, part_bytes=5 * 1024 * 1024)


def lake(root: Path, pairs: tuple[str, ...] = ("BTC/USD", "ETH/USD"), bars: int = 48) -> Lake:
    made = Lake(root)
    for name in pairs:
        whole = make("noise", pair=Pair.parse(name), timeframe=Timeframe.parse("1h"), bars=400, seed=1)
        made.commit(whole[:bars], venue="synthetic-noise-1")
    return made


def content(of: Lake) -> dict[str, bytes]:
    """Return every file of a lake but its lock."""
    files = (path for path in of.root.rglob("*") if path.is_file() and path.name != ".lock")
    return {path.relative_to(of.root).as_posix(): path.read_bytes() for path in files}


def test_a_lake_pushed_and_pulled_into_an_empty_one_is_the_same_to_the_byte(tmp_path: Path, place: Objects) -> None:
    ours, theirs = lake(tmp_path / "ours"), Lake(tmp_path / "theirs")
    push(ours, place)
    got = pull(theirs, place)
    assert content(theirs) == content(ours)
    assert theirs.verify() == ()
    assert got.files == 2
    assert push(ours, place).files == pull(theirs, place).files == 0


def test_a_large_file_travels_in_parts(tmp_path: Path, place: Objects) -> None:
    import hashlib

    data = random.Random(1).randbytes(2 * SMALL_BYTES + 7)
    (tmp_path / "big").write_bytes(data)
    large = Content("big", len(data), hashlib.sha256(data).hexdigest())
    send(place, tmp_path, large, lambda count: None)
    fetch(place, tmp_path / "there", large, lambda count: None)
    assert (tmp_path / "there" / "big").read_bytes() == data


def test_a_large_file_that_is_damaged_is_not_put(tmp_path: Path, place: Objects) -> None:
    (tmp_path / "big").write_bytes(bytes(2 * SMALL_BYTES))
    with pytest.raises(DataError, match="damaged"):
        send(place, tmp_path, Content("big", 2 * SMALL_BYTES, "0" * 64), lambda count: None)
    assert place.sizes("") == {}


def test_a_flipped_byte_at_the_store_is_refused(tmp_path: Path, place: Objects, bucket: Any) -> None:
    push(lake(tmp_path / "ours"), place)
    prefix = place.address.removeprefix(f"s3://{BUCKET}/")
    name = next(one for one in place.sizes("venue=synthetic-noise-1") if one.endswith(".parquet"))
    data = bytearray(bucket.get_object(Bucket=BUCKET, Key=f"{prefix}/{name}")["Body"].read())
    data[len(data) // 2] ^= 1
    bucket.put_object(Bucket=BUCKET, Key=f"{prefix}/{name}", Body=bytes(data))
    theirs = Lake(tmp_path / "theirs")
    with pytest.raises(DataError, match="damaged"):
        pull(theirs, place)
    assert theirs.datasets() == ()


def test_of_two_who_push_at_once_one_commits_and_the_other_is_told_to_pull(
    tmp_path: Path, server: str, place: Objects
) -> None:
    lakes = [lake(tmp_path / str(number), (f"{name}/USD",)) for number, name in enumerate(("BTC", "ETH", "SOL", "XRP"))]

    def one(ours: Lake) -> Sync | OvertakenError:
        try:
            return push(ours, open_bucket(place.address, access(server)))
        except OvertakenError as error:
            return error

    for _ in range(len(lakes)):  # every round at least one of those left gets through
        before = commits.newest(place).number
        with ThreadPoolExecutor(len(lakes)) as pool:
            done = list(pool.map(one, lakes))
        assert all(isinstance(end, OvertakenError) or end.is_done for end in done)
        assert commits.newest(place).number >= min(before + 1, len(lakes))
    everything = Lake(tmp_path / "all")
    pull(everything, place)
    assert [str(found.key.pair) for found in everything.datasets()] == ["BTC/USD", "ETH/USD", "SOL/USD", "XRP/USD"]


def test_what_the_store_refuses_is_told_without_a_key(
    tmp_path: Path, server: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG), pytest.raises(StorageError, match="no such bucket") as told:
        push(lake(tmp_path / "ours"), open_bucket("s3://no-such-bucket/x", access(server)))
    for canary in (KEY, SECRET):
        assert canary not in str(told.value) + caplog.text + repr(told.value.__dict__)


def test_where_nobody_answers_there_is_an_error_within_the_time(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    gone = open_bucket("s3://lake/x", S3Access(Secret(KEY), Secret(SECRET), endpoint=f"http://127.0.0.1:{port}"))
    with pytest.raises(StorageError, match="check the address"):
        pull(Lake(tmp_path), gone)


def test_nothing_is_pulled_where_nothing_was_pushed(tmp_path: Path, place: Objects) -> None:
    with pytest.raises(NothingThereError):
        pull(Lake(tmp_path), place)


@pytest.mark.parametrize("signal_sent", [signal.SIGINT, signal.SIGTERM])
def test_a_store_that_never_answers_can_be_interrupted(tmp_path: Path, signal_sent: signal.Signals) -> None:
    assert run("init", "ws", cwd=tmp_path).returncode == 0
    assert run("data", "synth", "gbm", "--days", "3", cwd=tmp_path / "ws").returncode == 0
    with socket.create_server(("127.0.0.1", 0)) as mute:
        mute.settimeout(60)
        at = f"http://127.0.0.1:{mute.getsockname()[1]}"
        command = [sys.executable, "-m", "tradecore", "data", "push", "s3://lake/x", "--endpoint", at]
        environment = os.environ | {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET}
        with subprocess.Popen(command, cwd=tmp_path / "ws", env=environment, stderr=subprocess.PIPE) as child:
            asked, _ = mute.accept()  # the command waits for an answer now
            with asked:
                child.send_signal(signal_sent)
                assert child.stderr is not None
                said = child.stderr.read()
                assert child.wait(timeout=10) == 130
    assert b"interrupted" in said


PUSH = """
import sys
from pathlib import Path
from tradecore.core.secret import Secret
from tradecore.market.lake import Lake
from tradecore.market.sync import How, pull, push
from tradecore.storage.objectstore import S3Access, open_bucket
place = open_bucket(sys.argv[2], S3Access(Secret("k"), Secret("s"), endpoint=sys.argv[3]))
print("ready", flush=True)
(push if sys.argv[4] == "push" else pull)(Lake(Path(sys.argv[1])), place, How(at_once=2))
"""


@pytest.mark.slow
@pytest.mark.parametrize("move", ["push", "pull"])
def test_killed_at_any_moment_it_leaves_nothing_visible_and_goes_on(
    tmp_path: Path, server: str, place: Objects, move: str
) -> None:
    ours, theirs = (
        lake(tmp_path / "ours", tuple(f"{name}/USD" for name in "ABCDEFGHIJKLMNOPQRST"), 300),
        Lake(tmp_path / "theirs"),
    )
    if move == "pull":
        push(ours, place)
    kills = 0
    for least in range(3, 39, 3):
        root = ours.root if move == "push" else theirs.root
        command = [sys.executable, "-c", PUSH, str(root), place.address, server, move]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
            while child.poll() is None and _moved(theirs, place, move) < least:
                time.sleep(0.002)
            child.kill()
            kills += child.wait() == -signal.SIGKILL
        if commits.newest(place).number == (0 if move == "push" else 1):
            assert theirs.datasets() in ((), ours.datasets())
        assert theirs.verify() == ()
    assert kills >= 3
    sent = push(ours, place)
    assert sent.files < 40  # what the killed ones had sent is not sent again
    pull(theirs, place)
    assert content(theirs) == content(ours)


def _moved(theirs: Lake, place: Objects, move: str) -> int:
    """Count what has arrived: objects at the store, or files in the lake."""
    if move == "push":
        return len(place.sizes("venue=synthetic-noise-1")) + len(place.sizes("manifests"))
    return len(list(theirs.root.glob("**/*.parquet")))


def run(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tradecore", *arguments]
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "TRADECORE_"))}
    return subprocess.run(
        command, cwd=cwd, env=plain | environment, capture_output=True, text=True, timeout=120, check=False
    )


def test_the_commands_share_a_workspace(tmp_path: Path, server: str, place: Objects) -> None:
    keys = {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET}
    for name in ("one", "two"):
        assert run("init", name, cwd=tmp_path).returncode == 0
    one, two = tmp_path / "one", tmp_path / "two"
    assert run("data", "synth", "gbm", "--days", "3", cwd=one).returncode == 0
    asked = ("data", "push", place.address, "--endpoint", server)
    without = run(*asked, cwd=one)
    assert (without.returncode, "AWS_ACCESS_KEY_ID" in without.stderr) == (64, True)
    done = run(*asked, "--json", cwd=one, **keys)
    assert (done.returncode, json.loads(done.stdout)["commit"]) == (0, 1)
    pulled = run("data", "pull", place.address, "--endpoint", server, cwd=two, **keys)
    assert (pulled.returncode, "pulled; commit 1 of" in pulled.stdout) == (0, True)
    assert content(Lake(one / "data")) == content(Lake(two / "data"))
    refused = run("--debug", "data", "push", "s3://no-such-bucket/x", "--endpoint", server, cwd=one, **keys)
    assert (refused.returncode, "no such bucket" in refused.stderr) == (1, True)
    for said in (without, done, pulled, refused):
        assert SECRET not in said.stdout + said.stderr
        assert KEY not in said.stdout + said.stderr
