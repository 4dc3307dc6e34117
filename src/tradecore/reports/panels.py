"""The charts without a time axis: costs, intervals, distribution, months, comparison. Pure functions to figures.

The same rules as in `charts`: they measure nothing, a picture is never empty, and colour is never the only sign.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from tradecore.core.track import Track
from tradecore.core.types import DAY_NS, FloatArray
from tradecore.reports import axis, canvas, formats, series
from tradecore.reports.canvas import FAINT, GAIN, INK, LOSS, MAIN, MUTED, OTHERS, WIDE, Paper
from tradecore.reports.catalogue import words
from tradecore.reports.tear_sheet import CostPoint, Interval


def cost_sensitivity(points: Mapping[float, CostPoint], *, paper: Paper = WIDE) -> Figure:
    """Draw the total return at each multiple of the assumed costs; 1 is what was assumed."""
    shown = [(multiple, one) for multiple, one in sorted(points.items()) if one.total_return is not None]
    height = 230 if not paper.is_narrow else 210
    with canvas.style():
        figure, (axes,) = canvas.sheet(paper.width, height, canvas.Space(top=16, bottom=50))
        if not shown:
            axis.empty(axes, "not measured at other costs")
            axes.set_xticks([])
            axes.set_yticks([])
            return figure
        values = np.array([float(one.total_return or 0.0) for _, one in shown])
        place = np.arange(len(shown))
        colours = [GAIN if value > 0 else LOSS for value in values]
        axes.bar(place, values, width=min(0.5, 0.09 * len(shown) + 0.05), color=colours, alpha=0.85)
        axes.axhline(0.0, color=FAINT, linewidth=1.0)
        room = max(float(np.ptp(np.append(values, 0.0))) * 0.2, 0.005)
        axes.set_ylim(min(values.min(), 0.0) - room, max(values.max(), 0.0) + room)
        axes.set_xlim(-0.6, len(shown) - 0.4)
        axes.set_xticks(place, [_multiple(multiple, paper) for multiple, _ in shown])
        axis.value_axis(axes, lambda value: formats.percent(value, digits=0 if np.ptp(values) > 0.05 else 1), 4)
        for at, value in enumerate(values):
            _beside(axes, (at, value), formats.percent(float(value), digits=1, signed=True))
        _sharpe_row(axes, [one.sharpe for _, one in shown], paper)
    return figure


def intervals(shown: Sequence[Interval], *, paper: Paper = WIDE) -> Figure:
    """Draw estimates with their intervals against zero: one that reaches over zero proves nothing."""
    height = 58 + 40 * max(1, len(shown)) + (18 * len(shown) if paper.is_narrow else 0)
    space = canvas.Space(left=270 if not paper.is_narrow else 16, right=200 if not paper.is_narrow else 16)
    with canvas.style():
        figure, (axes,) = canvas.sheet(paper.width, height, space)
        axes.grid(False)
        axes.grid(axis="x", color=canvas.GRID, linewidth=0.8)
        axes.set_yticks([])
        if not shown:
            axis.empty(axes, "no intervals were computed")
            axes.set_xticks([])
            return figure
        ends = [value for one in shown for value in (one.low, one.high, one.estimate, 0.0)]
        room = max((max(ends) - min(ends)) * 0.06, 1e-9)
        axes.set_xlim(min(ends) - room, max(ends) + room)
        axes.set_ylim(-0.5, len(shown) - 0.5)
        axes.axvline(0.0, color=MUTED, linewidth=1.2)
        for row, one in enumerate(reversed(shown)):
            _interval(axes, row, one, paper)
    return figure


def distribution(track: Track, *, paper: Paper = WIDE) -> Figure:
    """Draw how daily returns and trade results are spread, the worst twentieth and the mean named."""
    with canvas.style():
        space = canvas.Space(left=16, right=16, top=26)
        figure, (daily, trades) = canvas.sheet(paper.width, 430 if paper.is_narrow else 240, space, (1, 1))
        if not paper.is_narrow:
            daily.set_position((0.012, 0.14, 0.465, 0.74))
            trades.set_position((0.525, 0.14, 0.465, 0.74))
        unit = "days" if track.timeframe.ns <= DAY_NS else "bars"
        returns = series.daily_returns(track)
        moved = returns[returns != 0]
        _histogram(daily, moved, f"Return of {len(moved):,} {unit} in the market, {len(returns) - len(moved):,} flat")
        results = series.trade_returns(track.trades)
        _histogram(trades, results, f"Net result of {len(results):,} trades")
    return figure


def monthly(track: Track, *, paper: Paper = WIDE) -> Figure:
    """Draw the return of every calendar month as a table of colours with its numbers."""
    table = series.monthly_returns(track)
    years = len(table.years)
    grid = np.column_stack((table.months, table.years))
    limit = max(float(np.nanmax(np.abs(table.months))), 1e-6)
    colours = LinearSegmentedColormap.from_list("result", [LOSS, canvas.CARD, GAIN])
    with canvas.style():
        figure, (axes,) = canvas.sheet(paper.width, 44 + 34 * years, canvas.Space(left=52, right=10, top=28, bottom=10))
        axes.grid(False)
        axes.spines["bottom"].set_visible(False)
        shades: dict[str, Any] = {"cmap": colours, "vmin": -limit * 1.6, "vmax": limit * 1.6}
        axes.pcolormesh(np.ma.masked_invalid(table.months), edgecolors=canvas.CARD, linewidth=2, **shades)
        axes.set_xlim(0, 13)
        axes.invert_yaxis()
        axes.set_xticks(
            np.arange(13) + 0.5, [*(axis.MONTHS if not paper.is_narrow else [m[0] for m in axis.MONTHS]), "Year"]
        )
        axes.xaxis.tick_top()
        axes.set_yticks(np.arange(years) + 0.5, [str(table.first_year + i) for i in range(years)])
        size = 10.5 if not paper.is_narrow else 6.5
        for (row, column), value in np.ndenumerate(grid):
            if np.isfinite(value):
                look: dict[str, Any] = {"weight": "bold", "color": GAIN if value > 0 else LOSS} if column == 12 else {}
                text = formats.percent(float(value), digits=1).removesuffix(" %")
                axes.text(column + 0.5, row + 0.5, text, ha="center", va="center", fontsize=size, **look)
    return figure


def comparison(results: Mapping[str, float | None], metric: str, *, paper: Paper = WIDE) -> Figure:
    """Draw one metric of several runs as bars, in the order given; a run without the metric says so."""
    height = 44 + 34 * max(1, len(results))
    shown = words(metric)
    with canvas.style():
        space = canvas.Space(left=250 if not paper.is_narrow else 110, right=90, top=26)
        figure, (axes,) = canvas.sheet(paper.width, height, space)
        axes.grid(False)
        axes.axvline(0.0, color=FAINT, linewidth=1.0)
        axis.caption(axes, shown.label)
        axes.set_xticks([])
        if not results:
            axis.empty(axes, "no runs to compare")
        for row, (name, value) in enumerate(results.items()):
            colour = MAIN if row == 0 else OTHERS[-1]
            axes.barh(row, value or 0.0, height=0.55, color=colour, alpha=0.9)
            text = "not defined" if value is None else formats.value_text(value, shown.kind)
            axes.text(max(value or 0.0, 0.0), row, f"{axis.GAP}{text}", va="center", fontsize=11)
            title = formats.short(name, 32 if not paper.is_narrow else 13)
            axes.text(-0.02, row, title, transform=axes.get_yaxis_transform(), ha="right", va="center")
        axes.set_yticks([])
        axes.set_ylim(max(len(results), 1) - 0.5, -0.5)
    return figure


def _beside(axes: Axes, end: tuple[float, float], text: str) -> None:
    """Write at the end of an upright bar: above one that rises, below one that falls."""
    place, va = ((0, 5), "bottom") if end[1] > 0 else ((0, -5), "top")
    axes.annotate(text, end, xytext=place, textcoords="offset points", ha="center", va=va, color=INK, fontsize=11)


def _sharpe_row(axes: Axes, ratios: Sequence[float | None], paper: Paper) -> None:
    """Write the Sharpe ratio of each column under its name."""
    look: dict[str, Any] = {"textcoords": "offset points", "color": MUTED, "fontsize": 10.5}
    if paper.is_narrow:
        axes.annotate("Sharpe", (0.0, 0.0), xycoords="axes fraction", xytext=(-10, -32), ha="right", **look)
    for at, ratio in enumerate(ratios):
        text = formats.ratio(ratio) if paper.is_narrow else f"Sharpe {formats.ratio(ratio)}"
        axes.annotate(text, (at, 0.0), xycoords=axes.get_xaxis_transform(), xytext=(0, -32), ha="center", **look)


def _multiple(multiple: float, paper: Paper) -> str:
    text = f"×{multiple:g}"
    if paper.is_narrow:
        return text
    return {0.0: "no costs", 1.0: "costs as assumed"}.get(multiple, f"{text} costs")


def _interval(axes: Axes, row: int, one: Interval, paper: Paper) -> None:
    is_clear = one.low > 0 or one.high < 0
    colour = (GAIN if one.low > 0 else LOSS) if is_clear else MUTED
    axes.plot([one.low, one.high], [row, row], color=colour, linewidth=3.0, solid_capstyle="round", alpha=0.75)
    axes.plot([one.estimate], [row], marker="D", markersize=7, color=colour)
    numbers = f"{formats.ratio(one.estimate)}  [{formats.ratio(one.low)}, {formats.ratio(one.high)}]"
    edge = axes.get_yaxis_transform()
    if not paper.is_narrow:
        axes.text(-0.02, row, formats.short(one.label, 36), transform=edge, ha="right", va="center")
        axes.text(1.02, row, numbers, transform=edge, va="center", color=colour)
    else:
        axes.text(0.0, row + 0.2, formats.short(one.label, 36), transform=edge, va="bottom", fontsize=11)
        axes.text(1.0, row - 0.16, numbers, transform=edge, va="top", ha="right", color=colour, fontsize=10)


def _histogram(axes: Axes, values: FloatArray, title: str) -> None:
    axes.set_yticks([])
    axes.grid(False)
    axis.caption(axes, title)
    if not len(values) or not np.ptp(values):
        axis.empty(axes, "nothing to spread" if not len(values) else f"all {formats.percent(float(values[0]))}")
        axes.set_xticks([])
        return
    edges = _edges(values)
    counts, _ = np.histogram(values, edges)
    middle = (edges[:-1] + edges[1:]) / 2
    # The outermost bars hold the extremes, one count beside hundreds: a bar that counts anything is seen.
    heights = np.where(counts > 0, np.maximum(counts, counts.max() * 0.008), 0)
    for won, colour in ((middle > 0, GAIN), (middle <= 0, LOSS)):
        look: dict[str, Any] = {"color": colour, "alpha": 0.8, "linewidth": 0}
        axis.columns(axes, middle[won], np.diff(edges)[won] * 0.88, 0.0, heights[won], **look)
    axes.set_xlim(edges[0], edges[-1])
    axes.set_ylim(0, counts.max() * 1.42)
    axes.axvline(0.0, ymax=0.78, color=MUTED, linewidth=1.0)
    marks = ((float(np.quantile(values, 0.05)), "worst 5 % below", 0.97), (float(values.mean()), "mean", 0.86))
    for value, text, height in marks:
        axes.axvline(value, ymax=height, color=INK, linewidth=1.0, dashes=(3, 2))
        label = f"{axis.GAP}{text} {formats.percent(value, signed=text == 'mean')}"
        axes.text(value, height, label, transform=axes.get_xaxis_transform(), va="top", fontsize=10.5)
    digits = 0 if np.ptp(values) > 0.05 else 1
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6))
    axes.xaxis.set_major_formatter(lambda value, _: formats.percent(value, digits=digits))


def _edges(values: FloatArray) -> FloatArray:
    """Return bin edges of one width with an edge at zero, so that no bar mixes gains and losses."""
    low, high = min(float(values.min()), 0.0), max(float(values.max()), 0.0)
    width = (high - low) / int(np.clip(np.sqrt(len(values)) * 2, 12, 60))
    below, above = int(np.ceil(-low / width - 1e-9)), int(np.ceil(high / width - 1e-9))
    edges: FloatArray = np.arange(-below, above + 1, dtype=np.float64) * np.float64(width)
    # Rounding must not leave the extremes outside the outermost bins.
    edges[0], edges[-1] = min(edges[0], low), max(edges[-1], high)
    return edges
