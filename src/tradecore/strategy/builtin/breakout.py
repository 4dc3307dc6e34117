"""Donchian breakout: buy a new high, sell a new low. The Turtles' entry and exit without their pyramiding."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tradecore.core.orders import Signal
from tradecore.core.types import FloatArray
from tradecore.features import donchian
from tradecore.features.feature import Feature
from tradecore.strategy.contract import Answer, Strategy
from tradecore.strategy.parameters import Float, Int
from tradecore.strategy.skills.exposure import latch, shifted
from tradecore.strategy.skills.pairs import each_pair
from tradecore.strategy.views import Account, Market


class Breakout(Strategy):
    """Enter when the close exceeds the highest high of the bars before it; leave below their lowest low.

    Idea:   what makes a new high has no sellers left above it, and trends last longer than most people stay in them.
    Fails:  in a range, where each new high is the last one; it buys late and sells late by construction.
    Source: Donchian (1960); Faith (2007), Way of the Turtle, system 1 (20 bars in, 10 out).
    """

    timeframe = "1h"
    is_latched = True
    params = {"enter": Int(20, 2, 500), "leave": Int(10, 2, 500), "size": Float(1, 0.01, 1)}

    def features(self, p: Any) -> Mapping[str, Feature]:
        """The upper channel for entries, the lower one for exits."""
        return {"high_water": donchian(p.enter).upper, "low_water": donchian(p.leave).lower}

    def decide(self, market: Market, account: Account) -> Answer:
        """Decide on every pair by itself."""
        return each_pair(market, account, self._on_pair)

    def _on_pair(self, market: Market, account: Account) -> Signal:
        """Compare the close with the channels as they stood one bar ago: today's channel contains today's bar."""
        if account.position:
            if market.close < market.previous("low_water"):
                return self.close("new low")
            return self.hold("above the lower channel")
        if market.close > market.previous("high_water"):
            return self.buy(self.p.size / len(market.pairs), reason="new high")
        return self.hold("inside the channel")

    def exposure(self, features: Mapping[str, FloatArray]) -> FloatArray:
        """Return the share wanted after each bar, (T,)."""
        close = features["close"]
        return latch(close > shifted(features["high_water"]), close < shifted(features["low_water"]), self.p.size)
