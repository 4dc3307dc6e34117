"""The hold-out: locked to the very end, opened once for a candidate, recorded before the first bar is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tradecore.backtest.evaluate import Ledgered, Protocol, development, evaluate
from tradecore.backtest.holdout import Outcome, track_hash
from tradecore.backtest.protocol import Profile
from tradecore.backtest.result import Result
from tradecore.backtest.run import Settings, simulate
from tradecore.backtest.walk_forward import Plan
from tradecore.core.bars import Bars
from tradecore.core.clock import ManualClock
from tradecore.core.errors import ConfigError, DataError
from tradecore.core.types import Nanoseconds
from tradecore.registry.holdouts import HoldOutLedger
from tradecore.registry.trials import TrialLedger
from tradecore.sim.model import VenueModel
from tradecore.stats.gates import EvidenceLimits
from tradecore.strategy.contract import Answer, Strategy
from tradecore.strategy.loading import load
from tradecore.strategy.views import Account, Market

EASY = EvidenceLimits(min_days=30, min_trades=5)
LOCKED = Protocol(
    Plan(folds=3), EASY, random_traders=0, lookahead_cuts=0, hold_out=0.2, profile=Profile(cost_multiples=()),
    name="test",
)  # fmt: skip
HARD = replace(LOCKED, limits=replace(EASY, min_trades=100_000))


@pytest.fixture
def counted(tmp_path: Path) -> Ledgered:
    path = tmp_path / "lab.db"
    return Ledgered(TrialLedger.open(path), "run00001", ManualClock(7), HoldOutLedger.open(path))


def openings(counted: Ledgered, bars: Bars) -> int:
    assert counted.hold_outs is not None
    return counted.hold_outs.looks([bars], 0, bars.end_time)


def gate(result: Result) -> Any:
    assert result.verdict is not None
    return next(one for one in result.verdict.gates if one.name == "hold_out")


def test_development_ends_before_the_hold_out_and_nothing_lies_behind_it(planted: Bars) -> None:
    (past,) = development((planted,), LOCKED)
    assert len(past) == 2400
    assert past.content_hash() == planted[:2400].content_hash()
    assert past.close.base is None
    assert development((planted,), replace(LOCKED, hold_out=0.0)) == (planted,)


def test_pairs_are_cut_at_one_moment(two_pairs: tuple[Bars, ...]) -> None:
    short = (two_pairs[0], two_pairs[1][:1700])
    first, second = development(short, LOCKED)
    assert first.end_time == second.end_time == int(two_pairs[0].open_time[1600])


@pytest.mark.parametrize("share", [-0.1, 0.6])
def test_a_share_that_cannot_be_meant_is_refused(share: float) -> None:
    with pytest.raises(ConfigError, match="hold-out fraction"):
        replace(LOCKED, hold_out=share)


def test_too_few_bars_for_a_hold_out_are_refused(planted: Bars) -> None:
    with pytest.raises(DataError, match="leave no hold-out"):
        development((planted[:2],), LOCKED)


def test_nobody_sees_a_locked_bar_while_another_gate_fails(
    trend: type[Strategy], planted: Bars, counted: Ledgered
) -> None:
    latest: list[Nanoseconds] = []

    class Watched(trend):  # type: ignore[misc, valid-type]
        def features(self, p: Any) -> Mapping[str, Any]:
            return trend.features(self, p)

        def decide(self, market: Market, account: Account) -> Answer:
            latest.append(market.time)
            return super().decide(market, account)  # type: ignore[no-any-return]

    everything = replace(
        HARD, lookahead_cuts=2, plan=Plan(folds=3, grid={"span": (24, 72)}), random_traders=3,
        profile=Profile(
            latencies=(1,), offsets=1, feature_groups=4, seeds=2, is_by_regime=True, overfitting_blocks=8,
            has_sentinels=True,
        ),
    )  # fmt: skip
    result = evaluate(Watched, (planted,), Settings(), everything, counted=counted)
    assert max(latest) <= int(planted.open_time[2400])
    assert result.hold_out is not None
    assert (result.hold_out.status, result.hold_out.outcome) == ("locked", None)
    assert openings(counted, planted) == 0
    assert not gate(result).passed
    assert "stays locked" in gate(result).text


def test_it_opens_when_every_other_gate_passes(planted: Bars, trend: type[Strategy], counted: Ledgered) -> None:
    result = evaluate(trend, (planted,), Settings(), LOCKED, counted=counted)
    held = result.hold_out
    assert held is not None
    assert held.status == "opened"
    assert (held.opened, held.looks, held.bars) == (7, 1, 600)
    assert held.outcome is not None
    assert gate(result).value == held.outcome.total_return


def test_the_outcome_is_that_of_a_fresh_account_over_the_locked_bars(
    planted: Bars, trend: type[Strategy], counted: Ledgered
) -> None:
    held = evaluate(trend, (planted,), Settings(), LOCKED, counted=counted).hold_out
    assert held is not None
    assert held.outcome is not None
    track = simulate(trend(), (planted,), decide_from=int(planted.open_time[2400])).track
    assert held.outcome.track == track_hash(track)
    assert held.outcome.trades == len(track.trades)
    assert held.outcome.total_return == pytest.approx(float(track.curve.wealth()[-1]) - 1.0)


def test_a_second_evaluation_shows_the_record_and_plays_nothing(
    planted: Bars, trend: type[Strategy], counted: Ledgered
) -> None:
    played: list[int] = []

    class Counting(trend):  # type: ignore[misc, valid-type]
        def decide(self, market: Market, account: Account) -> Answer:
            if market.time > int(planted.open_time[2400]):
                played.append(1)
            return super().decide(market, account)  # type: ignore[no-any-return]

    first = evaluate(Counting, (planted,), Settings(), LOCKED, counted=counted)
    assert played
    played.clear()
    again = evaluate(Counting, (planted,), Settings(), LOCKED, counted=replace(counted, run="run00002"))
    assert played == []
    assert first.hold_out is not None
    assert again.hold_out is not None
    assert (again.hold_out.status, again.hold_out.outcome) == ("on record", first.hold_out.outcome)
    assert again.verdict == first.verdict
    assert openings(counted, planted) == 1


def test_an_opening_that_was_interrupted_counts_and_is_finished_under_the_same_record(
    planted: Bars, trend: type[Strategy], counted: Ledgered
) -> None:
    should_fail = True

    class Fragile(trend):  # type: ignore[misc, valid-type]
        def on_start(self) -> None:
            if should_fail and openings(counted, planted):
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        evaluate(Fragile, (planted,), Settings(), LOCKED, counted=counted)
    assert openings(counted, planted) == 1  # recorded before the first locked bar was played
    should_fail = False
    again = evaluate(Fragile, (planted,), Settings(), LOCKED, counted=counted).hold_out
    assert again is not None
    assert again.status == "on record"
    assert again.outcome is not None
    assert openings(counted, planted) == 1


@pytest.mark.parametrize("change", ["grid", "limits", "costs", "strategy"])
def test_another_candidate_protocol_or_cost_opens_it_again_and_that_is_counted(
    change: str, planted: Bars, trend: type[Strategy], counted: Ledgered
) -> None:
    evaluate(trend, (planted,), Settings(), replace(LOCKED, opens_hold_out=True), counted=counted)
    protocol, settings, make = replace(LOCKED, opens_hold_out=True), Settings(), trend
    if change == "grid":
        protocol = replace(protocol, plan=Plan(folds=3, grid={"span": (24, 72)}))
    elif change == "limits":
        protocol = replace(protocol, limits=replace(EASY, min_trades=6))
    elif change == "costs":
        settings = Settings(venue=VenueModel(taker_fee=0.001))
    else:
        make = partial(load, "ma-cross")  # type: ignore[assignment]
    result = evaluate(make, (planted,), settings, protocol, counted=counted)
    assert result.hold_out is not None
    assert (result.hold_out.status, result.hold_out.looks) == ("opened", 2)


def test_forcing_it_open_is_recorded_and_does_not_make_another_candidate(
    planted: Bars, trend: type[Strategy], counted: Ledgered
) -> None:
    forced = evaluate(trend, (planted,), Settings(), replace(HARD, opens_hold_out=True), counted=counted)
    assert forced.hold_out is not None
    assert forced.hold_out.status == "opened"
    assert forced.verdict is not None
    assert not forced.verdict.is_edge
    later = evaluate(trend, (planted,), Settings(), HARD, counted=counted)
    assert later.hold_out is not None
    assert later.hold_out.status == "on record"


def test_without_a_record_the_result_says_so(planted: Bars, trend: type[Strategy]) -> None:
    result = evaluate(trend, (planted,), Settings(), LOCKED)
    assert result.hold_out is not None
    assert result.hold_out.status == "unrecorded"
    assert any("on no record" in notice for notice in result.notices)


def test_flows_come_in_where_they_are_dated(planted: Bars, trend: type[Strategy]) -> None:
    flows = {int(planted.open_time[2000]): 100.0, int(planted.open_time[2700]): 300.0}
    result = evaluate(trend, (planted,), Settings(flows=flows), replace(LOCKED, opens_hold_out=True))
    assert result.track.deposits == 10_100.0
    assert result.hold_out is not None
    assert result.hold_out.outcome is not None


def test_an_outcome_comes_back_from_its_text_to_the_bit() -> None:
    one = Outcome(1 / 3, None, 4, "ab", (1, 2), (0.1 + 0.2, float(np.nextafter(0.5, 1))))
    assert Outcome.from_json(one.to_json()) == one


def test_a_walk_forward_locks_nothing(planted: Bars, trend: type[Strategy]) -> None:
    result = evaluate(trend, (planted,), Settings(), replace(LOCKED, hold_out=0.0))
    assert (result.kind, result.hold_out) == ("walk_forward", None)
    assert result.bars[0].end_time == planted.end_time
