"""A clock for a fake venue that runs faster than ours.

Tests that want to hold the hands use `core.clock.ManualClock`.
"""

from __future__ import annotations

import time

from tradecore.core.errors import UsageError
from tradecore.core.types import Nanoseconds


class ScaledClock:
    """A clock that starts at a moment and runs `speed` times as fast as the real one."""

    def __init__(self, start: Nanoseconds, speed: float = 1.0) -> None:
        if not speed > 0:
            raise UsageError(f"speed {speed}: expected a number above 0; 1 is real time")
        self._start, self._speed = start, speed
        self._began = time.monotonic_ns()

    def now(self) -> Nanoseconds:
        """Return the time of the venue."""
        return self._start + int((time.monotonic_ns() - self._began) * self._speed)
