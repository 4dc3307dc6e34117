"""Asking again: which answers are worth another try, how long to wait before it, and when to give up and say so.

Only for questions: nothing that changes anything at a venue may come through here. The waits grow to a bound, keep what
the venue itself asks for, and are told, so that a person sees why nothing moves. What fetches trades and bars calls it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from tradecore.core.errors import RateLimitedError, ReplyError, UsageError, VenueError, VenueUnavailableError
from tradecore.venues.kraken.answers import Answer, Done, Refused, Unknown

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Patience:
    """How often and how long to wait. Without a bound on tries, a venue that was heard once is asked for ever."""

    first_wait_s: float = 1.0
    """The wait before the second try; each further one is twice as long."""
    longest_wait_s: float = 60.0
    """The longest wait; the venue may ask for a longer one."""
    tries_unheard: int = 6
    """Tries before a venue that never answered is given up: a wrong address or no network, as a rule."""
    tries_garbled: int = 30
    """Answers in a row that cannot be understood before it is given up: the venue speaks another language now."""
    tries: int | None = None
    """Tries in all, whatever comes; None where somebody waits for the venue as long as it takes."""

    def __post_init__(self) -> None:
        if self.tries is not None and self.tries < 1:
            raise UsageError(f"patience of {self.tries} tries: expected 1 or more")


A_FEW_TRIES = Patience(tries=6, tries_garbled=1)
"""For a question whose failure costs little: half a minute, and only what the answer itself calls worth another try."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Why nothing moves: how long, the reason in one line, and which try comes next."""

    seconds: float
    reason: str
    next_try: int

    def __str__(self) -> str:
        return f"waiting {self.seconds:.0f} s: {self.reason}, try {self.next_try}"


class Asker:
    """Asks until it is answered. One for each pair; `tell` hears of every wait."""

    def __init__(
        self, patience: Patience, rng: np.random.Generator, tell: Callable[[Wait], None] | None = None
    ) -> None:
        self._patience = patience
        self._rng = rng
        self._tell = tell
        self._was_heard = False

    async def ask(self, question: Callable[[], Awaitable[Answer[T]]]) -> T:
        """Return what the venue told, after as many tries as it takes.

        Errors: the answer's VenueError when another try cannot help, or helped too often not.
        """
        tries = garbled = 0
        while True:
            answer = await question()
            if isinstance(answer, Done):
                self._was_heard = True
                return answer.value
            tries += 1
            garbled = garbled + 1 if isinstance(answer.error, ReplyError) else 0
            self._was_heard = self._was_heard or bool(answer.error.words)
            if self._is_final(answer, tries, garbled):
                raise answer.error
            wait = Wait(self._seconds(answer.error, tries), _reason(answer.error), tries + 1)
            if self._tell is not None:
                self._tell(wait)
            await asyncio.sleep(wait.seconds)

    def _is_final(self, answer: Refused | Unknown, tries: int, garbled: int) -> bool:
        most, error = self._patience.tries, answer.error
        if most is not None and tries >= most:
            return True
        if isinstance(answer, Unknown):
            return False
        if isinstance(error, ReplyError) and (most is None or not error.retryable):
            return garbled >= self._patience.tries_garbled
        if not (error.retryable or isinstance(error, RateLimitedError | VenueUnavailableError)):
            return True
        return not self._was_heard and tries >= self._patience.tries_unheard

    def _seconds(self, error: VenueError, tries: int) -> float:
        doubled = self._patience.first_wait_s * 2 ** min(tries - 1, 20)
        spread = 1 + 0.2 * float(self._rng.random())
        longest: float = max(min(doubled, self._patience.longest_wait_s) * spread, error.retry_after_s or 0.0)
        return longest


def _reason(error: VenueError) -> str:
    """Return one short line: the venue's words, or of an edge's page of HTML its status alone."""
    words = "" if error.words.lstrip().startswith("<") else error.words
    return (words or str(error).partition(", beginning")[0] or type(error).__name__).splitlines()[0][:120]
