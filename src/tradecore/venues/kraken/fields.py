"""The fields of one JSON object from the venue, each read as what it must be, or refused by name.

A missing, empty or mistyped field is a `ReplyError` that says which; nothing is guessed and nothing becomes zero. The
parsers of the client call it. Invariant: a number that comes out is finite and exact.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NoReturn, TypeGuard

from tradecore.core.errors import ReplyError
from tradecore.core.types import SECOND_NS, Nanoseconds
from tradecore.venues.kraken.refusals import printable

_NUMBER = re.compile(r"-?[0-9]{1,30}(?:\.[0-9]{1,30})?")
_ID = re.compile(r"[A-Z0-9]{1,12}(?:-[A-Z0-9]{1,12}){1,4}")
_MOST_DIGITS = 30
_EARLIEST_S, _LATEST_S = 1_230_768_000, 4_102_444_800


@dataclass(frozen=True, slots=True)
class Fields:
    """One object of a reply and where it stood in it."""

    values: Mapping[str, Any]
    where: str

    @classmethod
    def of(cls, value: object, where: str) -> Fields:
        """Return the fields of a JSON object. Errors: ReplyError when it is none."""
        if not isinstance(value, Mapping):
            raise ReplyError(f"{where} is {printable(repr(value))}; expected an object")
        return cls(value, where)

    def has(self, key: str) -> bool:
        """Return whether the field is there and not null."""
        return self.values.get(key) is not None

    def text(self, key: str, among: Sequence[str] = ()) -> str:
        """Return text that is not empty, and one of `among` where given."""
        value = self.values.get(key)
        if not isinstance(value, str) or not value:
            self.refuse(key, "text")
        if among and value not in among:
            self.refuse(key, f"one of {', '.join(among)}")
        return value

    def id(self, key: str) -> str:
        """Return one of the venue's ids, as in OUF4EM-FRGI2-MQMWZD."""
        value = self.values.get(key)
        return value if is_id(value) else self.refuse(key, "an id, as in OUF4EM-FRGI2-MQMWZD")

    def number(self, key: str) -> Decimal:
        """Return a number of either sign, written as decimal text."""
        number = decimal_in(self.values.get(key))
        return self.refuse(key, "decimal text") if number is None else number

    def amount(self, key: str) -> Decimal:
        """Return a number of zero or more, written as decimal text."""
        number = decimal_in(self.values.get(key))
        return self.refuse(key, "decimal text, zero or more") if number is None or number < 0 else number

    def positive(self, key: str) -> Decimal:
        """Return a number above zero, written as decimal text."""
        number = decimal_in(self.values.get(key))
        return self.refuse(key, "decimal text above zero") if number is None or number <= 0 else number

    def whole(self, key: str, high: int = (1 << 63) - 1) -> int:
        """Return a whole number between zero and `high`."""
        value = self.values.get(key)
        return value if type(value) is int and 0 <= value <= high else self.refuse(key, f"a whole number up to {high}")

    def flag(self, key: str) -> bool:
        """Return true or false."""
        value = self.values.get(key)
        return value if isinstance(value, bool) else self.refuse(key, "true or false")

    def seconds(self, key: str) -> Nanoseconds:
        """Return Unix seconds, a JSON number with or without a fraction, as nanoseconds."""
        moment = seconds_in(self.values.get(key))
        return self.refuse(key, "Unix seconds between 2009 and 2100") if moment is None else moment

    def items(self, key: str) -> Sequence[Any]:
        """Return a list."""
        value = self.values.get(key)
        return value if isinstance(value, list) else self.refuse(key, "a list")

    def inner(self, key: str) -> Fields:
        """Return the object in a field."""
        return Fields.of(self.values.get(key), f"{self.where}, field {key}")

    def each(self) -> Iterator[tuple[str, Fields]]:
        """Yield every field's name and the object in it."""
        for key in self.values:
            yield key, self.inner(key)

    def refuse(self, key: str, expected: str) -> NoReturn:
        """Raise the error for a field that is not what it must be."""
        was = printable(repr(self.values[key])) if key in self.values else "missing"
        raise ReplyError(f"{self.where}: {printable(key)} is {was}; expected {expected}")


def is_id(value: object) -> TypeGuard[str]:
    """Return whether a value is one of the venue's ids."""
    return isinstance(value, str) and bool(_ID.fullmatch(value))


def decimal_in(value: object) -> Decimal | None:
    """Return plain decimal text exactly, or None: no spaces, no exponent, no other digits, no JSON number."""
    return Decimal(value) if isinstance(value, str) and _NUMBER.fullmatch(value) else None


def json_number(value: object) -> Decimal | None:
    """Return a JSON number exactly, or None. An exponent there is the writer's, as in 1e-05."""
    if type(value) is int:
        return Decimal(value) if abs(value) < 10**_MOST_DIGITS else None
    finite = isinstance(value, Decimal) and value.is_finite() and abs(value.adjusted()) < _MOST_DIGITS
    return value if isinstance(value, Decimal) and finite else None


def seconds_in(value: object) -> Nanoseconds | None:
    """Return a JSON number of Unix seconds as nanoseconds, or None."""
    number = json_number(value)
    return int(number * SECOND_NS) if number is not None and _EARLIEST_S <= number < _LATEST_S else None
