"""The venue model: what trading costs and what the venue lets through, as settings a person can read and change."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tradecore.core.errors import ConfigError
from tradecore.core.types import Pair, RecordArray
from tradecore.sim.state import RULES, records

_COSTS = ("maker_fee", "taker_fee", "half_spread", "slippage")


@dataclass(frozen=True, slots=True)
class VenueModel:
    """Costs, steps, minimums and limits of one venue. The defaults are Kraken's lowest tier, impatiently met."""

    maker_fee: float = 0.0025
    """Fraction of notional, 0 to 0.1. Kraken spot below 10,000 USD of monthly volume, recorded November 2025."""
    taker_fee: float = 0.0040
    """Fraction of notional, 0 to 0.1. Same source."""
    half_spread: float = 0.0001
    """Fraction of price, 0 to 0.1: a market order pays half the spread. One basis point is a calm major pair."""
    slippage: float = 0.0005
    """Fraction of price, 0 to 0.1, against every market and stop order."""
    participation: float = 0.10
    """Share of a bar's volume one account may fill, above 0; inf lifts the cap. A tenth is what moves little."""
    tick: float = 0.0
    """Price step in quote; 0 rounds nothing."""
    lot: float = 0.0
    """Quantity step in base; 0 rounds nothing."""
    min_quantity: float = 0.0
    """Smallest order in base."""
    min_notional: float = 0.5
    """Smallest order in quote; Kraken's costmin for USD pairs."""
    max_base: float = math.inf
    """Largest position in base."""
    max_quote: float = math.inf
    """Largest position in quote, at the fill price."""
    max_positions: int = 1 << 31
    """How many pairs may be held at once."""
    latency_bars: int = 0
    """Whole bars between a decision's next open and the order reaching the market, 0 to 1000."""
    touch: bool = False
    """True fills a resting limit when it is touched; the default asks that the bar trades through it."""
    allow_short: bool = False
    """True lets a position go below zero; spot venues do not."""
    exceptions: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """What differs for single pairs, by pair name and field: {"ETH/USD": {"taker_fee": 0.002, "tick": 0.01}}."""

    def __post_init__(self) -> None:
        for name in ("maker_fee", "taker_fee", "half_spread", "slippage"):
            self._check(name, 0.0 <= getattr(self, name) <= 0.1, "a fraction from 0 to 0.1 (0.004 is 0.40 %)")
        for name in ("tick", "lot", "min_quantity", "min_notional"):
            self._check(name, 0.0 <= getattr(self, name) < math.inf, "a number from 0")
        for name in ("participation", "max_base", "max_quote", "max_positions"):
            self._check(name, getattr(self, name) > 0, "a number above 0")
        self._check("latency_bars", 0 <= self.latency_bars <= 1000, "a whole number from 0 to 1000")
        for pair, changed in self.exceptions.items():
            if unknown := sorted(set(changed) - set(RULES.names or ())):
                known = ", ".join(RULES.names or ())
                raise ConfigError(f"venue model: {pair} has no rule {', '.join(unknown)}; a pair's rules are {known}")
            self.of(pair)

    def _check(self, name: str, good: bool, expected: str) -> None:
        if not good:
            raise ConfigError(f"venue model: {name} is {getattr(self, name)!r}, expected {expected}")

    def scaled(self, multiple: float) -> VenueModel:
        """Return the same venue with every cost multiplied: a result as if trading were cheaper or dearer."""

        def dearer(values: Mapping[str, float]) -> dict[str, Any]:
            return {name: min(value * multiple, 0.1) if name in _COSTS else value for name, value in values.items()}

        everywhere = dearer({name: getattr(self, name) for name in _COSTS})
        return replace(
            self, **everywhere, exceptions={pair: dearer(changed) for pair, changed in self.exceptions.items()}
        )

    def of(self, pair: Pair | str) -> VenueModel:
        """Return the model as it is for one pair, its exceptions applied."""
        changed: Mapping[str, Any] = self.exceptions.get(str(pair), {})
        return replace(self, **changed, exceptions={})

    def rules(self, pairs: Sequence[Pair]) -> RecordArray:
        """Return the kernel's rules for pairs, (P,), in their order."""
        table: RecordArray = records(len(pairs), RULES)
        for place, row in enumerate(map(self.of, pairs)):
            for name in RULES.names or ():
                table[name][place] = getattr(row, name)
        return table
