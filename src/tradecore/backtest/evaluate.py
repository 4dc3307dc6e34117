"""The honest test: walk forward, stand beside the baselines, count the trials, and say whether there is an edge.

One protocol from candidate to verdict. The verdict's gates and their limits are `stats.gates`; what is new here is
only the order of things and that every trial is in the ledger before significance is computed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace

import numpy as np

from tradecore.backtest.baselines import baselines, random_sharpes
from tradecore.backtest.lookahead import find_lookahead
from tradecore.backtest.result import Result, dataset_of
from tradecore.backtest.run import Settings, simulate, simulate_shifts
from tradecore.backtest.walk_forward import Make, Plan, Tell, Walk, shifts_of, walk
from tradecore.core.bars import Bars
from tradecore.core.clock import Clock, SystemClock
from tradecore.core.seeds import generator
from tradecore.core.track import Track
from tradecore.core.types import FloatArray
from tradecore.registry.trials import Trial, TrialLedger
from tradecore.stats.benchmarks import align
from tradecore.stats.gates import Evidence, EvidenceLimits, Gate, gather, judge
from tradecore.stats.inference import sharpe_ratio
from tradecore.stats.metrics import measure
from tradecore.stats.sample import daily_returns
from tradecore.strategy.contract import Strategy
from tradecore.strategy.loading import source_hash

COST_MULTIPLES = (0.0, 0.5, 1.5, 2.0, 3.0)
SYNTHETIC = "SYNTHETIC MARKET: these bars were made, not traded. A result on them says nothing about a real market."


@dataclass(frozen=True, slots=True)
class Protocol:
    """How a candidate is tested. Travels with the verdict."""

    plan: Plan = field(default_factory=Plan)
    limits: EvidenceLimits = field(default_factory=EvidenceLimits)
    random_traders: int = 100
    """Random strategies, matched for turnover and holding, that the candidate is ranked among; 0 leaves them out."""
    min_random_rank: float = 0.95
    """Share of them it must beat."""
    lookahead_cuts: int = 10
    """Places at which the data is cut to see whether a decision changes; 0 leaves the test out."""


@dataclass(frozen=True, slots=True)
class Ledgered:
    """Where trials are counted: the ledger, and the run that holds the evidence."""

    ledger: TrialLedger
    run: str = ""
    clock: Clock = field(default_factory=SystemClock)


def backtest(
    strategy: Strategy, bars: Sequence[Bars], settings: Settings | None = None, *, tell: Tell | None = None
) -> Result:
    """Run a strategy once over the bars. Figures and no verdict: one run over known data proves nothing."""
    settings = settings or Settings()
    done = simulate(strategy, bars, settings, progress=(lambda i, n: tell("backtest", i, n)) if tell else None)
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
    walked = walk(make, bars, settings, protocol.plan, tell=tell)
    trials, sharpes = count_trials(make, walked, settings, counted)
    others = baselines(walked, settings, protocol.plan, tell=tell)
    costed = at_other_costs(make, walked, settings, protocol.limits.cost_multiple, tell)
    randoms = random_sharpes(walked, settings, protocol.random_traders, rng, tell=tell)
    track = walked.simulation.track
    evidence = gather_evidence(track, others, costed, trials, sharpes, rng)
    gates = (*_random_gate(track, randoms, protocol), *_lookahead_gate(make, walked, protocol, rng, tell))
    strategy = walked.shifts[-1].strategy
    notices = list(_notices(strategy, bars, walked.simulation.quarantined))
    if counted is None:
        notices.append(
            "Trials were counted for this call alone; run it in a workspace to count every trial on this data."
        )
    return Result(
        strategy=strategy.name(), text=first_line(strategy), params=strategy.p._asdict(), kind="walk_forward",
        bars=walked.bars,
        settings=settings, track=track, journal=walked.simulation.journal, metrics=measure(track),
        notices=tuple(notices),
        folds=walked.folds, baselines=others, baseline_metrics={name: measure(one) for name, one in others.items()},
        costed={**costed, 1.0: track}, evidence=evidence, verdict=judge(evidence, protocol.limits, gates),
    )  # fmt: skip


def count_trials(make: Make, walked: Walk, settings: Settings, counted: Ledgered | None) -> tuple[int, FloatArray]:
    """Enter every candidate of a walk into the ledger; return how many trials this data has seen, and how they did.

    Their Sharpe ratios are of daily returns, not annualised.
    """
    record = daily_returns(walked.simulation.track.curve, walked.simulation.track.timeframe).returns
    # The last training slice comes last: the ledger compares trials by their newest evaluation, and that one is the
    # same stretch of data for every candidate.
    found = [(fold.params, sharpe_ratio(record), len(record), "walk_forward") for fold in walked.folds[-1:]]
    found += [(one.params, one.sharpe, one.days, "walk_forward_train") for one in walked.tried if one.days]
    made = [make(**params) for params, *_ in found]
    configs = [config_hash(one.p._asdict(), settings, walked.bars) for one in made]
    if counted is None:
        return len(set(configs)), np.array([sharpe for _, sharpe, *_ in found if sharpe is not None])
    dataset, now = dataset_of(walked.bars), counted.clock.now()
    counted.ledger.record_many(
        Trial(dataset, source_hash(one), config, protocol, "run", counted.run, sharpe, days, now)
        for one, config, (_, sharpe, days, protocol) in zip(made, configs, found, strict=True)
    )
    return counted.ledger.count(dataset), counted.ledger.sharpes(dataset)


def config_hash(params: Mapping[str, object], settings: Settings, bars: Sequence[Bars]) -> str:
    """Return the hash of everything chosen about a trial besides the strategy's code and the data."""
    chosen = {
        "params": dict(params), "venue": asdict(settings.venue), "limits": asdict(settings.limits),
        "pairs": [str(one.pair) for one in bars], "timeframe": str(bars[0].timeframe),
    }  # fmt: skip
    return hashlib.sha256(json.dumps(chosen, sort_keys=True, default=repr).encode()).hexdigest()


