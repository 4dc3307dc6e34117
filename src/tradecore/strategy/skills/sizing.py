"""Skills for sizes: how large a position should be, as a fraction of equity. Pure functions of numbers."""

from __future__ import annotations

import math

from tradecore.core.errors import StrategyError


def volatility_share(volatility: float, target: float, most: float = 1.0) -> float:
    """Return the share of equity at which a position has the wanted volatility, at most `most`.

    Units:  both volatilities as annualised fractions.
    Errors: StrategyError for a volatility that is not a number, or a target that is not above 0.
    Source: Moreira & Muir (2017), Volatility-Managed Portfolios, with volatility instead of variance.

    >>> volatility_share(0.8, 0.2)
    0.25
    """
    if not (math.isfinite(volatility) and target > 0.0):
        raise StrategyError(
            f"volatility is {volatility!r} and its target {target!r}: expected a number and one above 0"
        )
    return most if volatility * most <= target else target / volatility


def risk_share(entry: float, stop: float, risk: float, most: float = 1.0) -> float:
    """Return the share of equity that loses `risk` of it when a position from `entry` is stopped at `stop`.

    Units:  prices in quote; risk as a fraction of equity. Costs and gaps come on top.
    Errors: StrategyError when stop and entry are not two different prices above 0.
    Source: Vince (1990), fixed fractional sizing.

    >>> risk_share(100.0, 95.0, 0.01)
    0.2
    """
    if not (entry > 0.0 and stop > 0.0 and entry != stop and risk > 0.0):
        raise StrategyError(
            f"entry {entry!r}, stop {stop!r}, risk {risk!r}: expected two different prices and a risk, all above 0"
        )
    return min(most, risk * entry / abs(entry - stop))


def kelly_share(win_rate: float, win_loss_ratio: float, fraction: float = 0.5) -> float:
    """Return a fraction (half by default) of the growth-optimal share; 0 when there is no edge.

    The full share is far too large for an edge that is estimated: halving it costs a quarter of the growth.
    Errors: StrategyError for a win rate outside [0, 1] or a ratio that is not above 0.
    Source: Kelly (1956); Thorp (2006), eq. 7.2.

    >>> round(kelly_share(0.55, 1.0), 6)
    0.05
    """
    if not (0.0 <= win_rate <= 1.0 and win_loss_ratio > 0.0):
        raise StrategyError(f"win rate {win_rate!r}, win/loss ratio {win_loss_ratio!r}: expected [0, 1] and above 0")
    return max(0.0, fraction * (win_rate - (1.0 - win_rate) / win_loss_ratio))
