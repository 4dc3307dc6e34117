"""A calibration as a piece of Markdown, for a page of documentation: its tables and pictures between two marks.

Generated text is generated: a page is filled from a run, never typed. Called by `reports.calibration` (the piece) and
`control.evidence` (the page). Invariant: what stands outside the marks is left as it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from tradecore.core.errors import DataError
from tradecore.reports import calibration
from tradecore.reports.calibration_sheet import CalibrationSheet
from tradecore.storage.atomic_io import write_bytes, write_text

BEGIN, END = "<!-- calibration: begin -->", "<!-- calibration: end -->"
PIECE = "measured.md"
"""The name of the piece among a run's files."""
PREFIX = "calibration-"
"""How the pictures are named beside a page."""


def piece(sheet: CalibrationSheet) -> str:
    """Return the piece of Markdown."""
    asked = sheet.asked
    made = (
        f"*Made by `{sheet.command}`: seed {asked.get('seed')}, tradecore {sheet.version}, code `{sheet.code[:16]}`; "
        "do not edit.*"
    )
    verdict = (
        ["**Calibrated.**"] if sheet.is_calibrated else ["**Not calibrated:**", *(f"- {p}" for p in sheet.problems)]
    )
    parts = [
        made,
        "\n".join(verdict),
        "### False edges",
        _picture("false-edges", "Markets without an edge that were called one"),
        _table(calibration.RATES, calibration.rate_rows(sheet)),
        "### What the gates stopped",
        _table(calibration.GATES, calibration.gate_rows(sheet)),
        "### How small an edge is found",
        _picture("power", "Share of planted edges that were found, by their size"),
        _table(calibration.SIZES, calibration.size_rows(sheet)),
        _table(calibration.POINTS, calibration.point_rows(sheet)),
        "### Intervals",
        _picture("coverage", "How often the interval of the Sharpe ratio held the true one"),
        _table(calibration.COVERED, calibration.coverage_rows(sheet)),
    ]
    return "\n\n".join(parts) + "\n"


def fill(page: Path, text: str, pictures: Mapping[str, bytes]) -> None:
    """Put a piece and its pictures into a page, in place of what stood between its marks.

    Errors: DataError when the page does not have both marks, in their order; StateRefusedError when writing fails.
    """
    whole = page.read_text(encoding="utf-8")
    before, begin, rest = whole.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise DataError(
            f"{page}: expected the marks {BEGIN} and {END}, in this order; put them where the tables belong"
        )
    for name, data in pictures.items():
        write_bytes(page.parent / f"{PREFIX}{name}", data)
    write_text(page, f"{before}{BEGIN}\n\n{text}\n{END}{after}")


def _picture(name: str, text: str) -> str:
    return f"![{text}]({PREFIX}{name}.png)"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)
