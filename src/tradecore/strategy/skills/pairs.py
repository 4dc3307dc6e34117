"""A skill for several pairs: one rule for each of them, as if each were alone."""

from __future__ import annotations

from collections.abc import Callable

from tradecore.core.orders import Signal
from tradecore.strategy.contract import Answer
from tradecore.strategy.views import Account, Market


def each_pair(market: Market, account: Account, decide: Callable[[Market, Account], Signal]) -> Answer:
    """Ask `decide` about every pair of the session, and answer with one signal for each."""
    if len(market.pairs) == 1:
        return decide(market, account)
    return {pair: decide(market[pair], account[pair]) for pair in market.pairs}
