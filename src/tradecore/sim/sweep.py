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

from tradecore.core.types import FloatArray, IntArray
from tradecore.sim.codes import ALL, FRACTION
from tradecore.sim.compiled import free, inner
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
NO_SKEW = 1e-11
"""Equity in a stretch spreads so little that the cube of its share does not matter: two sums tell its mean exposure."""
ROUNDING = 1e-16
"""What a prefix sum loses, as a share of itself."""
AHEAD = 32
"""Changes whose bars are fetched from memory together, before they are played: one by one each would be waited for."""
PENDING = 64
"""Stretches in which the deepest drawdown may lie that are looked at together: most of them a later one outdoes."""
ALL_IN = 1e-13
"""Cash below this share of equity makes no difference to how much of the account is in the market."""
OUTCOME = (
    "final_equity", "deepest", "equity_sum", "exposure_sum", "held_bars", "trades", "wins", "won", "lost", "fees",
    "notional", "mean", "deviation", "downside", "largest",
)  # fmt: skip
"""The numbers `play` writes, in order: quote, fractions and counts over all bars, then of the daily returns their mean,
deviation (ddof 1), mean squared loss and largest size."""


OPEN, VOLUME, BEFORE, SUM, SQUARES = range(5)
"""Columns of `Market.rows`: what a fill asks for lies in one line of the cache, so that it is fetched at once."""
LINE = 8
"""Numbers in a line of the cache."""


class Market(NamedTuple):
    """The bars of one pair as the player reads them; all bars are real."""

    rows: FloatArray
    """(T + 1, LINE): open and volume of each bar, the close before it, and the sum of all closes before it and of the
    squares of their distance from the first one; the last row has no bar."""
    closes: FloatArray
    """(T,)."""
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
    pending: int
    """Stretches that wait to be looked at: the deepest fall may lie in one of them."""


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
    rows = _lines(len(closes) + 1)
    rows[:-1, OPEN], rows[:-1, VOLUME], rows[1:, BEFORE] = opens, volumes, closes
    rows[1:, SUM] = np.cumsum(closes)
    rows[1:, SQUARES] = np.cumsum((closes - closes[0]) ** 2)
    borders = np.arange(0, len(closes), BLOCK)
    blocks = np.minimum.reduceat(closes, borders), np.maximum.reduceat(closes, borders)
    return Market(*(_sealed(one) for one in (rows, closes, *blocks, day_ends)))


@free
def places_of(flags: ByteArray, words: WordArray, first: int, at: IntArray, count: int) -> int:
    """Write the bars first + 1 + i whose flag i is set behind the `count` that `at` has; return how many there are.

    Shape: `flags` (a multiple of 8,), zeros at the end; `words` are the same, eight at a time: most of them are zero.
    """
    for word in range(len(words)):
        if words[word] == 0:
            continue
        for i in range(8 * word, 8 * word + 8):
            if flags[i] != 0:
                at[count] = first + 1 + i
                count += 1
    return count


@free
def play(
    market: Market, terms: Terms, rules: Rules, at: IntArray, share: FloatArray, pending: FloatArray, out: FloatArray,
    daily: FloatArray,
) -> None:  # fmt: skip
    """Play the wanted shares of one candidate, which changes at the bars `at` to `share`, and write its outcome.

    Shape: `at`, `share` (K,), `pending` (PENDING, 6) to work in, `out` (len(OUTCOME),), `daily` (D,) returns of each
    day.
    """
    # Out of their tuple once: each time an array is taken from one, its references are counted.
    rows, closes, lows, highs, day_ends = market.rows, market.closes, market.lows, market.highs, market.day_ends
    end, count, place, t, since, fetched = len(rows) - 1, len(at), 0, -1, 0, 0
    account = Account(rules.cash, 0.0, 0.0, 0.0, 0.0, rules.cash, 0.0)
    order, active, asked, wanted = NO_ORDER, 0, 0.0, 0.0
    tally = Tally(rules.cash, 0.0, 0, 0.0, 0.0, 0, 0)
    score = Score(0.0, 0.0, 0.0, 0, 0, 0.0, 0.0, 0.0, 0.0)
    while True:
        # Awake while an order is on its way or the same wish would be uttered again; else until the wish changes.
        is_awake = order.side != 0 or (wanted > SMALLEST_STEP) != (account.quantity != 0.0)
        t = t + 1 if is_awake else (at[place] if place < count else end)
        if t >= end:
            break
        if place == fetched and place < count:
            fetched = min(place + AHEAD, count)
            out[0] = touched(rows, at, place, fetched)
        if order.side != 0 and t >= active:
            after, order_after, fill = fill_at_open(
                terms, marked(account, rows[t, BEFORE]), order, rows[t, OPEN], rows[t, VOLUME]
            )
            if fill.quantity != 0.0:
                tally = stretch(rows, closes, lows, highs, day_ends, daily, pending, account, since, t, tally)
                score = scored(score, order.side, fill, after.quantity == 0.0)
                since = t
            account, order = after, (NO_ORDER if is_over(order_after) else order_after)
        if place < count and at[place] == t:
            wanted = share[place]
            place += 1
        side, amount, asked = wish(account, wanted, asked)
        if side in (0, order.side):  # nothing to do, or it is on its way already
            continue
        is_close = side < 0 and amount == 0.0
        if side > 0:
            amount = permitted(marked(account, rows[t + 1, BEFORE]), rules, amount)
        if is_close or amount > 0.0:
            order, active = market_order(side, ALL if is_close else FRACTION, amount), t + 1 + rules.latency
    tally = stretch(rows, closes, lows, highs, day_ends, daily, pending, account, since, end, tally)
    deepest = settled(closes, lows, pending, tally.pending, tally.deepest)
    write(tally, deepest, score, account.cash + account.quantity * closes[end - 1], out)
    day_figures(daily, rules.cash, out)


