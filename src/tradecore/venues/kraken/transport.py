"""The wire under the client: HTTP requests and sockets of text, and what can go wrong on them, by name.

It knows no venue, signs nothing and never sends anything twice. The client calls it through `Transport`, so that a fake
without sockets stands in its place on a virtual clock. Invariant: `NotSentError` means that not one byte of the request
left this machine; in every other failure the request may have arrived.
"""

from __future__ import annotations

import asyncio
import logging
import socket as sockets
import ssl
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple, Protocol

import httpx
import websockets.asyncio.client
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI

from tradecore.core.errors import VenueUnavailableError

LARGEST_REPLY = 32 << 20
"""Bytes of one answer, unpacked: the largest that Kraken gives is about 1 MiB."""
LARGEST_FRAME = 16 << 20
USER_AGENT = "tradecore"
NO_HEADERS: Mapping[str, str] = MappingProxyType({})


class NotSentError(VenueUnavailableError):
    """Nothing left this machine: no name, no connection, no encryption. `reason` is one word of dns, refused, tls,
    timeout, network, status, closed."""

    def __init__(self, message: str = "", *, reason: str = "network", retry_after_s: float | None = None) -> None:
        super().__init__(message, retryable=True, retry_after_s=retry_after_s)
        self.reason = reason


class NoAnswerError(VenueUnavailableError):
    """The request may have arrived; no whole answer came back. `reason` is one word of timeout, closed, too_large."""

    def __init__(self, message: str = "", *, reason: str = "closed") -> None:
        super().__init__(message, retryable=True)
        self.reason = reason


class SocketClosedError(VenueUnavailableError):
    """A socket is closed: by the venue, by the network, or by us."""

    def __init__(self, message: str = "", *, code: int | None = None) -> None:
        super().__init__(message, retryable=True)
        self.code = code


class Reply(NamedTuple):
    """A whole HTTP answer, whatever its status."""

    status: int
    body: bytes


class Socket(Protocol):
    """One open socket of text frames."""

    async def send(self, text: str) -> None:
        """Send one frame. Errors: SocketClosedError."""
        ...

    async def receive(self) -> str:
        """Return the next frame. Errors: SocketClosedError."""
        ...

    async def close(self) -> None:
        """Close the socket; closing it twice is fine."""
        ...


class Transport(Protocol):
    """The way to the venue."""

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] = NO_HEADERS,
        body: bytes | None = None,
        timeout_s: float,
    ) -> Reply:
        """Send one request and return the answer. Errors: NotSentError, NoAnswerError."""
        ...

    async def connect(self, url: str) -> Socket:
        """Open a socket. Errors: NotSentError."""
        ...


