"""The bar builder: when a bar is final, what holds it back, and what revises it. Times are seconds after START."""

from __future__ import annotations

from tradecore.core.events import BarFinal, BarRevised
from tradecore.core.types import MINUTE_NS, SECOND_NS, Pair
from tradecore.market.live.bar_builder import BarBuilder, Finality
from tradecore.market.live.ticks import Tick

PAIR = Pair("BTC", "USD")
START = 1_700_000_040 * SECOND_NS
BEFORE = Tick(99, START - SECOND_NS, 10.0, 1.0, 1)


def tick(number: int, second: float, price: float = 10.0, amount: float = 1.0) -> Tick:
    return Tick(number, START + round(second * SECOND_NS), price, amount, 1)


def at(second: float) -> int:
    return START + round(second * SECOND_NS)


def builder(**rules: int) -> BarBuilder:
    return BarBuilder(PAIR, START, after=BEFORE, finality=Finality(**rules))


def opened(events: list[BarFinal | BarRevised]) -> list[int]:
    return [(event.bar if isinstance(event, BarRevised) else event).open_time for event in events]


def test_a_bar_is_final_two_seconds_after_its_close_when_a_later_trade_was_seen() -> None:
    made = builder()
    made.accept([tick(100, 5), tick(101, 61)])
    assert made.advance(at(61.999)) == []
    (bar,) = made.advance(at(62))
    assert isinstance(bar, BarFinal)
    assert (bar.open_time, bar.count, bar.first_id, bar.last_id, bar.revision) == (START, 1, 100, 100, 0)


def test_without_a_later_trade_a_bar_waits_until_the_connection_lived_a_minute_longer() -> None:
    made = builder()
    made.accept([tick(100, 5)])
    made.alive(at(119.9))
    assert made.advance(at(300)) == []
    made.alive(at(120))
    assert opened(made.advance(at(300))) == [START]


def test_heartbeats_from_the_future_finish_nothing_early() -> None:
    made = builder()
    made.accept([tick(100, 5)])
    made.alive(at(10_000))
    assert made.advance(at(119)) == []


def test_a_minute_without_trades_has_no_bar_but_is_covered() -> None:
    made = builder()
    made.accept([tick(100, 5), tick(101, 200)])
    assert opened(made.advance(at(202))) == [START]
    assert made.covered_until == START + 3 * MINUTE_NS


def test_a_missing_id_holds_every_later_bar_back_until_it_comes() -> None:
    made = builder()
    made.accept([tick(100, 5), tick(102, 61), tick(103, 130)])
    made.alive(at(1000))
    assert made.advance(at(1000)) == []
    assert made.has_hole
    made.accept([tick(101, 6, amount=3.0)])
    bars = made.advance(at(1000))
    assert opened(bars) == [START, START + MINUTE_NS, START + 2 * MINUTE_NS]
    assert isinstance(bars[0], BarFinal)
    assert bars[0].volume == 4.0


def test_a_missing_id_that_the_venue_does_not_have_holds_nothing_back() -> None:
    made = builder()
    made.accept([tick(100, 5), tick(104, 61)])
    made.prove(104)
    assert opened(made.advance(at(62))) == [START]


def test_an_id_that_was_proved_absent_and_comes_all_the_same_revises_its_bar() -> None:
    made = builder()
    made.accept([tick(100, 5), tick(102, 61)])
    made.prove(102)
    made.advance(at(62))
    made.accept([tick(101, 6, price=12.0)])
    (revised,) = made.advance(at(63))
    assert isinstance(revised, BarRevised)
    assert (revised.bar.revision, revised.bar.close, revised.bar.count) == (1, 12.0, 2)
    assert revised.changed == ("high", "close", "volume", "count", "last_id")
    made.accept([tick(101, 6, price=12.0)])
    assert made.advance(at(64)) == []


