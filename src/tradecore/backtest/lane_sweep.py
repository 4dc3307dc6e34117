"""The fast way of a sweep: strategies that say their exposure, on one pair, played by `sim.sweep` on threads.

Features are computed once for all candidates that read them. Whatever the compiled player does not do (cash flows,
gaps, drawdown stops, cooldowns, shorts) is not done differently here but not at all: `suits` says no, and the sweep
gives those candidates sessions. Called by `backtest.sweep`. Invariant: the figures are those of a single backtest, to
1e-9, which `control.sweeps` checks on the best of every sweep and a property test on random ones.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from threading import local
from typing import Any, NamedTuple

import numpy as np

from tradecore.backtest.candidates import Make, Params
from tradecore.backtest.figures import NAMES
from tradecore.backtest.pool import Played
from tradecore.backtest.run import Settings
from tradecore.core.bars import Bars
from tradecore.core.types import DAY_NS, FloatArray, IntArray
from tradecore.features.feature import Feature
from tradecore.features.together import groups_of, rows_of
from tradecore.sim import sweep as kernels
from tradecore.sim.lane import terms_of
from tradecore.stats.inference import CONSTANT
from tradecore.stats.returns import MIN_YEARS_TO_ANNUALISE
from tradecore.stats.sample import DAYS_PER_YEAR, YEAR_NS
from tradecore.strategy.contract import Strategy
from tradecore.strategy.lanes import split, wanted_share
from tradecore.strategy.recorder import Wrapper
from tradecore.strategy.views import PRICE_COLUMNS

FEATURE_BYTES = 48 * 1024 * 1024
"""Feature columns held at once; a sweep with more of them is played in blocks that share theirs."""
LEAST_COLUMNS = 24
"""Columns held at once however long they are."""
BATCH = 8
"""Candidates that a thread takes at once."""


def suits(strategy: Strategy, bars: Sequence[Bars], settings: Settings) -> bool:
    """Say whether the compiled player does all that this strategy, these bars and these settings ask for."""
    limits = settings.limits
    return (
        strategy.exposure is not None
        and not isinstance(strategy, Wrapper)
        and len(bars) == 1
        and bool(bars[0].is_real.all())
        and not settings.flows
        and not settings.venue.allow_short
        and settings.venue.max_positions >= 1
        and limits.max_drawdown >= 1.0
        and limits.cooldown_bars == 0
        and not limits.no_new_risk
    )


def play_lanes(
    make: Make, bars: Bars, settings: Settings, work: Sequence[tuple[int, Params]], workers: int
) -> Iterator[Played]:
    """Yield each parameter set's outcome as it comes, in any order. Errors: StrategyError naming the parameter set."""
    player = LanePlayer(make, bars, settings)
    with ThreadPoolExecutor(workers) as threads:
        waiting: set[Future[list[Played]]] = set()
        try:
            for block in player.blocks(work):
                list(threads.map(player.add_features, groups_of(player.missing(block))))
                waiting = {
                    threads.submit(player.play_all, block[at : at + BATCH]) for at in range(0, len(block), BATCH)
                }
                while waiting:
                    done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                    for one in done:
                        yield from one.result()
        finally:
            for one in waiting:
                one.cancel()


class Candidate(NamedTuple):
    """One parameter set, ready to be played."""

    number: int
    strategy: Strategy
    features: Mapping[str, Feature]
    needed: tuple[Feature, ...]
    """What is computed for it: its features with all their outputs."""


