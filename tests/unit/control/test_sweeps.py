"""The verb sweep: every candidate counted once, an interrupted sweep goes on, and a run can be had again."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tradecore.bootstrap import open_lab
from tradecore.control import backtests, data, repeat, sweeps
from tradecore.control.backtests import Ask
from tradecore.control.config import make_workspace
from tradecore.control.data import Recipe, Where
from tradecore.control.lab import Lab
from tradecore.control.sweeps import KeptSweep, SweepAsk
from tradecore.core.errors import AccountingError, StateRefusedError, UsageError
from tradecore.interfaces.cli.main import run as type_command

VENUE = "synthetic-planted-1"
LANES = SweepAsk(Ask("ma-cross", ("BTC/USD",), VENUE, "1h", grid={"fast": ("4:12:4",), "slow": ("20:40:10",)}), best=2)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    opened = open_lab(make_workspace(tmp_path_factory.mktemp("lab") / "here").root)
    data.synth(opened, Where("BTC/USD", timeframe="1h"), Recipe("planted", 60, 1))
    return opened


@pytest.fixture(scope="module")
def kept(lab: Lab) -> KeptSweep:
    return sweeps.run(lab, LANES)


def stopped(lab: Lab, asked: SweepAsk) -> str:
    """Interrupt a sweep after some candidates and return its run."""
    before = {one.id for one in lab.runs.list()}

    def tell(stage: str, done: float, total: float) -> None:
        if stage == "sweep" and done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sweeps.run(lab, asked, tell, workers=1)
    (run,) = {one.id for one in lab.runs.list()} - before
    return run


def test_every_candidate_is_in_the_ledger_once(lab: Lab, kept: KeptSweep) -> None:
    mine = [one for one in lab.trials.for_dataset(kept.bars[0].dataset) if one.run == kept.run.id]
    assert len(mine) == len({one.config for one in mine}) == len(kept.swept) == 9
    assert {one.kind for one in mine} == {"sweep"}
    yearly = np.array([one.sharpe for one in mine], np.float64) * np.sqrt(365)
    np.testing.assert_allclose(np.sort(yearly), np.sort(kept.swept.figures["sharpe"]), rtol=1e-9)


def test_the_same_sweep_again_adds_no_trial(lab: Lab, kept: KeptSweep) -> None:
    before = lab.trials.count(kept.bars[0].dataset)
    again = sweeps.run(lab, LANES)
    assert again.run.id != kept.run.id
    assert lab.trials.count(kept.bars[0].dataset) == before
    assert again.swept.figures.tobytes() == kept.swept.figures.tobytes()


def test_the_run_keeps_all_figures_with_their_parameters(kept: KeptSweep) -> None:
    stored = kept.run.load_array("figures")
    assert stored["figures"].tobytes() == kept.swept.figures.tobytes()
    assert stored["param_fast"].tolist() == [one["fast"] for one in kept.swept.candidates]
    assert {"report.html", "report.json", "spread.png", "map-slow-fast.png"} <= set(kept.run.record.artefacts)


def test_the_best_are_measured_in_full_and_agree_with_the_sweep(kept: KeptSweep) -> None:
    places = kept.swept.best(2)
    assert [one.params["fast"] for one in kept.best] == [kept.swept.candidates[at]["fast"] for at in places]
    assert all(len(one.metrics) > 80 for one in kept.best)
    kept.swept.figures["fees"][places[0]] += 1.0
    try:
        with pytest.raises(AccountingError, match="fees is"):
            sweeps.check(kept.swept, places[0], kept.best[0])
    finally:
        kept.swept.figures["fees"][places[0]] -= 1.0


def test_the_locked_newest_bars_are_not_shown_to_a_sweep(lab: Lab, kept: KeptSweep) -> None:
    whole = lab.lake.bars(VENUE, kept.bars[0].pair, kept.bars[0].timeframe)
    locked = lab.settings.walk_forward.hold_out
    assert locked > 0
    assert len(kept.bars[0]) == pytest.approx((1 - locked) * len(whole), abs=1)
    assert any("locked" in notice for notice in kept.notices)


def test_an_interrupted_sweep_goes_on_when_the_same_is_asked_again(lab: Lab, kept: KeptSweep) -> None:
    asked = replace(LANES, best=3)
    run = stopped(lab, asked)
    assert len(sweeps.chunk_names(lab.runs.get(run))) == 1
    resumed = sweeps.run(lab, asked)
    assert resumed.run.id == run
    assert resumed.swept.figures.tobytes() == kept.swept.figures.tobytes()
    mine = [one.config for one in lab.trials.for_dataset(kept.bars[0].dataset) if one.run == run]
    assert len(mine) == len(set(mine)) == 9


def test_an_interrupted_sweep_goes_on_by_its_name(lab: Lab, kept: KeptSweep) -> None:
    run = stopped(lab, replace(LANES, best=4))
    resumed = sweeps.run(lab, sweeps.asked_of(lab, run), resume=run)
    assert (resumed.run.id, str(resumed.run.status)) == (run, "done")


def test_a_finished_sweep_cannot_go_on(lab: Lab, kept: KeptSweep) -> None:
    with pytest.raises(StateRefusedError, match="is done"):
        sweeps.run(lab, LANES, resume=kept.run.id)


def test_a_sweep_does_not_go_on_with_other_settings_and_says_which(lab: Lab) -> None:
    run = stopped(lab, replace(LANES, best=5))
    other = open_lab(lab.root, {"costs.taker_fee": "0.001"})
    with pytest.raises(StateRefusedError, match=r"the config differs: costs.taker_fee was 0.004, is 0.001"):
        sweeps.run(other, sweeps.asked_of(other, run), resume=run)
    assert sweeps.run(other, replace(LANES, best=5)).run.id != run  # what was asked is the same, the settings are not


def test_a_sweep_that_another_process_goes_on_with_is_refused(lab: Lab) -> None:
    from filelock import FileLock

    run = stopped(lab, replace(LANES, best=6))
    with FileLock(lab.runs.get(run).path / "sweep.lock"), pytest.raises(StateRefusedError, match="another process"):
        sweeps.run(lab, sweeps.asked_of(lab, run), resume=run)


def test_the_recorded_command_asks_for_the_same(lab: Lab, kept: KeptSweep) -> None:
    words = shlex.split(kept.command)
    assert words[:4] == ["tradecore", "backtest", "sweep", "ma-cross"]
    assert "--grid=fast=4:12:4" in words
    assert "--best=2" in words
    assert sweeps.asked_of(lab, kept.run.id) == LANES


def test_a_random_draw_is_the_same_with_the_same_seed(lab: Lab) -> None:
    asked = SweepAsk(replace(LANES.ask, grid={}, seed=5), sample=7, best=1)
    first, second = sweeps.candidates_of(asked), sweeps.candidates_of(asked)
    assert first == second
    assert set(first[0]) == {"fast", "slow", "size"}
    fixed = replace(asked, ask=replace(asked.ask, params={"size": "1"}))
    assert set(sweeps.candidates_of(fixed)[0]) == {"fast", "slow"}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"by": "luck"}, "ranked by 'luck'"),
        ({"sample": 0}, "--sample 0"),
        ({"ask": replace(LANES.ask, grid={})}, "nothing to sweep"),
        ({"ask": replace(LANES.ask, params={"fast": "3"})}, "both fixed and in the grid"),
    ],
)
def test_an_ask_that_cannot_be_meant_is_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        replace(LANES, **changes)


def test_a_run_of_another_kind_is_no_sweep(lab: Lab) -> None:
    other = backtests.run(lab, replace(LANES.ask, grid={}))
    with pytest.raises(UsageError, match="is a backtest, not a sweep"):
        sweeps.asked_of(lab, other.run.id)


def test_a_sweep_is_repeated_bit_for_bit(lab: Lab, kept: KeptSweep) -> None:
    sweeps.run(lab, replace(LANES, ask=replace(LANES.ask, grid={"fast": ("5", "7")})))  # the ledger has grown since
    before = (len(lab.runs.list()), lab.trials.count(kept.bars[0].dataset))
    found = repeat.repeat(lab, kept.run.id)
    assert found.different == ()
    assert found.arrays >= 3
    assert (len(lab.runs.list()), lab.trials.count(kept.bars[0].dataset)) == before


def test_a_backtest_and_a_walk_forward_are_repeated_bit_for_bit(lab: Lab) -> None:
    ask = replace(LANES.ask, grid={}, random_traders=3)
    for done in (
        backtests.run(lab, ask),
        backtests.walk_forward(lab, replace(ask, grid={"fast": ("4", "9")}, folds=3)),
    ):
        assert repeat.repeat(lab, done.run.id).different == ()


def test_a_repetition_is_refused_by_the_name_of_what_changed(lab: Lab, kept: KeptSweep) -> None:
    other = open_lab(lab.root, {"costs.slippage": "0.002"})
    with pytest.raises(StateRefusedError, match=r"cannot be repeated: the config differs: costs.slippage"):
        repeat.repeat(other, kept.run.id)


def test_a_repetition_finds_a_number_that_was_changed(lab: Lab) -> None:
    done = backtests.run(lab, replace(LANES.ask, grid={}, seed=9))
    path = done.run.path / "run.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    record["metrics"]["fees"] += 1e-9
    path.write_text(json.dumps(record), encoding="utf-8")
    assert repeat.repeat(lab, done.run.id).different == ("figure fees",)


def test_a_changed_strategy_file_is_refused_by_name(lab: Lab, tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    source = Path(backtests.__file__).parents[1] / "strategy" / "builtin" / "ma_cross.py"
    file.write_text(source.read_text(encoding="utf-8"), encoding="utf-8")
    done = backtests.run(lab, replace(LANES.ask, strategy=str(file), grid={}))
    assert repeat.repeat(lab, done.run.id).different == ()
    file.write_text(file.read_text(encoding="utf-8") + "\n# changed\n", encoding="utf-8")
    with pytest.raises(StateRefusedError, match="the strategy's file was"):
        repeat.repeat(lab, done.run.id)


def test_the_command_line_answers_with_one_json_object(lab: Lab, capsys: pytest.CaptureFixture[str]) -> None:
    words = (
        f"backtest sweep ma-cross -p BTC/USD --venue {VENUE} -t 1h --grid fast=4,8 --grid slow=20,30 --best 1 --json"
    )
    assert type_command([*words.split(), "--workspace", str(lab.root)]) == 0
    answer = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (answer["kind"], answer["candidates"], len(answer["best"])) == ("sweep", 4, 1)
    assert answer["evaluate"].startswith("tradecore evaluate ma-cross")
    assert type_command(["runs", "repeat", answer["run"], "--json", "--workspace", str(lab.root)]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["same"] is True


def test_the_command_line_says_bad_news_before_figures(lab: Lab, capsys: pytest.CaptureFixture[str]) -> None:
    words = f"backtest sweep ma-cross -p BTC/USD --venue {VENUE} -t 1h --grid fast=4,8 --grid slow=20,30 --best 1"
    assert type_command([*words.split(), "--workspace", str(lab.root)]) == 0
    text = " ".join(capsys.readouterr().out.split())
    places = [
        text.index(one) for one in ("SYNTHETIC MARKET", "has now seen", "is no evidence of an edge", "parameters")
    ]
    assert places == sorted(places)


@pytest.mark.parametrize("words", ["backtest sweep", "backtest sweep ma-cross", "backtest sweep ma-cross --grid fast"])
def test_the_command_line_refuses_what_cannot_be_meant(
    lab: Lab, capsys: pytest.CaptureFixture[str], words: str
) -> None:
    assert type_command([*words.split(), "--workspace", str(lab.root)]) == 64
    assert "--grid" in capsys.readouterr().err
