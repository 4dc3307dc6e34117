"""Volatility target: buy and hold that shrinks when the market gets wild. A baseline."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tradecore.core.orders import Signal
from tradecore.features import realised_volatility
from tradecore.features.feature import Feature
from tradecore.strategy.contract import Answer, Strategy
from tradecore.strategy.parameters import Float, Int
from tradecore.strategy.skills.pairs import each_pair
from tradecore.strategy.skills.sizing import volatility_share
from tradecore.strategy.views import Account, Market


class VolTarget(Strategy):
    """Hold the share of equity whose volatility is `target` per year, never above all of it.

    Idea:   volatility can be foreseen and return hardly, so holding less when it is high improves the ratio of the two.
    Fails:  in crashes that come out of calm, and in recoveries out of storms; a narrow `band` trades too often.
    Source: Moreira & Muir (2017), Volatility-Managed Portfolios.
    """

    timeframe = "1h"
    params = {
        "period": Int(168, 5, 5000),
        "target": Float(0.3, 0.01, 2),
        "band": Float(0.1, 0.01, 0.5),
    }

    def features(self, p: Any) -> Mapping[str, Feature]:
        """The annualised volatility of the last bars."""
        return {"volatility": realised_volatility(p.period)}

    def decide(self, market: Market, account: Account) -> Answer:
        """Decide on every pair by itself."""
        return each_pair(market, account, self._on_pair)

    def _on_pair(self, market: Market, account: Account) -> Signal:
        """Trade when what is held is more than a band away from what is wanted."""
        wanted = volatility_share(market.volatility, self.p.target) / len(market.pairs)
        missing = wanted - account.position * market.close / account.equity
        if abs(missing) < self.p.band / len(market.pairs) and account.position:
            return self.hold("within the band")
        if missing > 0.0:
            return self.buy(missing, reason="calmer than held for")
        return self.sell(-missing, reason="wilder than held for")
