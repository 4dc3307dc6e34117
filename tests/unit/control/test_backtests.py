"""Verbs of backtests: each leaves a run that says what was asked, what came out and how to have it again."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tradecore.bootstrap import open_lab
from tradecore.control import backtests, data
from tradecore.control.backtests import Ask, Kept
from tradecore.control.data import Where
from tradecore.control.lab import Lab
from tradecore.core.errors import (
    ConfigError,
    DataError,
    NothingThereError,
    StrategyError,
    TradecoreError,
    UsageError,
)
from tradecore.interfaces.cli.main import run as type_command
from tradecore.registry.tracks import load_track
from tradecore.stats.metrics import METRICS

VENUE = "synthetic-planted-1"
ASK = Ask("ema-rsi-volume", ("BTC/USD",), VENUE, "1h")
HONEST = replace(ASK, grid={"fast": ("5", "9")}, folds=3, seed=4, random_traders=2)


@pytest.fixture(scope="module")
def plain(lab: Lab) -> Kept:
    return backtests.run(lab, replace(ASK, params={"fast": "5"}, start="2023-02-01", cash=5000.0, seed=2))


@pytest.fixture(scope="module")
def honest(lab: Lab) -> Kept:
    return backtests.walk_forward(lab, HONEST)


def statuses(lab: Lab) -> list[str]:
    return [str(one.status) for one in lab.runs.list()]


def test_a_run_is_recorded_with_what_was_asked_and_what_it_ran_on(lab: Lab, plain: Kept) -> None:
    record = json.loads((plain.run.path / "run.json").read_text(encoding="utf-8"))
    assert (record["status"], record["kind"], record["error"]) == ("done", "backtest", None)
    assert record["arguments"] == {
        "strategy": "ema-rsi-volume", "pairs": ["BTC/USD"], "venue": VENUE, "timeframe": "1h", "start": "2023-02-01",
        "params": {"fast": "5"}, "cash": 5000.0, "seed": 2, "random_traders": 100,
    }  # fmt: skip
    assert record["seeds"] == {"seed": 2}
    assert record["features"]["fast"] == "ema(5)"
    assert record["metrics"] == dict(plain.result.metrics)
    assert plain.result.run == plain.run.id


def test_a_run_keeps_tracks_decisions_figures_and_report(plain: Kept) -> None:
    kept = plain.run.record.artefacts
    assert {"result.json", "decisions.json", "decisions.npz", "report.html", "report.json"} <= set(kept)
    assert "verdict.json" not in kept
    assert all((plain.run.path / name).is_file() for name in kept)
    assert {plain.report.html.name, *(path.name for path in plain.report.pngs)} <= set(kept)
    track = load_track(plain.run, "candidate")
    assert track.curve.equity.tobytes() == plain.result.track.curve.equity.tobytes()
    assert track.fills.tobytes() == plain.result.track.fills.tobytes()


def test_decisions_are_kept_with_their_reasons(plain: Kept) -> None:
    words: Any = plain.run.load_json("decisions")
    arrays = plain.run.load_array("decisions")
    assert np.array_equal(arrays["actions"], plain.result.journal.actions)
    assert words["counts"] == plain.result.journal.counts()
    assert words["texts"][int(arrays["reasons"].max())] == plain.result.journal.texts[-1]
    assert words["faults"] == []


def test_what_was_asked_reaches_the_test(plain: Kept) -> None:
    assert plain.result.params["fast"] == 5
    assert plain.result.settings.cash == 5000.0
    assert plain.result.settings.seed == 2
    assert plain.result.to_json()["start"] == "2023-02-01T00:00:00Z"


def test_an_honest_test_keeps_its_verdict_baselines_and_lesson(lab: Lab, honest: Kept) -> None:
    verdict: Any = honest.run.load_json("verdict")
    assert verdict["verdict"] == honest.result.verdict.verdict  # type: ignore[union-attr]
    assert {gate["name"] for gate in verdict["gates"]} >= {"beats_random", "no_lookahead", "deflated_sharpe"}
    assert verdict["evidence"]["trials"] >= 2
    for name, track in honest.result.baselines.items():
        assert load_track(honest.run, name).curve.equity.tobytes() == track.curve.equity.tobytes()
    (lesson,) = [one for one in lab.knowledge.lessons() if one.run == honest.run.id]
    assert lesson.strategy == "EmaRsiVolume"
    assert lesson.verdict == verdict["verdict"]
    assert lesson.is_synthetic


def test_every_candidate_is_in_the_ledger_under_its_run(lab: Lab, honest: Kept) -> None:
    found = [one for one in lab.trials.for_dataset(honest.result.dataset) if one.run == honest.run.id]
    assert len({one.config for one in found}) == 2


@pytest.mark.parametrize("name", ["plain", pytest.param("honest", marks=pytest.mark.slow)])
def test_the_recorded_command_repeats_to_the_same_figures(
    name: str, lab: Lab, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    kept: Kept = request.getfixturevalue(name)
    words = shlex.split(kept.result.command)
    assert words[0] == "tradecore"
    assert type_command([*words[1:], "--workspace", str(lab.root), "--json"]) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert told["run"] != kept.run.id
    again = lab.runs.get(told["run"])
    assert again.record.metrics == kept.run.record.metrics
    for track in ("candidate", *kept.result.baselines):
        assert load_track(again, track).fills.tobytes() == load_track(kept.run, track).fills.tobytes()


def test_the_recorded_command_says_again_what_was_said_in_no_file(
    lab: Lab, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRADECORE_COSTS__SLIPPAGE", "0.002")
    said = open_lab(lab.root, {"costs.taker_fee": "0.001", "market.pairs": '["ETH/USD"]', "log.level": "error"})
    kept = backtests.run(said, replace(ASK, pairs=()))
    monkeypatch.delenv("TRADECORE_COSTS__SLIPPAGE")
    words = shlex.split(kept.result.command)
    assert words[1:5] == [
        '--set=market.pairs=["ETH/USD"]', "--set=costs.taker_fee=0.001", "--set=costs.slippage=0.002", "backtest",
    ]  # fmt: skip
    assert type_command(["--workspace", str(lab.root), *words[1:], "--json"]) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert lab.runs.get(told["run"]).record.metrics == kept.run.record.metrics
    assert (kept.result.settings.venue.taker_fee, kept.result.settings.venue.slippage) == (0.001, 0.002)


def test_what_stands_in_the_settings_file_is_not_said_again(lab: Lab, tmp_path: Path) -> None:
    (tmp_path / "tradecore.toml").write_text("schema_version = 1\n[costs]\ntaker_fee = 0.002\n", encoding="utf-8")
    assert "--set" not in backtests.again(open_lab(tmp_path), ASK, "run")


def test_a_command_is_quoted_for_a_shell() -> None:
    ask = Ask("my idea.py", ("BTC/USD",), params={"side": "a b"}, grid={"fast": ("5", "9")}, folds=3, cash=10.0)
    assert shlex.split(ask.command("run")) == [
        "tradecore", "backtest", "run", "my idea.py", "--pair=BTC/USD", "--folds=3", "--cash=10.0", "--param=side=a b",
        "--grid=fast=5,9",
    ]  # fmt: skip
    assert "--seed" not in ask.command("run")
    assert Ask("x", seed=3).command("run").endswith("--seed=3")


def test_several_pairs_are_one_account(lab: Lab) -> None:
    kept = backtests.run(lab, replace(ASK, pairs=("BTC/USD", "ETH/USD")))
    assert [str(pair) for pair in kept.result.track.pairs] == ["BTC/USD", "ETH/USD"]
    assert len(kept.run.record.data) == 2


def test_runs_are_compared_side_by_side(lab: Lab, plain: Kept, honest: Kept) -> None:
    table = backtests.compare(lab, [plain.run.id, honest.run.id])
    rows = table.as_json()
    assert [row["run"].split() for row in rows] == [
        [plain.run.id, "ema-rsi-volume"], [honest.run.id, "ema-rsi-volume"],
    ]  # fmt: skip
    assert [row["trades"] for row in rows] == [plain.result.metrics["trades"], honest.result.metrics["trades"]]
    assert set(backtests.COMPARED) <= {metric.name for metric in METRICS}


def test_what_cannot_be_compared_is_refused(lab: Lab, plain: Kept) -> None:
    with pytest.raises(UsageError, match="no runs to compare"):
        backtests.compare(lab, [])
    with pytest.raises(NothingThereError, match="no run 'zzzzzzzz'"):
        backtests.compare(lab, [plain.run.id, "zzzzzzzz"])
    with lab.runs.start("backtest", {}) as failed:
        failed.fail("of old age")
    with pytest.raises(NothingThereError, match="is failed and kept no figures"):
        backtests.compare(lab, [failed.id])


@pytest.mark.parametrize(
    ("ask", "error"),
    [
        (replace(ASK, strategy="no-such-thing"), NothingThereError),
        (replace(ASK, strategy="nowhere.py"), NothingThereError),
        (replace(ASK, params={"speed": "3"}), ConfigError),
        (replace(ASK, params={"fast": "1000"}), ConfigError),
        (replace(ASK, pairs=("DOGE/USD",)), NothingThereError),
        (replace(ASK, pairs=("BTCUSD",)), UsageError),
        (replace(ASK, venue="elsewhere"), NothingThereError),
        (replace(ASK, timeframe="7x"), UsageError),
        (replace(ASK, start="2023-05-01", end="2023-04-01"), UsageError),
    ],
    ids=lambda value: value.strategy if isinstance(value, Ask) else value.__name__,
)
def test_what_is_not_there_or_cannot_be_meant_leaves_no_run(ask: Ask, error: type[TradecoreError], lab: Lab) -> None:
    before = statuses(lab)
    for verb in (backtests.run, backtests.walk_forward):
        with pytest.raises(error):
            verb(lab, ask)
    assert statuses(lab) == before


@pytest.mark.parametrize(
    ("ask", "error"),
    [
        (replace(HONEST, grid={"speed": ("1", "2")}), ConfigError),
        (replace(HONEST, end="2023-01-05"), DataError),
        (replace(HONEST, cash=-5.0), UsageError),
    ],
    ids=["grid", "span", "cash"],
)
def test_what_fails_on_the_way_leaves_a_run_that_says_why(ask: Ask, error: type[TradecoreError], lab: Lab) -> None:
    trials = lab.trials.datasets()
    lessons = len(lab.knowledge.lessons())
    with pytest.raises(error) as caught:
        backtests.walk_forward(lab, ask)
    failed = lab.runs.get("latest")
    assert str(failed.status) == "failed"
    assert failed.record.error == f"{error.__name__}: {caught.value}"
    assert (failed.record.metrics, failed.record.artefacts) == ({}, {})
    assert sorted(path.name for path in failed.path.iterdir()) == ["run.json"]
    assert (lab.trials.datasets(), len(lab.knowledge.lessons())) == (trials, lessons)


@pytest.mark.parametrize("stage", ["training", "testing", "costs", "random traders"])
def test_an_interruption_leaves_a_run_that_says_so(stage: str, lab: Lab) -> None:
    def stop(what: str, done: float, total: float) -> None:
        if what == stage:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        backtests.walk_forward(lab, HONEST, stop)
    stopped = lab.runs.get("latest")
    assert str(stopped.status) == "interrupted"
    assert (stopped.record.metrics, stopped.record.artefacts) == ({}, {})


def test_a_strategy_of_the_workspace_is_tested_like_any_other(lab: Lab) -> None:
    path = lab.folder("strategies") / "mine.py"
    path.write_text(
        "from tradecore import Strategy\n\n\nclass Mine(Strategy):\n    def decide(self, market, account):\n"
        "        return self.hold('no idea')\n",
        encoding="utf-8",
    )
    kept = backtests.run(lab, replace(ASK, strategy=str(path)))
    assert kept.result.strategy == "Mine"
    assert kept.result.metrics["trades"] == 0


def test_a_strategy_file_that_cannot_be_read_is_refused_with_its_line(lab: Lab) -> None:
    path = lab.folder("strategies") / "broken.py"
    path.write_text("import tradecore\nraise ValueError('no')\n", encoding="utf-8")
    with pytest.raises(StrategyError, match=r"broken\.py:2: ValueError: no"):
        backtests.run(lab, replace(ASK, strategy=str(path)))


def test_the_pair_is_the_strategys_own_where_none_is_named(lab: Lab) -> None:
    path = lab.folder("strategies") / "ether.py"
    path.write_text(
        "from tradecore import Strategy\n\n\nclass Ether(Strategy):\n    pairs = ('ETH/USD',)\n\n"
        "    def decide(self, market, account):\n        return None\n",
        encoding="utf-8",
    )
    kept = backtests.run(lab, Ask(str(path), venue=VENUE))
    assert [str(pair) for pair in kept.result.track.pairs] == ["ETH/USD"]


def test_settings_of_the_workspace_are_what_a_test_assumes(lab: Lab) -> None:
    other = open_lab(lab.root, {"costs.taker_fee": "0.01", "account.start_cash": "777", "evidence.min_trades": "3"})
    assumed = backtests.settings(other, ASK)
    assert (assumed.venue.taker_fee, assumed.cash) == (0.01, 777.0)
    assert backtests.protocol(other, ASK).limits.min_trades == 3
    assert backtests.protocol(other, replace(ASK, folds=4)).plan.folds == 4


def test_looking_for_lookahead_keeps_no_run(lab: Lab) -> None:
    before, told = statuses(lab), []
    found, recursion = backtests.lookahead(lab, ASK, 2, lambda *one: told.append(one))
    assert found.ok
    assert recursion.declared > 0
    assert statuses(lab) == before
    assert told[-1] == ("recursion", 2, 2)


def test_the_span_that_is_read_is_the_one_that_was_asked_for(lab: Lab) -> None:
    read = data.bars(lab, Where("BTC/USD", VENUE, "1h", "2023-02-01", "2023-02-02"))
    assert len(read) == 24


def test_the_report_stands_in_the_run(plain: Kept, lab: Lab) -> None:
    page = plain.report.html.read_text(encoding="utf-8")
    assert plain.report.html == plain.run.path / "report.html"
    assert plain.result.command in page.replace("&#x27;", "'").replace("&#39;", "'")
    assert "SYNTHETIC" in page.upper()
    assert not list(Path(plain.run.path).glob("*.tmp"))
