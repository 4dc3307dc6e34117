"""The verb `evaluate`: honest-v1 on one strategy, from the settings' words to a kept run with its verdict.

The protocol itself is `backtest.evaluate`; here it is made from the settings, counted in this workspace's ledgers, and
kept. Called by the command line and the Python API.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import Any

from tradecore.backtest.evaluate import Ledgered, Profile, Protocol, evaluate
from tradecore.backtest.protocol import HONEST
from tradecore.backtest.walk_forward import Plan
from tradecore.control.backtests import Ask, Kept, again, inputs_of, keep, maker, read, settings
from tradecore.control.kernels import prepare
from tradecore.control.lab import Lab, Progress, no_progress
from tradecore.core.errors import UsageError
from tradecore.strategy.loading import load

KIND = "evaluate"
NAMES = ("smoke", "standard", "deep")


@dataclass(frozen=True, slots=True)
class EvaluateAsk:
    """What an evaluation is asked for: a test's words, how much of everything, and whether the lock is forced."""

    ask: Ask
    profile: str | None = None
    """`smoke`, `standard` or `deep`; None takes it from the settings."""
    opens_hold_out: bool = False
    """Open the hold-out even when another gate failed."""

    def __post_init__(self) -> None:
        if self.profile is not None and self.profile not in NAMES:
            raise UsageError(f"no profile {self.profile!r}; expected one of {', '.join(NAMES)}")

    def words(self) -> dict[str, Any]:
        """Return what was asked, as a run records it."""
        given = {"profile": self.profile, "opens_hold_out": self.opens_hold_out or None}
        words = {name: value for name, value in self.ask.words().items() if name != "random_traders"}
        return {**words, **{name: value for name, value in given.items() if value is not None}}

    def command(self, lab: Lab) -> str:
        """Return the command line that asks for the same again."""
        parts = [f"--profile={self.profile}"] if self.profile else []
        parts += ["--open-holdout"] if self.opens_hold_out else []
        return " ".join([again(lab, self.ask, "evaluate"), *map(shlex.quote, parts)])


def run(lab: Lab, asked: EvaluateAsk, progress: Progress = no_progress) -> Kept:
    """Evaluate a strategy by honest-v1 and keep the result.

    Errors: typed ones for what cannot be read, made or tested; StateRefusedError when a ledger cannot be written.
    """
    ask = asked.ask
    make, strategy = maker(ask), load(ask.strategy, **ask.params)
    bars = read(lab, ask, strategy)
    with lab.runs.start(KIND, asked.words(), inputs_of(lab, strategy, bars, ask.seed)) as kept:
        prepare(strategy, bars, progress)
        counted = Ledgered(lab.trials, kept.id, lab.clock, lab.hold_outs)
        result = evaluate(make, bars, settings(lab, ask), protocol(lab, asked), counted=counted, tell=progress)
        return keep(lab, kept, result, asked.command(lab))


def protocol(lab: Lab, asked: EvaluateAsk) -> Protocol:
    """Return honest-v1 as the settings and the ask say."""
    chosen, shape = lab.settings.evaluate, lab.settings.walk_forward
    name = asked.profile or chosen.profile
    amounts = Profile(**getattr(lab.settings, f"profile_{name}").model_dump())
    plan = Plan(folds=asked.ask.folds or shape.folds, grid=asked.ask.grid, is_anchored=shape.anchored)
    return Protocol.with_profile(
        amounts, f"{HONEST} {name}", plan=plan, limits=lab.evidence_limits, hold_out=shape.hold_out,
        min_random_rank=chosen.min_random_rank, max_overfitting=chosen.max_overfitting,
        opens_hold_out=asked.opens_hold_out,
    )  # fmt: skip
