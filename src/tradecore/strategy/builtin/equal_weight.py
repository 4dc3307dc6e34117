"""Equal weight: the same share of equity in every pair, put right from time to time. The baseline of several pairs."""

from __future__ import annotations

from tradecore.core.orders import Signal
from tradecore.strategy.contract import Answer, Strategy
from tradecore.strategy.parameters import Float, Int
from tradecore.strategy.skills.calendar import period
from tradecore.strategy.views import Account, Market


class EqualWeight(Strategy):
    """Hold 1/N of equity in each of N pairs; rebalance once in `days` days what is more than `band` away.

    Idea:   estimates of return are so poor that not estimating is hard to beat; rebalancing sells what ran ahead.
    Fails:  when one pair goes to nothing: it keeps buying it. Costs grow with the number of pairs.
    Source: DeMiguel, Garlappi & Uppal (2009), Optimal Versus Naive Diversification.
    """

    timeframe = "1h"
    params = {"days": Int(30, 1, 366), "band": Float(0.02, 0.001, 0.5)}

    def __init__(self, **given: object) -> None:
        super().__init__(**given)
        self.balanced = -1  # the period of the last rebalancing

    def decide(self, market: Market, account: Account) -> Answer:
        """Answer with one signal for each pair that is out of line; sales come first, for they bring the cash."""
        now = period(market.time, self.p.days)
        if now == self.balanced:
            return {market.pair: self.hold("balanced in this period")}
        self.balanced = now
        equity, share = account.equity, 1.0 / len(market.pairs)
        missing = {pair: share - account[pair].position * market[pair].close / equity for pair in market.pairs}
        order = sorted(missing, key=lambda pair: missing[pair])
        return {pair: self._signal(missing[pair], bool(account[pair].position)) for pair in order}

    def _signal(self, missing: float, is_held: bool) -> Signal:
        if is_held and abs(missing) < self.p.band:
            return self.hold("in line")
        if missing > 0.0:
            return self.buy(missing, reason="below its weight")
        return self.sell(-missing, reason="above its weight")
