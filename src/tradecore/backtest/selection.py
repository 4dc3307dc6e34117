"""What the best of a sweep is worth: how many trials it is the best of, and how good luck alone would look.

No verdict: the best of a sweep is no evidence, only `backtest.evaluate` can give some. Called by `control.sweeps` and
the Python API after a `Swept`. Invariant: what cannot be computed is None, never a number that looks like one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from tradecore.backtest.evaluate import config_hash
from tradecore.backtest.figures import daily_sharpes
from tradecore.backtest.result import dataset_of
from tradecore.backtest.run import Settings, simulate
from tradecore.backtest.sweep import Swept
from tradecore.core.bars import Bars
from tradecore.core.types import FloatArray, Nanoseconds
from tradecore.registry.trials import Trial
from tradecore.stats.clusters import effective_trials
from tradecore.stats.inference import deflated_sharpe, expected_max_sharpe, moments, sharpe_ratio, trial_variance
from tradecore.stats.overfitting import probability_of_overfitting
from tradecore.stats.sample import daily_returns
from tradecore.strategy.contract import Strategy
from tradecore.strategy.loading import load, source_hash

LEAST_DAYS = 10
"""Days from which candidates are grouped by how they move together."""
MANY = 2_000
"""Candidates from which overfitting is looked at in fewer blocks: the cost is their number times that of the splits."""


@dataclass(frozen=True, slots=True)
class Selection:
    """The best of a sweep against luck. Sharpe ratios are per year."""

    tried: int
    """Candidates of this sweep."""
    trials: int
    """Configurations this data has now seen, this sweep's included."""
    sharpe: float | None
    """Of the best candidate."""
    expected_best: float | None
    """The Sharpe ratio that the best of so many worthless strategies is expected to show."""
    deflated: float | None
    """Probability that the best has a Sharpe ratio above zero, given how many were tried."""
    overfitting: float | None
    """Probability that the best of one half of the days is below the median in the other half."""
    blocks: int
    """Blocks the days were cut into for that; 0 where there were too few."""
    holding: float | None
    """What buying and holding showed over the same bars at the same costs."""
    effective: int | None
    """How many groups that move together the candidates form: what was really tried."""

    def as_dict(self) -> dict[str, float | int | None]:
        """Return the fields as strict JSON material."""
        return asdict(self)


def select(
    swept: Swept, trials: int, sharpes: FloatArray, by: str = "sharpe", holding: float | None = None
) -> Selection:
    """Judge the best candidate by a figure. `trials` and their `sharpes` (per period) are what the ledger counts."""
    best = swept.best(1, by)
    shape = moments(swept.daily[best[0]]) if best else None
    year = math.sqrt(swept.per_year)
    expected = deflated = None
    if swept.daily.shape[1] >= 2:
        variance = trial_variance(sharpes, swept.daily.shape[1])
        expected = expected_max_sharpe(max(trials, 1), variance) * year
        deflated = deflated_sharpe(shape, max(trials, 1), variance) if shape else None
    blocks = blocks_for(*swept.daily.shape)
    overfitting = probability_of_overfitting(swept.daily, blocks) if blocks and len(swept) > 1 else None
    return Selection(
        len(swept), trials, shape.sharpe * year if shape else None, expected, deflated, overfitting,
        blocks if overfitting is not None else 0, holding,
        effective_trials(swept.daily).count if swept.daily.shape[1] >= LEAST_DAYS else None,
    )  # fmt: skip


def blocks_for(candidates: int, days: int) -> int:
    """Return into how many blocks to cut the days for the probability of overfitting; 0 when there are too few."""
    most = min(16 if candidates <= MANY else 10, days // 2)
    return most - most % 2 if most >= 4 else 0


def holding_sharpe(bars: Sequence[Bars], settings: Settings) -> float | None:
    """Return the Sharpe ratio per year of buying and holding, which a long-only candidate shares in a rising market."""
    track = simulate(load("buy-and-hold"), bars, settings).track
    periods = daily_returns(track.curve, track.timeframe)
    ratio = sharpe_ratio(periods.returns)
    return None if ratio is None else ratio * math.sqrt(periods.per_year)


def own_sharpes(swept: Swept) -> FloatArray:
    """Return the Sharpe ratios per period of this sweep's candidates alone, where they are defined."""
    return np.array([one for one in daily_sharpes(swept.daily) if one is not None])


def trials_of(
    strategies: Sequence[Strategy], bars: Sequence[Bars], settings: Settings, daily: FloatArray, run: str,
    now: Nanoseconds,
) -> list[Trial]:  # fmt: skip
    """Return what the trial ledger is told about candidates and their daily returns (K, D)."""
    dataset, days = dataset_of(list(bars)), daily.shape[1]
    return [
        Trial(
            dataset, source_hash(one), config_hash(one.p._asdict(), settings, bars), "backtest", "sweep", run, sharpe,
            days, now,
        )
        for one, sharpe in zip(strategies, daily_sharpes(daily), strict=True)
    ]  # fmt: skip
