"""The rules an entry meets. Each is a value with its limit; none keeps state, so a restart changes nothing.

Rules see shares of equity. Limits in base, quote and number of positions are the venue model's (`sim.model`), because
backtest, training and paper must cut to them in the same place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tradecore.core.errors import ConfigError
from tradecore.risk.chain import GateVerdict, Outcome, Proposal, Rule, Standing

_PASS, _RESIZE, _BLOCK = Outcome.PASS, Outcome.RESIZE, Outcome.BLOCK  # an enumeration asked by name is slow


@dataclass(frozen=True, slots=True)
class NoNewRisk:
    """The automatic halt: nothing is entered while it is set. Exits pass."""

    is_set: bool
    name: str = "no_new_risk"

    def look(self, proposal: Proposal, standing: Standing) -> tuple[GateVerdict, float | None]:
        """Block every entry while the halt is set."""
        outcome = _BLOCK if self.is_set else _PASS
        return GateVerdict("halt", self.name, float(self.is_set), 0.0, outcome), None


@dataclass(frozen=True, slots=True)
class MaxDrawdown:
    """No entries while wealth stands further below its peak than `limit`, a fraction."""

    limit: float
    name: str = "max_drawdown"

    def look(self, proposal: Proposal, standing: Standing) -> tuple[GateVerdict, float | None]:
        """Block when the drawdown has reached the limit."""
        outcome = _BLOCK if standing.drawdown >= self.limit else _PASS
        return GateVerdict("risk", self.name, standing.drawdown, self.limit, outcome), None


@dataclass(frozen=True, slots=True)
class Cooldown:
    """No entry into a pair within `bars` bars of leaving it."""

    bars: int
    name: str = "cooldown"

    def look(self, proposal: Proposal, standing: Standing) -> tuple[GateVerdict, float | None]:
        """Block while the pair cools down."""
        outcome = _BLOCK if standing.bars_since_exit < self.bars else _PASS
        return GateVerdict("risk", self.name, float(standing.bars_since_exit), float(self.bars), outcome), None


@dataclass(frozen=True, slots=True)
class MaxExposure:
    """Cut an entry so that one pair, or all together, stay within a share of equity; block when no share is left."""

    limit: float
    per_pair: bool

    @property
    def name(self) -> str:
        """`pair_exposure` or `total_exposure`."""
        return "pair_exposure" if self.per_pair else "total_exposure"

    def look(self, proposal: Proposal, standing: Standing) -> tuple[GateVerdict, float | None]:
        """Resize to the share that is left."""
        held = standing.pair_exposure if self.per_pair else standing.total_exposure
        left = self.limit - held
        if proposal.fraction is None:  # an amount or a bar-by-bar size: only a full book can be told here
            outcome = _BLOCK if left <= 0.0 else _PASS
            return GateVerdict("risk", self.name, held, self.limit, outcome), None
        if left <= 0.0:
            return GateVerdict("risk", self.name, held + proposal.fraction, self.limit, _BLOCK), None
        if proposal.fraction > left:
            return GateVerdict("risk", self.name, held + proposal.fraction, self.limit, _RESIZE), left
        return GateVerdict("risk", self.name, held + proposal.fraction, self.limit, _PASS), None


@dataclass(frozen=True, slots=True)
class Limits:
    """The shell's limits on entries. The defaults let a backtest show a strategy as it is, with no borrowed money."""

    max_pair_exposure: float = 1.0
    """Share of equity in one pair, above 0; 1 is everything."""
    max_total_exposure: float = 1.0
    """Share of equity in all pairs together, above 0."""
    max_drawdown: float = 1.0
    """Fraction from the peak at which entries stop, in (0, 1]; 1 never stops."""
    cooldown_bars: int = 0
    """Bars between leaving a pair and entering it again, from 0."""
    no_new_risk: bool = False
    """True blocks all entries."""

    def __post_init__(self) -> None:
        for name in ("max_pair_exposure", "max_total_exposure"):
            if not getattr(self, name) > 0.0:
                raise ConfigError(f"limits: {name} is {getattr(self, name)!r}, expected a share of equity above 0")
        if not 0.0 < self.max_drawdown <= 1.0:
            raise ConfigError(f"limits: max_drawdown is {self.max_drawdown!r}, expected a fraction in (0, 1]")
        if self.cooldown_bars < 0:
            raise ConfigError(f"limits: cooldown_bars is {self.cooldown_bars!r}, expected a whole number from 0")

    def rules(self) -> Sequence[Rule]:
        """Return the rules these limits stand for, in the order they are asked."""
        return (
            NoNewRisk(self.no_new_risk),
            MaxDrawdown(self.max_drawdown if self.max_drawdown < 1.0 else float("inf")),
            Cooldown(self.cooldown_bars),
            MaxExposure(self.max_pair_exposure, per_pair=True),
            MaxExposure(self.max_total_exposure, per_pair=False),
        )
