"""Kraken's own words of refusal, each mapped to one class of error, to whether asking again helps, and to what to do.

The venue's list `error` holds `E<Category>:<text>[:detail]`; a `W` in front is a warning. It reads words and nothing
else: what a missing answer means is `answers`' and the callers' business. REST and sockets call it. Invariant: whatever
the words, one typed error comes back and keeps them.
Source: the venue's API reference, the tables of ccxt and of its own command line.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from tradecore.core import errors
from tradecore.core.errors import VenueError

LONGEST_WORDS = 300
"""Characters of the venue's words that are kept: what it says goes into logs and messages."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """What one of the venue's phrases means."""

    kind: type[VenueError]
    advice: str
    retryable: bool = False
    retry_after_s: float | None = None
    outcome_unknown: bool = False
    """For a write: the venue failed while working on it, so that it may have happened."""


_KEY = "check the key and its secret, then: tradecore venue check"
_SLOWER = "wait, and ask less often"
_DOWN = "the venue is down or in maintenance; look at status.kraken.com"

_MEANINGS: dict[str, Meaning] = {
    "EAPI:Invalid key": Meaning(errors.AuthenticationError, _KEY),
    "EAPI:Invalid signature": Meaning(errors.AuthenticationError, _KEY),
    "EAPI:Bad request": Meaning(errors.ArgumentsRefusedError, "the request is not one the venue knows"),
    "EAPI:Feature disabled": Meaning(errors.NotPermittedError, "the venue has switched this off"),
    "EAPI:Invalid nonce": Meaning(
        errors.NonceRefusedError, "another program uses this key; give each program a key of its own"
    ),
    "EAPI:Rate limit exceeded": Meaning(errors.RateLimitedError, _SLOWER, True, 15.0),
    "EGeneral:Permission denied": Meaning(errors.NotPermittedError, "give the key this right at the venue"),
    "EGeneral:Invalid arguments": Meaning(errors.ArgumentsRefusedError, "correct the argument that the venue names"),
    "EGeneral:Unknown method": Meaning(errors.ArgumentsRefusedError, "the venue has no such call"),
    "EGeneral:Internal error": Meaning(errors.VenueUnavailableError, _DOWN, True, 5.0, True),
    "EGeneral:Temporary lockout": Meaning(
        errors.AuthenticationError, "too many bad keys: wait 15 minutes, and correct the key first", False, 900.0
    ),
    "EGeneral:Too many requests": Meaning(errors.RateLimitedError, _SLOWER, True, 5.0),
    "EQuery:Unknown asset pair": Meaning(errors.UnknownPairError, "the pairs there are: tradecore venue pairs"),
    "EQuery:Invalid asset pair": Meaning(errors.UnknownPairError, "the pairs there are: tradecore venue pairs"),
    "EQuery:Unknown asset": Meaning(errors.UnknownPairError, "the venue has no such asset"),
    "EService:Unavailable": Meaning(errors.VenueUnavailableError, _DOWN, True, 5.0, True),
    "EService:Busy": Meaning(errors.VenueUnavailableError, "the venue is busy; wait", True, 5.0, True),
    "EService:Timeout": Meaning(errors.VenueUnavailableError, _DOWN, True, 5.0, True),
    "EService:Deadline elapsed": Meaning(
        errors.OrderRefusedError, "the order reached the market after its deadline; decide anew"
    ),
    "EService:Throttled": Meaning(errors.RateLimitedError, "too many requests at once; wait", True, 5.0),
    "EService:Market in cancel_only mode": Meaning(errors.MarketClosedError, "only cancels are taken now", True, 30.0),
    "EService:Market in post_only mode": Meaning(
        errors.MarketClosedError, "only orders that rest are taken now", True, 30.0
    ),
    "EService:Market in limit_only mode": Meaning(
        errors.MarketClosedError, "only limit orders are taken now", True, 30.0
    ),
    "EOrder:Insufficient funds": Meaning(errors.InsufficientFundsError, "compare with the balance and what is on hold"),
    "EOrder:Insufficient margin": Meaning(errors.InsufficientFundsError, "the venue cannot lend this now"),
    "EOrder:Insufficient initial margin": Meaning(errors.InsufficientFundsError, "the free margin is too small"),
    "EOrder:Order minimum not met": Meaning(errors.OrderMinimumError, "raise the quantity to the pair's minimum"),
    "EOrder:Cost minimum not met": Meaning(errors.OrderMinimumError, "raise the order to the pair's least cost"),
    "EOrder:Tick size check failed": Meaning(errors.OrderPriceError, "put the price on the pair's tick"),
    "EOrder:Invalid price": Meaning(errors.OrderPriceError, "put the price on the tick, near the market"),
    "EOrder:Post only order": Meaning(
        errors.OrderPriceError, "it would have taken; move the price away or let it take"
    ),
    "EOrder:Unknown order": Meaning(errors.UnknownOrderError, "it may have ended: look among closed orders"),
    "EOrder:Invalid order": Meaning(errors.UnknownOrderError, "it may have ended: look among closed orders"),
    "EOrder:Rate limit exceeded": Meaning(errors.RateLimitedError, "too many order changes on this pair", True, 5.0),
    "EOrder:Domain rate limit exceeded": Meaning(errors.RateLimitedError, _SLOWER, True, 5.0),
    "EOrder:Orders limit exceeded": Meaning(errors.OrderLimitError, "cancel open orders first"),
    "EOrder:Positions limit exceeded": Meaning(errors.OrderLimitError, "close positions first"),
    "EOrder:Trading agreement required": Meaning(errors.NotPermittedError, "accept the agreement at the venue"),
    "EOrder:Margin allowance exceeded": Meaning(errors.OrderLimitError, "close positions first"),
    "EOrder:Margin level too low": Meaning(errors.InsufficientFundsError, "close positions first"),
    "EFunding:Unknown withdraw key": Meaning(errors.NotPermittedError, "this client moves no money out"),
    "EFunding:Invalid amount": Meaning(errors.InsufficientFundsError, "compare with the balance"),
    "ETrade:User Locked": Meaning(errors.NotPermittedError, "the venue locked the account; write to its support"),
    "ETrade:Locked": Meaning(errors.NotPermittedError, "the venue locked the account; write to its support"),
    "ESession:Invalid session": Meaning(errors.AuthenticationError, "ask for a new token", True),
}

_CATEGORIES: dict[str, Meaning] = {
    "EAPI": Meaning(errors.VenueRefusedError, "read the venue's words"),
    "EAuth": Meaning(errors.AuthenticationError, _KEY),
    "EQuery": Meaning(errors.ArgumentsRefusedError, "correct what was asked for"),
    "EOrder": Meaning(errors.OrderRefusedError, "read the venue's words"),
    "ETrade": Meaning(errors.OrderRefusedError, "read the venue's words"),
    "EFunding": Meaning(errors.VenueRefusedError, "read the venue's words"),
    "ESession": Meaning(errors.AuthenticationError, "ask for a new token", True),
    "EService": Meaning(errors.VenueUnavailableError, _DOWN, True, 5.0, True),
    "EDatabase": Meaning(errors.VenueUnavailableError, _DOWN, True, 5.0, True),
}

# An unheard-of word about a write is taken for an unknown outcome: only what surely means no is a refusal.
_UNHEARD = Meaning(errors.VenueRefusedError, "read the venue's words", outcome_unknown=True)


def meaning_of(words: str) -> Meaning:
    """Return what one of the venue's phrases means: the longest known beginning, then its category."""
    text = words.strip()
    known = [phrase for phrase in _MEANINGS if _begins(text, phrase)]
    if known:
        return _MEANINGS[max(known, key=len)]
    return _CATEGORIES.get(text.partition(":")[0], _UNHEARD)


