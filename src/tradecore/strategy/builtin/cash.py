"""Cash: never trades. What doing nothing would have earned."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tradecore.core.orders import Signal
from tradecore.core.types import FloatArray
from tradecore.strategy.contract import Answer, Strategy
from tradecore.strategy.skills.pairs import each_pair
from tradecore.strategy.views import Account, Market


class Cash(Strategy):
    """Hold nothing.

    Idea:   not losing is a result.
    Fails:  never, and earns nothing; interest on cash is not counted.
    Source: none is needed.
    """

    def decide(self, market: Market, account: Account) -> Answer:
        """Decide on every pair by itself."""
        return each_pair(market, account, self._on_pair)

    def _on_pair(self, market: Market, account: Account) -> Signal:
        """Do nothing, and say so."""
        return self.hold("cash")

    def exposure(self, features: Mapping[str, FloatArray]) -> FloatArray:
        """Return zeros, (T,)."""
        return np.zeros(len(features["close"]))
