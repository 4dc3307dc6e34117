"""An evaluation on the page: its sections, tables and pictures, also where there is nothing to show."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from tradecore.core.types import DAY_NS
from tradecore.reports import canvas, document, evaluation_panels, gallery, html
from tradecore.reports.canvas import NARROW, WIDE, Paper
from tradecore.reports.evaluation import EvaluationSheet, HoldOutSheet, RegimeLine, WhatIf
from tradecore.reports.tear_sheet import CostPoint, TearSheet

HELD = HoldOutSheet("Opened now: +1.0 %", np.arange(40) * DAY_NS, np.full(40, 0.001))
LOCKED = HoldOutSheet("Locked", np.empty(0, np.int64), np.empty(0))
SHEET = EvaluationSheet(
    protocol="honest-v1 smoke", fingerprint="ab" * 32, wanted=("it would have to gain <first>",),
    what_if=(WhatIf("orders 1 bar late", -0.1, None, 3),), break_even=1.2, break_even_text="It breaks even at 1.20",
    regimes=(RegimeLine("calm, falling", 12, 0.4, 0.1, 1.5, None),), chance=np.linspace(-2, 1, 50), mine=2.0,
    chance_text="It beats all of them.", luck=("6 configurations were tried.",), paths=(0.5, -0.2, 1.0), hold_out=HELD,
)  # fmt: skip
POINTS = {0.0: CostPoint(0.5), 1.0: CostPoint(0.1), 2.0: CostPoint(-0.2)}


@pytest.fixture
def judged(sheet: TearSheet) -> TearSheet:
    return replace(sheet, evaluation=SHEET, cost_sensitivity=POINTS)


def test_what_would_have_to_be_true_and_the_hold_out_come_before_the_figures(judged: TearSheet) -> None:
    page = html.render(judged)
    places = [page.index(text) for text in ("What would have to be true", "Opened now", 'class="tiles"', "<h2>Luck")]
    assert places == sorted(places)
    assert "gain &lt;first&gt;" in page
    for text in ("orders 1 bar late", "calm, falling", "It breaks even at 1.20", "It beats all of them."):
        assert text in page


def test_a_report_without_an_evaluation_has_none_of_it(sheet: TearSheet) -> None:
    page = html.render(sheet)
    assert "What would have to be true" not in page
    assert document.to_json(sheet)["evaluation"] is None


def test_the_document_holds_every_number(judged: TearSheet) -> None:
    found = document.to_json(judged)["evaluation"]
    assert isinstance(found, dict)
    assert found["what_if"] == [{"label": "orders 1 bar late", "total_return": -0.1, "sharpe": None, "trades": 3}]
    assert len(found["hold_out"]["returns"]) == 40
    assert len(found["random_traders"]) == 50


def test_a_locked_hold_out_has_no_picture_and_costs_are_drawn_once(judged: TearSheet) -> None:
    assert {"cost-curve", "chance", "paths", "hold-out"} <= set(gallery.single(judged))
    assert "costs" not in gallery.single(judged)
    assert "hold-out" not in gallery.single(replace(judged, evaluation=replace(SHEET, hold_out=LOCKED)))
    assert "Locked" in html.render(replace(judged, evaluation=replace(SHEET, hold_out=LOCKED)))


@pytest.mark.parametrize("paper", [WIDE, NARROW], ids=["desk", "phone"])
@pytest.mark.parametrize(
    "draw",
    [
        lambda paper: evaluation_panels.cost_curve(POINTS, 1.4, paper=paper),
        lambda paper: evaluation_panels.cost_curve({1.0: CostPoint(0.1)}, None, paper=paper),
        lambda paper: evaluation_panels.among_chance(SHEET, paper=paper),
        lambda paper: evaluation_panels.among_chance(replace(SHEET, chance=np.zeros(4)), paper=paper),
        lambda paper: evaluation_panels.among_chance(replace(SHEET, mine=None), paper=paper),
        lambda paper: evaluation_panels.combined_paths(SHEET, paper=paper),
        lambda paper: evaluation_panels.combined_paths(replace(SHEET, paths=()), paper=paper),
        lambda paper: evaluation_panels.hold_out(HELD, paper=paper),
        lambda paper: evaluation_panels.hold_out(LOCKED, paper=paper),
    ],
)  # fmt: skip
def test_no_picture_is_empty_and_the_same_one_has_the_same_bytes(draw: Callable[[Paper], object], paper: Paper) -> None:
    first, second = (canvas.inline_svg(draw(paper), "one", "a picture") for _ in range(2))  # type: ignore[arg-type]
    assert first == second
    assert "<text" in first or "<path" in first
    assert "nan" not in first
