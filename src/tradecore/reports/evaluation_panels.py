"""The pictures of an evaluation: return against costs, the candidate among random traders, paths, the hold-out.

The same rules as in `panels`: they measure nothing, a picture is never empty, and colour is never the only sign.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from tradecore.core.types import DAY_NS, FloatArray
from tradecore.reports import axis, canvas, formats
from tradecore.reports.canvas import FAINT, GAIN, INK, LOSS, MAIN, MUTED, OTHERS, WASH, WIDE, Paper
from tradecore.reports.evaluation import EvaluationSheet, HoldOutSheet
from tradecore.reports.tear_sheet import CostPoint


def cost_curve(points: Mapping[float, CostPoint], break_even: float | None, *, paper: Paper = WIDE) -> Figure:
    """Draw the total return over the multiple of the assumed costs, with the costs at which nothing is left."""
    shown = [
        (multiple, float(one.total_return)) for multiple, one in sorted(points.items()) if one.total_return is not None
    ]
    with canvas.style():
        figure, (axes,) = canvas.sheet(
            paper.width, 260 if not paper.is_narrow else 220, canvas.Space(top=22, bottom=46)
        )
        if len(shown) < 2:
            axis.empty(axes, "not measured at other costs")
            return figure
        x, y = np.array(shown).T
        axes.axhline(0.0, color=FAINT, linewidth=1.0)
        axes.plot(x, y, color=MAIN, linewidth=2.0, marker="o", markersize=6)
        axes.fill_between(x, y, 0.0, where=y < 0.0, color=LOSS, alpha=0.08, linewidth=0, interpolate=True)
        axes.axvline(1.0, color=MUTED, linewidth=1.0, dashes=(3, 2))
        axes.text(
            1.0,
            1.0,
            f"{axis.GAP}as assumed",
            transform=axes.get_xaxis_transform(),
            color=MUTED,
            va="bottom",
            fontsize=10.5,
        )
        if break_even is not None:
            axes.plot([break_even], [0.0], marker="D", markersize=9, color=LOSS, zorder=5)
            side = "right" if break_even > x.max() * 0.85 else "left"
            label = f"breaks even at ×{break_even:.2f}"
            place = (-10, 10) if side == "right" else (10, 10)
            axes.annotate(
                label, (break_even, 0.0), xytext=place, textcoords="offset points", ha=side, color=LOSS, weight="bold"
            )
        room = max(float(np.ptp(np.append(y, 0.0))) * 0.1, 0.005)
        axes.set_ylim(min(y.min(), 0.0) - room, max(y.max(), 0.0) + room)
        axes.set_xlim(-0.05, x.max() * 1.04)
        axes.set_xticks(x, ["none" if one == 0.0 else f"×{one:g}" for one in x])
        axes.set_xlabel("costs")
        digits = 0 if np.ptp(y) > 0.05 else 1
        axis.value_axis(axes, lambda value: formats.percent(value, digits=digits), 5)
    return figure


def among_chance(sheet: EvaluationSheet, *, paper: Paper = WIDE) -> Figure:
    """Draw how the random traders' Sharpe ratios are spread, and where the candidate stands."""
    values = np.empty(0) if sheet.chance is None else sheet.chance
    return _spread(values, sheet.mine, "the candidate", "random traders", paper)


def combined_paths(sheet: EvaluationSheet, *, paper: Paper = WIDE) -> Figure:
    """Draw the Sharpe ratio of every combinatorial path as a bar, the worst first."""
    values = np.sort(np.array(sheet.paths))
    with canvas.style():
        figure, (axes,) = canvas.sheet(paper.width, 210, canvas.Space(top=18, bottom=34))
        if not len(values):
            axis.empty(axes, "no paths were computed")
            return figure
        place = np.arange(len(values))
        axes.bar(place, values, width=0.55, color=[GAIN if one > 0.0 else LOSS for one in values], alpha=0.85)
        axes.axhline(0.0, color=FAINT, linewidth=1.0)
        for at, value in zip(place.tolist(), values.tolist(), strict=True):
            axes.annotate(
                formats.ratio(value), (at, value), xytext=(0, 5 if value > 0 else -5), textcoords="offset points",
                ha="center", va="bottom" if value > 0 else "top", fontsize=10.5,
            )  # fmt: skip
        room = max(float(np.ptp(np.append(values, 0.0))) * 0.2, 0.1)
        axes.set_ylim(min(values.min(), 0.0) - room, max(values.max(), 0.0) + room)
        axes.set_xlim(-0.6, len(values) - 0.4)
        axes.set_xticks(place, [f"path {one + 1}" if not paper.is_narrow else str(one + 1) for one in place])
        axis.value_axis(axes, formats.ratio, 4)
    return figure