class NetworkTransport:
    """The real network: httpx for requests, websockets for sockets. Redirects are answers, not followed."""

    def __init__(self, *, connect_timeout_s: float = 10.0, largest_reply: int = LARGEST_REPLY) -> None:
        self._connect_timeout_s = connect_timeout_s
        self._largest_reply = largest_reply
        self._client = httpx.AsyncClient(
            follow_redirects=False,
            headers={"User-Agent": USER_AGENT},
            limits=httpx.Limits(max_connections=32, keepalive_expiry=20.0),
        )

    async def __aenter__(self) -> NetworkTransport:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] = NO_HEADERS,
        body: bytes | None = None,
        timeout_s: float,
    ) -> Reply:
        """Send one request and return the answer, whole, within `timeout_s`. Errors: NotSentError, NoAnswerError."""
        started = False

        async def watch(event: str, _: object) -> None:
            nonlocal started
            started = started or event.endswith(".send_request_headers.started")

        try:
            async with asyncio.timeout(timeout_s):
                return await self._exchange(method, url, headers, body, httpx.Timeout(timeout_s), watch)
        except (TimeoutError, httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            reason, told = _reason(error)
            where = f"{method} {url.partition('?')[0]}"
            if started:
                raise NoAnswerError(
                    f"{where}: sent, but no whole answer within {timeout_s:g} s ({told}); it may have arrived",
                    reason="timeout" if reason == "timeout" else "closed",
                ) from error
            raise NotSentError(
                f"{where}: not sent ({told}); check the network and the address", reason=reason
            ) from error

    async def _exchange(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | None,
        timeout: httpx.Timeout,
        watch: object,
    ) -> Reply:
        sent = self._client.stream(
            method, url, headers=dict(headers), content=body, timeout=timeout, extensions={"trace": watch}
        )
        async with sent as reply:
            content = bytearray()
            async for part in reply.aiter_bytes():
                content += part
                if len(content) > self._largest_reply:
                    raise NoAnswerError(
                        f"{method} {url.partition('?')[0]}: more than {self._largest_reply:,} bytes of answer; "
                        "expected a reply of the venue",
                        reason="too_large",
                    )
            return Reply(reply.status_code, bytes(content))

    async def connect(self, url: str) -> Socket:
        """Open a socket. Errors: NotSentError with the reason by name."""
        # Frames hold tokens and orders: whatever the program's own level of logging is, they are never logged.
        quiet = logging.getLogger("tradecore.venues.kraken.frames")
        quiet.setLevel(logging.WARNING)
        try:
            opened = await websockets.asyncio.client.connect(
                url,
                open_timeout=self._connect_timeout_s,
                close_timeout=2.0,
                ping_interval=None,
                max_size=LARGEST_FRAME,
                user_agent_header=USER_AGENT,
                logger=quiet,
            )
        except (OSError, InvalidURI, InvalidHandshake, EOFError) as error:
            reason, told = _reason(error)
            raise NotSentError(f"{url}: no connection ({told}); it is tried again", reason=reason) from error
        return _NetworkSocket(opened)


class _NetworkSocket:
    def __init__(self, connection: websockets.asyncio.client.ClientConnection) -> None:
        self._connection = connection

    async def send(self, text: str) -> None:
        try:
            await self._connection.send(text)
        except ConnectionClosed as error:
            raise _closed(error) from error

    async def receive(self) -> str:
        try:
            # A frame that is no UTF-8 is broken, not the connection: the reader counts it among the broken ones.
            return (await self._connection.recv(decode=False)).decode("utf-8", "replace")
        except ConnectionClosed as error:
            raise _closed(error) from error

    async def close(self) -> None:
        await self._connection.close()


def _closed(error: ConnectionClosed) -> SocketClosedError:
    frame = error.rcvd
    said = f"code {frame.code} {frame.reason}".strip() if frame is not None else "no closing frame"
    return SocketClosedError(f"the socket is closed ({said})", code=None if frame is None else frame.code)


def _reason(error: BaseException) -> tuple[str, str]:
    """Return why a connection failed: one word, and the words of the innermost cause."""
    chain = list(_causes(error))
    for one in chain:
        if isinstance(one, sockets.gaierror):
            return "dns", f"no such host: {one.strerror or one}"
        if isinstance(one, ssl.SSLError):
            return "tls", f"encryption failed: {one.reason or one}"
        if isinstance(one, ConnectionRefusedError):
            return "refused", "connection refused: nobody listens there"
        if isinstance(one, InvalidStatus):
            return "status", f"the venue answered status {one.response.status_code} instead of opening a socket"
    if any(isinstance(one, (TimeoutError, httpx.TimeoutException)) for one in chain):
        return "timeout", "timeout"
    inner = chain[-1]
    return "network", f"{type(inner).__name__}: {inner}".rstrip(": ")


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and everything that caused it, the outermost first; asyncio hides refusals in groups."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        one = waiting.pop(0)
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        waiting += [cause for cause in (one.__cause__, one.__context__) if cause is not None]
        if isinstance(one, BaseExceptionGroup):
            waiting += one.exceptions
