"""What goes wrong on the wire has a name, and "not sent" means that not one byte left."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
import websockets.asyncio.server

from tradecore.venues.kraken.transport import (
    NetworkTransport,
    NoAnswerError,
    NotSentError,
    Reply,
    SocketClosedError,
)

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def listening(answer: bytes | None) -> AsyncIterator[tuple[int, list[bytes]]]:
    """Listen on loopback; note what comes, answer with these bytes and close, or keep silent for None."""
    heard: list[bytes] = []
    over = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.read(4096))
        if answer is None:
            await over.wait()
        else:
            writer.write(answer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1], heard
    finally:
        over.set()
        server.close()


async def asked(url: str, timeout_s: float = 2.0, body: bytes | None = None) -> Reply:
    async with NetworkTransport(connect_timeout_s=2.0) as transport:
        return await transport.request("GET" if body is None else "POST", url, body=body, timeout_s=timeout_s)


def test_an_answer_comes_whole_whatever_its_status() -> None:
    async def scene() -> Reply:
        async with listening(b"HTTP/1.1 520 Unknown\r\nContent-Length: 4\r\n\r\nhtml") as (port, _):
            return await asked(f"http://127.0.0.1:{port}/0/public/Time")

    assert asyncio.run(scene()) == Reply(520, b"html")


def test_a_redirect_is_an_answer_and_not_followed() -> None:
    async def scene() -> Reply:
        answer = b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n"
        async with listening(answer) as (port, _):
            return await asked(f"http://127.0.0.1:{port}/", body=b"signed")

    assert asyncio.run(scene()).status == 302


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://127.0.0.1:1/x", "refused"),
        ("http://no-such-host.invalid/x", "dns"),
        ("ftp://127.0.0.1/x", "network"),
        ("not a url", "network"),
    ],
)
def test_what_never_left_is_named(url: str, reason: str) -> None:
    with pytest.raises(NotSentError) as caught:
        asyncio.run(asked(url))
    assert caught.value.reason == reason
    assert caught.value.retryable


def test_a_failure_of_encryption_is_named_and_nothing_was_sent() -> None:
    async def scene() -> list[bytes]:
        async with listening(b"HTTP/1.1 400 no\r\n\r\n") as (port, heard):
            with pytest.raises(NotSentError) as caught:
                await asked(f"https://127.0.0.1:{port}/0/private/AddOrder", body=b"secret")
            assert caught.value.reason == "tls"
            return heard

    assert all(b"secret" not in part for part in asyncio.run(scene()))


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (None, "timeout"),
        (b"", "closed"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", "closed"),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nhalf", "closed"),
        (b"\x00\x01garbage", "closed"),
    ],
)
def test_what_was_sent_and_not_answered_may_have_arrived(answer: bytes | None, reason: str) -> None:
    async def scene() -> list[bytes]:
        async with listening(answer) as (port, heard):
            with pytest.raises(NoAnswerError) as caught:
                await asked(f"http://127.0.0.1:{port}/0/private/AddOrder?x=1", 0.3, b"order")
            assert caught.value.reason == reason
            assert "it may have arrived" in str(caught.value)
            return heard

    assert b"order" in asyncio.run(scene())[0]


def test_an_answer_without_end_is_cut_and_not_kept() -> None:
    async def scene() -> None:
        async with (
            listening(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 5000) as (port, _),
            NetworkTransport(largest_reply=1000) as transport,
        ):
            with pytest.raises(NoAnswerError, match="of answer") as caught:
                await transport.request("GET", f"http://127.0.0.1:{port}/", timeout_s=2.0)
            assert caught.value.reason == "too_large"

    asyncio.run(scene())


def test_a_query_is_left_out_of_errors() -> None:
    with pytest.raises(NotSentError) as caught:
        asyncio.run(asked("http://127.0.0.1:1/x?token=sesame"))
    assert "sesame" not in str(caught.value)


def test_a_socket_speaks_and_says_how_it_closed() -> None:
    async def scene() -> tuple[str, str, int | None]:
        async def echo(socket: websockets.asyncio.server.ServerConnection) -> None:
            await socket.send(await socket.recv())
            await socket.send(b"\xff broken text", text=True)
            await socket.close(1008, "bye")

        async with (
            websockets.asyncio.server.serve(echo, "127.0.0.1", 0) as server,
            NetworkTransport() as transport,
        ):
            port = next(iter(server.sockets)).getsockname()[1]
            socket = await transport.connect(f"ws://127.0.0.1:{port}/v2")
            await socket.send("hello")
            first, second = await socket.receive(), await socket.receive()
            with pytest.raises(SocketClosedError, match="1008 bye") as caught:
                await socket.receive()
            with pytest.raises(SocketClosedError):
                await socket.send("too late")
            await socket.close()
            return first, second, caught.value.code

    first, second, code = asyncio.run(scene())
    assert first == "hello"
    assert second.endswith("broken text")
    assert code == 1008


@pytest.mark.parametrize(("url", "reason"), [("ws://127.0.0.1:1/", "refused"), ("ws://no-such-host.invalid/", "dns")])
def test_a_socket_that_does_not_open_names_why(url: str, reason: str) -> None:
    async def scene() -> str:
        async with NetworkTransport(connect_timeout_s=2.0) as transport:
            with pytest.raises(NotSentError) as caught:
                await transport.connect(url)
            return caught.value.reason

    assert asyncio.run(scene()) == reason


def test_a_refusal_to_open_a_socket_tells_the_status() -> None:
    async def scene() -> NotSentError:
        answer = b"HTTP/1.1 429 Slow\r\nContent-Length: 0\r\n\r\n"
        async with listening(answer) as (port, _), NetworkTransport() as transport:
            with pytest.raises(NotSentError) as caught:
                await transport.connect(f"ws://127.0.0.1:{port}/v2")
            return caught.value

    error = asyncio.run(scene())
    assert error.reason == "status"
    assert "429" in str(error)


def test_frames_are_never_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def scene() -> None:
        async def echo(socket: websockets.asyncio.server.ServerConnection) -> None:
            await socket.send(await socket.recv())

        async with (
            websockets.asyncio.server.serve(echo, "127.0.0.1", 0, logger=logging.getLogger("quiet")) as server,
            NetworkTransport() as transport,
        ):
            logging.getLogger("quiet").setLevel(logging.ERROR)
            port = next(iter(server.sockets)).getsockname()[1]
            socket = await transport.connect(f"ws://127.0.0.1:{port}/v2")
            await socket.send('{"token": "canary"}')
            await socket.receive()
            await socket.close()

    logging.getLogger("quiet").setLevel(logging.ERROR)
    with caplog.at_level(logging.DEBUG):
        asyncio.run(scene())
    assert "canary" not in caplog.text
