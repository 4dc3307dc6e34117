"""A workspace with a small made-up market, and a server on loopback that answers as Kraken does."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from tradecore.bootstrap import open_lab
from tradecore.control import data
from tradecore.control.config import make_workspace
from tradecore.control.data import Recipe, Where
from tradecore.control.lab import Lab

VENUE = "synthetic-planted-1"
HOUR_S = 3600
START_S = 1_700_000_000 // HOUR_S * HOUR_S


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    """Return a workspace with four months of two pairs."""
    opened = open_lab(make_workspace(tmp_path_factory.mktemp("lab") / "here").root)
    for pair in ("BTC/USD", "ETH/USD"):
        data.synth(opened, Where(pair, timeframe="1h"), Recipe("planted", 120, 1))
    return opened


@pytest.fixture
def empty(tmp_path: Path) -> Lab:
    """Return a workspace without data."""
    return open_lab(make_workspace(tmp_path / "empty").root)


@pytest.fixture(scope="session")
def ohlc() -> dict[str, object]:
    """Return a reply as Kraken gives it: 720 closed hours, some without a trade, and the hour that is still open."""
    rng = np.random.default_rng(7)
    prices = 30_000.0 * np.exp(np.cumsum(rng.normal(0.0, 0.006, 722)))
    rows: list[list[object]] = []
    close = prices[0]
    for place in range(721):
        time, quiet = START_S + place * HOUR_S, place in {100, 101, 300}
        opened, close = close, close if quiet else float(prices[place + 1])
        low, high = sorted((opened, close))
        volume, count = ("0.00000000", 0) if quiet else (f"{5 + rng.random():.8f}", 40)
        rows.append([time, *(f"{value:.1f}" for value in (opened, high, low, close, (low + high) / 2)), volume, count])
    return {"error": [], "result": {"XXBTZUSD": rows, "last": START_S + 719 * HOUR_S}}


@pytest.fixture
def serve() -> Iterator[Callable[[bytes, int], str]]:
    """Return what starts a server that gives every caller one answer, and returns its address."""
    servers: list[ThreadingHTTPServer] = []

    def start(body: bytes, status: int = 200) -> str:
        class Answer(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing on the screen of the tests."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        servers.append(server)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return f"http://127.0.0.1:{server.server_address[1]}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def reply(ohlc: dict[str, object]) -> bytes:
    return json.dumps(ohlc).encode()
