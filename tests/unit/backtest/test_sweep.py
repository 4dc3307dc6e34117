"""Sweeps: the same outcome whoever plays, what is kept is not played again, and errors name their candidate."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import pytest

from tradecore.backtest.figures import FIGURES, figures_of
from tradecore.backtest.lane_sweep import LanePlayer, last_bars_of_days, suits
from tradecore.backtest.pool import FEW
from tradecore.backtest.run import Settings, simulate
from tradecore.backtest.selection import blocks_for, own_sharpes, select
from tradecore.backtest.sweep import Part, Swept, sweep
from tradecore.core.bars import Bars
from tradecore.core.errors import StrategyError, UsageError
from tradecore.core.types import FloatArray, Pair, Timeframe, parse_time
from tradecore.features import sma
from tradecore.features.feature import Feature
from tradecore.features.together import groups_of
from tradecore.market import synthetic
from tradecore.risk.rules import Limits
from tradecore.sim.model import VenueModel
from tradecore.stats.sample import daily_returns
from tradecore.strategy.contract import Strategy
from tradecore.strategy.loading import load
from tradecore.strategy.parameters import Int

LANE = partial(load, "ma-cross")
DECIDER = partial(load, "ema-rsi-volume")
GRID = [{"fast": fast, "slow": slow} for fast in (5, 10, 15) for slow in (20, 30, 40)]


@pytest.fixture(scope="module")
def bars() -> Bars:
    start = parse_time("2023-01-01")
    return synthetic.make(
        "planted", pair=Pair("BTC", "USD"), timeframe=Timeframe.parse("1h"), bars=1_500, seed=3, start=start
    )


class Wrong(Strategy):
    """Wants too much where it is told to."""

    params = {"much": Int(0, 0, 3)}  # noqa: RUF012

    def features(self, p: Any) -> Mapping[str, Feature]:
        return {"mean": sma(3)}

    def exposure(self, features: Mapping[str, FloatArray]) -> FloatArray:
        wanted = np.full(len(features["mean"]), 0.5)
        if self.p.much == 1:
            wanted[700] = 1.5
        if self.p.much == 2:
            wanted[700] = np.nan
        return wanted[:-1] if self.p.much == 3 else wanted


class Kept:
    """A store in memory."""

    every_s = 0.0

    def __init__(self, known: Part | None = None) -> None:
        self.known, self.parts = known, list[Part]()

    def done(self) -> Part | None:
        return self.known

    def keep(self, part: Part) -> None:
        self.parts.append(part)


def same(one: Swept, other: Swept) -> bool:
    return one.figures.tobytes() == other.figures.tobytes() and one.daily.tobytes() == other.daily.tobytes()


def test_a_lane_gives_the_same_bytes_however_many_threads_play(bars: Bars) -> None:
    alone, many = (sweep(LANE, [bars], None, GRID, workers=workers) for workers in (1, 4))
    assert alone.is_lane
    assert same(alone, many)
    assert (alone.figures["trades"] > 0).all()


def test_sessions_give_the_same_bytes_however_many_processes_play(bars: Bars) -> None:
    assert len(GRID) > FEW
    alone, many = (sweep(DECIDER, [bars[:600]], None, GRID, workers=workers) for workers in (1, 2))
    assert not alone.is_lane
    assert same(alone, many)


def test_a_session_has_exactly_the_figures_of_a_backtest(bars: Bars) -> None:
    swept = sweep(DECIDER, [bars], None, GRID[:2], workers=1)
    track = simulate(DECIDER(**GRID[1]), [bars]).track
    assert swept.figures[1].tolist() == figures_of(track)
    assert (swept.daily[1] == daily_returns(track.curve, track.timeframe).returns).all()
    assert len(swept.days) == swept.daily.shape[1]


def test_what_is_kept_is_not_played_again(bars: Bars) -> None:
    whole = sweep(LANE, [bars], None, GRID)
    marked = whole.figures[:4].copy()
    marked["fees"] = 12_345.0
    store = Kept(Part(np.arange(4), marked, whole.daily[:4]))
    resumed = sweep(LANE, [bars], None, GRID, store=store)
    assert (resumed.figures["fees"][:4] == 12_345.0).all()
    assert resumed.figures[4:].tobytes() == whole.figures[4:].tobytes()
    assert sorted(np.concatenate([part.places for part in store.parts]).tolist()) == [4, 5, 6, 7, 8]


def test_an_interruption_keeps_what_was_done(bars: Bars) -> None:
    store = Kept()
    store.every_s = 1e9

    def interrupt(what: str, done: int, total: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sweep(LANE, [bars], None, GRID, store=store, tell=interrupt, workers=1)
    assert sum(len(part.places) for part in store.parts) == 3


@pytest.mark.parametrize("much", [1, 2, 3])
def test_an_exposure_that_is_none_is_refused_as_in_a_backtest(bars: Bars, much: int) -> None:
    with pytest.raises(StrategyError, match="expected"):
        sweep(Wrong, [bars], None, [{"much": 0}, {"much": much}])


def test_no_worker_is_refused(bars: Bars) -> None:
    with pytest.raises(UsageError, match="0 workers"):
        sweep(LANE, [bars], None, GRID, workers=0)


def test_a_strategy_that_cannot_be_handed_to_a_process_says_what_to_do(bars: Bars) -> None:
    def make(**params: Any) -> Strategy:
        return DECIDER(**params)

    with pytest.raises(UsageError, match="workers=1"):
        sweep(make, [bars[:100]], None, GRID, workers=2)


@pytest.mark.parametrize(
    "settings",
    [
        Settings(limits=Limits(max_drawdown=0.2)),
        Settings(limits=Limits(cooldown_bars=3)),
        Settings(limits=Limits(no_new_risk=True)),
        Settings(flows={parse_time("2023-01-10"): 500.0}),
        Settings(venue=VenueModel(allow_short=True)),
    ],
)
def test_what_the_compiled_player_does_not_do_goes_through_sessions(bars: Bars, settings: Settings) -> None:
    assert suits(LANE(), [bars], Settings())
    assert not suits(LANE(), [bars], settings)
    swept = sweep(LANE, [bars], settings, GRID[:1], workers=1)
    assert repr(swept.figures[0].tolist()) == repr(figures_of(simulate(LANE(**GRID[0]), [bars], settings).track))


def test_features_that_do_not_fit_are_computed_in_blocks(bars: Bars) -> None:
    work = list(enumerate({"fast": fast, "slow": slow} for fast in range(2, 14) for slow in range(20, 30)))
    whole, parts = (LanePlayer(LANE, bars, Settings(), columns) for columns in (0, 13))
    assert len(list(whole.blocks(work))) == 1
    blocks, computed = [], 0
    for block in parts.blocks(work):
        missing = parts.missing(block)
        blocks.append(block)
        computed += len(missing)
        for group in groups_of(missing):
            parts.add_features(group)
    assert len(blocks) == 4
    assert computed == 22  # what many read stays
    assert sorted(one.number for block in blocks for one in block) == list(range(120))


def test_a_day_ends_with_its_last_bar(bars: Bars) -> None:
    ends = last_bars_of_days(bars[5:60])
    assert ends.tolist() == [18, 42, 54]


def test_the_best_are_those_with_the_figure_best_first(bars: Bars) -> None:
    swept = sweep(LANE, [bars], None, GRID)
    best = swept.best(3)
    assert swept.figures["sharpe"][best[0]] == np.nanmax(swept.figures["sharpe"])
    assert swept.best(1, "max_drawdown") == [int(swept.figures["max_drawdown"].argmin())]
    spoilt = swept.figures.copy()
    spoilt["is_faulty"][best[0]] = True
    other = Swept(swept.strategy, swept.candidates, spoilt, swept.daily, swept.days, swept.per_year)
    assert other.best(1) == [best[1]]


def test_the_worth_of_the_best_falls_with_the_number_of_trials(bars: Bars) -> None:
    swept = sweep(LANE, [bars], None, GRID)
    few, many = (select(swept, trials, own_sharpes(swept)) for trials in (9, 90_000))
    assert few.deflated is not None
    assert many.deflated is not None
    assert few.deflated > many.deflated
    assert few.expected_best is not None
    assert many.expected_best is not None
    assert few.expected_best < many.expected_best
    assert few.overfitting is not None
    assert few.effective is not None


@pytest.mark.parametrize(
    ("candidates", "days", "blocks"), [(9, 400, 16), (5000, 400, 10), (9, 20, 10), (9, 7, 0), (9, 9, 4)]
)
def test_days_are_cut_into_as_many_blocks_as_they_hold(candidates: int, days: int, blocks: int) -> None:
    assert blocks_for(candidates, days) == blocks


def test_a_sweep_of_one_day_says_what_it_cannot_know(bars: Bars) -> None:
    swept = sweep(LANE, [bars[:20]], None, GRID[:2])
    one = select(swept, 2, own_sharpes(swept))
    assert (one.sharpe, one.deflated, one.overfitting, one.effective) == (None, None, None, None)


def test_figures_are_one_record_per_candidate(bars: Bars) -> None:
    swept = sweep(LANE, [bars], None, GRID)
    assert swept.figures.dtype == FIGURES
    assert set(swept.row(0)) == set(FIGURES.names or ())
