"""One question to Kraken, asked of a server on loopback: the bytes as they came, or an error that says what to do."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from tradecore.core.errors import UsageError, VenueError
from tradecore.core.types import Pair, Timeframe
from tradecore.market.sources.kraken_online import LARGEST_REPLY, fetch_newest_bars

HOUR = Timeframe.parse("1h")
BTC = Pair("BTC", "USD")
Serve = Callable[..., str]


@pytest.fixture
def asked() -> list[str]:
    """Return the paths the server was asked for."""
    return []


@pytest.fixture
def serve(asked: list[str]) -> Iterator[Serve]:
    """Return what starts a server on loopback: one answer, or pieces of one that are sent until nobody listens."""
    servers: list[ThreadingHTTPServer] = []

    def start(body: bytes = b"{}", status: int = 200, *, endless: bool = False) -> str:
        class Answer(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked.append(self.path)
                self.send_response(status)
                if not endless:
                    self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
                while endless:
                    try:
                        self.wfile.write(b"x" * (1 << 20))
                    except OSError:
                        return

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
def silent() -> Iterator[str]:
    """Return the address of something that takes calls and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_the_reply_is_handed_on_as_it_came(serve: Serve) -> None:
    body = b'{"error": [],  "result": {} }\n'
    assert fetch_newest_bars(BTC, HOUR, address=serve(body)) == body


@pytest.mark.parametrize(
    ("pair", "timeframe", "named", "minutes"),
    [("BTC/USD", "1h", "XBTUSD", "60"), ("DOGE/USD", "1d", "XDGUSD", "1440"), ("ETH/EUR", "15m", "ETHEUR", "15")],
)
def test_pair_and_timeframe_are_asked_in_krakens_words(
    pair: str, timeframe: str, named: str, minutes: str, serve: Serve, asked: list[str]
) -> None:
    fetch_newest_bars(Pair.parse(pair), Timeframe.parse(timeframe), address=serve() + "/")
    (path,) = asked
    assert urlsplit(path).path == "/0/public/OHLC"
    assert parse_qs(urlsplit(path).query) == {"pair": [named], "interval": [minutes]}


@pytest.mark.parametrize("timeframe", ["2m", "2h", "1w"])
def test_a_timeframe_kraken_does_not_make_is_refused_unasked(timeframe: str, serve: Serve, asked: list[str]) -> None:
    with pytest.raises(UsageError, match=f"Kraken makes no {timeframe} bars; expected one of 1, 5, 15"):
        fetch_newest_bars(BTC, Timeframe.parse(timeframe), address=serve())
    assert asked == []


@pytest.mark.parametrize("status", [301, 404, 429, 500, 520])
def test_any_answer_but_200_is_an_error_of_the_venue(status: int, serve: Serve) -> None:
    with pytest.raises(VenueError, match=f"status {status} and 13 bytes; expected 200 and bars; try later"):
        fetch_newest_bars(BTC, HOUR, address=serve(b"<html></html>", status))


def test_a_reply_may_be_as_large_as_the_limit_and_no_larger(serve: Serve) -> None:
    assert len(fetch_newest_bars(BTC, HOUR, address=serve(b"x" * LARGEST_REPLY))) == LARGEST_REPLY
    with pytest.raises(VenueError, match="more than 8,388,608 bytes"):
        fetch_newest_bars(BTC, HOUR, address=serve(b"x" * (LARGEST_REPLY + 1)))


def test_a_reply_that_never_ends_is_left(serve: Serve) -> None:
    with pytest.raises(VenueError, match="more than 8,388,608 bytes"):
        fetch_newest_bars(BTC, HOUR, address=serve(endless=True))


def test_a_refused_connection_says_what_to_do(serve: Serve) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(VenueError, match=r"could not be reached at .*ConnectError.*tradecore hello --data FILE"):
        fetch_newest_bars(BTC, HOUR, address=f"http://127.0.0.1:{port}")


def test_silence_ends_at_the_time_limit(silent: str) -> None:
    with pytest.raises(VenueError, match=r"could not be reached at .*Timeout"):
        fetch_newest_bars(BTC, HOUR, address=silent, timeout_s=0.05)
