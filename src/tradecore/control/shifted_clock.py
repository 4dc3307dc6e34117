"""Give this process another time of day, so that code which asks the clock is caught: it then decides otherwise.

Only `control.decide` does this, in a process of its own, before it runs a strategy. It replaces the ways in which
Python code asks for the time; each answer also runs ahead, so that rounding to seconds or minutes hides nothing.
"""

from __future__ import annotations

import datetime
import itertools
import time
from collections.abc import Callable
from typing import Any

_STEP_S = 61.803
"""How far every answer runs ahead of the one before: it moves seconds and minutes."""


def shift_clocks(by_s: float) -> None:
    """Let `time` and `datetime` tell a time that lies `by_s` seconds ahead and runs away."""
    real, asked = time.time, itertools.count()

    def now() -> float:
        return real() + by_s + next(asked) * _STEP_S

    _replace_time(now)
    _replace_datetime(now)


def _replace_time(now: Callable[[], float]) -> None:
    started = now()
    calendar = {name: getattr(time, name) for name in ("gmtime", "localtime", "ctime")}
    changed: dict[str, Any] = {
        "time": now,
        "time_ns": lambda: int(now() * 1e9),
        "monotonic": lambda: now() - started,
        "monotonic_ns": lambda: int((now() - started) * 1e9),
    }
    for name, function in calendar.items():
        changed[name] = lambda seconds=None, function=function: function(now() if seconds is None else seconds)
    for name, function in changed.items():
        setattr(time, name, function)


def _replace_datetime(now: Callable[[], float]) -> None:
    class ShiftedDatetime(datetime.datetime):
        @classmethod
        def now(cls, tz: datetime.tzinfo | None = None) -> Any:
            return cls.fromtimestamp(now(), tz)

        @classmethod
        def utcnow(cls) -> Any:
            return cls.fromtimestamp(now(), datetime.UTC).replace(tzinfo=None)

        @classmethod
        def today(cls) -> Any:
            return cls.fromtimestamp(now())

    class ShiftedDate(datetime.date):
        @classmethod
        def today(cls) -> Any:
            return cls.fromtimestamp(now())

    replaced: dict[str, Any] = {"datetime": ShiftedDatetime, "date": ShiftedDate}
    for name, kind in replaced.items():
        setattr(datetime, name, kind)
