"""The lab: one open workspace, as every verb of `control` receives it. Built by `bootstrap`, never by a verb.

It holds what verbs share, the settings in force and the places things lie in; stores that a verb does not need are not
opened. It decides nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from tradecore.config.load import Loaded
from tradecore.config.tree import Tree
from tradecore.core.clock import Clock

if TYPE_CHECKING:
    from tradecore.market.lake import Lake
    from tradecore.registry.holdouts import HoldOutLedger
    from tradecore.registry.knowledge import KnowledgeBase
    from tradecore.registry.runs import Runs
    from tradecore.registry.trials import TrialLedger
    from tradecore.risk.rules import Limits
    from tradecore.sim.model import VenueModel
    from tradecore.stats.gates import EvidenceLimits

Progress: TypeAlias = Callable[[str, float, float], None]
"""What a verb tells its progress to: the stage, how much is done, of how much (0 when nobody knows)."""


def no_progress(stage: str, done: float, total: float) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class Lab:
    """One open workspace."""

    root: Path
    loaded: Loaded
    clock: Clock

    @property
    def settings(self) -> Tree:
        """The settings in force."""
        return self.loaded.tree

    def folder(self, name: str) -> Path:
        """Return one of the workspace's folders by its name in the settings: data, runs, strategies, state, ..."""
        return self.root / str(getattr(self.settings.folders, name))

    @cached_property
    def venue_model(self) -> VenueModel:
        """What trading costs and what the venue lets through, as the simulator takes it."""
        from tradecore.sim.model import VenueModel

        costs, rules, limits = self.settings.costs, self.settings.rules, self.settings.limits
        return VenueModel(
            **costs.model_dump(),
            **rules.model_dump(exclude={"exceptions"}),
            max_base=limits.max_position_base or math.inf,
            max_quote=limits.max_position_quote or math.inf,
            max_positions=limits.max_open_positions or VenueModel().max_positions,
            exceptions={one.pair: one.model_dump(exclude={"pair"}, exclude_none=True) for one in rules.exceptions},
        )

    @cached_property
    def risk_limits(self) -> Limits:
        """What the gates let a strategy enter."""
        from tradecore.risk.rules import Limits

        limits = self.settings.limits
        return Limits(limits.max_pair_exposure, limits.max_total_exposure, limits.max_drawdown, limits.cooldown_bars)

    @cached_property
    def evidence_limits(self) -> EvidenceLimits:
        """What a record must show before it is called an edge."""
        from tradecore.stats.gates import EvidenceLimits

        return EvidenceLimits(**self.settings.evidence.model_dump())

    @cached_property
    def lake(self) -> Lake:
        """The workspace's bars and trades."""
        from tradecore.market.lake import Lake

        return Lake(self.folder("data"), clock=self.clock)

    @cached_property
    def runs(self) -> Runs:
        """The workspace's runs."""
        from tradecore.registry.runs import Runs

        return Runs(self.folder("runs"), self.clock)

    @cached_property
    def trials(self) -> TrialLedger:
        """The ledger of everything ever evaluated here. Opened, and made if it is not there, when first asked for."""
        from tradecore.registry.trials import TrialLedger

        return TrialLedger.open(self.folder("state") / "lab.db")

    @cached_property
    def hold_outs(self) -> HoldOutLedger:
        """The record of every hold-out that was ever opened here. Opened, and made, as the trial ledger is."""
        from tradecore.registry.holdouts import HoldOutLedger

        return HoldOutLedger.open(self.folder("state") / "lab.db")

    @cached_property
    def knowledge(self) -> KnowledgeBase:
        """What was learned here."""
        from tradecore.registry.knowledge import KnowledgeBase

        return KnowledgeBase(self.folder("state") / "knowledge.jsonl", self.clock)
