"""One exposure lane played from change to change: the money of thousands of parameter sets, without their curves.

It is `sim.lane` under the decisions of `strategy.lanes.Lane`, and gives what a session gives, but touches a bar only
when something can happen in it. What lies between two fills is a stretch of constant cash and quantity, whose equity at
the closes follows from the prices alone: sums from prefix sums, extremes from blocks, so that the deepest drawdown on
bar closes is exact. It keeps no curve, no log and no reasons: `backtest.lane` does. Called by `backtest.lane_sweep` on
many threads at once. Invariant, held by a property test: every figure equals that of the single player.
"""

from __future__ import annotations

import math
from typing import NamedTuple, TypeAlias

import numpy as np
from numba import njit

from tradecore.core.types import FloatArray, IntArray
from tradecore.sim.codes import ALL, FRACTION
from tradecore.sim.lane import (
    NO_ORDER,
    Account,
    Fill,
    Terms,
    equity_of,
    fill_at_open,
    is_over,
    marked,
    market_order,
)

ByteArray: TypeAlias = "np.ndarray[tuple[int], np.dtype[np.uint8]]"
WordArray: TypeAlias = "np.ndarray[tuple[int], np.dtype[np.uint64]]"
SMALLEST_STEP = 1e-9
"""Changes of the wanted share below this are rounding, as in `strategy.lanes`."""
BLOCK = 16
"""Bars whose lowest and highest close are known together; `stretch` shifts by four bits instead of dividing."""
NO_SKEW = 1e-13
"""Equity in a stretch spreads so little that the cube of its share does not matter: two sums tell its mean exposure."""
ALL_IN = 1e-13
"""Cash below this share of equity makes no difference to how much of the account is in the market."""
OUTCOME = (
    "final_equity", "deepest", "equity_sum", "exposure_sum", "held_bars", "trades", "wins", "won", "lost", "fees",
    "notional", "mean", "deviation", "downside", "largest",
)  # fmt: skip
"""The numbers `play` writes, in order: quote, fractions and counts over all bars, then of the daily returns their mean,
deviation (ddof 1), mean squared loss and largest size."""


OPEN, CLOSE, VOLUME, SUM, SQUARES = range(5)
"""Columns of `Market.rows`: what one bar is asked for lies together, so that it is fetched from memory at once."""


class Market(NamedTuple):
    """The bars of one pair as the player reads them; all bars are real."""

    rows: FloatArray
    """(T + 1, 5): open, close and volume of each bar, then the sum of the closes before it and of the squares of their
    distance from the first one; the last row has the sums alone."""
    lows: FloatArray
    """(T / BLOCK, rounded up,) lowest and, below, highest close of each block; the last may be short."""
    highs: FloatArray
    day_ends: IntArray
    """(D,) the last bar of each day."""


class Rules(NamedTuple):
    """What the shell and the order's way ask besides the venue's terms."""

    cash: float
    latency: int
    """Bars an order needs beyond the next open."""
    pair_limit: float
    """Largest share of equity in the pair, and in all together."""
    total_limit: float


class Tally(NamedTuple):
    """What the bars so far have summed up to."""

    peak: float
    deepest: float
    """Deepest fall from a peak, a fraction."""
    day: int
    """Days that have ended."""
    equity_sum: float
    exposure_sum: float
    held_bars: int


class Score(NamedTuple):
    """What the fills so far have summed up to; the first three of the trade that is open."""

    spent: float
    got: float
    trip_fees: float
    trades: int
    wins: int
    won: float
    lost: float
    fees: float
    notional: float


def market_of(opens: FloatArray, closes: FloatArray, volumes: FloatArray, day_ends: IntArray) -> Market:
    """Prepare the bars of a pair, once for all candidates. Shape: opens, closes, volumes (T,), day_ends (D,)."""
    rows = np.zeros((len(closes) + 1, 5))
    for column, values in ((OPEN, opens), (CLOSE, closes), (VOLUME, volumes)):
        rows[:-1, column] = values
    rows[1:, SUM] = np.cumsum(closes)
    rows[1:, SQUARES] = np.cumsum((closes - closes[0]) ** 2)
    borders = np.arange(0, len(closes), BLOCK)
    blocks = np.minimum.reduceat(closes, borders), np.maximum.reduceat(closes, borders)
    return Market(*(_sealed(one) for one in (rows, *blocks, day_ends)))


