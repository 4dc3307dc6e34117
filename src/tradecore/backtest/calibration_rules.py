"""The rules a calibration tries: three that are built in, and one that can see the edge that is planted.

Not strategies for anybody to trade: `VolumeTide` finds what `synthetic.make("trending")` plants, which nobody says real
markets have. Called by `calibration_work`. Invariant: the same count gives the same configurations.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np

from tradecore.core.errors import UsageError
from tradecore.core.orders import Signal
from tradecore.core.types import FloatArray
from tradecore.features import volume_ratio
from tradecore.features.feature import Feature
from tradecore.strategy.contract import Strategy
from tradecore.strategy.loading import find_class
from tradecore.strategy.parameters import Float, Int, Parameter
from tradecore.strategy.skills.exposure import latch
from tradecore.strategy.views import Account, Market

MOST = 500
"""Configurations there are."""


class VolumeTide(Strategy):
    """Hold while more is traded than usual.

    Idea:   in the planted market the price drifts up in busy stretches and down in quiet ones.
    Fails:  wherever volume says nothing of direction, which is nearly everywhere.
    """

    timeframe = "1h"
    is_latched = True
    params: ClassVar[Mapping[str, Parameter]] = {
        "fast": Int(12, 2, 200),
        "slow": Int(600, 10, 2000),
        "band": Float(0.4, 0, 5),
    }

    def features(self, p: Any) -> Mapping[str, Feature]:
        """The volume of a bar against two means of the bars before it; their ratio is that of the means."""
        return {"to_fast": volume_ratio(p.fast), "to_slow": volume_ratio(p.slow)}

    def decide(self, market: Market, account: Account) -> Signal:
        """Enter when the fast mean is above the slow one by the band, leave when it is below it by as much."""
        if account.position:
            is_quiet = market.to_slow * (1.0 + self.p.band) < market.to_fast
            return self.close("quiet") if is_quiet else self.hold("not quiet")
        is_busy = market.to_slow > market.to_fast * (1.0 + self.p.band)
        return self.buy(1.0, reason="busy") if is_busy else self.hold("not busy")

    def exposure(self, features: Mapping[str, FloatArray]) -> FloatArray:
        """Return the share wanted after each bar, (T,)."""
        slow, fast, room = features["to_slow"], features["to_fast"], 1.0 + self.p.band
        return latch(slow > fast * room, slow * room < fast)


FIXED: tuple[Mapping[str, Any], ...] = (
    MappingProxyType({"rule": "ma-cross", "fast": 20, "slow": 100}),
    MappingProxyType({"rule": "momentum", "lookback": 168, "band": 2.0}),
    MappingProxyType({"rule": "breakout", "enter": 120, "leave": 60}),
)
"""Rules a person might bring without having searched; on markets without an edge they take turns."""
RULE: Mapping[str, Any] = MappingProxyType({"rule": "volume-tide", "fast": 12, "slow": 600, "band": 0.4})
"""The fixed rule that is held against planted edges."""


def rule_class(rule: str) -> type[Strategy]:
    """Return the class behind a rule's name."""
    return VolumeTide if rule == "volume-tide" else find_class(rule)


def make_rule(rule: str, **params: Any) -> Strategy:
    """Return one of the rules with its parameters."""
    return rule_class(rule)(**params)


def field_of(count: int) -> list[dict[str, Any]]:
    """Return `count` configurations, evenly taken from 500 of four kinds of rule: short and long, eager and lazy.

    Errors: UsageError for a count that is not from 1 to 500.
    """
    if not 1 <= count <= MOST:
        raise UsageError(f"{count} configurations: expected from 1 to {MOST}")
    everything = _everything()
    return [dict(everything[at * len(everything) // count]) for at in range(count)]


@cache
def _everything() -> tuple[dict[str, Any], ...]:
    bands = (0.0, 0.5, 1.0, 2.0, 4.0)
    crosses = [{"rule": "ma-cross", "fast": f, "slow": s} for f in _steps(4, 50, 5) for s in _steps(60, 600, 25)]
    changes = [{"rule": "momentum", "lookback": n, "band": b} for n in _steps(24, 720, 25) for b in bands]
    channels = [{"rule": "breakout", "enter": e, "leave": x} for e in _steps(12, 500, 25) for x in _steps(6, 250, 5)]
    volumes = [
        {"rule": "volume-tide", "fast": f, "slow": s, "band": b}
        for f in _steps(6, 48, 5)
        for s in _steps(200, 1000, 5)
        for b in (0.0, 0.2, 0.4, 0.6, 0.8)
    ]
    return (*crosses, *changes, *channels, *volumes)


def _steps(low: float, high: float, count: int) -> list[int]:
    """Return whole numbers from low to high in equal ratios."""
    return [round(value) for value in np.geomspace(low, high, count).tolist()]
