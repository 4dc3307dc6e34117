"""The verb `evaluate`: the protocol as the settings say, kept in a run, counted and recorded in the workspace."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace

import pytest

from tradecore.backtest.protocol import PROFILES
from tradecore.control import evaluations
from tradecore.control.backtests import Ask, Kept
from tradecore.control.evaluations import EvaluateAsk
from tradecore.control.lab import Lab
from tradecore.core.errors import NothingThereError, UsageError
from tradecore.registry.tracks import track_names

VENUE = "synthetic-planted-1"
ASK = EvaluateAsk(
    Ask("ma-cross", ("BTC/USD",), VENUE, "1h", params={"slow": "40"}, grid={"fast": ("5", "9")}, folds=3), "smoke"
)


@pytest.fixture(scope="module")
def kept(lab: Lab) -> Kept:
    return evaluations.run(lab, ASK)


def test_the_protocol_is_that_of_the_settings(lab: Lab) -> None:
    found = evaluations.protocol(lab, ASK)
    assert found.profile == PROFILES["smoke"]
    assert (found.name, found.hold_out, found.plan.folds) == ("honest-v1 smoke", 0.15, 3)
    assert found.limits == lab.evidence_limits
    assert evaluations.protocol(lab, replace(ASK, profile=None)).profile == PROFILES["standard"]
    assert evaluations.protocol(lab, replace(ASK, opens_hold_out=True)).opens_hold_out


def test_a_profile_there_is_not_is_refused_before_anything_is_read() -> None:
    with pytest.raises(UsageError, match="no profile 'quick'"):
        EvaluateAsk(Ask("ma-cross"), "quick")


def test_the_run_says_what_was_asked_and_holds_everything(lab: Lab, kept: Kept) -> None:
    record = json.loads((kept.run.path / "run.json").read_text(encoding="utf-8"))
    assert (record["kind"], record["status"]) == ("evaluate", "done")
    assert record["arguments"]["profile"] == "smoke"
    assert "random_traders" not in record["arguments"]
    assert set(record["settings"]) >= {"evaluate", "profile_smoke", "evidence", "walk_forward"}
    result = kept.run.load_json("result")
    assert isinstance(result, dict)
    assert len(result["findings"]["fingerprint"]) == 64
    assert "candidate" in track_names(kept.run)
    assert kept.report.html.is_file()


def test_trials_are_counted_and_a_locked_hold_out_is_not_opened(lab: Lab, kept: Kept) -> None:
    assert kept.result.evidence is not None
    assert kept.result.evidence.trials == lab.trials.count(kept.result.dataset) == 2
    assert kept.result.hold_out is not None
    opened = lab.hold_outs.openings(kept.result.dataset)
    assert len(opened) == (kept.result.hold_out.status == "opened")


def test_the_command_asks_for_the_same_again(lab: Lab, kept: Kept) -> None:
    words = shlex.split(kept.result.command)
    assert words[:3] == ["tradecore", "evaluate", "ma-cross"]
    assert {"--profile=smoke", "--grid=fast=5,9", "--param=slow=40", "--folds=3"} <= set(words)
    assert "--open-holdout" in shlex.split(replace(ASK, opens_hold_out=True).command(lab))


def test_forcing_the_lock_is_recorded_with_its_run_and_shown_the_next_time(lab: Lab) -> None:
    forced = replace(ASK, ask=replace(ASK.ask, strategy="mean-reversion", params={}, grid={}), opens_hold_out=True)
    first, second = (evaluations.run(lab, forced) for _ in range(2))
    assert first.result.hold_out is not None
    assert second.result.hold_out is not None
    assert [first.result.hold_out.status, second.result.hold_out.status] == ["opened", "on record"]
    assert second.result.hold_out.outcome == first.result.hold_out.outcome
    assert first.run.id in {one.look.run for one in lab.hold_outs.openings(first.result.dataset)}


def test_data_that_is_not_there_leaves_no_run(lab: Lab) -> None:
    before = len(lab.runs.list())
    with pytest.raises(NothingThereError):
        evaluations.run(lab, replace(ASK, ask=replace(ASK.ask, venue="nowhere")))
    assert len(lab.runs.list()) == before
