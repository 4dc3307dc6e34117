"""Asking again ends where it should, waits as long as it must, and tells why."""

from __future__ import annotations

import pytest

from tradecore.core.clock import Clock
from tradecore.core.errors import (
    RateLimitedError,
    ReplyError,
    UnknownPairError,
    UsageError,
    VenueError,
    VenueUnavailableError,
)
from tradecore.core.seeds import generator
from tradecore.testing.virtual_time import run_virtual
from tradecore.venues.kraken.answers import Answer, Done, Refused
from tradecore.venues.kraken.patience import A_FEW_TRIES, Asker, Patience, Wait
from tradecore.venues.kraken.transport import NotSentError

DOWN = VenueUnavailableError("status 520", words="EService:Unavailable", retryable=True)
GARBLED = ReplyError("Trades reply: last: 'x'; expected a whole number")
CUT_OFF = ReplyError("Trades reply: no JSON, beginning '<html>'", words="<html>", retryable=True)
AS_LONG_AS_IT_TAKES = Patience()


def asked(patience: Patience, *failures: VenueError) -> tuple[int, list[Wait], VenueError | None]:
    """Ask what fails with these in turn and is answered then; return the tries, the waits, and what was raised."""
    tries, waits = 0, list[Wait]()

    async def question() -> Answer[str]:
        nonlocal tries
        tries += 1
        return Refused(failures[tries - 1]) if tries <= len(failures) else Done("answer")

    async def on(clock: Clock) -> VenueError | None:
        try:
            assert await Asker(patience, generator(1, "waits"), waits.append).ask(question) == "answer"
        except VenueError as error:
            return error
        return None

    raised = run_virtual(on)
    return tries, waits, raised


def test_waits_double_up_to_the_longest_and_are_spread_by_chance() -> None:
    _, waits, raised = asked(Patience(first_wait_s=1.0, longest_wait_s=3.0), *[DOWN] * 4)
    assert raised is None
    for wait, least in zip(waits, (1.0, 2.0, 3.0, 3.0), strict=True):
        assert least <= wait.seconds <= 1.2 * least
    assert waits[2].seconds != waits[3].seconds


def test_the_venue_may_ask_for_a_longer_wait() -> None:
    slow = RateLimitedError("too often", words="EAPI:Rate limit exceeded", retryable=True, retry_after_s=40.0)
    _, waits, _ = asked(Patience(longest_wait_s=3.0), slow)
    assert waits == [Wait(40.0, "EAPI:Rate limit exceeded", 2)]
    assert str(waits[0]) == "waiting 40 s: EAPI:Rate limit exceeded, try 2"


@pytest.mark.parametrize("patience", [AS_LONG_AS_IT_TAKES, A_FEW_TRIES])
def test_what_is_refused_for_good_is_never_asked_again(patience: Patience) -> None:
    error = UnknownPairError("no such pair", words="EQuery:Unknown asset pair")
    assert asked(patience, error) == (1, [], error)


def test_a_venue_that_was_heard_is_waited_for_as_long_as_it_takes() -> None:
    tries, waits, raised = asked(AS_LONG_AS_IT_TAKES, *[DOWN] * 500)
    assert (tries, len(waits), raised) == (501, 500, None)


def test_a_venue_that_never_answered_is_given_up() -> None:
    error = NotSentError("no such name")
    assert asked(AS_LONG_AS_IT_TAKES, *[error] * 9)[::2] == (6, error)


def test_one_that_answers_gibberish_is_given_up_at_last_and_any_other_answer_between_starts_the_count_anew() -> None:
    assert asked(AS_LONG_AS_IT_TAKES, *[GARBLED] * 40)[::2] == (30, GARBLED)
    assert asked(AS_LONG_AS_IT_TAKES, *[GARBLED] * 29, DOWN, *[GARBLED] * 29)[::2] == (60, None)


@pytest.mark.parametrize("error", [DOWN, CUT_OFF, NotSentError("gone")])
def test_a_bounded_number_of_tries_is_kept_whatever_fails(error: VenueError) -> None:
    assert asked(A_FEW_TRIES, *[error] * 5)[::2] == (6, None)
    assert asked(A_FEW_TRIES, *[error] * 6)[::2] == (6, error)


def test_a_few_tries_are_not_spent_on_an_answer_that_came_whole_and_makes_no_sense() -> None:
    assert asked(A_FEW_TRIES, GARBLED)[::2] == (1, GARBLED)


def test_one_try_waits_for_nothing_and_none_is_refused() -> None:
    assert asked(Patience(tries=1), DOWN) == (1, [], DOWN)
    with pytest.raises(UsageError, match="0 tries: expected 1 or more"):
        Patience(tries=0)
