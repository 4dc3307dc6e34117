"""The check catches what it is for: each planted fault is found in its own step, with the first bar it shows at."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tradecore.backtest.replay import play, play_blind
from tradecore.control.decide import decide_apart
from tradecore.core.bars import Bars
from tradecore.strategy.builtin import BUILTINS
from tradecore.strategy.check import STEPS, Budget, CheckReport, Outcome, Players, check
from tradecore.strategy.loading import load, load_anew

Write = Callable[[str], Path]
HONEST = """
class Honest(Strategy):
    def features(self, p):
        return {"fast": ema(5), "slow": ema(12)}

    def decide(self, market, account):
        if account.position:
            return self.close("below") if market.fast < market.slow else self.hold("above")
        return self.buy(0.5, reason="above") if market.fast > market.slow else self.hold("below")
"""


def checked(path: Path, bars: Bars, budget: Budget | None = None) -> CheckReport:
    players = Players(play, play_blind)
    return check(load(str(path)), [bars], players, anew=partial(load_anew, str(path)), budget=budget)


def checked_apart(path: Path, bars: Bars) -> CheckReport:
    players = Players(play, play_blind, partial(decide_apart, str(path), {}, [bars]))
    return check(load(str(path)), [bars], players, anew=partial(load_anew, str(path)))


def test_an_honest_strategy_passes_and_the_verdict_promises_nothing(strategy_file: Write, bars: Bars) -> None:
    report = checked(strategy_file(HONEST), bars)
    assert report.passed, report.verdict
    assert tuple(step.name for step in report.steps) == STEPS
    assert "says nothing about profit" in report.verdict
    assert report.notes == ()


@pytest.mark.parametrize("name", list(BUILTINS))
def test_every_built_in_passes_its_own_check(name: str, bars: Bars) -> None:
    report = check(load(name), [bars], Players(play, play_blind), anew=partial(load_anew, name))
    assert report.passed, report.verdict


def test_built_ins_pass_on_several_pairs(two_pairs: tuple[Bars, ...]) -> None:
    for name in BUILTINS:
        report = check(load(name), two_pairs, Players(play, play_blind))
        assert report.passed, report.verdict


@pytest.mark.parametrize(
    "peek",
    [
        "market._bars.close[min(market._i + 1, len(market._bars) - 1)]",
        "market.window('close', 1).base[min(market._i + 1, len(market._bars) - 1)]",
        "market._columns['fast'][-1]",
        "market._bars.close.mean()",
    ],
    ids=["next bar", "base of a window", "end of a column", "mean of all"],
)
def test_looking_ahead_fails_truncation_with_its_first_bar(strategy_file: Write, bars: Bars, peek: str) -> None:
    text = HONEST.replace("market.fast > market.slow", f"{peek} > market.close")
    report = checked(strategy_file(text), bars)
    failure = report.first_failure
    assert failure is not None
    assert failure.name == "truncation"
    assert "looks ahead" in failure.text
    assert failure.bar is not None
    assert f"First offending bar: {failure.bar} (2023-" in report.verdict


def test_a_rare_look_ahead_is_found_at_the_very_bar_at_which_it_happens(strategy_file: Write, bars: Bars) -> None:
    text = HONEST.replace(
        "        if account.position:",
        "        if market.index == 333 and market._bars.close[334] > 0:\n            return self.hold('saw it')\n"
        "        if account.position:",
    )
    failure = checked(strategy_file(text), bars).first_failure
    assert failure is not None
    assert (failure.name, failure.bar) == ("truncation", 333)


def test_global_randomness_fails_determinism(strategy_file: Write, bars: Bars) -> None:
    text = "import random\n" + HONEST.replace("market.fast > market.slow", "random.random() < 0.1")
    failure = checked(strategy_file(text), bars).first_failure
    assert failure is not None
    assert failure.name == "determinism"
    assert "self.rng" in failure.text


def test_its_own_randomness_passes(strategy_file: Write, bars: Bars) -> None:
    text = HONEST.replace("market.fast > market.slow", "self.rng.random() < 0.1")
    assert checked(strategy_file(text), bars).passed


def test_what_determinism_makes_meaningless_is_skipped(strategy_file: Write, bars: Bars) -> None:
    text = "import random\n" + HONEST.replace("market.fast > market.slow", "random.random() < 0.1")
    outcomes = {step.name: step.outcome for step in checked(strategy_file(text), bars).steps}
    assert outcomes["truncation"] is Outcome.SKIPPED
    assert outcomes["speed"] is Outcome.PASSED


def test_a_module_global_that_is_carried_on_fails_determinism(strategy_file: Write, bars: Bars) -> None:
    text = "seen = []\n" + HONEST.replace(
        "if account.position:", "seen.append(1)\n        if account.position:"
    ).replace("market.fast > market.slow", "len(seen) % 7 == 0")
    failure = checked(strategy_file(text), bars).first_failure
    assert failure is not None
    assert failure.name == "determinism"
    assert "state belongs on self" in failure.text


def test_a_module_global_that_every_run_fills_alike_fails_restart(strategy_file: Write, bars: Bars) -> None:
    text = "entry = {}\n" + HONEST.replace('return self.buy(0.5, reason="above")', "return self.noted(market)").replace(
        "market.fast < market.slow", 'market.close > 1.002 * entry.get("price", 0)'
    )
    text += """
    def noted(self, market):
        entry["price"] = market.close
        return self.buy(0.5, reason="above")
