"""In which markets a record was earned: days labelled by what was known the evening before, and a table by label.

The label of a day is the market's trailing volatility, against the volatilities before it, and the sign of its
trailing trend. It is no feature and decides nothing; it shows where a result comes from. Called by the evaluation.
Invariant: the label of a day uses closes before that day alone, so cutting later bars changes no label.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from tradecore.core.bars import Bars
from tradecore.core.errors import ConfigError, DataError
from tradecore.core.types import DAY_NS, BoolArray, FloatArray, IntArray
from tradecore.stats.bootstrap import DEFAULT, MIN_PERIODS, Bootstrap, block_length, resampled_moments
from tradecore.stats.inference import sharpe_ratio
from tradecore.stats.sample import DAYS_PER_YEAR

NAMES = (
    "calm, falling", "calm, rising", "usual, falling", "usual, rising", "wild, falling", "wild, rising",
)  # fmt: skip
"""By label 0 to 5: volatility tercile times two, plus one when the trend is not negative."""
UNKNOWN = -1
"""The label of a day with too little history before it."""


@dataclass(frozen=True, slots=True)
class Regimes:
    """How days are labelled."""

    volatility_days: int = 30
    """Days of the trailing volatility, 5 or more. A month: long enough to estimate, short enough to follow."""
    trend_days: int = 60
    """Days of the trailing trend, 5 or more."""
    history_days: int = 60
    """Earlier volatilities needed before a tercile says something, 10 or more."""

    def __post_init__(self) -> None:
        if self.volatility_days < 5 or self.trend_days < 5 or self.history_days < 10:
            raise ConfigError(
                f"regimes volatility_days={self.volatility_days} trend_days={self.trend_days} "
                f"history_days={self.history_days}: expected at least 5, 5 and 10 days"
            )


@dataclass(frozen=True, slots=True)
class RegimeRow:
    """What a record did on the days of one regime."""

    label: int
    name: str
    days: int
    share: float
    """Of all labelled days, a fraction."""
    mean: float | None
    """Mean daily return."""
    sharpe: float | None
    """Annualised."""
    total_return: float | None
    loss_probability: float | None
    """Bootstrap probability that these days lose money; None for fewer than 10 of them."""


def basket(bars: Sequence[Bars]) -> tuple[IntArray, FloatArray]:
    """Return the days, (D,) UTC ns, on which any pair has bars and the equal-weight return of the pairs, (D,).

    A pair counts on a day when it has a close on that day and one before; the first day returns 0.
    Errors: DataError for no bars at all.
    """
    closes = [_daily_closes(one) for one in bars if len(one.open_time)]
    if not closes:
        raise DataError("no bars to label: expected at least one pair with bars")
    days = np.unique(np.concatenate([time for time, _ in closes]))
    total, count = np.zeros(len(days)), np.zeros(len(days))
    for time, close in closes:
        place = np.searchsorted(days, time[1:])
        total[place] += close[1:] / close[:-1] - 1.0
        count[place] += 1.0
    return days, np.divide(total, count, out=np.zeros(len(days)), where=count > 0)


def label_days(returns: FloatArray, settings: Regimes = Regimes()) -> IntArray:
    """Return the label of each day, (D,), from the market's returns of the days before it; -1 where unknown.

    Shape:  returns (D,) of the market (a pair or `basket`), oldest first, all finite.
    Errors: DataError when a return is not finite or at -1 or below.
    Source: own; terciles of trailing volatility over an expanding past.
    """
    if not (np.isfinite(returns).all() and (returns > -1.0).all()):
        raise DataError("market returns: expected finite values above -1; the bars they come from are broken")
    days = len(returns)
    labels = np.full(days, UNKNOWN, np.int64)
    window = settings.volatility_days
    first = max(window + settings.history_days, settings.trend_days)
    if days <= first:
        return labels
    volatility = np.lib.stride_tricks.sliding_window_view(returns, window).std(axis=1)
    growth = np.r_[0.0, np.cumsum(np.log1p(returns))]
    seen = np.sort(volatility[: first - window])
    for day in range(first, days):
        now = volatility[day - window]
        seen = np.insert(seen, np.searchsorted(seen, now), now)
        # The place among all volatilities up to the evening before; ties count half.
        below, up_to = np.searchsorted(seen, now, "left"), np.searchsorted(seen, now, "right")
        tercile = min(int(3.0 * (below + up_to) / (2.0 * len(seen))), 2)
        labels[day] = 2 * tercile + int(growth[day] >= growth[day - settings.trend_days])
    return labels


def regime_table(
    returns: FloatArray, labels: IntArray, rng: np.random.Generator, bootstrap: Bootstrap = DEFAULT
) -> tuple[RegimeRow, ...]:
    """Return what a record did in each regime, one row for each of the six, also for one that never came.

    The whole history is resampled in blocks and the days of a regime are picked out of it, so that runs stay together.
    Shape:  returns and labels (D,), the same days.
    Errors: DataError when the lengths differ or a return is not finite.
    """
    if returns.shape != labels.shape or not np.isfinite(returns).all():
        raise DataError(
            f"{len(returns)} returns and {len(labels)} labels: expected the same days and finite returns; "
            "pick the labels of the days of the record first"
        )
    known = int((labels >= 0).sum())
    members = labels[:, np.newaxis] == np.arange(len(NAMES))
    losses = _losses(returns, members, rng, bootstrap) if known and len(returns) >= MIN_PERIODS else None
    rows = []
    for label, name in enumerate(NAMES):
        chosen = returns[members[:, label]]
        ratio = sharpe_ratio(chosen)
        has_days, is_enough = len(chosen) > 0, len(chosen) >= MIN_PERIODS
        rows.append(
            RegimeRow(
                label,
                name,
                len(chosen),
                len(chosen) / known if known else 0.0,
                float(chosen.mean()) if has_days else None,
                None if ratio is None else ratio * math.sqrt(DAYS_PER_YEAR),
                float(np.prod(1.0 + chosen)) - 1.0 if has_days else None,
                float(losses[label]) if is_enough and losses is not None else None,
            )
        )
    return tuple(rows)


def _losses(
    returns: FloatArray, members: BoolArray, rng: np.random.Generator,
    bootstrap: Bootstrap,
) -> FloatArray:  # fmt: skip
    """Return how often the days of each regime lose in a resampled history, among those that hold such days."""
    growth = np.log(np.maximum(1.0 + returns, 1e-12))
    gains = np.where(members.T, growth, 0.0)
    block = bootstrap.block or block_length(returns)[0 if bootstrap.method == "stationary" else 1]
    rows = np.concatenate((gains, members.T.astype(np.float64)))
    means, _, _ = resampled_moments(rows, rng, replace(bootstrap, block=block))
    mean_gain, share = means[: len(gains)], means[len(gains) :]
    has_days = share > 0.0
    lost, held = (has_days & (mean_gain < 0.0)).sum(axis=1), has_days.sum(axis=1)
    losses: FloatArray = np.divide(lost, held, out=np.zeros(len(lost)), where=held > 0)
    return losses


def _daily_closes(bars: Bars) -> tuple[IntArray, FloatArray]:
    """Return the days that hold bars and the last close of each."""
    day = bars.open_time // DAY_NS
    last = np.r_[day[1:] != day[:-1], True]
    return day[last] * DAY_NS, bars.close[last]
