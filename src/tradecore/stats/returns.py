"""Metrics of the daily returns: how much, how steadily, how badly on the bad days. Called by `stats.metrics` only.

Each function takes a `Sample` and returns a number, or None where the figure is not defined for this track.
Its docstring is the reference: first paragraph the meaning, then `Formula` and `Source`. r is a daily UTC return,
D the number of days, W the final wealth of one unit, Y the span in years.
"""

from __future__ import annotations

import math

import numpy as np

from tradecore.core.types import FloatArray
from tradecore.stats.inference import probabilistic_sharpe, sharpe_error
from tradecore.stats.sample import Sample

MIN_YEARS_TO_ANNUALISE = 30 / 365


def total_return(s: Sample) -> float:
    """Growth of one unit over the whole span, after all costs, cash flows removed.

    Formula: W - 1
    Source:  GIPS, time-weighted linking
    """
    return s.wealth - 1.0


def cagr(s: Sample) -> float | None:
    """Compound growth per year; not given for spans under 30 days, where a power of the return says nothing.

    Formula: W^(1/Y) - 1
    Source:  GIPS
    """
    wealth = s.wealth
    if s.years < MIN_YEARS_TO_ANNUALISE or wealth <= 0:
        return None
    return math.expm1(min(math.log(wealth) / s.years, 700.0))


def log_growth(s: Sample) -> float | None:
    """Logarithmic growth rate per year, the quantity a Kelly investor maximises; not given for spans under 30 days.

    Formula: ln(W) / Y
    Source:  Kelly (1956)
    """
    wealth = s.wealth
    if s.years < MIN_YEARS_TO_ANNUALISE or wealth <= 0:
        return None
    return math.log(wealth) / s.years


def volatility(s: Sample) -> float | None:
    """Annualised standard deviation of the daily returns.

    Formula: std(r, ddof=1) * sqrt(365)
    Source:  Markowitz (1952)
    """
    return _deviation(s.returns) * math.sqrt(s.periods.per_year) if len(s.returns) > 1 else None


def downside_deviation(s: Sample) -> float:
    """Annualised deviation of the losing days alone, all days in the denominator.

    Formula: sqrt(mean(min(r, 0)^2)) * sqrt(365)
    Source:  Sortino & Price (1994)
    """
    return math.sqrt(float(np.mean(np.minimum(s.returns, 0.0) ** 2)) * s.periods.per_year)


def sharpe(s: Sample) -> float | None:
    """Annualised mean return per unit of volatility, from daily UTC returns, cash earning nothing.

    Formula: mean(r) / std(r, ddof=1) * sqrt(365)
    Source:  Sharpe (1994)
    """
    return None if s.shape is None else s.shape.sharpe * math.sqrt(s.periods.per_year)


def sharpe_standard_error(s: Sample) -> float | None:
    """Standard error of the annualised Sharpe ratio, skewness and fat tails included.

    Formula: sqrt((1 - skew*SR + (kurt-1)/4*SR^2) / (D-1)) * sqrt(365), SR daily
    Source:  Mertens (2002); Bailey & Lopez de Prado (2012), eq. 4
    """
    return None if s.shape is None else sharpe_error(s.shape) * math.sqrt(s.periods.per_year)


def probabilistic_sharpe_ratio(s: Sample) -> float | None:
    """Probability that the true Sharpe ratio is above zero, one trial assumed.

    Formula: Phi(SR / standard error)
    Source:  Bailey & Lopez de Prado (2012), eq. 11
    """
    return None if s.shape is None else probabilistic_sharpe(s.shape)


def sortino(s: Sample) -> float | None:
    """Annualised mean return per unit of downside deviation; not given when no day lost.

    Formula: mean(r) * 365 / downside deviation
    Source:  Sortino & Price (1994)
    """
    return _ratio(float(s.returns.mean()) * s.periods.per_year, downside_deviation(s))


def omega(s: Sample) -> float | None:
    """Sum of the daily gains over the sum of the daily losses; not given when no day lost.

    Formula: sum(max(r, 0)) / sum(max(-r, 0))
    Source:  Keating & Shadwick (2002), threshold 0
    """
    return _ratio(float(np.maximum(s.returns, 0.0).sum()), float(np.maximum(-s.returns, 0.0).sum()))


def gain_to_pain(s: Sample) -> float | None:
    """Sum of all monthly returns over the sum of the losing months; not given when no month lost.

    Formula: sum(m) / |sum(min(m, 0))|, m monthly returns
    Source:  Schwager (2012)
    """
    return _ratio(float(s.months.sum()), float(-np.minimum(s.months, 0.0).sum()))


def tail_ratio(s: Sample) -> float | None:
    """Size of the good tail against the bad one: above 1, the best days are larger than the worst.

    Formula: |q95(r)| / |q05(r)|
    Source:  convention (pyfolio)
    """
    return _ratio(abs(_quantile(s.ordered, 0.95)), abs(_quantile(s.ordered, 0.05)))


