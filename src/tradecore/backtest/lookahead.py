"""Two questions about a strategy of your own: does it see the future, and does it depend on where history begins?

Lookahead: features and decisions are computed again on cut data, and with the future hidden; any that change are named
with their bar. Recursion: features are computed with less and less history; what still moves needs a longer warm-up
than it declares. Called by `control.backtests` and by the evaluation, which holds it as a gate. Nothing here is stored.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from tradecore.backtest.replay import play, play_blind
from tradecore.core.bars import Bars
from tradecore.core.errors import DataError, UsageError
from tradecore.core.types import Nanoseconds, iso
from tradecore.features.compute import compute, warmup
from tradecore.strategy.causality import CUTS, BiasedFeature, biased_features, cut_places, first_changed_by_cuts
from tradecore.strategy.contract import Strategy
from tradecore.strategy.recorder import difference, record

MOST_BARS = 10_000
"""Bars that are analysed, the newest; what looks ahead does so within a year of hours."""
START_LENGTHS = (50, 100, 200, 400, 800, 1600)
"""Bars of history that recursion analysis begins with, beyond the declared warm-up."""
TOLERANCE = 1e-6
"""Relative difference below which a value no longer depends on where history begins."""
_LAST = 50
"""Decisions compared at the end of every history."""


@dataclass(frozen=True, slots=True)
class BiasedDecision:
    """A decision that changes when what comes after it is not there."""

    time: Nanoseconds
    """Open time of the bar."""
    whole: str
    cut: str
    hidden_from: Nanoseconds
    """Open time of the first bar that was not there."""


@dataclass(frozen=True, slots=True)
class Lookahead:
    """What lookahead analysis found."""

    bars: int
    cuts: int
    features: tuple[BiasedFeature, ...]
    """One entry for each column that changed: its earliest bar."""
    decision: BiasedDecision | None
    """The earliest decision that changed."""

    @property
    def ok(self) -> bool:
        """Whether nothing saw the future."""
        return not self.features and self.decision is None

    @property
    def text(self) -> str:
        """One sentence: what was found, and where first."""
        if self.decision is not None:
            what = f"it wanted {self.decision.whole!r}, and without later bars {self.decision.cut!r}"
            return f"the decision at {iso(self.decision.time)} sees the future: {what}"
        if self.features:
            first = min(self.features, key=lambda one: one.time)
            names = ", ".join(one.column for one in self.features)
            values = f"{first.whole:g}, and {first.cut:g} without later bars"
            return f"{names} sees the future: {first.column} at {iso(first.time)} is {values}"
        how = f"in {self.cuts} cuts of {self.bars:,} bars, nor with the future hidden"
        return f"no decision and no feature changed {how}"


@dataclass(frozen=True, slots=True)
class StartLength:
    """How much a column's newest value moves when history begins `bars` bars earlier than now."""

    column: str
    bars: int
    relative: float
    """Difference to the value with all history, as a fraction of it; NaN where there is no value yet."""


@dataclass(frozen=True, slots=True)
class Recursion:
    """What recursion analysis found."""

    declared: int
    """Bars of warm-up the features ask for."""
    lengths: tuple[int, ...]
    table: tuple[StartLength, ...]
    needed: dict[str, int | None]
    """By column, the shortest tested history whose value stands; None when none is long enough."""
    decisions_differ: dict[int, int]
    """By history length, how many of the last decisions were others; bars it could not decide on do not count."""

    @property
    def text(self) -> str:
        """One sentence: the history that is really needed."""
        never = [column for column, length in self.needed.items() if length is None]
        if never:
            longest = max(self.lengths)
            return f"{', '.join(never)} still depends on where history begins after {longest:,} bars"
        most = max((length for length in self.needed.values() if length is not None), default=0)
        if not self.needed:
            return "no features, so nothing depends on where history begins"
        declared = f"the declared warm-up is {self.declared:,}"
        return f"after {most:,} bars of history no value depends on where it begins; {declared}"


