"""The fake venue itself: requests in, replies out, sockets as callbacks, all time from one clock, no I/O.

It joins market, public side, private side, limits and faults; it knows neither aiohttp nor asyncio. The two shells
(`server` on loopback, `memory` in the process) and tests call it, from one thread.
Invariant: with the same tapes, seed, clock and requests in the same order, every byte is the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal

import numpy as np

from tradecore.core.clock import Clock
from tradecore.core.seeds import generator
from tradecore.core.types import SECOND_NS, Nanoseconds, Pair, Side
from tradecore.testing.fake_kraken.charts import CHARTS, Charts
from tradecore.testing.fake_kraken.edge import Edge
from tradecore.testing.fake_kraken.faults import Faults
from tradecore.testing.fake_kraken.limits import Buckets
from tradecore.testing.fake_kraken.market import LOT_DECIMALS, NEVER_NS, Market, Track
from tradecore.testing.fake_kraken.outlet import Outlet
from tradecore.testing.fake_kraken.private_api import PrivateApi
from tradecore.testing.fake_kraken.private_socket import PrivateConnection
from tradecore.testing.fake_kraken.private_words import exact_json
from tradecore.testing.fake_kraken.public_rest import PublicApi
from tradecore.testing.fake_kraken.public_socket import PublicSession
from tradecore.testing.fake_kraken.said import Said
from tradecore.testing.fake_kraken.session import status_text
from tradecore.testing.fake_kraken.settings import FakeSettings
from tradecore.testing.fake_kraken.tape import Tape
from tradecore.testing.fake_kraken.wire import Connection, HttpReply, HttpRequest, refusal

PUBLIC_SOCKETS = ("/v2",)
PRIVATE_SOCKETS = ("/v2-auth", "/auth/v2", "/private/v2")
"""Paths of sockets: a client that appends /v2 to an address by itself can be given one that ends in /auth."""

_PUBLIC, _PRIVATE = "/0/public/", "/0/private/"
_PER_PAIR = ("Trades", "OHLC")
_IN_MAINTENANCE = ("Time", "SystemStatus")


class FakeKraken:
    """A venue that plays tapes."""

    def __init__(
        self, tapes: Mapping[Pair, Tape], clock: Clock, settings: FakeSettings | None = None, seed: int = 0
    ) -> None:
        self.settings = settings or FakeSettings()
        self.clock = clock
        self.seed = seed
        self.faults = Faults(generator(seed, "faults"))
        self.market = Market(tapes, clock, self.faults, self.settings, seed)
        self.requests: Counter[str] = Counter()
        """How many requests came, by endpoint; sockets count as `socket`."""
        self.private = PrivateApi(self.market, clock, self.faults, self.settings, seed)
        """The accounts' side: it has no account until one is added."""
        self._edge = Edge(self.faults, generator(seed, "edge"))
        self._public = PublicApi(self.market, self.settings)
        self._charts = Charts(self.market)
        self._calls = Buckets(self.settings.public_limit)
        self._pair_calls = Buckets(self.settings.pair_limit)
        self._connects = Buckets(self.settings.connect_limit)
        self._lines: dict[int, _Line] = {}
        self._connections = 0
        for track in self.market.tracks.values():
            track.play_to(track.position(clock.now()))
        self._listened: frozenset[Pair] | None = None
        self._told_status = self.market.status

    def http(self, request: HttpRequest) -> HttpReply:
        """Answer one request, faults included."""
        self.advance()
        self.requests[request.endpoint] += 1
        reply = self._edge.pass_on(request, self.clock.now(), self._answer)
        self._tell_status()
        return reply

    def connect(self, path: str, push: Callable[[str], None], drop: Callable[[], None]) -> Connection:
        """Open a socket. `push` is called with each message for the client, `drop` when the venue hangs up.

        Errors: ConnectionRefusedError for a path without sockets and by the fault `ws_refused`.
        """
        private = path in PRIVATE_SOCKETS
        if not private and path not in PUBLIC_SOCKETS:
            raise ConnectionRefusedError(f"no socket at {path}; expected {', '.join(PUBLIC_SOCKETS + PRIVATE_SOCKETS)}")
        if self.faults.hit("ws_refused", path):
            raise ConnectionRefusedError(f"socket {path} refused")
        if not self._connects.take("", self.clock.now()):
            raise ConnectionRefusedError(f"socket {path} refused: too many new ones; wait before the next")
        self.advance()
        self.requests["socket"] += 1
        self._connections += 1
        number = self._connections
        rng = generator(self.seed, "socket", number)
        outlet = Outlet(push, drop, self.clock, self.faults, self.settings, rng)
        session: PublicSession | PrivateConnection
        if private:
            session = self.private.connection(outlet.relay)
        else:
            session = PublicSession(outlet, self.clock, self.market, self.faults, self.settings)
        self._lines[number] = _Line(self, outlet, session, number)
        return self._lines[number]

    def advance(self) -> None:
        """Play everything that is due by now: trades of the tapes in order of time, then what time alone makes due."""
        now = self.clock.now()
        self._tell_status()
        for track, first, end in self._due_trades(now):
            moment = int(track.time[end - 1])
            self._play_time(moment)
            with self.market.playing(moment):
                self._play(track, first, end)
        self._play_time(now)
        self.private.on_time(now)
        for line in list(self._lines.values()):
            line.on_time(now)

    def next_due(self) -> Nanoseconds | None:
        """Return when something will be due, None when nothing will be unless somebody asks."""
        due = [self.private.next_due()]
        for line in self._lines.values():
            due.append(line.next_due())
        due += [track.next_time for track in self._waiting() if self._watched(track.listed.pair)]
        return min((moment for moment in due if moment is not None), default=None)

    def forget(self, number: int) -> None:
        """Let go of a connection that is closed."""
        self._lines.pop(number, None)
        self.listeners_changed()

    def _answer(self, request: HttpRequest, now: Nanoseconds) -> bytes:
        """Return the body of an answer as of `now`."""
        if request.path.startswith(CHARTS):
            return self._charts.answer(request, now)
        try:
            if request.path.startswith(_PUBLIC):
                result = self._public_result(request, now)
            elif request.path.startswith(_PRIVATE):
                result = self._private_result(request, now)
            else:
                raise Said("EGeneral:Unknown method")
        except Said as said:
            return refusal(said)
        return b'{"error":[],"result":' + result + b"}"

    def _public_result(self, request: HttpRequest, now: Nanoseconds) -> bytes:
        endpoint, arguments = request.endpoint, request.arguments()
        if self.market.status == "maintenance" and endpoint not in _IN_MAINTENANCE:
            raise Said("EService:Unavailable")
        if endpoint in _PER_PAIR:
            if not self._pair_calls.take((request.client, endpoint, arguments.get("pair")), self.clock.now()):
                raise Said("EGeneral:Too many requests")
        elif not self._calls.take(request.client, self.clock.now()):
            raise Said("EAPI:Rate limit exceeded")
        return self._public.answer(endpoint, arguments, now)

    def _private_result(self, request: HttpRequest, now: Nanoseconds) -> bytes:
        if self.market.status == "maintenance":
            raise Said("EService:Unavailable")
        as_of = now if now < self.clock.now() else None
        return exact_json(self.private.http(request.path, request.headers, request.body, as_of)).encode()

    def _waiting(self) -> list[Track]:
        return [track for track in self.market.tracks.values() if track.next_time != NEVER_NS]

    def _watched(self, pair: Pair) -> bool:
        """Tell whether a trade of the pair would mean anything to anybody; who listens is asked only after changes."""
        if self._listened is None:
            sessions = self._public_sessions()
            self._listened = frozenset(one for one in self.market.tracks if any(held.watches(one) for held in sessions))
        return pair in self._listened or self.private.has_orders(pair)

    def listeners_changed(self) -> None:
        """Learn that somebody may listen to other pairs than before."""
        self._listened = None

    def _public_sessions(self) -> list[PublicSession]:
        return [line.session for line in self._lines.values() if isinstance(line.session, PublicSession)]

    def _due_trades(self, now: Nanoseconds) -> Iterator[tuple[Track, int, int]]:
        """Yield groups of trades of one moment, across pairs in order of time; pairs that nobody watches skip ahead."""
        groups: list[tuple[int, int, Track, int, int]] = []
        for place, track in enumerate(self.market.tracks.values()):
            if track.next_time > now:
                continue
            first, end = track.played, track.position(now)
            track.play_to(end)
            if not self._watched(track.listed.pair):
                continue
            shown = track.tape.shown_time[first:end]
            heads = (
                [first, *(np.flatnonzero(shown[1:] != shown[:-1]) + first + 1).tolist()] if end - first > 1 else [first]
            )
            groups += [
                (int(track.time[head]), place, track, head, stop)
                for head, stop in zip(heads, [*heads[1:], end], strict=True)
            ]
        groups.sort(key=lambda group: group[:2])
        for _, _, track, first, end in groups:
            yield track, first, end

    def _play_time(self, end: Nanoseconds) -> None:
        """Let everything that time alone makes due up to `end` happen at its own moment."""
        while (due := self.private.next_due()) is not None and due <= end:
            with self.market.playing(due):
                self.private.on_time(due)

    def _play(self, track: Track, first: int, end: int) -> None:
        pair = track.listed.pair
        if self.private.has_orders(pair):
            for trade in range(first, end):
                price = Decimal(int(track.price[trade])).scaleb(-track.listed.price_decimals)
                amount = Decimal(int(track.amount[trade])).scaleb(-LOT_DECIMALS)
                side = Side(int(track.tape.side[trade]))
                self.private.on_tape_trade(pair, price, amount, side, int(track.time[trade]))
        for session in self._public_sessions():
            session.on_trades(track, first, end)

    def _tell_status(self) -> None:
        if self.market.status != self._told_status:
            self._told_status = self.market.status
            for line in list(self._lines.values()):
                line.outlet.send(status_text(self._told_status, line.number), "status", "control")


