"""Moving-average cross: long while the fast average lies above the slow one. A baseline to be tuned and beaten."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tradecore.core.orders import Signal
from tradecore.core.types import FloatArray
from tradecore.features import sma
from tradecore.features.feature import Feature
from tradecore.strategy.contract import Answer, Strategy
from tradecore.strategy.parameters import Float, Int
from tradecore.strategy.skills.exposure import Held
from tradecore.strategy.skills.pairs import each_pair
from tradecore.strategy.views import Account, Market


class MaCross(Strategy):
    """Hold while the mean of the last `fast` closes exceeds that of the last `slow`.

    Idea:   averages that are apart say that the price has moved one way for a while.
    Fails:  sideways, and at turns, which it sees half a window late.
    Source: Brock, Lakonishok & LeBaron (1992).
    """

    timeframe = "1h"
    params = {"fast": Int(20, 2, 500), "slow": Int(100, 3, 2000), "size": Float(1, 0.01, 1)}

    def features(self, p: Any) -> Mapping[str, Feature]:
        """Two plain averages."""
        return {"fast": sma(p.fast), "slow": sma(p.slow)}

    def decide(self, market: Market, account: Account) -> Answer:
        """Decide on every pair by itself."""
        return each_pair(market, account, self._on_pair)

    def _on_pair(self, market: Market, account: Account) -> Signal:
        """Follow the sign of the difference."""
        if account.position:
            return self.hold("above") if market.fast > market.slow else self.close("fast not above slow")
        if market.fast > market.slow:
            return self.buy(self.p.size / len(market.pairs), reason="fast above slow")
        return self.hold("below")

    def exposure(self, features: Mapping[str, FloatArray]) -> Held:
        """Return the share wanted after each bar, (T,)."""
        return Held(features["fast"] > features["slow"], self.p.size)
