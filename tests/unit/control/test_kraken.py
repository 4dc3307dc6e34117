"""Which setting reaches which part of the client, and that sockets open by the same settings."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from tradecore.bootstrap import open_lab
from tradecore.config.secrets import KRAKEN_KEY, KRAKEN_SECRET
from tradecore.control import kraken
from tradecore.control.config import make_workspace
from tradecore.control.lab import Lab
from tradecore.core.clock import SystemClock
from tradecore.core.errors import ConfigError, StateRefusedError, UsageError
from tradecore.core.types import Pair
from tradecore.testing.fake_kraken.core import FakeKraken
from tradecore.testing.fake_kraken.private_api import DEFAULT_KEY, DEFAULT_SECRET
from tradecore.testing.fake_kraken.server import serving
from tradecore.testing.fake_kraken.tape import Tape
from tradecore.venues.kraken import messages
from tradecore.venues.kraken.limits import Tier

pytest.importorskip("aiohttp")

WAIT_S = 20


@pytest.fixture
def url(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv(KRAKEN_KEY, DEFAULT_KEY)
    monkeypatch.setenv(KRAKEN_SECRET, DEFAULT_SECRET)
    clock = SystemClock()
    fake = FakeKraken({Pair.parse("BTC/USD"): Tape.synthetic(1, clock.now() - 60 * 10**9, 120)}, clock)
    fake.private.add_key(fake.private.add_account("someone"))
    with serving(fake) as server:
        yield server.url


def test_one_address_serves_every_part(empty: Lab) -> None:
    lab = open_lab(empty.root, kraken.settings_at("http://127.0.0.1:8123/"))
    at = kraken.addresses(lab.settings.kraken)
    assert (at.rest, at.futures) == ("http://127.0.0.1:8123", "http://127.0.0.1:8123")
    assert (at.socket, at.private_socket) == ("ws://127.0.0.1:8123/v2", "ws://127.0.0.1:8123/v2-auth")


def test_the_defaults_are_krakens_own(empty: Lab) -> None:
    from tradecore.venues.kraken.addresses import Addresses

    assert kraken.addresses(empty.settings.kraken) == Addresses()
    assert kraken.tier(empty.settings.kraken) is Tier.STARTER


def test_an_address_elsewhere_must_be_encrypted(empty: Lab) -> None:
    lab = open_lab(empty.root, {"kraken.rest_address": "http://mirror.example.org"})
    with pytest.raises(ConfigError, match="not encrypted"):
        kraken.addresses(lab.settings.kraken)


@pytest.mark.parametrize("address", ["127.0.0.1:1", "ws://127.0.0.1:1", "http://me:secret@127.0.0.1:1", "http://"])
def test_an_address_that_is_none_is_refused_and_shows_no_password(address: str) -> None:
    with pytest.raises(UsageError, match="expected http") as told:
        kraken.settings_at(address)
    assert "secret" not in str(told.value)


async def _first(socket: object, kind: type) -> object:
    async with asyncio.timeout(WAIT_S):
        async for message in socket:  # type: ignore[attr-defined]
            if isinstance(message, kind):
                return message
    raise AssertionError(f"no {kind.__name__}")


def test_the_public_socket_opens_by_the_settings(empty: Lab, url: str) -> None:
    lab = open_lab(empty.root, kraken.settings_at(url))

    async def read() -> object:
        async with kraken.open_kraken_socket(lab) as socket:
            socket.subscribe("trade", ["BTC/USD"])
            return await _first(socket, messages.TradesSnapshot)

    assert asyncio.run(read()).ticks  # type: ignore[attr-defined]


def test_the_accounts_socket_opens_with_a_token_of_its_own(empty: Lab, url: str) -> None:
    lab = open_lab(empty.root, kraken.settings_at(url))

    async def read() -> object:
        async with (
            kraken.open_kraken_private(lab) as account,
            kraken.open_kraken_socket(lab, account) as socket,
        ):
            socket.subscribe("executions")
            return await _first(socket, messages.Subscribed)

    assert asyncio.run(read()).channel == "executions"  # type: ignore[attr-defined]


def test_one_key_is_one_process_whatever_the_workspace(empty: Lab, url: str, tmp_path: Path) -> None:
    make_workspace(tmp_path / "another")
    first, second = (open_lab(root, kraken.settings_at(url)) for root in (empty.root, tmp_path / "another"))

    async def both() -> None:
        async with kraken.open_kraken_private(first), kraken.open_kraken_private(second):
            pass

    with pytest.raises(StateRefusedError, match="in use by another"):
        asyncio.run(both())


def test_futures_open_by_the_settings(empty: Lab, url: str) -> None:
    lab = open_lab(empty.root, kraken.settings_at(url))

    async def open_and_close() -> str:
        async with kraken.open_kraken_futures(lab) as futures:
            return type(futures).__name__

    assert asyncio.run(open_and_close()) == "KrakenFutures"
