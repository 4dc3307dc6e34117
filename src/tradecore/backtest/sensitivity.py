"""What the record would have been if something were otherwise: costs, latency, folds that begin earlier, no feature.

Each variant plays the walk's own shifts again (or walks again, where the folds move) through the same session. Called
by `backtest.evaluate`. Invariant: nothing here changes the candidate; what varies is what it may not rely on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np

from tradecore.backtest.run import Settings, Shift, simulate_shifts
from tradecore.backtest.walk_forward import Make, Plan, Tell, Walk, shifts_of, walk
from tradecore.core.bars import Bars
from tradecore.core.seeds import generator
from tradecore.core.track import Track
from tradecore.core.types import DAY_NS, FloatArray
from tradecore.features.feature import Feature
from tradecore.features.spec import Number, Spec
from tradecore.stats import sensitivity as stats
from tradecore.stats.inference import sharpe_ratio
from tradecore.stats.sample import daily_returns
from tradecore.stats.sensitivity import BreakEven
from tradecore.strategy.contract import Strategy

BEST_DAYS = 5
"""Days that are taken out of the record, the best ones."""
Kind = Literal["costs", "latency", "offset", "feature", "days", "seeds"]


@dataclass(frozen=True, slots=True)
class Variant:
    """The record under one other circumstance."""

    kind: Kind
    label: str
    amount: float
    """How much was changed: times the costs, bars, days; 0 where there is no number."""
    total_return: float | None
    sharpe: float | None
    """Annualised, of daily returns."""
    trades: int | None


def variant(kind: Kind, label: str, amount: float, track: Track) -> Variant:
    """Return the figures of a variant's record."""
    days = daily_returns(track.curve, track.timeframe)
    ratio = sharpe_ratio(days.returns)
    yearly = None if ratio is None else ratio * days.per_year**0.5
    total = float(np.prod(1.0 + days.returns)) - 1.0
    return Variant(kind, label, amount, total if np.isfinite(total) else None, yearly, len(track.trades))


def costs(costed: Mapping[float, Track]) -> list[Variant]:
    """Return the variants of the costs, cheapest first."""
    words = {0.0: "no costs", 1.0: "costs as assumed"}
    return [
        variant("costs", words.get(multiple, f"costs x {multiple:g}"), multiple, track)
        for multiple, track in sorted(costed.items())
    ]


def one_way_bps(settings: Settings) -> float:
    """Return what one taking fill is assumed to cost, in basis points of its notional."""
    model = settings.venue
    return (model.taker_fee + model.half_spread + model.slippage) * 1e4


def break_even(variants: Sequence[Variant], settings: Settings) -> BreakEven | None:
    """Return the costs at which the record neither gains nor loses; None when fewer than two were played."""
    points = {one.amount: one.total_return for one in variants if one.kind == "costs"}
    if sum(value is not None for value in points.values()) < 2:
        return None
    return stats.break_even(points, one_way_bps(settings))


def break_even_words(found: BreakEven, variants: Sequence[Variant], settings: Settings) -> str:
    """Say in one sentence where it breaks even."""
    if found.multiple is not None and found.bps is not None:
        return f"It breaks even at {found.multiple:.2f} times the assumed costs, {found.bps:.1f} bps a fill."
    played = [one.amount for one in variants if one.kind == "costs"]
    if found.is_beyond:
        most = max(played)
        return f"It still gains at {most:g} times the assumed costs, {most * one_way_bps(settings):.1f} bps a fill."
    return (
        "It loses even without any costs." if min(played) == 0.0 else "It loses at the lowest costs that were played."
    )


def latencies(make: Make, walked: Walk, settings: Settings, bars_late: Sequence[int], tell: Tell) -> list[Variant]:
    """Return the record with orders that reach the market later."""
    found = []
    for done, late in enumerate(bars_late, 1):
        venue = replace(settings.venue, latency_bars=settings.venue.latency_bars + late)
        track = simulate_shifts(shifts_of(make, walked.folds), walked.bars, replace(settings, venue=venue)).track
        found.append(variant("latency", f"orders {late} {_bars(late)} late", late, track))
        tell("latency", done, len(bars_late))
    return found


