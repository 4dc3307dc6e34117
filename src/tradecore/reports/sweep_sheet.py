"""The report of a sweep: what the best is worth first, then the best few, the maps and how luck would look.

One value in (`SweepSheet`), a page, a JSON document and PNG pictures out. It measures nothing; who fills it in is
`control.sweeps` and the Python API. Invariant: as for every report, no script, no outside address, escaped by the
template engine, and the page is written last.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from tradecore.core.types import FloatArray
from tradecore.reports import canvas, charts, formats, surface
from tradecore.reports.catalogue import words
from tradecore.reports.gallery import Picture
from tradecore.reports.html import render_template
from tradecore.reports.save import Saved
from tradecore.reports.surface import Surface
from tradecore.storage.atomic_io import write_json, write_text


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SweepSheet:
    """Everything the report of a sweep shows."""

    title: str
    subtitle: str
    notices: tuple[str, ...]
    luck: tuple[str, ...]
    """How the best stands against luck, one sentence each."""
    facts: Mapping[str, str]
    best: Sequence[tuple[str, Mapping[str, float | int | None]]]
    """The best candidates: parameters as text, and their metrics."""
    columns: tuple[str, ...]
    """The metrics the table shows."""
    surfaces: Sequence[Surface]
    values: FloatArray
    """The ranking figure of every candidate, (N,); NaN where it is not defined."""
    figure: str
    """Its name."""
    marks: Sequence[tuple[float, str]]
    """Values to mark in their spread."""
    is_synthetic: bool
    run: str = ""
    command: str = ""
    next: str = ""
    document: Mapping[str, Any]
    """What report.json holds."""


def save(sheet: SweepSheet, folder: Path) -> Saved:
    """Write report.html, report.json and the pictures into `folder`. Errors: StateRefusedError, as `reports.save`."""
    pictures = pictures_of(sheet)
    page = render(sheet, pictures)
    data = folder / "report.json"
    write_json(data, dict(sheet.document))
    warning = "SYNTHETIC MARKET" if sheet.is_synthetic else ""
    pngs = tuple(
        charts.save_png(
            canvas.titled(one.draw(canvas.WIDE), formats.short(one.text, 90), warning), folder / f"{one.name}.png"
        )
        for one in pictures
    )
    target = folder / "report.html"
    write_text(target, page)
    return Saved(target, data, pngs)


def pictures_of(sheet: SweepSheet) -> list[Picture]:
    """Return the pictures of a sweep: how the figure is spread, then the maps."""
    label = words(sheet.figure).label
    text = f"{label} of all candidates, and of the best that luck alone would give"
    found = [
        Picture("spread", text, lambda paper: surface.spread(sheet.values, sheet.marks, label, paper=paper)),
    ]
    return found + [Picture(one.name, one.text, _drawer(one)) for one in sheet.surfaces]


def render(sheet: SweepSheet, pictures: Sequence[Picture]) -> str:
    """Return the whole page."""
    rows = [
        (name, [formats.value_text(metrics.get(column), words(column).kind) for column in sheet.columns])
        for name, metrics in sheet.best
    ]
    drawn = [
        {
            "text": one.text,
            "wide": Markup(canvas.inline_svg(one.draw(canvas.WIDE), f"{one.name}-wide", one.text)),
            "narrow": Markup(canvas.inline_svg(one.draw(canvas.NARROW), f"{one.name}-narrow", one.text)),
        }
        for one in pictures
    ]
    head = [words(column).label for column in sheet.columns]
    return render_template("sweep.html", {"sheet": sheet, "rows": rows, "head": head, "pictures": drawn})


def _drawer(one: Surface) -> Any:
    return lambda paper: surface.heat_map(one, paper=paper)