@njit(cache=True, nogil=True)
def changes_of(share: FloatArray, flags: ByteArray, words: WordArray, first: int, at: IntArray) -> int:
    """Find the bars, from `first` on, whose wanted share is not that of the bar before; before `first` it is 0.

    Returns how many there are, or -1 - t for the first bar t whose value is no share in [0, 1].
    Shape: `share` (T,); `flags` (a multiple of 8,) says of bar first + 1 + i whether its share differs, zeros behind;
    `words` are the flags, eight at a time: most of them are zero. `at` (T,) is filled.
    """
    count = 0
    if first < len(share) and share[first] != 0.0:
        at[0], count = first, 1
    for word in range(len(words)):
        if words[word] == 0:
            continue
        for i in range(8 * word, 8 * word + 8):
            if flags[i] != 0:
                at[count] = first + 1 + i
                count += 1
    for i in range(count):
        if not 0.0 <= share[at[i]] <= 1.0:
            return -1 - at[i]
    return count


@njit(cache=True, nogil=True)
def play(
    market: Market, terms: Terms, rules: Rules, share: FloatArray, at: IntArray, count: int, out: FloatArray,
    daily: FloatArray,
) -> None:  # fmt: skip
    """Play the wanted shares of one candidate, whose `count` changes are at the bars `at`, and write its outcome.

    Shape: `out` (len(OUTCOME),), `daily` (D,) returns of each day.
    """
    # Out of their tuple once: each time an array is taken from one, its references are counted.
    rows, lows, highs, day_ends = market.rows, market.lows, market.highs, market.day_ends
    end, place, t, since = len(rows) - 1, 0, -1, 0
    account = Account(rules.cash, 0.0, 0.0, 0.0, 0.0, rules.cash, 0.0)
    order, active, asked, wanted = NO_ORDER, 0, 0.0, 0.0
    tally = Tally(rules.cash, 0.0, 0, 0.0, 0.0, 0)
    score = Score(0.0, 0.0, 0.0, 0, 0, 0.0, 0.0, 0.0, 0.0)
    while True:
        # Awake while an order is on its way or the same wish would be uttered again; else until the wish changes.
        is_awake = order.side != 0 or (wanted > SMALLEST_STEP) != (account.quantity != 0.0)
        t = t + 1 if is_awake else (at[place] if place < count else end)
        if t >= end:
            break
        if order.side != 0 and t >= active:
            after, order_after, fill = fill_at_open(
                terms, marked(account, rows[t - 1, CLOSE]), order, rows[t, OPEN], rows[t, VOLUME]
            )
            if fill.quantity != 0.0:
                tally = stretch(rows, lows, highs, day_ends, daily, account, since, t, tally)
                score = scored(score, order.side, fill, after.quantity == 0.0)
                since = t
            account, order = after, (NO_ORDER if is_over(order_after) else order_after)
        if place < count and at[place] == t:
            wanted = share[t]
            place += 1
        side, amount, asked = wish(account, wanted, asked)
        if side in (0, order.side):  # nothing to do, or it is on its way already
            continue
        is_close = side < 0 and amount == 0.0
        if side > 0:
            amount = permitted(marked(account, rows[t, CLOSE]), rules, amount)
        if is_close or amount > 0.0:
            order, active = market_order(side, ALL if is_close else FRACTION, amount), t + 1 + rules.latency
    tally = stretch(rows, lows, highs, day_ends, daily, account, since, end, tally)
    write(tally, score, account.cash + account.quantity * rows[end - 1, CLOSE], out)
    day_figures(daily, rules.cash, out)


