"""Walking forward: the past chooses, the future is met once, and one account goes through all of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from tradecore.backtest.run import Settings, simulate
from tradecore.backtest.walk_forward import Plan, Walk, walk
from tradecore.core.bars import Bars
from tradecore.core.errors import ConfigError, DataError, UsageError
from tradecore.core.types import HOUR_NS, Nanoseconds
from tradecore.stats.inference import sharpe_ratio
from tradecore.stats.sample import daily_returns
from tradecore.stats.splits import WalkForward
from tradecore.strategy.contract import Answer, Strategy
from tradecore.strategy.views import Account, Market


def watched(kind: type[Strategy], seen: list[tuple[Nanoseconds, Mapping[str, Any]]]) -> Callable[..., Strategy]:
    """Return a maker of the strategy that notes the close of every bar it is shown, with its parameters."""

    class Watched(kind):  # type: ignore[misc, valid-type]
        def decide(self, market: Market, account: Account) -> Answer:
            seen.append((market.time, self.p._asdict()))
            return super().decide(market, account)  # type: ignore[no-any-return]

    return Watched


def changed_from(bars: Bars, moment: Nanoseconds) -> Bars:
    """Return the same bars with every price from a moment on doubled and put into another order."""
    first = int(np.searchsorted(bars.open_time, moment))
    order = np.concatenate([np.arange(first), np.arange(first, len(bars))[::-1]])
    factor = np.where(np.arange(len(bars)) < first, 1.0, 2.0)
    prices = {name: getattr(bars, name)[order] * factor for name in ("open", "high", "low", "close")}
    return Bars(bars.pair, bars.timeframe, bars.open_time, **prices, volume=bars.volume, source=bars.source)


def test_test_slices_follow_one_another_to_the_last_bar(walked: Walk, planted: Bars) -> None:
    for one, after in pairwise(walked.folds):
        assert one.test[0] < one.test[1] == after.test[0]
    assert walked.folds[-1].test[1] == planted.end_time
    assert [fold.number for fold in walked.folds] == [1, 2, 3]


def test_the_record_is_the_test_slices_and_nothing_else(walked: Walk) -> None:
    time = walked.simulation.track.curve.time
    assert (time[0], time[-1] + HOUR_NS) == (walked.folds[0].test[0], walked.folds[-1].test[1])
    assert (np.diff(time) == HOUR_NS).all()


@pytest.mark.parametrize("spans", [(10, 300), (300, 10)])
def test_the_gap_between_training_and_test_is_the_longest_look_back_of_any_candidate(
    trend: type[Strategy], planted: Bars, spans: tuple[int, int]
) -> None:
    done = walk(trend, (planted,), Settings(), Plan(folds=3, grid={"span": spans}))
    longest = trend(span=300)
    look_back = max(one.warmup for one in longest.features(longest.p).values())
    assert look_back >= 299
    assert done.shape.purge == look_back
    assert all(fold.test[0] - fold.train[1] >= look_back * HOUR_NS for fold in done.folds)


def test_training_is_shown_no_bar_of_a_test(trend: type[Strategy], planted: Bars, plan: Plan) -> None:
    seen: list[tuple[Nanoseconds, Mapping[str, Any]]] = []
    training = 0
    borders: list[tuple[int, int]] = []

    def tell(what: str, done: int, total: int) -> None:
        nonlocal training
        if what == "training":
            borders.append((training, len(seen)))
            training = len(seen)

    done = walk(watched(trend, seen), (planted,), Settings(), plan, tell=tell)
    assert len(borders) == len(done.folds) * 2
    for place, (start, stop) in enumerate(borders):
        fold = done.folds[place // 2]
        times = [time for time, _ in seen[start:stop]]
        assert fold.train[0] < times[0]
        assert times[-1] == fold.train[1] < fold.test[0]


@pytest.mark.parametrize("number", [1, 2, 3])
def test_what_comes_after_training_changes_nothing_that_was_chosen(
    number: int, trend: type[Strategy], planted: Bars, walked: Walk, plan: Plan
) -> None:
    other = walk(trend, (changed_from(planted, walked.folds[number - 1].train[1]),), Settings(), plan)
    assert [one for one in other.tried if one.fold <= number] == [one for one in walked.tried if one.fold <= number]
    assert other.folds[:number] == walked.folds[:number]
    if number < 3:  # the change is one that later folds do see
        assert other.tried[-1] != walked.tried[-1]


def test_features_of_training_are_computed_without_later_bars(
    trend: type[Strategy], planted: Bars, walked: Walk, plan: Plan
) -> None:
    lengths: list[int] = []

    class Measuring(trend):  # type: ignore[misc, valid-type]
        def decide(self, market: Market, account: Account) -> Answer:
            lengths.append(len(market._bars))
            return None

    walk(Measuring, (planted,), Settings(), plan)
    ends = [int(np.searchsorted(planted.open_time, fold.train[1])) for fold in walked.folds]
    assert sorted(set(lengths)) == sorted({*ends, len(planted)})


def test_the_chosen_candidate_has_the_best_sharpe_ratio_of_its_training_slice(walked: Walk) -> None:
    for fold in walked.folds:
        tried = [one for one in walked.tried if one.fold == fold.number]
        assert len(tried) == 2
        best = max(tried, key=lambda one: one.sharpe or -np.inf)
        assert fold.params == best.params
        assert len({one.sharpe for one in tried}) == 2


def test_every_candidate_is_measured_on_its_training_slice_alone(
    trend: type[Strategy], planted: Bars, walked: Walk
) -> None:
    for one in walked.tried:
        start, stop = walked.folds[one.fold - 1].train
        track = simulate(trend(**one.params), (planted.between(None, stop),), Settings(), decide_from=start).track
        assert track.curve.time[0] == start
        days = daily_returns(track.curve, track.timeframe)
        assert (one.sharpe, one.days) == (sharpe_ratio(days.returns), len(days.returns))


def test_without_a_choice_the_training_slice_stays_unread(trend: type[Strategy], planted: Bars) -> None:
    seen: list[tuple[Nanoseconds, Mapping[str, Any]]] = []
    done = walk(watched(trend, seen), (planted,), Settings(), Plan(folds=3))
    assert seen[0][0] == done.folds[0].test[0] + HOUR_NS
    assert [(one.params, one.sharpe, one.days) for one in done.tried] == [({}, None, 0)] * 3


def test_each_fold_decides_with_the_parameters_it_chose(trend: type[Strategy], planted: Bars, plan: Plan) -> None:
    seen: list[tuple[Nanoseconds, Mapping[str, Any]]] = []
    done = walk(watched(trend, seen), (planted,), Settings(), plan)
    tests = seen[-sum((fold.test[1] - fold.test[0]) // HOUR_NS for fold in done.folds) :]
    for fold in done.folds:
        inside = [params for time, params in tests if fold.test[0] < time <= fold.test[1]]
        assert inside == [dict(fold.params)] * ((fold.test[1] - fold.test[0]) // HOUR_NS)


def test_the_account_goes_from_fold_to_fold_as_if_there_were_no_border(trend: type[Strategy], planted: Bars) -> None:
    done = walk(trend, (planted,), Settings(), Plan(folds=5))
    whole = simulate(trend(), (planted,), Settings(), decide_from=done.folds[0].test[0])
    assert done.simulation.track.curve.equity.tobytes() == whole.track.curve.equity.tobytes()
    assert done.simulation.track.fills.tobytes() == whole.track.fills.tobytes()
    held_over = [
        fold.number
        for fold in done.folds[1:]
        if ((whole.track.trades["entry_time"] < fold.test[0]) & (whole.track.trades["exit_time"] >= fold.test[0])).any()
    ]
    assert held_over  # at least one border has a position on both sides, or this test shows nothing


def test_money_adds_up_over_every_border(walked: Walk, planted: Bars) -> None:
    track, start = walked.simulation.track, 10_000.0
    for fold in walked.folds:
        last = int(np.searchsorted(track.curve.time, fold.test[1])) - 1
        fills = track.fills[track.fills["time"] < fold.test[1]]
        cash = start - float((fills["side"] * fills["quantity"] * fills["price"] + fills["fee"]).sum())
        held = float((fills["side"] * fills["quantity"]).sum())
        close = float(planted.close[int(np.searchsorted(planted.open_time, fold.test[1])) - 1])
        assert track.curve.equity[last] == pytest.approx(cash + held * close, rel=1e-12)


def test_where_nothing_traded_the_first_candidate_is_kept(trend: type[Strategy], planted: Bars) -> None:
    class Idle(trend):  # type: ignore[misc, valid-type]
        def decide(self, market: Market, account: Account) -> Answer:
            return self.hold("never")

    done = walk(Idle, (planted,), Settings(), Plan(folds=3, grid={"span": (30, 20)}))
    assert {one.sharpe for one in done.tried} == {None}
    assert [fold.params for fold in done.folds] == [{"span": 30}] * 3


def test_an_anchored_walk_trains_from_the_first_bar(trend: type[Strategy], planted: Bars) -> None:
    done = walk(trend, (planted,), Settings(), Plan(folds=3, is_anchored=True))
    assert {fold.train[0] for fold in done.folds} == {int(planted.open_time[0])}
    assert [fold.train[1] - fold.train[0] for fold in done.folds] == sorted(
        {fold.train[1] - fold.train[0] for fold in done.folds}
    )


def test_a_window_that_moves_keeps_its_length(walked: Walk) -> None:
    assert len({fold.train[1] - fold.train[0] for fold in walked.folds}) == 1
    assert len({fold.train[0] for fold in walked.folds}) == 3


def test_several_pairs_are_walked_as_one_account(trend: type[Strategy], two_pairs: tuple[Bars, ...]) -> None:
    done = walk(trend, two_pairs, Settings(), Plan(folds=3, grid={"span": (24, 72)}))
    assert set(done.simulation.track.fills["pair"].tolist()) == {0, 1}
    assert len(done.bars) == 2


def test_candidates_are_every_combination_of_the_grid_or_the_defaults_alone() -> None:
    assert Plan(grid={"a": (1, 2), "b": ("x",)}).candidates() == [{"a": 1, "b": "x"}, {"a": 2, "b": "x"}]
    assert Plan().candidates() == [{}]


def test_progress_counts_every_candidate_of_every_fold_and_then_the_test(
    trend: type[Strategy], planted: Bars, plan: Plan
) -> None:
    told: list[tuple[str, int, int]] = []
    walk(trend, (planted,), Settings(), plan, tell=lambda *one: told.append(one))
    assert [one for one in told if one[0] == "training"] == [("training", place, 6) for place in range(1, 7)]
    assert told[-1][0] == "testing"
    assert told[-1][1] == told[-1][2]


def test_a_step_that_leaves_bars_untested_is_refused(trend: type[Strategy], planted: Bars) -> None:
    with pytest.raises(UsageError, match="step 200: expected 0 or the test length 100"):
        walk(trend, (planted,), Settings(), Plan(shape=WalkForward(train=500, test=100, step=200)))


def test_too_few_bars_are_refused_with_the_number_that_would_do(trend: type[Strategy], planted: Bars) -> None:
    with pytest.raises(DataError, match="needs"):
        walk(trend, (planted[:100],), Settings(), Plan(folds=3))


def test_a_pair_that_begins_after_training_is_refused(trend: type[Strategy], two_pairs: tuple[Bars, ...]) -> None:
    with pytest.raises(DataError, match="no bars in the training span"):
        walk(trend, (two_pairs[0], two_pairs[1][1500:]), Settings(), Plan(folds=3))


def test_a_candidate_that_cannot_be_made_is_refused(trend: type[Strategy], planted: Bars) -> None:
    with pytest.raises(ConfigError, match="unknown parameter speed"):
        walk(trend, (planted,), Settings(), Plan(folds=3, grid={"speed": (1, 2)}))
    with pytest.raises(ConfigError, match="from 2 to 400"):
        walk(trend, (planted,), Settings(), Plan(folds=3, grid={"span": (1, 20)}))


def test_a_cash_flow_after_training_neither_stops_nor_sways_the_choice(
    trend: type[Strategy], planted: Bars, walked: Walk, plan: Plan
) -> None:
    moment = walked.folds[1].test[0] + 5 * HOUR_NS
    done = walk(trend, (planted,), Settings(flows={moment: 500.0}), plan)
    assert done.tried == walked.tried
    curve = done.simulation.track.curve
    assert curve.flow.sum() == 500.0
    assert int(curve.time[int(np.argmax(curve.flow))]) == moment
