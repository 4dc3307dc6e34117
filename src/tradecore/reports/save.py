"""Put a report into a folder: the page, the JSON document, and each picture as PNG. Can be repeated for any run.

Callers: `backtest`, `control`, the Python API. Every file is written whole or not at all, the page last: where there is
a report.html, everything it stands beside is there too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from matplotlib.figure import Figure

from tradecore.reports import charts, document, html, panels
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
    data = write_json_file(sheet, folder)
    pngs = tuple(charts.save_png(draw(), folder / f"{name}.png") for name, draw in _pictures(sheet).items())
    target = folder / "report.html"
    write_text(target, page)
    return Saved(target, data, pngs)


def write_json_file(sheet: TearSheet, folder: Path) -> Path:
    """Write report.json alone and return its path."""
    target = folder / "report.json"
    write_json(target, document.to_json(sheet))
    return target


def _pictures(sheet: TearSheet) -> dict[str, Callable[[], Figure]]:
    track = sheet.track
    pictures: dict[str, Callable[[], Figure]] = {
        "equity": lambda: charts.equity(track, sheet.baselines, name=sheet.strategy, marks=html.marks(sheet)),
        "drawdown": lambda: charts.drawdown(track, html.first(sheet.baselines), name=sheet.strategy),
        "exposure": lambda: charts.exposure(track),
        "distribution": lambda: panels.distribution(track),
        "monthly": lambda: panels.monthly(track),
    }
    shown = html.charted(sheet)
    for bars in shown:
        name = "trades" if len(shown) == 1 else f"trades-{bars.pair.slug}"
        pictures[name] = lambda bars=bars: charts.trades(track, bars)  # type: ignore[misc]
    if sheet.cost_sensitivity:
        pictures["costs"] = lambda: panels.cost_sensitivity(sheet.cost_sensitivity)
    if sheet.intervals:
        pictures["intervals"] = lambda: panels.intervals(sheet.intervals)
    return pictures
