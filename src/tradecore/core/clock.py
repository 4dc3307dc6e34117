"""Time comes in from outside. Everything that asks the time asks a Clock; tests and backtests hold the hands."""

from __future__ import annotations

import time
from typing import Protocol

from tradecore.core.types import Nanoseconds


class Clock(Protocol):
    """Tells the time in UTC nanoseconds."""

    def now(self) -> Nanoseconds:
        """Return the current UTC time in nanoseconds."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> Nanoseconds:
        """Return the machine's UTC time in nanoseconds."""
        return time.time_ns()


class ManualClock:
    """A clock that stands still until it is moved, and never moves back."""

    def __init__(self, start: Nanoseconds = 0) -> None:
        self._now = start

    def now(self) -> Nanoseconds:
        """Return the time the clock was last moved to."""
        return self._now

    def move_to(self, moment: Nanoseconds) -> None:
        """Set the time. Errors: ValueError when that would be backwards."""
        if moment < self._now:
            raise ValueError(f"clock stands at {self._now} ns and cannot go back to {moment} ns")
        self._now = moment
