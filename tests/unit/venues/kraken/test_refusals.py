"""Every refusal of the venue is one error of ours, with its words, whether to ask again, and what to do."""

from __future__ import annotations

import pytest

from tradecore.core import errors
from tradecore.core.errors import VenueError
from tradecore.venues.kraken.refusals import meaning_of, printable, refusal

WORDS = [
    ("EAPI:Invalid key", errors.AuthenticationError, False),
    ("EAPI:Invalid signature", errors.AuthenticationError, False),
    ("EAPI:Invalid nonce", errors.NonceRefusedError, False),
    ("EAPI:Rate limit exceeded", errors.RateLimitedError, True),
    ("EGeneral:Permission denied", errors.NotPermittedError, False),
    ("EGeneral:Invalid arguments", errors.ArgumentsRefusedError, False),
    ("EGeneral:Invalid arguments:volume", errors.ArgumentsRefusedError, False),
    ("EGeneral:Internal error", errors.VenueUnavailableError, True),
    ("EGeneral:Temporary lockout", errors.AuthenticationError, False),
    ("EGeneral:Too many requests", errors.RateLimitedError, True),
    ("EQuery:Unknown asset pair", errors.UnknownPairError, False),
    ("EQuery:Invalid asset pair", errors.UnknownPairError, False),
    ("EQuery:Unknown asset", errors.UnknownPairError, False),
    ("EService:Unavailable", errors.VenueUnavailableError, True),
    ("EService:Busy", errors.VenueUnavailableError, True),
    ("EService:Throttled: 1760000060", errors.RateLimitedError, True),
    ("EService:Market in cancel_only mode", errors.MarketClosedError, True),
    ("EService:Market in post_only mode", errors.MarketClosedError, True),
    ("EService:Deadline elapsed", errors.OrderRefusedError, False),
    ("EOrder:Insufficient funds", errors.InsufficientFundsError, False),
    ("EOrder:Order minimum not met", errors.OrderMinimumError, False),
    ("EOrder:Cost minimum not met", errors.OrderMinimumError, False),
    ("EOrder:Tick size check failed", errors.OrderPriceError, False),
    ("EOrder:Invalid price", errors.OrderPriceError, False),
    ("EOrder:Unknown order", errors.UnknownOrderError, False),
    ("EOrder:Rate limit exceeded", errors.RateLimitedError, True),
    ("EOrder:Orders limit exceeded", errors.OrderLimitError, False),
    ("EOrder:Post only order", errors.OrderPriceError, False),
    ("EOrder:Something new", errors.OrderRefusedError, False),
    ("EFunding:Unknown withdraw key", errors.NotPermittedError, False),
    ("ETrade:User Locked", errors.NotPermittedError, False),
    ("ESession:Invalid session", errors.AuthenticationError, True),
    ("EService:Something new", errors.VenueUnavailableError, True),
    ("EDatabase:Internal error", errors.VenueUnavailableError, True),
    ("EAuth:Something new", errors.AuthenticationError, False),
    ("gibberish", errors.VenueRefusedError, False),
    ("", errors.VenueRefusedError, False),
]


@pytest.mark.parametrize(("words", "kind", "again"), WORDS)
def test_words_become_one_error(words: str, kind: type[VenueError], again: bool) -> None:
    error = refusal([words], "AddOrder")
    assert type(error) is kind
    assert error.words == words
    assert error.retryable is again
    assert f"AddOrder: Kraken answered {words!r}; " in str(error)


def test_a_longer_phrase_is_not_taken_for_a_shorter_one() -> None:
    assert meaning_of("EQuery:Unknown asset pair").kind is errors.UnknownPairError
    assert meaning_of("EService:Busybody").kind is errors.VenueUnavailableError
    assert meaning_of("EAPI:Invalid keyring").kind is errors.VenueRefusedError


def test_what_the_venue_broke_down_on_may_have_happened() -> None:
    for words in (
        "EService:Unavailable",
        "EService:Busy",
        "EGeneral:Internal error",
        "EService:New",
        "EDatabase:x",
        "?",
    ):
        assert meaning_of(words).outcome_unknown
    for words in ("EOrder:Insufficient funds", "EAPI:Invalid nonce", "EService:Market in cancel_only mode"):
        assert not meaning_of(words).outcome_unknown


def test_a_throttled_answer_says_how_long_to_wait() -> None:
    assert refusal(["EService:Throttled: 1760000060"], "Balance", now_s=1_760_000_000.0).retry_after_s == 60
    assert refusal(["EService:Throttled: 1760000060"], "Balance", now_s=1_760_000_999.0).retry_after_s == 1
    assert refusal(["EService:Throttled"], "Balance", now_s=1_760_000_000.0).retry_after_s == 5


def test_foreign_words_are_made_fit_for_a_log_line() -> None:
    assert printable("a\x1b[31m\r\nb\x00") == "a?[31m??b?"
    assert len(printable("x" * 10_000)) < 400
    assert "\n" not in str(refusal(["EOrder:bad\nline"], "AddOrder"))


def test_what_ccxt_knows_of_kraken_is_known_here_too() -> None:
    ccxt = pytest.importorskip("ccxt")
    exact = ccxt.kraken().exceptions["exact"]
    # Funding apart: this client moves no money in or out.
    refused = {words for words in exact if words.startswith("E") and not words.startswith("EFunding")}
    assert len(refused) > 20
    same = {
        "AuthenticationError": errors.AuthenticationError,
        "InvalidNonce": errors.NonceRefusedError,
        "PermissionDenied": errors.NotPermittedError,
        "RateLimitExceeded": errors.RateLimitedError,
        "DDoSProtection": errors.RateLimitedError,
        "BadSymbol": errors.UnknownPairError,
        "InsufficientFunds": errors.InsufficientFundsError,
    }
    for words in sorted(refused):
        theirs = exact[words].__name__
        ours = meaning_of(words).kind
        assert ours is not errors.VenueRefusedError or theirs == "ExchangeError", words
        if theirs in same and words not in ("EAPI:Invalid nonce", "EGeneral:Temporary lockout"):
            assert issubclass(ours, same[theirs]), (words, theirs, ours)
