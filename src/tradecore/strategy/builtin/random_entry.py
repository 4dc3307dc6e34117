"""Random entry: a coin instead of an idea, at the same turnover and exposure. Who has timing must beat it."""

from __future__ import annotations

import numpy as np

from tradecore.core.orders import Signal
from tradecore.strategy.contract import Answer, Strategy
from tradecore.strategy.parameters import Float, Int
from tradecore.strategy.skills.pairs import each_pair
from tradecore.strategy.views import Account, Market


class RandomEntry(Strategy):
    """Enter and leave by chance: positions last `holding` bars and fill `time_in_market` of the time, on average.

    Idea:   a strategy with the same exposure and number of trades but no knowledge; run it under many seeds and see
            where your strategy lies among them.
    Fails:  by its costs, always. That is its use.
    Source: Aronson (2006), Evidence-Based Technical Analysis, chapter 6.
    """

    timeframe = "1h"
    params = {
        "time_in_market": Float(0.5, 0.001, 0.999),
        "holding": Int(24, 1, 100_000),
        "size": Float(1, 0.01, 1),
    }

    def decide(self, market: Market, account: Account) -> Answer:
        """Throw the coins of this bar, one for each pair."""
        coin = self.rng
        return each_pair(market, account, lambda its_market, its_account: self._on_pair(its_market, its_account, coin))

    def _on_pair(self, market: Market, account: Account, coin: np.random.Generator) -> Signal:
        """Throw the coin of the state it is in: the two chances give the wanted mean length and share of time."""
        p = self.p
        leave = 1.0 / p.holding
        enter = leave * p.time_in_market / (1.0 - p.time_in_market)
        if account.position:
            return self.close("chance") if coin.random() < leave else self.hold("chance")
        return self.buy(p.size / len(market.pairs), reason="chance") if coin.random() < enter else self.hold("chance")
