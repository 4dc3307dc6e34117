"""Mean reversion: buy what fell far below its own mean, sell it when it is back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tradecore.core.orders import Signal
from tradecore.features import zscore
from tradecore.features.feature import Feature
from tradecore.strategy.contract import Answer, Strategy
from tradecore.strategy.parameters import Float, Int
from tradecore.strategy.skills.pairs import each_pair
from tradecore.strategy.views import Account, Market


class MeanReversion(Strategy):
    """Enter when the close lies `entry` standard deviations below its mean; leave at the mean, or when time is up.

    Idea:   sellers in a hurry pay for it; with nothing new in the world the price comes back. The z-score of the close
            is its place in the Bollinger bands: -2 is the lower band of width 2.
    Fails:  when there is something new. It buys every crash on the way down, so it has a stop and a time limit, and its
            many small wins hide that.
    Source: Bollinger (2001); Poterba & Summers (1988) for the effect.
    """

    timeframe = "1h"
    params = {
        "period": Int(48, 5, 1000),
        "entry": Float(2, 0.5, 5),
        "back": Float(0, -2, 2),
        "patience": Int(96, 1, 10_000),
        "size": Float(0.5, 0.01, 1),
        "stop": Float(0.06, 0.005, 0.5),
    }

    def features(self, p: Any) -> Mapping[str, Feature]:
        """The distance of the close from its mean in standard deviations."""
        return {"distance": zscore(p.period)}

    def decide(self, market: Market, account: Account) -> Answer:
        """Decide on every pair by itself."""
        return each_pair(market, account, self._on_pair)

    def _on_pair(self, market: Market, account: Account) -> Signal:
        """Enter far below the mean, leave at it."""
        p = self.p
        if account.position:
            if market.distance >= p.back:
                return self.close("back at the mean")
            if account.holding >= p.patience:
                return self.close("patience is over")
            return self.hold("waiting for the mean")
        if market.distance <= -p.entry:
            return self.buy(p.size, stop=-p.stop, reason="far below the mean")
        return self.hold("near the mean")
