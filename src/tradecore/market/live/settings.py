"""How patient the live feed is. Values only; `live_feed` and its parts take what they need."""

from __future__ import annotations

from dataclasses import dataclass, field

from tradecore.core.types import SECOND_NS, Nanoseconds
from tradecore.market.live.bar_builder import Finality


@dataclass(frozen=True, slots=True)
class LiveSettings:
    """Patience, in seconds."""

    finality: Finality = field(default_factory=Finality)
    """When a bar is final."""
    hole_grace_s: float = 1.0
    """A missing id is given so long to come by itself: messages may swap places."""
    quiet_check_s: float = 50.0
    """After so long without a trade on a pair the venue is asked over REST whether there was one. Below the 60 s of
    `Finality.quiet_ns`, so that no bar is final by heartbeats alone, which a dead subscription sends too."""
    stale_after_s: float = 15.0
    """Without any message for so long the feed counts as stale; the venue sends a heartbeat every second."""
    poll_s: float = 10.0
    """Between two polls of one pair over REST while the socket is down."""
    poll_after_s: float = 3.0
    """The socket may be down for so long before REST is polled: most losses are over by then."""
    slowest_retry_s: float = 60.0
    """The longest pause between two failed questions; the first is a second, each further one twice the last."""
    most_events: int = 100_000
    """Events that wait for a reader. Over it the feed ends as lost, too slow: it never forgets one silently."""

    @property
    def quiet_check_ns(self) -> Nanoseconds:
        """`quiet_check_s` in nanoseconds."""
        return round(self.quiet_check_s * SECOND_NS)
