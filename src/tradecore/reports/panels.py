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
from tradecore.reports import canvas, formats, series
from tradecore.reports.canvas import FAINT, GAIN, INK, LOSS, MAIN, MUTED, NARROW, OTHERS, WIDE
from tradecore.reports.catalogue import words
from tradecore.reports.tear_sheet import CostPoint, Interval

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def cost_sensitivity(points: Mapping[float, CostPoint], *, width: int = WIDE) -> Figure:
    """Draw the total return at each multiple of the assumed costs; 1 is what was assumed."""
    shown = [(multiple, one) for multiple, one in sorted(points.items()) if one.total_return is not None]
    height = 230 if width > NARROW else 210
    with canvas.style():
        figure, (axes,) = canvas.sheet(width, height, canvas.Space(top=16, bottom=50))
        if not shown:
            canvas.empty(axes, "not measured at other costs")
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
        axes.set_xticks(place, [_multiple(multiple, width) for multiple, _ in shown])
        if width <= NARROW:
            left = {"xytext": (-10, -30), "textcoords": "offset points", "ha": "right", "color": MUTED}
            axes.annotate("Sharpe", (0.0, 0.0), xycoords="axes fraction", fontsize=10.5, **left)  # type: ignore[arg-type]
        for at, (_, one) in zip(place, shown, strict=True):
            text = formats.ratio(one.sharpe) if width <= NARROW else f"Sharpe {formats.ratio(one.sharpe)}"
            below: dict[str, Any] = {"xytext": (0, -30), "textcoords": "offset points", "ha": "center", "color": MUTED}
            axes.annotate(text, (at, 0.0), xycoords=axes.get_xaxis_transform(), fontsize=10.5, **below)
        canvas.value_axis(axes, lambda v: formats.percent(v, digits=0 if np.ptp(values) > 0.05 else 1), 4)
        for at, value in zip(place, values, strict=True):
            text = formats.percent(float(value), digits=1, signed=True)
            axes.annotate(
                text,
                (at, value),
                xytext=(0, 5 if value > 0 else -5),
                textcoords="offset points",
                ha="center",
                va="bottom" if value > 0 else "top",
                color=INK,
                fontsize=11,
            )
    return figure


def intervals(shown: Sequence[Interval], *, width: int = WIDE) -> Figure:
    """Draw estimates with their intervals against zero: one that reaches over zero proves nothing."""
    height = 58 + 40 * max(1, len(shown)) + (18 * len(shown) if width <= NARROW else 0)
    space = canvas.Space(left=270 if width > NARROW else 16, right=200 if width > NARROW else 16)
    with canvas.style():
        figure, (axes,) = canvas.sheet(width, height, space)
        axes.grid(False)
        axes.grid(axis="x", color=canvas.GRID, linewidth=0.8)
        axes.set_yticks([])
        if not shown:
            canvas.empty(axes, "no intervals were computed")
            axes.set_xticks([])
            return figure
        ends = [value for one in shown for value in (one.low, one.high, one.estimate, 0.0)]
        room = max((max(ends) - min(ends)) * 0.06, 1e-9)
        axes.set_xlim(min(ends) - room, max(ends) + room)
        axes.set_ylim(-0.5, len(shown) - 0.5)
        axes.axvline(0.0, color=MUTED, linewidth=1.2)
        for row, one in enumerate(reversed(shown)):
            _interval(axes, row, one, width)
    return figure


def distribution(track: Track, *, width: int = WIDE) -> Figure:
    """Draw how daily returns and trade results are spread, the worst twentieth and the mean named."""
    is_wide = width > NARROW
    with canvas.style():
        figure, (daily, trades) = canvas.sheet(
            width, 240 if is_wide else 430, canvas.Space(left=16, right=16, top=26), (1, 1)
        )
        if is_wide:
            daily.set_position((0.012, 0.14, 0.465, 0.74))
            trades.set_position((0.525, 0.14, 0.465, 0.74))
        unit = "days" if track.timeframe.ns <= DAY_NS else "bars"
        returns = series.daily_returns(track)
        moved = returns[returns != 0]
        _histogram(daily, moved, f"Return of {len(moved):,} {unit} in the market, {len(returns) - len(moved):,} flat")
        results = series.trade_returns(track.trades)
        _histogram(trades, results, f"Net result of {len(results):,} trades")
    return figure


