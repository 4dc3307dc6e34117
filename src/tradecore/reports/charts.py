"""The charts over time: account against baselines, drawdown, exposure, trades on the price. Pure functions to figures.

They take tracks and bars and return matplotlib figures; who wants bytes goes through `canvas`. They decide nothing and
measure nothing. Invariant: a picture is never empty, it says what is missing; and no line has more than
`series.POINTS` points, while every extreme is kept. The small charts without a time axis are in `panels`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from tradecore.core.bars import Bars
from tradecore.core.track import Track
from tradecore.core.types import DAY_NS, FloatArray, IntArray, Nanoseconds, RecordArray
from tradecore.reports import canvas, formats, series
from tradecore.reports.canvas import FAINT, GAIN, LOSS, MAIN, MUTED, NARROW, OTHERS, WASH, WIDE
from tradecore.storage.atomic_io import write_bytes

MARKED_TRADES = 400
"""Trades drawn on one price chart at most: those with the largest result."""
CANDLES = 240
_LOG_FROM = 6.0


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment worth a vertical hairline, as the start of a fold's test span."""

    time: Nanoseconds
    text: str


def equity(
    track: Track,
    baselines: Mapping[str, Track] | None = None,
    *,
    name: str = "Strategy",
    marks: Sequence[Mark] = (),
    width: int = WIDE,
) -> Figure:
    """Draw the account's value, deposits removed, over the baselines rescaled to the same start."""
    start = track.curve.start_equity
    lines = _others(baselines)
    values = [series.account_value(one, start) for _, one, _ in lines] + [series.account_value(track, start)]
    is_log = _wants_log(values)
    height = 380 if width > NARROW else 270
    with canvas.style():
        entries = [(name, MAIN), *((label, colour) for label, _, colour in lines)]
        figure, axes = _over_time(width, height, len(entries), right=190)
        axes.axhline(start, color=FAINT, linewidth=1.0, dashes=(4, 3))
        for (_, one, colour), value in zip(lines, values[:-1], strict=True):
            _line(axes, one.curve.time, value, color=colour, linewidth=1.3)
        _line(axes, track.curve.time, values[-1], color=MAIN, linewidth=2.2)
        _money_axis(axes, is_log, values)
        _marks(axes, marks, width)
        canvas.date_axis(axes, width, *_span(track))
        if width > NARROW:
            ends = [float(value[-1]) for value in (values[-1], *values[:-1])]
            canvas.end_labels(
                axes, [(v, _gain(text, v / start), c) for v, (text, c) in zip(ends, entries, strict=True)], height
            )
        else:
            canvas.key(figure, [(formats.short(text, 18), colour) for text, colour in entries])
    return figure


def drawdown(
    track: Track, baselines: Mapping[str, Track] | None = None, *, name: str = "Strategy", width: int = WIDE
) -> Figure:
    """Draw the fall from the running peak, the deepest point named; a baseline is a thin line."""
    fall = series.drawdown(track)
    lines = _others(baselines)
    height = 230 if width > NARROW else 200
    with canvas.style():
        figure, axes = _over_time(width, height, 1 + len(lines), right=190)
        ends = []
        for label, one, colour in lines:
            other = series.drawdown(one)
            _line(axes, one.curve.time, other, color=colour, linewidth=1.0)
            ends.append((other[-1], formats.short(label, 22), colour))
        pick = series.thin(fall)
        when = canvas.dates(track.curve.time[pick])
        axes.fill_between(when, fall[pick], 0.0, color=WASH, alpha=0.14, linewidth=0)
        axes.plot(when, fall[pick], color=MAIN, linewidth=1.6)
        ends.append((fall[-1], formats.short(name, 22), MAIN))
        lowest = min([float(fall.min()), *(float(series.drawdown(one).min()) for _, one, _ in lines)])
        axes.set_ylim(min(lowest * 1.12, -0.01), 0.0)
        canvas.value_axis(axes, lambda v: formats.percent(v, digits=0 if lowest < -0.04 else 1), 4)
        canvas.date_axis(axes, width, *_span(track))
        _deepest(axes, track.curve.time, fall)
        if width > NARROW:
            canvas.end_labels(axes, ends, height)
        else:
            canvas.key(figure, [(formats.short(text, 18), colour) for _, text, colour in reversed(ends)])
    return figure


def exposure(track: Track, *, width: int = WIDE) -> Figure:
    """Draw the share of the account that was in the market; says so when it never was."""
    share = track.curve.exposure
    height = 170 if width > NARROW else 150
    with canvas.style():
        figure, (axes,) = canvas.sheet(width, height)
        if share.max() <= 0:
            canvas.empty(axes, "never in the market")
        pick = series.thin(share)
        when = canvas.dates(track.curve.time[pick])
        axes.fill_between(when, share[pick], 0.0, color=WASH, alpha=0.22, linewidth=0, step="post")
        axes.plot(when, share[pick], color=MAIN, linewidth=0.9, drawstyle="steps-post")
        axes.set_ylim(0.0, max(1.0, float(share.max())) * 1.05)
        canvas.value_axis(axes, lambda v: formats.percent(v, digits=0), 3)
        canvas.date_axis(axes, width, *_span(track))
    return figure


