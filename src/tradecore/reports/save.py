"""Put a report into a folder: the page, the JSON document, and each picture as PNG. Can be repeated for any run.

Callers: `backtest`, `control`, the Python API. Every file is written whole or not at all, the page last: where there is
a report.html, everything it stands beside is there too.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from matplotlib.figure import Figure

from tradecore.reports import canvas, document, formats, gallery, html
from tradecore.reports.tear_sheet import TearSheet
from tradecore.storage.atomic_io import write_bytes, write_json, write_text


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
    shown = {**gallery.single(sheet), **{one.name: one for one in gallery.trades(sheet).values()}}
    with ThreadPoolExecutor(1) as packer:  # a picture is packed and written while the next one is drawn
        album = _Album(folder, "SYNTHETIC MARKET" if sheet.is_synthetic else "", packer)
        page = html.render(sheet, album.add)
        for name in html.OFF_PAGE & shown.keys():
            album.add(shown[name], shown[name].draw(canvas.WIDE))
        data = folder / "report.json"
        write_json(data, document.to_json(sheet))
        pngs = album.finished(shown)
    target = folder / "report.html"
    write_text(target, page)
    return Saved(target, data, pngs)


class _Album:
    """The pictures of one report on their way into its folder as PNG."""

    def __init__(self, folder: Path, warning: str, packer: Executor) -> None:
        self._folder, self._warning, self._packer = folder, warning, packer
        self._written: dict[str, Future[Path]] = {}

    def add(self, picture: gallery.Picture, figure: Figure) -> None:
        """Draw a figure that is wanted nowhere else any more, under its title, and have it written."""
        drawn = canvas.pixels(canvas.titled(figure, formats.short(picture.text, 90), self._warning))
        self._written[picture.name] = self._packer.submit(_write, drawn, self._folder / f"{picture.name}.png")

    def finished(self, names: Iterable[str]) -> tuple[Path, ...]:
        """Return the paths in the order of `names`, all written. Errors: what writing one raised."""
        return tuple(self._written[name].result() for name in names)


def _write(drawn: canvas.Pixels, path: Path) -> Path:
    write_bytes(path, canvas.packed(drawn))
    return path
