"""The pictures of a sweep: a figure over two parameters as a heat map, over one as a line, and how all of them spread.

Pure functions to figures, like `panels`. They measure nothing. Invariant: colour is never the only sign (small maps
carry their numbers, the best cell a frame), and a cell nobody tried is empty, not zero.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from tradecore.core.types import FloatArray, RecordArray
from tradecore.reports import axis, canvas, formats
from tradecore.reports.canvas import FAINT, GAIN, INK, LOSS, MAIN, MUTED, WIDE, Paper
from tradecore.reports.catalogue import words

MOST_STEPS = 24
"""Rows or columns of a map; a parameter with more values is put into so many ranges of one width."""
MOST_MAPS = 6
"""Maps drawn when many parameters were varied."""
WRITTEN = 16
"""Maps up to so many steps a side carry their numbers."""
_DARK, _PALE = "#1b1f25", "#f4f4f2"  # as the cells, these do not change with the page's colours


@dataclass(frozen=True, slots=True, eq=False)
class Steps:
    """One parameter as the side of a map: a label for each step, and each candidate's step, (N,)."""

    name: str
    labels: tuple[str, ...]
    places: np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True, slots=True, eq=False)
class Surface:
    """One figure over one or two parameters: the median over all others. `values` (rows, columns), NaN where empty."""

    figure: str
    across: Steps
    up: Steps | None
    values: FloatArray
    is_median: bool
    """Whether a cell stands for several candidates."""

    @property
    def name(self) -> str:
        """The picture's file name."""
        return "-".join(["map", self.across.name, *([self.up.name] if self.up else [])]).replace("_", "-")

    @property
    def text(self) -> str:
        """What the picture shows, in words."""
        over = f"{self.across.name} and {self.up.name}" if self.up else self.across.name
        median = ", the median over the other parameters" if self.is_median else ""
        return f"{words(self.figure).label} over {over}{median}"


def surfaces(columns: Mapping[str, Sequence[Any]], figures: RecordArray, figure: str) -> list[Surface]:
    """Return the maps of every pair of varied parameters, `MOST_MAPS` at most; of the one where only one was varied.

    Shape: each column (N,), figures (N,).
    """
    values = figures[figure].astype(np.float64)
    varied = [one for one in (_steps(name, column) for name, column in columns.items()) if len(one.labels) > 1]
    if len(varied) == 1:
        return [_surface(figure, varied[0], None, values)]
    return [_surface(figure, across, up, values) for up, across in list(combinations(varied, 2))[:MOST_MAPS]]


def heat_map(surface: Surface, *, paper: Paper = WIDE) -> Figure:
    """Draw a figure over two parameters as colours, over one as a line; the best place is framed."""
    return _line(surface, paper) if surface.up is None else _map(surface, surface.up, paper)


def spread(values: FloatArray, marks: Sequence[tuple[float, str]], label: str, *, paper: Paper = WIDE) -> Figure:
    """Draw how a figure is spread over all candidates, with some values marked: zero, what luck gives, the best."""
    shown = values[np.isfinite(values)]
    with canvas.style():
        figure, (axes,) = canvas.sheet(paper.width, 230, canvas.Space(left=16, top=30))
        axes.set_yticks([])
        axes.grid(False)
        axis.caption(axes, f"{label} of {len(shown):,} candidates")
        if not len(shown):
            axis.empty(axes, "no candidate has this figure")
            axes.set_xticks([])
            return figure
        ends = np.array([*shown, *(value for value, _ in marks), 0.0])
        room = max(float(np.ptp(ends)) * 0.015, 1e-9)
        edges = np.linspace(ends.min() - room, ends.max() + room, int(np.clip(np.sqrt(len(shown)) * 2, 12, 60)) + 1)
        counts, _ = np.histogram(shown, edges)
        heights = np.where(counts > 0, np.maximum(counts, counts.max() * 0.012), 0)
        axes.bar((edges[:-1] + edges[1:]) / 2, heights, width=np.diff(edges) * 0.9, color=MAIN, alpha=0.75, linewidth=0)
        axes.set_ylim(0, counts.max() * 1.75)
        axes.axvline(0.0, ymax=0.6, color=FAINT, linewidth=1.0)
        middle = (ends.min() + ends.max()) / 2
        # Words reach from their line towards the middle: the outermost stand highest, above the lines they pass.
        outer_first = sorted(enumerate(marks), key=lambda one: -abs(one[1][0] - middle))
        for row, (place, (value, text)) in enumerate(outer_first):
            height, color = 0.98 - 0.12 * row, LOSS if place == 0 else INK
            axes.axvline(value, ymax=height, color=color, linewidth=1.3, dashes=(4, 2))
            right = value > middle
            words_ = f"{text} {value:.2f}{axis.GAP}" if right else f"{axis.GAP}{text} {value:.2f}"
            axes.text(
                value, height, words_, transform=axes.get_xaxis_transform(), va="top", fontsize=10.5,
                ha="right" if right else "left", color=color,
            )  # fmt: skip
    return figure


