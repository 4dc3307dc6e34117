"""Trades drawn on the price they were made at: the whole run, or a close-up of one trade. Pure functions to figures.

Colour means won or lost, nothing else; the shape of a marker tells entry from exit and long from short. Invariant: the
chart never pretends to show all trades when it shows some, and never stands empty.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tradecore.core.bars import Bars
from tradecore.core.track import Track
from tradecore.core.types import DAY_NS, FloatArray, Nanoseconds, RecordArray
from tradecore.reports import axis, canvas, charts, formats, series
from tradecore.reports.canvas import CARD, FAINT, GAIN, LOSS, MUTED, WIDE, Paper

MARKED_TRADES = 400
"""Trades drawn on one chart at most: those with the largest result."""
CANDLES = 400
"""Bars drawn as candles at most; more are drawn as a line."""


def trades(
    track: Track,
    bars: Bars,
    *,
    span: tuple[Nanoseconds, Nanoseconds] | None = None,
    limit: int = MARKED_TRADES,
    paper: Paper = WIDE,
) -> Figure:
    """Draw the price with every round trip of its pair on it: entry, exit, and a line in the colour of the result.

    `span` cuts a close-up out of the track's time. Past `limit` trades only those with the largest result are drawn,
    and the chart says so.
    """
    start, end = span or charts.span(track)
    shown = bars.between(start, end)
    done = track.trades[track.trades["pair"] == _index(track, bars)]
    done = done[(done["exit_time"] >= start) & (done["entry_time"] < end)]
    drawn = series.biggest(done, limit)
    with canvas.style():
        height = 290 if paper.is_narrow else 400
        figure, (axes,) = canvas.sheet(paper.width, height, canvas.Space(left=64, top=28))
        axis.date_axis(axes, paper, start, end)
        if not len(shown):
            axis.empty(axes, f"no bars of {bars.pair} in this span")
            return figure
        _price(axes, shown, paper)
        _round_trips(axes, drawn, paper)
        if not len(done):
            axis.empty(axes, "no trades")
        note = _note(len(done), len(drawn)) if span is None else f"{formats.moment(start)} to {formats.moment(end)}"
        _key(axes, note, paper, has_trades=bool(len(done)))
    return figure


def around(track: Track, trade: np.void) -> tuple[Nanoseconds, Nanoseconds]:
    """Return the span that shows one trade with half its length before and after it, and twenty bars at the least."""
    entry, leave = int(trade["entry_time"]), int(trade["exit_time"])
    room = max((leave - entry) // 2, 20 * track.timeframe.ns)
    first, last = charts.span(track)
    return max(first, entry - room), min(last, leave + room)


def _index(track: Track, bars: Bars) -> int:
    return track.pairs.index(bars.pair) if bars.pair in track.pairs else -1


def _note(done: int, drawn: int) -> str:
    if drawn < done:
        return f"{drawn:,} of {done:,} trades drawn: those with the largest result"
    return f"{done:,} trades" if done else ""


def _price(axes: Axes, bars: Bars, paper: Paper) -> None:
    """Draw candles, or past `CANDLES` bars the close as a line inside the span from low to high, thinned."""
    low, high = float(bars.low.min()), float(bars.high.max())
    axis.amount_axis(axes, low, high, formats.price, is_log=axis.wants_log(low, high))
    if len(bars) <= CANDLES * (0.4 if paper.is_narrow else 1.0):
        _candles(axes, bars)
        return
    stretch = -(-len(bars) // (paper.points // 2))
    starts = np.arange(0, len(bars), stretch)
    when = axis.dates(bars.open_time[starts])
    lowest, highest = np.minimum.reduceat(bars.low, starts), np.maximum.reduceat(bars.high, starts)
    axes.fill_between(when, lowest, highest, color=FAINT, alpha=0.35, linewidth=0)
    pick = series.thin(bars.close, paper.points)
    axes.plot(axis.dates(bars.open_time[pick]), bars.close[pick], color=MUTED, linewidth=0.8)


def _candles(axes: Axes, bars: Bars) -> None:
    """Draw wick and body of each bar; a falling body is filled, in any theme: colour here means won and lost."""
    middle = axis.dates(bars.open_time + bars.timeframe.ns // 2)
    wicks = (np.column_stack((middle, part)) for part in (bars.low, bars.high))
    axis.strokes(axes, *wicks, color=MUTED, linewidth=0.9, solid_capstyle="butt", zorder=0.9)
    wide = bars.timeframe.ns / DAY_NS * 0.64
    for is_kind, fill in ((bars.close >= bars.open, CARD), (bars.close < bars.open, MUTED)):
        bottom, top = np.minimum(bars.open, bars.close)[is_kind], np.maximum(bars.open, bars.close)[is_kind]
        body: dict[str, Any] = {"facecolor": fill, "edgecolor": MUTED, "linewidth": 0.9}
        axis.columns(axes, middle[is_kind], wide, bottom, np.maximum(top, bottom + top * 1e-5), **body)


def _round_trips(axes: Axes, done: RecordArray, paper: Paper) -> None:
    size = (56 if len(done) <= 20 else 40 if len(done) <= 60 else 24 if len(done) <= 200 else 12) * (
        0.55 if paper.is_narrow else 1.0
    )
    for won, colour in ((done["net"] > 0, GAIN), (done["net"] <= 0, LOSS)):
        some = done[won]
        start = np.column_stack((axis.dates(some["entry_time"]), some["entry_price"]))
        end = np.column_stack((axis.dates(some["exit_time"]), some["exit_price"]))
        axis.strokes(axes, start, end, color=colour, linewidth=1.2, alpha=0.8, solid_capstyle="butt", zorder=1.5)
        for side, shape in ((1, "^"), (-1, "v")):
            those = start[some["side"] == side]
            _markers(axes, those, size, marker=shape, color=colour, markeredgewidth=0)
        _markers(axes, end, size * 0.8, marker="o", markerfacecolor=CARD, markeredgecolor=colour, markeredgewidth=1.2)


def _markers(axes: Axes, places: FloatArray, area: float, **look: Any) -> None:
    """Draw a marker of so many square points at each (x, y)."""
    axes.plot(places[:, 0], places[:, 1], linestyle="none", markersize=area**0.5, zorder=3, **look)


def _key(axes: Axes, note: str, paper: Paper, *, has_trades: bool) -> None:
    if paper.is_narrow or not has_trades:
        axis.caption(axes, note)
        return
    axis.caption(axes, f"{note} · ▲ long entry · ▼ short entry · ○ exit")
    for place, text, colour in ((0.945, "— won", GAIN), (1.0, "— lost", LOSS)):
        axes.text(place, 1.02, text, transform=axes.transAxes, color=colour, fontsize=11, va="bottom", ha="right")
