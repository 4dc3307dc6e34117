"""A report on the disk: the page, the JSON and the pictures, whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from tradecore.core.errors import StateRefusedError
from tradecore.reports import html
from tradecore.reports.save import save
from tradecore.reports.tear_sheet import TearSheet


def test_a_saved_report_has_page_json_and_pictures(sheet: TearSheet, tmp_path: Path) -> None:
    saved = save(sheet, tmp_path / "report")
    assert saved.html.read_text(encoding="utf-8") == html.render(sheet)
    names = {path.name for path in saved.pngs}
    assert {"equity.png", "drawdown.png", "trades.png", "exposure.png", "costs.png", "intervals.png"} <= names
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in saved.pngs)
    assert {path.name for path in (tmp_path / "report").iterdir()} == names | {"report.html", "report.json"}


def test_saving_again_gives_the_same_bytes(plain_sheet: TearSheet, tmp_path: Path) -> None:
    first = save(plain_sheet, tmp_path)
    before = {path: path.read_bytes() for path in (first.html, first.json, *first.pngs)}
    save(plain_sheet, tmp_path)
    assert {path: path.read_bytes() for path in before} == before


def test_a_folder_that_cannot_be_made_is_a_plain_refusal(plain_sheet: TearSheet, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StateRefusedError, match="file"):
        save(plain_sheet, tmp_path / "file")


def test_a_picture_that_cannot_be_written_stops_the_report_before_its_page(sheet: TearSheet, tmp_path: Path) -> None:
    (tmp_path / "equity.png").mkdir()
    with pytest.raises(StateRefusedError, match=r"equity\.png"):
        save(sheet, tmp_path)
    assert not (tmp_path / "report.html").exists()
