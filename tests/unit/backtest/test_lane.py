"""When the compiled lane plays, when decide is asked, and that both leave the same."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import pytest

from tradecore.backtest.lane import has_lane
from tradecore.backtest.lane_journal import LaneJournal
from tradecore.backtest.run import Settings, Shift, Simulation, simulate, simulate_shifts
from tradecore.backtest.walk_forward import Plan, shifts_of, walk
from tradecore.core.bars import Bars
from tradecore.core.errors import StrategyError, UsageError
from tradecore.core.orders import Fill
from tradecore.core.types import HOUR_NS, FloatArray
from tradecore.features import sma
from tradecore.features.feature import Feature
from tradecore.sim.model import VenueModel
from tradecore.strategy.builtin import BUILTINS
from tradecore.strategy.builtin.ma_cross import MaCross
from tradecore.strategy.contract import Strategy
from tradecore.strategy.lanes import Lane
from tradecore.strategy.loading import load
from tradecore.strategy.recorder import Recorder

LANED = [name for name in BUILTINS if load(name).exposure is not None]
LATCHED = {name for name in LANED if load(name).is_latched}


class Above(Strategy):
    """Hold while the price is above its mean. It has an exposure and no decide."""

    def features(self, p: Any) -> Mapping[str, Feature]:
        return {"mean": sma(24)}

    def exposure(self, features: Mapping[str, FloatArray]) -> Any:
        return features["close"] > features["mean"]


def is_compiled(done: Simulation) -> bool:
    return isinstance(done.journal, LaneJournal)


def same(one: Simulation, two: Simulation) -> bool:
    curves = one.track.curve.equity.tobytes() == two.track.curve.equity.tobytes()
    return curves and one.track.fills.tolist() == two.track.fills.tolist()


@pytest.mark.parametrize("name", LANED)
def test_a_builtin_does_in_the_lane_what_it_decides(name: str, planted: Bars) -> None:
    fast, slow = simulate(load(name), [planted]), simulate(load(name), [planted], lane=False)
    assert is_compiled(fast)
    assert not is_compiled(slow)
    assert same(fast, slow)


@pytest.mark.parametrize("name", LANED)
def test_a_walk_forward_of_a_builtin_does_what_it_decides_latched_or_not(name: str, planted: Bars) -> None:
    walked = walk(partial(load, name), (planted,), Settings(), Plan(folds=4))
    slow = simulate_shifts(shifts_of(partial(load, name), walked.folds), walked.bars, Settings(), lane=False)
    assert is_compiled(walked.simulation) is (name not in LATCHED)
    assert same(walked.simulation, slow)


def test_who_is_asked_to_decide_on_every_bar_gives_reasons_in_words(planted: Bars) -> None:
    slow = simulate(load("ma-cross"), [planted], lane=False)
    assert {reason for reason, _count in slow.journal.reasons_counted()} == {"above", "below", "fast above slow",
                                                                           "fast not above slow"}  # fmt: skip
    assert simulate(load("ma-cross"), [planted]).journal.reasons_counted() == [("exposure", 3000 - 99)]


def test_an_exposure_alone_is_enough(planted: Bars) -> None:
    fast, slow = simulate(Above(), [planted]), simulate(Above(), [planted], lane=False)
    wrapped = simulate(Recorder(Above()), [planted[:300]])
    assert same(fast, slow)
    assert fast.journal.counts()["buy"] > 5
    assert wrapped.track.fills.tolist() == simulate(Above(), [planted[:300]]).track.fills.tolist()
    assert not wrapped.journal.faults


def test_an_exposure_alone_is_no_answer_for_several_pairs(two_pairs: tuple[Bars, ...]) -> None:
    done = simulate(Above(), two_pairs)
    assert done.quarantined
    assert "exposure is for one pair" in done.journal.faults[0].text


def test_several_pairs_and_wrapped_strategies_are_asked(planted: Bars, two_pairs: tuple[Bars, ...]) -> None:
    assert not is_compiled(simulate(load("ma-cross"), two_pairs))
    assert not is_compiled(simulate(Recorder(load("ma-cross")), [planted]))
    for strategy, bars in ((load("ma-cross"), two_pairs), (load("ema-rsi-volume"), [planted])):
        with pytest.raises(UsageError, match="compiled lane plays one pair"):
            simulate(strategy, bars, lane=True)


def test_a_strategy_that_listens_or_decides_anew_is_asked() -> None:
    class Listens(MaCross):
        def on_fill(self, fill: Fill) -> None:
            self.heard = True

    class DecidesAnew(MaCross):
        def decide(self, market: Any, account: Any) -> None:
            return None

    class Both(DecidesAnew):
        def exposure(self, features: Any) -> Any:
            return features["close"] > 0.0

    assert has_lane(MaCross())
    assert has_lane(Both())
    assert not has_lane(Listens())
    assert not has_lane(DecidesAnew())
    assert not has_lane(Strategy())


def test_a_held_position_is_taken_over_as_it_is(planted: Bars) -> None:
    middle = int(planted.open_time[1500])
    half, whole = load("buy-and-hold", size=0.5), load("buy-and-hold")
    fast = simulate_shifts((Shift(0, half), Shift(middle, whole)), [planted], Settings())
    slow = simulate_shifts((Shift(0, Lane(half, planted)), Shift(middle, Lane(whole, planted))), [planted], Settings())
    assert len(fast.track.fills) == 1
    assert same(fast, slow)


def test_deciding_from_a_moment_leaves_the_bars_before_out_of_the_record(planted: Bars) -> None:
    start = int(planted.open_time[1000]) - HOUR_NS // 2
    fast = simulate(load("ma-cross"), [planted], decide_from=start)
    slow = simulate(load("ma-cross"), [planted], decide_from=start, lane=False)
    assert len(fast.track.curve) == 2000
    assert same(fast, slow)
    assert np.array_equal(fast.journal.actions, slow.journal.actions)


def test_costs_and_flows_of_the_settings_reach_the_lane(planted: Bars) -> None:
    flows = {int(planted.open_time[50]): 1000.0, int(planted.open_time[900]): -500.0}
    venue = VenueModel(taker_fee=0.01, half_spread=0.0, slippage=0.02)
    done = simulate(load("ma-cross"), [planted], Settings(venue=venue, flows=flows))
    fills, curve = done.track.fills, done.track.curve
    assert is_compiled(done)
    assert fills["price"] == pytest.approx(planted.open[fills["bar"]] * (1.0 + 0.02 * fills["side"]), rel=1e-9)
    assert np.flatnonzero(curve.flow).tolist() == [50, 900]
    with pytest.raises(UsageError, match="after the last bar"):
        simulate(load("ma-cross"), [planted], Settings(flows={planted.end_time: 1.0}))


def test_a_wrong_exposure_stops_the_run(planted: Bars) -> None:
    class Wrong(Above):
        def exposure(self, features: Mapping[str, FloatArray]) -> Any:
            return np.full(len(features["close"]), 2.0)

    with pytest.raises(StrategyError, match="expected \\[0, 1\\]"):
        simulate(Wrong(), [planted])


def test_progress_says_that_all_bars_are_done(planted: Bars) -> None:
    told: list[tuple[int, int]] = []
    simulate(load("ma-cross"), [planted], progress=lambda done, total: told.append((done, total)))
    assert told == [(3000, 3000)]


@pytest.mark.parametrize("latency", [1, 2, 3])
def test_a_wish_that_comes_back_while_a_close_is_on_its_way_is_not_bought_on_top(latency: int, planted: Bars) -> None:
    settings = Settings(venue=VenueModel(latency_bars=latency))
    fast, slow = (
        simulate(load("ma-cross", fast=10, slow=40, size=0.5), [planted], settings, lane=lane) for lane in (None, False)
    )
    assert same(fast, slow)
    assert float(fast.track.curve.exposure.max()) < 0.6
