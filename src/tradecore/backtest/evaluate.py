"""The honest test: walk forward, stand beside the baselines, count the trials, and say whether there is an edge.

One protocol from candidate to verdict. The verdict's gates and their limits are `stats.gates`; what is new here is
only the order of things: nothing sees the hold-out before every other gate has spoken, and every trial is in the ledger
before significance is computed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from tradecore.backtest.baselines import baselines
from tradecore.backtest.chance import Chance, random_traders
from tradecore.backtest.choosing import Choice
from tradecore.backtest.counting import Ledgered, config_hash, count_trials
from tradecore.backtest.holdout import HoldOut, border, development, flows_within, settle
from tradecore.backtest.inquiry import Test, find, judge_choice
from tradecore.backtest.protocol import COST_MULTIPLES, PROFILES, Profile, Protocol
from tradecore.backtest.result import Result
from tradecore.backtest.run import Settings, simulate, simulate_shifts
from tradecore.backtest.sentinels import lanes_gate, lookahead_gate, repeat_gate
from tradecore.backtest.training import Tried
from tradecore.backtest.walk_forward import ChosenFold, Make, Tell, Walk, choose_next, shifts_of, walk
from tradecore.core.bars import Bars
from tradecore.core.seeds import generator
from tradecore.core.track import Track
from tradecore.core.types import FloatArray
from tradecore.stats.benchmarks import align
from tradecore.stats.bootstrap import DEFAULT, Bootstrap
from tradecore.stats.gates import Evidence, Gate, gather, judge
from tradecore.stats.metrics import measure
from tradecore.stats.sample import daily_returns
from tradecore.strategy.contract import Strategy

__all__ = [
    "COST_MULTIPLES", "PROFILES", "SYNTHETIC", "Ledgered", "Profile", "Protocol", "backtest", "config_hash",
    "development", "evaluate",
]  # fmt: skip

SYNTHETIC = "SYNTHETIC MARKET: these bars were made, not traded. A result on them says nothing about a real market."
UNCOUNTED = "Trials were counted for this call alone; run it in a workspace to count every trial on this data."
UNRECORDED = "The hold-out was opened and the opening is on no record; run it in a workspace to keep count of openings."


def backtest(
    strategy: Strategy, bars: Sequence[Bars], settings: Settings | None = None, *, tell: Tell | None = None,
    lane: bool | None = None,
) -> Result:  # fmt: skip
    """Run a strategy once over the bars. Figures and no verdict: one run over known data proves nothing.

    `lane` as in `backtest.run.simulate_shifts`: False asks `decide` on every bar, which alone gives reasons in words.
    """
    settings = settings or Settings()
    hear = (lambda i, n: tell("backtest", i, n)) if tell else None
    done = simulate(strategy, bars, settings, progress=hear, lane=lane)
    return Result(
        strategy=strategy.name(), text=first_line(strategy), params=strategy.p._asdict(), kind="backtest",
        bars=tuple(bars),
        settings=settings, track=done.track, journal=done.journal, metrics=measure(done.track),
        notices=_notices(strategy, bars, done.quarantined),
    )  # fmt: skip


def evaluate(
    make: Make, bars: Sequence[Bars], settings: Settings | None = None, protocol: Protocol | None = None, *,
    counted: Ledgered | None = None, tell: Tell | None = None,
) -> Result:  # fmt: skip
    """Test a strategy honestly and return its out-of-sample record with evidence and verdict.

    `make` makes the strategy from parameter values. Without a ledger only this call's own candidates are counted, and
    the result says so. Errors: DataError for too few bars or pairs without a common span.
    """
    settings, protocol = settings or Settings(), protocol or Protocol()
    tell = tell or (lambda what, done, total: None)
    rng = generator(settings.seed, "evaluate")
    past = development(bars, protocol)
    whole, settings = settings, _before_hold_out(settings, bars, protocol)
    walked = walk(make, past, settings, protocol.plan, tell=tell)
    final, tried = _final(make, bars, past, settings, protocol)
    count = count_trials(make, walked, settings, counted, tried)
    test = Test(make, walked, settings, protocol, tell)
    others = baselines(walked, settings, protocol.plan, tell=tell)
    costed = at_other_costs(make, walked, settings, _multiples(protocol), tell)
    chance = random_traders(walked, settings, protocol.random_traders, generator(settings.seed, "chance"), tell=tell)
    track = walked.simulation.track
    evidence = gather_evidence(track, others, costed, count.trials, count.sharpes, rng, protocol.bootstrap)
    choice = judge_choice(test, past, count)
    gates = _gates(test, chance, choice, rng)
    verdict, hold_out = judge(evidence, protocol.limits, gates), None
    if final is not None:
        hold_out = settle(make, final, bars, whole, protocol, counted, passes=verdict.is_edge)
        verdict = judge(evidence, protocol.limits, (*gates, hold_out.gate()))
    strategy = walked.shifts[-1].strategy
    notices = _notices(strategy, bars, walked.simulation.quarantined)
    return Result(
        strategy=strategy.name(), text=first_line(strategy), params=strategy.p._asdict(),
        kind="evaluate" if protocol.hold_out else "walk_forward", bars=walked.bars,
        settings=settings, track=track, journal=walked.simulation.journal, metrics=measure(track),
        notices=(*notices, *_uncounted(counted, hold_out)),
        folds=walked.folds, baselines=others, baseline_metrics={name: measure(one) for name, one in others.items()},
        costed={**costed, 1.0: track}, evidence=evidence, verdict=verdict, hold_out=hold_out,
        findings=find(test, {**costed, 1.0: track}, chance, choice, count, evidence, verdict),
    )  # fmt: skip


def _gates(test: Test, chance: Chance, choice: Choice | None, rng: np.random.Generator) -> tuple[Gate, ...]:
    """Return the gates besides those of the evidence, in the order in which they are told."""
    protocol, make, walked = test.protocol, test.make, test.walked
    found: list[Gate] = []
    if protocol.random_traders:
        found.append(chance.gate(protocol.min_random_rank))
    if choice is not None:
        found.append(choice.gate(protocol.max_overfitting))
    found += lookahead_gate(make, walked, protocol.lookahead_cuts, rng, test.tell)
    if protocol.profile.has_sentinels:
        found += lanes_gate(make, walked, test.settings, test.tell)
        found.append(repeat_gate(make, walked, test.settings, test.tell))
    return tuple(found)


def _before_hold_out(settings: Settings, bars: Sequence[Bars], protocol: Protocol) -> Settings:
    """Return the settings without what is dated in the hold-out."""
    if not protocol.hold_out or not settings.flows:
        return settings
    return replace(settings, flows=flows_within(settings, 0, border(bars, protocol.hold_out)))


def _final(
    make: Make, bars: Sequence[Bars], past: Sequence[Bars], settings: Settings, protocol: Protocol
) -> tuple[ChosenFold | None, Sequence[Tried]]:
    """Choose, on the newest training span before it, what meets the hold-out; None where nothing is locked."""
    if not protocol.hold_out:
        return None, ()
    return choose_next(make, past, settings, protocol.plan, max(one.end_time for one in bars))


def _multiples(protocol: Protocol) -> list[float]:
    return sorted({*protocol.profile.cost_multiples, protocol.limits.cost_multiple} - {1.0})


def _uncounted(counted: Ledgered | None, hold_out: HoldOut | None) -> tuple[str, ...]:
    found = (UNCOUNTED,) if counted is None else ()
    return (*found, UNRECORDED) if hold_out is not None and hold_out.status == "unrecorded" else found


def at_other_costs(
    make: Make, walked: Walk, settings: Settings, multiples: Sequence[float], tell: Tell
) -> dict[float, Track]:
    """Return the same shifts played at other multiples of the costs, by strategies made anew: they may remember."""
    found = {}
    for done, multiple in enumerate(multiples):
        tell("costs", done, len(multiples))
        costly = replace(settings, venue=settings.venue.scaled(multiple))
        found[multiple] = simulate_shifts(shifts_of(make, walked.folds), walked.bars, costly).track
    tell("costs", len(multiples), len(multiples))
    return found


def gather_evidence(
    track: Track, others: Mapping[str, Track], costed: Mapping[float, Track], trials: int, sharpes: FloatArray,
    rng: np.random.Generator, bootstrap: Bootstrap = DEFAULT,
) -> Evidence:  # fmt: skip
    """Return the evidence of an out-of-sample record beside its baselines, all on the days they share."""
    names, multiples = list(others), list(costed)
    daily = [daily_returns(one.curve, one.timeframe) for one in (track, *others.values(), *costed.values())]
    mine, *rest = align(*daily)
    return gather(
        mine, dict(zip(names, rest[: len(names)], strict=True)), trades=len(track.trades), trials=trials, rng=rng,
        trial_sharpes=sharpes, costed_returns={**dict(zip(multiples, rest[len(names) :], strict=True)), 1.0: mine},
        per_year=daily[0].per_year, bootstrap=bootstrap,
    )  # fmt: skip


def first_line(strategy: Strategy) -> str:
    """Return the first line of a strategy's docstring."""
    return (type(strategy).__doc__ or "").strip().partition("\n")[0]


def _notices(strategy: Strategy, bars: Sequence[Bars], quarantined: bool) -> tuple[str, ...]:
    notices = [SYNTHETIC] if any(one.is_synthetic for one in bars) else []
    if str(bars[0].timeframe) != strategy.timeframe:
        notices.append(f"{strategy.name()} is made for {strategy.timeframe} bars and was run on {bars[0].timeframe}.")
    if quarantined:
        notices.append(
            "The strategy faulted three times and was quarantined; what follows is the shell closing its positions."
        )
    return tuple(notices)