class _Line:
    """A connection as the shell holds it: the venue moves on before it listens."""

    def __init__(
        self, fake: FakeKraken, outlet: Outlet, session: PublicSession | PrivateConnection, number: int
    ) -> None:
        self._fake, self.outlet, self.session, self.number = fake, outlet, session, number
        self._closed = False
        self._messages = Buckets(fake.settings.message_limit)
        self._idle_ns = round(fake.settings.idle_close_s * SECOND_NS)
        self._heard = fake.clock.now()

    def receive(self, text: str) -> None:
        self._fake.advance()
        self._heard = self._fake.clock.now()
        if self.outlet.cut:
            return
        if self._messages.take("", self._heard):
            self.session.receive(text)
            self._fake.listeners_changed()
        else:
            self.outlet.send('{"error":"Exceeded msg rate","method":"error","success":false}', "ack", "control")

    def closed(self) -> None:
        if not self._closed:
            self._closed = True
            self.session.closed()
            self._fake.forget(self.number)

    def on_time(self, now: Nanoseconds) -> None:
        self.outlet.on_time(now)
        self.session.on_time(now)
        if self._idle and now - self._heard >= self._idle_ns:
            self.outlet.hang_up()
        if self.outlet.cut:
            self.closed()

    def next_due(self) -> Nanoseconds | None:
        due = [self.outlet.next_due(), self.session.next_due()]
        if self._idle:
            due.append(self._heard + self._idle_ns)
        return min((moment for moment in due if moment is not None), default=None)

    @property
    def _idle(self) -> bool:
        """Whether nothing is subscribed to: a subscription beats, on either side."""
        return not self.outlet.beating and self.session.next_due() is None
