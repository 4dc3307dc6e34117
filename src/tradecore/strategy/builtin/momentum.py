"""Time-series momentum: hold what has risen. A baseline."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tradecore.core.orders import Signal
from tradecore.core.types import FloatArray
from tradecore.features import roc
from tradecore.features.feature import Feature
from tradecore.strategy.contract import Answer, Strategy
from tradecore.strategy.parameters import Float, Int
from tradecore.strategy.skills.exposure import latch
from tradecore.strategy.skills.pairs import each_pair
from tradecore.strategy.views import Account, Market


class Momentum(Strategy):
    """Hold from the moment the change over `lookback` bars exceeds `band` percent until it falls below minus that.

    Idea:   returns over weeks and months continue more often than chance.
    Fails:  at reversals, which it holds through for as long as its memory lasts; without the band it pays for every
            touch of zero.
    Source: Moskowitz, Ooi & Pedersen (2012), Time Series Momentum, with long positions alone.
    """

    timeframe = "1h"
    is_latched = True
    params = {"lookback": Int(168, 2, 5000), "band": Float(2, 0, 50), "size": Float(1, 0.01, 1)}

    def features(self, p: Any) -> Mapping[str, Feature]:
        """The change of the close in percent."""
        return {"change": roc(p.lookback)}

    def decide(self, market: Market, account: Account) -> Answer:
        """Decide on every pair by itself."""
        return each_pair(market, account, self._on_pair)

    def _on_pair(self, market: Market, account: Account) -> Signal:
        """Enter above the band, leave below it."""
        if account.position:
            return self.close("it fell") if market.change < -self.p.band else self.hold("not fallen")
        if market.change > self.p.band:
            return self.buy(self.p.size / len(market.pairs), reason="it rose")
        return self.hold("not risen")

    def exposure(self, features: Mapping[str, FloatArray]) -> FloatArray:
        """Return the share wanted after each bar, (T,)."""
        return latch(features["change"] > self.p.band, features["change"] < -self.p.band, self.p.size)
