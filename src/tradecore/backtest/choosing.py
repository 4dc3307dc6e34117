"""How much of the result is the choice: all candidates over the development span, judged as a field.

For an evaluation with a grid. One matrix of daily returns of every candidate gives the probability of overfitting, the
effective number of trials and the paths of the combinatorial cross-validation. Called by `backtest.evaluate`.
Invariant: only bars before the hold-out are played.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from tradecore.backtest.run import Settings, simulate
from tradecore.backtest.walk_forward import Make, Plan, Tell
from tradecore.core.bars import Bars
from tradecore.core.types import FloatArray
from tradecore.engine.frame import HistoryFrame
from tradecore.stats.clusters import effective_trials
from tradecore.stats.cpcv import Combinatorial, assemble, split
from tradecore.stats.gates import Gate
from tradecore.stats.inference import CONSTANT, sharpe_ratio
from tradecore.stats.overfitting import probability_of_overfitting
from tradecore.stats.sample import daily_returns

MOST = 1000
"""Candidates that are judged as a field; of more, so many at equal steps through the grid."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The field of candidates."""

    candidates: int
    overfitting: float | None
    """Probability that the best of one half of the days is below the median in the other; about 0.5 for noise."""
    falls_and_loses: float | None
    """Share of the same splits in which it is below the median and also loses money."""
    effective_trials: int | None = None
    """How many of the candidates are different from one another, by clustering their daily returns."""
    deflated_effective: float | None = None
    """The deflated Sharpe ratio with that number in place of the count; the verdict uses the count."""
    paths: tuple[float, ...] = ()
    """Annualised Sharpe ratio of each path of the combinatorial cross-validation."""

    def gate(self, most: float) -> Gate:
        """Return the gate: the choice must not fall behind and lose too often where it was not made."""
        value = self.falls_and_loses
        if value is None:
            why = "overfitting could not be computed: too few days to cut into blocks"
            return Gate("overfitting", False, None, most, why)
        text = (
            f"the best of {self.candidates} in one half of the days falls behind most and loses in the other half "
            f"in {value:.0%} of splits, at most {most:.0%} wanted"
        )
        return Gate("overfitting", value <= most, value, most, text)

    def as_dict(self) -> dict[str, Any]:
        """Return strict JSON material."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__} | {"paths": list(self.paths)}


def field_of(make: Make, bars: Sequence[Bars], settings: Settings, plan: Plan, tell: Tell) -> tuple[FloatArray, float]:
    """Return the daily returns of every candidate over one span, (N, D), and how many such days a year has.

    All begin where the slowest candidate has its features.
    """
    chosen = plan.candidates()
    chosen = [chosen[place] for place in np.unique(np.linspace(0, len(chosen) - 1, min(len(chosen), MOST)).astype(int))]
    made = [make(**params) for params in chosen]
    frame = HistoryFrame(bars, {})
    warm = max((one.warmup for each in made for one in each.features(each.p).values()), default=0)
    start = int(frame.clock[min(warm, len(frame.clock) - 1)])
    rows = []
    for done, strategy in enumerate(made, 1):
        track = simulate(strategy, bars, settings, decide_from=start).track
        days = daily_returns(track.curve, track.timeframe)
        rows.append(days.returns)
        tell("the field of candidates", done, len(made))
    return np.stack(rows), days.per_year


def choice_of(daily: FloatArray, per_year: float, blocks: int, combined: Combinatorial | None = None) -> Choice:
    """Judge a field of at least two candidates, over so many blocks of days and by `combined` cross-validation."""
    blocks = min(blocks, daily.shape[1] // 2)
    blocks -= blocks % 2
    varies = daily[daily.std(axis=1) > 0.0]
    if blocks < 4 or len(varies) < 2:
        return Choice(len(daily), None, None)
    share = probability_of_overfitting(daily, blocks)
    both = falls_and_loses(daily, blocks)
    paths = tuple(combined_paths(daily, per_year, combined)) if combined else ()
    return Choice(len(daily), share, both, effective_trials(daily).count, paths=paths)


def falls_and_loses(daily: FloatArray, blocks: int) -> float:
    """Return the share of symmetric splits whose winner falls behind half of the field and loses in the other half.

    Shape:  daily (N, D); blocks as in `stats.overfitting`.
    Source: Bailey, Borwein, Lopez de Prado & Zhu (2017): the splits are theirs; they report both events apart.
    """
    days = daily.shape[1] // blocks
    cut = daily[:, daily.shape[1] - days * blocks :].reshape(len(daily), blocks, days)
    sums, squares = cut.sum(axis=2), (cut * cut).sum(axis=2)
    bad = count = 0
    for chosen in combinations(range(blocks), blocks // 2):
        inside = np.zeros(blocks, np.bool_)
        inside[list(chosen)] = True
        scores = _sharpes(sums[:, inside], squares[:, inside], days * blocks // 2)
        others = _sharpes(sums[:, ~inside], squares[:, ~inside], days * blocks // 2)
        mine = others[int(scores.argmax())]
        bad += bool((others < mine).sum() <= (others > mine).sum() and mine < 0.0)
        count += 1
    return bad / count


def combined_paths(daily: FloatArray, per_year: float, shape: Combinatorial) -> list[float]:
    """Return the annualised Sharpe ratio of every path of a combinatorial purged cross-validation, over days.

    In each split the candidate that is best on the training days is taken over the tested groups; none where purge and
    embargo leave a split nothing to train on. Source: Lopez de Prado (2018), ch. 12.
    """
    results = []
    for one in split(daily.shape[1], shape):
        if not one.train:
            return []
        part = np.concatenate([daily[:, days] for days in one.train], axis=1)
        scores = _sharpes(part.sum(axis=1)[:, None], (part * part).sum(axis=1)[:, None], part.shape[1])
        results.append([daily[int(scores.argmax()), days] for days in one.test])
    return [(sharpe_ratio(path) or 0.0) * math.sqrt(per_year) for path in assemble(results, shape)]


def _sharpes(sums: FloatArray, squares: FloatArray, count: int) -> FloatArray:
    """Return Sharpe ratios per day from sums and sums of squares by block, (N, K) each; 0 where nothing varies."""
    mean, square = sums.sum(axis=1) / count, squares.sum(axis=1) / count
    variance = square - mean * mean
    has_spread = variance > CONSTANT * square
    ratio: FloatArray = np.divide(mean, np.sqrt(np.maximum(variance, 0.0)), out=np.zeros_like(mean), where=has_spread)
    return ratio
