"""The axes of a chart: dates, amounts, percent, labels at line ends, keys, and the word where there is nothing to see.

Used by the chart modules alone; the figure itself comes from `canvas`. Invariant: labels never lie on each other, and a
logarithmic scale says that it is one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import PathPatch
from matplotlib.path import Path
from matplotlib.ticker import FuncFormatter, MaxNLocator

from tradecore.core.types import DAY_NS, FloatArray, IntArray, Nanoseconds
from tradecore.reports.canvas import CARD, MUTED, Paper

GAP = "\N{NO-BREAK SPACE}\N{NO-BREAK SPACE}"
"""Room before a word; SVG would swallow plain spaces."""
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
LOG_FROM = 6.0
"""An axis whose highest value is this many times its lowest is drawn logarithmic."""
_STEPS = (
    ("m", (1, 2, 5, 10, 15, 30)),
    ("h", (1, 2, 3, 6, 12)),
    ("D", (1, 2, 4, 7, 14)),
    ("M", (1, 2, 3, 6)),
    ("Y", (1, 2, 5, 10, 20, 50, 100, 200)),
)


def dates(time: IntArray) -> FloatArray:
    """Return times in nanoseconds as matplotlib's days since 1970."""
    days: FloatArray = time / float(DAY_NS)
    return days


def date_axis(axes: Axes, paper: Paper, start: Nanoseconds, end: Nanoseconds) -> None:
    """Label the horizontal axis with dates, as many as fit, over exactly the given span."""
    first, last = start / DAY_NS, end / DAY_NS
    room = (last - first) * 0.004
    axes.set_xlim(first - room, last + room)
    ticks, unit = _ticks(start, end, 5 if paper.is_narrow else 10)
    axes.set_xticks(dates(ticks), [_tick_label(tick, unit) for tick in ticks.astype("datetime64[ns]")])


def value_axis(axes: Axes, write: Callable[[float], str], count: int = 5) -> None:
    """Label the vertical axis with `write(value)`, about `count` times."""
    axes.yaxis.set_major_locator(MaxNLocator(nbins=count, min_n_ticks=3, steps=[1, 2, 2.5, 5, 10]))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: write(value)))


def amount_axis(axes: Axes, low: float, high: float, write: Callable[[float], str], *, is_log: bool) -> None:
    """Set the vertical axis to hold amounts from `low` to `high` with a little room, and label it."""
    if not is_log:
        room = max((high - low) * 0.06, abs(high) * 1e-3, 1e-9)
        axes.set_ylim(low - room if low <= 0 or low > room else 0.0, high + room)
        value_axis(axes, write)
        return
    axes.set_yscale("log")
    bottom, top = low / 1.12, high * 1.12
    axes.set_ylim(bottom, top)
    steps = (1, 2, 5) if high / low < 300 else (1,)
    powers = range(int(np.floor(np.log10(bottom))), int(np.ceil(np.log10(top))) + 1)
    axes.set_yticks([tick for p in powers for m in steps if bottom <= (tick := m * 10.0**p) <= top])
    axes.set_yticks([], minor=True)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: write(value)))
    axes.text(0.004, 0.985, "log scale", transform=axes.transAxes, color=MUTED, fontsize=10.5, va="top")


def wants_log(low: float, high: float) -> bool:
    """Return whether a span of amounts reads better on a logarithmic scale."""
    return low > 0 and high / low > LOG_FROM