def monthly(track: Track, *, width: int = WIDE) -> Figure:
    """Draw the return of every calendar month as a table of colours with its numbers."""
    table = series.monthly_returns(track)
    years = len(table.years)
    grid = np.column_stack((table.months, table.years))
    limit = max(float(np.nanmax(np.abs(table.months))), 1e-6)
    colours = LinearSegmentedColormap.from_list("result", [LOSS, canvas.CARD, GAIN])
    with canvas.style():
        figure, (axes,) = canvas.sheet(width, 44 + 34 * years, canvas.Space(left=52, right=10, top=28, bottom=10))
        axes.grid(False)
        axes.spines["bottom"].set_visible(False)
        shades: dict[str, Any] = {
            "cmap": colours,
            "vmin": -limit * 1.6,
            "vmax": limit * 1.6,
            "edgecolors": canvas.CARD,
            "linewidth": 2,
        }
        axes.pcolormesh(np.ma.masked_invalid(table.months), **shades)
        axes.set_xlim(0, 13)
        axes.invert_yaxis()
        axes.set_xticks(np.arange(13) + 0.5, [*(MONTHS if width > NARROW else [m[0] for m in MONTHS]), "Year"])
        axes.xaxis.tick_top()
        axes.set_yticks(np.arange(years) + 0.5, [str(table.first_year + i) for i in range(years)])
        size = 10.5 if width > NARROW else 6.5
        for (row, column), value in np.ndenumerate(grid):
            if np.isfinite(value):
                look: dict[str, Any] = {"weight": "bold", "color": GAIN if value > 0 else LOSS} if column == 12 else {}
                text = formats.percent(float(value), digits=1).removesuffix(" %")
                axes.text(column + 0.5, row + 0.5, text, ha="center", va="center", fontsize=size, **look)
    return figure


def comparison(results: Mapping[str, float | None], metric: str, *, width: int = WIDE) -> Figure:
    """Draw one metric of several runs as bars, in the order given; a run without the metric says so."""
    height = 44 + 34 * max(1, len(results))
    shown = words(metric)
    with canvas.style():
        space = canvas.Space(left=250 if width > NARROW else 110, right=90, top=26)
        figure, (axes,) = canvas.sheet(width, height, space)
        axes.grid(False)
        axes.axvline(0.0, color=FAINT, linewidth=1.0)
        axes.text(0.0, 1.02, shown.label, transform=axes.transAxes, color=MUTED, fontsize=11, va="bottom")
        axes.set_xticks([])
        if not results:
            canvas.empty(axes, "no runs to compare")
        for row, (name, value) in enumerate(results.items()):
            colour = MAIN if row == 0 else OTHERS[-1]
            axes.barh(row, value or 0.0, height=0.55, color=colour, alpha=0.9)
            text = "not defined" if value is None else formats.value_text(value, shown.kind)
            axes.text(max(value or 0.0, 0.0), row, f"  {text}", va="center", fontsize=11)
            title = formats.short(name, 32 if width > NARROW else 13)
            axes.text(-0.02, row, title, transform=axes.get_yaxis_transform(), ha="right", va="center")
        axes.set_yticks([])
        axes.set_ylim(max(len(results), 1) - 0.5, -0.5)
    return figure


def _multiple(multiple: float, width: int) -> str:
    text = f"×{multiple:g}"
    if width <= NARROW:
        return text
    return {0.0: "no costs", 1.0: "as assumed"}.get(multiple, f"{text} costs")


def _interval(axes: Axes, row: int, one: Interval, width: int) -> None:
    is_clear = one.low > 0 or one.high < 0
    colour = (GAIN if one.low > 0 else LOSS) if is_clear else MUTED
    axes.plot([one.low, one.high], [row, row], color=colour, linewidth=3.0, solid_capstyle="round", alpha=0.75)
    axes.plot([one.estimate], [row], marker="D", markersize=7, color=colour)
    numbers = f"{formats.ratio(one.estimate)}  [{formats.ratio(one.low)}, {formats.ratio(one.high)}]"
    edge = axes.get_yaxis_transform()
    if width > NARROW:
        axes.text(-0.02, row, formats.short(one.label, 36), transform=edge, ha="right", va="center")
        axes.text(1.02, row, numbers, transform=edge, va="center", color=colour)
    else:
        axes.text(0.0, row + 0.2, formats.short(one.label, 36), transform=edge, va="bottom", fontsize=11)
        axes.text(1.0, row - 0.16, numbers, transform=edge, va="top", ha="right", color=colour, fontsize=10)


def _histogram(axes: Axes, values: FloatArray, title: str) -> None:
    axes.set_yticks([])
    axes.grid(False)
    axes.text(0.0, 1.03, title, transform=axes.transAxes, color=MUTED, fontsize=11, va="bottom")
    if not len(values) or not np.ptp(values):
        canvas.empty(axes, "nothing to spread" if not len(values) else f"all {formats.percent(float(values[0]))}")
        axes.set_xticks([])
        return
    edges = _edges(values)
    counts, _ = np.histogram(values, edges)
    middle = (edges[:-1] + edges[1:]) / 2
    colours = [GAIN if value > 0 else LOSS for value in middle]
    # The outermost bars hold the extremes, one count beside hundreds: a bar that counts anything is seen.
    heights = np.where(counts > 0, np.maximum(counts, counts.max() * 0.008), 0)
    axes.bar(middle, heights, width=np.diff(edges) * 0.88, color=colours, alpha=0.8, linewidth=0)
    axes.set_ylim(0, counts.max() * 1.42)
    axes.axvline(0.0, ymax=0.78, color=MUTED, linewidth=1.0)
    marks = ((float(np.quantile(values, 0.05)), "worst 5 % below", 0.97), (float(values.mean()), "mean", 0.86))
    for value, text, height in marks:
        axes.axvline(value, ymax=height, color=INK, linewidth=1.0, dashes=(3, 2))
        label = f" {text} {formats.percent(value, signed=text == 'mean')}"
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