def hold_out(held: HoldOutSheet, *, paper: Paper = WIDE) -> Figure:
    """Draw what one unit became over the locked bars, once they were opened."""
    with canvas.style():
        figure, (axes,) = canvas.sheet(paper.width, 230, canvas.Space(top=16))
        if not len(held.returns):
            axis.empty(axes, "locked: nobody has looked")
            axes.set_xticks([])
            axes.set_yticks([])
            return figure
        value = np.cumprod(1.0 + held.returns) - 1.0
        at = axis.dates(held.time + DAY_NS)
        colour = GAIN if value[-1] > 0.0 else LOSS
        axes.axhline(0.0, color=FAINT, linewidth=1.0)
        axes.fill_between(at, value, 0.0, color=WASH, alpha=0.08, linewidth=0)
        axes.plot(at, value, color=MAIN, linewidth=1.6)
        axes.plot(at[-1:], value[-1:], marker="o", color=colour, markersize=6)
        axes.annotate(
            formats.percent(float(value[-1]), digits=1, signed=True), (at[-1], value[-1]), xytext=(-8, 8),
            textcoords="offset points", ha="right", weight="bold", color=colour,
        )  # fmt: skip
        axis.date_axis(axes, paper, int(held.time[0]), int(held.time[-1]) + DAY_NS)
        room = max(float(np.ptp(np.append(value, 0.0))) * 0.15, 0.005)
        axes.set_ylim(min(value.min(), 0.0) - room, max(value.max(), 0.0) + room)
        axis.value_axis(axes, lambda one: formats.percent(one, digits=0 if np.ptp(value) > 0.05 else 1), 4)
    return figure


def _spread(values: FloatArray, mine: float | None, who: str, others: str, paper: Paper) -> Figure:
    with canvas.style():
        figure, (axes,) = canvas.sheet(paper.width, 240, canvas.Space(left=16, top=26, bottom=46))
        axes.grid(False)
        axes.set_yticks([])
        if len(values) < 2 or not np.ptp(values):
            axis.empty(axes, f"no {others}: there was nothing to match them to")
            axes.set_xticks([])
            return figure
        counts, edges = np.histogram(values, int(np.clip(np.sqrt(len(values)) * 1.5, 12, 60)))
        axes.bar((edges[:-1] + edges[1:]) / 2, counts, width=np.diff(edges) * 0.88, color=OTHERS[-1], alpha=0.7)
        axes.set_ylim(0, counts.max() * 1.35)
        high = float(np.quantile(values, 0.95))
        look: dict[str, Any] = {"va": "top", "fontsize": 10.5, "transform": axes.get_xaxis_transform()}
        ends = [float(values.min()), float(values.max()), *([] if mine is None else [mine])]
        room = (max(ends) - min(ends)) * 0.04 or 0.1
        axes.set_xlim(min(ends) - room, max(ends) + room)
        middle = (min(ends) + max(ends)) / 2
        for at, text, height, colour in (
            (high, f"19 in 20 {others} below", 0.84, INK),
            (mine, f"{who} {formats.ratio(mine)}", 0.99, MAIN),
        ):
            if at is None:
                continue
            is_right = at > middle
            axes.axvline(
                at,
                ymax=height - 0.02,
                color=colour,
                linewidth=1.0 if colour == INK else 2.4,
                dashes=(3, 2) if colour == INK else (1, 0),
            )
            label = f"{text}{axis.GAP}" if is_right else f"{axis.GAP}{text}"
            axes.text(
                at,
                height,
                label,
                ha="right" if is_right else "left",
                color=colour,
                weight="bold" if colour == MAIN else "normal",
                **look,
            )
        axes.xaxis.set_major_locator(MaxNLocator(nbins=7))
        axes.set_xlabel("Sharpe ratio, per year, after costs")
    return figure
