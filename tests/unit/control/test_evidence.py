"""The verb `calibrate`: a run that says what was asked, keeps every outcome and goes on where it was."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tradecore.bootstrap import open_lab
from tradecore.control import evidence
from tradecore.control.evidence import OUTCOMES, CalibrationAsk, KeptCalibration, asked_of, calibrate, fill_page
from tradecore.control.lab import Lab
from tradecore.control.repeat import repeat
from tradecore.core.errors import NothingThereError, StateRefusedError, UsageError
from tradecore.registry.record import RunStatus
from tradecore.reports.calibration_page import BEGIN, END

SMOKE = CalibrationAsk("smoke", markets=1)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    from tradecore.control.config import make_workspace

    return open_lab(make_workspace(tmp_path_factory.mktemp("lab") / "here").root)


@pytest.fixture(scope="module")
def kept(lab: Lab) -> KeptCalibration:
    return calibrate(lab, SMOKE, workers=1)


@pytest.mark.slow
def test_a_calibration_is_a_run_that_says_what_was_asked_and_holds_its_outcomes(kept: KeptCalibration) -> None:
    record = kept.run.record
    assert (record.kind, record.status) == ("calibration", RunStatus.DONE)
    assert record.arguments == {"profile": "smoke", "markets": 1, "seed": 1}
    assert record.seeds == {"seed": 1}
    assert {"outcomes.json", "report.html", "report.json", "power.png"} <= set(record.artefacts)
    assert record.metrics["is_calibrated"] == kept.sheet.is_calibrated
    assert kept.sheet.command == "tradecore evidence calibrate --profile=smoke --markets=1 --seed=1"
    assert (kept.run.path / OUTCOMES).is_file()


@pytest.mark.slow
def test_a_calibration_can_be_had_again_from_its_run_id(lab: Lab, kept: KeptCalibration) -> None:
    found = repeat(lab, kept.run.id)
    assert found.different == ()
    assert found.figures == 2


@pytest.mark.slow
def test_a_page_of_documentation_is_filled_from_a_run(lab: Lab, kept: KeptCalibration, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"# Page\n{BEGIN}\n{END}\n")
    assert fill_page(lab, kept.run.id, page).id == kept.run.id
    assert "| gbm | best of a sweep | no costs |" in page.read_text()
    assert (tmp_path / "calibration-power.png").read_bytes() == (kept.run.path / "power.png").read_bytes()
    with pytest.raises(NothingThereError, match="no such page"):
        fill_page(lab, kept.run.id, tmp_path / "nowhere.md")


@pytest.mark.slow
def test_an_interrupted_calibration_goes_on_with_what_it_kept(lab: Lab, kept: KeptCalibration) -> None:
    def stop(stage: str, done: float, total: float) -> None:
        if stage == "calibration" and done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        calibrate(lab, SMOKE, stop, workers=1)
    broken = lab.runs.get()
    assert broken.status is RunStatus.INTERRUPTED
    told: list[float] = []
    again = calibrate(lab, SMOKE, lambda stage, done, total: told.append(done), workers=1)
    assert again.run.id == broken.id
    assert told[0] == 3
    assert again.run.load_json("outcomes") == kept.run.load_json("outcomes")
    assert replace(again.sheet, run="") == replace(kept.sheet, run="")


@pytest.mark.slow
def test_a_run_that_is_done_or_was_asked_with_other_settings_does_not_go_on(lab: Lab, kept: KeptCalibration) -> None:
    with pytest.raises(StateRefusedError, match="done"):
        calibrate(lab, SMOKE, resume=kept.run.id, workers=1)
    other = open_lab(lab.root, {"evidence.min_trades": "5"})
    with pytest.raises(StateRefusedError, match="min_trades"):
        calibrate(other, SMOKE, resume=kept.run.id, workers=1)


def test_shuffled_markets_without_bars_are_refused_with_the_way_out(tmp_path: Path) -> None:
    from tradecore.control.config import make_workspace

    empty = open_lab(make_workspace(tmp_path / "empty").root)
    with pytest.raises(NothingThereError, match="--market gbm"):
        calibrate(empty, CalibrationAsk("quick"))
    assert empty.runs.list() == []


def test_the_limits_and_costs_of_the_workspace_are_those_measured(lab: Lab) -> None:
    strict = open_lab(lab.root, {"evidence.min_deflated_sharpe": "0.99", "costs.taker_fee": "0.001"})
    plan = CalibrationAsk("quick", kinds=("noise",)).plan(strict)
    assert plan.protocol.limits.min_deflated_sharpe == 0.99
    assert plan.settings.venue.taker_fee == 0.001
    assert plan.kinds == ("noise",)
    assert plan.protocol.hold_out > 0
    command = CalibrationAsk("quick", kinds=("noise",)).command(strict)
    assert "--set=costs.taker_fee=0.001" in command
    assert "--market=noise" in command


def test_words_give_the_ask_back() -> None:
    ask = CalibrationAsk("quick", 7, ("gbm", "noise"), "ETH/USD", None, 9)
    assert CalibrationAsk.from_words(ask.words()) == ask


@pytest.mark.parametrize("wrong", [{"profile": "huge"}, {"markets": 0}])
def test_what_cannot_be_meant_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        CalibrationAsk(**wrong)  # type: ignore[arg-type]


def test_a_run_of_another_kind_is_no_calibration(lab: Lab) -> None:
    with lab.runs.start("backtest", {}) as other:
        pass
    with pytest.raises(UsageError, match="not a calibration"):
        asked_of(lab, other.id)


def test_every_profile_judges_at_both_levels_of_costs_and_both_candidates() -> None:
    for plan in evidence.PROFILES.values():
        assert len(plan.costs) == len(plan.candidates) == 2
        assert plan.edges[0] == 0.0
    assert evidence.PROFILES["full"].markets >= 200
    assert evidence.PROFILES["full"].configurations == 500