def _ticks(start: Nanoseconds, end: Nanoseconds, limit: int) -> tuple[IntArray, str]:
    """Return the round moments from `start` to `end` of the finest calendar step that has at most `limit` of them."""
    for unit, counts in _STEPS:
        # Years and months have no length in nanoseconds, so the counting is done in the unit itself.
        ends = np.array([start - 1, end]).astype("datetime64[ns]").astype(f"datetime64[{unit}]").astype(np.int64)
        for count in counts:
            numbers = np.arange(-(-(ends[0] + 1) // count) * count, ends[1] + 1, count)
            if len(numbers) <= limit:
                return numbers.astype(f"datetime64[{unit}]").astype("datetime64[ns]").astype(np.int64), unit
    raise AssertionError("times in nanoseconds span less than six centuries")


def _tick_label(moment: np.datetime64, unit: str) -> str:
    """Write a round moment as short as its step allows: 2018, Apr, 9 Sep, 06:00."""
    text = str(moment)
    month = MONTHS[int(text[5:7]) - 1]
    if unit in ("m", "h") and text[11:16] != "00:00":
        return text[11:16]
    if unit in ("Y", "M"):
        return text[:4] if text[5:7] == "01" else month
    return f"{int(text[8:10])} {month}"


def compact(value: float) -> str:
    """Write an amount in at most five signs for an axis: 12.5k, 3M.

    >>> compact(12_500), compact(0.25), compact(-2e6)
    ('12.5k', '0.25', '−2M')
    """
    size = abs(value)
    sign = "\u2212" if value < 0 else ""
    for limit, mark in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if size >= limit:
            return f"{sign}{size / limit:.3g}{mark}"
    return f"{sign}{size:.4g}"


def columns(
    axes: Axes, middle: FloatArray, width: FloatArray | float, bottom: FloatArray | float, top: FloatArray, **look: Any
) -> None:
    """Draw upright bars of one look, (N,) each, as one shape: a patch for each costs fifty times as much.

    The axes are not scaled to them.
    """
    if not len(middle):
        return
    half = np.asarray(width) / 2
    left, right, low, high = np.broadcast_arrays(middle - half, middle + half, bottom, top)
    corners = np.stack([(left, low), (right, low), (right, high), (left, high), (left, low)])  # (5, 2, N)
    codes = np.tile(np.array([Path.MOVETO, *[Path.LINETO] * 3, Path.CLOSEPOLY], np.uint8), len(left))
    patch = PathPatch(Path(corners.transpose(2, 0, 1).reshape(-1, 2), codes), **look)
    patch.set_clip_path(axes.patch)
    axes.add_artist(patch)


def strokes(axes: Axes, start: FloatArray, end: FloatArray, **look: Any) -> None:
    """Draw lines of one look from each (x, y) of `start` to that of `end`, (N, 2) each, as one line with gaps."""
    line = np.stack((start, end, np.full_like(start, np.nan)), axis=1).reshape(-1, 2)
    axes.plot(line[:, 0], line[:, 1], **look)


def empty(axes: Axes, text: str) -> None:
    """Write why there is nothing to see: a picture is never empty."""
    box = {"facecolor": CARD, "alpha": 0.85, "linewidth": 0, "pad": 6}
    middle = axes.transAxes
    axes.text(0.5, 0.5, text, transform=middle, ha="center", va="center", color=MUTED, fontsize=14, bbox=box, zorder=5)


def caption(axes: Axes, text: str) -> None:
    """Write one line above the axes, at the left."""
    axes.text(0.0, 1.02, text, transform=axes.transAxes, color=MUTED, fontsize=11, va="bottom")


def end_labels(axes: Axes, labels: Sequence[tuple[float, str, str]]) -> None:
    """Write one or more (value, text, colour) at the right edge, moved apart where they would overlap."""
    low, high = axes.get_ylim()
    scale = axes.yaxis.get_transform()
    bottom, top = scale.transform(np.array([low, high]))
    places = (scale.transform(np.array([value for value, _, _ in labels])) - bottom) / (top - bottom)
    order = np.argsort(places)
    gap = 15.0 / axes.bbox.height
    spread = places[order].copy()
    for i in range(1, len(spread)):
        spread[i] = max(spread[i], spread[i - 1] + gap)
    over = spread[-1] - 1.0
    if over > 0:
        spread -= over
        for i in range(len(spread) - 2, -1, -1):
            spread[i] = min(spread[i], spread[i + 1] - gap)
    for place, index in zip(spread, order, strict=True):
        _, text, colour = labels[index]
        axes.text(1.0, place, f"{GAP}{text}", transform=axes.transAxes, color=colour, va="center", fontsize=11.5)


def key(figure: Figure, entries: Sequence[tuple[str, str]]) -> None:
    """Write a row of (text, colour) above the axes: the key of a narrow chart."""
    lines = [Line2D([], [], color=colour, linewidth=2.2) for _, colour in entries]
    figure.legend(
        lines,
        [text for text, _ in entries],
        loc="upper left",
        bbox_to_anchor=(0.0, 1.0),
        ncol=2,
        frameon=False,
        handlelength=1.0,
        columnspacing=1.2,
        borderaxespad=0.0,
        labelspacing=0.35,
        fontsize=11,
    )
