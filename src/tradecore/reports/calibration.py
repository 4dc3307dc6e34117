"""The report of a calibration: three pictures, one page, one JSON document. Bad news first.

It shows what a `CalibrationSheet` holds and computes nothing. Called by `control.evidence`. Invariant: no share stands
there without the count it comes from and its interval.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator

from tradecore.reports import axis, canvas, charts, formats
from tradecore.reports.calibration_sheet import CalibrationSheet, Coverage, FalseEdges, PowerCurve
from tradecore.reports.canvas import CARD, FAINT, GAIN, INK, LOSS, MAIN, MUTED, NARROW, OTHERS, WIDE, Paper
from tradecore.reports.save import Saved
from tradecore.stats.proportions import Share
from tradecore.storage.atomic_io import write_json, write_text

ROW = 36
"""Pixels of one row of a picture of shares."""
_COLOURS = (MAIN, OTHERS[0], OTHERS[1], OTHERS[2], OTHERS[3], OTHERS[4])


def false_edges(rows: Sequence[FalseEdges], limit: float, *, paper: Paper = WIDE) -> Figure:
    """Draw how often a market without an edge was called one, each with its interval, against the limit."""
    labels = [f"{one.market}, {one.candidate}, {one.costs}" for one in rows]
    top = max([limit * 2.2, *(one.share.high for one in rows)]) * 1.04
    with canvas.style():
        figure, axes = _rows_of(paper, labels, (0.0, top), "no market without an edge was judged")
        axes.axvline(limit, color=LOSS, linewidth=1.2, dashes=(4, 3))
        for place, one in enumerate(rows):
            _share(axes, place, one.share, LOSS if one.share.rate > limit else GAIN, paper)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=6))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: formats.percent(value, digits=0)))
    return figure


def coverage(rows: Sequence[Coverage], tolerance: float, *, paper: Paper = WIDE) -> Figure:
    """Draw how often each interval of the Sharpe ratio held the true one, against what it promises."""
    labels = [f"{one.returns} returns, {one.days} days" for one in rows]
    rates = [value for one in rows for value in (one.share.low, one.share.high, one.nominal - 2 * tolerance)]
    span = (min(rates, default=0.8) - 0.01, min(max(rates, default=1.0) + 0.02, 1.0))
    with canvas.style():
        figure, axes = _rows_of(paper, labels, span, "no interval was measured")
        for nominal in {one.nominal for one in rows}:
            axes.axvspan(nominal - tolerance, nominal + tolerance, color=canvas.WASH, alpha=0.14, linewidth=0)
            axes.axvline(nominal, color=MUTED, linewidth=1.2, dashes=(4, 3))
        for place, one in enumerate(rows):
            _share(axes, place, one.share, LOSS if one.is_off(tolerance) else GAIN, paper)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=6))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: formats.percent(value, digits=0)))
    return figure


def power(curves: Sequence[PowerCurve], *, paper: Paper = WIDE) -> Figure:
    """Draw the share of planted edges found by the true Sharpe ratio of the best fixed rule, and where it is 80 %."""
    with canvas.style():
        figure, (axes,) = canvas.sheet(paper.width, 400, canvas.Space(right=16, bottom=46))
        axes.set_ylim(-0.02, 1.04)
        axis.value_axis(axes, lambda value: formats.percent(value, digits=0))
        if not curves:
            axis.empty(axes, "no edge was planted")
            axes.set_xticks([])
            return figure
        sizes = [point.true_sharpe for curve in curves for point in curve.points]
        room = max(max(sizes) - min(sizes), 1.0) * 0.04
        axes.set_xlim(min(sizes) - room, max(sizes) + room)
        axes.axhline(curves[0].level, color=FAINT, linewidth=1.2, dashes=(4, 3))
        for number, curve in enumerate(curves):
            _curve(axes, curve, _COLOURS[number % len(_COLOURS)], number * 0.004 * (max(sizes) - min(sizes)))
        size = "true annual Sharpe ratio after costs"
        axes.set_xlabel(size if paper.is_narrow else f"{size}, of the best fixed rule", labelpad=8, fontsize=11)
        _key(axes, [(_named(one), _COLOURS[place % len(_COLOURS)]) for place, one in enumerate(curves)])
    return figure


def pictures(sheet: CalibrationSheet) -> Mapping[str, tuple[str, Callable[[Paper], Figure]]]:
    """Return every picture by name: what it shows in words, and how it is drawn on a paper."""
    limit = formats.percent(sheet.limit, digits=0)
    return {
        "false-edges": (
            f"Markets without an edge that were called one; at most {limit} wanted",
            lambda paper: false_edges(sheet.false_edges, sheet.limit, paper=paper),
        ),
        "power": (
            "Share of planted edges that were found, by their size",
            lambda paper: power(sheet.power, paper=paper),
        ),
        "coverage": (
            "How often the interval of the Sharpe ratio held the true one",
            lambda paper: coverage(sheet.coverage, sheet.tolerance, paper=paper),
        ),
    }


def save(sheet: CalibrationSheet, folder: Path) -> Saved:
    """Write report.html, report.json and the pictures into a folder, the page last. Errors: as `reports.save`."""
    data = folder / "report.json"
    write_json(data, sheet.to_json())
    drawn = pictures(sheet)
    pngs = tuple(
        charts.save_png(canvas.titled(draw(WIDE), text), folder / f"{name}.png") for name, (text, draw) in drawn.items()
    )
    target = folder / "report.html"
    write_text(target, render(sheet))
    return Saved(target, data, pngs)


def render(sheet: CalibrationSheet) -> str:
    """Return the page."""
    shown = [
        (
            name,
            text,
            *(Markup(canvas.inline_svg(draw(paper), f"{name}-{paper.width}", text)) for paper in (WIDE, NARROW)),
        )
        for name, (text, draw) in pictures(sheet).items()
    ]
    values = {
        "sheet": sheet, "pictures": shown, "rates": rate_rows(sheet), "sizes": size_rows(sheet),
        "points": point_rows(sheet), "covered": coverage_rows(sheet), "gates": gate_rows(sheet),
        "asked": [(name, str(value)) for name, value in sheet.asked.items() if name != "protocol"],
        "limit": formats.percent(sheet.limit, digits=0),
        "heads": {"rates": RATES, "sizes": SIZES, "points": POINTS, "covered": COVERED, "gates": GATES},
    }  # fmt: skip
    return _environment().get_template("calibration.html").render(values)


RATES = ("market", "candidate", "costs", "called an edge", "95 % interval", "without guards")
SIZES = ("history", "candidate", "80 % found from", "95 % interval")
POINTS = ("true Sharpe", "planted", "history", "candidate", "found", "95 % interval", "the best rule")
COVERED = ("returns", "days", "held the truth", "95 % interval")
GATES = ("gate", "said no on", "alone said no on")


def rate_rows(sheet: CalibrationSheet) -> list[tuple[str, ...]]:
    """Return a row of `RATES` for each kind of market without an edge."""
    return [
        (
            one.market, one.candidate, one.costs, _of(one.share), _interval(one.share),
            formats.percent(one.unguarded.rate, digits=1),
        )
        for one in sheet.false_edges
    ]  # fmt: skip


def size_rows(sheet: CalibrationSheet) -> list[tuple[str, ...]]:
    """Return a row of `SIZES` for each power curve."""
    return [
        (
            f"{one.years} years",
            one.candidate,
            "not reached" if one.size is None else f"Sharpe {formats.ratio(one.size)}",
            f"{_end(one.size_low)} to {_end(one.size_high)}",
        )
        for one in sheet.power
    ]


def point_rows(sheet: CalibrationSheet) -> list[tuple[str, ...]]:
    """Return a row of `POINTS` for each size of edge, length and candidate, smallest first."""
    rows = [(point, curve) for curve in sheet.power for point in curve.points]
    return [
        (
            formats.ratio(point.true_sharpe),
            f"{point.edge:g}",
            f"{curve.years} years",
            curve.candidate,
            _of(point.share),
            _interval(point.share),
            point.rule,
        )
        for point, curve in sorted(rows, key=lambda row: (row[0].edge, row[1].years, row[1].candidate))
    ]


def coverage_rows(sheet: CalibrationSheet) -> list[tuple[str, ...]]:
    """Return a row of `COVERED` for each kind of returns."""
    return [(one.returns, str(one.days), _of(one.share), _interval(one.share)) for one in sheet.coverage]


def gate_rows(sheet: CalibrationSheet) -> list[tuple[str, ...]]:
    """Return a row of `GATES` for each gate over all markets without an edge, the one that stopped most alone first."""
    total = sum(one.share.count for one in sheet.false_edges)
    names = dict.fromkeys(name for one in sheet.false_edges for name in one.stopped_by)
    stopped = {name: sum(one.stopped_by.get(name, 0) for one in sheet.false_edges) for name in names}
    alone = {name: sum(one.stopped_alone.get(name, 0) for one in sheet.false_edges) for name in names}
    order = sorted(names, key=lambda name: (-alone[name], -stopped[name], name))
    return [
        (name.replace("_", " "), formats.percent(stopped[name] / total, digits=1), f"{alone[name]} of {total:,}")
        for name in order
    ]


def _rows_of(paper: Paper, labels: Sequence[str], span: tuple[float, float], nothing: str) -> tuple[Figure, Axes]:
    height = 58 + ROW * max(1, len(labels)) + (16 * len(labels) if paper.is_narrow else 0)
    space = canvas.Space(left=16 if paper.is_narrow else 300, right=16 if paper.is_narrow else 190)
    figure, (axes,) = canvas.sheet(paper.width, height, space)
    axes.grid(False)
    axes.grid(axis="x", color=canvas.GRID, linewidth=0.8)
    axes.set_yticks([])
    axes.set_xlim(*span)
    axes.set_ylim(max(len(labels), 1) - 0.4, -0.6)
    if not labels:
        axis.empty(axes, nothing)
    edge = axes.get_yaxis_transform()
    for place, label in enumerate(labels):
        if paper.is_narrow:
            axes.text(0.0, place - 0.22, formats.short(label, 44), transform=edge, va="bottom", fontsize=10.5)
        else:
            axes.text(-0.02, place, formats.short(label, 42), transform=edge, ha="right", va="center")
    return figure, axes


def _share(axes: Axes, place: int, one: Share, colour: str, paper: Paper) -> None:
    axes.plot([one.low, one.high], [place, place], color=colour, linewidth=3.0, solid_capstyle="round", alpha=0.6)
    axes.plot([one.rate], [place], marker="D", markersize=6, color=colour, clip_on=False)
    edge = axes.get_yaxis_transform()
    text = f"{formats.percent(one.rate, digits=1)}  of {one.count:,}"
    if paper.is_narrow:
        axes.text(1.0, place - 0.22, text, transform=edge, ha="right", va="bottom", fontsize=10.5, color=colour)
    else:
        axes.text(1.02, place, text, transform=edge, va="center", color=colour)


def _curve(axes: Axes, curve: PowerCurve, colour: str, aside: float) -> None:
    sizes = np.array([point.true_sharpe for point in curve.points])
    axes.plot(sizes, [point.fitted for point in curve.points], color=colour, linewidth=2.0)
    for point in curve.points:
        at = point.true_sharpe + aside
        axes.plot([at, at], [point.share.low, point.share.high], color=colour, linewidth=1.2, alpha=0.5)
        axes.plot([at], [point.share.rate], marker="o", markersize=4.5, color=colour)
    if curve.size is not None:
        axes.plot([curve.size, curve.size], [-0.02, curve.level], color=colour, linewidth=1.0, dashes=(2, 3))
        axes.plot([curve.size], [curve.level], marker="D", markersize=7, color=colour, markeredgecolor=INK)


def _key(axes: Axes, entries: Sequence[tuple[str, str]]) -> None:
    """Name the curves at the upper left, where none of them is: small edges are not found."""
    lines = [Line2D([], [], color=colour, linewidth=2.2) for _, colour in entries]
    look: dict[str, Any] = {"facecolor": CARD, "edgecolor": CARD, "framealpha": 0.85, "fontsize": 10.5}
    axes.legend(lines, [text for text, _ in entries], loc="upper left", handlelength=1.2, labelspacing=0.35, **look)


def _named(one: PowerCurve) -> str:
    size = "80 % not reached" if one.size is None else f"80 % from {formats.ratio(one.size)}"
    return f"{one.candidate}, {one.years} years: {size}"


def _of(one: Share) -> str:
    return f"{formats.percent(one.rate, digits=1)} of {one.count:,}"


def _interval(one: Share) -> str:
    return f"{formats.percent(one.low, digits=1)} to {formats.percent(one.high, digits=1)}"


def _end(value: float | None) -> str:
    return "beyond" if value is None else formats.ratio(value)


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("tradecore.reports"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
