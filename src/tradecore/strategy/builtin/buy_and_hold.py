"""Buy and hold: the baseline that most strategies do not beat after costs."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tradecore.core.orders import Signal
from tradecore.core.types import FloatArray
from tradecore.strategy.contract import Answer, Strategy
from tradecore.strategy.parameters import Float
from tradecore.strategy.skills.pairs import each_pair
from tradecore.strategy.views import Account, Market


class BuyAndHold(Strategy):
    """Buy at the first chance and never sell; several pairs share the size equally.

    Idea:   the market's own return costs one fee; whoever trades more has to earn it back.
    Fails:  whenever the asset does; its drawdowns are the asset's own.
    Source: Sharpe (1991), The Arithmetic of Active Management.
    """

    params = {"size": Float(1, 0.01, 1)}

    def decide(self, market: Market, account: Account) -> Answer:
        """Decide on every pair by itself."""
        return each_pair(market, account, self._on_pair)

    def _on_pair(self, market: Market, account: Account) -> Signal:
        """Buy when there is nothing, hold what there is."""
        if account.position:
            return self.hold("holding")
        return self.buy(self.p.size / len(market.pairs), reason="buy and hold")

    def exposure(self, features: Mapping[str, FloatArray]) -> FloatArray:
        """Return the same share after every bar, (T,)."""
        return np.full(len(features["close"]), self.p.size)
