"""One WebSocket v2 connection to Kraken that never gives up, and says why whenever it is down.

It connects, waits for the venue's greeting, subscribes, pings, notices death and zombies, and connects again, for ever;
what messages mean is `frames`', what they prove is `subscriptions`'. The live feed reads from it, `order_socket` writes
through it. Invariants: messages come in the order of the wire; memory is bounded, and what a slow reader missed is told
as gaps; a request is sent once, or not at all.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from numpy.random import Generator

from tradecore.core.clock import Clock
from tradecore.core.errors import OutcomeUnknownError, UsageError, VenueError
from tradecore.core.types import Pair
from tradecore.venues.kraken import messages as m
from tradecore.venues.kraken.book import Book
from tradecore.venues.kraken.frames import parse_message, request_text
from tradecore.venues.kraken.subscriptions import PRIVATE_CHANNELS, Subscriptions
from tradecore.venues.kraken.transport import NotSentError, Socket, SocketClosedError, Transport


@dataclass(frozen=True, slots=True)
class SocketSettings:
    """How patient one connection is."""

    open_timeout_s: float = 10.0
    """For connecting, and again for the venue's greeting."""
    answer_timeout_s: float = 10.0
    """For the answer to a subscription; without one the connection is made anew."""
    ping_after_s: float = 10.0
    """Silence after which the venue is asked for a sign of life; it sends a heartbeat every second."""
    dead_after_s: float = 30.0
    """Silence after which the connection counts as dead."""
    fast_tries_s: tuple[float, ...] = (1.0, 2.0)
    """Pauses before the first tries after a loss."""
    slow_tries_s: tuple[float, float] = (5.0, 30.0)
    """Pauses of the tries after those: doubling from the first value to the second."""
    jitter_s: float = 0.75
    """Each pause is longer by a random part of this, so that many clients do not come back at once."""
    stable_after_s: float = 30.0
    """A connection that stood so long was a good one: tries are counted from one again."""
    most_tries: int = 120
    """In `tries_window_s`; the venue's edge bans addresses that connect about 150 times in 600 s."""
    tries_window_s: float = 600.0
    queue_size: int = 10_000
    """Messages that wait for the reader. Over it everything new is dropped and counted until half of them are read;
    then every channel has a gap, and executions and balances are asked for anew."""
    requests_per_s: float = 20.0
    """Most subscription requests a second."""


