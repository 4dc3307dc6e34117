"""`tradecore data fetch` as a person runs it: the real command and real sockets against the fake venue on loopback."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tradecore.core.clock import SystemClock
from tradecore.core.types import Pair, parse_time
from tradecore.testing.fake_kraken import FakeKraken, FakeKrakenServer, FakeSettings, Tape, serving

BTC = Pair.parse("BTC/USD")
TRADES = 8_000
SINCE = ("--since", "2024-01-30", "--until", "2024-03-15")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server() -> Iterator[FakeKrakenServer]:
    tapes = {
        pair: Tape.synthetic(seed, parse_time("2024-01-30"), TRADES, per_second=TRADES / (40 * 86_400))
        for seed, pair in enumerate((BTC, Pair.parse("ETH/USD")), 1)
    }
    fake = FakeKraken(tapes, SystemClock(), FakeSettings(public_limit=None, pair_limit=None, split_ties=True))
    with serving(fake) as running:
        yield running


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    subprocess.run([sys.executable, "-m", "tradecore", "init", str(tmp_path / "ws")], check=True, capture_output=True)
    return tmp_path / "ws"


def _words(workspace: Path, url: str, *words: str, rate: float = 500) -> list[str]:
    settings = ["--set", f"kraken.rest_address={url}", "--set", f"kraken.requests_per_second={rate}"]
    return [sys.executable, "-m", "tradecore", "--workspace", str(workspace), *settings, "data", *words]


def _run(workspace: Path, url: str, *words: str, rate: float = 500) -> tuple[int, dict[str, Any], str]:
    done = subprocess.run(
        _words(workspace, url, *words, "--json", rate=rate), capture_output=True, text=True, timeout=120, check=False
    )
    return done.returncode, json.loads(done.stdout.splitlines()[-1]), done.stderr


def test_a_fetch_brings_every_trade_and_says_how_far_it_is(workspace: Path, server: FakeKrakenServer) -> None:
    code, answer, told = _run(workspace, server.url, "fetch", "BTC/USD", "ETH/USD", *SINCE)
    assert code == 0, told
    assert [one["rows"] for one in answer["datasets"]] == [TRADES, TRADES]
    assert (answer["state"], answer["missing_ids"]) == ("done", 0)
    assert told.startswith(f"job {answer['job']}; stop with Ctrl-C")
    assert "BTC/USD 100.0 %, 2024-03-15 00:00" in told
    code, verified, _ = _run(workspace, server.url, "verify")
    assert (code, verified["ok"]) == (0, True)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_is_a_clean_stop_and_the_same_words_go_on(
    workspace: Path, server: FakeKrakenServer, how: signal.Signals
) -> None:
    asked = _words(workspace, server.url, "fetch", "BTC/USD", *SINCE, rate=0.5)
    with subprocess.Popen(asked, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as work:
        assert work.stderr is not None
        first = work.stderr.readline()
        assert first.startswith("job "), first
        work.stderr.readline()  # the first page is there
        work.send_signal(how)
        assert work.wait(30) == 130
        assert "go on with: tradecore data resume" in work.stderr.read()
    _, listed, _ = _run(workspace, server.url, "jobs")
    assert [one["state"] for one in listed["jobs"]] == ["paused"]
    code, answer, told = _run(workspace, server.url, "fetch", "BTC/USD", *SINCE)
    assert (code, answer["job"]) == (0, listed["jobs"][0]["job"]), told
    assert answer["datasets"][0]["rows"] == TRADES


def test_pause_cancel_and_resume_work_from_another_terminal(workspace: Path, server: FakeKrakenServer) -> None:
    asked = _words(workspace, server.url, "fetch", "BTC/USD", *SINCE, rate=0.25)
    with subprocess.Popen(asked, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as work:
        assert work.stderr is not None
        job = work.stderr.readline().split()[1].rstrip(";")
        code, answer, _ = _run(workspace, server.url, "resume", job)
        assert (code, answer["kind"]) == (3, "StateRefusedError")
        began = time.monotonic()
        code, answer, _ = _run(workspace, server.url, "pause", job)
        assert (code, answer["ordered"]) == (0, "pause")
        assert work.wait(30) == 0
        assert time.monotonic() - began < 30
    code, answer, told = _run(workspace, server.url, "resume", job)
    assert (code, answer["state"]) == (0, "done"), told
    code, answer, _ = _run(workspace, server.url, "cancel", job)
    assert (code, answer["kind"]) == (3, "StateRefusedError")


def test_a_pair_the_venue_does_not_have_and_words_that_cannot_be_meant_are_refused_at_once(
    workspace: Path, server: FakeKrakenServer
) -> None:
    code, answer, _ = _run(workspace, server.url, "fetch", "QQQ/USD", *SINCE)
    assert (code, answer["kind"]) == (1, "UnknownPairError")
    code, answer, _ = _run(workspace, server.url, "fetch", "BTC/USD")
    assert (code, answer["kind"]) == (64, "UsageError")
    assert "--since" in answer["error"]
    code, answer, _ = _run(workspace, server.url, "fetch", "BTC/USD", "--since", "2024-03-01", "--until", "2024-02-01")
    assert (code, answer["kind"]) == (64, "UsageError")
    _, listed, _ = _run(workspace, server.url, "jobs")
    assert listed["jobs"] == []
