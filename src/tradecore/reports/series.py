"""The numbers behind the pictures: thinned curves, drawdown, daily and monthly returns, the trades worth showing.

It is not `stats`: nothing here enters a verdict. Charts, the page and the JSON document call it. Invariant: thinning
keeps the first, the last, the lowest and the highest value of every stretch, so that an extreme never disappears.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from tradecore.core.track import Track
from tradecore.core.types import DAY_NS, FloatArray, IntArray, RecordArray

POINTS = 2_000
"""Points of one drawn line at most; beyond that a screen shows no difference."""


def thin(values: FloatArray, points: int = POINTS) -> IntArray:
    """Return the indices to draw, rising, at most `points` of them: each stretch's lowest and highest, and both ends.

    Shape: values (T,) -> (N,) with N <= max(points, 4).
    """
    total = len(values)
    if total <= points:
        return np.arange(total)
    edges = np.linspace(0, total, max(1, (points - 2) // 2) + 1).astype(np.int64)
    picked = [0, total - 1]
    for first, last in pairwise(edges):
        part = values[first:last]
        picked.append(int(first) + int(part.argmin()))
        picked.append(int(first) + int(part.argmax()))
    return np.unique(np.asarray(picked, np.int64))


def account_value(track: Track, start: float | None = None) -> FloatArray:
    """Return the account after each bar with deposits and withdrawals removed, (T,), quote currency.

    It starts at `start`, or at the track's own start; so tracks of different size can be laid over each other.
    """
    return track.curve.wealth() * (track.curve.start_equity if start is None else start)


def drawdown(track: Track) -> FloatArray:
    """Return the fall from the running peak after each bar, (T,), fractions <= 0; the start counts as a peak."""
    wealth = track.curve.wealth()
    return wealth / np.maximum(np.maximum.accumulate(wealth), 1.0) - 1.0


def daily_returns(track: Track) -> FloatArray:
    """Return the return of every UTC day that has a bar, oldest first; of every bar when bars are longer than a day."""
    if track.timeframe.ns >= DAY_NS:
        return track.curve.returns()
    return _period_returns(track, track.curve.time // DAY_NS)[1]


@dataclass(frozen=True, slots=True)
class Monthly:
    """Returns by calendar month, UTC: `months` (years, 12) and `years` (years,), NaN where the track has no bar."""

    first_year: int
    months: FloatArray
    years: FloatArray


def monthly_returns(track: Track) -> Monthly:
    """Return the return of every calendar month and year that the track touches."""
    month = track.curve.time.astype("datetime64[ns]").astype("datetime64[M]").astype(np.int64)
    which, values = _period_returns(track, month)
    first_year, last_year = int(1970 + which[0] // 12), int(1970 + which[-1] // 12)
    table = np.full((last_year - first_year + 1, 12), np.nan)
    table[1970 + which // 12 - first_year, which % 12] = values
    years = np.full(len(table), np.nan)
    which, values = _period_returns(track, month // 12)
    years[1970 + which - first_year] = values
    return Monthly(first_year, table, years)


def biggest(trades: RecordArray, limit: int) -> RecordArray:
    """Return at most `limit` trades, those with the largest result of either sign, in the order in which they ended."""
    if len(trades) <= limit:
        return trades
    order = np.argsort(-np.abs(trades["net"]), kind="stable")[:limit]
    return trades[np.sort(order)]


def trade_returns(trades: RecordArray) -> FloatArray:
    """Return each trade's net result as a fraction of the money that went in, (N,)."""
    paid = np.abs(trades["quantity"] * trades["entry_price"])
    share: FloatArray = np.divide(trades["net"], paid, out=np.zeros(len(trades)), where=paid > 0)
    return share


def _period_returns(track: Track, period: IntArray) -> tuple[IntArray, FloatArray]:
    """Return each period's number and the return over it."""
    wealth = track.curve.wealth()
    last = np.flatnonzero(np.append(np.diff(period) != 0, True))
    ends = wealth[last]
    before = np.concatenate(([1.0], ends[:-1]))
    return period[last], np.divide(ends, before, out=np.ones(len(ends)), where=before > 0) - 1.0
