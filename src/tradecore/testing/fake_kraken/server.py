"""The fake venue on loopback: HTTP and sockets on one port, by aiohttp. A thin shell; the venue is `core`.

Tests and the command line start it, in their own event loop (`FakeKrakenServer`) or in a thread (`serving`).
Needs the extra `fake`; importing this module does not. Invariant: the core is only touched from the server's loop.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any

from tradecore.core.errors import TradecoreError, UsageError
from tradecore.testing.fake_kraken.core import PRIVATE_SOCKETS, PUBLIC_SOCKETS, FakeKraken
from tradecore.testing.fake_kraken.edge import page
from tradecore.testing.fake_kraken.wire import NEVER, HttpReply, HttpRequest
from tradecore.venues.kraken.addresses import Addresses

if TYPE_CHECKING:
    from aiohttp import web

_LOOPBACK = ("127.0.0.1", "::1")
_PUMP_S = 0.01
_TRICKLES = 10
_BACKLOG = 100_000


class FakeKrakenServer:
    """One running server. Enter it to start; `url` is where REST and charts answer, `socket_url` the sockets."""

    def __init__(self, fake: FakeKraken, port: int = 0, host: str = "127.0.0.1") -> None:
        self.fake = fake
        self._host, self._port = host, port
        self._runner: web.AppRunner | None = None
        self._pump: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """The address of REST: http://127.0.0.1:PORT."""
        return f"http://{self._host}:{self._port}"

    @property
    def addresses(self) -> Addresses:
        """The addresses for our own client."""
        return Addresses.local(self.url)

    @property
    def socket_url(self) -> str:
        """The address of the public sockets: ws://127.0.0.1:PORT/v2."""
        return f"ws://{self._host}:{self._port}/v2"

    @property
    def private_socket_url(self) -> str:
        """The address of the private sockets: ws://127.0.0.1:PORT/v2-auth."""
        return f"ws://{self._host}:{self._port}/v2-auth"

    async def __aenter__(self) -> FakeKrakenServer:
        web = _aiohttp()
        app = web.Application(client_max_size=1 << 20)
        app.router.add_route("GET", "/fake/state", self._state)
        app.router.add_route("POST", "/fake/faults", self._switch)
        for path in (*PUBLIC_SOCKETS, *PRIVATE_SOCKETS):
            app.router.add_route("GET", path, self._socket)
        app.router.add_route("*", "/{tail:.*}", self._http)
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.2)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self._port)
        await site.start()
        self._port = self._runner.addresses[0][1]
        self._pump = asyncio.create_task(self._play(), name="fake-kraken-pump")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pump is not None:
            self._pump.cancel()
            await asyncio.gather(self._pump, return_exceptions=True)
        if self._runner is not None:
            await self._runner.cleanup()

    async def _play(self) -> None:
        """Move the venue on with its clock, which need not run as ours does: look often, sleep little."""
        while True:
            self.fake.advance()
            await asyncio.sleep(_PUMP_S)

    async def _http(self, request: web.Request) -> web.StreamResponse:
        asked = HttpRequest(
            request.method,
            request.path,
            request.rel_url.raw_query_string,
            {name.lower(): value for name, value in request.headers.items()},
            await request.read(),
            request.remote or "",
        )
        if self._pump is not None and self._pump.done():
            self._pump.result()  # a venue that broke while playing answers nobody as if nothing were wrong
        return await self._send(request, self.fake.http(asked))

    async def _send(self, request: web.Request, reply: HttpReply) -> web.StreamResponse:
        from aiohttp import web

        if reply.delay_s == NEVER:
            await asyncio.Event().wait()
        if reply.lost:
            await asyncio.sleep(reply.delay_s)
            if request.transport is not None:
                request.transport.abort()
            return web.Response()
        headers = {"Content-Type": reply.content_type}
        if not reply.trickled:
            if reply.delay_s:
                await asyncio.sleep(reply.delay_s)
            return web.Response(status=reply.status, body=reply.body, headers=headers)
        answer = web.StreamResponse(status=reply.status, headers=headers | {"Content-Length": str(len(reply.body))})
        await answer.prepare(request)
        size = max(1, len(reply.body) // _TRICKLES)
        for start in range(0, len(reply.body), size):
            await asyncio.sleep(reply.delay_s / _TRICKLES)
            await answer.write(reply.body[start : start + size])
        await answer.write_eof()
        return answer

    async def _socket(self, request: web.Request) -> web.StreamResponse:
        from aiohttp import web

        outgoing: asyncio.Queue[str | None] = asyncio.Queue()

        def push(text: str) -> None:
            # As at the venue, who does not read is cut off; memory is not the client's to fill.
            outgoing.put_nowait(text if outgoing.qsize() < _BACKLOG else None)

        try:
            connection = self.fake.connect(request.path, push, lambda: outgoing.put_nowait(None))
        except ConnectionRefusedError:
            return web.Response(status=503, body=page(503), content_type="text/html")
        socket = web.WebSocketResponse(autoping=True, compress=False, max_msg_size=1 << 20)
        await socket.prepare(request)
        writer = asyncio.create_task(_write(request, socket, outgoing))
        try:
            async for message in socket:
                if message.type.name == "TEXT":
                    connection.receive(message.data)
        finally:
            connection.closed()
            writer.cancel()
            await asyncio.gather(writer, return_exceptions=True)
        return socket

    async def _state(self, request: web.Request) -> web.StreamResponse:
        from aiohttp import web

        faults = self.fake.faults
        state = {
            "now": self.fake.clock.now(),
            "requests": dict(self.fake.requests),
            "faults": {name: [rule.endpoint for rule in rules] for name, rules in faults.switched_on.items()},
            "struck": dict(faults.counts),
        }
        return web.json_response(state)

    async def _switch(self, request: web.Request) -> web.StreamResponse:
        from aiohttp import web

        if request.remote not in _LOOPBACK:
            return web.json_response({"error": "faults are switched from this machine only"}, status=403)
        try:
            asked: dict[str, Any] = json.loads(await request.read())
            if "off" in asked:
                self.fake.faults.off(None if asked["off"] == "*" else asked["off"])
            else:
                self.fake.faults.on(str(asked.pop("on")), **asked)
        except (ValueError, KeyError, TypeError, AttributeError, TradecoreError) as error:
            return web.json_response({"error": f"{type(error).__name__}: {error}"}, status=400)
        return web.json_response({"on": list(self.fake.faults.switched_on)})


@contextmanager
def serving(fake: FakeKraken, port: int = 0) -> Iterator[FakeKrakenServer]:
    """Run the server in a thread of its own and give it, for callers without an event loop.

    While it runs, the fake belongs to that thread: switch faults and move clocks, but ask it over the wire.
    """
    server = FakeKrakenServer(fake, port)
    started, stopping = threading.Event(), threading.Event()
    failures: list[BaseException] = []
    thread = threading.Thread(target=_serve, args=(server, started, stopping, failures), daemon=True)
    thread.start()
    started.wait()
    if failures:
        raise failures[0]
    try:
        yield server
    finally:
        stopping.set()
        thread.join()


def _serve(
    server: FakeKrakenServer, started: threading.Event, stopping: threading.Event, failures: list[BaseException]
) -> None:
    async def run() -> None:
        async with server:
            started.set()
            while not stopping.is_set():
                await asyncio.sleep(_PUMP_S)

    try:
        asyncio.run(run())
    except BaseException as error:  # boundary: the caller's thread raises it
        failures.append(error)
    finally:
        started.set()


async def _write(request: web.Request, socket: web.WebSocketResponse, outgoing: asyncio.Queue[str | None]) -> None:
    """Send what the venue pushes, in order; None hangs up without a farewell."""
    while True:
        text = await outgoing.get()
        if text is None:
            if request.transport is not None:
                request.transport.abort()
            return
        try:
            await socket.send_str(text)
        except ConnectionError:
            return


def _aiohttp() -> Any:
    """Return aiohttp's server. Errors: UsageError when the extra is not installed."""
    try:
        from aiohttp import web
    except ImportError:
        raise UsageError("the fake Kraken's server needs aiohttp: pip install 'tradecore[fake]'") from None
    return web
