"""What every metric needs, computed once from a track: wealth, drawdown, daily returns, per-trade results.

It is not a metric and holds no opinion. Called by `stats.metrics.measure` and by whoever needs daily returns of a
curve. Invariant: everything here is time-weighted, so a deposit or withdrawal changes no figure derived from it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tradecore.core.errors import DataError
from tradecore.core.track import Curve, Track
from tradecore.core.types import DAY_NS, FloatArray, IntArray, Timeframe, iso

YEAR_NS = 365 * DAY_NS
DAYS_PER_YEAR = 365.0
"""Crypto trades every day; 365, not 252, annualises a daily figure."""


@dataclass(frozen=True, slots=True, eq=False)
class Periods:
    """Returns over UTC days, or over bars where a bar is a day or longer.

    Shape: `time` (D,) UTC ns, the start of each day (or bar); `returns` (D,) fractions, time-weighted.
    """

    time: IntArray
    returns: FloatArray
    per_year: float
    """How many such periods a year holds: 365 for days."""


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """The arrays all metrics read.

    Shape: `wealth`, `drawdown` (T,): what one unit became after each bar, flows removed, and its fall from the running
    peak (the start counts as a peak), a fraction >= 0, above 1 only when the account ended in debt. `net` (N,) quote
    per closed trade in the order of exits.
    """

    track: Track
    wealth: FloatArray
    drawdown: FloatArray
    periods: Periods
    net: FloatArray

    @property
    def years(self) -> float:
        """Return the span from the first bar's open to the last bar's close, in years of 365 days."""
        time = self.track.curve.time
        return float(time[-1] - time[0] + self.track.timeframe.ns) / YEAR_NS

    @property
    def returns(self) -> FloatArray:
        """Return the daily returns, (D,)."""
        return self.periods.returns


def sample_of(track: Track) -> Sample:
    """Prepare a track for measuring.

    Errors: DataError when the curve has no bars, its times do not rise, or its equity is not finite.
    """
    curve = track.curve
    if len(curve) == 0:
        raise DataError("track of 0 bars: expected at least one bar to measure; run the session over some bars first")
    wealth = curve.wealth()
    if not np.isfinite(wealth[-1]):
        raise DataError("equity curve: a value is not finite; expected numbers only. The run that wrote it is broken")
    peak = np.maximum.accumulate(wealth)
    np.maximum(peak, 1.0, out=peak)
    drawdown = np.divide(wealth, peak, out=peak)
    np.subtract(1.0, drawdown, out=drawdown)
    net = track.trades["net"]
    exits = track.trades["exit_time"]
    if len(exits) > 1 and np.any(np.diff(exits) < 0):
        net = net[np.argsort(exits, kind="stable")]
    net = np.ascontiguousarray(net, np.float64)
    return Sample(track, wealth, drawdown, _periods(curve, wealth, track.timeframe), net)


def daily_returns(curve: Curve, timeframe: Timeframe) -> Periods:
    """Return the time-weighted returns of a curve per UTC day (per bar where a bar is a day or longer).

    A day counts when it holds at least one bar, the first and last day also when they are partial.
    Errors: DataError when the curve has no bars or its times do not rise.
    """
    if len(curve) == 0:
        raise DataError("curve of 0 bars: expected at least one bar; run the session over some bars first")
    return _periods(curve, curve.wealth(), timeframe)


def _periods(curve: Curve, wealth: FloatArray, timeframe: Timeframe) -> Periods:
    time = curve.time
    if len(time) > 1 and (time[-1] <= time[0] or np.any(time[1:] <= time[:-1])):
        raise DataError(
            f"curve from {iso(int(time[0]))} to {iso(int(time[-1]))}: bar times do not rise strictly; "
            "expected oldest first without repeats"
        )
    if timeframe.ns >= DAY_NS:
        return Periods(time, _ratios(wealth), timeframe.per_year)
    edges = np.arange(time[0] // DAY_NS, time[-1] // DAY_NS + 2, dtype=np.int64) * DAY_NS
    ends = np.searchsorted(time, edges)
    has_bars = ends[1:] > ends[:-1]
    return Periods(edges[:-1][has_bars], _ratios(wealth[ends[1:][has_bars] - 1]), DAYS_PER_YEAR)


def _ratios(wealth: FloatArray) -> FloatArray:
    """Return the period returns of a wealth series that started at 1; 0 after ruin."""
    before = np.empty(len(wealth), np.float64)
    before[0] = 1.0
    before[1:] = wealth[:-1]
    return np.divide(wealth, before, out=np.ones(len(wealth)), where=before > 0) - 1.0
