"""How the fake venue behaves where venues differ or where tests want another pace. Values only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Limit:
    """A token bucket: `burst` requests at once, refilled `per_s` a second."""

    per_s: float = 1.0
    burst: float = 5.0


@dataclass(frozen=True, slots=True)
class FakeSettings:
    """The behaviour of a fake venue that is no fault."""

    since: Literal["exclusive", "inclusive"] = "exclusive"
    """Whether `since` of Trades leaves out the trade at exactly that cursor. Losses in the wild say it does."""
    split_ties: bool = False
    """Whether a page of Trades may end between trades of one inner cursor. If not, the page grows to hold them all."""
    public_limit: Limit | None = Limit()
    """Requests of one address to public endpoints other than Trades and OHLC; None never refuses."""
    pair_limit: Limit | None = Limit()
    """Requests of one address for one pair to Trades or OHLC; None never refuses."""
    connect_limit: Limit | None = Limit(per_s=0.25, burst=150.0)
    """New sockets: the venue's edge bans who opens about 150 in ten minutes; None never refuses."""
    message_limit: Limit | None = Limit(per_s=50.0, burst=200.0)
    """Messages of one socket to the venue; None never refuses."""
    idle_close_s: float = 60.0
    """Seconds after which a socket that subscribed to nothing and says nothing is closed."""
    heartbeat_s: float = 1.0
    """Seconds of silence on a subscribed socket after which the venue sends a heartbeat."""
    socket_time_digits: int = 6
    """Decimals of a second in the timestamps of trades on sockets: 6 as documented, up to 9."""
    trade_snapshot: int = 50
    """Trades in the snapshot of the socket's trade channel."""
    spread_bps: float = 1.0
    """Distance between best bid and best ask, in basis points of the price; one tick at least."""
    level_amount: float = 0.5
    """Mean amount at a level of the book, in base units at a price of 60 000; it scales with 1/price."""
