"""Dollar-cost averaging: a fixed share of the account every so many days, whatever the price."""

from __future__ import annotations

from tradecore.core.orders import Signal
from tradecore.strategy.contract import Answer, Strategy
from tradecore.strategy.parameters import Float, Int
from tradecore.strategy.skills.calendar import period
from tradecore.strategy.views import Account, Market


class Dca(Strategy):
    """Buy for `share` of equity in every period of `days` days until the cash is used up; never sell.

    Idea:   nobody knows the right moment, so take many.
    Fails:  against buying at once, on average: cash that waits earns nothing while markets drift up. It lowers the
            regret, not the risk per coin held.
    Source: Constantinides (1979), A Note on the Suboptimality of Dollar-Cost Averaging.
    """

    timeframe = "1h"
    params = {"share": Float(0.05, 0.001, 1), "days": Int(7, 1, 366)}

    def __init__(self, **given: object) -> None:
        super().__init__(**given)
        self.bought = -1  # the period of the last purchase

    def decide(self, market: Market, account: Account) -> Answer:
        """Buy once per period while there is cash for a whole share."""
        now = period(market.time, self.p.days)
        if now == self.bought:
            return self._on_all(market, self.hold("bought in this period"))
        if account.cash < self.p.share * account.equity:
            return self._on_all(market, self.hold("the cash is used up"))
        self.bought = now
        return self._on_all(market, self.buy(self.p.share / len(market.pairs), reason="a new period"))

    def _on_all(self, market: Market, signal: Signal) -> Answer:
        return signal if len(market.pairs) == 1 else dict.fromkeys(market.pairs, signal)
