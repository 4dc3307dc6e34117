"""What a call to the venue comes back with: done, refused, or unknown. Nothing else, and no exception in their place.

Unknown is not refused: an order whose answer was lost may rest at the venue. Only the venue's own list of errors, or
the proof that no byte left this machine, makes a refusal of a write. The whole client answers with these.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeAlias, TypeVar

from tradecore.core.errors import OutcomeUnknownError, VenueError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Done(Generic[T]):
    """The venue did it or told it; warnings are the venue's own words."""

    value: T
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Refused:
    """It did not happen. The error is the narrowest class, with the venue's words where it said any."""

    error: VenueError


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nobody knows whether it happened: look it up, never send it again."""

    error: OutcomeUnknownError


Answer: TypeAlias = Done[T] | Refused | Unknown


def value_of(answer: Answer[T]) -> T:
    """Return what the venue told. Errors: the answer's own VenueError when it refused or nobody knows."""
    if isinstance(answer, Done):
        return answer.value
    raise answer.error
