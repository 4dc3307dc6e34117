"""What anybody could have done instead: simple strategies run in the same engine, on the same bars, with the same
costs.

A result without them says nothing. The tuned ones are walked forward on the candidate's own folds, so that they had the
same chances to choose. Random traders are in `backtest.chance`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from tradecore.backtest.run import Settings, Shift, simulate_shifts
from tradecore.backtest.walk_forward import Plan, Walk, walk
from tradecore.core.track import Track
from tradecore.strategy.contract import Strategy
from tradecore.strategy.loading import load

FIXED = ("cash", "buy_and_hold", "vol_target", "momentum")
"""Baselines without a choice to make, for one pair or several."""
TUNED: Mapping[str, Mapping[str, Sequence[object]]] = {"ma_cross": {"fast": (10, 20, 50), "slow": (100, 200)}}
"""Baselines that choose on each training slice, and their grids."""


def baselines(
    walked: Walk, settings: Settings, plan: Plan, *, tell: Callable[[str, int, int], None]
) -> dict[str, Track]:
    """Return the record of every baseline over the same out-of-sample span as the walk."""
    names = [*FIXED, *(("equal_weight",) if len(walked.bars) > 1 else ()), *TUNED]
    found: dict[str, Track] = {}
    for done, name in enumerate(names):
        tell("baselines", done, len(names))
        if name in TUNED:
            tuned = replace(plan, grid=TUNED[name], shape=walked.shape)
            found[name] = walk(partial(load, name), walked.bars, settings, tuned).simulation.track
        else:
            found[name] = alone(load(name), walked, settings)
    tell("baselines", len(names), len(names))
    return found


def alone(strategy: Strategy, walked: Walk, settings: Settings) -> Track:
    """Return the record of one strategy, unchanged throughout, over the walk's out-of-sample span."""
    return simulate_shifts((Shift(walked.shifts[0].start, strategy),), walked.bars, settings).track
