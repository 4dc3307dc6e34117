"""Verbs of asking the venue: its state, pairs, prices and book; and, with a key, the account. Nothing is ordered here.

Each asks the one client of the venue and returns what it told, typed. A refusal is the venue's own error, never an
empty answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from tradecore.config.secrets import kraken_credentials
from tradecore.control.kraken import open_kraken_private, open_kraken_public
from tradecore.control.lab import Lab
from tradecore.core.errors import GateRefusedError
from tradecore.core.types import Nanoseconds, Pair
from tradecore.venues.kraken.account import (
    NEEDED_TO_TRADE,
    NEVER,
    AccountFees,
    AssetBalance,
    OrderReport,
    OwnTrade,
    require_trading_key,
)
from tradecore.venues.kraken.answers import Answer, value_of
from tradecore.venues.kraken.listing import Listing, PairRules
from tradecore.venues.kraken.names import asset_from_kraken
from tradecore.venues.kraken.private import KrakenPrivate
from tradecore.venues.kraken.public import Depth, KrakenPublic, Ticker

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class VenueStatus:
    """What the venue says of itself: where it was asked, its state, its clock, and how far ours is ahead of it."""

    address: str
    status: str
    time: Nanoseconds
    ahead_s: float


def status(lab: Lab) -> VenueStatus:
    """Ask for state and clock. Errors: VenueError."""

    async def ask(client: KrakenPublic) -> VenueStatus:
        state = value_of(await client.system_status())
        time = value_of(await client.server_time())
        ahead_s = (lab.clock.now() - time) / 1e9
        return VenueStatus(lab.settings.kraken.rest_address, state.status, time, ahead_s)

    return _public(lab, ask)


def pairs(lab: Lab, wanted: str | None = None) -> tuple[PairRules, ...]:
    """Ask for the pairs, all or those whose name holds a word, in alphabetical order. Errors: VenueError."""

    async def ask(client: KrakenPublic) -> tuple[PairRules, ...]:
        listing = value_of(await client.pairs())
        found = (listing.pairs[pair] for pair in sorted(listing.pairs, key=str))
        return tuple(one for one in found if wanted is None or wanted.upper() in str(one.pair))

    return _public(lab, ask)


def ticker(lab: Lab, names: tuple[str, ...]) -> tuple[Ticker, ...]:
    """Ask for the prices of some pairs, or of those the settings follow. Errors: UsageError; VenueError."""
    wanted = [Pair.parse(name) for name in names or lab.settings.market.pairs]

    async def ask(client: KrakenPublic) -> tuple[Ticker, ...]:
        return tuple([value_of(await client.ticker(pair)) for pair in wanted])

    return _public(lab, ask)


def book(lab: Lab, pair: str, count: int) -> Depth:
    """Ask for the best `count` prices on both sides. Errors: UsageError; VenueError."""
    wanted = Pair.parse(pair)

    async def ask(client: KrakenPublic) -> Answer[Depth]:
        return await client.depth(wanted, count)

    return value_of(_public(lab, ask))


def balance(lab: Lab) -> tuple[AssetBalance, ...]:
    """Ask what the account has, and what open orders hold of it. Errors: ConfigError without a key; VenueError."""

    async def ask(client: KrakenPrivate) -> tuple[AssetBalance, ...]:
        return value_of(await client.balances())

    return _private(lab, ask)


def fees(lab: Lab, names: tuple[str, ...]) -> AccountFees:
    """Ask what the account pays on some pairs, or on those the settings follow. Errors: as `balance`; UsageError."""
    wanted = [Pair.parse(name) for name in names or lab.settings.market.pairs]

    async def ask(client: KrakenPrivate) -> AccountFees:
        told = value_of(await client.fees(*wanted))
        return replace(told, currency=asset_from_kraken(told.currency).name)

    return _private(lab, ask, with_listing=True)


def orders(lab: Lab, *, ended: bool = False) -> tuple[OrderReport, ...]:
    """Ask for the orders that rest, or the newest that ended. Errors: as `balance`."""

    async def ask(client: KrakenPrivate) -> tuple[OrderReport, ...]:
        return value_of(await client.closed_orders()).orders if ended else value_of(await client.open_orders())

    return _private(lab, ask, with_listing=True)


def trades(lab: Lab) -> tuple[OwnTrade, ...]:
    """Ask for the newest executions, 50 at most. Errors: as `balance`."""

    async def ask(client: KrakenPrivate) -> tuple[OwnTrade, ...]:
        return value_of(await client.trades_history()).trades

    return _private(lab, ask, with_listing=True)


@dataclass(frozen=True, slots=True)
class KeyReport:
    """What the venue says of the key: its name there, its first letters, its rights, and what it lacks for trading."""

    name: str
    hint: str
    rights: tuple[str, ...]
    lacking: tuple[str, ...]
    refusal: GateRefusedError | None
    """Why the key must not be used here at all: it can move money out."""

    def judged(self, right: str) -> str:
        """Say what a right is to trading."""
        if right in self.lacking:
            return "needed, not there"
        return "never: it moves money out" if right in NEVER else "needed" if right in NEEDED_TO_TRADE else "not needed"


def key(lab: Lab) -> KeyReport:
    """Ask for the rights of the key and judge them. Errors: as `balance`."""

    async def ask(client: KrakenPrivate) -> KeyReport:
        info = value_of(await client.key_info())
        lacking = tuple(sorted(NEEDED_TO_TRADE - info.permissions))
        refusal: GateRefusedError | None = None
        if NEVER & info.permissions:
            try:
                require_trading_key(info)
            except GateRefusedError as error:
                refusal = error
        hint = kraken_credentials().key.hint
        return KeyReport(info.name, hint, tuple(sorted(info.permissions)), lacking, refusal)

    return _private(lab, ask)


def _public(lab: Lab, ask: Callable[[KrakenPublic], Awaitable[T]]) -> T:
    async def work() -> T:
        async with open_kraken_public(lab) as client:
            return await ask(client)

    return asyncio.run(work())


def _private(lab: Lab, ask: Callable[[KrakenPrivate], Awaitable[T]], *, with_listing: bool = False) -> T:
    """Ask with a key. The listing, where it is needed, knows the pairs by every name the venue may use for them."""

    async def work() -> T:
        listing: Listing | None = None
        if with_listing:
            kraken_credentials()  # without a key there is nothing to ask: say so before the venue is asked for pairs
            async with open_kraken_public(lab) as public:
                listing = value_of(await public.pairs())
        async with open_kraken_private(lab, listing) as client:
            return await ask(client)

    return asyncio.run(work())