def at_other_costs(make: Make, walked: Walk, settings: Settings, needed: float, tell: Tell) -> dict[float, Track]:
    """Return the same shifts played at other multiples of the costs, by strategies made anew: they may remember."""
    multiples = sorted({*COST_MULTIPLES, needed} - {1.0})
    found = {}
    for done, multiple in enumerate(multiples):
        tell("costs", done, len(multiples))
        costly = replace(settings, venue=settings.venue.scaled(multiple))
        found[multiple] = simulate_shifts(shifts_of(make, walked.folds), walked.bars, costly).track
    tell("costs", len(multiples), len(multiples))
    return found


def gather_evidence(
    track: Track, others: Mapping[str, Track], costed: Mapping[float, Track], trials: int, sharpes: FloatArray,
    rng: np.random.Generator,
) -> Evidence:  # fmt: skip
    """Return the evidence of an out-of-sample record beside its baselines, all on the days they share."""
    names, multiples = list(others), list(costed)
    daily = [daily_returns(one.curve, one.timeframe) for one in (track, *others.values(), *costed.values())]
    mine, *rest = align(*daily)
    return gather(
        mine, dict(zip(names, rest[: len(names)], strict=True)), trades=len(track.trades), trials=trials, rng=rng,
        trial_sharpes=sharpes, costed_returns={**dict(zip(multiples, rest[len(names) :], strict=True)), 1.0: mine},
        per_year=daily[0].per_year,
    )  # fmt: skip


def first_line(strategy: Strategy) -> str:
    """Return the first line of a strategy's docstring."""
    return (type(strategy).__doc__ or "").strip().partition("\n")[0]


def _random_gate(track: Track, randoms: Sequence[float], protocol: Protocol) -> tuple[Gate, ...]:
    if not protocol.random_traders:
        return ()
    mine = sharpe_ratio(daily_returns(track.curve, track.timeframe).returns)
    if not randoms or mine is None:
        return (
            Gate(
                "beats_random",
                False,
                None,
                protocol.min_random_rank,
                "no closed trade: random traders cannot be matched to it",
            ),
        )
    rank = sum(mine > other for other in randoms) / len(randoms)
    better = f"better than {rank:.0%} of {len(randoms)} random traders of the same turnover"
    text = f"{better}, at least {protocol.min_random_rank:.0%} wanted"
    return (Gate("beats_random", rank >= protocol.min_random_rank, rank, protocol.min_random_rank, text),)


def _lookahead_gate(
    make: Make, walked: Walk, protocol: Protocol, rng: np.random.Generator, tell: Tell
) -> tuple[Gate, ...]:
    if not protocol.lookahead_cuts:
        return ()
    tell("lookahead", 0, 1)
    found = find_lookahead(lambda: make(**walked.folds[-1].params), walked.bars, cuts=protocol.lookahead_cuts, rng=rng)
    tell("lookahead", 1, 1)
    return (Gate("no_lookahead", found.ok, float(not found.ok), 0.0, found.text),)


def _notices(strategy: Strategy, bars: Sequence[Bars], quarantined: bool) -> tuple[str, ...]:
    notices = [SYNTHETIC] if any(one.is_synthetic for one in bars) else []
    if str(bars[0].timeframe) != strategy.timeframe:
        notices.append(f"{strategy.name()} is made for {strategy.timeframe} bars and was run on {bars[0].timeframe}.")
    if quarantined:
        notices.append(
            "The strategy faulted three times and was quarantined; what follows is the shell closing its positions."
        )
    return tuple(notices)
