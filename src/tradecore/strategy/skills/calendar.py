"""Skills for the calendar: which day or period a moment belongs to. UTC; a strategy has no clock but `market.time`."""

from __future__ import annotations

from tradecore.core.types import DAY_NS, HOUR_NS, Nanoseconds


def period(moment: Nanoseconds, days: int) -> int:
    """Return the number of the period of `days` days that a moment lies in, counted from 1970.

    >>> period(3 * DAY_NS, 7), period(7 * DAY_NS, 7)
    (0, 1)
    """
    return moment // (days * DAY_NS)


def hour(moment: Nanoseconds) -> int:
    """Return the hour of the UTC day, 0 to 23."""
    return moment % DAY_NS // HOUR_NS


def weekday(moment: Nanoseconds) -> int:
    """Return the day of the UTC week, Monday 0 to Sunday 6."""
    return (moment // DAY_NS + 3) % 7  # 1 January 1970 was a Thursday
