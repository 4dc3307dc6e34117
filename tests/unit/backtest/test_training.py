"""An optimiser is given the past and nothing else: whatever it reaches for, no later bar is there."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from tradecore.backtest.run import Settings, simulate
from tradecore.backtest.training import GridSearch, Training, copied
from tradecore.backtest.walk_forward import Plan, choose_next, walk
from tradecore.core.bars import Bars
from tradecore.core.errors import UsageError
from tradecore.stats.inference import sharpe_ratio
from tradecore.stats.sample import daily_returns
from tradecore.strategy.contract import Strategy

GRID = {"span": (24, 72)}


def reachable(start: object, depth: int = 12) -> Iterator[object]:
    """Yield everything that can be had from an object by its attributes, items, closures and the bases of its arrays.

    Modules and classes are the whole program and end the walk; a frame of the stack is not something one is given.
    """
    seen: set[int] = set()
    queue: list[tuple[object, int]] = [(start, 0)]
    while queue:
        one, level = queue.pop()
        if id(one) in seen or isinstance(one, str | bytes | int | float | type | type(np)):
            continue
        seen.add(id(one))
        yield one
        if level < depth:
            found: list[object] = [one.base] if isinstance(one, np.ndarray) else []
            if callable(one):
                found += [cell.cell_contents for cell in getattr(one, "__closure__", None) or ()]
                found += [getattr(one, name, None) for name in ("__self__", "__wrapped__", "__defaults__", "func")]
                found += [*getattr(one, "args", ())]
            found += list(one.values()) if isinstance(one, Mapping) else []
            found += list(one) if isinstance(one, tuple | list | set) else []
            names = [*getattr(one, "__slots__", ()), *getattr(one, "__dict__", {})]
            found += [getattr(one, name, None) for name in names if isinstance(name, str)]
            queue += [(item, level + 1) for item in found if item is not None]


@dataclass
class Thief:
    """Takes whatever it can reach and remembers the latest moment and the longest array it saw."""

    latest: list[int] = field(default_factory=list)
    longest: list[int] = field(default_factory=list)
    arrays: int = 0

    def choose(self, training: Training) -> Mapping[str, object]:
        training.score(training.candidates[0])
        latest = longest = 0
        for one in reachable(training):
            if isinstance(one, np.ndarray) and one.size:
                self.arrays += 1
                longest = max(longest, len(one))
                if one.dtype == np.int64:
                    latest = max(latest, int(one.max()))
        self.latest.append(latest)
        self.longest.append(longest)
        return training.candidates[0]


def test_a_malicious_optimiser_reaches_no_bar_after_training(trend: type[Strategy], planted: Bars) -> None:
    thief = Thief()
    done = walk(trend, (planted,), Settings(), Plan(folds=3, grid=GRID, optimiser=thief))
    assert thief.arrays > 20
    for fold, latest, longest in zip(done.folds, thief.latest, thief.longest, strict=True):
        assert latest < fold.train[1] < fold.test[0]
        assert longest == int(np.searchsorted(planted.open_time, fold.train[1]))


def test_the_thief_would_find_a_later_bar_behind_a_view(planted: Bars) -> None:
    views = [one for one in reachable(planted[:100]) if isinstance(one, np.ndarray)]
    copies = [one for one in reachable(copied([planted[:100]])) if isinstance(one, np.ndarray)]
    assert max(map(len, views)) == len(planted)
    assert {len(one) for one in copies} == {100}


def test_copies_are_read_only_and_hold_what_the_bars_hold(planted: Bars) -> None:
    (own,) = copied([planted], int(planted.open_time[50]))
    assert len(own) == 50
    assert own.content_hash() == planted[:50].content_hash()
    with pytest.raises(ValueError, match="read-only"):
        own.close[0] = 1.0


def test_flows_of_later_days_are_not_handed_over(trend: type[Strategy], planted: Bars) -> None:
    late = int(planted.open_time[-1])
    seen: list[object] = []

    class Looks:
        def choose(self, training: Training) -> Mapping[str, object]:
            seen.extend(one for one in reachable(training) if isinstance(one, dict) and late in one)
            return training.candidates[0]

    walk(trend, (planted,), Settings(flows={late: 10.0}), Plan(folds=3, optimiser=Looks()))
    assert seen == []
    gc.collect()


def test_every_score_is_a_trial_and_is_what_a_plain_run_shows(trend: type[Strategy], planted: Bars) -> None:
    training = Training(trend, copied([planted[:1500]]), Settings(), int(planted.open_time[500]), 2, [{}], lambda: None)
    found = training.score({"span": 24})
    track = simulate(trend(span=24), (planted[:1500],), decide_from=int(planted.open_time[500])).track
    days = daily_returns(track.curve, track.timeframe)
    assert found == sharpe_ratio(days.returns)
    assert [(one.fold, one.params, one.sharpe, one.days) for one in training.tried] == [
        (2, {"span": 24}, found, len(days.returns))
    ]


def test_an_optimiser_of_ones_own_is_counted_and_kept_to_the_purge(trend: type[Strategy], planted: Bars) -> None:
    class Own:
        def choose(self, training: Training) -> Mapping[str, object]:
            for span in (12, 36):
                training.score({"span": span})
            return {"span": 36}

    with pytest.raises(UsageError, match="give the plan purge=35"):
        walk(trend, (planted,), Settings(), Plan(folds=3, grid={"span": (12,)}, optimiser=Own()))
    plan = Plan(folds=3, grid={"span": (12,)}, optimiser=Own(), purge=40)
    done = walk(trend, (planted,), Settings(), plan)
    assert [one.params["span"] for one in done.tried] == [12, 36] * 3
    assert {one.params["span"] for one in done.folds} == {36}
    assert done.shape.purge == 40


def test_the_grid_search_keeps_the_first_where_nothing_traded(trend: type[Strategy], planted: Bars) -> None:
    flat = replace(planted, **{name: np.full(len(planted), 100.0) for name in ("open", "high", "low", "close")})
    training = Training(
        trend, (flat,), Settings(), int(flat.open_time[200]), 1, [{"span": 24}, {"span": 72}], lambda: None
    )
    assert GridSearch().choose(training) == {"span": 24}
    assert [one.sharpe for one in training.tried] == [None, None]


def test_what_meets_the_hold_out_is_chosen_on_the_newest_training_span(trend: type[Strategy], planted: Bars) -> None:
    plan = Plan(folds=3, grid=GRID)
    done = walk(trend, (planted,), Settings(), plan)
    end = planted.end_time + 1000
    chosen, tried = choose_next(trend, (planted,), Settings(), plan, end)
    assert chosen.test == (planted.end_time, end)
    gap = done.shape.gap * planted.timeframe.ns
    assert chosen.train[1] == planted.end_time - gap
    assert chosen.number == len(done.folds) + 1
    best = max(tried, key=lambda one: one.sharpe or -np.inf)
    assert chosen.params == best.params
