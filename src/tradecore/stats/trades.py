"""Metrics of the closed round trips, straight from the ledger: the plain truths. Called by `stats.metrics` only.

A position still open is no trade yet and shows in the equity alone. n is the net result of a trade in quote: gross
less entry fee and exit fee, each once; N the number of trades. A trade that nets exactly 0 neither won nor lost.
"""

from __future__ import annotations

import math

import numpy as np

from tradecore.core.types import BoolArray, FloatArray
from tradecore.stats.sample import Sample

HOUR_NS = 3_600_000_000_000


def trades(s: Sample) -> int:
    """Round trips that ended.

    Formula: N
    Source:  ledger
    """
    return len(s.net)


def long_trades(s: Sample) -> int:
    """Round trips that began with a purchase.

    Formula: count(side > 0)
    Source:  ledger
    """
    return int(np.count_nonzero(s.track.trades["side"] > 0))


def short_trades(s: Sample) -> int:
    """Round trips that began with a sale.

    Formula: count(side < 0)
    Source:  ledger
    """
    return int(np.count_nonzero(s.track.trades["side"] < 0))


def winning_trades(s: Sample) -> int:
    """Trades that gained after fees.

    Formula: count(n > 0)
    Source:  ledger
    """
    return int(np.count_nonzero(s.net > 0))


def losing_trades(s: Sample) -> int:
    """Trades that lost after fees.

    Formula: count(n < 0)
    Source:  ledger
    """
    return int(np.count_nonzero(s.net < 0))


def win_rate(s: Sample) -> float | None:
    """Share of trades that gained after fees.

    Formula: count(n > 0) / N
    Source:  ledger
    """
    return winning_trades(s) / len(s.net) if len(s.net) else None


def profit_factor(s: Sample) -> float | None:
    """Quote won for each unit lost; not given when no trade lost.

    Formula: sum(max(n, 0)) / sum(max(-n, 0))
    Source:  Schwager (1984)
    """
    lost = float(np.maximum(-s.net, 0.0).sum())
    return float(np.maximum(s.net, 0.0).sum()) / lost if lost > 0 else None


def expectancy(s: Sample) -> float | None:
    """Mean result of a trade.

    Formula: mean(n)
    Source:  Tharp (1998)
    """
    return _mean(s.net)


def expectancy_return(s: Sample) -> float | None:
    """Mean result of a trade as a fraction of what it bought or sold at entry.

    Formula: mean(n / (quantity * entry price))
    Source:  Tharp (1998)
    """
    return _mean(_trade_returns(s))


def average_win(s: Sample) -> float | None:
    """Mean result of the winning trades.

    Formula: mean(n | n > 0)
    Source:  ledger
    """
    return _mean(s.net[s.net > 0])


def average_loss(s: Sample) -> float | None:
    """Mean result of the losing trades, a negative number.

    Formula: mean(n | n < 0)
    Source:  ledger
    """
    return _mean(s.net[s.net < 0])


def payoff_ratio(s: Sample) -> float | None:
    """Size of the average win against the average loss.

    Formula: mean(n | n > 0) / |mean(n | n < 0)|
    Source:  convention
    """
    win, loss = average_win(s), average_loss(s)
    return None if win is None or loss is None else win / -loss


def largest_win(s: Sample) -> float | None:
    """Best single trade; not given when no trade won.

    Formula: max(n | n > 0)
    Source:  ledger
    """
    return float(s.net.max()) if winning_trades(s) else None


def largest_loss(s: Sample) -> float | None:
    """Worst single trade, a negative number; not given when no trade lost.

    Formula: min(n | n < 0)
    Source:  ledger
    """
    return float(s.net.min()) if losing_trades(s) else None


def winning_streak(s: Sample) -> int:
    """Most wins in a row, by time of exit.

    Formula: longest run of n > 0
    Source:  ledger
    """
    return longest_run(s.net > 0)


def losing_streak(s: Sample) -> int:
    """Most losses in a row, by time of exit.

    Formula: longest run of n < 0
    Source:  ledger
    """
    return longest_run(s.net < 0)


def top_trade_share(s: Sample) -> float | None:
    """Share of all winnings that came from the best single trade: near 1, one trade made the result.

    Formula: max(n) / sum(max(n, 0))
    Source:  own
    """
    return float(s.net.max() / np.maximum(s.net, 0.0).sum()) if winning_trades(s) else None


def trade_quality(s: Sample) -> float | None:
    """Mean result of a trade in units of its uncertainty (system quality number, capped at 100 trades).

    Formula: sqrt(min(N, 100)) * mean(n) / std(n, ddof=1)
    Source:  Tharp (2008)
    """
    if len(s.net) < 2:
        return None
    deviation = float(s.net.std(ddof=1))
    if deviation <= 1e-12 * abs(float(s.net.mean())):
        return None
    return math.sqrt(min(len(s.net), 100)) * float(s.net.mean()) / deviation


def mean_holding(s: Sample) -> float | None:
    """Mean time from first entry to last exit, in hours.

    Formula: mean(exit time - entry time)
    Source:  ledger
    """
    return _mean(_holding(s))


def median_holding(s: Sample) -> float | None:
    """Median time from first entry to last exit, in hours.

    Formula: median(exit time - entry time)
    Source:  ledger
    """
    held = _holding(s)
    return float(np.median(held)) if len(held) else None


def mean_best_excursion(s: Sample) -> float | None:
    """How far trades ran in favour at best, as a fraction of the entry price.

    Formula: mean(best excursion)
    Source:  Sweeney (1996), maximum favourable excursion
    """
    return _mean(s.track.trades["best"])


def mean_worst_excursion(s: Sample) -> float | None:
    """How far trades ran against at worst, as a fraction <= 0 of the entry price.

    Formula: mean(worst excursion)
    Source:  Sweeney (1996), maximum adverse excursion
    """
    return _mean(s.track.trades["worst"])


def longest_run(flags: BoolArray) -> int:
    """Return the length of the longest unbroken run of True.

    >>> longest_run(np.array([True, True, False, True]))
    2
    """
    edges = np.diff(np.r_[0, flags.astype(np.int8), 0])
    lengths = np.flatnonzero(edges == -1) - np.flatnonzero(edges == 1)
    return int(lengths.max()) if len(lengths) else 0


def _trade_returns(s: Sample) -> FloatArray:
    rows = s.track.trades
    notional: FloatArray = rows["quantity"] * rows["entry_price"]
    returns: FloatArray = np.divide(rows["net"], notional, out=np.zeros(len(rows)), where=notional > 0)
    return returns


def _holding(s: Sample) -> FloatArray:
    hours: FloatArray = (s.track.trades["exit_time"] - s.track.trades["entry_time"]) / HOUR_NS
    return hours


def _mean(values: FloatArray) -> float | None:
    return float(values.mean()) if len(values) else None
