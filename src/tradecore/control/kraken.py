"""Kraken's clients as the settings and the environment want them: addresses, pace, tier, key. Asks nothing by itself.

The verbs that talk to Kraken open them here, each for the length of a block, so that nothing else knows which setting
belongs to which part. Invariant: a key is read only where something is signed, and never before.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from tradecore.config.secrets import keys_folder, kraken_credentials
from tradecore.config.tree import KrakenSettings
from tradecore.control.lab import Lab
from tradecore.core.errors import UsageError
from tradecore.core.seeds import generator
from tradecore.venues.kraken.addresses import Addresses
from tradecore.venues.kraken.answers import value_of
from tradecore.venues.kraken.futures import KrakenFutures
from tradecore.venues.kraken.limits import EngineCounters, Pace, PaceSettings, PrivateCounter, Tier
from tradecore.venues.kraken.listing import Listing
from tradecore.venues.kraken.nonces import NonceWriter
from tradecore.venues.kraken.private import KrakenPrivate, PrivateSettings
from tradecore.venues.kraken.public import KrakenPublic
from tradecore.venues.kraken.signing import Credentials
from tradecore.venues.kraken.socket import KrakenSocket
from tradecore.venues.kraken.transport import NetworkTransport, Transport


def addresses(settings: KrakenSettings) -> Addresses:
    """Return where Kraken is, by the settings. Errors: ConfigError for one that would send secrets unencrypted."""
    return Addresses(
        rest=settings.rest_address,
        socket=settings.socket_address,
        private_socket=settings.private_socket_address,
        futures=settings.futures_address,
    )


def settings_at(address: str) -> Mapping[str, str]:
    """Return the settings that point every part of the client at one address, as the local fake has.

    Errors: UsageError for what is no http address.
    """
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or "@" in parts.netloc or not parts.hostname:
        shown = address if "@" not in address else f"{parts.scheme}://…@{parts.hostname}"
        raise UsageError(f"--address {shown}: expected http://HOST:PORT, as the fake Kraken prints it")
    at = Addresses.local(address)
    return {
        "kraken.rest_address": at.rest,
        "kraken.socket_address": at.socket,
        "kraken.private_socket_address": at.private_socket,
        "kraken.futures_address": at.futures,
    }


def pace(lab: Lab) -> Pace:
    """Return the pace of public calls by the settings."""
    return Pace(lab.clock, PaceSettings(interval_s=1 / lab.settings.kraken.requests_per_second))


def tier(settings: KrakenSettings) -> Tier:
    """Return the account's tier."""
    return Tier[settings.tier.upper()]


@asynccontextmanager
async def open_kraken_public(
    lab: Lab, listing: Listing | None = None, transport: Transport | None = None
) -> AsyncIterator[KrakenPublic]:
    """Open the client of Kraken's public calls, for the length of a block; the network, unless a way is given.

    Errors: ConfigError.
    """
    settings = lab.settings.kraken
    async with NetworkTransport() as network:
        way: Transport = network if transport is None else transport
        yield KrakenPublic(
            way, addresses(settings), lab.clock, pace(lab), listing=listing, timeout_s=settings.timeout_s
        )


@asynccontextmanager
async def open_kraken_futures(lab: Lab) -> AsyncIterator[KrakenFutures]:
    """Open the client of Kraken Futures' charts, for the length of a block. Errors: ConfigError."""
    settings = lab.settings.kraken
    async with NetworkTransport() as transport:
        yield KrakenFutures(transport, addresses(settings), lab.clock, pace(lab), timeout_s=settings.timeout_s)


@asynccontextmanager
async def open_kraken_private(lab: Lab, listing: Listing | None = None) -> AsyncIterator[KrakenPrivate]:
    """Open the client of the account, for the length of a block; one process at a time may use a key.

    Errors: ConfigError when there is no key, or none that can be one; StateRefusedError when another process uses it.
    """
    settings = lab.settings.kraken
    found = kraken_credentials()
    credentials = Credentials(found.key.reveal(), found.secret)
    with NonceWriter(keys_folder(), credentials.fingerprint, lab.clock) as nonces:
        async with NetworkTransport() as transport:
            yield KrakenPrivate(
                transport,
                addresses(settings),
                lab.clock,
                credentials,
                nonces,
                PrivateCounter(lab.clock, tier(settings), settings.exits_reserve),
                engine=EngineCounters(lab.clock, tier(settings), settings.exits_reserve),
                listing=listing,
                settings=PrivateSettings(read_timeout_s=settings.timeout_s, write_timeout_s=settings.timeout_s),
            )


@asynccontextmanager
async def open_kraken_socket(lab: Lab, account: KrakenPrivate | None = None) -> AsyncIterator[KrakenSocket]:
    """Open and run a socket, for the length of a block: the account's where its client is given, else the public one.

    Errors: ConfigError. A connection that is lost is made again for as long as the block lasts.
    """
    at = addresses(lab.settings.kraken)
    rng = generator(lab.clock.now(), "kraken socket")  # chance only spreads the moments of reconnection
    async with NetworkTransport() as transport:
        if account is None:
            socket = KrakenSocket(transport, at.socket, lab.clock, rng)
        else:
            socket = KrakenSocket(transport, at.private_socket, lab.clock, rng, token=lambda: _token(account))
        async with socket:
            yield socket


async def _token(account: KrakenPrivate) -> str:
    return value_of(await account.socket_token()).token
