"""Put a report into a folder: the page, the JSON document, and each picture as PNG. Can be repeated for any run.

Callers: `backtest`, `control`, the Python API. Every file is written whole or not at all, the page last: where there is
a report.html, everything it stands beside is there too.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tradecore.reports import canvas, charts, document, formats, gallery, html
from tradecore.reports.tear_sheet import TearSheet
from tradecore.storage.atomic_io import write_json, write_text


@dataclass(frozen=True, slots=True)
class Saved:
    """Where a report lies."""

    html: Path
    json: Path
    pngs: tuple[Path, ...]


def save(sheet: TearSheet, folder: Path) -> Saved:
    """Write report.html, report.json and the pictures into `folder`, which is made if missing; old ones are replaced.

    Errors: StateRefusedError when the folder cannot be written; DataError for a number that is not finite.
    """
    page = html.render(sheet)
    data = folder / "report.json"
    write_json(data, document.to_json(sheet))
    pngs = save_pictures(sheet, folder)
    target = folder / "report.html"
    write_text(target, page)
    return Saved(target, data, pngs)


def save_pictures(sheet: TearSheet, folder: Path) -> tuple[Path, ...]:
    """Write every picture of the sheet as PNG and return their paths. Errors: as `save`."""
    pictures = [*gallery.single(sheet).values(), *gallery.trades(sheet).values()]
    warning = "SYNTHETIC MARKET" if sheet.is_synthetic else ""
    return tuple(_save(one, folder, warning) for one in pictures)


def _save(picture: gallery.Picture, folder: Path, warning: str) -> Path:
    figure = canvas.titled(picture.draw(canvas.WIDE), formats.short(picture.text, 90), warning)
    return charts.save_png(figure, folder / f"{picture.name}.png")