def offsets(make: Make, walked: Walk, settings: Settings, plan: Plan, count: int, tell: Tell) -> list[Variant]:
    """Return the record of folds that begin earlier, by equal parts of a test; training is as much shorter.

    The last bars, as many as the folds are shifted by, are not tested.
    """
    found, shape = [], walked.shape
    step = shape.test // (count + 1)
    shorter = replace(shape, train=max(shape.train - count * step, 1))
    clock = walked.simulation.track.curve.time
    for place in range(1, count + 1):
        end = int(clock[len(clock) - place * step])
        seen = [one.between(None, end) for one in walked.bars]
        own = replace(settings, flows={moment: amount for moment, amount in settings.flows.items() if moment < end})
        track = walk(make, seen, own, replace(plan, shape=shorter)).simulation.track
        found.append(variant("offset", f"folds {place * step} {_bars(place * step)} earlier", place * step, track))
        tell("start offsets", place, count)
    return found


def dropped_features(make: Make, walked: Walk, settings: Settings, most: int, tell: Tell) -> list[Variant]:
    """Return the record with each feature in turn telling nothing; none when the strategy has more than `most`.

    A feature is dropped by putting blocks of its values into another order: it keeps its distribution and its
    persistence, and no longer goes with the market. Keys that read one indicator are dropped together.
    """
    groups = feature_groups(walked.shifts[-1].strategy)
    if not 0 < len(groups) <= most:
        return []
    found = []
    for done, (name, keys) in enumerate(groups.items(), 1):
        shifts = tuple(
            Shift(one.start, without(one.strategy, keys, settings.seed)) for one in shifts_of(make, walked.folds)
        )
        track = simulate_shifts(shifts, walked.bars, settings).track
        found.append(variant("feature", f"without {name}", 0.0, track))
        tell("features", done, len(groups))
    return found


def feature_groups(strategy: Strategy) -> dict[str, tuple[str, ...]]:
    """Return the keys of a strategy's features by group: those that read the same indicator belong together."""
    groups: dict[tuple[object, ...], list[str]] = {}
    for key, feature in strategy.features(strategy.p).items():
        groups.setdefault((feature.spec, feature.values), []).append(key)
    return {", ".join(keys): tuple(keys) for keys in groups.values()}


def without(strategy: Strategy, keys: Sequence[str], seed: int) -> Strategy:
    """Return the strategy with the features of these keys in another order; the instance given is the one returned."""
    declared = dict(strategy.features(strategy.p))
    for key in keys:
        one = declared[key]
        declared[key] = Feature(_shuffled(one.spec, seed), one.values, one.output)
    kind = type(strategy)
    # A class of its own: what hangs on the instance would be part of its state.
    strategy.__class__ = type(
        kind.__name__, (kind,), {"features": lambda _self, _p: declared, "__module__": kind.__module__}
    )
    return strategy


def best_days_removed(track: Track, days: int = BEST_DAYS) -> Variant:
    """Return the record without its best days."""
    periods = daily_returns(track.curve, track.timeframe)
    left = np.sort(periods.returns)[: max(len(periods.returns) - days, 0)]
    kept = periods.returns[
        np.isin(np.arange(len(periods.returns)), np.argsort(periods.returns, kind="stable")[: len(left)])
    ]
    ratio = sharpe_ratio(kept)
    yearly = None if ratio is None else ratio * periods.per_year**0.5
    unit = "days" if track.timeframe.ns < DAY_NS else "bars"
    total = float(np.prod(1.0 + kept)) - 1.0
    return Variant("days", f"without the best {days} {unit}", days, total, yearly, None)


def as_dicts(variants: Sequence[Variant]) -> list[dict[str, Any]]:
    """Return variants as strict JSON material."""
    return [asdict(one) for one in variants]


@dataclass(frozen=True, slots=True, eq=False)
class _Shuffled(Spec):
    """An indicator whose values are in another order, in blocks no shorter than a day or its own warm-up."""

    order: int = 0

    def rows(self, bars: Bars, values: tuple[Number, ...]) -> FloatArray:
        """Compute as the indicator does, then move blocks of what has a value."""
        real = super(_Shuffled, self).rows(bars, values)
        first = self.warmup(self.mapping(values))
        block = max(DAY_NS // bars.timeframe.ns, first, 1)
        rest = np.arange(first, real.shape[1])
        pieces = np.array_split(rest, max(len(rest) // block, 1))
        rng = generator(self.order, "dropped", self.name, str(bars.pair))
        placed = np.concatenate([np.arange(first), *(pieces[place] for place in rng.permutation(len(pieces)))])
        out: FloatArray = np.ascontiguousarray(real[:, placed])
        out.flags.writeable = False
        return out


def _shuffled(spec: Spec, seed: int) -> Spec:
    fields = {name: getattr(spec, name) for name in Spec.__dataclass_fields__}
    return _Shuffled(**fields, order=seed)


def _bars(count: int) -> str:
    return "bar" if count == 1 else "bars"
