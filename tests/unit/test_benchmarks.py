"""The benchmarks' own contenders give the right check values on small data, and the harness judges honestly.

No time is looked at, and no peer is run.
"""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
COUNT = 5_000


@pytest.fixture(autouse=True)
def on_path(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(BENCHMARKS / "oracles"))
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    yield
    for name in set(sys.modules) - before:
        if (getattr(sys.modules[name], "__file__", None) or "").startswith(str(BENCHMARKS)):
            del sys.modules[name]


@pytest.fixture
def market(tmp_path: Path) -> dict[str, np.ndarray]:
    bars = importlib.import_module("bars")
    made: dict[str, np.ndarray] = bars.make_bars(replace(bars.CASES["a"], count=COUNT, start_price=20_000.0))
    np.savez(tmp_path / f"bars-{COUNT}.npz", **made)
    return made


def _job(folder: Path, size: int = COUNT, **options: str) -> Any:
    return importlib.import_module("protocol").Job(size, 1, folder, options)


def _workload(name: str) -> ModuleType:
    return importlib.import_module(f"workloads.{name}")


def _by_hand(made: dict[str, np.ndarray], fast: int = 9, slow: int = 21) -> tuple[float, int, float]:
    """Return final equity, round trips and drawdown of the shared rules, played with pencil and paper."""
    bars, rules = importlib.import_module("bars"), importlib.import_module("protocol").RULES
    above = bars.ema(made["close"], fast) > bars.ema(made["close"], slow)
    cash, held, trades, peak, fall, wanted = rules["cash"], 0.0, 0, rules["cash"], 0.0, False
    for index in range(len(above)):
        price = made["open"][index]
        if wanted and not held:
            paid = cash * rules["size"]
            held = paid / (1.0 + rules["fee"]) / (price * (1.0 + rules["slippage"]))
            cash -= paid
        elif held and not wanted:
            cash += held * price * (1.0 - rules["slippage"]) * (1.0 - rules["fee"])
            held, trades = 0.0, trades + 1
        equity = cash + held * made["close"][index]
        peak = max(peak, equity)
        fall = max(fall, 1.0 - equity / peak)
        wanted = bool(above[index]) and index >= rules["first"]
    return equity, trades, fall


def test_the_backtest_plays_the_shared_rules(market: dict[str, np.ndarray], tmp_path: Path) -> None:
    checks = _workload("backtest").prepare(_job(tmp_path))()
    equity, trades, fall = _by_hand(market)
    assert checks["final_equity"] == pytest.approx(equity, rel=1e-12)
    assert (checks["trades"], checks["metrics"]) == (trades, checks["metrics"])
    assert checks["max_drawdown"] == pytest.approx(fall, rel=1e-9)
    assert trades > 50


def test_the_sweep_plays_the_same_rules_with_other_averages(market: dict[str, np.ndarray], tmp_path: Path) -> None:
    pairs = importlib.import_module("sweep_grid").pairs_of(6)
    checks = _workload("sweep").prepare(_job(tmp_path, size=6, bars=str(COUNT)))()
    played = [_by_hand(market, fast, slow) for fast, slow in pairs]
    assert checks["is_lane"]
    assert checks["trades"] == sum(trades for _, trades, _ in played)
    assert checks["first_equity"] == pytest.approx(played[0][0], rel=1e-9)
    assert checks["last_equity"] == pytest.approx(played[-1][0], rel=1e-9)


def test_the_grid_has_as_many_different_pairs_as_asked_for_and_the_fast_one_is_faster() -> None:
    pairs = importlib.import_module("sweep_grid").pairs_of(1_000)
    assert len(set(pairs)) == 1_000
    assert all(fast < slow for fast, slow in pairs)


def test_the_plain_python_strategy_trades_as_the_lane_does(market: dict[str, np.ndarray], tmp_path: Path) -> None:
    checks = _workload("python_lane").prepare(_job(tmp_path))()
    assert checks["trades"] == _by_hand(market)[1]


def test_marks_change_with_any_price_and_with_its_place() -> None:
    marks = importlib.import_module("trade_marks").marks
    one = np.array([1.0, 2.0, 3.0])
    assert marks(one, one) != marks(one, one + np.array([0.0, 0.01, 0.0]))
    assert marks(one) != marks(one[::-1])
    assert marks(one, one + 1) != marks(one + 1, one)


def _outcome(rows: list[dict[str, Any]], *aims: Any) -> Any:
    contest = importlib.import_module("harness.contest")
    workload = contest.Workload("w", "work", "bars", 10, 10, (), aims, tolerances={"final_equity": 1e-9})
    return contest.Outcome(workload, "wall", rows)


