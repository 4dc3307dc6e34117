"""One task of a calibration: make a market of which the truth is known, find candidates on it, judge them, say how.

The candidates of a market are a fixed rule, and the best of a sweep over the development span, of which every
configuration is counted as a trial, as a person who had searched would have it counted. Each judgement has a ledger
entry of its own market, so that searching one does not weigh on another. Called by `calibrate` here and in workers.
Invariant: an outcome is plain JSON material and depends on the plan and the task alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from tradecore.backtest.calibration_rules import FIXED, RULE, field_of, make_rule, rule_class
from tradecore.backtest.evaluate import Ledgered, Protocol, config_hash, development, evaluate
from tradecore.backtest.figures import daily_sharpes
from tradecore.backtest.run import Settings, simulate
from tradecore.backtest.sweep import sweep
from tradecore.core.bars import Bars
from tradecore.core.clock import ManualClock
from tradecore.core.errors import ConfigError
from tradecore.core.seeds import generator
from tradecore.core.types import FloatArray, Pair, Timeframe
from tradecore.market import synthetic
from tradecore.market.shuffled import shuffle
from tradecore.registry.trials import Trial, TrialLedger
from tradecore.stats.bootstrap import Bootstrap, sharpe_interval
from tradecore.stats.calibration import PROCESSES, Process, coverage
from tradecore.stats.gates import EvidenceLimits
from tradecore.stats.sample import DAYS_PER_YEAR, daily_returns
from tradecore.strategy.loading import source_hash

PAIR, TIMEFRAME = Pair("BTC", "USD"), Timeframe.parse("1h")
SHUFFLED = "shuffled"
"""The kind of market that is made of real bars."""
COSTS: Mapping[str, float] = {"no costs": 0.0, "usual costs": 1.0}
"""Levels of costs by name: multiples of the venue's. Without costs nothing but luck separates rules from gain."""
CANDIDATES = ("fixed rule", "best of a sweep")
"""A rule brought along, and the best of all configurations over the development span."""
NOMINAL = 0.90
"""Level of the intervals whose coverage is measured."""
RECORD_DAYS = (310, 465)
"""Lengths of the made-up records: what is out of sample of two and three years."""
RANDOM_TRADERS = 100
"""Random traders each candidate is ranked among. More of them would make the rank steadier, and change no rate."""
CHUNK = 100
"""Records of one task that measures how often intervals cover."""


def judging(limits: EvidenceLimits | None = None) -> Protocol:
    """Return the protocol of a calibration: all gates that decide, and the hold-out opened whatever the others say.

    Opening it changes no verdict, since one failed gate is enough; but so every gate's own word is known, and what
    would have happened without one. Rules of ours are known not to look ahead, so that is not asked each time.
    """
    limits = limits or EvidenceLimits()
    return Protocol.of("lean", limits=limits, opens_hold_out=True, random_traders=RANDOM_TRADERS)


