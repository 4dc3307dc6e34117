"""The gate trace: rules looked at one after the other, each leaving a verdict, until one blocks.

Invariant: an exit is never blocked. It does not go round the chain; it passes through it, and the trace says so.
Rules are in `risk.rules`; `engine.session` asks the chain once per signal that is not a HOLD.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple, Protocol

from tradecore.core.types import Pair


class Outcome(StrEnum):
    """What a rule did with a proposal."""

    PASS = "pass"
    RESIZE = "resize"
    BLOCK = "block"


class GateVerdict(NamedTuple):
    """One rule's answer: the value it saw, the limit it holds, and what it did."""

    stage: str
    rule: str
    value: float
    limit: float
    outcome: Outcome
    text: str = ""

    @property
    def passed(self) -> bool:
        """Whether the proposal went on."""
        return self.outcome is not Outcome.BLOCK


class Proposal(NamedTuple):
    """A signal as the gates see it. `fraction` is a share of equity; None stands for an amount or everything."""

    pair: Pair
    is_exit: bool
    fraction: float | None


class Standing(NamedTuple):
    """How the account stands when a proposal arrives. Shares are of equity; drawdown a fraction of the peak."""

    equity: float
    drawdown: float
    pair_exposure: float
    total_exposure: float
    bars_since_exit: int
    """Bars since this pair was last left; a large number when it never was."""


class Rule(Protocol):
    """One rule of the shell."""

    @property
    def name(self) -> str:
        """The name it is known by in traces and settings."""
        ...

    def look(self, proposal: Proposal, standing: Standing) -> tuple[GateVerdict, float | None]:
        """Return the verdict on an entry, and the share of equity it may have (None leaves it as it is)."""
        ...


class Decision(NamedTuple):
    """What the chain made of a proposal."""

    allowed: bool
    fraction: float | None
    trace: tuple[GateVerdict, ...]

    @property
    def blocker(self) -> str:
        """The rule that blocked, or an empty string."""
        return "" if self.allowed else self.trace[-1].rule


_BLOCK = Outcome.BLOCK
_EXIT = GateVerdict("exit", "exits_pass", 0.0, 0.0, Outcome.PASS, "an exit is never blocked")


def judge(rules: Sequence[Rule], proposal: Proposal, standing: Standing) -> Decision:
    """Send a proposal through the rules. The first that blocks ends it; a resize is what the next rule sees."""
    if proposal.is_exit:
        return Decision(True, proposal.fraction, (_EXIT,))
    trace: list[GateVerdict] = []
    for rule in rules:
        verdict, fraction = rule.look(proposal, standing)
        trace.append(verdict)
        if verdict.outcome is _BLOCK:
            return Decision(False, proposal.fraction, tuple(trace))
        if fraction is not None:
            proposal = Proposal(proposal.pair, proposal.is_exit, fraction)
    return Decision(True, proposal.fraction, tuple(trace))
