"""The honest test: every trial counted, every cost paid twice over, every gate with its reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from tradecore.backtest.evaluate import COST_MULTIPLES, SYNTHETIC, Ledgered, Protocol, backtest, config_hash, evaluate
from tradecore.backtest.result import Result
from tradecore.backtest.run import Settings
from tradecore.backtest.walk_forward import Plan
from tradecore.core.bars import Bars
from tradecore.core.clock import ManualClock
from tradecore.core.types import Timeframe
from tradecore.market.synthetic import make
from tradecore.registry.trials import TrialLedger
from tradecore.risk.rules import Limits
from tradecore.sim.model import VenueModel
from tradecore.stats.gates import EvidenceLimits
from tradecore.stats.inference import sharpe_ratio
from tradecore.stats.sample import daily_returns
from tradecore.strategy.contract import Answer, Strategy
from tradecore.strategy.loading import load
from tradecore.strategy.parameters import Parameter
from tradecore.strategy.views import Account, Market

QUICK = Protocol(Plan(folds=3), random_traders=0, lookahead_cuts=0)


def gate(result: Result, name: str) -> Any:
    assert result.verdict is not None
    found = [one for one in result.verdict.gates if one.name == name]
    assert len(found) == 1
    return found[0]


@pytest.fixture
def counted(tmp_path: Path) -> Ledgered:
    return Ledgered(TrialLedger.open(tmp_path / "lab.db"), "run00001", ManualClock(7))


def test_every_candidate_enters_the_ledger_once(tested: Any) -> None:
    assert tested.ledger.count(tested.result.dataset) == 2
    assert tested.result.evidence.trials == 2
    found = tested.ledger.for_dataset(tested.result.dataset)
    assert {one.run for one in found} == {"run00001"}
    assert {one.time for one in found} == {1}
    assert [one.protocol for one in found] == ["walk_forward"] + ["walk_forward_train"] * 6


def test_the_ledger_keeps_what_each_candidate_showed_on_the_last_training_slice(tested: Any) -> None:
    found = tested.ledger.for_dataset(tested.result.dataset)
    newest = {one.config: one.sharpe for one in found}
    assert sorted(tested.ledger.sharpes(tested.result.dataset)) == sorted(newest.values())
    days = daily_returns(tested.result.track.curve, tested.result.track.timeframe).returns
    assert (found[0].sharpe, found[0].n_obs) == (sharpe_ratio(days), len(days))


def test_the_same_test_again_adds_no_trial_and_another_grid_does(
    trend: type[Strategy], planted: Bars, counted: Ledgered
) -> None:
    def trials(*spans: int) -> int:
        protocol = replace(QUICK, plan=Plan(folds=3, grid={"span": spans}))
        found = evaluate(trend, [planted], Settings(), protocol, counted=counted).evidence
        assert found is not None
        return found.trials

    assert [trials(24, 72), trials(24, 72), trials(72, 24), trials(24, 100), trials(24, 72)] == [2, 2, 2, 3, 3]


def test_a_candidate_is_one_trial_however_it_was_named(trend: type[Strategy], planted: Bars, counted: Ledgered) -> None:
    evaluate(trend, [planted], Settings(), replace(QUICK, plan=Plan(folds=3, grid={"span": (24, 72)})), counted=counted)
    fixed = evaluate(partial(trend, span=24), [planted], Settings(), QUICK, counted=counted).evidence
    default = evaluate(trend, [planted], Settings(), QUICK, counted=counted).evidence
    named = evaluate(partial(trend, span=48), [planted], Settings(), QUICK, counted=counted).evidence
    assert [one.trials for one in (fixed, default, named) if one] == [2, 3, 3]


def test_other_data_has_a_count_of_its_own(
    trend: type[Strategy], planted: Bars, noise: Bars, counted: Ledgered
) -> None:
    for bars in (planted, noise):
        found = evaluate(trend, [bars], Settings(), QUICK, counted=counted).evidence
        assert found is not None
        assert found.trials == 1


def test_what_was_assumed_is_part_of_the_trial(planted: Bars) -> None:
    assumed = (Settings(), Settings(venue=VenueModel(taker_fee=0.001)), Settings(limits=Limits(max_drawdown=0.2)))
    assert len({config_hash({"a": 1}, one, [planted]) for one in assumed}) == 3
    assert config_hash({"a": 1, "b": 2}, Settings(), [planted]) == config_hash({"b": 2, "a": 1}, Settings(), [planted])
    assert config_hash({"a": 1}, Settings(seed=1), [planted]) == config_hash({"a": 1}, Settings(seed=2), [planted])


def test_without_a_ledger_the_result_says_what_was_counted(trend: type[Strategy], planted: Bars, plan: Plan) -> None:
    result = evaluate(trend, [planted], Settings(), replace(QUICK, plan=plan))
    assert any("counted for this call alone" in notice for notice in result.notices)
    assert result.evidence is not None
    assert result.evidence.trials == 2


def test_with_a_ledger_that_notice_is_not_there(tested: Any) -> None:
    assert tested.result.notices == (SYNTHETIC,)


def test_the_same_seed_gives_the_same_result_to_the_bit(
    trend: type[Strategy], planted: Bars, tested: Any, counted: Ledgered
) -> None:
    again = evaluate(trend, [planted], tested.settings, tested.protocol, counted=counted)
    assert again.metrics == tested.result.metrics
    assert again.evidence == tested.result.evidence
    assert again.verdict == tested.result.verdict
    assert again.track.curve.equity.tobytes() == tested.result.track.curve.equity.tobytes()


def test_dearer_trading_leaves_less(tested: Any) -> None:
    evidence = tested.result.evidence
    multiples = sorted(evidence.return_at_cost)
    assert multiples == sorted({*COST_MULTIPLES, 1.0})
    assert all(evidence.return_at_cost[low] > evidence.return_at_cost[high] for low, high in pairwise(multiples))
    assert evidence.return_at_cost[1.0] == pytest.approx(tested.result.metrics["total_return"])
    assert tested.result.costed[1.0] is tested.result.track
    assert tested.result.costed[0.0].fills["fee"].sum() == 0.0


def test_a_strategy_that_remembers_is_new_at_every_cost(trend: type[Strategy], planted: Bars) -> None:
    class Once(trend):  # type: ignore[misc, valid-type]
        def __init__(self, **given: object) -> None:
            super().__init__(**given)
            self.bought = False

        def decide(self, market: Market, account: Account) -> Answer:
            if self.bought:
                return self.hold("done for good")
            self.bought = True
            return self.buy(0.5, reason="the only time")

    result = evaluate(Once, [planted], Settings(), QUICK)
    fills = {multiple: track.fills["bar"].tolist() for multiple, track in result.costed.items()}
    assert fills[1.0]
    assert all(bars == fills[1.0] for bars in fills.values())


def test_the_multiple_of_the_limits_is_always_among_the_costs(trend: type[Strategy], planted: Bars) -> None:
    protocol = replace(QUICK, limits=EvidenceLimits(cost_multiple=1.7))
    result = evaluate(trend, [planted], Settings(), protocol)
    assert 1.7 in result.costed
    assert gate(result, "gains_at_higher_cost").text.startswith("total return at 1.7 times the costs")


def test_evidence_is_of_the_days_that_all_records_share(tested: Any) -> None:
    days = len(daily_returns(tested.result.track.curve, tested.result.track.timeframe).returns)
    assert tested.result.evidence.days == days
    assert set(tested.result.evidence.comparisons) >= {"buy_and_hold", "momentum", "ma_cross"}
    assert set(tested.result.baseline_metrics) == set(tested.result.baselines)


def test_trends_that_were_planted_are_an_edge(tested: Any) -> None:
    assert [one.text for one in tested.result.verdict.gates if not one.passed] == []
    assert tested.result.verdict.verdict == "edge"


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_noise_is_no_edge(seed: int, trend: type[Strategy], protocol: Protocol, planted: Bars) -> None:
    bars = make("noise", pair=planted.pair, timeframe=planted.timeframe, bars=3000, seed=seed)
    result = evaluate(trend, [bars], Settings(), replace(protocol, random_traders=0, lookahead_cuts=0))
    assert result.verdict is not None
    assert result.verdict.verdict == "no evidence of edge"
    assert not gate(result, "deflated_sharpe").passed


class Seer(Strategy):
    """Looks behind its view, where the whole history lies, and buys what will rise."""

    params: ClassVar[Mapping[str, Parameter]] = {}

    def decide(self, market: Market, account: Account) -> Answer:
        whole = market._columns["close"]
        rises = whole[min(market.index + 24, len(whole) - 1)] > market.close * 1.005
        if account.position:
            return self.hold("waiting") if rises else self.close("it will fall")
        return self.buy(0.5, reason="it will rise") if rises else self.hold("waiting")


def test_a_strategy_that_sees_the_future_has_no_edge_however_much_it_gains(noise: Bars, protocol: Protocol) -> None:
    cheap = Settings(venue=VenueModel(0.0001, 0.0001, 0.0, 0.0))
    result = evaluate(Seer, [noise], cheap, replace(protocol, plan=Plan(folds=3), random_traders=0))
    assert [one.name for one in result.verdict.gates if not one.passed] == ["no_lookahead"]  # type: ignore[union-attr]
    assert result.verdict is not None
    assert result.verdict.verdict == "no evidence of edge"
    assert any("sees the future" in reason for reason in result.verdict.reasons)


def test_the_lookahead_gate_passes_an_honest_strategy_and_says_what_was_done(tested: Any) -> None:
    found = gate(tested.result, "no_lookahead")
    assert found.passed
    assert "cuts of" in found.text


def test_tests_that_were_not_asked_for_have_no_gate(trend: type[Strategy], planted: Bars) -> None:
    result = evaluate(trend, [planted], Settings(), QUICK)
    assert result.verdict is not None
    assert not {"no_lookahead", "beats_random"} & {one.name for one in result.verdict.gates}


def test_the_candidate_is_ranked_among_random_traders(tested: Any) -> None:
    found = gate(tested.result, "beats_random")
    assert found.value in {0.0, 1 / 3, 2 / 3, 1.0}
    assert found.passed == (found.value >= 0.95)
    assert "of 3 random traders" in found.text


def test_who_never_traded_does_not_beat_random_traders(planted: Bars) -> None:
    result = evaluate(partial(load, "cash"), [planted], Settings(), replace(QUICK, random_traders=3))
    assert not gate(result, "beats_random").passed
    assert "no closed trade" in gate(result, "beats_random").text


def test_a_loss_of_luck_fails_the_random_gate(planted: Bars, protocol: Protocol) -> None:
    coin = partial(load, "random_entry", time_in_market=0.3, holding=20)
    result = evaluate(coin, [planted], Settings(), replace(protocol, plan=Plan(folds=3), random_traders=10))
    assert not gate(result, "beats_random").passed


def test_one_plain_run_gives_figures_and_no_verdict(trend: type[Strategy], planted: Bars) -> None:
    told: list[tuple[str, int, int]] = []
    result = backtest(trend(), [planted], tell=lambda *one: told.append(one))
    assert (result.kind, result.verdict, result.evidence, result.folds) == ("backtest", None, None, ())
    assert result.text.startswith("Hold while the price is above its mean.")
    assert told[-1] == ("backtest", 3000, 3000)
    assert len(result.track.curve) == 3000


def test_bars_that_were_traded_carry_no_synthetic_notice(trend: type[Strategy], planted: Bars) -> None:
    assert backtest(trend(), [replace(planted, source="kraken-archive")]).notices == ()
    assert backtest(trend(), [planted]).notices == (SYNTHETIC,)


def test_a_quarantined_strategy_is_told_before_any_number(trend: type[Strategy], planted: Bars) -> None:
    class Broken(trend):  # type: ignore[misc, valid-type]
        def decide(self, market: Market, account: Account) -> Answer:
            raise RuntimeError("lost")

    assert "quarantined" in " ".join(backtest(Broken(), [planted]).notices)


def test_a_market_of_days_is_tested_over_its_bars(trend: type[Strategy], planted: Bars) -> None:
    bars = make("planted", pair=planted.pair, timeframe=Timeframe.parse("1d"), bars=900, seed=7)
    result = evaluate(partial(trend, span=10), [bars], Settings(), QUICK)
    assert result.evidence is not None
    assert result.evidence.days == len(result.track.curve)


def test_several_pairs_are_tested_together(trend: type[Strategy], two_pairs: tuple[Bars, ...]) -> None:
    result = evaluate(trend, two_pairs, Settings(), replace(QUICK, random_traders=2))
    assert "equal_weight" in result.baselines
    assert len(result.bars) == 2
    assert np.isfinite(result.metrics["total_return"])
