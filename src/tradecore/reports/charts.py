"""The account over time: value against baselines, drawdown, exposure. Pure functions from tracks to figures.

Who wants bytes goes through `canvas`. They decide nothing and measure nothing. Invariant: a picture is never empty, it
says what is missing; and no line has more points than its paper shows, while every extreme is kept. Trades on the price
are drawn in `price`, what has no time axis in `panels`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tradecore.core.track import Track
from tradecore.core.types import DAY_NS, FloatArray, IntArray, Nanoseconds
from tradecore.reports import axis, canvas, formats, series
from tradecore.reports.canvas import CARD, FAINT, LOSS, MAIN, MUTED, OTHERS, WASH, WIDE, Paper
from tradecore.storage.atomic_io import write_bytes

_RUIN = 0.02
_LABEL_PIXELS = 46


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment worth a vertical hairline, as the start of a fold's test span."""

    time: Nanoseconds
    text: str


@dataclass(frozen=True, slots=True)
class _Line:
    title: str
    track: Track
    colour: str
    values: FloatArray


def equity(
    track: Track,
    baselines: Mapping[str, Track] | None = None,
    *,
    name: str = "Strategy",
    marks: Sequence[Mark] = (),
    paper: Paper = WIDE,
) -> Figure:
    """Draw the account's value, deposits removed, over the baselines rescaled to the same start.

    The scale is logarithmic when the values span a wide range, but not when an account was ruined: a total loss is to
    look like one.
    """
    start = track.curve.start_equity
    main = _Line(name, track, MAIN, series.account_value(track, start))
    lines = [main, *_others(baselines, lambda one: series.account_value(one, start))]
    low, high = min(float(one.values.min()) for one in lines), max(float(one.values.max()) for one in lines)
    height = 270 if paper.is_narrow else 380
    with canvas.style():
        figure, axes = _over_time(paper, height, len(lines))
        axes.axhline(start, color=FAINT, linewidth=1.0, dashes=(4, 3))
        for one in reversed(lines):
            _draw(axes, one, paper, 2.2 if one is main else 1.3)
        axis.amount_axis(axes, low, high, axis.compact, is_log=axis.wants_log(low, high) and low > _RUIN * start)
        axis.date_axis(axes, paper, *span(track))
        _marks(axes, marks, paper)
        _name_lines(figure, axes, paper, [(one, _gain(one, start)) for one in lines])
    return figure


def drawdown(
    track: Track,
    baselines: Mapping[str, Track] | None = None,
    *,
    name: str = "Strategy",
    only: str | None = None,
    paper: Paper = WIDE,
) -> Figure:
    """Draw the fall from the running peak, the deepest point named; a baseline is a thin line.

    `only` names the one baseline to draw; it keeps the colour it has beside the others.
    """
    main = _Line(name, track, MAIN, series.drawdown(track))
    lines = [main, *_others(baselines, series.drawdown, only)]
    lowest = min(float(one.values.min()) for one in lines)
    with canvas.style():
        figure, axes = _over_time(paper, 200 if paper.is_narrow else 230, len(lines))
        pick = series.thin(main.values, paper.points)
        axes.fill_between(
            axis.dates(track.curve.time[pick]), main.values[pick], 0.0, color=WASH, alpha=0.14, linewidth=0
        )
        for one in reversed(lines):
            _draw(axes, one, paper, 1.7 if one is main else 1.0)
        axes.set_ylim(min(lowest * 1.12, -0.01), 0.0)
        axis.value_axis(axes, lambda value: formats.percent(value, digits=0 if lowest < -0.04 else 1), 4)
        axis.date_axis(axes, paper, *span(track))
        _deepest(axes, track.curve.time, main.values)
        _name_lines(figure, axes, paper, [(one, one.title) for one in lines])
    return figure


