"""Real bars in another order: blocks of days put end to end at random, what drift there was taken out.

What a real market has within a few days stays (tails, calm and wild times, the hours of the day, gaps in the data);
what a strategy could have learned over weeks does not. Not a stand-in for real history: the source says `synthetic`.
Called by the calibration of the verdict and by tests. Invariants: every bar keeps its own open, high, low and close
relative to one another and its volume; the log return of each bar to the one that came before it in the source is kept
up to one constant; the simple returns add up to zero, so that holding earns nothing; a seed gives the same bytes.

    log open(t) = log close(t-1) + gap - m       gap: from the close before to the open, as it was in the source
    m                                            solves sum over t of (exp(r(t) - m) - 1) = 0, r = log close-to-close

The drift comes off between bars, where an order fills at the open and nobody is given it inside a bar.
Source: block resampling of returns as in Politis & Romano (1994), here without replacement.
"""

from __future__ import annotations

import numpy as np

from tradecore.core.bars import Bars
from tradecore.core.errors import DataError
from tradecore.core.seeds import generator
from tradecore.core.types import DAY_NS, FloatArray, IntArray

MIN_BLOCKS = 10
"""With fewer blocks a shuffle is nearly the source itself."""


def shuffle(bars: Bars, *, seed: int, block_days: int = 5, days: int | None = None) -> Bars:
    """Return a market made of the days of real bars in a random order of blocks, without drift.

    `days` takes so many days' worth of blocks, drawn without repeats from the whole source; None takes all.
    Errors: DataError for bars of a day or longer, too few days, or a block shorter than a day.
    """
    first = int(bars.open_time[0]) // DAY_NS if len(bars) else 0
    held = bars.end_time // DAY_NS - first if len(bars) else 0  # whole days; a day begun at the end is left out
    blocks = held // block_days if block_days >= 1 else 0
    wanted = blocks if days is None else -(-days // block_days)
    if bars.timeframe.ns >= DAY_NS or not MIN_BLOCKS <= wanted <= blocks:
        raise DataError(
            f"{bars.pair} {bars.timeframe}: {held} whole days give {blocks} blocks of {block_days} days, asked for "
            f"{wanted}; expected bars shorter than a day and from {MIN_BLOCKS} blocks up to what the bars hold"
        )
    order = generator(seed, "shuffled", str(bars.pair)).permutation(blocks)[:wanted]
    edges = np.searchsorted(bars.open_time, (first + np.arange(blocks + 1) * block_days) * DAY_NS)
    rows = np.concatenate([np.arange(edges[block], edges[block + 1]) for block in order])
    place = np.repeat(np.arange(wanted), (edges[1:] - edges[:-1])[order])
    moved = (place - np.repeat(order, (edges[1:] - edges[:-1])[order])) * (block_days * DAY_NS)
    return _chained(bars, rows, bars.open_time[rows] + moved, seed, block_days)


def _chained(bars: Bars, rows: IntArray, times: IntArray, seed: int, block_days: int) -> Bars:
    """Return the rows of the source in their new order and at their new times, each joined to the one before it."""
    before = np.concatenate((bars.open[:1], bars.close[:-1]))[rows]
    returns = np.log(bars.close[rows] / before)
    close = float(bars.open[0]) * np.exp(np.cumsum(returns - _drift(returns)))
    scale = close / bars.close[rows]
    opened, high, low = (getattr(bars, name)[rows] * scale for name in ("open", "high", "low"))
    # Rounding in the product must not put the extremes inside open and close.
    high = np.maximum(high, np.maximum(opened, close))
    low = np.minimum(low, np.minimum(opened, close))
    source = f"synthetic:shuffled:blocks={block_days}d:seed={seed}:from {bars.source}"
    return Bars(bars.pair, bars.timeframe, times, opened, high, low, close, bars.volume[rows], source)


def _drift(returns: FloatArray) -> float:
    """Return the m for which the mean of exp(r - m) is one: then the simple returns add up to zero."""
    return float(np.log(np.exp(returns).mean()))