def test_every_id_of_a_run_that_was_proved_absent_may_still_come_once() -> None:
    made = builder()
    made.accept([tick(100, 5)])
    made.prove(105)
    for number in (103, 101, 105, 103, 101):
        made.accept([tick(number, 6)])
    made.accept([tick(106, 61)])
    (bar,) = made.advance(at(62))
    assert isinstance(bar, BarFinal)
    assert (bar.count, bar.last_id) == (4, 105)


def test_each_late_trade_bumps_the_revision_by_one() -> None:
    made = builder()
    made.accept([tick(100, 5), tick(101, 61)])
    made.advance(at(62))
    revisions = []
    for number in (102, 103):
        made.accept([tick(number, 7)])
        revisions += [event.bar.revision for event in made.advance(at(63)) if isinstance(event, BarRevised)]
    assert revisions == [1, 2]


def test_a_late_trade_in_an_empty_minute_makes_its_bar_as_a_revision() -> None:
    made = builder()
    made.accept([tick(100, 5), tick(101, 200)])
    made.advance(at(202))
    made.accept([tick(102, 70)])
    (revised,) = made.advance(at(203))
    assert isinstance(revised, BarRevised)
    assert (revised.bar.open_time, revised.bar.revision) == (START + MINUTE_NS, 1)


def test_a_trade_later_than_bars_can_be_revised_is_counted_and_changes_nothing() -> None:
    made = builder(revisable_ns=5 * MINUTE_NS)
    made.accept([tick(100, 5), tick(101, 1000)])
    made.advance(at(1002))
    made.accept([tick(102, 30)])
    assert made.advance(at(1003)) == []
    assert made.counts["too_late"] == 1


def test_repeated_trades_count_once() -> None:
    made = builder()
    made.accept([tick(100, 5), tick(100, 5), tick(101, 61)])
    made.accept([tick(100, 5)])
    (bar,) = made.advance(at(62))
    assert isinstance(bar, BarFinal)
    assert bar.count == 1
    assert made.counts["duplicates"] == 2


def test_open_and_close_follow_the_ids_not_the_order_of_coming() -> None:
    made = builder()
    made.accept([tick(102, 5, price=3.0), tick(100, 5, price=1.0), tick(101, 5, price=2.0), tick(103, 61)])
    (bar,) = made.advance(at(62))
    assert isinstance(bar, BarFinal)
    assert (bar.open, bar.close) == (1.0, 3.0)


def test_without_a_beginning_nothing_is_final_until_the_venue_has_listed_its_trades() -> None:
    made = BarBuilder(PAIR, START)
    made.accept([tick(101, 5), tick(102, 61)])
    made.alive(at(1000))
    assert made.advance(at(1000)) == []
    made.accept([tick(100, 4)])
    made.prove(102, 100)
    assert opened(made.advance(at(1000))) == [START, START + MINUTE_NS]


def test_trades_from_before_the_beginning_make_no_bar() -> None:
    made = BarBuilder(PAIR, START)
    made.accept([tick(90, -300), tick(98, -30), tick(99, 5), tick(100, 61)])
    made.prove(100, 98)
    assert not made.has_hole
    assert opened(made.advance(at(62))) == [START]
    assert made.counts["early"] == 2


def test_what_waits_behind_a_hole_is_bounded_and_what_is_dropped_is_counted() -> None:
    made = builder(most_waiting=3)
    made.accept([tick(number, 5) for number in range(110, 120)])
    assert made.counts["dropped"] == 7
    made.accept([tick(number, 5) for number in range(100, 120)])
    made.accept([tick(number, 5) for number in range(100, 120)])
    assert not made.has_hole
    assert made.frontier[0] == 119


def test_the_trades_of_final_minutes_can_be_had_until_they_are_too_old_to_be_revised() -> None:
    made = builder(revisable_ns=2 * MINUTE_NS)
    made.accept([tick(100, 5), tick(101, 65), tick(102, 130), tick(103, 400)])
    made.advance(at(402))
    assert [one.trade_id for one in made.ticks_between(START, at(600))] == [103]
    assert made.open_bar is not None
    assert made.open_bar.last_id == 103