def trades(
    track: Track,
    bars: Bars,
    *,
    span: tuple[Nanoseconds, Nanoseconds] | None = None,
    limit: int = MARKED_TRADES,
    width: int = WIDE,
) -> Figure:
    """Draw the price with every round trip of its pair on it: entry, exit, and a line in the colour of the result.

    `span` cuts a close-up out of the track's time; few bars are drawn as candles. Past `limit` trades only those with
    the largest result are drawn, and the chart says so.
    """
    time = track.curve.time
    start, end = span or (int(time[0]), int(time[-1]) + track.timeframe.ns)
    shown = bars.between(start, end)
    done = track.trades[track.trades["pair"] == _index(track, bars)]
    done = done[(done["exit_time"] >= start) & (done["entry_time"] < end)]
    height = 400 if width > NARROW else 290
    with canvas.style():
        figure, (axes,) = canvas.sheet(width, height, canvas.Space(left=64, top=28))
        if not len(shown):
            canvas.empty(axes, f"no bars of {bars.pair} in this span")
            canvas.date_axis(axes, width, start / DAY_NS, end / DAY_NS)
            return figure
        _price(axes, shown)
        drawn = series.biggest(done, limit)
        _round_trips(axes, drawn, width)
        note = f"{len(done):,} trades"
        if len(drawn) < len(done):
            note = f"{len(drawn):,} of {len(done):,} trades drawn: those with the largest result"
        if not len(done):
            canvas.empty(axes, "no trades")
            note = "no trades"
        _trade_key(axes, note, width)
        canvas.value_axis(axes, formats.price)
        canvas.date_axis(axes, width, start / DAY_NS, end / DAY_NS)
    return figure


def around(track: Track, trade: RecordArray) -> tuple[Nanoseconds, Nanoseconds]:
    """Return the span that shows one trade with as much before and after it as it lasted, and at least twenty bars."""
    entry, leave = int(trade["entry_time"]), int(trade["exit_time"])
    room = max(leave - entry, 20 * track.timeframe.ns)
    first, last = int(track.curve.time[0]), int(track.curve.time[-1]) + track.timeframe.ns
    return max(first, entry - room), min(last, leave + room)


def save_png(figure: Figure, path: Path) -> Path:
    """Write a figure as PNG, whole or not at all, and return its path."""
    write_bytes(path, canvas.png(figure))
    return path


def _others(baselines: Mapping[str, Track] | None) -> list[tuple[str, Track, str]]:
    """Return each baseline with its title and its colour, the same in every chart."""
    items = (baselines or {}).items()
    return [(formats.label_of(name), one, OTHERS[i % len(OTHERS)]) for i, (name, one) in enumerate(items)]