def value_at_risk_95(s: Sample) -> float:
    """Daily loss that is exceeded on one day in twenty; negative when even that day gains.

    Formula: -q05(r)
    Source:  Jorion (2006), historical simulation
    """
    return -_quantile(s.ordered, 0.05)


def cvar_95(s: Sample) -> float:
    """Mean loss of the worst twentieth of the days (expected shortfall).

    Formula: -mean of the ceil(D / 20) smallest r
    Source:  Rockafellar & Uryasev (2000), historical
    """
    return -float(s.ordered[: -(-len(s.ordered) // 20)].mean())


def skewness(s: Sample) -> float | None:
    """Asymmetry of the daily returns: negative means rare large losses.

    Formula: mean((r - mean)^3) / std(r, ddof=0)^3
    Source:  Pearson; Joanes & Gill (1998), g1
    """
    return None if s.shape is None else s.shape.skewness


def kurtosis(s: Sample) -> float | None:
    """Weight of the tails of the daily returns; a normal distribution has 3.

    Formula: mean((r - mean)^4) / std(r, ddof=0)^4
    Source:  Pearson; Joanes & Gill (1998), g2 + 3
    """
    return None if s.shape is None else s.shape.kurtosis


def autocorrelation(s: Sample) -> float | None:
    """Correlation of a day's return with the day before; a high value means the Sharpe ratio flatters.

    Formula: sum((r_t - mean)(r_{t-1} - mean)) / sum((r_t - mean)^2)
    Source:  Lo (2002)
    """
    centred = s.returns - s.returns.mean()
    return _ratio(float(centred[1:] @ centred[:-1]), float(centred @ centred)) if s.shape is not None else None


def mean_day(s: Sample) -> float:
    """Mean daily return.

    Formula: mean(r)
    Source:  arithmetic
    """
    return float(s.returns.mean())


def best_day(s: Sample) -> float:
    """Largest daily return.

    Formula: max(r)
    Source:  order statistic
    """
    return float(s.ordered[-1])


def worst_day(s: Sample) -> float:
    """Smallest daily return.

    Formula: min(r)
    Source:  order statistic
    """
    return float(s.ordered[0])


def positive_days(s: Sample) -> float:
    """Share of days that gained; days without any change count as not gained.

    Formula: count(r > 0) / D
    Source:  count
    """
    return float(np.count_nonzero(s.returns > 0) / len(s.returns))


def best_month(s: Sample) -> float:
    """Largest return of a UTC calendar month, partial months included.

    Formula: max(m)
    Source:  order statistic
    """
    return float(s.months.max())


def worst_month(s: Sample) -> float:
    """Smallest return of a UTC calendar month, partial months included.

    Formula: min(m)
    Source:  order statistic
    """
    return float(s.months.min())


def positive_months(s: Sample) -> float:
    """Share of UTC calendar months that gained.

    Formula: count(m > 0) / count(m)
    Source:  count
    """
    return float(np.count_nonzero(s.months > 0) / len(s.months))


def return_without_best_days(s: Sample) -> float | None:
    """Total return with the five best days taken out: what is left when luck had a bad week.

    Formula: prod(1 + r without its 5 largest) - 1
    Source:  convention; see Estrada (2008) on outlier days
    """
    if len(s.returns) <= 5:
        return None
    return float(np.prod(1.0 + s.ordered[:-5])) - 1.0


def stability(s: Sample) -> float | None:
    """How straight the log wealth runs: 1 is a ruled line, whatever its direction.

    Formula: R^2 of ln(wealth) on time, daily
    Source:  convention (pyfolio)
    """
    wealth = np.cumprod(1.0 + s.returns)
    if len(wealth) < 3 or wealth.min() <= 0:
        return None
    day = np.arange(len(wealth)) - (len(wealth) - 1) / 2
    height = np.log(wealth)
    height -= height.mean()
    explained = _ratio(float(day @ height) ** 2, float(day @ day) * float(height @ height))
    return None if explained is None else min(explained, 1.0)


def kelly_leverage(s: Sample) -> float | None:
    """Leverage on this very record that would have grown fastest; an upper bound never to be used as it stands.

    Formula: mean(r) / var(r, ddof=1)
    Source:  Thorp (2006), continuous approximation
    """
    return _ratio(float(s.returns.mean()), _deviation(s.returns) ** 2) if s.shape is not None else None


def _deviation(values: FloatArray) -> float:
    return float(values.std(ddof=1)) if len(values) > 1 else 0.0


def _quantile(ordered: FloatArray, share: float) -> float:
    """Return a quantile of sorted values, linear between neighbours (type 7 of Hyndman & Fan 1996, as numpy does)."""
    place = share * (len(ordered) - 1)
    below = int(place)
    low, high = float(ordered[below]), float(ordered[min(below + 1, len(ordered) - 1)])
    part = place - below
    return high - (high - low) * (1.0 - part) if part >= 0.5 else low + (high - low) * part


def _ratio(above: float, below: float) -> float | None:
    return above / below if below > 0 else None
