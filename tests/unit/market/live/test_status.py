"""The state of a feed follows from facts: the first rule that holds is the answer."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tradecore.core.errors import (
    MarketClosedError,
    RateLimitedError,
    ReplyError,
    UnknownPairError,
    VenueError,
    VenueRefusedError,
    VenueUnavailableError,
)
from tradecore.core.events import FeedReason, FeedState
from tradecore.core.types import SECOND_NS
from tradecore.market.live.status import Connection, Facts, reason_of, standing
from tradecore.venues.kraken.transport import NotSentError

NOW = 1_700_000_000 * SECOND_NS
UP = Connection(up=True, heard_at=NOW)
DOWN = Connection(reason=FeedReason.CLOSED_BY_VENUE, next_try=NOW + 5, down_since=NOW - 30 * SECOND_NS)
WHOLE = Facts(subscribed=True, whole=True, was_live=True, polled_at=NOW - SECOND_NS)


def state(connection: Connection, facts: Facts) -> tuple[FeedState, FeedReason]:
    return standing(connection, facts, NOW, 15 * SECOND_NS, 10 * SECOND_NS)[:2]


@pytest.mark.parametrize(
    ("connection", "facts", "expected"),
    [
        (UP, WHOLE, ("live", "caught_up")),
        (UP, Facts(), ("connecting", "started")),
        (UP, replace(WHOLE, whole=False), ("stale", "gap")),
        (UP, replace(WHOLE, zombie=True), ("stale", "no_trades")),
        (UP, replace(WHOLE, refused="not now"), ("stale", "refused")),
        (UP, replace(WHOLE, lost=FeedReason.UNKNOWN_PAIR), ("lost", "unknown_pair")),
        (UP, replace(WHOLE, whole=False, failure=ReplyError("x")), ("stale", "fault")),
        (UP, Facts(subscribed=True, failure=RateLimitedError("x")), ("connecting", "rate_limited")),
        (replace(UP, heard_at=NOW - 16 * SECOND_NS), WHOLE, ("stale", "silent")),
        (replace(UP, system="maintenance"), WHOLE, ("stale", "maintenance")),
        (DOWN, WHOLE, ("fallback", "closed_by_venue")),
        (DOWN, replace(WHOLE, polled_at=NOW - 31 * SECOND_NS), ("stale", "closed_by_venue")),
        (replace(DOWN, down_since=NOW - 60 * SECOND_NS), replace(WHOLE, polled_at=NOW - 21 * SECOND_NS),
         ("stale", "closed_by_venue")),
        (DOWN, Facts(), ("connecting", "closed_by_venue")),
        (replace(DOWN, reason=FeedReason.STARTED), WHOLE, ("stale", "started")),
    ],
)  # fmt: skip
def test_the_state_and_its_reason_follow_from_the_facts(
    connection: Connection, facts: Facts, expected: tuple[str, str]
) -> None:
    assert state(connection, facts) == expected


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (UnknownPairError("x"), FeedReason.UNKNOWN_PAIR),
        (RateLimitedError("x"), FeedReason.RATE_LIMITED),
        (MarketClosedError("x"), FeedReason.MAINTENANCE),
        (VenueUnavailableError("x", words="EService:Unavailable"), FeedReason.MAINTENANCE),
        (ReplyError("x"), FeedReason.FAULT),
        (NotSentError("x", reason="dns"), FeedReason.DNS_FAILED),
        (NotSentError("x", reason="refused"), FeedReason.NO_CONNECTION),
        (VenueRefusedError("x"), FeedReason.REFUSED),
    ],
)
def test_every_bad_answer_has_a_word(error: VenueError, reason: FeedReason) -> None:
    assert reason_of(error) is reason
