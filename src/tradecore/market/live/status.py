"""What state a pair's feed is in and why: one rule, from facts alone. Pure.

The live feed keeps the facts and tells every change of the answer. Invariant: the state is a function of the facts, so
no path through events can leave a wrong one behind.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

from tradecore.core.errors import (
    MarketClosedError,
    RateLimitedError,
    ReplyError,
    UnknownPairError,
    VenueError,
    VenueUnavailableError,
)
from tradecore.core.events import BarFinal, FeedReason, FeedState
from tradecore.core.types import Nanoseconds, Pair

SOCKET_REASONS: Mapping[str, FeedReason] = MappingProxyType(
    {
        "dns": FeedReason.DNS_FAILED,
        "closed_by_venue": FeedReason.CLOSED_BY_VENUE,
        "silent": FeedReason.SILENT,
        "no_greeting": FeedReason.SILENT,
        "unanswered": FeedReason.SILENT,
        "zombie": FeedReason.NO_TRADES,
    }
)
"""The socket's word for why it is down; every other one means that there is no connection."""


class Standing(NamedTuple):
    """A state and its reason, with what a person and a retry need to know."""

    state: FeedState
    reason: FeedReason
    next_try: Nanoseconds | None = None
    detail: str = ""


@dataclass(slots=True)
class Connection:
    """Facts about the socket that all pairs share."""

    up: bool = False
    reason: FeedReason = FeedReason.STARTED
    """Why it is down, or was last."""
    detail: str = ""
    next_try: Nanoseconds | None = None
    system: str = "online"
    heard_at: Nanoseconds = 0
    down_since: Nanoseconds = 0


@dataclass(slots=True)
class Facts:
    """Facts about one pair."""

    subscribed: bool = False
    refused: str = ""
    """The venue's words when it refused the subscription."""
    lost: FeedReason | None = None
    """Why it will never come back."""
    whole: bool = False
    """Whether all trades up to now are proved to be there, or nearly: a hole younger than the grace does not count."""
    was_live: bool = False
    zombie: bool = False
    """Whether REST knew trades that the socket did not bring."""
    polled_at: Nanoseconds = 0
    """When REST last answered to its end."""
    failure: VenueError | None = None
    """What REST answered last, if it was no good."""
    next_try: Nanoseconds | None = None


@dataclass(frozen=True, slots=True)
class PairStatus:
    """How the feed of one pair stands, for a person to look at."""

    pair: Pair
    state: FeedState
    reason: FeedReason
    since: Nanoseconds
    detail: str
    next_try: Nanoseconds | None
    last_price: float | None
    last_trade: Nanoseconds | None
    """The time of the newest trade."""
    heard_at: Nanoseconds
    """When anything last came from the venue's socket."""
    covered_until: Nanoseconds
    """Up to here every bar is final."""
    open_bar: BarFinal | None
    counts: Mapping[str, int]


def standing(
    connection: Connection, facts: Facts, now: Nanoseconds, stale_ns: Nanoseconds, poll_ns: Nanoseconds
) -> Standing:
    """Return the state of a pair's feed. The first rule that holds is the answer."""
    if facts.lost is not None:
        return Standing(FeedState.LOST, facts.lost, None, facts.refused or _words(facts))
    if not connection.up:
        is_polled = facts.polled_at > connection.down_since and now - facts.polled_at <= 2 * poll_ns
        if is_polled and connection.reason is not FeedReason.STARTED:
            return Standing(FeedState.FALLBACK, connection.reason, connection.next_try, connection.detail)
        state = FeedState.STALE if facts.was_live else FeedState.CONNECTING
        return Standing(state, connection.reason, connection.next_try, connection.detail)
    if connection.system == "maintenance":
        return Standing(FeedState.STALE, FeedReason.MAINTENANCE, None, "the venue is in maintenance")
    if facts.refused:
        return Standing(FeedState.STALE, FeedReason.REFUSED, None, facts.refused)
    if now - connection.heard_at > stale_ns:
        return Standing(FeedState.STALE, FeedReason.SILENT)
    if facts.zombie:
        return Standing(FeedState.STALE, FeedReason.NO_TRADES, None, "REST knows trades that the socket did not bring")
    if facts.subscribed and facts.whole:
        return Standing(FeedState.LIVE, FeedReason.CAUGHT_UP)
    if facts.failure is not None:
        state = FeedState.STALE if facts.was_live else FeedState.CONNECTING
        return Standing(state, reason_of(facts.failure), facts.next_try, _words(facts))
    if facts.was_live:
        return Standing(FeedState.STALE, FeedReason.GAP)
    return Standing(FeedState.CONNECTING, FeedReason.STARTED)


def reason_of(error: VenueError) -> FeedReason:
    """Return the word for what REST answered."""
    if isinstance(error, UnknownPairError):
        return FeedReason.UNKNOWN_PAIR
    if isinstance(error, RateLimitedError):
        return FeedReason.RATE_LIMITED
    if isinstance(error, MarketClosedError) or "EService:Unavailable" in error.words:
        return FeedReason.MAINTENANCE
    if isinstance(error, ReplyError):
        return FeedReason.FAULT
    if isinstance(error, VenueUnavailableError):
        return FeedReason.DNS_FAILED if getattr(error, "reason", "") == "dns" else FeedReason.NO_CONNECTION
    return FeedReason.REFUSED


def _words(facts: Facts) -> str:
    return "" if facts.failure is None else str(facts.failure)
