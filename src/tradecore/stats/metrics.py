"""All metrics in one table, and `measure`, which computes them for a track.

The arithmetic is in `returns`, `drawdown`, `trades` and `activity`, one small function per metric; this module only
names, orders and labels them. Called by backtests, the registry and the reports. Invariant: the result is strict
JSON, a figure that is not defined is None, never NaN or infinity; and nothing but the ledger's track goes in.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import numpy as np

from tradecore.core.track import Track
from tradecore.stats import activity, drawdown, returns, trades
from tradecore.stats.sample import Sample, sample_of

Value = float | int | None
Better = Literal["higher", "lower", "-"]
Unit = Literal["fraction", "ratio", "quote", "count", "days", "hours", "bps", "per year"]


@dataclass(frozen=True, slots=True)
class Metric:
    """One figure of a track record: what it is called, what it means, how it is computed and who says so."""

    name: str
    label: str
    unit: Unit
    better: Better
    text: str
    formula: str
    source: str
    f: Callable[[Sample], Value]


def measure(track: Track) -> dict[str, Value]:
    """Return every metric of `METRICS` by name, in the table's order.

    Units:  as in the table; fractions are fractions, not per cent.
    Errors: DataError for a track without bars, with times that do not rise or with an equity that is not finite.
    """
    sample = sample_of(track)
    return {metric.name: _strict(metric.f(sample)) for metric in METRICS}


def _strict(value: Value) -> Value:
    # Compiled passes give plain numbers; the same code run as Python, where it is debugged, gives numpy's.
    plain = value.item() if isinstance(value, np.generic) else value
    return plain if plain is None or isinstance(plain, int) or math.isfinite(plain) else None


def _metric(f: Callable[[Sample], Value], label: str, unit: Unit, better: Better) -> Metric:
    """Read the text, formula and source of a metric from its docstring, so that they are written once."""
    text, _, rest = inspect.cleandoc(f.__doc__ or "").partition("\n\nFormula:")
    formula, _, source = rest.partition("\nSource:")
    text, formula, source = (" ".join(part.split()) for part in (text, formula, source))
    return Metric(f.__name__, label, unit, better, text, formula, source, f)


METRICS: tuple[Metric, ...] = (
    _metric(returns.total_return, "Total return", "fraction", "higher"),
    _metric(returns.cagr, "Growth per year", "fraction", "higher"),
    _metric(returns.log_growth, "Log growth per year", "per year", "higher"),
    _metric(returns.volatility, "Volatility", "fraction", "lower"),
    _metric(returns.downside_deviation, "Downside deviation", "fraction", "lower"),
    _metric(returns.sharpe, "Sharpe ratio", "ratio", "higher"),
    _metric(returns.sharpe_standard_error, "Sharpe standard error", "ratio", "lower"),
    _metric(returns.probabilistic_sharpe_ratio, "Probabilistic Sharpe ratio", "fraction", "higher"),
    _metric(returns.sortino, "Sortino ratio", "ratio", "higher"),
    _metric(drawdown.calmar, "Calmar ratio", "ratio", "higher"),
    _metric(drawdown.martin_ratio, "Martin ratio", "ratio", "higher"),
    _metric(returns.omega, "Omega ratio", "ratio", "higher"),
    _metric(returns.gain_to_pain, "Gain to pain", "ratio", "higher"),
    _metric(returns.tail_ratio, "Tail ratio", "ratio", "higher"),
    _metric(returns.value_at_risk_95, "Value at risk 95 %", "fraction", "lower"),
    _metric(returns.cvar_95, "Expected shortfall 95 %", "fraction", "lower"),
    _metric(returns.skewness, "Skewness", "ratio", "higher"),
    _metric(returns.kurtosis, "Kurtosis", "ratio", "lower"),
    _metric(returns.autocorrelation, "Autocorrelation", "ratio", "-"),
    _metric(returns.mean_day, "Mean day", "fraction", "higher"),
    _metric(returns.best_day, "Best day", "fraction", "higher"),
    _metric(returns.worst_day, "Worst day", "fraction", "higher"),
    _metric(returns.positive_days, "Positive days", "fraction", "higher"),
    _metric(returns.best_month, "Best month", "fraction", "higher"),
    _metric(returns.worst_month, "Worst month", "fraction", "higher"),
    _metric(returns.positive_months, "Positive months", "fraction", "higher"),
    _metric(returns.return_without_best_days, "Return without the best five days", "fraction", "higher"),
    _metric(returns.stability, "Stability", "fraction", "higher"),
    _metric(returns.kelly_leverage, "Kelly leverage", "ratio", "-"),
    _metric(drawdown.max_drawdown, "Max drawdown", "fraction", "lower"),
    _metric(drawdown.max_drawdown_in_bar, "Max drawdown inside bars", "fraction", "lower"),
    _metric(drawdown.current_drawdown, "Current drawdown", "fraction", "lower"),
    _metric(drawdown.average_drawdown, "Average drawdown", "fraction", "lower"),
    _metric(drawdown.drawdown_at_risk_95, "Drawdown at risk 95 %", "fraction", "lower"),
    _metric(drawdown.longest_drawdown, "Longest drawdown", "days", "lower"),
    _metric(drawdown.time_under_water, "Time under water", "fraction", "lower"),
    _metric(drawdown.ulcer_index, "Ulcer index", "fraction", "lower"),
    _metric(drawdown.recovery_factor, "Recovery factor", "ratio", "higher"),
    _metric(trades.trades, "Trades", "count", "-"),
    _metric(trades.long_trades, "Long trades", "count", "-"),
    _metric(trades.short_trades, "Short trades", "count", "-"),
    _metric(trades.winning_trades, "Winning trades", "count", "higher"),
    _metric(trades.losing_trades, "Losing trades", "count", "lower"),
    _metric(trades.win_rate, "Win rate", "fraction", "higher"),
    _metric(trades.profit_factor, "Profit factor", "ratio", "higher"),
    _metric(trades.expectancy, "Expectancy", "quote", "higher"),
    _metric(trades.expectancy_return, "Expectancy as a return", "fraction", "higher"),
    _metric(trades.average_win, "Average win", "quote", "higher"),
    _metric(trades.average_loss, "Average loss", "quote", "higher"),
    _metric(trades.payoff_ratio, "Payoff ratio", "ratio", "higher"),
    _metric(trades.largest_win, "Largest win", "quote", "higher"),
    _metric(trades.largest_loss, "Largest loss", "quote", "higher"),
    _metric(trades.winning_streak, "Winning streak", "count", "higher"),
    _metric(trades.losing_streak, "Losing streak", "count", "lower"),
    _metric(trades.top_trade_share, "Best trade's share of winnings", "fraction", "lower"),
    _metric(trades.trade_quality, "Trade quality", "ratio", "higher"),
    _metric(trades.mean_holding, "Mean holding time", "hours", "-"),
    _metric(trades.median_holding, "Median holding time", "hours", "-"),
    _metric(trades.mean_best_excursion, "Mean best excursion", "fraction", "higher"),
    _metric(trades.mean_worst_excursion, "Mean worst excursion", "fraction", "higher"),
    _metric(activity.final_equity, "Final equity", "quote", "higher"),
    _metric(activity.net_profit, "Net profit", "quote", "higher"),
    _metric(activity.gross_profit, "Profit before fees", "quote", "higher"),
    _metric(activity.realised, "Realised", "quote", "higher"),
    _metric(activity.unrealised, "Unrealised", "quote", "-"),
    _metric(activity.net_flow, "Net cash flow", "quote", "-"),
    _metric(activity.fees, "Fees", "quote", "lower"),
    _metric(activity.cost_share, "Cost share", "fraction", "lower"),
    _metric(activity.fee_drag, "Fee drag", "per year", "lower"),
    _metric(activity.traded_notional, "Traded notional", "quote", "-"),
    _metric(activity.turnover, "Turnover", "per year", "-"),
    _metric(activity.break_even_cost, "Break-even cost", "bps", "higher"),
    _metric(activity.exposure, "Exposure", "fraction", "-"),
    _metric(activity.max_exposure, "Max exposure", "fraction", "-"),
    _metric(activity.time_in_market, "Time in market", "fraction", "-"),
    _metric(activity.trades_per_year, "Trades per year", "per year", "-"),
    _metric(activity.fills, "Fills", "count", "-"),
    _metric(activity.maker_share, "Maker share", "fraction", "-"),
    _metric(activity.orders, "Orders", "count", "-"),
    _metric(activity.order_fill_share, "Orders filled", "fraction", "-"),
    _metric(activity.bars, "Bars", "count", "-"),
    _metric(activity.days, "Days", "count", "-"),
    _metric(activity.carried_bars, "Carried bars", "fraction", "lower"),
)
"""Every metric, in the order of the report."""

METRIC_BY_NAME = MappingProxyType({metric.name: metric for metric in METRICS})