def _over_time(width: int, height: int, entries: int, right: int) -> tuple[Figure, Axes]:
    """Return axes with room for labels at the right on a desk, or for a key of so many entries on top on a phone."""
    if width > NARROW:
        figure, (axes,) = canvas.sheet(width, height, canvas.Space(right=right))
    else:
        top = 10 + 19 * ((entries + 1) // 2)
        figure, (axes,) = canvas.sheet(width, height + top, canvas.Space(left=50, right=18, top=top))
    return figure, axes


def _line(axes: Axes, time: IntArray, values: FloatArray, **look: object) -> None:
    pick = series.thin(values)
    axes.plot(canvas.dates(time[pick]), values[pick], solid_joinstyle="round", **look)  # type: ignore[arg-type]


def _gain(text: str, multiple: float) -> str:
    return f"{formats.short(text, 16)} {formats.percent(multiple - 1, digits=1, signed=True)}"


def _span(track: Track) -> tuple[float, float]:
    time = track.curve.time
    return float(time[0]) / DAY_NS, float(int(time[-1]) + track.timeframe.ns) / DAY_NS


def _wants_log(values: Sequence[FloatArray]) -> bool:
    low, high = min(float(v.min()) for v in values), max(float(v.max()) for v in values)
    return low > 0 and high / low > _LOG_FROM


def _money_axis(axes: Axes, is_log: bool, values: Sequence[FloatArray]) -> None:
    low, high = min(float(v.min()) for v in values), max(float(v.max()) for v in values)
    if is_log:
        axes.set_yscale("log")
        axes.set_ylim(low / 1.12, high * 1.12)
        steps = (1, 2, 5) if high / low < 300 else (1,)
        powers = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
        ticks = [m * 10.0**p for p in powers for m in steps]
        axes.set_yticks([t for t in ticks if low / 1.12 <= t <= high * 1.12])
        axes.set_yticks([], minor=True)
        axes.yaxis.set_major_formatter(lambda value, _: canvas.compact(value))
        axes.text(0.004, 0.985, "log scale", transform=axes.transAxes, color=MUTED, fontsize=10.5, va="top")
        return
    room = max((high - low) * 0.06, abs(high) * 1e-3, 1e-9)
    axes.set_ylim(low - room, high + room)
    canvas.value_axis(axes, canvas.compact)


def _marks(axes: Axes, marks: Sequence[Mark], width: int) -> None:
    every = max(1, len(marks) // (6 if width <= NARROW else 16))
    for i, mark in enumerate(marks):
        when = mark.time / DAY_NS
        axes.axvline(when, color=FAINT, linewidth=0.7, dashes=(1, 3))
        if i % every == 0:
            foot = axes.get_xaxis_transform()
            axes.text(when, 0.012, f" {mark.text}", transform=foot, color=MUTED, fontsize=9.5, clip_on=True)


def _deepest(axes: Axes, time: IntArray, fall: FloatArray) -> None:
    at = int(fall.argmin())
    if fall[at] >= 0:
        canvas.empty(axes, "never below its start or its peak")
        return
    when = canvas.dates(time)
    axes.plot([when[at]], [fall[at]], marker="o", markersize=5, color=LOSS)
    is_late = when[at] > (when[0] + when[-1]) / 2
    text = f"{formats.percent(float(fall[at]), digits=1)} on {formats.day(int(time[at]))}"
    axes.annotate(
        text,
        (when[at], fall[at]),
        xytext=(-9 if is_late else 9, -9),
        textcoords="offset points",
        ha="right" if is_late else "left",
        va="center",
        color=LOSS,
        fontsize=11.5,
        bbox={"facecolor": canvas.CARD, "alpha": 0.8, "linewidth": 0, "pad": 1.5},
        zorder=4,
    )


def _index(track: Track, bars: Bars) -> int:
    return track.pairs.index(bars.pair) if bars.pair in track.pairs else -1


def _price(axes: Axes, bars: Bars) -> None:
    """Draw candles, or past `CANDLES` bars the close as a line inside the span from low to high, thinned."""
    room = (bars.high.max() - bars.low.min()) * 0.06
    axes.set_ylim(max(bars.low.min() - room, 0.0), bars.high.max() + room)
    if len(bars) <= CANDLES:
        _candles(axes, bars)
        return
    stretch = max(1, -(-len(bars) // (series.POINTS // 2)))
    starts = np.arange(0, len(bars), stretch)
    high, low = np.maximum.reduceat(bars.high, starts), np.minimum.reduceat(bars.low, starts)
    when = canvas.dates(bars.open_time[starts])
    axes.fill_between(when, low, high, color=FAINT, alpha=0.35, linewidth=0)
    _line(axes, bars.open_time, bars.close, color=MUTED, linewidth=0.9)


def _candles(axes: Axes, bars: Bars) -> None:
    """Draw wick and body of each bar; a falling body is filled darker, since colour here means won and lost."""
    middle = canvas.dates(bars.open_time + bars.timeframe.ns // 2)
    axes.vlines(middle, bars.low, bars.high, color=FAINT, linewidth=0.9)
    wide = bars.timeframe.ns / DAY_NS * 0.64
    for is_kind, colour in ((bars.close >= bars.open, FAINT), (bars.close < bars.open, MUTED)):
        bottom, top = np.minimum(bars.open, bars.close)[is_kind], np.maximum(bars.open, bars.close)[is_kind]
        axes.bar(middle[is_kind], np.maximum(top - bottom, top * 1e-5), width=wide, bottom=bottom, color=colour)


def _round_trips(axes: Axes, done: RecordArray, width: int) -> None:
    size = (46 if len(done) <= 60 else 26 if len(done) <= 200 else 13) * (0.6 if width <= NARROW else 1.0)
    for won, colour in ((done["net"] > 0, GAIN), (done["net"] <= 0, LOSS)):
        some = done[won]
        start = np.column_stack((canvas.dates(some["entry_time"]), some["entry_price"]))
        end = np.column_stack((canvas.dates(some["exit_time"]), some["exit_price"]))
        axes.add_collection(
            LineCollection(list(np.stack((start, end), axis=1)), colors=colour, linewidths=1.1, alpha=0.75)
        )
        for side, shape in ((1, "^"), (-1, "v")):
            those = start[some["side"] == side]
            axes.scatter(those[:, 0], those[:, 1], s=size, marker=shape, color=colour, linewidths=0, zorder=3)
        ring: dict[str, Any] = {"facecolors": canvas.CARD, "edgecolors": colour, "linewidths": 1.1}
        axes.scatter(end[:, 0], end[:, 1], s=size * 0.8, marker="o", zorder=3, **ring)


def _trade_key(axes: Axes, note: str, width: int) -> None:
    text = f"{note}   ▲ long entry  ▼ short entry  ○ exit" if width > NARROW and note != "no trades" else note
    axes.text(0.0, 1.02, text, transform=axes.transAxes, color=MUTED, fontsize=11, va="bottom")
    if note == "no trades" or width <= NARROW:
        return
    axes.text(0.95, 1.02, "— won", transform=axes.transAxes, color=GAIN, fontsize=11, va="bottom", ha="right")
    axes.text(1.0, 1.02, "— lost", transform=axes.transAxes, color=LOSS, fontsize=11, va="bottom", ha="right")
