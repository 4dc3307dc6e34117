"""How a candidate is tested: folds, hold-out, limits, and how much of everything. It travels with the verdict.

`Protocol()` is a plain walk-forward; `Protocol.of("smoke" | "standard" | "deep")` is honest-v1, the whole protocol;
`Protocol.of("lean")` keeps only the gates that decide, for experiments that repeat it a thousand times. Read by
`backtest.evaluate`; the settings of a workspace become one in `control`. Invariant: two protocols with one fingerprint
test alike.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from types import MappingProxyType
from typing import Any

from tradecore.backtest.walk_forward import Plan
from tradecore.core.errors import ConfigError, UsageError
from tradecore.stats.bootstrap import Bootstrap
from tradecore.stats.gates import EvidenceLimits

HONEST = "honest-v1"
HOLD_OUT = 0.15
"""Share of the bars that honest-v1 locks away."""
COST_MULTIPLES = (0.0, 0.5, 1.5, 2.0, 3.0)
"""Multiples of the configured costs at which the record is played again, besides 1."""


@dataclass(frozen=True, slots=True)
class Profile:
    """How much is done of everything. More of it costs time and makes the answer steadier, not kinder."""

    random_traders: int = 100
    """Random traders the candidate is ranked among; 0 leaves them and their gate out."""
    bootstrap_samples: int = 2000
    """Resampled histories behind every interval."""
    lookahead_cuts: int = 10
    """Places at which the data is cut to see whether a decision changes; 0 leaves the test and its gate out."""
    cost_multiples: tuple[float, ...] = COST_MULTIPLES
    """Multiples of the costs besides 1; the one the limits need is always among them."""
    latencies: tuple[int, ...] = ()
    """Bars by which orders are late, one variant each."""
    offsets: int = 0
    """How many times the folds are shifted, by equal parts of a test."""
    feature_groups: int = 0
    """Features are dropped one by one when the strategy declares at most so many; 0 never."""
    seeds: int = 0
    """Seeds over which a strategy that uses its randomness is repeated; 0 never."""
    is_by_regime: bool = False
    """Whether the record is told by regime of the market."""
    overfitting_blocks: int = 0
    """Blocks of days for the probability of overfitting, even, 4 to 20; 0 leaves it and its gate out."""
    combined_groups: int = 0
    """Groups of days of the combinatorial cross-validation, of which two are tested at a time; 0 leaves it out."""
    has_sentinels: bool = False
    """Whether lanes are compared and the record is played twice."""


PROFILES: Mapping[str, Profile] = MappingProxyType(
    {
        "lean": Profile(random_traders=0, bootstrap_samples=1000, lookahead_cuts=0, cost_multiples=()),
        "smoke": Profile(
            random_traders=200, bootstrap_samples=1000, lookahead_cuts=5, latencies=(1,), offsets=1, is_by_regime=True,
            overfitting_blocks=8, has_sentinels=True,
        ),
        "standard": Profile(
            random_traders=1000, latencies=(1, 2), offsets=3, feature_groups=8, seeds=10, is_by_regime=True,
            overfitting_blocks=16, has_sentinels=True,
        ),
        "deep": Profile(
            random_traders=5000, bootstrap_samples=10_000, lookahead_cuts=50, latencies=(1, 2, 5), offsets=7,
            feature_groups=32, seeds=30, is_by_regime=True, overfitting_blocks=16, combined_groups=8,
            has_sentinels=True,
        ),
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Protocol:
    """How a candidate is tested. Travels with the verdict."""

    plan: Plan = field(default_factory=Plan)
    limits: EvidenceLimits = field(default_factory=EvidenceLimits)
    random_traders: int = 100
    """Random strategies, matched for turnover and holding, that the candidate is ranked among; 0 leaves them out."""
    min_random_rank: float = 0.95
    """Share of them it must beat."""
    lookahead_cuts: int = 10
    """Places at which the data is cut to see whether a decision changes; 0 leaves the test out."""
    max_overfitting: float = 0.2
    """The largest share of splits in which the best of one half of the days may fall to the lower half of the
    candidates *and* lose money in the other."""
    hold_out: float = 0.0
    """Share of the bars, the newest, that stays locked until every other gate has passed; 0 locks nothing."""
    opens_hold_out: bool = False
    """Open it even when another gate failed. The opening is recorded either way."""
    profile: Profile = field(default_factory=Profile)
    """How much is done of everything else."""
    name: str = "walk_forward"

    def __post_init__(self) -> None:
        if not 0.0 <= self.hold_out <= 0.5:
            raise ConfigError(f"hold-out fraction {self.hold_out}: expected a number from 0 to 0.5, as in 0.15")
        if not (0.0 <= self.min_random_rank <= 1.0 and 0.0 <= self.max_overfitting <= 1.0):
            raise ConfigError(
                f"min_random_rank {self.min_random_rank} and max_overfitting {self.max_overfitting}: expected shares "
                "from 0 to 1"
            )

    @classmethod
    def of(cls, profile: str = "standard", *, plan: Plan | None = None, **chosen: Any) -> Protocol:
        """Return honest-v1 with the named amount of everything; `chosen` are fields that differ.

        Errors: UsageError for a profile there is not.
        """
        if profile not in PROFILES:
            raise UsageError(f"no profile {profile!r}; expected one of {', '.join(PROFILES)}")
        return cls.with_profile(PROFILES[profile], f"{HONEST} {profile}", plan=plan, **chosen)

    @classmethod
    def with_profile(cls, amounts: Profile, name: str, *, plan: Plan | None = None, **chosen: Any) -> Protocol:
        """Return honest-v1 with these amounts of everything."""
        fields: dict[str, Any] = {
            "plan": plan or Plan(), "hold_out": HOLD_OUT, "profile": amounts, "name": name,
            "random_traders": amounts.random_traders, "lookahead_cuts": amounts.lookahead_cuts,
        }  # fmt: skip
        return cls(**fields | chosen)

    @property
    def bootstrap(self) -> Bootstrap:
        """How intervals are resampled."""
        return replace(Bootstrap(), samples=self.profile.bootstrap_samples)

    def as_dict(self) -> dict[str, Any]:
        """Return everything that decides how a candidate is tested, as plain values; not whether a lock is forced."""
        plan, profile = self.plan, self.profile
        return {
            "name": self.name, "folds": plan.folds, "shape": asdict(plan.shape) if plan.shape else None,
            "is_anchored": plan.is_anchored, "purge": plan.purge, "optimiser": repr(plan.optimiser),
            "grid": {name: list(values) for name, values in plan.grid.items()}, "limits": asdict(self.limits),
            "min_random_rank": self.min_random_rank, "max_overfitting": self.max_overfitting,
            "hold_out": self.hold_out,
            "profile": asdict(profile) | {
                "random_traders": self.random_traders, "lookahead_cuts": self.lookahead_cuts,
            },
        }  # fmt: skip

    def fingerprint(self) -> str:
        """Return the sha256 of `as_dict`: what a report names the protocol by."""
        return hashlib.sha256(json.dumps(self.as_dict(), sort_keys=True, default=repr).encode()).hexdigest()
