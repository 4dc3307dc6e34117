"""Which parameter sets a sweep tries: every combination of a grid, or a random draw from it or from declared ranges.

Text in, parameter sets out; nothing is run. A set the strategy refuses (fast above slow) is kept aside with its reason,
never dropped in silence. Called by `backtest.sweep` and `control.sweeps`. Invariant: the same grid, number and seed
give the same sets in the same order.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, TypeAlias

import numpy as np

from tradecore.core.errors import StrategyError, UsageError
from tradecore.strategy.contract import Strategy
from tradecore.strategy.parameters import Choice, Float, Int, Parameter

MOST = 1_000_000
"""Parameter sets one sweep may have: more is a slip of the keyboard, and too many trials for any record."""
_DIGITS = 6
"""Significant digits of a number drawn at random: enough to be fine, few enough to be read and typed again."""
_TRIES = 20
"""Draws per set wanted before a range is taken to hold no further sets."""

Params: TypeAlias = Mapping[str, Any]
Make: TypeAlias = Callable[..., Strategy]


@dataclass(frozen=True, slots=True)
class Refused:
    """A parameter set the strategy would not take, and its words."""

    params: Params
    reason: str


@dataclass(frozen=True, slots=True)
class Accepted:
    """The parameter sets to be tried, as asked for, each with its strategy's bound values, and those refused."""

    candidates: tuple[Params, ...]
    refused: tuple[Refused, ...] = ()


def values_of(name: str, text: str) -> tuple[str, ...]:
    """Return what `5,10` or `5:50:5` or both mixed stand for, ends included, each value once.

    Errors: UsageError for a range that cannot be meant.

    >>> values_of("slow", "5,10:20:5")
    ('5', '10', '15', '20')
    >>> values_of("band", "0.1:0.3:0.1")
    ('0.1', '0.2', '0.3')
    """
    found: list[str] = []
    for part in text.split(","):
        if not part.strip():
            raise UsageError(f"{name}={text}: a value is empty; expected values as in 5,10,20 or a range as in 5:50:5")
        found += _range(name, part.strip()) if ":" in part else [part.strip()]
    if len(found) > MOST:
        raise UsageError(f"{name}={text}: {len(found):,} values, expected at most {MOST:,}; take larger steps")
    return tuple(dict.fromkeys(found))


def combinations(grid: Mapping[str, Sequence[Any]]) -> list[Params]:
    """Return every combination of a grid, the last parameter fastest. Errors: UsageError for more than `MOST`."""
    total = math.prod(len(values) for values in grid.values())
    if total > MOST:
        raise UsageError(
            f"the grid has {total:,} combinations, expected at most {MOST:,}; take fewer values, or draw some of "
            "them with --sample"
        )
    return [dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())]


def drawn(grid: Mapping[str, Sequence[Any]], count: int, rng: np.random.Generator) -> list[Params]:
    """Return `count` different combinations of a grid, or all where there are no more, in the grid's order."""
    sizes = [len(values) for values in grid.values()]
    total = math.prod(sizes)
    if total <= count:
        return combinations(grid)
    chosen: set[int] = set()
    while len(chosen) < count:  # by rejection: a grid may be far too large to be shuffled
        chosen.update(rng.integers(total, size=min(count - len(chosen), MOST)).tolist())
    places = (np.unravel_index(one, sizes) for one in sorted(chosen))
    return [{name: values[int(at)] for (name, values), at in zip(grid.items(), place, strict=True)} for place in places]


def drawn_from(declared: Mapping[str, Parameter], count: int, rng: np.random.Generator) -> list[Params]:
    """Return up to `count` different sets drawn evenly from the declared ranges of parameters.

    Errors: UsageError when nothing is declared.
    """
    if not declared:
        raise UsageError("there is no parameter to draw: the strategy has none left; leave --sample out")
    found: dict[tuple[Any, ...], Params] = {}
    for _ in range(count * _TRIES):
        if len(found) == count:
            break
        params = {name: _draw(kind, rng) for name, kind in declared.items()}
        found.setdefault(tuple(params.values()), params)
    return list(found.values())


def accepted(make: Make, candidates: Sequence[Params]) -> Accepted:
    """Return the sets the strategy takes, and those it refuses. Sets that mean the same are one.

    Errors: UsageError when none is left, with the reason of the first.
    """
    taken: dict[tuple[Any, ...], Params] = {}
    refused = []
    for params in candidates:
        try:
            strategy = make(**params)
            strategy.features(strategy.p)
        except (UsageError, StrategyError) as error:
            refused.append(Refused(params, str(error)))
            continue
        bound = strategy.p._asdict()
        taken.setdefault(tuple(bound.values()), {name: bound.get(name, value) for name, value in params.items()})
    if not taken:
        first = f"; the first, {named(refused[0].params)}: {refused[0].reason}" if refused else ""
        raise UsageError(f"the strategy takes none of the {len(refused):,} parameter sets{first}")
    return Accepted(tuple(taken.values()), tuple(refused))


def named(params: Params) -> str:
    """Return a parameter set as text: `fast=9 slow=21`, or `as it is` for none."""
    return " ".join(f"{name}={_plain(value)}" for name, value in params.items()) or "as it is"


def _plain(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _range(name: str, text: str) -> Iterator[str]:
    """Yield the numbers of `LOW:HIGH:STEP` as decimal text, so that 0.1 steps are tenths and not their binary kin."""
    try:
        low, high, step = (Decimal(part.strip()) for part in text.split(":"))
    except (ValueError, InvalidOperation):
        raise UsageError(f"{name}={text}: expected LOW:HIGH:STEP, as in {name}=5:50:5") from None
    if not (low.is_finite() and high.is_finite() and step.is_finite() and step > 0 and low <= high):
        raise UsageError(f"{name}={text}: expected LOW at most HIGH and a STEP above 0, as in {name}=5:50:5")
    count = int((high - low) / step) + 1
    if count > MOST:
        raise UsageError(f"{name}={text}: {count:,} values, expected at most {MOST:,}; take a larger step")
    return (f"{(low + place * step).normalize():f}" for place in range(count))


def _draw(kind: Parameter, rng: np.random.Generator) -> Any:
    if isinstance(kind, Int):
        return int(rng.integers(kind.low, kind.high + 1))
    if isinstance(kind, Float):
        return min(max(float(f"{rng.uniform(kind.low, kind.high):.{_DIGITS}g}"), kind.low), kind.high)
    assert isinstance(kind, Choice)
    return kind.options[int(rng.integers(len(kind.options)))]
