"""What an evaluation adds to the tear sheet: what would have to be true, what-if, regimes, chance, hold-out.

A value of numbers and sentences, filled in by `backtest`; the texts of its tables are made here, its pictures in
`evaluation_panels`. Invariant: every number is finite or None; bad news has been put first by whoever filled it in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from tradecore.core.types import FloatArray, IntArray
from tradecore.reports import formats


@dataclass(frozen=True, slots=True)
class WhatIf:
    """The record under one other circumstance; fractions and annualised ratios."""

    label: str
    total_return: float | None
    sharpe: float | None
    trades: int | None


@dataclass(frozen=True, slots=True)
class RegimeLine:
    """The record on the days of one regime."""

    label: str
    days: int
    share: float
    total_return: float | None
    sharpe: float | None
    loss_probability: float | None


@dataclass(frozen=True, slots=True, eq=False)
class HoldOutSheet:
    """The locked part of history: where it stands in words, and its daily returns once it was opened."""

    text: str
    time: IntArray
    """(D,) start of each day, UTC ns; empty while it is locked."""
    returns: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EvaluationSheet:
    """Everything an evaluation shows besides the tear sheet."""

    protocol: str
    fingerprint: str
    wanted: tuple[str, ...] = ()
    """What would have to be true for the gates that failed."""
    what_if: tuple[WhatIf, ...] = ()
    break_even: float | None = None
    """Times the assumed costs."""
    break_even_text: str = ""
    regimes: tuple[RegimeLine, ...] = ()
    chance: FloatArray | None = None
    """Annualised Sharpe ratios of the random traders."""
    mine: float | None = None
    """The candidate's."""
    chance_text: str = ""
    luck: tuple[str, ...] = ()
    """How much of it could be the luck of choosing, one sentence each."""
    paths: tuple[float, ...] = ()
    """Annualised Sharpe ratios of the combinatorial paths."""
    hold_out: HoldOutSheet | None = None
    facts: Mapping[str, str] = field(default_factory=dict)
    """How it was tested: amounts and limits, in words."""

    def what_if_rows(self) -> list[tuple[str, str, str, str]]:
        """Return the table of circumstances as texts."""
        return [
            (
                one.label, formats.percent(one.total_return, digits=1, signed=True), formats.ratio(one.sharpe),
                formats.count(one.trades),
            )
            for one in self.what_if
        ]  # fmt: skip

    def regime_rows(self) -> list[tuple[str, str, str, str, str, str]]:
        """Return the table of regimes as texts."""
        return [
            (
                one.label, formats.count(one.days), formats.percent(one.share, digits=0),
                formats.percent(one.total_return, digits=1, signed=True), formats.ratio(one.sharpe),
                formats.percent(one.loss_probability, digits=0),
            )
            for one in self.regimes
        ]  # fmt: skip

    def as_dict(self) -> dict[str, Any]:
        """Return JSON material; whoever writes it turns arrays into lists."""
        held = self.hold_out
        return {
            "protocol": self.protocol, "fingerprint": self.fingerprint, "wanted": list(self.wanted),
            "what_if": [asdict(one) for one in self.what_if],
            "break_even": {"multiple": self.break_even, "text": self.break_even_text},
            "regimes": [asdict(one) for one in self.regimes],
            "random_traders": [] if self.chance is None else self.chance.tolist(),
            "random_traders_text": self.chance_text, "luck": list(self.luck), "paths": list(self.paths),
            "hold_out": None if held is None else {
                "text": held.text, "time": held.time.tolist(), "returns": held.returns.tolist(),
            },
            "facts": dict(self.facts),
        }  # fmt: skip
