"""Metrics of the closed round trips, straight from the ledger: the plain truths. Called by `stats.metrics` only.

A position still open is no trade yet and shows in the equity alone. n is the net result of a trade in quote: gross
less entry fee and exit fee, each once; N the number of trades. A trade that nets exactly 0 neither won nor lost.
"""

from __future__ import annotations

import math

import numpy as np

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
    return s.trades.longs


def short_trades(s: Sample) -> int:
    """Round trips that began with a sale.

    Formula: count(side < 0)
    Source:  ledger
    """
    return s.trades.shorts


def winning_trades(s: Sample) -> int:
    """Trades that gained after fees.

    Formula: count(n > 0)
    Source:  ledger
    """
    return s.trades.wins


def losing_trades(s: Sample) -> int:
    """Trades that lost after fees.

    Formula: count(n < 0)
    Source:  ledger
    """
    return s.trades.losses


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
    return s.trades.won / -s.trades.lost if s.trades.lost < 0 else None


def expectancy(s: Sample) -> float | None:
    """Mean result of a trade.

    Formula: mean(n)
    Source:  Tharp (1998)
    """
    return float(s.net.mean()) if len(s.net) else None


def expectancy_return(s: Sample) -> float | None:
    """Mean result of a trade as a fraction of what it bought or sold at entry.

    Formula: mean(n / (quantity * entry price))
    Source:  Tharp (1998)
    """
    return _per_trade(s, s.trades.returns)


def average_win(s: Sample) -> float | None:
    """Mean result of the winning trades.

    Formula: mean(n | n > 0)
    Source:  ledger
    """
    return s.trades.won / s.trades.wins if s.trades.wins else None


def average_loss(s: Sample) -> float | None:
    """Mean result of the losing trades, a negative number.

    Formula: mean(n | n < 0)
    Source:  ledger
    """
    return s.trades.lost / s.trades.losses if s.trades.losses else None


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
    return s.trades.largest if s.trades.wins else None


def largest_loss(s: Sample) -> float | None:
    """Worst single trade, a negative number; not given when no trade lost.

    Formula: min(n | n < 0)
    Source:  ledger
    """
    return s.trades.smallest if s.trades.losses else None


def winning_streak(s: Sample) -> int:
    """Most wins in a row, by time of exit.

    Formula: longest run of n > 0
    Source:  ledger
    """
    return s.trades.winning_streak


def losing_streak(s: Sample) -> int:
    """Most losses in a row, by time of exit.

    Formula: longest run of n < 0
    Source:  ledger
    """
    return s.trades.losing_streak


def top_trade_share(s: Sample) -> float | None:
    """Share of all winnings that came from the best single trade: near 1, one trade made the result.

    Formula: max(n) / sum(max(n, 0))
    Source:  own
    """
    return s.trades.largest / s.trades.won if s.trades.wins else None


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
    return _per_trade(s, s.trades.hours)


def median_holding(s: Sample) -> float | None:
    """Median time from first entry to last exit, in hours.

    Formula: median(exit time - entry time)
    Source:  ledger
    """
    count = len(s.net)
    if not count:
        return None
    held = s.track.trades["exit_time"] - s.track.trades["entry_time"]
    middle = np.partition(held, (count - 1) // 2 if count % 2 else (count // 2 - 1, count // 2))
    low, high = float(middle[(count - 1) // 2]) / HOUR_NS, float(middle[count // 2]) / HOUR_NS
    return (low + high) / 2.0


def mean_best_excursion(s: Sample) -> float | None:
    """How far trades ran in favour at best, as a fraction of the entry price.

    Formula: mean(best excursion)
    Source:  Sweeney (1996), maximum favourable excursion
    """
    return _per_trade(s, s.trades.best)


def mean_worst_excursion(s: Sample) -> float | None:
    """How far trades ran against at worst, as a fraction <= 0 of the entry price.

    Formula: mean(worst excursion)
    Source:  Sweeney (1996), maximum adverse excursion
    """
    return _per_trade(s, s.trades.worst)


def _per_trade(s: Sample, total: float) -> float | None:
    return total / len(s.net) if len(s.net) else None
