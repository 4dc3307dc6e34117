import json
import math
from dataclasses import replace

import numpy as np
import pytest

from tradecore.core.errors import ConfigError, DataError
from tradecore.stats.bootstrap import Bootstrap
from tradecore.stats.gates import EDGE, NO_EDGE, EvidenceLimits, Gate, gather, judge

QUICK = Bootstrap(samples=400)
DAYS = 365


def market(rng, days=DAYS):
    """Daily returns of a market without direction: fat tails, 57 % volatility a year."""
    return rng.standard_t(4, days) * 0.03 / math.sqrt(2)


def evidence_of(returns, passive, rng, **changes):
    given = {
        "trades": 100,
        "trials": 1,
        "rng": rng,
        "bootstrap": QUICK,
        "costed_returns": {1.0: returns, 1.5: returns - 5e-5},
    }
    baselines = {"cash": np.zeros(len(returns)), "buy_and_hold": passive}
    return gather(returns, given.pop("baselines", baselines), **(given | changes))


def strong(seed=1, **changes):
    """A record with a Sharpe ratio of about 4 over one year."""
    rng = np.random.default_rng(seed)
    passive = market(rng)
    return evidence_of(np.abs(passive) * 0.12 + passive * 0.4, passive, rng, **changes)


def gate(verdict, name):
    return next(one for one in verdict.gates if one.name == name)


def test_strong_record_is_an_edge_and_every_gate_has_a_value():
    verdict = judge(strong())
    assert verdict.verdict == EDGE
    assert verdict.is_edge
    assert all(one.passed and one.value is not None for one in verdict.gates)
    assert len(verdict.reasons) == len(verdict.gates)


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"trades": 29}, "trades"),
        ({"trials": 10**9}, "deflated_sharpe"),
        ({"costed_returns": {1.5: np.full(DAYS, -1e-5)}}, "gains_at_higher_cost"),
        ({"costed_returns": {1.5: np.zeros(DAYS)}}, "gains_at_higher_cost"),
    ],
)
def test_one_failed_gate_is_no_evidence_and_comes_first_in_the_reasons(changes, name):
    verdict = judge(strong(**changes))
    assert verdict.verdict == NO_EDGE
    failed = [one for one in verdict.gates if not one.passed]
    assert [one.name for one in failed] == [name]
    assert verdict.reasons[0] == failed[0].text


def test_too_few_days_fail_even_when_every_day_gained():
    rng = np.random.default_rng(1)
    verdict = judge(evidence_of(rng.normal(0.02, 0.01, 60), market(rng, 60), rng))
    assert [one.name for one in verdict.gates if not one.passed] == ["days"]


def test_half_the_market_is_no_edge_however_well_the_market_went():
    rng = np.random.default_rng(1)
    passive = market(rng) + 0.01
    verdict = judge(evidence_of(passive / 2, passive, rng))
    assert gate(verdict, "deflated_sharpe").passed
    assert not gate(verdict, "beats_buy_and_hold").passed
    assert verdict.verdict == NO_EDGE


def test_candidate_must_also_beat_the_best_simple_baseline():
    rng = np.random.default_rng(1)
    passive = market(rng)
    candidate = passive * 0.4 + 0.004
    rival = market(rng) * 0.2 + 0.004
    found = evidence_of(candidate, passive, rng, trades=100)
    assert judge(found).is_edge
    with_rival = gather(
        candidate,
        {"buy_and_hold": passive, "momentum": rival},
        trades=100,
        trials=1,
        rng=rng,
        bootstrap=QUICK,
        costed_returns={1.5: candidate},
    )
    assert with_rival.best_baseline == "momentum"
    verdict = judge(with_rival)
    assert [one.name for one in verdict.gates if not one.passed] == ["beats_best_baseline"]


def test_cash_is_never_the_best_baseline():
    rng = np.random.default_rng(1)
    assert evidence_of(market(rng), market(rng) - 0.01, rng).best_baseline == "buy_and_hold"


@pytest.mark.parametrize(
    ("baselines", "costs", "missing"),
    [
        ({}, {}, {"beats_buy_and_hold", "beats_best_baseline", "gains_at_higher_cost"}),
        ({"momentum": np.zeros(DAYS)}, {1.0: np.zeros(DAYS)}, {"beats_buy_and_hold", "gains_at_higher_cost"}),
    ],
)
def test_gates_that_were_not_measured_fail(baselines, costs, missing):
    returns = np.random.default_rng(1).normal(0.01, 0.01, DAYS)
    found = gather(
        returns, baselines, trades=99, trials=1, rng=np.random.default_rng(1), costed_returns=costs, bootstrap=QUICK
    )
    failed = {one.name: one for one in judge(found).gates if not one.passed}
    assert set(failed) == missing
    assert all(one.value is None and "could not be computed" in one.text for one in failed.values())


@pytest.mark.parametrize("days", [0, 1, 9])
def test_hardly_any_days_give_no_figures_and_no_edge(days):
    found = evidence_of(np.full(days, 0.1), np.zeros(days), np.random.default_rng(1))
    verdict = judge(found)
    assert found.sharpe is None
    assert verdict.verdict == NO_EDGE
    assert "too few" in verdict.reasons[0]


