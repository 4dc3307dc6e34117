"""The questions honest-v1 asks of a finished walk: what if, in which regime, under other seeds, how much was chosen.

Each answer is a value of `backtest.findings`. Called by `backtest.evaluate`; the order and the amounts are the
protocol's. Invariant: nothing here changes the record or a gate that was not asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from tradecore.backtest import sensitivity
from tradecore.backtest.chance import Chance
from tradecore.backtest.choosing import Choice, choice_of, field_of
from tradecore.backtest.counting import Counted
from tradecore.backtest.findings import Findings, Seeds
from tradecore.backtest.holdout import track_hash
from tradecore.backtest.protocol import Protocol
from tradecore.backtest.run import Settings, simulate_shifts
from tradecore.backtest.sensitivity import Variant
from tradecore.backtest.walk_forward import Make, Tell, Walk, shifts_of
from tradecore.core.bars import Bars
from tradecore.core.seeds import generator
from tradecore.core.track import Track
from tradecore.core.types import DAY_NS
from tradecore.stats.bootstrap import interquartile_mean
from tradecore.stats.cpcv import Combinatorial
from tradecore.stats.gates import Evidence, Verdict
from tradecore.stats.inference import deflated_sharpe, moments, trial_variance
from tradecore.stats.regimes import RegimeRow, basket, label_days, regime_table
from tradecore.stats.sample import daily_returns


@dataclass(frozen=True, slots=True, eq=False)
class Test:
    """A walk and what it was made from."""

    make: Make
    walked: Walk
    settings: Settings
    protocol: Protocol
    tell: Tell


def find(
    test: Test, costed: Mapping[float, Track], chance: Chance, choice: Choice | None, count: Counted,
    evidence: Evidence, verdict: Verdict,
) -> Findings:  # fmt: skip
    """Ask every question of the protocol and return the answers."""
    variants = variants_of(test, costed)
    even = sensitivity.break_even(variants, test.settings)
    return Findings(
        protocol=test.protocol.as_dict(), fingerprint=test.protocol.fingerprint(), variants=tuple(variants),
        break_even=even,
        break_even_text="" if even is None else sensitivity.break_even_words(even, variants, test.settings),
        regimes=regimes_of(test), chance=chance if test.protocol.random_traders else None, choice=choice,
        seeds=seeds_of(test), trials_by_hash=count.by_hash, wanted=tuple(wanted(evidence, verdict)),
    )  # fmt: skip


def variants_of(test: Test, costed: Mapping[float, Track]) -> list[Variant]:
    """Return the record under other circumstances, as many as the profile asks for."""
    make, walked, settings, amounts = test.make, test.walked, test.settings, test.protocol.profile
    return [
        *sensitivity.costs(costed),
        *sensitivity.latencies(make, walked, settings, amounts.latencies, test.tell),
        *sensitivity.offsets(make, walked, settings, test.protocol.plan, amounts.offsets, test.tell),
        *sensitivity.dropped_features(make, walked, settings, amounts.feature_groups, test.tell),
        sensitivity.best_days_removed(walked.simulation.track),
    ]


def judge_choice(test: Test, past: Sequence[Bars], count: Counted) -> Choice | None:
    """Return how much of the result is the choice; None where there was none, or the protocol does not ask."""
    amounts, plan = test.protocol.profile, test.protocol.plan
    if not amounts.overfitting_blocks or len(plan.candidates()) < 2:
        return None
    daily, per_year = field_of(test.make, past, test.settings, plan, test.tell)
    combined = None
    if amounts.combined_groups:
        shape, step = test.walked.shape, past[0].timeframe.ns
        purge, embargo = (-(-bars * step // max(DAY_NS, step)) for bars in (shape.purge, shape.embargo))
        combined = Combinatorial(amounts.combined_groups, 2, purge, embargo)
    return _deflated(choice_of(daily, per_year, amounts.overfitting_blocks, combined), test, count)


def _deflated(choice: Choice, test: Test, count: Counted) -> Choice:
    """Return the choice with the deflated Sharpe ratio at its effective number of trials; the others count in full."""
    track = test.walked.simulation.track
    returns = daily_returns(track.curve, track.timeframe).returns
    shape = moments(returns)
    if choice.effective_trials is None or shape is None:
        return choice
    trials = max(count.trials - choice.candidates, 0) + choice.effective_trials
    variance = trial_variance(count.sharpes[np.isfinite(count.sharpes)], len(returns))
    return replace(choice, deflated_effective=deflated_sharpe(shape, trials, variance))


def seeds_of(test: Test) -> Seeds | None:
    """Return the record under other seeds; None for a strategy that does not use its randomness, or unasked."""
    count = test.protocol.profile.seeds
    if count < 2:
        return None
    first = _played(test, test.settings.seed + 1)
    if track_hash(first) == track_hash(test.walked.simulation.track):
        return None
    tracks = [test.walked.simulation.track, first]
    for seed in range(2, count):
        tracks.append(_played(test, test.settings.seed + seed))
        test.tell("seeds", seed + 1, count)
    ratios = [sensitivity.variant("seeds", "", 0.0, one).sharpe or 0.0 for one in tracks]
    return Seeds(tuple(ratios), interquartile_mean(np.array(ratios)))


def _played(test: Test, seed: int) -> Track:
    shifts = shifts_of(test.make, test.walked.folds)
    return simulate_shifts(shifts, test.walked.bars, replace(test.settings, seed=seed)).track


def regimes_of(test: Test) -> tuple[RegimeRow, ...]:
    """Return the record by regime of the market, labelled by what was known before each day."""
    if not test.protocol.profile.is_by_regime:
        return ()
    track = test.walked.simulation.track
    days = daily_returns(track.curve, track.timeframe)
    known, market = basket(test.walked.bars)
    labels = label_days(market)
    place = np.searchsorted(known, days.time // DAY_NS * DAY_NS)
    rng = generator(test.settings.seed, "regimes")
    return regime_table(days.returns, labels[np.minimum(place, len(labels) - 1)], rng, test.protocol.bootstrap)


def wanted(evidence: Evidence, verdict: Verdict) -> list[str]:
    """Say what would have to be true for the gates that failed, as far as it can be said in numbers."""
    failed = {gate.name: gate for gate in verdict.gates if not gate.passed}
    said = []
    if "deflated_sharpe" in failed and evidence.sharpe is not None and evidence.expected_max_sharpe is not None:
        said.append(
            f"the Sharpe ratio, {evidence.sharpe.estimate:.2f} here, would have to be well above "
            f"{evidence.expected_max_sharpe:.2f}, what the best of {evidence.trials:,} worthless tries is expected to "
            "show"
        )
    if "sharpe_low" in failed and evidence.minimum_days is not None and evidence.minimum_days > evidence.days:
        said.append(
            f"the same record would have to last {evidence.minimum_days:,.0f} days instead of {evidence.days:,} before "
            "luck alone is unlikely"
        )
    if "sharpe_low" in failed and evidence.sharpe is not None and evidence.sharpe.estimate <= 0.0:
        said.append("it would have to gain in the first place: no length of record helps one that loses")
    if "gains_at_higher_cost" in failed:
        said.append("each trade would have to earn more than it does, or there would have to be fewer of them")
    if {"beats_buy_and_hold", "beats_best_baseline"} & set(failed):
        said.append("it would have to earn more for its risk than what anybody can have without an idea")
    if "beats_random" in failed:
        said.append("its timing would have to matter: traders with its habits and no knowledge do about as well")
    if "trades" in failed or "days" in failed:
        said.append("the history would have to be longer")
    return said
