"""Metrics of the falls from the running peak of wealth. Called by `stats.metrics` only.

d is the fall from the peak after each bar, a fraction; flows do not count as gains or falls. The start is a peak.
"""

from __future__ import annotations

import math

import numpy as np

from tradecore.core.types import DAY_NS
from tradecore.stats.returns import cagr
from tradecore.stats.sample import Sample


def max_drawdown(s: Sample) -> float:
    """Deepest fall from a running peak, both at bar closes.

    Formula: max(d), d = 1 - wealth / running peak
    Source:  Magdon-Ismail & Atiya (2004)
    """
    return float(s.drawdown.max())


def max_drawdown_in_bar(s: Sample) -> float:
    """Deepest fall from a running peak of closes to the worst prices inside a bar.

    Formula: max(1 - wealth * worst / equity / peak before the bar)
    Source:  own; the bar's low for longs, its high for shorts, all pairs at once
    """
    curve = s.track.curve
    depth = np.divide(curve.worst, curve.equity, out=np.ones(len(curve)), where=curve.equity > 0)
    depth *= s.wealth
    peak = np.empty_like(s.wealth)
    peak[0] = 1.0
    np.maximum.accumulate(s.wealth[:-1], out=peak[1:])
    np.maximum(peak, 1.0, out=peak)
    np.divide(depth, peak, out=depth)
    return max(1.0 - float(depth.min()), max_drawdown(s))


def current_drawdown(s: Sample) -> float:
    """Distance from the peak at the end.

    Formula: d at the last bar
    Source:  definition
    """
    return float(s.drawdown[-1])


def average_drawdown(s: Sample) -> float:
    """Mean depth over all bars (pain index).

    Formula: mean(d)
    Source:  Becker (2006), pain index
    """
    return float(s.drawdown.mean())


def drawdown_at_risk_95(s: Sample) -> float:
    """Depth that is exceeded in one bar of twenty.

    Formula: q95(d)
    Source:  Chekhlov, Uryasev & Zabarankin (2005)
    """
    depth = s.drawdown
    rank = min(math.ceil(0.95 * len(depth)), len(depth) - 1)
    return float(np.partition(depth, rank)[rank])


def longest_drawdown(s: Sample) -> float:
    """Longest time from a peak until wealth was back at it, or to the end, in days.

    Formula: max(time of recovery - time of peak)
    Source:  Magdon-Ismail & Atiya (2004)
    """
    below = s.drawdown > 0.0
    flips = np.flatnonzero(below[1:] != below[:-1]) + 1
    edges = np.r_[0 if below[0] else [], flips, len(below) if below[-1] else []].astype(np.int64)
    if len(edges) == 0:
        return 0.0
    time = s.track.curve.time
    close = np.append(time, time[-1] + s.track.timeframe.ns)
    return float((close[edges[1::2]] - close[edges[::2]]).max()) / DAY_NS


def time_under_water(s: Sample) -> float:
    """Share of bars that closed below an earlier peak.

    Formula: count(d > 0) / T
    Source:  definition
    """
    return float(np.count_nonzero(s.drawdown > 0.0) / len(s.drawdown))


def ulcer_index(s: Sample) -> float:
    """Root mean square of the depth: long and deep falls weigh most.

    Formula: sqrt(mean(d^2))
    Source:  Martin & McCann (1989)
    """
    return math.sqrt(float(s.drawdown @ s.drawdown) / len(s.drawdown))


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
    return _per(float(s.wealth[-1]) - 1.0, max_drawdown(s))


def _per(above: float | None, below: float) -> float | None:
    return None if above is None or below <= 0 else above / below
