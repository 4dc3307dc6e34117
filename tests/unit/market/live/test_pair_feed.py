"""One pair of a live feed: when REST is asked, what its answers prove, and what a zombie is. Seconds after NOW."""

from __future__ import annotations

import pytest

from tradecore.core.errors import UnknownPairError, VenueUnavailableError
from tradecore.core.events import BarFinal, FeedReason
from tradecore.core.types import MINUTE_NS, SECOND_NS, Pair, Timeframe
from tradecore.market.live.pair_feed import PairFeed, Start
from tradecore.market.live.settings import LiveSettings
from tradecore.market.live.status import Connection
from tradecore.market.live.ticks import ONE_MINUTE, Tick

PAIR = Pair("BTC", "USD")
NOW = 1_700_000_040 * SECOND_NS
AFTER = Tick(99, NOW - SECOND_NS, 10.0, 1.0, 1)


def at(second: float) -> int:
    return NOW + round(second * SECOND_NS)


def tick(number: int, second: float) -> Tick:
    return Tick(number, at(second), 10.0, 1.0, 1)


def live() -> tuple[PairFeed, Connection]:
    """A pair that is connected, subscribed and proved whole at NOW."""
    feed = PairFeed(PAIR, ONE_MINUTE, Start(NOW, AFTER), LiveSettings())
    feed.facts.subscribed = True
    feed.polled(feed.question(NOW), None, NOW)
    connection = Connection(up=True, heard_at=NOW)
    assert feed.standing(connection, NOW).reason is FeedReason.CAUGHT_UP
    return feed, connection


def test_rest_is_asked_at_once_at_the_start_even_without_a_socket() -> None:
    feed = PairFeed(PAIR, ONE_MINUTE, Start(NOW, AFTER), LiveSettings())
    assert feed.ask_due(Connection(down_since=NOW)) == 0


def test_a_quiet_pair_is_asked_about_after_fifty_seconds() -> None:
    feed, connection = live()
    assert feed.ask_due(connection) == at(50)
    feed.socket_brought([tick(100, 20)], at(20))
    assert feed.ask_due(connection) == at(70)


def test_a_hole_is_given_a_second_before_rest_is_asked() -> None:
    feed, connection = live()
    feed.socket_brought([tick(101, 20)], at(20))
    assert feed.ask_due(connection) == at(21)
    feed.socket_brought([tick(100, 20)], at(20.5))
    assert feed.ask_due(connection) == at(70.5)


def test_a_hole_is_no_gap_until_its_grace_is_over() -> None:
    feed, connection = live()
    feed.socket_brought([tick(101, 20)], at(20))
    connection.heard_at = at(22)
    assert feed.standing(connection, at(20.9)).reason is FeedReason.CAUGHT_UP
    assert feed.standing(connection, at(21)).reason is FeedReason.GAP


def test_continuity_that_broke_is_proved_only_by_what_was_asked_after_the_new_subscription() -> None:
    feed, connection = live()
    early = feed.question(at(1))
    feed.broke()
    feed.polled(early, None, at(2))
    assert feed.standing(connection, at(2)).reason is FeedReason.GAP
    assert feed.ask_due(connection) == 0
    feed.polled(feed.question(at(3)), None, at(4))
    assert feed.standing(connection, at(4)).reason is FeedReason.CAUGHT_UP


def test_while_the_socket_is_down_rest_is_polled_after_a_moment_and_then_steadily() -> None:
    feed, _ = live()
    down = Connection(down_since=at(10))
    feed.facts.subscribed = False
    assert feed.ask_due(down) == at(13)
    feed.polled(feed.question(at(13)), None, at(13))
    assert feed.ask_due(down) == at(23)


def test_heartbeats_finish_a_bar_only_while_something_else_proved_the_pair_recently() -> None:
    feed, _ = live()
    feed.socket_brought([tick(100, 5)], at(5))
    feed.heard(at(64.9))
    feed.heard(at(125))  # nothing was asked or came for two minutes
    assert feed.advance(at(200)) == []
    feed.polled(feed.question(at(126)), None, at(126))
    feed.heard(at(127))
    (bar,) = feed.advance(at(200))
    assert isinstance(bar, BarFinal)


