"""Our socket over real loopback sockets against the fake venue's server: every channel, and every way to break it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from tradecore.core.clock import SystemClock
from tradecore.core.seeds import generator
from tradecore.core.types import SECOND_NS, Pair
from tradecore.testing.fake_kraken import FakeKraken, FakeKrakenServer, FakeSettings, ScaledClock, Tape
from tradecore.testing.fake_kraken.private_api import DEFAULT_KEY, DEFAULT_SECRET
from tradecore.venues.kraken import messages as m
from tradecore.venues.kraken.answers import value_of
from tradecore.venues.kraken.nonces import NonceWriter
from tradecore.venues.kraken.private import KrakenPrivate
from tradecore.venues.kraken.signing import Credentials
from tradecore.venues.kraken.socket import KrakenSocket, SocketSettings
from tradecore.venues.kraken.transport import NetworkTransport

pytest.importorskip("aiohttp")

BTC, ETH = Pair("BTC", "USD"), Pair("ETH", "USD")
START = 1_760_000_000 * SECOND_NS
SPEED = 50.0
PATIENT = SocketSettings(fast_tries_s=(0.05, 0.05), slow_tries_s=(0.1, 0.2), jitter_s=0.05)
HASTY = replace(PATIENT, ping_after_s=0.4, dead_after_s=1.2)


@dataclass
class Scene:
    """A running venue, a running socket, and everything it told."""

    fake: FakeKraken
    server: FakeKrakenServer
    socket: KrakenSocket
    told: list[m.Message] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def of(self, *kinds: type) -> list[Any]:
        return [message for message in self.told if isinstance(message, kinds)]

    async def until(self, holds: Callable[[], bool], within_s: float = 15.0) -> None:
        async with asyncio.timeout(within_s):
            while not holds():
                self.news.clear()
                await self.news.wait()


@asynccontextmanager
async def scene(
    want: Callable[[KrakenSocket], None],
    *,
    private: bool = False,
    settings: SocketSettings = PATIENT,
    tmp_path: Path | None = None,
) -> AsyncIterator[Scene]:
    clock = ScaledClock(START, SPEED)
    tapes = {
        BTC: Tape.synthetic(3, START - 600 * SECOND_NS, 200_000, per_second=2.0),
        ETH: Tape.synthetic(4, START - 600 * SECOND_NS, 200_000, per_second=2.0, first_price=3000.0, decimals=2),
    }
    fake = FakeKraken(tapes, clock, FakeSettings(heartbeat_s=5.0))
    fake.private.add_key(fake.private.add_account("bench"))
    wall = SystemClock()
    async with FakeKrakenServer(fake) as server, NetworkTransport() as transport:
        address, token = server.addresses.socket, None
        if private:
            assert tmp_path is not None
            nonces = NonceWriter(tmp_path, "bench", wall)
            rest = KrakenPrivate(transport, server.addresses, wall, Credentials(DEFAULT_KEY, DEFAULT_SECRET), nonces)

            async def fresh() -> str:
                return value_of(await rest.socket_token()).token

            address, token = server.addresses.private_socket, fresh
        socket = KrakenSocket(transport, address, wall, generator(1), token=token, settings=settings)
        want(socket)
        one = Scene(fake, server, socket)

        async def read() -> None:
            async for message in socket:
                one.told.append(message)
                one.news.set()

        async with socket:
            reader = asyncio.create_task(read())
            yield one
        await reader


def run(play: Awaitable[None]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(40):
            await play

    asyncio.run(bounded())


def everything(socket: KrakenSocket) -> None:
    symbols = ["BTC/USD", "ETH/USD"]
    socket.subscribe("ticker", symbols)
    socket.subscribe("trade", symbols, snapshot=True)
    socket.subscribe("ohlc", symbols, interval=1)
    socket.subscribe("book", symbols, depth=25)


def contiguous(one: Scene, pair: Pair) -> list[int]:
    return [tick.trade_id for message in one.of(m.TradesUpdate) for tick in message.ticks if tick.pair == pair]


def test_every_public_channel_over_real_sockets() -> None:
    async def play() -> None:
        async with scene(everything) as one:
            kinds = (m.TickerUpdate, m.TradesSnapshot, m.TradesUpdate, m.OhlcUpdate, m.BookSnapshot, m.BookUpdate)
            await one.until(lambda: all(len(one.of(kind)) >= 2 for kind in kinds) and len(one.of(m.TradesUpdate)) > 40)
            assert {(up.channel, up.symbol) for up in one.of(m.Subscribed)} == {
                *(
                    (channel, symbol)
                    for channel in ("ticker", "trade", "ohlc", "book")
                    for symbol in ("BTC/USD", "ETH/USD")
                ),
                ("instrument", ""),
            }
            assert all(one.socket.books[pair].valid for pair in (BTC, ETH))
            for pair in (BTC, ETH):
                ids = contiguous(one, pair)
                assert ids == list(range(ids[0], ids[0] + len(ids)))
            assert not one.of(m.Quarantined, m.Gap, m.Disconnected, m.SubscriptionRefused)

    run(play())


def test_private_channels_over_real_sockets(tmp_path: Path) -> None:
    def want(socket: KrakenSocket) -> None:
        socket.subscribe("executions", snap_orders=True, snap_trades=True)
        socket.subscribe("balances")

    async def play() -> None:
        async with scene(want, private=True, tmp_path=tmp_path) as one:
            await one.until(lambda: len(one.of(m.Executions)) >= 1 and len(one.of(m.Balances)) >= 1)
            assert {row.asset for row in one.of(m.Balances)[0].rows} >= {"USD", "BTC"}

    run(play())


def test_dropped_connection_comes_back_with_all_its_subscriptions() -> None:
    async def play() -> None:
        async with scene(everything) as one:
            await one.until(lambda: len(one.of(m.Subscribed)) == 9)
            one.fake.faults.on("ws_drop", times=1)
            await one.until(lambda: len(one.of(m.Subscribed)) == 18)
            assert one.of(m.Disconnected)[0].reason == "closed_by_venue"
            assert len(one.of(m.Gap)) == 9

    run(play())


def test_silent_stall_is_noticed() -> None:
    async def play() -> None:
        async with scene(everything, settings=HASTY) as one:
            await one.until(lambda: len(one.of(m.Subscribed)) == 9)
            one.fake.faults.on("ws_silent", times=1)
            await one.until(lambda: len(one.of(m.Connected)) == 2)
            assert one.of(m.Disconnected)[0].reason == "silent"
            assert one.of(m.Silent)

    run(play())


def test_zombie_is_noticed_where_data_was_to_be_expected() -> None:
    def want(socket: KrakenSocket) -> None:
        socket.subscribe("trade", ["BTC/USD"], data_within_s=1.0)

    async def play() -> None:
        async with scene(want) as one:
            await one.until(lambda: len(one.of(m.TradesUpdate)) > 3)
            one.fake.faults.on("ws_zombie", times=1)
            await one.until(lambda: len(one.of(m.Connected)) == 2)
            assert one.of(m.Disconnected)[0].reason == "zombie"
            assert one.of(m.Heartbeat)

    run(play())


def test_wrong_checksum_mends_one_book_and_keeps_the_connection() -> None:
    async def play() -> None:
        async with scene(everything) as one:
            await one.until(lambda: len(one.of(m.BookUpdate)) > 4)
            snapshots = len(one.of(m.BookSnapshot))
            one.fake.faults.on("bad_checksum", endpoint="book", times=1)
            await one.until(lambda: len(one.of(m.BookSnapshot)) > snapshots)
            assert one.socket.counts["checksum mismatches"] == 1
            assert [gap.reason for gap in one.of(m.Gap)] == ["checksum"]
            assert not one.of(m.Disconnected)

    run(play())


def test_duplicates_and_swapped_messages_lose_no_trade_and_break_no_book_for_good() -> None:
    async def play() -> None:
        async with scene(everything) as one:
            await one.until(lambda: len(one.of(m.TradesUpdate)) > 4)
            one.fake.faults.on("ws_duplicate", rate=0.2)
            one.fake.faults.on("ws_out_of_order", rate=0.1)
            await asyncio.sleep(1.5)
            one.fake.faults.off()
            seen = len(one.of(m.TradesUpdate))
            await one.until(lambda: len(one.of(m.TradesUpdate)) > seen + 20)
            for pair in (BTC, ETH):
                ids = sorted(set(contiguous(one, pair)))
                assert ids == list(range(ids[0], ids[0] + len(ids)))
            await one.until(lambda: all(one.socket.books[pair].valid for pair in (BTC, ETH)))
            assert not one.of(m.Disconnected)

    run(play())


def test_garbage_is_counted_and_changes_nothing() -> None:
    async def play() -> None:
        async with scene(everything) as one:
            await one.until(lambda: len(one.of(m.TradesUpdate)) > 4)
            one.fake.faults.on("garbage_frame", times=10)
            await one.until(lambda: len(one.of(m.Quarantined)) == 10)
            seen = len(one.of(m.TradesUpdate))
            await one.until(lambda: len(one.of(m.TradesUpdate)) > seen + 4)
            assert not one.of(m.Disconnected)

    run(play())


def test_sequence_jump_brings_a_fresh_snapshot(tmp_path: Path) -> None:
    def want(socket: KrakenSocket) -> None:
        socket.subscribe("executions")
        socket.subscribe("balances")

    async def play() -> None:
        async with scene(want, private=True, tmp_path=tmp_path) as one:
            await one.until(lambda: bool(one.of(m.Executions)) and bool(one.of(m.Balances)))
            one.fake.faults.on("sequence_jump", endpoint="executions", times=1)
            order = {"order_type": "limit", "side": "buy", "order_qty": 1, "symbol": "BTC/USD", "limit_price": 1000}
            ack = await one.socket.ask("add_order", order, 5)
            assert ack.success, ack.error
            await one.until(lambda: len([each for each in one.of(m.Executions) if each.snapshot]) == 2)
            assert [(gap.channel, gap.reason) for gap in one.of(m.Gap)] == [("executions", "sequence")]
            assert one.of(m.Executions)[-1].rows[0].order_id == ack.result["order_id"]

    run(play())


def test_expired_token_is_replaced(tmp_path: Path) -> None:
    def want(socket: KrakenSocket) -> None:
        socket.subscribe("executions")

    async def play() -> None:
        async with scene(want, private=True, tmp_path=tmp_path) as one:
            one.fake.faults.on("token_expired", times=1)
            await one.until(lambda: bool(one.of(m.Executions)))
            assert [down.reason for down in one.of(m.Disconnected)] == ["token_expired"]

    run(play())


def test_maintenance_is_told_and_survived() -> None:
    async def play() -> None:
        async with scene(everything) as one:
            await one.until(lambda: len(one.of(m.Subscribed)) == 9)
            one.fake.faults.on("maintenance")
            await one.until(lambda: one.of(m.SystemStatus)[-1].system == "maintenance")
            one.fake.faults.off()
            await one.until(lambda: one.of(m.SystemStatus)[-1].system == "online")

    run(play())


def test_nobody_listening_is_a_named_reason_and_tried_for_ever() -> None:
    async def play() -> None:
        async with NetworkTransport() as transport:
            socket = KrakenSocket(transport, "ws://127.0.0.1:1/v2", SystemClock(), generator(1), settings=PATIENT)
            async with socket:
                reasons = []
                async for message in socket:
                    assert isinstance(message, m.Disconnected)
                    reasons.append(message.reason)
                    if len(reasons) == 5:
                        break
                assert reasons == ["refused"] * 5

    run(play())
