"""The small words: arrays, money, pairs, timeframes, sides. Values only; no behaviour that needs data."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from enum import IntEnum
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from tradecore.core.errors import UsageError

FloatArray: TypeAlias = npt.NDArray[np.float64]
IntArray: TypeAlias = npt.NDArray[np.int64]
BoolArray: TypeAlias = npt.NDArray[np.bool_]
RecordArray: TypeAlias = npt.NDArray[np.void]

Money: TypeAlias = Decimal
"""Money that moves. Arrays of money are float64."""
Rate: TypeAlias = float
"""A fraction of a notional: 0.004 is forty basis points."""
Nanoseconds: TypeAlias = int
"""UTC time or a length of time in integer nanoseconds."""

SECOND_NS = 1_000_000_000
MINUTE_NS = 60 * SECOND_NS
HOUR_NS = 60 * MINUTE_NS
DAY_NS = 24 * HOUR_NS

_UNIT_NS = {"m": MINUTE_NS, "h": HOUR_NS, "d": DAY_NS, "w": 7 * DAY_NS}
_PAIR = re.compile(r"[A-Z0-9][A-Z0-9.]{0,15}")


class Side(IntEnum):
    """The direction of an order or fill; its value is the sign of the quantity."""

    BUY = 1
    SELL = -1


@dataclass(frozen=True, slots=True, order=True)
class Pair:
    """A base asset priced in a quote asset, by the names people use: BTC/USD, never XBT/USD.

    >>> Pair.parse("btc/usd")
    Pair('BTC/USD')
    """

    base: str
    quote: str

    def __post_init__(self) -> None:
        if not (_PAIR.fullmatch(self.base) and _PAIR.fullmatch(self.quote)):
            raise UsageError(f"pair {self.base}/{self.quote}: expected BASE/QUOTE in letters and digits, as in BTC/USD")
        if self.base == self.quote:
            raise UsageError(f"pair {self.base}/{self.quote}: base and quote are the same asset")

    @classmethod
    def parse(cls, text: str) -> Pair:
        """Read BASE/QUOTE in any case. Errors: UsageError for anything else; Kraken's names: `venues.kraken.names`."""
        base, slash, quote = text.strip().upper().partition("/")
        if not slash:
            raise UsageError(f"pair {text!r}: expected BASE/QUOTE, as in BTC/USD")
        return cls(base, quote)

    @property
    def slug(self) -> str:
        """The pair as a folder or file name: BTC-USD."""
        return f"{self.base}-{self.quote}"

    def __str__(self) -> str:
        return f"{self.base}/{self.quote}"

    def __repr__(self) -> str:
        return f"Pair('{self}')"


@dataclass(frozen=True, slots=True, order=True)
class Timeframe:
    """The length of a bar: a count of minutes, hours, days or weeks.

    >>> Timeframe.parse("15m").ns // MINUTE_NS
    15
    """

    ns: Nanoseconds

    def __post_init__(self) -> None:
        if self.ns < MINUTE_NS or self.ns % MINUTE_NS:
            raise UsageError(f"timeframe of {self.ns} ns: expected whole minutes")

    @classmethod
    def parse(cls, text: str) -> Timeframe:
        """Read a count and a unit: 1m, 5m, 15m, 1h, 4h, 1d, 1w."""
        match = re.fullmatch(r"([1-9]\d{0,4})([mhdw])", text.strip())
        if match is None:
            raise UsageError(f"timeframe {text!r}: expected a count and one of m, h, d, w, as in 1m, 15m, 1h, 1d")
        return cls(int(match[1]) * _UNIT_NS[match[2]])

    @property
    def per_year(self) -> float:
        """How many bars a year of 365 days holds: crypto trades every day."""
        return 365 * DAY_NS / self.ns

    def __str__(self) -> str:
        unit = next(unit for unit in ("w", "d", "h", "m") if self.ns % _UNIT_NS[unit] == 0)
        return f"{self.ns // _UNIT_NS[unit]}{unit}"

    def __repr__(self) -> str:
        return f"Timeframe('{self}')"


def iso(time_ns: Nanoseconds) -> str:
    """Return UTC nanoseconds as ISO-8601 with Z, to the second unless it has a fraction.

    >>> iso(1_700_000_000_000_000_000)
    '2023-11-14T22:13:20Z'
    """
    stamp = np.datetime64(int(time_ns), "ns")
    text = str(stamp.astype("datetime64[s]")) if time_ns % SECOND_NS == 0 else str(stamp)
    return text + "Z"


def parse_time(text: str) -> Nanoseconds:
    """Read an ISO-8601 date or time as UTC nanoseconds. A time without a zone is UTC.

    >>> iso(parse_time("2017-01-01"))
    '2017-01-01T00:00:00Z'
    """
    from datetime import UTC, datetime

    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise UsageError(f"time {text!r}: expected ISO-8601, as in 2017-01-01 or 2017-01-01T12:00:00Z") from None
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    whole = int(moment.replace(microsecond=0).timestamp())
    return whole * SECOND_NS + moment.microsecond * 1000
