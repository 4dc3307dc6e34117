"""The fake venue itself: requests in, replies out, sockets as callbacks, all time from one clock, no I/O.

It joins market, public side, private side, limits and faults; it knows neither aiohttp nor asyncio. The two shells
(`server` on loopback, `memory` in the process) and tests call it, from one thread.
Invariant: with the same tapes, seed, clock and requests in the same order, every byte is the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping

from tradecore.core.clock import Clock
from tradecore.core.seeds import generator
from tradecore.core.types import Nanoseconds, Pair
from tradecore.testing.fake_kraken.edge import Edge
from tradecore.testing.fake_kraken.faults import Faults
from tradecore.testing.fake_kraken.limits import Buckets
from tradecore.testing.fake_kraken.market import Market
from tradecore.testing.fake_kraken.public_rest import PublicApi
from tradecore.testing.fake_kraken.said import Said
from tradecore.testing.fake_kraken.settings import FakeSettings
from tradecore.testing.fake_kraken.tape import Tape
from tradecore.testing.fake_kraken.wire import Connection, HttpReply, HttpRequest, refusal

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
        """How many requests came, by endpoint."""
        self._edge = Edge(self.faults, generator(seed, "edge"))
        self._public = PublicApi(self.market, self.settings)
        self._calls = Buckets(self.settings.public_limit)
        self._pair_calls = Buckets(self.settings.pair_limit)

    def http(self, request: HttpRequest) -> HttpReply:
        """Answer one request, faults included."""
        self.advance()
        self.requests[request.endpoint] += 1
        return self._edge.pass_on(request, self.clock.now(), self._answer)

    def _answer(self, request: HttpRequest, now: Nanoseconds) -> bytes:
        """Return the body of an answer as of `now`."""
        try:
            if request.path.startswith(_PUBLIC):
                return envelope_of(self._public_result(request, now))
            raise Said("EGeneral:Unknown method")
        except Said as said:
            return refusal(said)

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

    def connect(self, path: str, push: Callable[[str], None], drop: Callable[[], None]) -> Connection:
        """Open a socket. `push` is called with each message for the client, `drop` when the venue hangs up."""
        raise NotImplementedError

    def advance(self) -> None:
        """Play everything that is due by now."""

    def next_due(self) -> Nanoseconds | None:
        """Return when something will be due, None when nothing will be unless somebody asks."""
        return None


def envelope_of(result: bytes) -> bytes:
    """Return the JSON of a result as the venue wraps it."""
    return b'{"error":[],"result":' + result + b"}"