def find_lookahead(
    fresh: Callable[[], Strategy], bars: Sequence[Bars], *, cuts: int = CUTS, rng: np.random.Generator
) -> Lookahead:
    """Look for decisions and features that change when later bars are not there. `fresh` makes the strategy.

    The newest MOST_BARS bars are looked at, cut at `cuts` random places and behind some of the signals.
    Errors: DataError when there are too few bars to decide on.
    """
    part = [one[-MOST_BARS:] for one in bars]
    whole = record(fresh(), part, play)
    places = cut_places(whole, rng, cuts)
    if not places:
        raise DataError(f"lookahead: {min(map(len, part))} bars leave nothing to cut; give it more than the warm-up")
    features = [one for bars_of_pair in part for one in biased_features(fresh(), bars_of_pair, places)]
    decision = None
    blind = difference(whole, record(fresh(), part, play_blind))
    cut = None if blind is not None else first_changed_by_cuts(fresh, part, play, whole, places)
    if blind is not None:
        hidden_from = blind.time + part[0].timeframe.ns
        decision = BiasedDecision(blind.time, blind.one, blind.other, hidden_from)
    elif cut is not None:
        decision = BiasedDecision(cut.difference.time, cut.difference.one, cut.difference.other, cut.kept_until)
    return Lookahead(max(map(len, part)), len(places), tuple(features), decision)


def find_recursion(
    fresh: Callable[[], Strategy], bars: Sequence[Bars], *, lengths: Sequence[int] = START_LENGTHS
) -> Recursion:
    """Compute features with histories of growing length and compare their newest value with that of all history.

    Lengths count bars beyond the declared warm-up; those that the data cannot hold are left out.
    Errors: UsageError for lengths that are not above 0; DataError when not one fits.
    """
    if not lengths or min(lengths) < 1:
        raise UsageError(f"recursion: start lengths {list(lengths)}, expected numbers of bars above 0")
    strategy, main = fresh(), bars[0]
    wanted = strategy.features(strategy.p)
    declared = warmup(wanted)
    fitting = tuple(sorted(declared + length for length in set(lengths) if declared + length < len(main)))
    if not fitting:
        raise DataError(f"recursion: {len(main):,} bars hold no history of {declared + min(lengths):,}; give it more")
    whole = {name: float(column[-1]) for name, column in compute(wanted, main).items()}
    table = tuple(
        StartLength(name, length, _relative(float(column[-1]), whole[name]))
        for length in fitting
        for name, column in compute(wanted, main[-length:]).items()
    )
    needed = {name: _needed(name, table) for name in whole}
    return Recursion(declared, fitting, table, needed, _decisions_differ(fresh, bars, fitting))


def _relative(value: float, whole: float) -> float:
    return abs(value - whole) / abs(whole) if whole else abs(value - whole)


def _needed(column: str, table: Sequence[StartLength]) -> int | None:
    """Return the shortest history from which on every longer one gives the same value too."""
    stands = None
    for row in sorted((row for row in table if row.column == column), key=lambda row: -row.bars):
        if not row.relative <= TOLERANCE:
            break
        stands = row.bars
    return stands


def _decisions_differ(fresh: Callable[[], Strategy], bars: Sequence[Bars], lengths: Sequence[int]) -> dict[int, int]:
    """Count, for each history, the last decisions that are others than after the longest history."""
    longest = _last_decisions(fresh, [one[-MOST_BARS:] for one in bars])
    counts = {}
    for length in lengths:
        start = int(bars[0].open_time[-length])
        last = _last_decisions(fresh, [one.between(start) for one in bars])
        counts[length] = sum(last.get(time, line) != line for time, line in longest.items())
    return counts


def _last_decisions(fresh: Callable[[], Strategy], bars: Sequence[Bars]) -> dict[Nanoseconds, str]:
    decided = record(fresh(), bars, play).by_time
    return {time: decided[time].line for time in list(decided)[-_LAST:]}