def _row(contender: str, seconds: float, part: str = "", **checks: float) -> dict[str, Any]:
    figures = {"wall_s": seconds, "cpu_s": seconds, "seconds": seconds, "per_unit": seconds / 10, "peak_mb": 100.0}
    return {"contender": contender, "part": part, "units": 10, "checks": checks, **figures}


def test_an_aim_is_judged_by_the_worst_part_and_the_best_peer() -> None:
    contest = importlib.import_module("harness.contest")
    rows = [_row("tradecore", 1.0, "a"), _row("tradecore", 2.0, "b"), _row("slow", 30.0, "a"), _row("fast", 8.0, "b")]
    rows += [_row("slow", 40.0, "b")]
    outcome = _outcome(
        rows, contest.Aim("seconds", 1.5), contest.Aim("ahead", 5.0), contest.Aim("ahead", 5.0, of="slow")
    )
    told = [(one["value"], one["part"], one["met"]) for one in contest.judge(outcome)]
    assert told == [(2.0, "b", False), (4.0, "b", False), (20.0, "b", True)]


def test_an_aim_nobody_measured_is_neither_met_nor_missed() -> None:
    contest = importlib.import_module("harness.contest")
    (told,) = contest.judge(_outcome([_row("tradecore", 1.0)], contest.Aim("ahead", 5.0)))
    assert (told["value"], told["met"]) == (None, None)


def test_a_peer_whose_numbers_differ_is_marked_and_one_of_other_size_is_not_compared() -> None:
    contest = importlib.import_module("harness.contest")
    rows = [_row("tradecore", 1.0, final_equity=100.0), _row("same", 1.0, final_equity=100.0 + 1e-9)]
    rows += [_row("other", 1.0, final_equity=101.0), {**_row("smaller", 1.0, final_equity=50.0), "units": 5}]
    outcome = _outcome(rows)
    contest._compare(outcome)
    assert [row.get("differs") for row in rows] == [None, [], ["final_equity 101, ours 100"], []]


def test_a_peer_that_cannot_run_is_reported_and_the_others_go_on(tmp_path: Path) -> None:
    contest = importlib.import_module("harness.contest")
    good, bad = tmp_path / "good.py", tmp_path / "bad.py"
    good.write_text(
        "from protocol import Job, contend\ncontend('tradecore', lambda job: lambda: {'size': job.size}, ())\n"
    )
    bad.write_text("raise SystemExit('no such engine')\n")
    both = (contest.Contender("broken", str(bad)), contest.Contender("tradecore", str(good)))
    outcome = contest.hold(contest.Workload("w", "work", "bars", 10, 3, both, ()), tmp_path, is_quick=True)
    assert outcome.failures == {"broken": "broken ended with 1: no such engine"}
    assert [(row["contender"], row["units"], row["checks"]) for row in outcome.rows] == [("tradecore", 3, {"size": 3})]


def test_the_page_says_what_was_missed_and_why() -> None:
    pages = importlib.import_module("pages")
    machine = {
        "measured": "2026-01-02T03:04Z", "cpu": "a cpu", "cores": 2, "memory_gb": 8.0, "system": "Linux", "python": "3",
        "load": [4.0, 1.0, 1.0],
    }  # fmt: skip
    aim = {"kind": "ahead", "limit": 10.0, "of": "", "scope": "*", "value": 4.0, "part": "", "met": False}
    one = {
        "title": "work", "unit": "bars", "remark": "Rules.", "missed": "the disk is slow.", "basis": "cpu",
        "is_quick": False, "machine": machine,
        "rows": [{**_row("tradecore", 1.0), "ahead": None}, {**_row("p", 4.0), "ahead": 4.0}],
        "aims": [aim], "versions": {"p": {"p": "1.2"}}, "failures": {"q": "q could not be installed"},
    }  # fmt: skip
    text = pages.page({"w": one}, has_picture=False)
    assert "| work | at least 10 times as fast as the best peer | 4.0x | **missed** |" in text
    assert "- **work**: the disk is slow." in text
    assert "| q | not run: q could not be installed |" in text
    assert "2026-01-02" in text
    assert "p 1.2" in text
    assert "by CPU seconds" in text
    assert "others were working on the machine" in text


def test_the_command_lists_every_workload() -> None:
    words = [sys.executable, str(BENCHMARKS / "bench.py"), "--list"]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    names = {path.stem for path in (BENCHMARKS / "workloads").glob("*.py")} - {"ema_cross"}
    assert {line.split()[0] for line in done.stdout.splitlines()} == names
