"""Verbs of asking the venue: its state, pairs, prices and book; and, with a key, the account. Nothing is ordered here.

Each asks the one client of the venue and returns what it told, typed. A refusal is the venue's own error, never an
empty answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from tradecore.control.kraken import open_kraken_public
from tradecore.control.lab import Lab
from tradecore.core.types import Nanoseconds, Pair
from tradecore.venues.kraken.answers import Answer, value_of
from tradecore.venues.kraken.listing import PairRules
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


def _public(lab: Lab, ask: Callable[[KrakenPublic], Awaitable[T]]) -> T:
    async def work() -> T:
        async with open_kraken_public(lab) as client:
            return await ask(client)

    return asyncio.run(work())
