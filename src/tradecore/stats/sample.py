"""What every metric needs, computed once from a track: sums over curve, trades and fills, daily and monthly returns.

It is not a metric and holds no opinion. Called by `stats.metrics.measure` and by whoever needs daily returns of a
curve. The passes over the bars are compiled (`stats.scan`) and loaded when first used, so that the table of metrics
can be read without them. Invariant: everything here is time-weighted, so a deposit or withdrawal changes no figure
derived from it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import numpy.typing as npt

from tradecore.core.errors import DataError
from tradecore.core.orders import Liquidity
from tradecore.core.track import Curve, Track
from tradecore.core.types import DAY_NS, FloatArray, IntArray, RecordArray, Timeframe, iso
from tradecore.stats.inference import Moments, moments

if TYPE_CHECKING:
    from tradecore.stats.scan import AmountSums, FillSums, TradeSums, WealthSums

_T = TypeVar("_T", bound=np.generic)
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
    """What all metrics read."""

    track: Track
    curve: WealthSums
    amounts: AmountSums
    depth_95: float
    """The fall from the running peak that is exceeded in one bar of twenty."""
    trades: TradeSums
    fills: FillSums
    net: FloatArray
    """Quote per closed trade in the order of exits, (N,)."""
    periods: Periods
    ordered: FloatArray
    """The daily returns, smallest first, (D,)."""
    shape: Moments | None
    """Sharpe ratio, skewness and kurtosis of the daily returns; None where they do not vary."""
    months: FloatArray
    """Compounded returns of the UTC calendar months, (M,), partial months included."""

    @property
    def wealth(self) -> float:
        """Return what one unit became, cash flows removed."""
        return self.curve.wealth

    @property
    def bars(self) -> int:
        """Return the number of bars."""
        return len(self.track.curve)

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
    from tradecore.stats import scan

    curve, timeframe = track.curve, track.timeframe
    if len(curve) == 0:
        raise DataError("track of 0 bars: expected at least one bar to measure; run the session over some bars first")
    begins, borders = _borders(curve, timeframe)
    equity, flow = _frozen(curve.equity), _frozen(curve.flow)
    states = np.empty((len(borders), 7))
    depths = np.zeros((4, scan.DEPTH_BINS), np.int64)
    start_equity, time = float(curve.start_equity), _frozen(curve.time)
    found = scan.scan_wealth(
        time, equity, flow, _frozen(curve.worst), start_equity, timeframe.ns, borders, states, depths
    )
    amounts = scan.scan_amounts(equity, flow, _frozen(curve.exposure), _frozen(curve.is_carried), borders)
    if not _is_finite(found.wealth, amounts.equity, equity):
        raise DataError("equity curve: a value is not finite; expected numbers only. The run that wrote it is broken")
    periods = _periods(begins, states[1:, 0], timeframe)
    rows, fills = _by_exit(track), track.fills
    net = np.ascontiguousarray(rows["net"], np.float64)
    return Sample(
        track=track,
        curve=found,
        amounts=amounts,
        depth_95=_depth_95(equity, flow, borders, states, depths.sum(axis=0)),
        trades=scan.scan_trades(
            *_columns(rows, "net", "side", "quantity", "entry_price", "entry_time", "exit_time", "best", "worst")
        ),
        fills=scan.scan_fills(int(Liquidity.MAKER), *_columns(fills, "fee", "quantity", "price", "liquidity")),
        net=net,
        periods=periods,
        ordered=np.sort(periods.returns),
        shape=moments(periods.returns),
        months=_monthly(periods),
    )


def daily_returns(curve: Curve, timeframe: Timeframe) -> Periods:
    """Return the time-weighted returns of a curve per UTC day (per bar where a bar is a day or longer).

    A day counts when it holds at least one bar, the first and last day also when they are partial. An equity that is
    not finite anywhere makes every return NaN.
    Errors: DataError when the curve has no bars or its times do not rise.
    """
    from tradecore.stats import scan

    if len(curve) == 0:
        raise DataError("curve of 0 bars: expected at least one bar; run the session over some bars first")
    begins, borders = _borders(curve, timeframe)
    equity, ends = _frozen(curve.equity), np.empty(len(begins))
    total = scan.scan_periods(equity, _frozen(curve.flow), float(curve.start_equity), borders, ends)
    if not _is_finite(ends[-1], total, equity):
        ends[:] = math.nan
    return _periods(begins, ends, timeframe)


def _borders(curve: Curve, timeframe: Timeframe) -> tuple[IntArray, IntArray]:
    """Return where each day that holds bars begins, in time and in bars; a bar of a day or longer is its own day.

    Shape:  times (D,), UTC ns; first bars (D + 1,), the number of bars last.
    """
    from tradecore.stats.scan import is_rising

    time, count = curve.time, len(curve)
    if not is_rising(_frozen(time)):
        raise DataError(
            f"curve from {iso(int(time[0]))} to {iso(int(time[-1]))}: bar times do not rise strictly; "
            "expected oldest first without repeats"
        )
    if timeframe.ns >= DAY_NS:
        return time, np.arange(count + 1)
    edges = np.arange(time[0] // DAY_NS, time[-1] // DAY_NS + 2, dtype=np.int64) * DAY_NS
    borders = np.searchsorted(time, edges)
    has_bars = borders[1:] > borders[:-1]
    return edges[:-1][has_bars], np.append(borders[:-1][has_bars], count)


def _periods(begins: IntArray, ends: FloatArray, timeframe: Timeframe) -> Periods:
    return Periods(begins, _ratios(ends), timeframe.per_year if timeframe.ns >= DAY_NS else DAYS_PER_YEAR)


def _ratios(wealth: FloatArray) -> FloatArray:
    """Return the period returns of a wealth series that started at 1; 0 after ruin."""
    before = np.empty(len(wealth), np.float64)
    before[0] = 1.0
    before[1:] = wealth[:-1]
    return np.divide(wealth, before, out=np.ones(len(wealth)), where=~(before <= 0)) - 1.0


def _monthly(periods: Periods) -> FloatArray:
    months = periods.time.astype("datetime64[ns]").astype("datetime64[M]").astype(np.int64)
    starts = np.flatnonzero(np.r_[True, months[1:] != months[:-1]])
    return np.multiply.reduceat(1.0 + periods.returns, starts) - 1.0


def _depth_95(equity: FloatArray, flow: FloatArray, borders: IntArray, states: FloatArray, counts: IntArray) -> float:
    """Return the exact order statistic: the bin that holds it is known, so only its depths are looked at again."""
    from tradecore.stats.scan import depths_of_bin

    bars, up_to = len(equity), np.cumsum(counts)
    rank = min(math.ceil(0.95 * bars), bars - 1) - (bars - int(up_to[-1]))
    if rank < 0:
        return 0.0
    chosen = int(np.searchsorted(up_to, rank, side="right"))
    found = np.empty(int(counts[chosen]))
    count = depths_of_bin(equity, flow, borders, states[:-1], chosen, found)
    assert count == len(found), f"{len(found)} depths were counted and {count} found"
    place = rank - int(up_to[chosen]) + len(found)
    return float(np.partition(found, place)[place])


def _frozen(values: npt.NDArray[_T]) -> npt.NDArray[_T]:
    """Return a read-only view: compiled functions then see one type whoever made the track."""
    view = values.view()
    view.flags.writeable = False
    return view


def _columns(rows: RecordArray, *names: str) -> tuple[npt.NDArray[Any], ...]:
    return tuple(_frozen(rows[name]) for name in names)


def _by_exit(track: Track) -> RecordArray:
    """Return the trades in the order of their exits."""
    exits = track.trades["exit_time"]
    if len(exits) > 1 and bool((exits[1:] < exits[:-1]).any()):
        return track.trades[np.argsort(exits, kind="stable")]
    return track.trades


def _is_finite(wealth: float, sum_equity: float, equity: FloatArray) -> bool:
    """Tell whether every equity is finite; a sum of finite numbers may overflow, so a bad sum alone proves nothing."""
    return math.isfinite(wealth) and (math.isfinite(sum_equity) or bool(np.isfinite(equity).all()))
