"""A page of documentation is filled from a calibration, between its marks, and nothing else of it changes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tradecore.core.errors import DataError
from tradecore.reports.calibration_page import BEGIN, END, fill, piece
from tradecore.reports.calibration_sheet import CalibrationSheet, Coverage, FalseEdges
from tradecore.stats.proportions import wilson

SHEET = CalibrationSheet(
    false_edges=(FalseEdges("gbm", "fixed rule", "no costs", wilson(4, 200), wilson(90, 200), {"hold_out": 5}, {}),),
    power=(),
    coverage=(Coverage("normal", 310, 0.9, wilson(2700, 3000)),),
    asked={"seed": 7},
    version="9.9",
    code="abcdef0123456789ff",
    command="tradecore evidence calibrate --seed=7",
)


def test_a_piece_says_how_it_was_made_and_every_share_with_its_count() -> None:
    text = piece(SHEET)
    assert "seed 7, tradecore 9.9, code `abcdef0123456789`" in text
    assert "| gbm | fixed rule | no costs | 2.0 % of 200 | 0.8 % to 5.0 % | 45.0 % |" in text
    assert "**Calibrated.**" in text
    assert "(calibration-false-edges.png)" in text


def test_a_page_is_filled_between_its_marks_as_often_as_one_likes(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nstale\n{END}\nafter\n")
    for _ in range(2):
        fill(page, piece(SHEET), {"power.png": b"picture"})
    text = page.read_text()
    assert text.startswith(f"before\n{BEGIN}\n")
    assert text.endswith(f"{END}\nafter\n")
    assert "stale" not in text
    assert text.count("False edges") == 1
    assert (tmp_path / "calibration-power.png").read_bytes() == b"picture"


@pytest.mark.parametrize("text", ["nothing", f"only {BEGIN}", f"{END} turned {BEGIN}"])
def test_a_page_without_marks_is_refused_and_left_alone(tmp_path: Path, text: str) -> None:
    page = tmp_path / "page.md"
    page.write_text(text)
    with pytest.raises(DataError, match="marks"):
        fill(page, "piece", {"power.png": b"picture"})
    assert page.read_text() == text
    assert sorted(tmp_path.iterdir()) == [page]