@njit(cache=True)
def wish(account: Account, wanted: float, asked: float) -> tuple[int, float, float]:
    """Return (side, fraction, asked): what `strategy.lanes.Lane` decides; a side of -1 with 0 closes, 0 holds."""
    if account.quantity == 0.0:
        return (1, wanted, wanted) if wanted > SMALLEST_STEP else (0, 0.0, wanted)
    change = wanted - asked
    if wanted <= SMALLEST_STEP:
        return -1, 0.0, wanted
    if asked <= SMALLEST_STEP or abs(change) <= SMALLEST_STEP:
        return 0, 0.0, wanted
    return (1, change, wanted) if change > 0.0 else (-1, -change, wanted)


@njit(cache=True)
def permitted(account: Account, rules: Rules, fraction: float) -> float:
    """Return the share of equity that the exposure limits let a buy have; 0 blocks it."""
    held = account.quantity * account.mark / equity_of(account)
    left = rules.pair_limit - held
    if left <= 0.0:
        return 0.0
    fraction = min(fraction, left)
    left = rules.total_limit - held
    return min(fraction, left) if left > 0.0 else 0.0


@njit(cache=True)
def scored(score: Score, side: int, fill: Fill, is_flat: bool) -> Score:
    """Count a fill; a sale that leaves nothing makes a trade."""
    spent, got, trip_fees, trades, wins, won, lost, fees, notional = score
    value = fill.quantity * fill.price
    fees, notional, trip_fees = fees + fill.fee, notional + value, trip_fees + fill.fee
    if side > 0:
        spent += value
    else:
        got += value
        if is_flat:
            net = (got - spent) - trip_fees
            trades += 1
            wins += 1 if net > 0.0 else 0
            won, lost = won + max(net, 0.0), lost + max(-net, 0.0)
            spent = got = trip_fees = 0.0
    return Score(spent, got, trip_fees, trades, wins, won, lost, fees, notional)


@njit(cache=True, inline="always")  # a call would hand over 35 words for five arrays
def stretch(
    rows: FloatArray, lows: FloatArray, highs: FloatArray, day_ends: IntArray, daily: FloatArray, account: Account,
    start: int, end: int, tally: Tally,
) -> Tally:  # fmt: skip
    """Count the bars start..end-1, in which cash and quantity stood still; write each day's last equity."""
    peak, deepest, day, equity_sum, exposure_sum, held_bars = tally
    cash, quantity, count = account.cash, account.quantity, end - start
    while day < len(day_ends) and day_ends[day] < end:
        daily[day] = cash + quantity * rows[day_ends[day], CLOSE]
        day += 1
    if quantity == 0.0:
        if cash < peak * (1.0 - deepest) and count > 0:
            deepest = 1.0 - cash / peak
        peak = max(peak, cash)
        equity_sum += cash * count
    elif count > 0:
        low, high = lows[start >> 4], highs[start >> 4]
        for block in range((start >> 4) + 1, ((end - 1) >> 4) + 1):
            low, high = min(low, lows[block]), max(high, highs[block])
        if cash + quantity * high > peak or cash + quantity * low < peak * (1.0 - deepest):
            peak, deepest = fallen(rows, lows, highs, cash, quantity, start, end, peak, deepest)
        closes = rows[end, SUM] - rows[start, SUM]
        equity_sum += cash * count + quantity * closes
        exposure_sum += count
        if cash > ALL_IN * peak:
            exposure_sum -= cash * inverse_sum(rows, cash, quantity, start, end, low, high)
        held_bars += count
    return Tally(peak, deepest, day, equity_sum, exposure_sum, held_bars)


