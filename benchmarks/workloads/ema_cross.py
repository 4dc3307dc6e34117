"""The strategy of the benchmarks, as a user writes one: long while the fast EMA lies above the slow one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tradecore.features import ema
from tradecore.features.feature import Feature
from tradecore.strategy.contract import Answer, Strategy
from tradecore.strategy.parameters import Float, Int
from tradecore.strategy.skills.exposure import Held
from tradecore.strategy.views import Account, Market


class EmaCross(Strategy):
    """Hold while the fast exponential average lies above the slow one; nothing in the first bars.

    Idea:   the rule every engine in the comparison plays.
    Fails:  always, after costs: it is here to trade often.
    """

    timeframe = "1m"
    params = {
        "fast": Int(9, 2, 500),
        "slow": Int(21, 3, 2000),
        "size": Float(0.01, 0.001, 1),
        "first": Int(500, 0, 5000),
    }

    def features(self, p: Any) -> Mapping[str, Feature]:
        """Two exponential averages."""
        return {"fast": ema(p.fast), "slow": ema(p.slow)}

    def decide(self, market: Market, account: Account) -> Answer:
        """Follow the sign of the difference."""
        wanted = market.fast > market.slow and market.index >= self.p.first
        if account.position:
            return None if wanted else self.close("fast not above slow")
        return self.buy(self.p.size, reason="fast above slow") if wanted else None

    def exposure(self, features: Mapping[str, Any]) -> Any:
        """Return the share wanted after each bar, (T,)."""
        above = features["fast"] > features["slow"]
        above[: self.p.first] = False
        return Held(above, self.p.size)
