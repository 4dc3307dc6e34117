"""The picture of linear cost: seconds against bars, combinations and environments, with a line of slope 1."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

INK, MUTED, MAIN, GRID = "#1b1f24", "#636b75", "#1d5fd1", "#e4e7eb"
AXES = (
    ("scaling", "bars", "bars of one backtest", "seconds a backtest", lambda row: row["seconds"]),
    ("scaling", "combinations", "combinations of one sweep", "seconds a sweep", lambda row: row["seconds"]),
    ("environments", "index", "environments", "seconds a step of all of them", None),
)
"""Workload, how its parts begin, and what stands at the axes; a step's cost is its rate times the environments."""


def draw(known: dict[str, Any], path: Path) -> bool:
    """Write the picture as PNG; nothing, and False, where none of it was measured."""
    found = [(one, _points(known, one)) for one in AXES]
    shown = [(one, points) for one, points in found if len(points) > 1]
    if not shown:
        return False
    figure = Figure(figsize=(4.6 * len(shown), 4.0), dpi=110, layout="constrained")
    for place, (one, points) in enumerate(shown):
        _panel(figure.add_subplot(1, len(shown), place + 1), one, points)
    figure.suptitle("Cost grows in proportion to the work (dashed: slope 1)", color=INK, fontsize=12)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Software": None})
    return True


def _points(known: dict[str, Any], one: tuple[Any, ...]) -> list[tuple[float, float]]:
    """Return (size, seconds), rising; sizes are the last word of a part's name."""
    workload, prefix, *_, cost = one
    points = []
    for row in known.get(workload, {}).get("rows", ()):
        if row["contender"] == "tradecore" and row["part"].startswith(prefix):
            size = float(row["part"].split()[-1].replace(",", ""))
            points.append((size, cost(row) if cost else row["per_unit"] * size))
    return sorted(points)


def _panel(axes: Axes, one: tuple[Any, ...], points: list[tuple[float, float]]) -> None:
    sizes, seconds = [size for size, _ in points], [cost for _, cost in points]
    axes.loglog(sizes, seconds, color=MAIN, marker="o", linewidth=1.8, markersize=4.5)
    scale = seconds[-1] / sizes[-1]
    axes.loglog(sizes, [size * scale for size in sizes], color=MUTED, linewidth=1.0, dashes=(5, 4))
    axes.set_xlabel(one[2], color=MUTED)
    axes.set_title(one[3], color=MUTED, fontsize=10, loc="left")
    axes.grid(which="major", color=GRID, linewidth=0.8)
    axes.minorticks_off()
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
