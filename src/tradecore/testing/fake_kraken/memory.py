"""The fake venue without sockets: a `Transport` of the client that calls the core directly.

On a virtual event loop a week of feed plays in seconds, and twice the same. Delays are `asyncio.sleep`, so that the
client's timeouts mean what they mean on the wire. Tests of the client, the feeds and the fetcher use it.
Invariant: what the client gets is byte for byte what the server would have sent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from urllib.parse import urlsplit

from tradecore.core.types import SECOND_NS
from tradecore.testing.fake_kraken.core import FakeKraken
from tradecore.testing.fake_kraken.wire import NEVER, Connection, HttpRequest
from tradecore.venues.kraken.addresses import Addresses
from tradecore.venues.kraken.transport import (
    NO_HEADERS,
    NoAnswerError,
    NotSentError,
    Reply,
    Socket,
    SocketClosedError,
)

_SOONEST_S = 1e-6


class MemoryTransport:
    """A way to a fake in this process. `addresses` are those to give the client; the hosts in them do not matter."""

    addresses = Addresses()

    def __init__(self, fake: FakeKraken, client: str = "127.0.0.1") -> None:
        self.fake = fake
        self._client = client
        self._open = 0
        self._timer: asyncio.TimerHandle | None = None

    async def __aenter__(self) -> MemoryTransport:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._open = 0
        self.wake()

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] = NO_HEADERS,
        body: bytes | None = None,
        timeout_s: float,
    ) -> Reply:
        """Ask the fake. Errors: NoAnswerError when it cuts the connection or answers later than `timeout_s`."""
        parts = urlsplit(url)
        lower = {name.lower(): value for name, value in headers.items()}
        reply = self.fake.http(HttpRequest(method, parts.path, parts.query, lower, body or b"", self._client))
        self.wake()
        await asyncio.sleep(timeout_s if reply.delay_s == NEVER else min(reply.delay_s, timeout_s))
        if reply.delay_s > timeout_s:
            raise NoAnswerError(f"{method} {parts.path}: no answer within {timeout_s:g} s", reason="timeout")
        if reply.lost:
            raise NoAnswerError(f"{method} {parts.path}: the connection was cut before an answer", reason="closed")
        return Reply(reply.status, reply.body)

    async def connect(self, url: str) -> Socket:
        """Open a socket to the fake. Errors: NotSentError when it refuses."""
        address = urlsplit(url)
        # The venue's own private address differs by its host, a local one by its path.
        path = "/v2-auth" if "ws-auth" in (address.hostname or "") else address.path
        incoming: asyncio.Queue[str | None] = asyncio.Queue()
        try:
            connection = self.fake.connect(path, incoming.put_nowait, lambda: incoming.put_nowait(None))
        except ConnectionRefusedError as error:
            raise NotSentError(f"{url}: {error}", reason="refused") from error
        self._open += 1
        self.wake()
        return _MemorySocket(self, connection, incoming)

    def wake(self) -> None:
        """Look again when something is due: what a client did may have made it sooner, or never."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due = self.fake.next_due() if self._open > 0 else None
        if due is not None:
            wait_s = max((due - self.fake.clock.now()) / SECOND_NS, _SOONEST_S)
            self._timer = asyncio.get_running_loop().call_later(wait_s, self._play)

    def left(self) -> None:
        """Learn that one socket is closed; without sockets nothing has to be played."""
        self._open -= 1
        self.wake()

    def _play(self) -> None:
        self.fake.advance()
        self.wake()


class _MemorySocket:
    def __init__(self, transport: MemoryTransport, connection: Connection, incoming: asyncio.Queue[str | None]) -> None:
        self._transport, self._connection, self._incoming = transport, connection, incoming
        self._closed = False

    async def send(self, text: str) -> None:
        if self._closed:
            raise SocketClosedError("the socket is closed")
        self._connection.receive(text)
        self._transport.wake()

    async def receive(self) -> str:
        text = None if self._closed else await self._incoming.get()
        if text is None:
            self._finish()
            raise SocketClosedError("the socket is closed (no closing frame)")
        return text

    async def close(self) -> None:
        if not self._closed:
            # Whoever waits for a message learns of the end.
            self._incoming.put_nowait(None)
        self._finish()

    def _finish(self) -> None:
        if not self._closed:
            self._closed = True
            self._connection.closed()
            self._transport.left()