def refusal(words: Sequence[str], doing: str, now_s: float | None = None) -> VenueError:
    """Return the error for the venue's list of words; several words are judged by the first. `doing` names the call.

    A throttled answer names the moment until which to wait; with the time `now_s` it becomes a number of seconds.
    """
    said = printable(", ".join(words))
    meaning = meaning_of(words[0]) if words else _UNHEARD
    wait_s = _throttled_until(words[0], now_s) if words and now_s is not None else None
    return meaning.kind(
        f"{doing}: Kraken answered {said!r}; {meaning.advice}",
        words=said,
        retryable=meaning.retryable,
        retry_after_s=meaning.retry_after_s if wait_s is None else wait_s,
    )


def printable(text: str) -> str:
    """Return foreign text without control characters and not too long, fit for a message or a log line."""
    clean = "".join(sign if sign.isprintable() else "?" for sign in text[: LONGEST_WORDS + 1])
    return clean if len(clean) <= LONGEST_WORDS else clean[:LONGEST_WORDS] + "..."


def _begins(text: str, phrase: str) -> bool:
    return text.startswith(phrase) and (len(text) == len(phrase) or not text[len(phrase)].isalpha())


def _throttled_until(words: str, now_s: float) -> float | None:
    found = re.match(r"EService:Throttled:\s*(\d{9,11})", words, re.ASCII)
    return None if found is None else max(1.0, float(found[1]) - now_s)