class KrakenSocket:
    """One connection to one address: `async with` runs it, `async for` reads what it tells."""

    def __init__(
        self,
        transport: Transport,
        address: str,
        clock: Clock,
        rng: Generator,
        *,
        token: Callable[[], Awaitable[str]] | None = None,
        settings: SocketSettings | None = None,
    ) -> None:
        self._transport, self._address, self._clock, self._rng = transport, address, clock, rng
        self._fetch_token = token
        self._settings = settings or SocketSettings()
        self._subscriptions = Subscriptions()
        self._queue: deque[m.Message] = deque()
        self._news = asyncio.Event()
        self._dropped = 0
        self._state: m.Connected | m.Disconnected | None = None
        self._wire: Socket | None = None
        self._token = ""
        self._task: asyncio.Task[None] | None = None
        self._sending = asyncio.Event()
        self._waiting: dict[int, asyncio.Future[m.Ack]] = {}
        self._tries: deque[float] = deque()
        self._heard_at = self._pinged_at = 0.0

    @property
    def connected(self) -> bool:
        """Whether a connection stands and the venue greeted."""
        return isinstance(self._state, m.Connected)

    @property
    def counts(self) -> Counter[str]:
        """What was counted since the start: quarantined, gaps, dropped, checksum mismatches, disconnects and more."""
        return self._subscriptions.counts

    @property
    def books(self) -> Mapping[Pair, Book]:
        """The books subscribed to, always as new as the wire; each says whether it is valid."""
        return self._subscriptions.books

    def subscribe(
        self, channel: str, symbols: Sequence[str] = (), *, data_within_s: float | None = None, **params: object
    ) -> None:
        """Want a channel, from now on and after every reconnect. Symbols are the venue's own: BTC/USD.

        With `data_within_s` a connection that brings no data of this channel for so long is a zombie and made anew:
        choose it by how often these pairs trade. A book brings the channel `instrument` with it.
        Errors: UsageError for a private channel without a token.
        """
        if channel in PRIVATE_CHANNELS and self._fetch_token is None:
            raise UsageError(f"channel {channel}: expected a socket made with a token, on the private address")
        self._subscriptions.add(channel, symbols, params, data_within_s)
        if self.connected:
            self._subscriptions.catch_up(asyncio.get_running_loop().time())
            self._sending.set()

    async def __aenter__(self) -> KrakenSocket:
        self._task = asyncio.create_task(self.run(), name=f"socket {self._address}")
        self._task.add_done_callback(lambda _: self._news.set())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def __aiter__(self) -> AsyncIterator[m.Message]:
        """Yield messages in order until the socket is closed. Errors: what `run` died of, which is our own fault."""
        while True:
            while self._queue:
                yield self._queue.popleft()
                if self._dropped and len(self._queue) <= self._settings.queue_size // 2:
                    self._catch_up()
            if self._task is not None and self._task.done():
                if not self._task.cancelled():
                    self._task.result()
                return
            self._news.clear()
            await self._news.wait()

    async def run(self) -> None:
        """Keep the connection for ever; ends only by cancellation."""
        attempt = 0
        while True:
            await self._respect_edge()
            attempt += 1
            began = asyncio.get_running_loop().time()
            reason, words = await self._connection(attempt)
            if asyncio.get_running_loop().time() - began >= self._settings.stable_after_s:
                attempt = 1
            self.counts["disconnects"] += 1
            pause = self._pause(attempt)
            self._tell_state(m.Disconnected(reason, words, attempt, pause, self._clock.now()))
            await asyncio.sleep(pause)

    async def ask(self, method: str, params: Mapping[str, object], timeout_s: float) -> m.Ack:
        """Send one request, once, and return the venue's answer; the token is added.

        Errors: NotSentError when there is no connection, OutcomeUnknownError when the answer did not come.
        """
        wire = self._wire
        if wire is None or not self.connected:
            raise NotSentError(f"{method}: not sent, there is no connection to {self._address}", reason="closed")
        number = self._subscriptions.number()
        secret = {"token": self._token} if self._token else {}
        answer: asyncio.Future[m.Ack] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        try:
            async with asyncio.timeout(timeout_s):
                await wire.send(request_text(method, {**params, **secret}, number))
                return await answer
        except (TimeoutError, SocketClosedError) as error:
            told = "the connection broke" if isinstance(error, SocketClosedError) else f"no answer in {timeout_s:g} s"
            raise OutcomeUnknownError(f"{method}: sent, but {told}; look it up, never send it again") from error
        finally:
            del self._waiting[number]

    def _pause(self, attempt: int) -> float:
        fast, (least, most) = self._settings.fast_tries_s, self._settings.slow_tries_s
        pause = fast[attempt - 1] if attempt <= len(fast) else least * 2.0 ** min(attempt - len(fast) - 1, 10)
        return min(pause, most) + float(self._rng.uniform(0, self._settings.jitter_s))

    async def _respect_edge(self) -> None:
        """Wait until one more try stays below what the venue's edge bans for."""
        now, window = asyncio.get_running_loop().time(), self._settings.tries_window_s
        while self._tries and now - self._tries[0] >= window:
            self._tries.popleft()
        if len(self._tries) >= self._settings.most_tries:
            await asyncio.sleep(self._tries.popleft() + window - now)
        self._tries.append(asyncio.get_running_loop().time())

    async def _connection(self, attempt: int) -> tuple[str, str]:
        """Open one connection and serve it until it ends; return why it did, in one word and in words."""
        try:
            self._token = await self._fetch_token() if self._fetch_token is not None else ""
            async with asyncio.timeout(self._settings.open_timeout_s):
                wire = await self._transport.connect(self._address)
        except TimeoutError:
            return "timeout", f"no connection within {self._settings.open_timeout_s:g} s"
        except VenueError as error:
            return error.reason if isinstance(error, NotSentError) else "no_token", str(error)
        sender = asyncio.create_task(self._send_requests(wire))
        try:
            await self._greet(wire, attempt)
            return await self._serve(wire)
        except TimeoutError:
            return "no_greeting", f"connected, but no status within {self._settings.open_timeout_s:g} s"
        except SocketClosedError as error:
            return "closed_by_venue", str(error)
        finally:
            self._wire = None
            self._state = None
            for answer in self._waiting.values():
                if not answer.done():
                    answer.set_exception(SocketClosedError("the connection ended before the answer"))
            if sender.done() and (fault := sender.exception()) is not None:
                raise fault
            sender.cancel()
            await self._close(wire)

    async def _close(self, wire: Socket) -> None:
        with suppress(TimeoutError, SocketClosedError):
            async with asyncio.timeout(self._settings.open_timeout_s):
                await wire.close()

    async def _greet(self, wire: Socket, attempt: int) -> None:
        """Wait for the venue's status, then ask for everything wanted."""
        loop = asyncio.get_running_loop()
        greetings: list[m.Message] = []
        async with asyncio.timeout(self._settings.open_timeout_s):
            while not any(isinstance(message, m.SystemStatus) for message in greetings):
                greetings += parse_message(await wire.receive())
        self._wire = wire
        self._heard_at = self._pinged_at = loop.time()
        self._tell_state(m.Connected(attempt, self._clock.now()))
        for message in (*self._subscriptions.begin(self._token, loop.time()), *greetings):
            self._tell(message)
        self._sending.set()

    async def _serve(self, wire: Socket) -> tuple[str, str]:
        """Read until the connection is of no use any more."""
        loop, rules, settings = asyncio.get_running_loop(), self._subscriptions, self._settings
        while True:
            due = min(
                max(self._heard_at, self._pinged_at) + settings.ping_after_s,
                self._heard_at + settings.dead_after_s,
                rules.next_due(settings.answer_timeout_s),
            )
            try:
                async with asyncio.timeout_at(due):
                    text = await wire.receive()
                now = loop.time()
                self._take(text, now)
                if 2 * len(self._queue) >= settings.queue_size:
                    await asyncio.sleep(0)  # a wire that is never empty must not keep the reader from its turn
            except TimeoutError:
                now = max(loop.time(), due)  # timers may fire a clock's tick early
            rules.tend(now)
            if end := self._end(now):
                return end
            if now >= max(self._heard_at, self._pinged_at) + settings.ping_after_s:
                self._pinged_at = now
                self._tell(m.Silent(now - self._heard_at))
                rules.outgoing.append(request_text("ping", {}, rules.number()))
            if rules.outgoing:
                self._sending.set()

    def _end(self, now: float) -> tuple[str, str] | None:
        """Return why this connection must be made anew, if it must."""
        settings, rules = self._settings, self._subscriptions
        if now >= self._heard_at + settings.dead_after_s:
            return "silent", f"nothing at all came for {now - self._heard_at:.0f} s"
        if rules.lost_session:
            return "token_expired", "the venue does not take the token any more"
        if rules.unanswered(now, settings.answer_timeout_s):
            return "unanswered", f"a subscription had no answer within {settings.answer_timeout_s:g} s"
        if quiet := rules.silent(now):
            self._tell(quiet)
            return "zombie", f"no data on {quiet.channel} for {quiet.seconds:.0f} s, though the connection lives"
        return None

    def _take(self, text: str, now: float) -> None:
        self._heard_at = now
        self.counts["frames"] += 1
        if self._token:
            text = text.replace(self._token, "<token>")
        for message in parse_message(text):
            if isinstance(message, m.Ack) and (answer := self._waiting.get(message.req_id or 0)) is not None:
                if not answer.done():
                    answer.set_result(message)
                self._subscriptions.check_session(message)
            else:
                for told in self._subscriptions.accept(message, now):
                    self._tell(told)

    async def _send_requests(self, wire: Socket) -> None:
        """Send what `subscriptions` leaves, no faster than the venue likes."""
        with suppress(SocketClosedError):  # the reader of the same connection sees it too, and ends it
            while True:
                await self._sending.wait()
                self._sending.clear()
                while self._wire is wire and self._subscriptions.outgoing:
                    await wire.send(self._subscriptions.outgoing.popleft())
                    await asyncio.sleep(1 / self._settings.requests_per_s)

    def _tell_state(self, state: m.Connected | m.Disconnected) -> None:
        self._state = state
        self._tell(state)

    def _tell(self, message: m.Message) -> None:
        if self._dropped or len(self._queue) >= self._settings.queue_size:
            self._dropped += 1
            self.counts["dropped"] += 1
            return
        self._queue.append(message)
        self._news.set()

    def _catch_up(self) -> None:
        """Go on telling after the reader was too slow: where things stand, and that every channel has a gap."""
        self._dropped = 0
        self.counts["slow reader"] += 1
        if self._state is not None:
            self._tell(self._state)
        for gap in self._subscriptions.interrupted("slow_reader", asyncio.get_running_loop().time()):
            self._tell(gap)
        self._sending.set()
