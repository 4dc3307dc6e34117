"""The compiled lane through the same door: an exposure array becomes the buys and closes of a `decide`.

`exposure` says which share of equity is wanted after each bar; it trades when the wanted share changes, not when prices
move the held one. It shows in a session what the lane means; the fast player for sweeps gives the same orders.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tradecore.core.bars import Bars
from tradecore.core.errors import StrategyError
from tradecore.core.types import FloatArray, iso
from tradecore.features.compute import compute, warmup
from tradecore.strategy.contract import Answer, Strategy
from tradecore.strategy.recorder import Wrapper
from tradecore.strategy.views import PRICE_COLUMNS, Account, Market

SMALLEST_STEP = 1e-9
"""Changes of the wanted share below this are rounding, not wishes."""


def wanted_share(strategy: Strategy, bars: Bars) -> FloatArray:
    """Return the strategy's exposure over bars, checked.

    Shape:  (T,) in [0, 1]; 0 before every feature has a value.
    Errors: StrategyError when the strategy has no lane, or its array has another shape or a value that is no share.
    """
    if strategy.exposure is None:
        raise StrategyError(f"{strategy.name()} has no exposure(features); it can only decide bar by bar")
    wanted = strategy.features(strategy.p)
    columns: Mapping[str, FloatArray] = {name: getattr(bars, name) for name in PRICE_COLUMNS} | compute(wanted, bars)
    share = np.array(strategy.exposure(columns), dtype=np.float64)
    if share.shape != (len(bars),):
        raise StrategyError(
            f"{strategy.name()}: exposure has shape {share.shape}, expected ({len(bars)},), one per bar"
        )
    share[: warmup(wanted)] = 0.0
    wrong = ~((share >= 0.0) & (share <= 1.0))
    if wrong.any():
        first = int(np.argmax(wrong))
        moment = iso(int(bars.open_time[first]))
        raise StrategyError(
            f"{strategy.name()}: exposure is {share[first]!r} in bar {first} ({moment}), expected [0, 1]"
        )
    return share


class Lane(Wrapper):
    """Decides what a strategy's exposure over known bars says, one bar at a time."""

    def __init__(self, inner: Strategy, bars: Bars) -> None:
        super().__init__(inner)
        self._share = wanted_share(inner, bars)
        self._asked = 0.0

    def decide(self, market: Market, account: Account) -> Answer:
        """Enter from nothing, close to nothing, and in between trade the change of the wanted share."""
        wanted = float(self._share[market.index])
        if not account.position:
            self._asked = wanted
            return self.buy(wanted, reason="exposure") if wanted > SMALLEST_STEP else self.hold("exposure")
        change, self._asked = wanted - self._asked, wanted
        if wanted <= SMALLEST_STEP:
            return self.close("exposure")
        if abs(change) <= SMALLEST_STEP:
            return self.hold("exposure")
        return self.buy(change, reason="exposure") if change > 0.0 else self.sell(-change, reason="exposure")
