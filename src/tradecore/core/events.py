"""What reaches a session (events), what a feed tells, and what a session asks for (commands).

Frozen values; the shell around a session carries them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, TypeAlias

from tradecore.core.orders import Fill, Intent, OrderNote, OrderState
from tradecore.core.types import Nanoseconds, Pair, Timeframe


@dataclass(frozen=True, slots=True)
class BarsClosed:
    """Every pair's bar that opened at `open_time` is final and can be decided upon."""

    open_time: Nanoseconds
    index: int
    """The bar's position in the session's frame."""
    count: int = 1
    """How many moments in a row are final. Above 1, when all are known, as in history: they are decided on one after
    the other, up to and with the first that asks for something; the rest comes in another event."""


class Filled(NamedTuple):
    """The venue reported a fill."""

    fill: Fill


class OrderChanged(NamedTuple):
    """The venue reported that an order ended or changed its state."""

    intent: int
    pair: Pair
    state: OrderState
    note: OrderNote


class Submit(NamedTuple):
    """Send this intent to the venue."""

    intent: Intent


class Cancel(NamedTuple):
    """Ask the venue to cancel what rests of an intent. A cancel is a request, not a state."""

    intent: int


@dataclass(frozen=True, slots=True)
class BarFinal:
    """A bar that can be decided upon: its time is over, and nothing that belongs to it is missing.

    Prices in quote, volume in base, as `core.bars.Bars` has them.
    """

    pair: Pair
    timeframe: Timeframe
    open_time: Nanoseconds
    open: float
    high: float
    low: float
    close: float
    volume: float
    count: int | None
    """Number of trades; None where the source has none."""
    source: str
    """Where the bar came from, as a manifest names it."""
    revision: int = 0
    """0 for the first version; each later one is one more."""
    first_id: int | None = None
    """The id of the first trade in it; None where the bar was not made from trades with ids."""
    last_id: int | None = None

    @property
    def close_time(self) -> Nanoseconds:
        """The end of the bar's span, which belongs to the next bar."""
        return self.open_time + self.timeframe.ns


@dataclass(frozen=True, slots=True)
class BarRevised:
    """A bar that was final has changed: a trade that belongs to it came late. What was decided stays decided."""

    bar: BarFinal
    changed: tuple[str, ...]
    """The names of the values that differ from the version before."""


class FeedState(StrEnum):
    """What a feed can be relied on for."""

    CONNECTING = "connecting"
    LIVE = "live"
    STALE = "stale"
    """Connected, but nothing proves that the newest prices are new."""
    FALLBACK = "fallback"
    """The socket is down; bars come from polling, later than live."""
    LOST = "lost"
    """The feed has ended and will not come back by itself."""


class FeedReason(StrEnum):
    """Why a feed is in its state, in words that a decision log takes as they are."""

    STARTED = "started"
    CAUGHT_UP = "caught_up"
    """The trades up to the newest are proved to be complete."""
    DNS_FAILED = "dns_failed"
    NO_CONNECTION = "no_connection"
    CLOSED_BY_VENUE = "closed_by_venue"
    SILENT = "silent"
    """Nothing at all came for too long."""
    NO_TRADES = "no_trades"
    """Heartbeats come, but no data although the market trades."""
    TOO_SLOW = "too_slow"
    """More came than could be taken in, and some of it was dropped."""
    MAINTENANCE = "maintenance"
    RATE_LIMITED = "rate_limited"
    REFUSED = "refused"
    UNKNOWN_PAIR = "unknown_pair"
    GAP = "gap"
    """Trades are missing and are being fetched."""
    TOO_LITTLE_DATA = "too_little_data"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class FeedChanged:
    """The feed's state is another, or the same for another reason."""

    state: FeedState
    reason: FeedReason
    since: Nanoseconds
    """When it began, by the feed's clock."""
    next_try: Nanoseconds | None = None
    """When it tries again by itself; None where it need not, or will not."""
    detail: str = ""
    """The words of the venue or of the system, for a person."""
    pair: Pair | None = None
    """Which pair's feed; None for all of it."""


FeedEvent: TypeAlias = BarFinal | BarRevised | FeedChanged
Event: TypeAlias = BarsClosed | Filled | OrderChanged
Command: TypeAlias = Submit | Cancel
