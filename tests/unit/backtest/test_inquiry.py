"""The whole of honest-v1 on small markets: its sentinels, its gates, its findings, and that they come out again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from functools import partial
from typing import Any, ClassVar

import numpy as np
import pytest

from tradecore.backtest.evaluate import PROFILES, Protocol, evaluate
from tradecore.backtest.evaluation_report import evaluation_sheet, hold_out_text
from tradecore.backtest.protocol import HONEST, Profile
from tradecore.backtest.result import Result
from tradecore.backtest.run import Settings
from tradecore.backtest.walk_forward import Plan
from tradecore.config.tree import Tree
from tradecore.core.bars import Bars
from tradecore.core.errors import ConfigError, UsageError
from tradecore.core.types import FloatArray
from tradecore.features import sma
from tradecore.features.feature import Feature
from tradecore.stats.gates import EvidenceLimits
from tradecore.strategy.contract import Answer, Strategy
from tradecore.strategy.loading import load
from tradecore.strategy.parameters import Parameter
from tradecore.strategy.views import Account, Market

EASY = EvidenceLimits(min_days=30, min_trades=5)
BARE = Profile(cost_multiples=())
LOCKED = Protocol(Plan(folds=3), EASY, 0, lookahead_cuts=0, hold_out=0.15, profile=BARE)


def gates(result: Result) -> dict[str, bool]:
    assert result.verdict is not None
    return {one.name: one.passed for one in result.verdict.gates}


@pytest.fixture(scope="module")
def whole(planted: Bars) -> Result:
    """Return smoke with everything small, on a strategy that has a lane and a grid."""
    amounts = replace(
        PROFILES["smoke"], random_traders=20, bootstrap_samples=200, feature_groups=4, seeds=3, combined_groups=4
    )
    protocol = Protocol.with_profile(
        amounts, "honest-v1 test", plan=Plan(folds=3, grid={"fast": (5, 10), "slow": (40,)}), limits=EASY
    )
    return evaluate(partial(load, "ma-cross"), (planted,), Settings(seed=3), protocol)


def test_every_gate_of_the_protocol_speaks_once(whole: Result) -> None:
    assert list(gates(whole)) == [
        "days", "trades", "deflated_sharpe", "sharpe_low", "beats_buy_and_hold", "beats_best_baseline",
        "gains_at_higher_cost", "beats_random", "overfitting", "no_lookahead", "lanes_agree", "deterministic",
        "hold_out",
    ]  # fmt: skip


def test_every_circumstance_that_was_asked_for_is_there(whole: Result) -> None:
    assert whole.findings is not None
    kinds = [one.kind for one in whole.findings.variants]
    assert kinds == ["costs"] * 6 + ["latency", "offset", "feature", "feature", "days"]
    assert whole.findings.seeds is None  # it draws on no randomness
    assert whole.findings.choice is not None
    assert len(whole.findings.choice.paths) in (0, 3)
    assert whole.findings.chance is not None
    assert len(whole.findings.chance.sharpes) == 20
    assert sum(one.days for one in whole.findings.regimes) <= 60
    assert whole.findings.break_even_text


def test_the_result_is_strict_json_with_the_gates_hash(whole: Result) -> None:
    text = json.loads(json.dumps(whole.to_json(), allow_nan=False))
    assert text["kind"] == "evaluate"
    assert len(text["findings"]["fingerprint"]) == 64
    assert text["findings"]["protocol"]["limits"] == asdict(EASY)
    assert text["hold_out"]["status"] in ("locked", "unrecorded")


def test_the_same_seed_gives_the_same_findings_to_the_bit(whole: Result, planted: Bars) -> None:
    assert whole.findings is not None
    grid = {"fast": (5, 10), "slow": (40,)}
    amounts = replace(
        PROFILES["smoke"], random_traders=20, bootstrap_samples=200, feature_groups=4, seeds=3, combined_groups=4
    )
    protocol = Protocol.with_profile(amounts, "honest-v1 test", plan=Plan(folds=3, grid=grid), limits=EASY)
    again = evaluate(partial(load, "ma-cross"), (planted,), Settings(seed=3), protocol)
    assert again.to_json() == whole.to_json()


def test_the_report_says_what_failed_and_what_would_have_to_be_true(noise: Bars) -> None:
    loser = partial(load, "random_entry", time_in_market=0.5, holding=5)
    result = evaluate(loser, (noise,), Settings(), replace(LOCKED, random_traders=5))
    sheet = evaluation_sheet(result)
    assert sheet is not None
    assert any("no length of record helps" in text for text in sheet.wanted)
    assert any("timing would have to matter" in text for text in sheet.wanted)
    assert sheet.hold_out is not None
    assert sheet.hold_out.text.startswith("Locked: ")
    assert sheet.luck[0] == "1 configurations were ever tried on overlapping data of this market."


def test_an_opened_hold_out_is_told_with_its_figures(planted: Bars) -> None:
    result = evaluate(partial(load, "ma-cross"), (planted,), Settings(), replace(LOCKED, opens_hold_out=True))
    assert result.hold_out is not None
    assert "Opened without a record of it" in hold_out_text(result.hold_out)
    sheet = evaluation_sheet(result)
    assert sheet is not None
    assert sheet.hold_out is not None
    assert len(sheet.hold_out.time) == len(sheet.hold_out.returns) > 10


class TwoFaced(Strategy):
    """Says one thing in its lane and another bar by bar."""

    params: ClassVar[Mapping[str, Parameter]] = {}

    def features(self, p: Any) -> Mapping[str, Feature]:
        return {"mean": sma(24)}

    def decide(self, market: Market, account: Account) -> Answer:
        if account.position:
            return self.close("below") if market.close < market.mean else self.hold("above")
        return self.buy(0.5, reason="above") if market.close > market.mean else self.hold("below")

    def exposure(self, features: Mapping[str, FloatArray]) -> FloatArray:
        return np.where(features["close"] > features["mean"] * 1.01, 0.5, 0.0)


def test_a_lane_that_differs_from_decide_is_no_edge(planted: Bars) -> None:
    protocol = replace(LOCKED, profile=replace(BARE, has_sentinels=True))
    assert gates(evaluate(TwoFaced, (planted,), Settings(), protocol))["lanes_agree"] is False
    honest = evaluate(partial(load, "ma-cross"), (planted,), Settings(), protocol)
    assert gates(honest)["lanes_agree"] is True


class Coin(Strategy):
    """Draws on a generator of its own that nobody seeds."""

    params: ClassVar[Mapping[str, Parameter]] = {}
    source: ClassVar[Any] = np.random.default_rng(1)

    def decide(self, market: Market, account: Account) -> Answer:
        heads = self.source.random() < 0.1
        if account.position:
            return self.close("tails") if heads else self.hold("waiting")
        return self.buy(0.5, reason="heads") if heads else self.hold("waiting")


def test_a_strategy_that_cannot_be_repeated_is_no_edge(planted: Bars) -> None:
    protocol = replace(LOCKED, profile=replace(BARE, has_sentinels=True))
    found = evaluate(Coin, (planted,), Settings(), protocol)
    assert gates(found)["deterministic"] is False
    assert found.verdict is not None
    assert not found.verdict.is_edge


def test_seeds_are_played_where_the_strategy_uses_its_randomness(planted: Bars) -> None:
    protocol = replace(LOCKED, profile=replace(BARE, seeds=5))
    coin = evaluate(partial(load, "random_entry", time_in_market=0.3, holding=20), (planted,), Settings(), protocol)
    assert coin.findings is not None
    assert coin.findings.seeds is not None
    assert len(set(coin.findings.seeds.sharpes)) == 5
    middle = np.sort(coin.findings.seeds.sharpes)[1:-1].mean()
    assert coin.findings.seeds.middle == pytest.approx(middle)


def test_a_fixed_candidate_has_no_choice_to_judge(planted: Bars) -> None:
    protocol = replace(LOCKED, profile=replace(BARE, overfitting_blocks=8))
    assert "overfitting" not in gates(evaluate(partial(load, "ma-cross"), (planted,), Settings(), protocol))


@pytest.mark.parametrize("name", ["smoke", "standard", "deep"])
def test_the_settings_hold_the_profiles_of_the_code(name: str) -> None:
    assert getattr(Tree(), f"profile_{name}").model_dump() == asdict(PROFILES[name])
    assert Tree().walk_forward.hold_out == Protocol.of(name).hold_out == 0.15
    assert Protocol.of(name).name == f"{HONEST} {name}"
    assert Protocol.of(name).random_traders == PROFILES[name].random_traders


def test_a_profile_there_is_not_is_refused() -> None:
    with pytest.raises(UsageError, match="no profile 'quick'"):
        Protocol.of("quick")
    with pytest.raises(ConfigError, match="expected shares"):
        replace(LOCKED, max_overfitting=2.0)


def test_whatever_decides_changes_the_fingerprint_and_forcing_the_lock_does_not() -> None:
    base = Protocol.of("smoke")
    others = [
        replace(base, hold_out=0.2), replace(base, limits=EASY), replace(base, min_random_rank=0.9),
        replace(base, plan=Plan(folds=5)), replace(base, plan=Plan(grid={"a": (1,)})), replace(base, random_traders=1),
        replace(base, profile=replace(base.profile, offsets=2)), Protocol.of("deep"),
    ]  # fmt: skip
    assert len({one.fingerprint() for one in (base, *others)}) == 1 + len(others)
    assert replace(base, opens_hold_out=True).fingerprint() == base.fingerprint()