@inner
def touched(rows: FloatArray, at: IntArray, start: int, stop: int) -> float:
    """Fetch the bars after some changes from memory, all at once. Returns nothing of use, or it would be left out."""
    total = 0.0
    for i in range(start, stop):
        total += rows[at[i] + 1, OPEN]
    return total


@inner
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


@inner
def permitted(account: Account, rules: Rules, fraction: float) -> float:
    """Return the share of equity that the exposure limits let a buy have; 0 blocks it."""
    held = account.quantity * account.mark / equity_of(account) if account.quantity != 0.0 else 0.0
    left = rules.pair_limit - held
    if left <= 0.0:
        return 0.0
    fraction = min(fraction, left)
    left = rules.total_limit - held
    return min(fraction, left) if left > 0.0 else 0.0


@inner
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


@inner
def stretch(
    rows: FloatArray, closes: FloatArray, lows: FloatArray, highs: FloatArray, day_ends: IntArray, daily: FloatArray,
    pending: FloatArray, account: Account, start: int, end: int, tally: Tally,
) -> Tally:  # fmt: skip
    """Count the bars start..end-1, in which cash and quantity stood still; write each day's last equity."""
    peak, deepest, day, equity_sum, exposure_sum, held_bars, waiting = tally
    cash, quantity, count = account.cash, account.quantity, end - start
    while day < len(day_ends) and day_ends[day] < end:
        daily[day] = cash + quantity * closes[day_ends[day]]
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
        if cash + quantity * high > peak:
            peak, deepest = fallen(closes, lows, highs, cash, quantity, start, end, peak, deepest)
        elif cash + quantity * low < peak * (1.0 - deepest):
            last = cash + quantity * rows[end, BEFORE]
            if last < peak * (1.0 - deepest):
                deepest = 1.0 - last / peak
            if cash + quantity * low < peak * (1.0 - deepest):
                if waiting == PENDING:
                    deepest, waiting = settled(closes, lows, pending, waiting, deepest), 0
                row = pending[waiting]
                row[0], row[1], row[2], row[3], row[4], row[5] = start, end, cash, quantity, low, peak
                waiting += 1
        total = rows[end, SUM] - rows[start, SUM]
        equity_sum += cash * count + quantity * total
        exposure_sum += count
        if cash > ALL_IN * peak:
            exposure_sum -= cash * inverse_sum(rows, closes, cash, quantity, start, end, low, high)
        held_bars += count
    return Tally(peak, deepest, day, equity_sum, exposure_sum, held_bars, waiting)


@inner
def settled(closes: FloatArray, lows: FloatArray, pending: FloatArray, count: int, deepest: float) -> float:
    """Return the deepest drawdown, those stretches counted in which it may lie, the newest first."""
    for i in range(count - 1, -1, -1):
        start, end, cash, quantity, low, peak = pending[i]
        if cash + quantity * low < peak * (1.0 - deepest):
            low = lowest(closes, lows, int(start), int(end))
            deepest = max(deepest, 1.0 - (cash + quantity * low) / peak)
    return deepest


