"""Metrics of the money and of the work done for it: results in quote, fees, turnover, exposure, orders.

Called by `stats.metrics` only. Slippage is not here: it is inside the fill prices, and the cost sensitivity of a
backtest shows what it takes.
"""

from __future__ import annotations

import numpy as np

from tradecore.stats.sample import Sample


def final_equity(s: Sample) -> float:
    """Account value after the last bar, marked at its close.

    Formula: equity at T
    Source:  ledger
    """
    return float(s.track.curve.equity[-1])


def net_profit(s: Sample) -> float:
    """What the account gained after all costs; deposits and withdrawals are no gain.

    Formula: final equity - start equity - sum(flow)
    Source:  ledger
    """
    curve = s.track.curve
    return float(curve.equity[-1]) - curve.start_equity - s.amounts.flow


def gross_profit(s: Sample) -> float:
    """What the account would have gained at the same prices without fees.

    Formula: net profit + fees
    Source:  ledger
    """
    return net_profit(s) + fees(s)


def realised(s: Sample) -> float:
    """Profit of everything that was closed, after fees.

    Formula: ledger
    Source:  ledger
    """
    return float(s.track.realised)


def unrealised(s: Sample) -> float:
    """Profit of what is still open at the last mark.

    Formula: ledger
    Source:  ledger
    """
    return float(s.track.unrealised)


def net_flow(s: Sample) -> float:
    """Money that came in after the start, less money that went out.

    Formula: sum(flow)
    Source:  ledger
    """
    return s.amounts.flow


def fees(s: Sample) -> float:
    """All fees paid, entries and exits, each once.

    Formula: sum(fee)
    Source:  ledger
    """
    return s.fills.fees


def cost_share(s: Sample) -> float | None:
    """Share of the profit before fees that went to fees: above 1, fees ate it all; not given without such a profit.

    Formula: fees / (net profit + fees)
    Source:  convention
    """
    gross = gross_profit(s)
    return fees(s) / gross if gross > 0 else None


def fee_drag(s: Sample) -> float | None:
    """Fees per year as a fraction of the mean equity.

    Formula: fees / mean(equity) / Y
    Source:  convention
    """
    return _per_year(s, fees(s))


def traded_notional(s: Sample) -> float:
    """Quote value of everything bought and sold.

    Formula: sum(quantity * price)
    Source:  ledger
    """
    return s.fills.notional


def turnover(s: Sample) -> float | None:
    """How often per year the account was traded, buys and sells both counted.

    Formula: traded notional / mean(equity) / Y
    Source:  convention, two-sided
    """
    return _per_year(s, traded_notional(s))


def break_even_cost(s: Sample) -> float | None:
    """Fee per traded notional that leaves no profit, in basis points; negative when even free trading loses.

    Formula: (net profit + fees) / traded notional * 10,000
    Source:  convention
    """
    notional = traded_notional(s)
    return gross_profit(s) / notional * 1e4 if notional > 0 else None


def exposure(s: Sample) -> float:
    """Mean gross position value as a share of equity, over all bars.

    Formula: mean(exposure)
    Source:  convention
    """
    return s.amounts.exposure / s.bars


def max_exposure(s: Sample) -> float:
    """Largest gross position value as a share of equity at a close.

    Formula: max(exposure)
    Source:  convention
    """
    return s.amounts.max_exposure


def time_in_market(s: Sample) -> float:
    """Share of bars that closed with a position.

    Formula: count(exposure > 0) / T
    Source:  convention
    """
    return s.amounts.held / s.bars


def trades_per_year(s: Sample) -> float:
    """Closed round trips per year.

    Formula: N / Y
    Source:  count
    """
    return len(s.net) / s.years


def fills(s: Sample) -> int:
    """Number of fills, partial ones each.

    Formula: count
    Source:  ledger
    """
    return len(s.track.fills)


def maker_share(s: Sample) -> float | None:
    """Share of the fills that gave liquidity and paid the maker fee.

    Formula: count(maker) / count(fills)
    Source:  ledger
    """
    return s.fills.makers / len(s.track.fills) if len(s.track.fills) else None


def orders(s: Sample) -> int:
    """Number of orders that came to an end, in whatever way.

    Formula: count
    Source:  ledger
    """
    return len(s.track.orders)


def order_fill_share(s: Sample) -> float | None:
    """Share of the ended orders that were filled at least in part.

    Formula: count(filled > 0) / count(orders)
    Source:  ledger
    """
    rows = s.track.orders
    return float(np.count_nonzero(rows["filled"] > 0) / len(rows)) if len(rows) else None


def bars(s: Sample) -> int:
    """Bars in the record.

    Formula: T
    Source:  count
    """
    return s.bars


def days(s: Sample) -> int:
    """UTC days (or longer bars) with at least one bar: the number of returns behind the daily figures.

    Formula: D
    Source:  count
    """
    return len(s.returns)


def carried_bars(s: Sample) -> float:
    """Share of bars in which some pair had no trade and kept its last mark.

    Formula: count(carried) / T
    Source:  market data
    """
    return s.amounts.carried / s.bars


def _per_year(s: Sample, amount: float) -> float | None:
    equity = s.amounts.equity / s.bars
    return amount / equity / s.years if equity > 0 else None
