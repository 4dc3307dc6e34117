"""Counting what was tried: every candidate of a walk enters the ledger before anything is called significant.

Called by `backtest.evaluate`; `config_hash` names a configuration for everybody who counts. Invariant: the same
configuration on the same data has the same hash, whichever way it was asked for.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from tradecore.backtest.result import dataset_of
from tradecore.backtest.run import Settings
from tradecore.backtest.training import Make, Tried
from tradecore.backtest.walk_forward import Walk
from tradecore.core.bars import Bars
from tradecore.core.clock import Clock, SystemClock
from tradecore.core.types import FloatArray
from tradecore.stats.inference import sharpe_ratio
from tradecore.stats.sample import daily_returns
from tradecore.strategy.loading import source_hash

if TYPE_CHECKING:
    from tradecore.registry.holdouts import HoldOutLedger
    from tradecore.registry.trials import TrialLedger


@dataclass(frozen=True, slots=True)
class Ledgered:
    """Where trials are counted: the ledger, and the run that holds the evidence."""

    ledger: TrialLedger
    run: str = ""
    clock: Clock = field(default_factory=SystemClock)
    hold_outs: HoldOutLedger | None = None
    """Where openings of hold-outs are recorded; without it a hold-out that is opened is not, and the result says so."""


@dataclass(frozen=True, slots=True, eq=False)
class Counted:
    """How many trials the data has seen, this test's included, and how they did."""

    trials: int
    """Configurations on this dataset, or on any that shares a market and some of its span: the larger of the two."""
    by_hash: int
    """Configurations under this dataset's hash alone."""
    sharpes: FloatArray
    """Per day, not annualised."""


def count_trials(
    make: Make, walked: Walk, settings: Settings, counted: Ledgered | None, more: Sequence[Tried] = ()
) -> Counted:
    """Enter every candidate of a walk into the ledger; return how many trials this data has seen, and how they did.

    `more` were tried besides the walk. Their Sharpe ratios are of daily returns, not annualised.
    """
    record = daily_returns(walked.simulation.track.curve, walked.simulation.track.timeframe).returns
    # The last training slice comes last: the ledger compares trials by their newest evaluation, and that one is the
    # same stretch of data for every candidate.
    found = [(fold.params, sharpe_ratio(record), len(record), "walk_forward") for fold in walked.folds[-1:]]
    scored = [one for one in (*walked.tried, *more) if one.days]
    found += [(one.params, one.sharpe, one.days, "walk_forward_train") for one in scored]
    # An optimiser may choose what it never scored.
    unscored = [one.params for one in (*walked.tried, *more) if not one.days and one.params != walked.folds[-1].params]
    found += [(params, None, 0, "walk_forward_chosen") for params in unscored]
    made = [make(**params) for params, *_ in found]
    configs = [config_hash(one.p._asdict(), settings, walked.bars) for one in made]
    if counted is None:
        own = len(set(configs))
        return Counted(own, own, np.array([sharpe for _, sharpe, *_ in found if sharpe is not None]))
    from tradecore.registry.trials import Trial  # with the database, which a plain run never opens

    dataset, now = dataset_of(walked.bars), counted.clock.now()
    trials = [
        Trial(dataset, source_hash(one), config, protocol, "run", counted.run, sharpe, days, now)
        for one, config, (_, sharpe, days, protocol) in zip(made, configs, found, strict=True)
    ]
    counted.ledger.record_many(trials, walked.bars)
    by_hash = counted.ledger.count(dataset)
    trials_here = max(by_hash, counted.ledger.count_market(walked.bars))
    return Counted(trials_here, by_hash, counted.ledger.sharpes(dataset))


def config_hash(params: Mapping[str, object], settings: Settings, bars: Sequence[Bars]) -> str:
    """Return the hash of everything chosen about a trial besides the strategy's code and the data."""
    chosen = {
        "params": dict(params), "venue": asdict(settings.venue), "limits": asdict(settings.limits),
        "pairs": [str(one.pair) for one in bars], "timeframe": str(bars[0].timeframe),
    }  # fmt: skip
    return hashlib.sha256(json.dumps(chosen, sort_keys=True, default=repr).encode()).hexdigest()
