"""The report of a calibration: bad news first, every share with its count, the same bytes again."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tradecore.reports import calibration, canvas
from tradecore.reports.calibration_sheet import CalibrationSheet, Coverage, FalseEdges, PowerCurve, PowerPoint
from tradecore.stats.proportions import wilson


@pytest.fixture
def sheet() -> CalibrationSheet:
    points = tuple(
        PowerPoint(edge, edge * 5, "volume-tide fast=12", wilson(hits, 20), hits / 20)
        for edge, hits in ((0.0, 0), (0.4, 8), (0.8, 19))
    )
    return CalibrationSheet(
        false_edges=(
            FalseEdges("gbm", "best of a sweep", "no costs", wilson(2, 200), wilson(80, 200), {"hold_out": 100}, {}),
            FalseEdges("regimes", "fixed rule", "no costs", wilson(0, 200), wilson(9, 200), {"hold_out": 90},
                       {"hold_out": 3}),
        ),
        power=(
            PowerCurve(2, "fixed rule", points, 2.9, 2.5, None),
            PowerCurve(3, "best of a sweep", points[:2], None, None, None),
        ),
        coverage=(Coverage("fat-tailed", 310, 0.9, wilson(2690, 3000)),),
        asked={"seed": 1, "markets": 200},
        command="tradecore evidence calibrate --seed=1",
    )  # fmt: skip


def test_a_sheet_that_is_as_promised_says_so_and_one_that_is_not_says_why_first(sheet: CalibrationSheet) -> None:
    good = calibration.render(sheet)
    assert "Calibrated</p>" in good
    assert good.index("Calibrated") < good.index("False edges")
    bad = replace(sheet, false_edges=(replace(sheet.false_edges[0], share=wilson(20, 200)),))
    page = calibration.render(bad)
    assert "Not calibrated" in page
    assert "10.0% of 200 gbm markets" in page
    assert page.index("10.0% of 200") < page.index("<h2>False edges")


def test_an_interval_that_is_off_is_a_problem_unless_a_few_records_explain_it(sheet: CalibrationSheet) -> None:
    def problems(hits: int, count: int) -> tuple[str, ...]:
        return replace(sheet, coverage=(Coverage("normal", 310, 0.9, wilson(hits, count)),)).problems

    assert problems(2690, 3000) == ()
    assert problems(43, 50) == ()
    assert "86.0% of 3000" in problems(2580, 3000)[0]


def test_every_table_has_as_many_cells_as_heads(sheet: CalibrationSheet) -> None:
    tables = {
        calibration.RATES: calibration.rate_rows(sheet),
        calibration.SIZES: calibration.size_rows(sheet),
        calibration.POINTS: calibration.point_rows(sheet),
        calibration.COVERED: calibration.coverage_rows(sheet),
        calibration.GATES: calibration.gate_rows(sheet),
    }
    for head, rows in tables.items():
        assert rows
        assert {len(row) for row in rows} == {len(head)}
    assert calibration.size_rows(sheet)[1][2] == "not reached"
    assert calibration.size_rows(sheet)[0][3] == "2.50 to beyond"


def test_a_report_is_written_whole_and_its_json_is_strict(sheet: CalibrationSheet, tmp_path: Path) -> None:
    saved = calibration.save(sheet, tmp_path)
    assert {one.name for one in saved.pngs} == {"false-edges.png", "power.png", "coverage.png"}
    stored = json.loads(saved.json.read_text())
    assert stored["is_calibrated"] is True
    assert stored["false_edges"][0]["share"]["rate"] == 0.01
    assert stored["power"][0]["points"][1]["share"]["rate"] == 0.4
    text = saved.html.read_text()
    assert "<script" not in text
    assert "http" not in text.replace("http-equiv", "").replace("http://www.w3.org", "")
    again = calibration.save(sheet, tmp_path / "again")
    assert [one.read_bytes() for one in again.pngs] == [one.read_bytes() for one in saved.pngs]
    assert again.html.read_text() == text


@pytest.mark.parametrize("paper", [canvas.WIDE, canvas.NARROW])
def test_a_picture_of_nothing_says_so(paper: canvas.Paper) -> None:
    for figure in (
        calibration.false_edges((), 0.05, paper=paper),
        calibration.power((), paper=paper),
        calibration.coverage((), 0.02, paper=paper),
    ):
        assert any("no " in text.get_text() for axes in figure.axes for text in axes.texts)
