"""Does a strategy see the future? With later bars cut off, or hidden, it must decide as with them in sight.

Shared by `strategy.check`, which wants a verdict, and `backtest.lookahead`, which wants a table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from tradecore.core.bars import Bars
from tradecore.core.types import IntArray, Nanoseconds, iso
from tradecore.features.compute import compute
from tradecore.strategy.contract import Strategy
from tradecore.strategy.recorder import Decisions, Difference, Player, difference, record

CUTS = 20
"""Random places at which bars are cut."""
CUTS_AT_DEEDS = 10
"""Places beside them, each right behind a bar at which something was wanted: there looking ahead shows first."""


@dataclass(frozen=True, slots=True)
class Cut:
    """A decision that changed when bars were cut off."""

    difference: Difference
    kept_until: Nanoseconds
    """Open time of the first bar that was cut."""

    def __str__(self) -> str:
        return f"{self.difference} when the bars from {iso(self.kept_until)} on were cut"


@dataclass(frozen=True, slots=True)
class BiasedFeature:
    """A feature whose past values changed when later bars were cut off."""

    column: str
    time: Nanoseconds
    """Open time of the first bar with another value."""
    whole: float
    cut: float
    kept_until: Nanoseconds


def cut_places(decided: Decisions, rng: np.random.Generator, count: int = CUTS) -> list[Nanoseconds]:
    """Return moments at which to cut, oldest first: `count` at random and some right behind deeds."""
    times = list(decided.by_time)
    if len(times) < 2:
        return []
    places = {times[int(i)] for i in rng.integers(1, len(times), min(count, len(times) - 1))}
    after = dict(pairwise(times))
    deeds = [after[time] for time in decided.deeds if time in after]
    picked = rng.permutation(len(deeds))[:CUTS_AT_DEEDS]
    return sorted(places | {deeds[int(i)] for i in picked})


def first_changed_by_cuts(
    fresh: Callable[[], Strategy], bars: Sequence[Bars], play: Player, whole: Decisions, cuts: Iterable[Nanoseconds]
) -> Cut | None:
    """Play on bars cut at each place and return the earliest decision that changed; None when none did."""
    found: list[Cut] = []
    for cut in cuts:
        part = [one.between(None, cut) for one in bars]
        if not all(len(one) for one in part):
            continue
        changed = difference(whole, record(fresh(), part, play), before=cut)
        if changed is not None:
            found.append(Cut(changed, cut))
    return min(found, key=lambda cut: cut.difference.time, default=None)


def biased_features(strategy: Strategy, bars: Bars, cuts: Iterable[Nanoseconds]) -> list[BiasedFeature]:
    """Compute every feature on bars cut at each place; return for each column the earliest value that changed."""
    wanted = strategy.features(strategy.p)
    whole = compute(wanted, bars)
    found: dict[str, BiasedFeature] = {}
    for cut in cuts:
        part = bars.between(None, cut)
        if not len(part):
            continue
        for name, column in compute(wanted, part).items():
            same = (column == whole[name][: len(part)]) | (np.isnan(column) & np.isnan(whole[name][: len(part)]))
            if same.all():
                continue
            row = int(np.argmin(same))
            time = int(bars.open_time[row])
            if name not in found or time < found[name].time:
                found[name] = BiasedFeature(name, time, float(whole[name][row]), float(column[row]), cut)
    return list(found.values())


def bar_at(times: IntArray, moment: Nanoseconds) -> int:
    """Return the index of the bar that opened at a moment."""
    return int(np.searchsorted(times, moment))
