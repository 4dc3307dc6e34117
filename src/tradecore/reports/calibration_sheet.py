"""What a calibration of the verdict found, as plain values: the page, the pictures and the table all read this.

Filled in by `backtest.calibration`; nothing is computed here but shares of counts. Invariant: every share carries the
counts it comes from, so that anybody can check it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from tradecore.stats.proportions import Share

SCHEMA = "tradecore.calibration/1"
GUARDS = ("deflated_sharpe", "sharpe_low", "hold_out")
"""The gates against luck and searching; the others ask for trades, costs and baselines."""


@dataclass(frozen=True, slots=True)
class FalseEdges:
    """One kind of market without an edge, one way to come by a candidate, one level of costs."""

    market: str
    candidate: str
    costs: str
    share: Share
    """Markets on which the candidate was called an edge."""
    unguarded: Share
    """Markets on which it would have been, had the gates against luck and searching (`GUARDS`) been switched off."""
    stopped_by: Mapping[str, int] = field(default_factory=dict)
    """Markets on which a gate said no, by gate."""
    stopped_alone: Mapping[str, int] = field(default_factory=dict)
    """Markets on which that gate alone said no: without it they would have been called an edge."""


@dataclass(frozen=True, slots=True)
class PowerPoint:
    """One size of a planted edge."""

    edge: float
    """As the market was made: drift a day in standard deviations of a day."""
    true_sharpe: float
    """Annual Sharpe ratio of the best fixed rule after costs, over a very long market."""
    rule: str
    """That rule."""
    share: Share
    """Markets on which the edge was found."""
    fitted: float
    """The share on the curve that never falls."""


@dataclass(frozen=True, slots=True)
class PowerCurve:
    """How often an edge of rising size is found by one kind of candidate within a length of history."""

    years: int
    candidate: str
    points: tuple[PowerPoint, ...]
    size: float | None
    """True annual Sharpe ratio at which `level` of the edges are found; None when no size tried reached it."""
    size_low: float | None = None
    size_high: float | None = None
    """95 % interval of the size; None for an end beyond the sizes tried."""
    level: float = 0.8


@dataclass(frozen=True, slots=True)
class Coverage:
    """How often an interval of the Sharpe ratio held the true one."""

    returns: str
    days: int
    nominal: float
    share: Share

    def is_off(self, tolerance: float) -> bool:
        """Tell whether it is further off than allowed, and not by the luck of a few records."""
        is_luck = self.share.low <= self.nominal <= self.share.high
        return abs(self.share.rate - self.nominal) > tolerance and not is_luck


@dataclass(frozen=True, slots=True)
class CalibrationSheet:
    """A whole calibration."""

    false_edges: tuple[FalseEdges, ...]
    power: tuple[PowerCurve, ...]
    coverage: tuple[Coverage, ...]
    asked: Mapping[str, Any]
    """Everything that was chosen: seed, counts, limits."""
    limit: float = 0.05
    """The most markets without an edge that may be called one."""
    tolerance: float = 0.02
    """How far the coverage of an interval may be from its nominal one."""
    version: str = ""
    code: str = ""
    """Hash of the code that ran."""
    run: str = ""
    command: str = ""

    @property
    def problems(self) -> tuple[str, ...]:
        """What is not as promised, one sentence each; empty when the verdict is calibrated."""
        found = [
            f"{one.share.rate:.1%} of {one.share.count} {one.market} markets without an edge were called one "
            f"({one.candidate}, {one.costs}); at most {self.limit:.0%} wanted"
            for one in self.false_edges
            if one.share.rate > self.limit
        ]
        return (
            *found,
            *(
                f"the {one.nominal:.0%} interval of {one.days} days of {one.returns} returns held the truth in "
                f"{one.share.rate:.1%} of {one.share.count} cases; {one.nominal:.0%} ± {self.tolerance:.0%} wanted"
                for one in self.coverage
                if one.is_off(self.tolerance)
            ),
        )

    @property
    def is_calibrated(self) -> bool:
        """Whether everything is as promised."""
        return not self.problems

    def to_json(self) -> dict[str, Any]:
        """Return strict JSON material."""
        plain = asdict(self)
        for row in (
            *plain["false_edges"],
            *plain["coverage"],
            *(p for curve in plain["power"] for p in curve["points"]),
        ):
            for share in (row["share"], row.get("unguarded", row["share"])):
                share["rate"] = share["hits"] / share["count"]
        return {"schema": SCHEMA, "is_calibrated": self.is_calibrated, "problems": list(self.problems), **plain}