def exposure(track: Track, *, paper: Paper = WIDE) -> Figure:
    """Draw the share of the account that was in the market; says so when it never was.

    With more bars than pixels the line is the mean of each stretch of bars, and the wash reaches to its highest.
    """
    share, time = track.curve.exposure, track.curve.time
    stretch = -(-len(share) // (paper.points // 4))
    starts = np.arange(0, len(share), stretch)
    highest = np.maximum.reduceat(share, starts)
    mean = np.add.reduceat(share, starts) / np.diff(np.append(starts, len(share)))
    when = axis.dates(np.append(time[starts], span(track)[1]))
    with canvas.style():
        figure, (axes,) = canvas.sheet(paper.width, 160 if paper.is_narrow else 180, canvas.Space(top=24))
        if share.max() <= 0:
            axis.empty(axes, "never in the market")
        axes.fill_between(when, np.append(highest, highest[-1]), 0.0, color=WASH, alpha=0.13, linewidth=0, step="post")
        axes.fill_between(when, np.append(mean, mean[-1]), 0.0, color=WASH, alpha=0.3, linewidth=0, step="post")
        axes.plot(when, np.append(mean, mean[-1]), color=MAIN, linewidth=0.9, drawstyle="steps-post")
        text = "every bar" if stretch == 1 else f"mean of every {stretch:,} bars, the wash to their highest"
        axis.caption(axes, text)
        top = float(share.max())
        axes.set_ylim(0.0, top * 1.25 if 0.0 < top < 0.5 else max(1.0, top) * 1.04)
        axis.value_axis(axes, lambda value: formats.percent(value, digits=0), 3)
        axis.date_axis(axes, paper, *span(track))
    return figure


def span(track: Track) -> tuple[Nanoseconds, Nanoseconds]:
    """Return when a track's first bar opened and its last one closed."""
    time = track.curve.time
    return int(time[0]), int(time[-1]) + track.timeframe.ns


def save_png(figure: Figure, path: Path) -> Path:
    """Write a figure as PNG, whole or not at all, and return its path."""
    write_bytes(path, canvas.png(figure))
    return path


def _others(
    baselines: Mapping[str, Track] | None, measure: Callable[[Track], FloatArray], only: str | None = None
) -> list[_Line]:
    """Return each baseline with its title, its values, and its colour, which is the same in every chart."""
    coloured = [(name, one, OTHERS[i % len(OTHERS)]) for i, (name, one) in enumerate((baselines or {}).items())]
    return [
        _Line(formats.label_of(name), one, colour, measure(one))
        for name, one, colour in coloured
        if only is None or name == only
    ]


def _over_time(paper: Paper, height: int, lines: int) -> tuple[Figure, Axes]:
    """Return axes with room for names at the right on a desk, or for a key of so many lines on top on a phone."""
    if not paper.is_narrow:
        figure, (axes,) = canvas.sheet(paper.width, height, canvas.Space(right=190))
    else:
        top = 10 + 19 * ((lines + 1) // 2)
        figure, (axes,) = canvas.sheet(paper.width, height + top, canvas.Space(left=50, right=18, top=top))
    return figure, axes


def _draw(axes: Axes, one: _Line, paper: Paper, thickness: float) -> None:
    pick = series.thin(one.values, paper.points)
    when = axis.dates(one.track.curve.time[pick])
    thickness *= 0.8 if paper.is_narrow else 1.0
    axes.plot(when, one.values[pick], color=one.colour, linewidth=thickness, solid_joinstyle="round")


def _name_lines(figure: Figure, axes: Axes, paper: Paper, named: Sequence[tuple[_Line, str]]) -> None:
    if paper.is_narrow:
        axis.key(figure, [(formats.short(one.title, 18), one.colour) for one, _ in named])
        return
    axis.end_labels(axes, [(float(one.values[-1]), formats.short(text, 27), one.colour) for one, text in named])


def _gain(one: _Line, start: float) -> str:
    gain = formats.percent(float(one.values[-1]) / start - 1, digits=1, signed=True)
    return f"{formats.short(one.title, 16)} {gain}"


def _marks(axes: Axes, marks: Sequence[Mark], paper: Paper) -> None:
    """Draw a hairline at each mark; name those that have room after the last one named."""
    first, last = axes.get_xlim()
    pixel = (last - first) / (paper.width * 0.75)
    free = first
    for mark in marks:
        when = mark.time / DAY_NS
        axes.axvline(when, color=FAINT, linewidth=0.8, dashes=(1, 3))
        if when >= free and when < last - _LABEL_PIXELS * pixel:
            foot = axes.get_xaxis_transform()
            axes.text(when, 0.012, f"{axis.GAP[0]}{mark.text}", transform=foot, color=MUTED, fontsize=9.5, clip_on=True)
            free = when + _LABEL_PIXELS * pixel


def _deepest(axes: Axes, time: IntArray, fall: FloatArray) -> None:
    at = int(fall.argmin())
    if fall[at] >= 0:
        axis.empty(axes, "never below its start or its peak")
        return
    when = time[at] / DAY_NS
    axes.plot([when], [fall[at]], marker="o", markersize=5, color=LOSS)
    is_late = at > len(fall) / 2
    look: dict[str, Any] = {
        "xytext": (-9 if is_late else 9, -9),
        "textcoords": "offset points",
        "ha": "right" if is_late else "left",
        "va": "center",
        "bbox": {"facecolor": CARD, "alpha": 0.8, "linewidth": 0, "pad": 1.5},
    }
    text = f"{formats.percent(float(fall[at]), digits=1)} on {formats.day(int(time[at]))}"
    axes.annotate(text, (when, fall[at]), color=LOSS, fontsize=11.5, zorder=4, **look)