def test_a_socket_that_did_not_bring_what_rest_knows_is_a_zombie() -> None:
    feed, connection = live()
    asked = feed.question(at(50))
    feed.rest_brought([tick(100, 30)], at(50))
    assert feed.polled(asked, tick(100, 30), at(50))
    connection.heard_at = at(50)
    assert feed.standing(connection, at(50)).reason is FeedReason.NO_TRADES
    feed.socket_brought([tick(101, 51)], at(51))
    assert feed.standing(connection, at(51)).reason is FeedReason.CAUGHT_UP


@pytest.mark.parametrize("second", [46, 60])
def test_a_trade_that_may_be_on_its_way_makes_no_zombie(second: float) -> None:
    feed, _ = live()
    assert not feed.polled(feed.question(at(50)), tick(100, second), at(50))


def test_what_is_found_right_after_a_break_makes_no_zombie() -> None:
    feed, _ = live()
    feed.broke()
    feed.socket_brought([], at(1))
    assert not feed.polled(feed.question(at(50)), tick(100, 30), at(50))


def test_what_was_asked_before_a_break_makes_no_zombie_after_it() -> None:
    feed, _ = live()
    asked = feed.question(at(50))
    assert asked.was_whole
    feed.broke()
    assert not feed.polled(asked, tick(100, 30), at(51))


def test_each_failure_doubles_the_pause_up_to_a_minute_and_a_good_answer_ends_it() -> None:
    feed, connection = live()
    pauses = []
    for _ in range(8):
        feed.failed(VenueUnavailableError("down", retryable=True), at(100))
        pauses.append((feed.ask_due(connection) - at(100)) // SECOND_NS)
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60]
    feed.polled(feed.question(at(200)), None, at(200))
    assert feed.ask_due(connection) == at(250)


def test_the_venue_s_own_pause_is_kept() -> None:
    feed, connection = live()
    feed.failed(VenueUnavailableError("busy", retryable=True, retry_after_s=15.0), at(100))
    assert feed.ask_due(connection) == at(115)


def test_a_new_connection_forgets_the_pauses_of_the_old() -> None:
    feed, connection = live()
    feed.failed(VenueUnavailableError("busy", retryable=True, retry_after_s=60.0), at(100))
    feed.broke()
    assert feed.ask_due(connection) == 0


def test_a_pair_the_venue_does_not_know_is_lost() -> None:
    feed, connection = live()
    feed.failed(UnknownPairError("no such pair"), NOW)
    assert feed.standing(connection, NOW)[:2] == ("lost", "unknown_pair")


FIVE = Timeframe(5 * MINUTE_NS)
GRID = NOW - NOW % FIVE.ns
NEXT = GRID + FIVE.ns


def test_a_longer_timeframe_begins_on_its_grid_and_shows_its_own_open_bar() -> None:
    feed = PairFeed(PAIR, FIVE, Start(NOW), LiveSettings())
    feed.rest_brought([tick(100, 1), tick(101, 62), tick(102, 130)], at(130))
    (bar,) = feed.advance(at(132))
    assert isinstance(bar, BarFinal)
    assert (bar.open_time, bar.count) == (GRID, 1)
    assert feed.open_bar is not None
    assert (feed.open_bar.open_time, feed.open_bar.count) == (NEXT, 2)
    assert feed.covered_until == NEXT


def test_a_longer_bar_of_which_the_beginning_is_stored_elsewhere_is_left_out() -> None:
    feed = PairFeed(PAIR, FIVE, Start(NOW, AFTER), LiveSettings())
    feed.socket_brought([tick(100, 1), tick(101, 62), tick(102, 400)], at(400))
    (bar,) = feed.advance(at(402))
    assert isinstance(bar, BarFinal)
    assert (bar.open_time, bar.count) == (NEXT, 1)
