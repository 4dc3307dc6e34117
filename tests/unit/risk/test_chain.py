"""The gates: an exit always passes, the first block ends it, a resize is what the next rule sees."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradecore.core.errors import ConfigError
from tradecore.core.types import Pair
from tradecore.risk.chain import Outcome, Proposal, Standing, judge
from tradecore.risk.rules import Cooldown, Limits, MaxDrawdown, MaxExposure, NoNewRisk

BTC = Pair("BTC", "USD")
CALM = Standing(equity=1000.0, drawdown=0.0, pair_exposure=0.0, total_exposure=0.0, bars_since_exit=1000)


def entry(fraction: float | None = 0.5) -> Proposal:
    return Proposal(BTC, is_exit=False, fraction=fraction)


shares = st.floats(0, 10) | st.just(math.nan)


@given(shares, shares, shares, st.floats(0, 1), st.integers(0, 10**6), st.floats(-1e6, 1e6) | st.just(math.nan))
def test_an_exit_passes_every_rule_in_every_standing(pair, total, limit, drawdown, bars, equity):
    rules = (NoNewRisk(True), MaxDrawdown(0.0), Cooldown(10**9), MaxExposure(limit, True), MaxExposure(1e-9, False))
    decision = judge(rules, Proposal(BTC, True, None), Standing(equity, drawdown, pair, total, bars))
    assert decision.allowed
    assert decision.trace[0].text == "an exit is never blocked"


def test_the_halt_blocks_entries():
    decision = judge((NoNewRisk(True),), entry(), CALM)
    assert not decision.allowed
    assert decision.blocker == "no_new_risk"


def test_the_first_rule_that_blocks_ends_the_chain():
    decision = judge((NoNewRisk(True), MaxDrawdown(0.1)), entry(), CALM)
    assert [verdict.rule for verdict in decision.trace] == ["no_new_risk"]


@pytest.mark.parametrize(("drawdown", "allowed"), [(0.19, True), (0.2, False), (0.5, False)])
def test_entries_stop_at_the_drawdown_limit(drawdown: float, allowed: bool):
    standing = Standing(1000.0, drawdown, 0.0, 0.0, 10)
    assert judge((MaxDrawdown(0.2),), entry(), standing).allowed is allowed


@pytest.mark.parametrize(("since", "allowed"), [(2, False), (3, True)])
def test_a_pair_cools_down_after_it_was_left(since: int, allowed: bool):
    assert judge((Cooldown(3),), entry(), Standing(1000.0, 0.0, 0.0, 0.0, since)).allowed is allowed


def test_an_entry_is_cut_to_the_exposure_that_is_left_and_the_next_rule_sees_the_cut():
    rules = (MaxExposure(0.5, per_pair=True), MaxExposure(0.4, per_pair=False))
    decision = judge(rules, entry(0.9), Standing(1000.0, 0.0, 0.2, 0.3, 10))
    assert decision.allowed
    assert decision.fraction == pytest.approx(0.1)
    assert [verdict.outcome for verdict in decision.trace] == [Outcome.RESIZE, Outcome.RESIZE]


def test_a_full_book_blocks_whatever_the_size_is_counted_in():
    full = Standing(1000.0, 0.0, 1.0, 1.0, 10)
    assert not judge((MaxExposure(1.0, per_pair=True),), entry(0.1), full).allowed
    assert not judge((MaxExposure(1.0, per_pair=True),), entry(None), full).allowed
    assert judge((MaxExposure(1.0, per_pair=True),), entry(None), CALM).allowed


def test_the_default_limits_let_a_whole_account_in_and_no_more():
    decision = judge(Limits().rules(), entry(1.0), CALM)
    assert (decision.allowed, decision.fraction) == (True, 1.0)
    assert judge(Limits().rules(), entry(1.0), Standing(1000.0, 0.99, 0.3, 0.3, 0)).fraction == pytest.approx(0.7)


@pytest.mark.parametrize(
    "wrong",
    [
        {"max_pair_exposure": 0.0},
        {"max_total_exposure": math.nan},
        {"max_drawdown": 1.5},
        {"max_drawdown": 0.0},
        {"cooldown_bars": -1},
    ],
)
def test_limits_out_of_range_are_refused(wrong: dict[str, float]):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        Limits(**wrong)  # type: ignore[arg-type]
