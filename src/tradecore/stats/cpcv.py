"""Combinatorial purged cross-validation: many splits of one history, and the paths their tests can be joined to.

Bars are cut into N groups; every choice of k of them is tested once with the rest to train on. Each group is so tested
in several splits, and the j-th test of every group, one after another, is path j: a whole history of test returns.
Walk-forward gives one such path, this gives several, from which a spread can be seen. It trains on data later than a
test, so it shows how stable a rule is, not how it would have gone. Called by the deep profile of the evaluation.
Invariant: no training bar lies within `purge + embargo` bars of a test bar, on either side.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np

from tradecore.core.errors import ConfigError, DataError
from tradecore.core.types import FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class Combinatorial:
    """The shape of a combinatorial purged cross-validation."""

    groups: int = 8
    """Equal groups of bars, 2 to 16."""
    tested: int = 2
    """Groups tested in each split, at least 1 and fewer than `groups`. 2 of 8: 28 splits, 7 paths."""
    purge: int = 0
    """Bars left out on both sides of a test, >= 0: the larger of feature look-back and longest holding time."""
    embargo: int = 0
    """Further bars left out on both sides, >= 0, against memory in the market itself."""

    def __post_init__(self) -> None:
        if not (2 <= self.groups <= 16 and 1 <= self.tested < self.groups):
            raise ConfigError(
                f"{self.tested} of {self.groups} groups: expected 1 <= tested < groups and 2 to 16 groups"
            )
        if self.purge < 0 or self.embargo < 0:
            raise ConfigError(f"purge={self.purge} embargo={self.embargo}: expected at least 0 bars")

    @property
    def splits(self) -> int:
        """Return how many splits there are."""
        return comb(self.groups, self.tested)

    @property
    def paths(self) -> int:
        """Return how many whole histories the tests make: k / N of the splits."""
        return comb(self.groups - 1, self.tested - 1)


@dataclass(frozen=True, slots=True)
class Split:
    """One choice of groups to test, as positions in the bars. Neighbouring groups stay apart."""

    tested: tuple[int, ...]
    """The groups, rising."""
    test: tuple[slice, ...]
    """The bars of each tested group, in the same order."""
    train: tuple[slice, ...]
    """What is left to train on, oldest first; none when purge and embargo leave nothing."""


def split(n_bars: int, settings: Combinatorial = Combinatorial()) -> tuple[Split, ...]:
    """Return every split, in lexical order of the tested groups.

    Errors: DataError for fewer bars than groups.
    Source: Lopez de Prado (2018), 12.3; purge and embargo after 7.4, here on both sides.
    """
    if n_bars < settings.groups:
        raise DataError(f"{n_bars} bars for {settings.groups} groups: expected at least one bar for each; take fewer")
    borders = np.linspace(0, n_bars, settings.groups + 1).astype(np.int64)
    gap = settings.purge + settings.embargo
    found = []
    for chosen in combinations(range(settings.groups), settings.tested):
        test = tuple(slice(int(borders[group]), int(borders[group + 1])) for group in chosen)
        found.append(Split(chosen, test, _outside(n_bars, test, gap)))
    return tuple(found)


def path_table(settings: Combinatorial = Combinatorial()) -> IntArray:
    """Return which split tests each group in each path, (paths, groups).

    Source: Lopez de Prado (2018), figure 12.2: path j takes the j-th test of every group.
    """
    table = np.empty((settings.paths, settings.groups), np.int64)
    used = np.zeros(settings.groups, np.int64)
    for number, chosen in enumerate(combinations(range(settings.groups), settings.tested)):
        for group in chosen:
            table[used[group], group] = number
            used[group] += 1
    return table


def assemble(
    results: Sequence[Sequence[FloatArray]], settings: Combinatorial = Combinatorial()
) -> tuple[FloatArray, ...]:
    """Join the test returns of all splits to whole paths, oldest first.

    Shape:  `results[s][i]` are the returns of the i-th tested group of split s, for every split of `split`.
    Errors: DataError when splits or groups are missing, or a group has not the same number of returns in each split.
    """
    chosen = list(combinations(range(settings.groups), settings.tested))
    if len(results) != len(chosen) or any(len(one) != settings.tested for one in results):
        raise DataError(
            f"test returns of {len(results)} splits: expected {len(chosen)} with {settings.tested} groups each, "
            "as stats.cpcv.split gives them"
        )
    pieces = [
        [results[number][chosen[number].index(group)] for group, number in enumerate(row)]
        for row in path_table(settings)
    ]
    for group in range(settings.groups):
        if len({len(path[group]) for path in pieces}) != 1:
            raise DataError(f"group {group}: its test returns differ in number between splits; expected the same days")
    return tuple(np.concatenate(path) for path in pieces)


def _outside(n_bars: int, test: Sequence[slice], gap: int) -> tuple[slice, ...]:
    """Return the stretches of bars that lie more than `gap` bars from every test."""
    left, begin = [], 0
    for one in test:
        if one.start - gap > begin:
            left.append(slice(begin, one.start - gap))
        begin = max(begin, one.stop + gap)
    if begin < n_bars:
        left.append(slice(begin, n_bars))
    return tuple(left)