class LanePlayer:
    """One market and its features, on which candidates are played."""

    def __init__(self, make: Make, bars: Bars, settings: Settings, columns: int = 0) -> None:
        self._make, self._bars = make, bars
        self._room = columns or max(FEATURE_BYTES // (8 * max(len(bars), 1)), LEAST_COLUMNS)
        self._terms = terms_of(settings.venue, bars.pair)
        limits = settings.limits
        self._rules = kernels.Rules(
            float(settings.cash), int(settings.venue.latency_bars), float(limits.max_pair_exposure),
            float(limits.max_total_exposure),
        )  # fmt: skip
        self._market = kernels.market_of(bars.open, bars.close, bars.volume, last_bars_of_days(bars))
        self._prices: Mapping[str, FloatArray] = {name: getattr(bars, name) for name in PRICE_COLUMNS}
        self._years = (int(bars.open_time[-1]) - int(bars.open_time[0]) + bars.timeframe.ns) / YEAR_NS
        self._per_year = bars.timeframe.per_year if bars.timeframe.ns >= DAY_NS else DAYS_PER_YEAR
        self._rows: dict[Feature, FloatArray] = {}
        self._own = local()

    def blocks(self, work: Sequence[tuple[int, Params]]) -> Iterator[list[Candidate]]:
        """Cut the work where its features would need too much memory; features no longer read are let go.

        Candidates come in the order of the feature that the fewest read: it is let go soon, those of many stay.
        """
        candidates, readers = [], Counter[Feature]()
        for number, params in work:
            strategy = self._make(**params)
            features = strategy.features(strategy.p)
            needed = tuple(dict.fromkeys(map(_whole, features.values())))
            candidates.append(Candidate(number, strategy, features, needed))
            for feature in needed:
                readers[feature] += 1
        order = {feature: (count, i) for i, (feature, count) in enumerate(readers.items())}
        candidates.sort(key=lambda one: min((order[feature] for feature in one.needed), default=(0, 0))[1])
        block: list[Candidate] = []
        read: set[Feature] = set()
        columns = 0
        for one in candidates:
            more = [feature for feature in one.needed if feature not in read]
            columns += sum(len(feature.spec.outputs) for feature in more)
            if block and columns > self._room:
                self._let_go(read)
                yield block
                block, read, more = [], set(), list(one.needed)
                columns = sum(len(feature.spec.outputs) for feature in more)
            block.append(one)
            read.update(more)
        self._let_go(read)
        yield block

    def missing(self, block: Sequence[Candidate]) -> list[Feature]:
        """Return the features a block reads that are not there yet, each once."""
        needed = dict.fromkeys(feature for one in block for feature in one.needed)
        return [feature for feature in needed if feature not in self._rows]

    def add_features(self, group: Sequence[Feature]) -> None:
        """Compute features for all who read them."""
        self._rows.update(zip(group, rows_of(group, self._bars), strict=True))

    def play_all(self, work: Sequence[Candidate]) -> list[Played]:
        """Play some candidates in turn."""
        return [self.play(one) for one in work]

    def play(self, one: Candidate) -> Played:
        """Play one candidate. Errors: StrategyError for an exposure that is none."""
        columns: dict[str, Any] = dict(self._prices)
        first = 0
        for key, feature in one.features.items():
            rows = self._rows[_whole(feature)]
            first = max(first, feature.warmup)
            for name, output in zip(feature.columns(key), feature.outputs, strict=True):
                columns[name] = rows[feature.spec.outputs.index(output)]
        wanted, size = split(one.strategy.exposure(columns))
        if wanted.shape != (len(self._bars),):
            wanted_share(one.strategy, self._bars)  # says what is wrong with it
        room = self._room_of_thread()
        at = room.changes(wanted, min(first, len(wanted)))
        share = wanted[at] * (1.0 if size is None else size)
        if not ((share >= 0.0) & (share <= 1.0)).all():
            wanted_share(one.strategy, self._bars)
        out, daily = np.empty(len(kernels.OUTCOME)), np.empty(len(self._market.day_ends))
        kernels.play(self._market, self._terms, self._rules, at, share, room.pending, out, daily)
        return one.number, self._figures(out), daily

    def _room_of_thread(self) -> _Room:
        """Return this thread's room for the changes of one candidate."""
        found: _Room | None = getattr(self._own, "room", None)
        if found is None:
            found = self._own.room = _Room(len(self._bars))
        return found

    def _figures(self, out: FloatArray) -> tuple[Any, ...]:
        """Return an outcome as a row of `FIGURES`, by the formulas of `stats.metrics`."""
        one = dict(zip(kernels.OUTCOME, out.tolist(), strict=True))
        final, bars, nan = one["final_equity"], len(self._bars), math.nan
        wealth, year = final / self._rules.cash, self._per_year
        growth = nan
        if self._years >= MIN_YEARS_TO_ANNUALISE and wealth > 0.0:
            growth = math.expm1(min(math.log(wealth) / self._years, 700.0))
        varies = one["deviation"] > CONSTANT * one["largest"]
        downside = math.sqrt(one["downside"] * year)
        mean_equity = one["equity_sum"] / bars
        figures = {
            "final_equity": final,
            "total_return": wealth - 1.0,
            "cagr": growth,
            "volatility": one["deviation"] * math.sqrt(year) if len(self._market.day_ends) > 1 else nan,
            "sharpe": one["mean"] / one["deviation"] * math.sqrt(year) if varies else nan,
            "sortino": one["mean"] * year / downside if downside > 0.0 else nan,
            "max_drawdown": one["deepest"],
            "calmar": growth / one["deepest"] if one["deepest"] > 0.0 else nan,
            "trades": int(one["trades"]),
            "win_rate": one["wins"] / one["trades"] if one["trades"] else nan,
            "profit_factor": one["won"] / one["lost"] if one["lost"] > 0.0 else nan,
            "fees": one["fees"],
            "turnover": one["notional"] / mean_equity / self._years if mean_equity > 0.0 else nan,
            "exposure": one["exposure_sum"] / bars,
            "time_in_market": one["held_bars"] / bars,
        }
        return (*(figures[name] for name in NAMES), False)

    def _let_go(self, read: set[Feature]) -> None:
        for feature in [one for one in self._rows if one not in read]:
            del self._rows[feature]


class _Room:
    """Memory in which one thread looks for changes of the wanted share, used again and again."""

    def __init__(self, bars: int) -> None:
        self.pending = np.empty((kernels.PENDING, 6))
        self._at = np.empty(bars, np.int64)
        self._flags = np.zeros(-(-bars // 8) * 8, np.uint8)
        self._words = self._flags.view(np.uint64)
        self._differs = self._flags.view(np.bool_)

    def changes(self, wanted: np.ndarray, first: int) -> IntArray:
        """Return the bars, from `first` on, in which something else is wanted than in the bar before; before `first`
        it is nothing."""
        count = max(len(wanted) - first - 1, 0)
        np.not_equal(wanted[first + 1 :], wanted[first : first + count], out=self._differs[:count])
        self._flags[count:] = 0
        known = 0
        if first < len(wanted) and wanted[first]:
            self._at[0], known = first, 1
        return self._at[: int(kernels.places_of(self._flags, self._words, first, self._at, known))]


def last_bars_of_days(bars: Bars) -> IntArray:
    """Return the last bar of each UTC day that has one, (D,); every bar where a bar is a day or longer."""
    if bars.timeframe.ns >= DAY_NS:
        return np.arange(len(bars))
    day = bars.open_time // DAY_NS
    return np.append(np.flatnonzero(day[1:] != day[:-1]), len(bars) - 1)


def _whole(feature: Feature) -> Feature:
    """Return the feature with all its outputs: what is computed once."""
    return feature if feature.output is None else Feature(feature.spec, feature.values)