"""
    failure = checked(strategy_file(text), bars).first_failure
    assert failure is not None
    assert failure.name == "restart"
    assert failure.bar is not None


def test_lossy_state_fails_restart(strategy_file: Write, bars: Bars) -> None:
    text = (
        HONEST.replace("if account.position:", "self._count += 1\n        if account.position:").replace(
            "market.fast > market.slow", "self._count % 5 == 0"
        )
        + "\n    def __init__(self, **given):\n        super().__init__(**given)\n        self._count = 0\n"
    )
    report = checked(strategy_file(text), bars)
    failure = report.first_failure
    assert failure is not None
    assert failure.name == "restart"
    assert "state()" in failure.text
    assert failure.bar == 15  # its fifth decision after a warm-up of 11 bars


def test_the_same_state_on_a_public_attribute_survives(strategy_file: Write, bars: Bars) -> None:
    text = (
        HONEST.replace("if account.position:", "self.count += 1\n        if account.position:").replace(
            "market.fast > market.slow", "self.count % 5 == 0"
        )
        + "\n    def __init__(self, **given):\n        super().__init__(**given)\n        self.count = 0\n"
    )
    report = checked(strategy_file(text), bars)
    assert report.passed, report.verdict


def test_state_that_outgrows_its_limit_fails_restart_with_the_reason(strategy_file: Write, bars: Bars) -> None:
    text = (
        HONEST.replace("if account.position:", "self.past.append('x' * 200)\n        if account.position:")
        + "\n    def __init__(self, **given):\n        super().__init__(**given)\n        self.past = []\n"
    )
    failure = checked(strategy_file(text), bars).first_failure
    assert failure is not None
    assert failure.name == "restart"
    assert "the limit is 65,536" in failure.text


@pytest.mark.parametrize(
    ("lane", "told"),
    [
        ("np.where(features['fast'] > features['slow'], 0.25, 0.0)", "decide wants BTC/USD buy 0.5"),
        ("np.where(features['fast'] >= 0, 0.5, 0.0)", "exposure wants hold"),
        ("np.where(features['fast'] > features['slow'], 1.5, 0.0)", "expected [0, 1]"),
        ("features['fast'] * np.nan", "expected [0, 1]"),
        ("np.zeros(3)", "expected (700,)"),
        ("features['nothing']", "exposure raised KeyError"),
    ],
    ids=["other size", "other rule", "above one", "nan", "shape", "raises"],
)
def test_a_lane_that_is_not_decide_fails(strategy_file: Write, bars: Bars, lane: str, told: str) -> None:
    text = "import numpy as np\n" + HONEST + f"\n    def exposure(self, features):\n        return {lane}\n"
    failure = checked(strategy_file(text), bars).first_failure
    assert failure is not None
    assert failure.name == "both lanes"
    assert told in failure.text


def test_a_lane_that_is_decide_passes(strategy_file: Write, bars: Bars) -> None:
    lane = "np.where(features['fast'] > features['slow'], 0.5, 0.0)"
    text = "import numpy as np\n" + HONEST + f"\n    def exposure(self, features):\n        return {lane}\n"
    steps = {step.name: step for step in checked(strategy_file(text), bars).steps}
    assert steps["both lanes"].outcome is Outcome.PASSED


def test_an_exception_fails_the_smoke_test_with_its_bar(strategy_file: Write, bars: Bars) -> None:
    text = HONEST.replace(
        "if account.position:", "if market.index == 30:\n            1 / 0\n        if account.position:"
    )
    failure = checked(strategy_file(text), bars).first_failure
    assert failure is not None
    assert (failure.name, failure.bar) == ("smoke", 30)
    assert "ZeroDivisionError" in failure.text


def test_a_fault_far_behind_the_smoke_bars_is_found_too(strategy_file: Write, bars: Bars) -> None:
    text = HONEST.replace(
        "if account.position:", "if market.index == 650:\n            1 / 0\n        if account.position:"
    )
    failure = checked(strategy_file(text), bars).first_failure
    assert failure is not None
    assert (failure.name, failure.bar) == ("smoke", 650)


def test_a_size_that_is_no_number_fails_as_a_fault_with_its_name(strategy_file: Write, bars: Bars) -> None:
    text = HONEST.replace("self.buy(0.5,", "self.buy(float('nan'),")
    failure = checked(strategy_file(text), bars).first_failure
    assert failure is not None
    assert failure.name == "smoke"
    assert "size is nan" in failure.text


def test_a_slow_strategy_is_stopped_after_the_smoke_bars(strategy_file: Write, bars: Bars) -> None:
    wait = "        end = perf_counter() + 0.004\n        while perf_counter() < end:\n            pass\n"
    text = "from time import perf_counter\n" + HONEST.replace(
        "        if account.position:", wait + "        if account.position:"
    )
    report = checked(strategy_file(text), bars, Budget(mean_ms=2.0))
    failure = report.first_failure
    assert failure is not None
    assert failure.name == "smoke"
    assert "too slow" in failure.text
    assert report.steps[-1].outcome is Outcome.SKIPPED


def test_decisions_that_are_slow_now_and_then_fail_speed(strategy_file: Write, bars: Bars) -> None:
    wait = (
        "        if market.index % 20 == 0:\n            end = perf_counter() + 0.02\n"
        "            while perf_counter() < end:\n                pass\n"
    )
    text = "from time import perf_counter\n" + HONEST.replace(
        "        if account.position:", wait + "        if account.position:"
    )
    small = bars[:120]
    failure = checked(strategy_file(text), small, Budget(mean_ms=1000.0, p99_ms=15.0)).first_failure
    assert failure is not None
    assert failure.name == "speed"


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("    pass", "no decide"),
        ("    timeframe = 'soon'\n    def decide(self, m, a): return None", "timeframe"),
        ("    pairs = ('DOGE/USD',)\n    def decide(self, m, a): return None", "trades DOGE/USD"),
        ("    def features(self, p): return [ema(3)]\n    def decide(self, m, a): return None", "expected a mapping"),
        ("    def features(self, p): return {'x': 3}\n    def decide(self, m, a): return None", "feature 'x' is int"),
        ("    def features(self, p): return {'time': ema(3)}\n    def decide(self, m, a): 1", "taken by market.time"),
        ("    def features(self, p): return {'a b': ema(3)}\n    def decide(self, m, a): return None", "plain name"),
        ("    def features(self, p): 1 / 0\n    def decide(self, m, a): pass", "features raised ZeroDivisionError"),
        ("    def decide(self, m, a): return None\n    def state(self): return {'a': {1}}", "state is not JSON"),
        ("    exposure = 3\n    def decide(self, m, a): return None", "exposure is no method"),
    ],
)  # fmt: skip
def test_a_declaration_that_cannot_be_meant_fails_the_contract(
    strategy_file: Write, bars: Bars, body: str, told: str
) -> None:
    report = checked(strategy_file(f"class Bad(Strategy):\n{body}\n"), bars)
    failure = report.first_failure
    assert failure is not None
    assert failure.name == "contract"
    assert told in failure.text
    assert all(step.outcome is Outcome.SKIPPED for step in report.steps[1:])


def test_too_few_bars_are_said(strategy_file: Write, bars: Bars) -> None:
    failure = checked(strategy_file(HONEST), bars[:40]).first_failure
    assert failure is not None
    assert "11 to warm up and 50 to decide on, and there are 40" in failure.text


def test_a_strategy_that_never_trades_is_told_that_little_was_tested(bars: Bars) -> None:
    report = check(load("cash"), [bars], Players(play, play_blind))
    assert report.passed
    assert "never wanted anything" in report.notes[0]


def test_answers_without_reasons_are_noted(strategy_file: Write, bars: Bars) -> None:
    report = checked(
        strategy_file(HONEST.replace("self.hold('below')", "None").replace('self.hold("below")', "None")), bars
    )
    assert report.passed
    assert "have no reason" in report.notes[0]


@pytest.mark.slow
def test_real_processes_catch_the_order_of_a_set(strategy_file: Write, bars: Bars) -> None:
    names = "{'alpha', 'beta', 'gamma', 'delta', 'epsilon', 'zeta'}"
    text = HONEST.replace('reason="above"', f"reason=next(iter({names}))")
    failure = checked_apart(strategy_file(text), bars).first_failure
    assert failure is not None
    assert failure.name == "determinism"
    assert "another process" in failure.text


@pytest.mark.slow
def test_real_processes_catch_the_clock(strategy_file: Write, bars: Bars) -> None:
    text = "from datetime import datetime\n" + HONEST.replace(
        "market.fast > market.slow", "datetime.now().year % 2 == 0"
    )
    failure = checked_apart(strategy_file(text), bars).first_failure
    assert failure is not None
    assert failure.name == "determinism"


@pytest.mark.slow
def test_real_processes_agree_on_an_honest_strategy(strategy_file: Write, bars: Bars) -> None:
    report = checked_apart(strategy_file(HONEST), bars)
    assert report.passed, report.verdict
    assert "3 processes apart: equal to the byte" in report.steps[2].text
