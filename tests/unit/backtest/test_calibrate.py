"""The verdict, measured small: no false edges with the gates on, many with them off, the same whoever plays."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tradecore.backtest.calibrate import Memory, calibrate, identity, tasks
from tradecore.backtest.calibration_result import summarise, without
from tradecore.backtest.calibration_rules import FIXED, RULE, VolumeTide, field_of, make_rule
from tradecore.backtest.calibration_work import CHUNK, Calibration, judging
from tradecore.backtest.run import simulate
from tradecore.core.errors import ConfigError, UsageError
from tradecore.core.types import Pair, Timeframe
from tradecore.market import synthetic
from tradecore.reports.calibration_sheet import GUARDS
from tradecore.stats.calibration import PROCESSES
from tradecore.stats.gates import EvidenceLimits
from tradecore.stats.proportions import wilson

SMALL = Calibration(
    seed=3, markets=2, planted=1, kinds=("gbm",), years=(1,), edges=(0.0, 0.9), configurations=8, truth=2,
    replications=0, tracks=0,
)  # fmt: skip
NULL = Calibration(
    seed=1, markets=30, planted=0, kinds=("gbm",), years=(2,), configurations=100, truth=0, replications=0, tracks=0,
    costs=("no costs",), candidates=("best of a sweep",),
)  # fmt: skip


@pytest.fixture(scope="module")
def small() -> dict[str, Mapping[str, Any]]:
    """Return the outcomes of a small plan."""
    return calibrate(SMALL, workers=1)


@pytest.fixture(scope="module")
def null() -> list[Mapping[str, Any]]:
    """Return the judgements of thirty best ones of a hundred rules on markets without an edge, without costs."""
    return [one for said in calibrate(NULL, workers=1).values() for one in said["judged"]]


@pytest.mark.slow
def test_the_best_of_a_sweep_over_noise_is_called_an_edge_in_at_most_five_percent(null: list[Any]) -> None:
    assert {one["trials"] for one in null} == {100}
    assert without(null, ()).rate <= 0.05
    assert without(null, ()).hits == sum(one["edge"] for one in null)


@pytest.mark.slow
def test_the_calibration_sees_it_when_the_gates_against_luck_are_switched_off(null: list[Any]) -> None:
    """A calibration that could not fail would prove nothing: without the guards false edges are many."""
    assert without(null, GUARDS).low > 0.05
    assert without(null, ("deflated_sharpe", "sharpe_low")).rate > 0.05


@pytest.mark.slow
def test_switching_gates_off_in_the_protocol_itself_lets_false_edges_through() -> None:
    off = EvidenceLimits(min_deflated_sharpe=0.0, min_sharpe_low=-99.0)
    plan = replace(NULL, markets=12, protocol=replace(judging(off), hold_out=0.0))
    judged = [one for said in calibrate(plan, workers=1).values() for one in said["judged"]]
    assert without(judged, ()).rate > 0.05


def test_every_task_has_a_name_of_its_own_and_kinds_alternate() -> None:
    plan = Calibration()
    keys = [one.key for one in tasks(plan)]
    assert len(set(keys)) == len(keys)
    kinds = [key.partition("/")[0] for key in keys]
    half = len(keys) // 2
    for kind in set(kinds):
        assert abs(kinds[:half].count(kind) - kinds.count(kind) / 2) <= len(plan.kinds) + len(plan.edges) * 2


def test_a_market_is_judged_for_every_candidate_at_every_level_of_costs(small: dict[str, Any]) -> None:
    found = [(one["candidate"], one["costs"]) for one in small["no edge/gbm/1y/0/00000"]["judged"]]
    assert found == [(who, costs) for costs in ("no costs", "usual costs") for who in ("fixed rule", "best of a sweep")]


def test_every_configuration_of_the_sweep_is_counted_and_none_of_another_cell(small: dict[str, Any]) -> None:
    for key, said in small.items():
        for one in said.get("judged", ()):
            assert one["trials"] == (1 if one["candidate"] == "fixed rule" else 8), key


def test_outcomes_are_the_same_bytes_whatever_the_number_of_workers(small: dict[str, Any]) -> None:
    assert json.dumps(calibrate(SMALL, workers=2)) == json.dumps(small)


def test_what_was_kept_is_not_played_again(small: dict[str, Any]) -> None:
    store = Memory(dict(list(small.items())[:-1]))
    store.kept["no edge/gbm/1y/0/00000"] = {"judged": [], "marked": True}
    told: list[tuple[int, int]] = []
    found = calibrate(SMALL, store=store, workers=1, tell=lambda _, done, total: told.append((done, total)))
    assert found["no edge/gbm/1y/0/00000"] == {"judged": [], "marked": True}
    assert told == [(len(small) - 1, len(small)), (len(small), len(small))]
    rest = list(small)[-1]
    assert found[rest] == small[rest]


def test_another_seed_is_another_experiment() -> None:
    assert identity(SMALL, None) == identity(SMALL, None)
    assert identity(replace(SMALL, seed=4), None) != identity(SMALL, None)


def test_the_result_counts_what_was_judged(small: dict[str, Any]) -> None:
    sheet = summarise(SMALL, small)
    assert [(one.market, one.candidate, one.costs, one.share.count) for one in sheet.false_edges] == [
        ("gbm", candidate, costs, 2)
        for candidate in ("best of a sweep", "fixed rule")
        for costs in ("no costs", "usual costs")
    ]
    assert [(one.years, one.candidate) for one in sheet.power] == [(1, "best of a sweep"), (1, "fixed rule")]
    weak, strong = sheet.power[1].points
    assert weak.true_sharpe < 1.0
    assert strong.true_sharpe > 3.0
    assert strong.rule.startswith("volume-tide")
    json.dumps(sheet.to_json(), allow_nan=False)


def test_what_is_not_as_promised_is_a_problem(small: dict[str, Any]) -> None:
    sheet = summarise(SMALL, small)
    assert sheet.is_calibrated
    bad = replace(sheet.false_edges[0], share=wilson(1, 10))
    worse = replace(sheet, false_edges=(bad, *sheet.false_edges[1:]))
    assert not worse.is_calibrated
    assert worse.problems[0].startswith("10.0% of 10 gbm markets")


def test_made_records_are_counted_by_kind_and_length() -> None:
    plan = replace(SMALL, markets=0, planted=0, replications=CHUNK)
    sheet = summarise(plan, calibrate(plan, workers=1))
    assert {(one.returns, one.days) for one in sheet.coverage} == {
        (kind, days) for kind in PROCESSES for days in (310, 465)
    }
    for one in sheet.coverage:
        assert one.share.count == CHUNK
        assert 0.8 < one.share.rate < 0.99


def test_there_are_as_many_configurations_as_asked_and_none_twice() -> None:
    for count in (1, 7, 100, 500):
        found = field_of(count)
        assert len({json.dumps(one, sort_keys=True) for one in found}) == count
    assert len({one["rule"] for one in field_of(100)}) == 4
    for params in (*field_of(500), *FIXED, RULE):
        assert make_rule(**params).exposure is not None
    with pytest.raises(UsageError):
        field_of(501)


def test_the_rule_that_sees_the_planted_edge_decides_as_its_exposure_says() -> None:
    bars = synthetic.make("trending", pair=Pair("BTC", "USD"), timeframe=Timeframe.parse("1h"), bars=2000, seed=1)
    lane, asked = (simulate(VolumeTide(slow=200), (bars,), lane=one).track for one in (True, False))
    assert len(lane.trades) > 10
    np.testing.assert_array_equal(lane.fills, asked.fills)
    np.testing.assert_array_equal(lane.curve.equity, asked.curve.equity)


@pytest.mark.parametrize(
    "wrong",
    [
        {"markets": -1},
        {"configurations": 501},
        {"years": ()},
        {"edges": (0.5, 0.1)},
        {"kinds": ("sideways",)},
        {"costs": ("half",)},
        {"candidates": ("mine",)},
    ],
)
def test_an_experiment_that_cannot_be_meant_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        replace(SMALL, **wrong)


def test_shuffled_markets_want_real_bars_and_workers_are_at_least_one() -> None:
    with pytest.raises(UsageError, match="real bars"):
        calibrate(replace(SMALL, kinds=("shuffled",)), workers=1)
    with pytest.raises(UsageError, match="workers"):
        calibrate(SMALL, workers=0)


def test_bars_that_were_shuffled_are_judged(small: dict[str, Any]) -> None:
    real = synthetic.make("regimes", pair=Pair("BTC", "USD"), timeframe=Timeframe.parse("1h"), bars=24 * 500, seed=8)
    plan = replace(SMALL, markets=1, planted=0, kinds=("shuffled",), costs=("usual costs",), candidates=("fixed rule",))
    (said,) = calibrate(plan, real=real, workers=1).values()
    assert len(said["judged"]) == 1
