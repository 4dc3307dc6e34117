"""EMA crossover with an RSI and a volume filter: the classic first strategy, and the house's running example."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tradecore.core.orders import Signal
from tradecore.features import ema, rsi, volume_ratio
from tradecore.features.feature import Feature
from tradecore.strategy.contract import Answer, Strategy
from tradecore.strategy.parameters import Float, Int
from tradecore.strategy.skills.pairs import each_pair
from tradecore.strategy.views import Account, Market


class EmaRsiVolume(Strategy):
    """Enter when the fast average crosses above the slow one with volume, unless the market is overbought.

    Idea:   a crossover marks a turn of the trend; volume says that others see it too; a high RSI says it is late.
    Fails:  in a sideways market, where averages cross back and forth and every crossing pays the fees again.
    Source: Appel (1979) for crossings, Wilder (1978) for the RSI; the combination is folklore.
    """

    timeframe = "1h"
    params = {
        "fast": Int(9, 2, 50),
        "slow": Int(21, 5, 200),
        "hot": Float(70, 50, 95),
        "volume": Float(1.2, 0.5, 5),
        "size": Float(0.25, 0.01, 1),
        "stop": Float(0.03, 0.002, 0.5),
        "target": Float(0.08, 0.002, 0.9),
    }

    def features(self, p: Any) -> Mapping[str, Feature]:
        """Two averages, the RSI, and the volume against its own past."""
        return {"fast": ema(p.fast), "slow": ema(p.slow), "heat": rsi(14), "flow": volume_ratio(20)}

    def decide(self, market: Market, account: Account) -> Answer:
        """Decide on every pair by itself."""
        return each_pair(market, account, self._on_pair)

    def _on_pair(self, market: Market, account: Account) -> Signal:
        """Enter on a crossing that passes both filters; leave on the crossing back, at the stop or at the target."""
        p = self.p
        if account.position:
            if market.fast < market.slow:
                return self.close("averages crossed back")
            return self.hold("in the trend")
        if not market.crossed_above("fast", "slow"):
            return self.hold("no crossing")
        if market.heat >= p.hot:
            return self.hold("overbought")
        if market.flow <= p.volume:
            return self.hold("thin volume")
        return self.buy(p.size, stop=-p.stop, target=p.target, reason="trend with volume")
