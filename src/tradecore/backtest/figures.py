"""The figures a sweep keeps of every parameter set: a few of `stats.metrics` by their own names, as one record.

Full metrics of thousands of candidates would be read by nobody; the best few are measured in full by `measure`.
Invariant: a figure here equals the metric of its name (to 1e-9 where a sum runs in another order); NaN where that is
not defined.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tradecore.core.track import Track
from tradecore.core.types import FloatArray, RecordArray
from tradecore.stats.inference import sharpe_ratio
from tradecore.stats.metrics import METRIC_BY_NAME

FIGURES = np.dtype(
    [
        ("final_equity", "f8"),
        ("total_return", "f8"),
        ("cagr", "f8"),
        ("volatility", "f8"),
        ("sharpe", "f8"),
        ("sortino", "f8"),
        ("max_drawdown", "f8"),
        ("calmar", "f8"),
        ("trades", "i8"),
        ("win_rate", "f8"),
        ("profit_factor", "f8"),
        ("fees", "f8"),
        ("turnover", "f8"),
        ("exposure", "f8"),
        ("time_in_market", "f8"),
        ("is_faulty", "?"),  # the strategy faulted and was quarantined: not to be chosen
    ]
)
NAMES: tuple[str, ...] = tuple(name for name in FIGURES.names or () if name != "is_faulty")
"""Figures that candidates can be ranked by; all are metrics."""


def figures_of(track: Track, is_faulty: bool = False) -> tuple[Any, ...]:
    """Return the figures of a track as one row of `FIGURES`. Errors: DataError as `stats.metrics.measure`."""
    from tradecore.stats.sample import sample_of

    sample = sample_of(track)
    values = (METRIC_BY_NAME[name].f(sample) for name in NAMES)
    return (*(math.nan if value is None else value for value in values), is_faulty)


def daily_sharpes(daily: FloatArray) -> list[float | None]:
    """Return the Sharpe ratio per period of each row of returns (N, D), as the trial ledger wants them."""
    return [sharpe_ratio(row) for row in daily]


def ranked(figures: RecordArray, by: str = "sharpe") -> list[int]:
    """Return the places of all candidates, best first; ties in the order given, undefined and faulty ones last."""
    values = figures[by].astype(np.float64)
    sign = 1.0 if METRIC_BY_NAME[by].better == "lower" else -1.0
    keys = np.where(np.isfinite(values) & ~figures["is_faulty"], sign * values, np.inf)
    return [int(place) for place in np.argsort(keys, kind="stable")]
