"""Metrics of the falls from the running peak of wealth. Called by `stats.metrics` only.

d is the fall from the peak after each bar, a fraction; flows do not count as gains or falls. The start is a peak.
"""

from __future__ import annotations

import math

from tradecore.core.types import DAY_NS
from tradecore.stats.returns import cagr
from tradecore.stats.sample import Sample


def max_drawdown(s: Sample) -> float:
    """Deepest fall from a running peak, both at bar closes.

    Formula: max(d), d = 1 - wealth / running peak
    Source:  Magdon-Ismail & Atiya (2004)
    """
    return s.curve.deepest


def max_drawdown_in_bar(s: Sample) -> float:
    """Deepest fall from a running peak of closes to the worst prices inside a bar.

    Formula: max(1 - wealth * worst / equity / peak before the bar)
    Source:  own; the bar's low for longs, its high for shorts, all pairs at once
    """
    return max(1.0 - s.curve.least_in_bar, max_drawdown(s))


def current_drawdown(s: Sample) -> float:
    """Distance from the peak at the end.

    Formula: d at the last bar
    Source:  definition
    """
    return s.curve.depth


def average_drawdown(s: Sample) -> float:
    """Mean depth over all bars (pain index).

    Formula: mean(d)
    Source:  Becker (2006), pain index
    """
    return s.curve.sum_depth / s.bars


def drawdown_at_risk_95(s: Sample) -> float:
    """Depth that is exceeded in one bar of twenty.

    Formula: q95(d)
    Source:  Chekhlov, Uryasev & Zabarankin (2005)
    """
    return s.depth_95


def longest_drawdown(s: Sample) -> float:
    """Longest time from a peak until wealth was back at it, or to the end, in days.

    Formula: max(time of recovery - time of peak)
    Source:  Magdon-Ismail & Atiya (2004)
    """
    return s.curve.longest / DAY_NS


def time_under_water(s: Sample) -> float:
    """Share of bars that closed below an earlier peak.

    Formula: count(d > 0) / T
    Source:  definition
    """
    return s.curve.below / s.bars


def ulcer_index(s: Sample) -> float:
    """Root mean square of the depth: long and deep falls weigh most.

    Formula: sqrt(mean(d^2))
    Source:  Martin & McCann (1989)
    """
    return math.sqrt(s.curve.sum_square_depth / s.bars)


def calmar(s: Sample) -> float | None:
    """Growth per year for one unit of the deepest fall; not given without a fall.

    Formula: CAGR / max drawdown
    Source:  Young (1991), over the whole span
    """
    return _per(cagr(s), max_drawdown(s))


def martin_ratio(s: Sample) -> float | None:
    """Growth per year for one unit of ulcer index.

    Formula: CAGR / ulcer index
    Source:  Martin & McCann (1989), ulcer performance index
    """
    return _per(cagr(s), ulcer_index(s))


def recovery_factor(s: Sample) -> float | None:
    """Total return for one unit of the deepest fall.

    Formula: (W - 1) / max drawdown
    Source:  convention
    """
    return _per(s.wealth - 1.0, max_drawdown(s))


def _per(above: float | None, below: float) -> float | None:
    return None if above is None or below <= 0 else above / below
