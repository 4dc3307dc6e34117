"""What honest-v1 found besides the record and the verdict: sensitivity, regimes, chance, the choice. A value.

Filled in by `backtest.evaluate`, shown by `backtest.report`, stored in the run by `control`. Nothing here is measured.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from tradecore.backtest.chance import Chance
from tradecore.backtest.choosing import Choice
from tradecore.backtest.sensitivity import Variant
from tradecore.stats.regimes import RegimeRow
from tradecore.stats.sensitivity import BreakEven


@dataclass(frozen=True, slots=True)
class Seeds:
    """The record under other seeds, for a strategy that uses its randomness."""

    sharpes: tuple[float, ...]
    """Annualised, one for each seed."""
    middle: float
    """Their interquartile mean."""


@dataclass(frozen=True, slots=True, eq=False)
class Findings:
    """Everything an evaluation says besides the record, the evidence and the verdict."""

    protocol: Mapping[str, Any]
    """`Protocol.as_dict`."""
    fingerprint: str
    """Hash of the protocol, gates and limits included."""
    variants: tuple[Variant, ...] = ()
    break_even: BreakEven | None = None
    break_even_text: str = ""
    regimes: tuple[RegimeRow, ...] = ()
    """By what was known the evening before; none where the profile does not ask."""
    chance: Chance | None = None
    choice: Choice | None = None
    seeds: Seeds | None = None
    trials_by_hash: int = 0
    """Configurations under this very dataset's hash; the verdict counts those of all overlapping spans."""
    wanted: tuple[str, ...] = field(default=())
    """What would have to be true for the gates that failed, one sentence each."""

    def as_dict(self) -> dict[str, Any]:
        """Return strict JSON material."""
        chance = self.chance
        return {
            "protocol": dict(self.protocol), "fingerprint": self.fingerprint,
            "sensitivity": [asdict(one) for one in self.variants],
            "break_even": None if self.break_even is None else asdict(self.break_even) | {"text": self.break_even_text},
            "regimes": [asdict(one) for one in self.regimes],
            "random_traders": None if chance is None else {
                "count": len(chance.sharpes), "rank": chance.rank, "p_value": chance.p_value, "sharpe": chance.mine,
                "sharpes": chance.sharpes.tolist(),
            },
            "choice": None if self.choice is None else self.choice.as_dict(),
            "seeds": None if self.seeds is None else asdict(self.seeds),
            "trials_by_hash": self.trials_by_hash, "wanted": list(self.wanted),
        }  # fmt: skip