@njit(cache=True)
def fallen(
    rows: FloatArray, lows: FloatArray, highs: FloatArray, cash: float, quantity: float, start: int, end: int,
    peak: float, deepest: float,
) -> tuple[float, float]:  # fmt: skip
    """Return (peak, deepest drawdown) after the bars start..end-1."""
    low, high = extremes(rows, lows, highs, start, end)
    bottom, top = cash + quantity * low, cash + quantity * high
    if top <= peak:
        return peak, max(deepest, 1.0 - bottom / peak)
    if bottom >= top * (1.0 - deepest):
        return top, deepest
    for t in range(start, end):
        equity = cash + quantity * rows[t, CLOSE]
        if equity > peak:
            peak = equity
        elif equity < peak * (1.0 - deepest):
            deepest = 1.0 - equity / peak
    return peak, deepest


@njit(cache=True)
def extremes(rows: FloatArray, lows: FloatArray, highs: FloatArray, start: int, end: int) -> tuple[float, float]:
    """Return the lowest and highest close of the bars start..end-1."""
    low = high = rows[start, CLOSE]
    first, last = (start + BLOCK - 1) // BLOCK, end // BLOCK
    if first >= last:
        first = last = end // BLOCK + 1  # no whole block
    for t in range(start, min(first * BLOCK, end)):
        low, high = min(low, rows[t, CLOSE]), max(high, rows[t, CLOSE])
    for block in range(first, last):
        low, high = min(low, lows[block]), max(high, highs[block])
    for t in range(last * BLOCK, end):
        low, high = min(low, rows[t, CLOSE]), max(high, rows[t, CLOSE])
    return low, high


@njit(cache=True)
def inverse_sum(rows: FloatArray, cash: float, quantity: float, start: int, end: int, low: float, high: float) -> float:
    """Return the sum of one over equity over the bars start..end-1, whose closes lie in low..high.

    Where they lie close together the first terms of its series are enough, and those follow from two sums.
    """
    count = end - start
    mean = (rows[end, SUM] - rows[start, SUM]) / count
    equity = cash + quantity * mean
    weight = quantity / equity
    spread = weight * max(high - mean, mean - low)
    if spread * spread * spread < NO_SKEW:
        moved = mean - rows[0, CLOSE]
        squares = rows[end, SQUARES] - rows[start, SQUARES] - count * moved * moved
        return (count + weight * weight * squares) / equity
    a = b = c = d = 0.0
    t = start
    while t + 4 <= end:  # four sums at a time keep the divider busy
        a += 1.0 / (cash + quantity * rows[t, CLOSE])
        b += 1.0 / (cash + quantity * rows[t + 1, CLOSE])
        c += 1.0 / (cash + quantity * rows[t + 2, CLOSE])
        d += 1.0 / (cash + quantity * rows[t + 3, CLOSE])
        t += 4
    while t < end:
        a += 1.0 / (cash + quantity * rows[t, CLOSE])
        t += 1
    return (a + b) + (c + d)


@njit(cache=True)
def write(tally: Tally, score: Score, equity: float, out: FloatArray) -> None:
    """Write what was counted, in the order of `OUTCOME`."""
    out[0] = equity
    _, out[1], _, out[2], out[3], out[4] = tally
    _, _, _, out[5], out[6], out[7], out[8], out[9], out[10] = score


@njit(cache=True)
def day_figures(daily: FloatArray, cash: float, out: FloatArray) -> None:
    """Turn the equity at the end of each day into returns, in place, and write what they say."""
    before, total, squares, largest = cash, 0.0, 0.0, 0.0
    for d in range(len(daily)):
        equity = daily[d]
        value = equity / before - 1.0 if before > 0.0 else 0.0
        daily[d], before = value, equity
        total += value
        squares += min(value, 0.0) ** 2
        largest = max(largest, abs(value))
    count = len(daily)
    mean, spread = total / count, 0.0
    for d in range(count):
        spread += (daily[d] - mean) ** 2
    out[11], out[12] = mean, math.sqrt(spread / (count - 1)) if count > 1 else 0.0
    out[13], out[14] = squares / count, largest


def _sealed(array: np.ndarray) -> np.ndarray:
    """Return a read-only view: kernels are compiled once, for those."""
    view = np.ascontiguousarray(array).view()
    view.flags.writeable = False
    return view
