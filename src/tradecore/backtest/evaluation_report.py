"""From an evaluation's findings to its part of the report: sentences and tables, bad news first. No new figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tradecore.backtest.holdout import HoldOut
from tradecore.core.types import iso
from tradecore.reports.evaluation import EvaluationSheet, HoldOutSheet, RegimeLine, WhatIf
from tradecore.reports.formats import percent, ratio

if TYPE_CHECKING:
    from tradecore.backtest.findings import Findings
    from tradecore.backtest.result import Result


def evaluation_sheet(result: Result) -> EvaluationSheet | None:
    """Return what an evaluation adds to a result's tear sheet; None for a result that is no evaluation."""
    found = result.findings
    if found is None or result.kind != "evaluate":
        return None
    chance, choice = found.chance, found.choice
    return EvaluationSheet(
        protocol=str(found.protocol["name"]), fingerprint=found.fingerprint, wanted=found.wanted,
        what_if=tuple(
            WhatIf(one.label, one.total_return, one.sharpe, one.trades) for one in found.variants
        ),
        break_even=None if found.break_even is None else found.break_even.multiple,
        break_even_text=found.break_even_text,
        regimes=tuple(
            RegimeLine(one.name, one.days, one.share, one.total_return, one.sharpe, one.loss_probability)
            for one in found.regimes if one.days
        ),
        chance=None if chance is None else chance.sharpes, mine=None if chance is None else chance.mine,
        chance_text=_chance_text(result), luck=tuple(luck(result)), paths=() if choice is None else choice.paths,
        hold_out=None if result.hold_out is None else _hold_out(result.hold_out), facts=_facts(found),
    )  # fmt: skip


def luck(result: Result) -> list[str]:
    """Say how much of the result could be the luck of choosing, one sentence each."""
    found, evidence = result.findings, result.evidence
    assert found is not None
    assert evidence is not None
    said = [f"{evidence.trials:,} configurations were ever tried on overlapping data of this market."]
    if found.trials_by_hash != evidence.trials:
        said[0] += f" Of these, {found.trials_by_hash:,} on this very dataset."
    if evidence.deflated_sharpe is not None and evidence.expected_max_sharpe is not None:
        said.append(
            f"The best of so many worthless ones would show a Sharpe ratio near {evidence.expected_max_sharpe:.2f}; "
            f"that this one is above zero has a probability of {evidence.deflated_sharpe:.1%} (deflated Sharpe ratio)."
        )
    choice = found.choice
    if choice is not None and choice.effective_trials is not None and choice.deflated_effective is not None:
        said.append(
            f"By their daily returns the {choice.candidates} candidates count as {choice.effective_trials}; with that "
            f"the probability is {choice.deflated_effective:.1%}. The verdict counts all of them."
        )
    if choice is not None and choice.overfitting is not None:
        said.append(
            f"What is best in one half of the days is below the median in the other half in {choice.overfitting:.0%} "
            "of splits (probability of overfitting); about 50% is noise, or candidates that are all alike."
        )
    if evidence.minimum_days is None:
        said.append("No length of record would make this Sharpe ratio credible: it is not above zero.")
    else:
        said.append(
            f"A Sharpe ratio like this needs {evidence.minimum_days:,.0f} days to be above zero at 95 %; there are "
            f"{evidence.days:,}."
        )
    if found.seeds is not None:
        low, high = min(found.seeds.sharpes), max(found.seeds.sharpes)
        said.append(
            f"It uses randomness: over {len(found.seeds.sharpes)} seeds its Sharpe ratio runs from {low:.2f} to "
            f"{high:.2f}, {found.seeds.middle:.2f} in the middle half."
        )
    return said


def hold_out_text(held: HoldOut) -> str:
    """Say where the lock stands, what came out, and how often this stretch was looked at."""
    span = f"{iso(held.start)[:10]} to {iso(held.end - 1)[:10]}, {held.bars:,} bars"
    times = {0: "never been opened", 1: "been opened once"}.get(held.looks, f"been opened {held.looks} times")
    looks = f" This stretch of this market has {times} so far, by any candidate."
    if held.outcome is None:
        return (
            f"Locked: {span}. Nobody saw them in this evaluation; they open only when every other gate passes.{looks}"
        )
    how = {
        "opened": "Opened now, for the first and only time for this candidate",
        "on record": f"Opened for this candidate on {iso(held.opened or 0)[:10]}; this is the outcome on record",
        "unrecorded": "Opened without a record of it",
    }[held.status]  # fmt: skip
    one = held.outcome
    figures = (
        f"{percent(one.total_return, digits=1, signed=True)}, Sharpe ratio {ratio(one.sharpe)}, {one.trades:,} trades"
    )
    return f"{how}: {span}: {figures}.{looks if held.looks else ''}"


def _hold_out(held: HoldOut) -> HoldOutSheet:
    one = held.outcome
    time = np.array([] if one is None else one.time, np.int64)
    return HoldOutSheet(hold_out_text(held), time, np.array([] if one is None else one.returns, np.float64))


def _chance_text(result: Result) -> str:
    chance = result.findings.chance if result.findings else None
    if chance is None or chance.rank is None or chance.p_value is None:
        return "There were no trades to match random traders to."
    return (
        f"Each of {len(chance.sharpes):,} random traders holds as often, as long and as much as the candidate, at "
        f"other times. It beats {chance.rank:.1%} of them; chance does as well with probability {chance.p_value:.4f}."
    )


def _facts(found: Findings) -> dict[str, str]:
    protocol = found.protocol
    profile = protocol["profile"]
    return {
        "protocol": f"{protocol['name']}, {found.fingerprint[:12]}",
        "hold-out": percent(protocol["hold_out"], digits=0),
        "folds": str(protocol["folds"]),
        "resampled histories": f"{profile['bootstrap_samples']:,}",
        "random traders": f"{profile['random_traders']:,}",
        "lookahead cuts": str(profile["lookahead_cuts"]),
        "gates": ", ".join(f"{name.replace('_', ' ')} {value:g}" for name, value in protocol["limits"].items())
        + f", random rank {protocol['min_random_rank']:g}, overfitting {protocol['max_overfitting']:g}",
    }