def test_record_without_positions_is_no_edge_and_says_so():
    verdict = judge(evidence_of(np.zeros(DAYS), market(np.random.default_rng(1)), np.random.default_rng(1), trades=0))
    assert verdict.verdict == NO_EDGE
    assert "do not vary" in verdict.reasons[0]


def test_returns_that_are_not_finite_never_pass():
    returns = np.full(DAYS, 0.01)
    returns[7] = math.nan
    verdict = judge(evidence_of(returns, np.zeros(DAYS), np.random.default_rng(1)))
    assert verdict.verdict == NO_EDGE
    assert "not finite" in verdict.reasons[0]
    json.dumps(verdict.as_dict(), allow_nan=False)


def test_broken_baseline_blocks_the_verdict_even_when_it_is_not_the_best():
    rng = np.random.default_rng(1)
    returns = rng.normal(0.01, 0.01, DAYS)
    broken = {"buy_and_hold": market(rng), "momentum": np.full(DAYS, math.nan)}
    found = gather(returns, broken, trades=99, trials=1, rng=rng, costed_returns={1.5: returns}, bootstrap=QUICK)
    verdict = judge(found)
    assert all(one.passed for one in verdict.gates)
    assert verdict.verdict == NO_EDGE
    assert "baseline momentum" in verdict.reasons[0]


def test_baseline_over_other_days_is_refused():
    with pytest.raises(DataError, match="expected the same days"):
        evidence_of(np.zeros(DAYS), np.zeros(DAYS - 1), np.random.default_rng(1))


@pytest.mark.parametrize("wrong", [{"trials": 0}, {"trades": -1}])
def test_impossible_counts_are_refused(wrong):
    with pytest.raises(DataError, match="trials"):
        strong(**wrong)


def test_trials_without_a_sharpe_count_as_trials_but_not_in_the_variance():
    sharpes = np.r_[np.random.default_rng(1).normal(0, 0.05, 20), np.nan, np.nan]
    with_gaps = strong(trials=22, trial_sharpes=sharpes)
    without = strong(trials=22, trial_sharpes=sharpes[:20])
    assert with_gaps.deflated_sharpe == without.deflated_sharpe


def test_more_trials_deflate_more():
    found = [strong(trials=count).deflated_sharpe for count in (1, 10, 100, 10_000)]
    assert found == sorted(found, reverse=True)
    assert len(set(found)) == 4


def test_evidence_and_verdict_are_strict_json():
    found = strong()
    text = json.dumps({"evidence": found.as_dict(), "verdict": judge(found).as_dict()}, allow_nan=False)
    back = json.loads(text)
    assert back["verdict"]["verdict"] == "edge"
    assert back["evidence"]["return_at_cost"].keys() == {"1", "1.5"}
    assert back["evidence"]["comparisons"]["buy_and_hold"]["sharpe"]["above_zero"] > 0.75


def test_gates_measured_elsewhere_take_part():
    lookahead = Gate("lookahead", False, 3.0, 0.0, "3 decisions changed when later bars were cut, none allowed")
    verdict = judge(strong(), extra=(lookahead,))
    assert verdict.verdict == NO_EDGE
    assert verdict.reasons[0] == lookahead.text


def test_limits_move_the_verdict():
    found = strong()
    assert not judge(found, replace(EvidenceLimits(), min_trades=101)).is_edge
    assert not judge(found, replace(EvidenceLimits(), min_sharpe_low=50.0)).is_edge


@pytest.mark.parametrize(
    "wrong",
    [
        {"min_days": 9},
        {"min_trades": 0},
        {"cost_multiple": 0.9},
        {"min_deflated_sharpe": 1.1},
        {"min_probability_better": 0.4},
    ],
)
def test_limits_out_of_range_are_refused(wrong):
    with pytest.raises(ConfigError, match="evidence limits"):
        EvidenceLimits(**wrong)


def timed_market(seed, skill, days):
    """A strategy that holds the market half of the time; with `skill`, it earns that Sharpe ratio on top."""
    rng = np.random.default_rng(seed)
    passive = market(rng, days)
    held = np.repeat(rng.integers(0, 2, days // 5 + 1), 5)[:days]
    return held * passive + skill / math.sqrt(365) * 0.02, passive, rng


def share_of_edges(skill, days, seeds):
    verdicts = [judge(evidence_of(*timed_market(seed, skill, days))) for seed in range(seeds)]
    return sum(verdict.is_edge for verdict in verdicts) / seeds


def test_noise_is_called_an_edge_in_at_most_five_percent_of_cases():
    assert share_of_edges(skill=0.0, days=365, seeds=200) <= 0.05


def test_strong_edge_over_one_year_of_days_is_found_in_nine_of_ten_cases():
    assert share_of_edges(skill=4.0, days=365, seeds=60) >= 0.90


def test_best_of_twenty_noise_trials_is_called_an_edge_in_at_most_five_percent_of_cases():
    edges = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        passive = market(rng)
        trials = np.repeat(rng.integers(0, 2, (20, DAYS // 5 + 1)), 5, axis=1)[:, :DAYS] * passive
        sharpes = trials.mean(axis=1) / trials.std(axis=1, ddof=1)
        best = trials[np.argmax(sharpes)]
        edges += judge(evidence_of(best, passive, rng, trials=20, trial_sharpes=sharpes)).is_edge
    assert edges <= 5
