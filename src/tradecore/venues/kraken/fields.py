"""The fields of one JSON object from the venue, each read as what it must be, or refused by name.

A missing, empty or mistyped field is a `ReplyError` that says which; nothing is guessed and nothing becomes zero. The
parsers of the client call it. Invariant: a number that comes out is finite and exact.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NoReturn

from tradecore.core.errors import ReplyError
from tradecore.core.types import SECOND_NS, Nanoseconds
from tradecore.venues.kraken.refusals import printable

_NUMBER = re.compile(r"-?[0-9]{1,30}(?:\.[0-9]{1,30})?")
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

    def number(self, key: str) -> Decimal:
        """Return a finite number of either sign, written as decimal text or as a JSON number."""
        number = decimal_of(self.values.get(key))
        return self.refuse(key, "a finite decimal number") if number is None else number

    def amount(self, key: str) -> Decimal:
        """Return a number of zero or more."""
        number = decimal_of(self.values.get(key))
        return self.refuse(key, "a number of zero or more") if number is None or number < 0 else number

    def positive(self, key: str) -> Decimal:
        """Return a number above zero."""
        number = decimal_of(self.values.get(key))
        return self.refuse(key, "a number above zero") if number is None or number <= 0 else number

    def whole(self, key: str, high: int = (1 << 63) - 1) -> int:
        """Return a whole number between zero and `high`."""
        value = self.values.get(key)
        return value if type(value) is int and 0 <= value <= high else self.refuse(key, f"a whole number up to {high}")

    def flag(self, key: str) -> bool:
        """Return true or false."""
        value = self.values.get(key)
        return value if isinstance(value, bool) else self.refuse(key, "true or false")

    def seconds(self, key: str) -> Nanoseconds:
        """Return Unix seconds, with or without a fraction, as nanoseconds."""
        number = decimal_of(self.values.get(key))
        if number is None or not _EARLIEST_S <= number < _LATEST_S:
            self.refuse(key, "Unix seconds between 2009 and 2100")
        return int(number * SECOND_NS)

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


def decimal_of(value: object) -> Decimal | None:
    """Return a JSON number or plain decimal text exactly, or None: no spaces, no exponent in text, no other digits."""
    if isinstance(value, str):
        return Decimal(value) if _NUMBER.fullmatch(value) else None
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return Decimal(value) if abs(value) < 10**30 else None
    # JSON fractions came as Decimal; an exponent there is the writer's, as in 1e-05.
    return value if isinstance(value, Decimal) and value.is_finite() and abs(value.adjusted()) < 30 else None
