"""The socket that never gives up, on virtual time against a scripted wire."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

import pytest

from tradecore.core.errors import OutcomeUnknownError, UsageError
from tradecore.core.seeds import generator
from tradecore.core.types import Pair
from tradecore.testing.virtual_time import VirtualClock, run_virtual
from tradecore.venues.kraken import messages as m
from tradecore.venues.kraken.book import book_checksum
from tradecore.venues.kraken.frames import parse_message
from tradecore.venues.kraken.socket import KrakenSocket, SocketSettings
from tradecore.venues.kraken.transport import NO_HEADERS, NotSentError, Reply, SocketClosedError

ONLINE = '{"channel":"status","type":"update","data":[{"system":"online","version":"2.0.10"}]}'
BEAT = '{"channel":"heartbeat"}'
BTC = Pair("BTC", "USD")


class Wire:
    """One scripted connection: it greets, confirms what is subscribed to, and says what a test puts in."""

    def __init__(self, greeting: Iterable[str] = (ONLINE,), answers: bool = True) -> None:
        self.sent: list[dict[str, Any]] = []
        self.closed = False
        self.answers = answers
        self.refused: Mapping[str, str] = {}
        self._incoming: asyncio.Queue[str | None] = asyncio.Queue()
        for text in greeting:
            self._incoming.put_nowait(text)

    def say(self, message: object) -> None:
        self._incoming.put_nowait(message if isinstance(message, str) else json.dumps(message))

    def hang_up(self) -> None:
        self._incoming.put_nowait(None)

    def asked(self, method: str, channel: str | None = None) -> list[dict[str, Any]]:
        found = [request for request in self.sent if request["method"] == method]
        return [request for request in found if channel in (None, request.get("params", {}).get("channel"))]

    async def send(self, text: str) -> None:
        request = json.loads(text)
        self.sent.append(request)
        params = request.get("params", {})
        if request["method"] == "ping" and self.answers:
            self.say({"method": "pong", "req_id": request["req_id"]})
        if request["method"] not in ("subscribe", "unsubscribe") or not self.answers:
            return
        for symbol in params.get("symbol", [""]):
            about = {"symbol": symbol} if symbol else {}
            head = {"method": request["method"], "req_id": request["req_id"]}
            if words := self.refused.get(symbol or params["channel"]):
                self.say({**head, "success": False, "error": words, **about})
            else:
                self.say({**head, "success": True, "result": {"channel": params["channel"], **about}})

    async def receive(self) -> str:
        text = await self._incoming.get()
        if text is None:
            raise SocketClosedError("the venue hung up")
        return text

    async def close(self) -> None:
        self.closed = True


class Script:
    """A transport that hands out prepared wires, or errors; after them, fresh wires."""

    def __init__(self, *steps: Wire | Exception) -> None:
        self._steps = list(steps)
        self.wires: list[Wire] = []
        self.times: list[float] = []

    async def connect(self, url: str) -> Wire:
        self.times.append(asyncio.get_running_loop().time())
        step = self._steps.pop(0) if self._steps else Wire()
        if isinstance(step, Exception):
            raise step
        self.wires.append(step)
        return step

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] = NO_HEADERS,
        body: bytes | None = None,
        timeout_s: float,
    ) -> Reply:
        raise NotImplementedError


class Listener:
    """A running socket and everything it told so far."""

    def __init__(self, socket: KrakenSocket, script: Script) -> None:
        self.socket, self.script = socket, script
        self.told: list[m.Message] = []

    async def read(self) -> None:
        async for message in self.socket:
            self.told.append(message)

    def of(self, *kinds: type) -> list[Any]:
        return [message for message in self.told if isinstance(message, kinds)]

    @property
    def wire(self) -> Wire:
        return self.script.wires[-1]


Play = Callable[[Listener], Awaitable[None]]


def play(
    *steps: Wire | Exception,
    act: Play,
    before: Callable[[KrakenSocket], None] = lambda socket: None,
    settings: SocketSettings | None = None,
    token: Callable[[], Awaitable[str]] | None = None,
) -> Listener:
    """Run a socket against a script on virtual time while `act` happens, and return what it told."""

    async def main(clock: VirtualClock) -> Listener:
        script = Script(*steps)
        socket = KrakenSocket(script, "wss://venue", clock, generator(1, "socket"), token=token, settings=settings)
        before(socket)
        listener = Listener(socket, script)
        async with socket:
            reader = asyncio.create_task(listener.read())
            await act(listener)
            await asyncio.sleep(0.01)
        await reader
        return listener

    return run_virtual(main)


def wait(seconds: float) -> Play:
    async def act(_: Listener) -> None:
        await asyncio.sleep(seconds)

    return act


def beats(listener: Listener, seconds: int, *, first: int = 0) -> Awaitable[None]:
    """Let the venue beat once a second."""

    async def beat() -> None:
        for _ in range(first, seconds):
            listener.wire.say(BEAT)
            await asyncio.sleep(1)

    return beat()


def trades(*ids: int, symbol: str = "BTC/USD") -> dict[str, Any]:
    row = {"symbol": symbol, "side": "buy", "price": 1, "qty": 1, "ord_type": "market"}
    rows = [{**row, "trade_id": number, "timestamp": "2023-10-06T17:35:56Z"} for number in ids]
    return {"channel": "trade", "type": "update", "data": rows}


def want_trades(socket: KrakenSocket) -> None:
    socket.subscribe("trade", ["BTC/USD", "ETH/USD"])


def test_subscribes_after_the_greeting_and_tells_each_confirmed_symbol() -> None:
    listener = play(act=wait(1), before=want_trades)
    assert [type(message) for message in listener.told[:2]] == [m.Connected, m.SystemStatus]
    assert listener.of(m.Subscribed) == [m.Subscribed("trade", "BTC/USD"), m.Subscribed("trade", "ETH/USD")]
    (request,) = listener.wire.asked("subscribe")
    assert request["params"] == {"channel": "trade", "symbol": ["BTC/USD", "ETH/USD"]}


def test_refused_symbol_is_told_and_the_others_go_on() -> None:
    wire = Wire()
    wire.refused = {"ETH/USD": "Currency pair not supported ETH/USD"}
    listener = play(wire, act=wait(30), before=want_trades, settings=SocketSettings(dead_after_s=60))
    (refused,) = listener.of(m.SubscriptionRefused)
    assert refused == m.SubscriptionRefused("trade", "ETH/USD", "Currency pair not supported ETH/USD")
    assert listener.of(m.Disconnected) == []


def test_data_that_comes_before_its_confirmation_is_told_and_counts_as_one() -> None:
    async def act(listener: Listener) -> None:
        await asyncio.sleep(0.1)
        listener.wire.say(trades(1))
        await beats(listener, 15)

    listener = play(Wire(answers=False), act=act, before=lambda socket: socket.subscribe("trade", ["BTC/USD"]))
    assert listener.of(m.Subscribed) == [m.Subscribed("trade", "BTC/USD")]
    assert listener.of(m.Disconnected) == []


def test_subscription_without_an_answer_makes_the_connection_anew() -> None:
    async def act(listener: Listener) -> None:
        await asyncio.sleep(0.1)
        await beats(listener, 12)

    listener = play(Wire(answers=False), act=act, before=want_trades)
    assert [message.reason for message in listener.of(m.Disconnected)] == ["unanswered"]


def test_subscription_added_while_connected_is_asked_for_at_once() -> None:
    async def act(listener: Listener) -> None:
        await asyncio.sleep(1)
        want_trades(listener.socket)
        await asyncio.sleep(1)

    listener = play(act=act)
    assert len(listener.of(m.Subscribed)) == 2
    assert len(listener.wire.asked("subscribe")) == 1


def test_subscription_added_later_does_not_ask_again_for_the_earlier_ones() -> None:
    async def act(listener: Listener) -> None:
        await asyncio.sleep(1)
        listener.socket.subscribe("ticker", ["BTC/USD"])
        await asyncio.sleep(1)

    listener = play(act=act, before=want_trades)
    assert [request["params"]["channel"] for request in listener.wire.asked("subscribe")] == ["trade", "ticker"]


def test_book_added_later_uses_the_decimals_known_by_then() -> None:
    async def act(listener: Listener) -> None:
        await asyncio.sleep(1)
        listener.wire.say(
            {**LISTING, "data": {"assets": [], "pairs": [INSTRUMENT, {**INSTRUMENT, "symbol": "ETH/USD"}]}}
        )
        await asyncio.sleep(1)
        listener.socket.subscribe("book", ["ETH/USD"])
        await asyncio.sleep(1)
        listener.wire.say(book().replace("BTC/USD", "ETH/USD"))
        await asyncio.sleep(0.1)
        assert listener.socket.books[Pair("ETH", "USD")].valid

    assert len(play(act=act, before=want_book).of(m.BookSnapshot)) == 1


def test_one_book_at_two_depths_is_refused_here() -> None:
    def want(socket: KrakenSocket) -> None:
        want_book(socket)
        want_book(socket)

    with pytest.raises(UsageError, match="one depth per pair"):
        play(act=wait(0), before=want)


def test_reconnect_subscribes_again_and_names_every_channel_with_a_gap() -> None:
    async def act(listener: Listener) -> None:
        await asyncio.sleep(1)
        listener.wire.hang_up()
        await asyncio.sleep(5)

    listener = play(act=act, before=want_trades)
    assert len(listener.script.wires) == 2
    (down,) = listener.of(m.Disconnected)
    assert (down.reason, down.attempt) == ("closed_by_venue", 1)
    assert 1.0 <= down.next_try_s <= 1.75
    gaps = listener.of(m.Gap)
    assert [(gap.channel, gap.symbol, gap.reason) for gap in gaps] == [
        ("trade", "BTC/USD", "reconnected"),
        ("trade", "ETH/USD", "reconnected"),
    ]
    assert len(listener.wire.asked("subscribe")) == 1
    assert listener.told.index(gaps[0]) > listener.told.index(listener.of(m.Connected)[1])
    assert len(listener.of(m.Subscribed)) == 4, "each connection confirms anew"


def test_tries_are_two_fast_ones_then_slower_up_to_half_a_minute_and_never_end() -> None:
    fail = [NotSentError("no such host", reason="dns") for _ in range(200)]
    listener = play(*fail, act=wait(3600))
    downs = listener.of(m.Disconnected)
    assert {down.reason for down in downs} == {"dns"}
    pauses = [down.next_try_s for down in downs]
    for pause, least in zip(pauses, [1, 2, 5, 10, 20, 30, 30, 30], strict=False):
        assert least <= pause <= least + 0.75
    assert len(downs) > 100
    assert [down.attempt for down in downs[:4]] == [1, 2, 3, 4]


def test_tries_are_counted_from_one_again_only_after_a_stable_connection() -> None:
    async def act(listener: Listener) -> None:
        await asyncio.sleep(1)
        listener.wire.hang_up()  # after 1 s: not stable
        await asyncio.sleep(3)
        await beats(listener, 40)
        listener.wire.hang_up()  # after 40 s: stable
        await asyncio.sleep(3)

    attempts = [down.attempt for down in play(NotSentError(reason="dns"), act=wait(0)).of(m.Disconnected)]
    assert attempts == [1]
    listener = play(act=act)
    assert [down.attempt for down in listener.of(m.Disconnected)] == [1, 1]
    assert [up.attempt for up in listener.of(m.Connected)] == [1, 2, 2]


def test_never_connects_more_often_than_the_venues_edge_allows() -> None:
    settings = SocketSettings(fast_tries_s=(), slow_tries_s=(0.1, 0.1), jitter_s=0.0, most_tries=20, tries_window_s=60)
    fail = [NotSentError("refused", reason="refused") for _ in range(500)]
    times = play(*fail, act=wait(600), settings=settings).script.times
    for first, later in zip(times, times[20:], strict=False):
        assert later - first >= 59.999
    assert len(times) >= 200


def test_silence_is_told_pinged_and_then_ends_the_connection() -> None:
    listener = play(Wire(answers=False), act=wait(35))
    assert [message.seconds for message in listener.of(m.Silent)] == [10, 20]
    assert len(listener.script.wires[0].asked("ping")) == 2
    assert listener.of(m.Disconnected)[0].reason == "silent"
    assert listener.script.wires[0].closed


def test_pong_keeps_a_quiet_connection_alive() -> None:
    listener = play(act=wait(120))
    assert listener.of(m.Disconnected) == []
    assert len(listener.wire.asked("ping")) >= 10


def test_heartbeats_without_data_are_a_zombie_where_data_was_to_be_expected() -> None:
    async def act(listener: Listener) -> None:
        await asyncio.sleep(0.5)
        await beats(listener, 70)

    listener = play(act=act, before=lambda socket: socket.subscribe("trade", ["BTC/USD"], data_within_s=60))
    assert listener.of(m.Silent)[0].channel == "trade"
    assert listener.of(m.Disconnected)[0].reason == "zombie"


def test_quiet_channel_is_no_zombie_without_that_wish() -> None:
    async def act(listener: Listener) -> None:
        await beats(listener, 200)

    assert play(act=lambda listener: _after(listener, act), before=want_trades).of(m.Disconnected) == []


async def _after(listener: Listener, act: Play) -> None:
    await asyncio.sleep(0.5)
    await act(listener)


def test_connection_that_never_greets_is_given_up() -> None:
    listener = play(Wire(greeting=()), act=wait(11))
    assert listener.of(m.Disconnected)[0].reason == "no_greeting"


def test_status_of_the_venue_is_passed_on() -> None:
    async def act(listener: Listener) -> None:
        await asyncio.sleep(1)
        listener.wire.say(ONLINE.replace("online", "cancel_only"))

    assert [status.system for status in play(act=act).of(m.SystemStatus)] == ["online", "cancel_only"]


def test_garbage_is_told_and_does_not_end_the_connection() -> None:
    async def act(listener: Listener) -> None:
        await asyncio.sleep(1)
        listener.wire.say('{"channel":"tra')
        listener.wire.say(trades(5))

    listener = play(act=act, before=want_trades)
    assert listener.of(m.Quarantined)[0].count == 1
    assert listener.of(m.TradesUpdate)
    assert listener.of(m.Disconnected) == []
    assert listener.socket.counts["quarantined"] == 1


def test_slow_reader_costs_no_memory_and_is_told_what_it_missed() -> None:
    async def main(clock: VirtualClock) -> None:
        script = Script()
        settings = SocketSettings(queue_size=100)
        async with KrakenSocket(script, "wss://venue", clock, generator(1), settings=settings) as socket:
            socket.subscribe("trade", ["BTC/USD"])
            await asyncio.sleep(1)
            for number in range(1000):
                script.wires[0].say(trades(number))
            await asyncio.sleep(1)
            told = []
            async for message in socket:
                told.append(message)
                if isinstance(message, m.Gap):
                    break
            ids = [tick.trade_id for message in told if isinstance(message, m.TradesUpdate) for tick in message.ticks]
            assert ids == list(range(len(ids)))
            assert 90 <= len(ids) <= 100
            assert socket.counts["dropped"] == 1000 - len(ids)
            assert told[-2:] == [m.Connected(1, told[-2].time_ns), m.Gap("trade", "BTC/USD", None, None, "slow_reader")]

    run_virtual(main)


def test_burst_on_the_wire_does_not_starve_a_reader_that_keeps_up() -> None:
    async def act(listener: Listener) -> None:
        await asyncio.sleep(1)
        for number in range(1000):
            listener.wire.say(trades(number))
        await asyncio.sleep(1)

    listener = play(act=act, before=want_trades, settings=SocketSettings(queue_size=100))
    assert len(listener.of(m.TradesUpdate)) == 1000
    assert listener.socket.counts["dropped"] == 0


def test_slow_reader_of_executions_brings_a_new_snapshot() -> None:
    async def main(clock: VirtualClock) -> None:
        script = Script()
        settings = SocketSettings(queue_size=10)
        async with KrakenSocket(script, "x", clock, generator(1), token=fresh_tokens(), settings=settings) as socket:
            socket.subscribe("executions")
            await asyncio.sleep(1)
            script.wires[0].say(executions(1, "snapshot"))
            for number in range(2, 50):
                script.wires[0].say(executions(number))
            await asyncio.sleep(1)
            async for message in socket:
                if isinstance(message, m.Gap):
                    break
            await asyncio.sleep(1)
            assert len(script.wires[0].asked("unsubscribe", "executions")) == 1

    run_virtual(main)


def test_private_channel_needs_a_token() -> None:
    with pytest.raises(UsageError, match="token"):
        play(act=wait(0), before=lambda socket: socket.subscribe("executions"))


async def _tokens() -> str:
    _tokens.count += 1  # type: ignore[attr-defined]
    return f"secret-{_tokens.count}"  # type: ignore[attr-defined]


def fresh_tokens() -> Callable[[], Awaitable[str]]:
    _tokens.count = 0  # type: ignore[attr-defined]
    return _tokens


def executions(sequence: int, kind: str = "update") -> dict[str, Any]:
    row = {
        **{"order_id": f"O{sequence}", "exec_type": "new", "order_status": "new"},
        "timestamp": "2023-10-06T17:35:56Z",
    }
    return {"channel": "executions", "type": kind, "sequence": sequence, "data": [row]}


def test_every_connection_has_a_fresh_token() -> None:
    async def act(listener: Listener) -> None:
        await asyncio.sleep(1)
        listener.wire.hang_up()
        await asyncio.sleep(3)

    listener = play(act=act, before=lambda socket: socket.subscribe("executions"), token=fresh_tokens())
    used = [wire.asked("subscribe")[0]["params"]["token"] for wire in listener.script.wires]
    assert used == ["secret-1", "secret-2"]


@pytest.mark.parametrize("words", ["ESession:Invalid session", "Token(s) not found"])
def test_expired_token_ends_the_connection_for_a_new_one(words: str) -> None:
    wire = Wire()
    wire.refused = {"executions": words}
    listener = play(wire, act=wait(3), before=lambda socket: socket.subscribe("executions"), token=fresh_tokens())
    assert listener.of(m.Disconnected)[0].reason == "token_expired"
    assert listener.of(m.Subscribed) == [m.Subscribed("executions", "")]


def test_token_that_cannot_be_had_is_a_named_reason_and_tried_again() -> None:
    async def no_token() -> str:
        raise NotSentError("no such host", reason="dns")

    listener = play(act=wait(5), token=no_token)
    assert [down.reason for down in listener.of(m.Disconnected)] == ["dns", "dns", "dns"]


def test_token_is_in_nothing_that_is_told() -> None:
    async def act(listener: Listener) -> None:
        await asyncio.sleep(1)
        listener.wire.say('{"echo":"secret-1", broken')

    listener = play(act=act, before=lambda socket: socket.subscribe("executions"), token=fresh_tokens())
    assert listener.of(m.Quarantined)
    assert "secret-1" not in repr(listener.told)


def test_jump_of_a_sequence_is_a_gap_and_brings_a_new_snapshot() -> None:
    async def act(listener: Listener) -> None:
        await asyncio.sleep(1)
        for message in (executions(1, "snapshot"), executions(2), executions(5)):
            listener.wire.say(message)
        await asyncio.sleep(1)
        for message in (executions(1, "snapshot"), executions(2)):
            listener.wire.say(message)

    def want(socket: KrakenSocket) -> None:
        socket.subscribe("executions", snap_trades=True)

    listener = play(act=act, before=want, token=fresh_tokens())
    assert listener.of(m.Gap) == [m.Gap("executions", "", 3, 5, "sequence")]
    assert [message.sequence for message in listener.of(m.Executions)] == [1, 2, 5, 1, 2]
    methods = [request["method"] for request in listener.wire.sent]
    assert methods == ["subscribe", "unsubscribe", "subscribe"]
    assert listener.wire.sent[1]["params"] == {"channel": "executions", "token": "secret-1"}
    assert listener.wire.sent[2]["params"] == listener.wire.sent[0]["params"]
    assert listener.of(m.Disconnected) == []


def test_repeated_and_late_sequences_are_set_aside() -> None:
    async def act(listener: Listener) -> None:
        await asyncio.sleep(1)
        for message in (executions(1, "snapshot"), executions(2), executions(2), executions(1)):
            listener.wire.say(message)

    listener = play(act=act, before=lambda socket: socket.subscribe("executions"), token=fresh_tokens())
    assert [message.sequence for message in listener.of(m.Executions)] == [1, 2]
    assert len(listener.of(m.Quarantined)) == listener.socket.counts["repeated"] == 2


def test_broken_row_of_executions_is_a_gap() -> None:
    async def act(listener: Listener) -> None:
        await asyncio.sleep(1)
        listener.wire.say(executions(1, "snapshot"))
        listener.wire.say({**executions(2), "data": [{"order_id": "O7"}]})
        await asyncio.sleep(1)

    listener = play(act=act, before=lambda socket: socket.subscribe("executions"), token=fresh_tokens())
    assert [gap.reason for gap in listener.of(m.Gap)] == ["broken"]
    assert listener.wire.asked("unsubscribe", "executions")


INSTRUMENT = {
    **{"symbol": "BTC/USD", "status": "online", "price_precision": 1, "qty_precision": 8, "cost_precision": 5},
    **{"price_increment": 0.1, "qty_increment": 1e-8, "qty_min": 5e-5, "cost_min": 0.5},
}
LISTING = {"channel": "instrument", "type": "snapshot", "data": {"assets": [], "pairs": [INSTRUMENT]}}


def book(kind: str = "snapshot", *, damage: int = 0, amount: str = "1.00000000") -> str:
    """Return a book message: one ask of a new amount over one bid."""
    text = (
        f'{{"channel":"book","type":"{kind}","data":[{{"symbol":"BTC/USD","bids":[{{"price":10.0,"qty":1.00000000}}],'
        f'"asks":[{{"price":11.0,"qty":{amount}}}],"checksum":0}}]}}'
    )
    (message,) = parse_message(text)
    assert isinstance(message, (m.BookSnapshot, m.BookUpdate))
    checksum = (book_checksum(list(message.asks), list(message.bids), 1, 8) or 0) + damage
    return text.replace('"checksum":0', f'"checksum":{checksum}')


def want_book(socket: KrakenSocket) -> None:
    socket.subscribe("book", ["BTC/USD"], depth=10)


def test_book_is_asked_for_once_its_decimals_are_known_and_kept_valid() -> None:
    async def act(listener: Listener) -> None:
        await asyncio.sleep(0.5)
        assert listener.wire.asked("subscribe", "book") == []
        listener.wire.say(LISTING)
        await asyncio.sleep(0.5)
        for message in (book(), book("update", amount="2.50000000")):
            listener.wire.say(message)
        await asyncio.sleep(0.1)
        assert listener.socket.books[BTC].valid

    listener = play(act=act, before=want_book)
    assert [type(message) for message in listener.of(m.BookSnapshot, m.BookUpdate)] == [m.BookSnapshot, m.BookUpdate]


def test_book_of_a_pair_the_venue_does_not_list_is_refused() -> None:
    async def act(listener: Listener) -> None:
        await asyncio.sleep(0.5)
        listener.wire.say(LISTING)
        await asyncio.sleep(15)

    listener = play(act=act, before=lambda socket: socket.subscribe("book", ["BTC/USD", "NEW/USD"]))
    assert [refused.symbol for refused in listener.of(m.SubscriptionRefused)] == ["NEW/USD"]


def test_wrong_checksum_asks_for_that_symbol_alone_and_the_book_is_invalid_until_then() -> None:
    async def act(listener: Listener) -> None:
        await asyncio.sleep(0.5)
        listener.wire.say(LISTING)
        await asyncio.sleep(0.5)
        listener.wire.say(book())
        listener.wire.say(book("update", damage=1))
        listener.wire.say(book("update"))
        await asyncio.sleep(0.5)
        assert not listener.socket.books[BTC].valid
        assert listener.wire.asked("unsubscribe")[0]["params"]["symbol"] == ["BTC/USD"]
        listener.wire.say(book())
        await asyncio.sleep(0.1)
        assert listener.socket.books[BTC].valid

    listener = play(act=act, before=want_book)
    assert [gap.reason for gap in listener.of(m.Gap)] == ["checksum"]
    assert listener.socket.counts["checksum mismatches"] == 1
    assert len(listener.of(m.BookSnapshot, m.BookUpdate)) == 2
    assert listener.of(m.Disconnected) == []


def test_checksums_that_never_match_are_asked_about_ever_less_often() -> None:
    async def act(listener: Listener) -> None:
        await asyncio.sleep(0.5)
        listener.wire.say(LISTING)
        for _ in range(600):
            await asyncio.sleep(1)
            listener.wire.say(book(damage=1))

    listener = play(act=act, before=want_book)
    assert 5 <= len(listener.wire.asked("unsubscribe")) <= 20
    assert listener.of(m.Disconnected) == []


def test_reconnect_makes_every_book_invalid_until_its_snapshot() -> None:
    async def act(listener: Listener) -> None:
        await asyncio.sleep(0.5)
        listener.wire.say(LISTING)
        await asyncio.sleep(0.5)
        listener.wire.say(book())
        await asyncio.sleep(0.5)
        listener.wire.hang_up()
        await asyncio.sleep(3)
        listener.wire.say(book("update"))
        await asyncio.sleep(0.5)
        assert not listener.socket.books[BTC].valid
        listener.wire.say(book())
        await asyncio.sleep(0.5)
        assert listener.socket.books[BTC].valid

    play(act=act, before=want_book)


def test_decimals_that_change_make_the_book_anew() -> None:
    async def act(listener: Listener) -> None:
        await asyncio.sleep(0.5)
        listener.wire.say(LISTING)
        await asyncio.sleep(0.5)
        listener.wire.say(book())
        finer = {**INSTRUMENT, "price_precision": 2}
        listener.wire.say({**LISTING, "type": "update", "data": {"assets": [], "pairs": [finer]}})
        await asyncio.sleep(0.5)
        assert not listener.socket.books[BTC].valid

    listener = play(act=act, before=want_book)
    assert [gap.reason for gap in listener.of(m.Gap)] == ["decimals"]
    assert listener.wire.asked("unsubscribe", "book")


def test_request_is_answered_by_its_number() -> None:
    async def act(listener: Listener) -> None:
        await asyncio.sleep(1)
        asked = asyncio.create_task(listener.socket.ask("cancel_all", {}, 5))
        other = asyncio.create_task(listener.socket.ask("cancel_all", {}, 5))
        await asyncio.sleep(0.1)
        first, second = listener.wire.asked("cancel_all")
        assert first["params"] == {"token": "secret-1"}
        listener.wire.say({"method": "cancel_all", "req_id": second["req_id"], "success": False, "error": "EOrder:x"})
        listener.wire.say({"method": "cancel_all", "req_id": first["req_id"], "success": True, "result": {"count": 2}})
        assert (await asked).result == {"count": 2}
        assert (await other).error == "EOrder:x"

    assert play(act=act, token=fresh_tokens()).of(m.Ack) == []


def test_request_without_a_connection_is_not_sent() -> None:
    async def act(listener: Listener) -> None:
        with pytest.raises(NotSentError):
            await listener.socket.ask("cancel_all", {}, 5)

    play(*[NotSentError(reason="dns")] * 5, act=act, token=fresh_tokens())


def test_request_whose_connection_dies_has_an_unknown_outcome_and_is_not_sent_again() -> None:
    async def act(listener: Listener) -> None:
        await asyncio.sleep(1)
        asked = asyncio.create_task(listener.socket.ask("add_order", {}, 60))
        await asyncio.sleep(0.1)
        listener.wire.hang_up()
        with pytest.raises(OutcomeUnknownError, match="connection broke"):
            await asked
        await asyncio.sleep(10)

    listener = play(act=act, token=fresh_tokens())
    assert len(listener.script.wires) == 2
    assert sum(len(wire.asked("add_order")) for wire in listener.script.wires) == 1


def test_request_without_an_answer_in_time_has_an_unknown_outcome_and_a_late_answer_is_told() -> None:
    async def act(listener: Listener) -> None:
        await asyncio.sleep(1)
        with pytest.raises(OutcomeUnknownError, match="no answer in 5 s"):
            await listener.socket.ask("add_order", {}, 5)
        number = listener.wire.asked("add_order")[0]["req_id"]
        listener.wire.say({"method": "add_order", "req_id": number, "success": True, "result": {"order_id": "O1"}})

    listener = play(act=act, token=fresh_tokens())
    assert [ack.method for ack in listener.of(m.Ack)] == ["add_order"]


def test_reader_ends_when_the_socket_is_closed() -> None:
    listener = play(act=wait(1))
    assert isinstance(listener.told[0], m.Connected)
    assert listener.wire.closed
