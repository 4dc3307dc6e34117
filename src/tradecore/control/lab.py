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
    from tradecore.sim.model import VenueModel

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
            **rules.model_dump(),
            max_base=limits.max_position_base or math.inf,
            max_quote=limits.max_position_quote or math.inf,
            max_positions=limits.max_open_positions or VenueModel().max_positions,
        )
