"""Every way to break a payload by one thing: a field removed, nulled, mistyped, negative, huge; rows twice or swapped.

For parsers of anybody's JSON: feed each broken payload to the parser and see that it gives a typed error, or says that
it left something out, or, where the field is not read, exactly what it gave before. It knows no venue and parses
nothing. Invariant: each payload differs from the original in one place only, and the original is never changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, TypeAlias

Json: TypeAlias = Any
Path: TypeAlias = tuple[str | int, ...]

MISSING = object()
"""In place of a value: take the field or item away."""

HUGE = 10**40
OTHER_TYPES: tuple[tuple[str, Json], ...] = (
    ("null", None),
    ("true", True),
    ("a list", []),
    ("an object", {}),
    ("empty text", ""),
    ("other text", "brök\x00en"),
)
NUMBERS_AS_TEXT = ("NaN", "Infinity", "1e999", "-1", "1_000", "１.5", " 1", "0x10", "1,5")


def broken(payload: Json, *, longest_list: int = 3) -> Iterator[tuple[str, Json]]:
    """Yield what was broken and the payload broken so; of a long list only its first items are broken one by one.

    Numbers stay what the parser would have met: text that is a number is broken as text and as a number.
    """
    for path, value in _places(payload, (), longest_list):
        where = _told(path)
        for how, other in _others(value):
            yield f"{where} is {how}", _with(payload, path, other)
        if isinstance(value, Mapping):
            for key in value:
                yield f"{_told((*path, key))} is missing", _with(payload, (*path, key), MISSING)
        elif isinstance(value, Sequence) and not isinstance(value, str):
            for how, items in _reordered(value):
                yield f"{where} {how}", _with(payload, path, items)


def truncated(body: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield a body cut at its beginning, in its middle and just before its end."""
    for at in sorted({0, 1, len(body) // 3, len(body) // 2, len(body) - 1}):
        yield f"cut after {at} of {len(body)} bytes", body[:at]


def _places(value: Json, path: Path, longest: int) -> Iterator[tuple[Path, Json]]:
    yield path, value
    if isinstance(value, Mapping):
        for key, one in value.items():
            yield from _places(one, (*path, key), longest)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for index, one in enumerate(value[:longest]):
            yield from _places(one, (*path, index), longest)


def _others(value: Json) -> Iterator[tuple[str, Json]]:
    for how, other in OTHER_TYPES:
        if type(other) is not type(value):
            yield how, other
    if isinstance(value, str):
        yield "a number", 7
        yield from (("an unknown word", "zzz"),)
        if _is_number(value):
            yield "negative", "-" + value.lstrip("-") if not value.startswith("-") else value[1:]
            yield from ((repr(text), text) for text in NUMBERS_AS_TEXT)
    elif isinstance(value, (int, float, Decimal)) and not isinstance(value, bool):
        yield "text", str(value) + "x"
        yield "negative", -value if value else -1
        yield "huge", HUGE
        yield "NaN", float("nan")
        yield "infinite", float("inf")
    elif not isinstance(value, (Mapping, Sequence)):
        yield "a number", 7


def _reordered(items: Sequence[Json]) -> Iterator[tuple[str, list[Json]]]:
    rows = list(items)
    if not rows:
        return
    yield "has its first item twice", [rows[0], *rows]
    yield "has lost its first item", rows[1:]
    yield "has lost its last item", rows[:-1]
    yield "has a null item", [None, *rows]
    if len(rows) > 1 and rows[0] != rows[-1]:
        yield "has first and last swapped", [rows[-1], *rows[1:-1], rows[0]]
        yield "runs backwards", rows[::-1]


def _with(payload: Json, path: Path, value: Json) -> Json:
    """Return the payload with one place changed; everything beside the way to it is shared, not copied."""
    if not path:
        return value
    key, rest = path[0], path[1:]
    if isinstance(payload, Mapping):
        changed = {name: one for name, one in payload.items() if not (name == key and value is MISSING and not rest)}
        if key in changed:
            changed[key] = _with(payload[key], rest, value)
        return changed
    assert isinstance(key, int)  # a path goes through objects by name and through lists by place
    items = list(payload)
    items[key] = _with(payload[key], rest, value)
    return items


def _told(path: Path) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path) or "the payload"


def _is_number(text: str) -> bool:
    return bool(text) and text.lstrip("-").replace(".", "", 1).isdecimal()
