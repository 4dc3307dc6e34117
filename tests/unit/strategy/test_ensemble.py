"""Several strategies as one: votes, weights, vetoes, and members that do not fit."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import pytest

from tradecore.backtest.replay import play, play_blind
from tradecore.backtest.run import simulate
from tradecore.core.bars import Bars
from tradecore.core.errors import StrategyError, UsageError
from tradecore.core.orders import Action, At, Signal
from tradecore.core.ports import AccountState
from tradecore.features import ema, sma
from tradecore.strategy.builtin.breakout import Breakout
from tradecore.strategy.builtin.ma_cross import MaCross
from tradecore.strategy.check import Players, check
from tradecore.strategy.contract import Answer, Strategy
from tradecore.strategy.ensemble import Ensemble
from tradecore.strategy.parameters import Int
from tradecore.strategy.views import Account, Fees, Market, market_class


class Between(Strategy):
    """Holds from one bar to another."""

    params = {"start": Int(0, 0, 10_000), "end": Int(9, 0, 10_000)}  # noqa: RUF012

    def decide(self, market: Market, account: Account) -> Answer:
        if account.position:
            return self.close("end") if market.index >= self.p.end else self.hold("in")
        inside = self.p.start <= market.index < self.p.end
        return self.buy(0.6, stop=-0.2, reason="start") if inside else self.hold("out")


class Reader(Strategy):
    """Needs two columns."""

    def features(self, p: object) -> dict[str, object]:  # type: ignore[override]
        return {"quick": ema(3), "slow": sma(5)}

    def decide(self, market: Market, account: Account) -> Answer:
        return self.buy(0.5, reason="up") if market.quick > market.slow else self.hold("down")


def held(members: Sequence[Strategy], bars: Bars, **rule: object) -> list[int]:
    """Return the bars at whose close the ensemble held something."""
    track = simulate(Ensemble(members, **rule), [bars]).track  # type: ignore[arg-type]
    return np.flatnonzero(track.curve.exposure > 0).tolist()


def view(bars: Bars, columns: dict[str, np.ndarray], at: int) -> tuple[Market, Account]:  # type: ignore[type-arg]
    market = market_class(columns)(bars, columns, Fees(0, 0))
    market._i = at
    state = AccountState(1000.0, 1000.0, 0.0, {}, frozenset())
    return market, Account(market, lambda: state)


def test_a_vote_holds_while_more_than_half_hold(bars: Bars) -> None:
    members = [Between(start=1, end=10), Between(start=4, end=12), Between(start=6, end=20)]
    # decided at the close of 4 (two of three), filled at the open of 5; two are left until the close of 12
    assert held(members, bars[:40]) == list(range(5, 12 + 1))


def test_half_of_the_votes_is_not_more_than_half(bars: Bars) -> None:
    assert held([Between(start=1, end=10), Between(start=30, end=35)], bars[:40]) == []


def test_weights_decide_by_weight(bars: Bars) -> None:
    members = [Between(start=1, end=10), Between(start=30, end=35)]
    assert held(members, bars[:40], rule="weights", weights=[3.0, 1.0]) == list(range(2, 11))


def test_a_guard_vetoes_entries_and_never_exits(bars: Bars) -> None:
    leader, guard = Between(start=1, end=20), Between(start=5, end=10)
    # the guard agrees from bar 5 on; when it no longer does, the leader stays until it wants to leave
    assert held([leader, guard], bars[:40], rule="veto") == list(range(6, 21))


def test_a_leader_without_its_guards_does_nothing(bars: Bars) -> None:
    assert held([Between(start=1, end=20), Between(start=30, end=35)], bars[:40], rule="veto") == []


def test_members_read_their_own_features_under_their_own_names(bars: Bars) -> None:
    alone = simulate(MaCross(fast=5, slow=20), [bars])
    together = simulate(Ensemble([MaCross(fast=5, slow=20)]), [bars])
    assert together.journal.actions.tolist() == alone.journal.actions.tolist()
    assert together.track.curve.equity.tolist() == alone.track.curve.equity.tolist()


def test_two_members_of_one_class_keep_apart(bars: Bars) -> None:
    ensemble = Ensemble([MaCross(fast=5, slow=20), MaCross(fast=10, slow=50)])
    assert list(ensemble.features(ensemble.p)) == ["m0_fast", "m0_slow", "m1_fast", "m1_slow"]


def test_a_member_whose_columns_are_missing_is_left_out_and_reported_once(bars: Bars) -> None:
    ensemble = Ensemble([Between(start=0, end=50), Reader()])
    market, account = view(bars, {"m1_quick": bars.close}, at=10)
    first = ensemble.decide(market, account)
    assert isinstance(first, Signal)
    assert first.action is Action.BUY
    assert "left out Reader: BTC/USD has no slow" in first.reason
    market._i = 11
    second = ensemble.decide(market, account)
    assert isinstance(second, Signal)
    assert "left out" not in second.reason
    assert dict(ensemble.left_out) == {"Reader": "BTC/USD has no slow"}


def test_a_member_whose_column_has_another_size_is_left_out(bars: Bars) -> None:
    ensemble = Ensemble([Between(start=0, end=50), Reader()])
    market, account = view(bars, {"m1_quick": bars.close, "m1_slow": bars.close[:9]}, at=5)
    ensemble.decide(market, account)
    assert dict(ensemble.left_out) == {"Reader": "BTC/USD slow has 9 values for 700 bars"}


def test_a_member_made_for_another_number_of_features_is_left_out(bars: Bars) -> None:
    reader = Reader()
    reader.expects = 5  # type: ignore[attr-defined]
    result = simulate(Ensemble([Between(start=0, end=50), reader]), [bars[:100]])
    assert result.journal.faults == []
    assert "made for 5 features, offered 2" in result.journal.texts[1]
    assert sum("left out" in text for text in result.journal.texts) == 1


def test_an_ensemble_of_nobody_is_a_fault_not_a_hold(bars: Bars) -> None:
    ensemble = Ensemble([Reader()])
    market, account = view(bars, {}, at=5)
    with pytest.raises(StrategyError, match="every member is left out"):
        ensemble.decide(market, account)


def test_a_fault_of_a_member_is_a_fault_of_the_ensemble(bars: Bars) -> None:
    class Broken(Strategy):
        def decide(self, market: Market, account: Account) -> Answer:
            raise RuntimeError("broken")

    result = simulate(Ensemble([Between(), Broken()]), [bars[:40]])
    assert result.quarantined
    assert result.journal.faults[0].text == "broken"


def test_the_tightest_stop_of_those_who_agree_is_used(bars: Bars) -> None:
    class Careful(Between):
        def decide(self, market: Market, account: Account) -> Answer:
            answer = super().decide(market, account)
            assert isinstance(answer, Signal)
            return self.buy(0.2, stop=At(0.99 * market.close)) if answer.action is Action.BUY else answer

    ensemble = Ensemble([Between(start=5, end=50), Careful(start=5, end=50)])
    market, account = view(bars, {}, at=5)
    answer = ensemble.decide(market, account)
    assert isinstance(answer, Signal)
    assert answer.stop == At(0.99 * market.close)
    assert answer.size == pytest.approx(0.4)


def test_after_a_stop_every_member_starts_flat(bars: Bars) -> None:
    class Once(Strategy):
        def decide(self, market: Market, account: Account) -> Answer:
            if account.position:
                return self.hold("in")
            return self.buy(0.5, stop=-0.004, reason="once") if market.index == 10 else self.hold("out")

    result = simulate(Ensemble([Once(), Once()]), [bars])
    assert len(result.track.trades) == 1  # members that still believed in their position would enter again


def test_state_survives_json_and_a_restart_before_every_bar(bars: Bars) -> None:
    ensemble = Ensemble([Breakout(enter=10, leave=5), MaCross(fast=5, slow=20), Between(start=100, end=300)])
    report = check(ensemble, [bars], Players(play, play_blind))
    assert report.passed, report.verdict
    simulate(ensemble, [bars])
    assert json.loads(json.dumps(ensemble.state())) == ensemble.state()


def test_several_pairs_are_combined_pair_by_pair(two_pairs: tuple[Bars, ...]) -> None:
    result = simulate(Ensemble([MaCross(fast=5, slow=20), Breakout(enter=10, leave=5)], quorum=0.4), two_pairs)
    assert result.journal.faults == []
    assert {int(trade["pair"]) for trade in result.track.trades} == {0, 1}


@pytest.mark.parametrize(
    ("members", "rule", "told"),
    [
        ([], {}, "at least one member"),
        ([Between()], {"rule": "loudest"}, "expected one of vote, weights, veto"),
        ([Between()], {"weights": [1, 2]}, "one number above 0 for each of 1"),
        ([Between()], {"weights": [0]}, "above 0"),
        ([Between()], {"quorum": 1}, "from 0 up to, but not, 1"),
    ],
)
def test_an_ensemble_that_cannot_be_meant_is_refused(
    members: list[Strategy], rule: dict[str, object], told: str
) -> None:
    with pytest.raises(UsageError, match=told):
        Ensemble(members, **rule)  # type: ignore[arg-type]


def test_members_of_different_timeframes_are_refused() -> None:
    class Daily(Between):
        timeframe = "1d"

    with pytest.raises(UsageError, match="different timeframe: 1d, 1h"):
        Ensemble([Between(), Daily()])