def _steps(name: str, column: Sequence[Any]) -> Steps:
    """Return a parameter's values as steps: each value, or ranges of one width where there are too many."""
    distinct = sorted(set(column))
    if len(distinct) <= MOST_STEPS or isinstance(distinct[0], str):
        place = {value: at for at, value in enumerate(distinct)}
        return Steps(name, tuple(_plain(one) for one in distinct), np.array([place[one] for one in column]))
    values = np.asarray(column, np.float64)
    edges = np.linspace(values.min(), values.max(), MOST_STEPS + 1)
    places = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, MOST_STEPS - 1)
    return Steps(name, tuple(_plain((a + b) / 2) for a, b in pairwise(edges)), places)


def _surface(figure: str, across: Steps, up: Steps | None, values: FloatArray) -> Surface:
    rows = len(up.labels) if up else 1
    cell = across.places + (up.places * len(across.labels) if up else 0)
    table = np.full(rows * len(across.labels), np.nan)
    most = 0
    order = np.argsort(cell, kind="stable")
    borders = np.flatnonzero(np.diff(cell[order])) + 1
    for group in np.split(order, borders):
        good = values[group][np.isfinite(values[group])]
        most = max(most, len(group))
        if len(good):
            table[cell[group[0]]] = np.median(good)
    return Surface(figure, across, up, table.reshape(rows, -1), most > 1)


def _map(surface: Surface, up: Steps, paper: Paper) -> Figure:
    rows, columns = surface.values.shape
    space = canvas.Space(left=76 if not paper.is_narrow else 54, right=14, top=30, bottom=50)
    cell = min(max((paper.width - space.left - space.right) / columns, 8), 44)
    height = int(np.clip(rows * cell, 120, 620)) + space.top + space.bottom
    finite = surface.values[np.isfinite(surface.values)]
    limit = max(float(np.abs(finite).max()), 1e-9) if len(finite) else 1.0
    colours = LinearSegmentedColormap.from_list("result", [LOSS + "e6", _PALE, GAIN + "e6"])
    with canvas.style():
        figure, (axes,) = canvas.sheet(paper.width, height, space)
        axes.grid(False)
        axes.spines["bottom"].set_visible(False)
        if not len(finite):
            axis.empty(axes, "no candidate has this figure")
        axes.pcolormesh(
            np.ma.masked_invalid(surface.values), cmap=colours, vmin=-limit, vmax=limit, edgecolors=_PALE,
            linewidth=0.5, rasterized=False,
        )  # fmt: skip
        _ticks(axes, surface, up, paper)
        axis.caption(axes, _scale(surface, finite))
        if max(rows, columns) <= WRITTEN and len(finite):
            for (row, column), value in np.ndenumerate(surface.values):
                if np.isfinite(value):
                    size = 10 if not paper.is_narrow else 7
                    axes.text(
                        column + 0.5, row + 0.5, _short(surface.figure, value), ha="center", va="center",
                        fontsize=size, color=_DARK,
                    )  # fmt: skip
        if len(finite):
            best = _best(surface)
            axes.add_patch(Rectangle((best[1], best[0]), 1, 1, fill=False, edgecolor=_DARK, linewidth=2.2))
    return figure


def _line(surface: Surface, paper: Paper) -> Figure:
    values = surface.values[0]
    place = np.arange(len(values))
    with canvas.style():
        figure, (axes,) = canvas.sheet(paper.width, 240, canvas.Space(top=30, bottom=50))
        axis.caption(axes, surface.text)
        good = np.isfinite(values)
        if not good.any():
            axis.empty(axes, "no candidate has this figure")
        axes.plot(place[good], values[good], color=MAIN, linewidth=1.6, marker="o", markersize=4)
        axes.axhline(0.0, color=FAINT, linewidth=1.0)
        axes.set_xlim(-0.5, len(values) - 0.5)
        axis.value_axis(axes, lambda value: _short(surface.figure, value), 4)
        shown = _every(len(values), 8 if paper.is_narrow else 16)
        axes.set_xticks(place[shown], [surface.across.labels[at] for at in place[shown]])
        axes.set_xlabel(surface.across.name)
    return figure


def _ticks(axes: Axes, surface: Surface, up: Steps, paper: Paper) -> None:
    across = surface.across
    columns, rows = _every(len(across.labels), 8 if paper.is_narrow else 16), _every(len(up.labels), 16)
    axes.set_xticks(columns + 0.5, [across.labels[at] for at in columns])
    axes.set_yticks(rows + 0.5, [up.labels[at] for at in rows])
    axes.set_xlabel(across.name)
    axes.set_ylabel(up.name, color=MUTED)


def _every(count: int, most: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    return np.arange(0, count, -(-count // most))


def _scale(surface: Surface, finite: FloatArray) -> str:
    label = words(surface.figure).label + (", median over the others" if surface.is_median else "")
    if not len(finite):
        return label
    low, high = _short(surface.figure, float(finite.min())), _short(surface.figure, float(finite.max()))
    return f"{label}: {low} to {high}; red below zero, green above, the best framed"


def _best(surface: Surface) -> tuple[int, int]:
    values = surface.values if words(surface.figure).better != "lower" else -surface.values
    row, column = np.unravel_index(int(np.nanargmax(values)), values.shape)
    return int(row), int(column)


def _short(figure: str, value: float) -> str:
    return formats.value_text(float(value), words(figure).kind)


def _plain(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