@inner
def lowest(closes: FloatArray, lows: FloatArray, start: int, end: int) -> float:
    """Return the lowest close of the bars start..end-1."""
    low = closes[start]
    first, last = (start + BLOCK - 1) // BLOCK, end // BLOCK
    if first >= last:
        first = last = end // BLOCK + 1  # no whole block
    for t in range(start, min(first * BLOCK, end)):
        low = min(low, closes[t])
    for block in range(first, last):
        low = min(low, lows[block])
    for t in range(last * BLOCK, end):
        low = min(low, closes[t])
    return low


@inner
def fallen(
    closes: FloatArray, lows: FloatArray, highs: FloatArray, cash: float, quantity: float, start: int, end: int,
    peak: float, deepest: float,
) -> tuple[float, float]:  # fmt: skip
    """Return (peak, deepest drawdown) after the bars start..end-1."""
    low, high = extremes(closes, lows, highs, start, end)
    bottom, top = cash + quantity * low, cash + quantity * high
    if top <= peak:
        return peak, max(deepest, 1.0 - bottom / peak)
    if bottom >= top * (1.0 - deepest):
        return top, deepest
    for t in range(start, end):
        equity = cash + quantity * closes[t]
        if equity > peak:
            peak = equity
        elif equity < peak * (1.0 - deepest):
            deepest = 1.0 - equity / peak
    return peak, deepest


@inner
def extremes(closes: FloatArray, lows: FloatArray, highs: FloatArray, start: int, end: int) -> tuple[float, float]:
    """Return the lowest and highest close of the bars start..end-1."""
    low = high = closes[start]
    first, last = (start + BLOCK - 1) // BLOCK, end // BLOCK
    if first >= last:
        first = last = end // BLOCK + 1  # no whole block
    for t in range(start, min(first * BLOCK, end)):
        low, high = min(low, closes[t]), max(high, closes[t])
    for block in range(first, last):
        low, high = min(low, lows[block]), max(high, highs[block])
    for t in range(last * BLOCK, end):
        low, high = min(low, closes[t]), max(high, closes[t])
    return low, high


@inner
def inverse_sum(
    rows: FloatArray, closes: FloatArray, cash: float, quantity: float, start: int, end: int, low: float, high: float
) -> float:
    """Return the sum of one over equity over the bars start..end-1, whose closes lie in low..high.

    Where they lie close together the first terms of its series are enough, and those follow from two sums; unless the
    sums are so large, after a market that fell by far, that their difference is rounding.
    """
    count = end - start
    mean = (rows[end, SUM] - rows[start, SUM]) / count
    equity = cash + quantity * mean
    weight = quantity / equity
    spread = weight * max(high - mean, mean - low)
    lost = ROUNDING * weight * (rows[end, SUM] + weight * rows[end, SQUARES])
    if spread * spread * spread < NO_SKEW and lost < NO_SKEW * count:
        moved = mean - closes[0]
        squares = rows[end, SQUARES] - rows[start, SQUARES] - count * moved * moved
        return (count + weight * weight * squares) / equity
    a = b = c = d = 0.0
    t = start
    while t + 4 <= end:  # four sums at a time keep the divider busy
        a += 1.0 / (cash + quantity * closes[t])
        b += 1.0 / (cash + quantity * closes[t + 1])
        c += 1.0 / (cash + quantity * closes[t + 2])
        d += 1.0 / (cash + quantity * closes[t + 3])
        t += 4
    while t < end:
        a += 1.0 / (cash + quantity * closes[t])
        t += 1
    return (a + b) + (c + d)


@inner
def write(tally: Tally, deepest: float, score: Score, equity: float, out: FloatArray) -> None:
    """Write what was counted, in the order of `OUTCOME`."""
    out[0], out[1] = equity, deepest
    _, _, _, out[2], out[3], out[4], _ = tally
    _, _, _, out[5], out[6], out[7], out[8], out[9], out[10] = score


@inner
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


def _lines(count: int) -> FloatArray:
    """Return zeros, (count, LINE), each row in one line of the cache."""
    room = np.zeros((count + 1) * LINE)
    first = -(room.ctypes.data // 8) % LINE
    return room[first : first + count * LINE].reshape(count, LINE)


def _sealed(array: np.ndarray) -> np.ndarray:
    """Return a read-only view: kernels are compiled once, for those."""
    view = np.ascontiguousarray(array).view()
    view.flags.writeable = False
    return view
