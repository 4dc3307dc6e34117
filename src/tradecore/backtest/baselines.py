"""What anybody could have done instead: simple strategies run in the same engine, on the same bars, with the same
costs.

A result without them says nothing. The tuned ones are walked forward on the candidate's own folds, so that they had the
same chances to choose; the random ones trade about as often and hold about as long as the candidate did.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from statistics import median
from typing import Any

import numpy as np

from tradecore.backtest.run import Settings, Shift, simulate_shifts
from tradecore.backtest.walk_forward import Plan, Walk, walk
from tradecore.core.track import Track
from tradecore.stats.inference import sharpe_ratio
from tradecore.stats.sample import daily_returns
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


def random_sharpes(
    walked: Walk, settings: Settings, draws: int, rng: np.random.Generator, *, tell: Callable[[str, int, int], None]
) -> list[float]:
    """Return the daily Sharpe ratio of `draws` random strategies matched for how often and how long the candidate held.

    Empty when the candidate closed no trade: then there is nothing to match.
    """
    if not len(walked.simulation.track.trades):
        return []
    params = matched(walked)
    found = []
    for draw in range(draws):
        track = alone(load("random_entry", **params), walked, replace(settings, seed=int(rng.integers(1 << 31))))
        found.append(sharpe_ratio(daily_returns(track.curve, track.timeframe).returns) or 0.0)
        tell("random traders", draw + 1, draws)
    return found


def matched(walked: Walk) -> dict[str, Any]:
    """Return the parameters with which `random_entry` trades as often, holds as long and risks as much as the walk did.

    It throws a coin for each pair, with the size shared equally among them; so each pair gets its part of the time.
    """
    done, pairs = walked.simulation.track.trades, len(walked.bars)
    held = max(round(median((done["exit_bar"] - done["entry_bar"]).tolist())), 1)
    share = len(done) * held / (len(walked.simulation.track.curve) * pairs)
    crowd = share * pairs / (1.0 - (1.0 - share) ** pairs) if 0.0 < share < 1.0 else 1.0  # pairs held while any is
    size = typical_size(walked) * pairs / crowd
    return {
        "time_in_market": min(max(share, 0.001), 0.999),
        "holding": held,
        "size": min(max(size, 0.01), 1.0),
    }


def typical_size(walked: Walk) -> float:
    """Return the mean share of equity that the candidate had at work while it held anything."""
    exposure = walked.simulation.track.curve.exposure
    at_work = exposure[exposure > 0.0]
    return float(at_work.mean()) if len(at_work) else 0.0