@dataclass(frozen=True, slots=True)
class Calibration:
    """What experiment is done. Travels with the result."""

    seed: int = 1
    markets: int = 200
    """Markets without an edge of each kind; every one is judged four times: two candidates, two levels of costs."""
    planted: int = 50
    """Markets with a planted edge, of each size and length."""
    kinds: tuple[str, ...] = ("gbm", "regimes", SHUFFLED)
    """Kinds of market without an edge."""
    costs: tuple[str, ...] = tuple(COSTS)
    """Levels of costs on markets without an edge; planted edges are looked for at the usual ones."""
    candidates: tuple[str, ...] = CANDIDATES
    """Ways to come by a candidate."""
    years: tuple[int, ...] = (2, 3)
    """Lengths of history; markets without an edge take them in turn."""
    edges: tuple[float, ...] = (0.0, 0.3, 0.45, 0.6, 0.75, 0.9, 1.1, 1.4)
    """Sizes of the planted edge, as `synthetic.make("trending", edge=...)` takes them, rising."""
    configurations: int = 500
    """How many the sweep tries, from `field_of`."""
    truth: int = 60
    """Markets of the longest length that the truth about each size of edge is measured on."""
    replications: int = 5000
    """Records of made-up returns, of each kind and length, for the coverage of intervals."""
    tracks: int = 2000
    """Records that strategies left on markets, for the same."""
    protocol: Protocol = field(default_factory=judging)
    """How candidates are judged."""
    settings: Settings = field(default_factory=Settings)
    """The account and the usual costs."""

    def __post_init__(self) -> None:
        counts = (self.markets, self.planted, self.truth, self.replications, self.tracks)
        rising = all(one < two for one, two in zip(self.edges, self.edges[1:], strict=False))
        if min(counts) < 0 or not 1 <= self.configurations <= 500 or not self.years or not rising:
            raise ConfigError(
                f"calibration of {self.markets} markets, {self.configurations} configurations, edges {self.edges}: "
                "expected no negative count, 1 to 500 configurations, at least one length in years and rising edges"
            )
        if not {*self.costs} <= {*COSTS} or not {*self.candidates} <= {*CANDIDATES}:
            raise ConfigError(f"calibration at {self.costs} of {self.candidates}: expected {(*COSTS,)} of {CANDIDATES}")
        if unknown := sorted({*self.kinds} - {*synthetic.KINDS, SHUFFLED}):
            raise ConfigError(f"market without an edge {unknown[0]!r} is unknown, expected gbm, regimes or {SHUFFLED}")

    @property
    def needs_real(self) -> bool:
        """Whether real bars are wanted, to be shuffled."""
        return SHUFFLED in self.kinds and self.markets > 0

    @property
    def middle_edge(self) -> float:
        """The size of edge that coverage is measured at."""
        return self.edges[len(self.edges) // 2] if self.edges else 0.0


@dataclass(frozen=True, slots=True)
class Task:
    """One piece of work; its key names it for ever."""

    what: str
    """`no edge`, `planted`, `truth` or `coverage`."""
    market: str
    years: int = 0
    edge: float = 0.0
    index: int = 0

    @property
    def key(self) -> str:
        """Return the name under which its outcome is kept."""
        return f"{self.what}/{self.market}/{self.years}y/{self.edge:g}/{self.index:05d}"


class Worker:
    """Plays tasks; holds what they share. `folder` is its own, for the ledger."""

    def __init__(self, plan: Calibration, real: Bars | None, folder: Path) -> None:
        self._plan = plan
        self._real = real
        self._ledger = TrialLedger.open(folder / "trials.db")
        self._clock = ManualClock()

    def close(self) -> None:
        """Let go of the ledger."""
        self._ledger.close()

    def play(self, task: Task) -> dict[str, Any]:
        """Return the outcome of a task as JSON material."""
        if task.what == "truth":
            return self._truth(task)
        if task.what == "coverage":
            return {"held": self._made(task)} if task.market == "made" else {"intervals": self._tracked(task)}
        bars = self._market(task)
        fixed = FIXED[task.index % len(FIXED)] if task.what == "no edge" else RULE
        costs = self._plan.costs if task.what == "no edge" else ("usual costs",)
        return {"judged": [row for name in costs for row in self._judged(bars, fixed, name, task.key)]}

    def _market(self, task: Task, part: str = "market") -> Bars:
        seed = int(generator(self._plan.seed, "calibrate", part, task.key).integers(1 << 31))
        if task.market == SHUFFLED:
            assert self._real is not None
            return shuffle(self._real, seed=seed, days=365 * task.years)
        options: dict[str, Any] = {"edge": task.edge} if task.market == "trending" else {}
        bars = 365 * 24 * task.years
        return synthetic.make(task.market, pair=PAIR, timeframe=TIMEFRAME, bars=bars, seed=seed, **options)

    def _judged(self, bars: Bars, fixed: Mapping[str, Any], costs: str, key: str) -> list[dict[str, Any]]:
        """Judge the fixed rule and the best of the sweep, each as if nobody had ever looked at these bars before."""
        usual = self._plan.settings
        settings = replace(usual, venue=usual.venue.scaled(COSTS[costs]))
        found = []
        for candidate in self._plan.candidates:
            lab = replace(bars, dataset=f"{key}/{costs}/{candidate}", source=f"{bars.source}:{costs}:{candidate}")
            chosen = fixed if candidate == "fixed rule" else self._best(lab, settings)
            said = self._verdict(lab, settings, chosen)
            found.append({"candidate": candidate, "costs": costs, "rule": dict(chosen), **said})
        return found

    def _verdict(self, bars: Bars, settings: Settings, chosen: Mapping[str, Any]) -> dict[str, Any]:
        counted = Ledgered(self._ledger, clock=self._clock)
        result = evaluate(partial(make_rule, **chosen), (bars,), settings, self._plan.protocol, counted=counted)
        assert result.verdict is not None
        assert result.evidence is not None
        return {
            "edge": result.verdict.is_edge,
            "failed": [gate.name for gate in result.verdict.gates if not gate.passed],
            "broken": bool(result.evidence.problems),
            "trials": result.evidence.trials,
            "sharpe": None if result.evidence.sharpe is None else result.evidence.sharpe.estimate,
        }

    def _best(self, bars: Bars, settings: Settings) -> Mapping[str, Any]:
        """Return the configuration with the highest Sharpe ratio over the development span, all of them counted."""
        (past,) = development((bars,), self._plan.protocol)
        candidates = field_of(self._plan.configurations)
        daily = _swept(past, settings, candidates)
        sharpes = daily_sharpes(daily)
        self._ledger.record_many(
            Trial(
                bars.dataset, source_hash(one), config_hash(one.p._asdict(), settings, (bars,)), "backtest", "sweep",
                "", sharpe, daily.shape[1], self._clock.now(),
            )
            for one, sharpe in zip((make_rule(**params) for params in candidates), sharpes, strict=True)
        )  # fmt: skip
        return max(zip(sharpes, candidates, strict=True), key=lambda row: -np.inf if row[0] is None else row[0])[1]

    def _truth(self, task: Task) -> dict[str, Any]:
        """Measure what an edge of this size is worth: the best rule of half of many markets, shown on the rest."""
        candidates = [dict(RULE), *field_of(self._plan.configurations)]
        sums = np.zeros((2, 3, len(candidates)))
        for part in range(self._plan.truth):
            bars = self._market(replace(task, index=part), "truth")
            daily = _swept(bars, self._plan.settings, candidates)
            sums[part % 2] += (np.full(len(candidates), daily.shape[1]), daily.sum(axis=1), (daily**2).sum(axis=1))
        best = int(np.argmax(_annual(*sums[0])))
        return {
            "rule": candidates[best],
            "sharpe": float(_annual(*sums[1])[best]),
            "fixed": float(_annual(*sums.sum(axis=0))[0]),
        }

    def _made(self, task: Task) -> dict[str, list[int]]:
        """Count the intervals that hold the known truth: [held, of] by kind of returns and days."""
        found = {}
        for name, process in PROCESSES.items():
            for days in RECORD_DAYS:
                rng = generator(self._plan.seed, "calibrate", task.key, name, days)
                held = coverage(partial(_record, process, days), process.sharpe, rng, CHUNK, NOMINAL).held
                found[f"{name}/{days}"] = [held.hits, held.count]
        return found

    def _tracked(self, task: Task) -> list[list[float]]:
        """Return the intervals of the records that the fixed rule leaves on markets with an edge, usual costs."""
        found = []
        for place in range(CHUNK):
            bars = self._market(replace(task, index=task.index * CHUNK + place), "coverage")
            track = simulate(make_rule(**RULE), (bars,), self._plan.settings).track
            returns = daily_returns(track.curve, track.timeframe).returns
            rng = generator(self._plan.seed, "calibrate", task.key, place)
            one = sharpe_interval(returns, DAYS_PER_YEAR, rng, Bootstrap(level=NOMINAL))
            found.append([one.low, one.high])
        return found


def _record(process: Process, days: int, rng: np.random.Generator) -> FloatArray:
    return process.make(rng, days)


def _swept(bars: Bars, settings: Settings, candidates: list[dict[str, Any]]) -> FloatArray:
    """Return the daily returns of every configuration, (N, D), in their order; one sweep for each kind of rule."""
    daily: FloatArray = np.zeros((0, 0))
    for rule in dict.fromkeys(params["rule"] for params in candidates):
        places = [place for place, params in enumerate(candidates) if params["rule"] == rule]
        own = [{name: value for name, value in candidates[at].items() if name != "rule"} for at in places]
        swept = sweep(rule_class(rule), (bars,), settings, own, workers=1)
        assert len(swept) == len(own), "configurations are different from one another, and no rule refuses any"
        if not daily.size:
            daily = np.zeros((len(candidates), swept.daily.shape[1]))
        daily[places] = swept.daily
    return daily


def _annual(days: FloatArray, total: FloatArray, squares: FloatArray) -> FloatArray:
    """Return annual Sharpe ratios from counts, sums and sums of squares of daily returns."""
    mean = total / days
    deviation = np.sqrt(np.maximum((squares - days * mean**2) / (days - 1), 1e-30))
    annual: FloatArray = np.where(squares > 0, mean / deviation * np.sqrt(DAYS_PER_YEAR), 0.0)
    return annual
