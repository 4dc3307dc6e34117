"""One compiled pass over the curve, one over the trades, one over the fills: everything the metrics need from them.

A minute curve of two years is 44 MB; reading it once costs what one metric costs, reading it once per metric costs
twenty times that. No figure is named here and nothing is annualised: that is the metrics' work. Called by
`stats.sample` alone, which loads this module (and numba) when it is first asked to measure.

Wealth is what one unit became, cash flows removed. Between two flows it is equity times a constant, so it is computed
as that: no product of a million factors, no rounding that grows. It stands still while there is nothing to earn on
(equity before the bar plus flow <= 0). Invariant: sums are taken in blocks, so that a million terms lose no digits.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from tradecore.core.types import BoolArray, FloatArray, IntArray

DEPTH_BINS = 2048
"""Bins of the histogram of depths."""
_FINEST = 1003
"""The exponent at which depths begin to be told apart: 2^(1003 - 1023), one part in a million."""
_ROWS = 1024
"""Trades or fills that are summed by themselves before they are added to the whole."""


class WealthSums(NamedTuple):
    """What one pass over wealth finds. Depths are falls from its running peak, fractions >= 0."""

    wealth: float
    depth: float
    """The fall at the last bar."""
    deepest: float
    least_in_bar: float
    """The smallest of (wealth at a bar's worst prices) / (peak before that bar)."""
    sum_depth: float
    sum_square_depth: float
    below: int
    """Bars that closed under an earlier peak."""
    longest: int
    """Nanoseconds from the bar that fell below a peak to the bar that was back, or to the end."""


class AmountSums(NamedTuple):
    """What one pass over the amounts of a curve finds."""

    equity: float
    flow: float
    exposure: float
    max_exposure: float
    held: int
    """Bars that closed with a position."""
    carried: int


class TradeSums(NamedTuple):
    """What one pass over the closed trades finds; money in quote, `returns` a sum of fractions."""

    longs: int
    shorts: int
    wins: int
    losses: int
    won: float
    lost: float
    """Sum of the losing results, <= 0."""
    largest: float
    smallest: float
    winning_streak: int
    losing_streak: int
    returns: float
    hours: float
    best: float
    worst: float


class FillSums(NamedTuple):
    """What one pass over the fills finds."""

    fees: float
    notional: float
    makers: int


@njit(inline="always", error_model="numpy")
def _next_wealth(
    wealth: float, scale: float, is_free: bool, before: float, flow: float, equity: float
) -> tuple[float, float, bool]:
    """Return wealth after a bar, wealth per unit of equity, and whether that scale still holds at the next bar."""
    base = before + flow
    if flow != 0.0 or not is_free:
        if not base > 0.0:
            return wealth, scale, False
        scale = wealth / base
    if equity == base:  # nothing earned: not even the rounding of the scale, which would count as a drawdown
        return wealth, scale, equity > 0.0
    return equity * scale, scale, equity > 0.0


@njit(inline="always", error_model="numpy")
def _depth_bin(depth: float) -> int:
    """Return the bin of a depth: 64 to each halving, down to a millionth; depths of 1 and more share the last."""
    place = int(np.float64(depth).view(np.int64) >> 46) - (_FINEST << 6)
    return min(max(place, 0), DEPTH_BINS - 1)


@njit(inline="always", error_model="numpy")
def _inside(worst: float, scale: float, is_free: bool, equity: float, wealth: float) -> float:
    """Return wealth at the worst prices of a bar."""
    if is_free:
        return worst * scale
    return worst / equity * wealth if equity > 0.0 else wealth


@njit(cache=True, nogil=True, error_model="numpy")
def is_rising(time: IntArray) -> bool:
    """Tell whether every time is later than the one before it."""
    wrong = 0
    for bar in range(1, len(time)):
        wrong += time[bar] <= time[bar - 1]
    return wrong == 0


@njit(cache=True, nogil=True, error_model="numpy")
def scan_wealth(
    time: IntArray,
    equity: FloatArray,
    flow: FloatArray,
    worst: FloatArray,
    start_equity: float,
    bar_ns: int,
    borders: IntArray,
    states: FloatArray,
    depths: IntArray,
) -> WealthSums:
    """Walk over wealth once, period by period; write the state before each and a histogram of depths.

    Shape:  curve arrays (T,); `borders` (P + 1,) the first bar of each period, then T; `states` (P + 1, 7): before each
            period wealth, scale, whether it holds, equity and peak, then the shallowest and deepest depth inside it;
            `depths` (4, bins) of zeros: histograms to be added, so that equal bins in a row need not wait.
    """
    wealth, scale, is_free, before = 1.0, 1.0, False, start_equity
    peak, depth, deepest, least = 1.0, 0.0, 0.0, 1.0
    sum_depth = sum_square = 0.0
    below = longest = since = 0
    was_below = False
    for period in range(len(borders) - 1):
        first, stop = borders[period], borders[period + 1]
        state, inverse, part_depth, part_square = states[period], 1.0 / peak, 0.0, 0.0
        state[0], state[1], state[2], state[3], state[4] = wealth, scale, is_free, before, peak
        low, high = _extremes(equity[first:stop])
        shallow, deep = 1.0 - high * scale * inverse, 1.0 - low * scale * inverse
        is_plain = is_free and scale > 0.0 and low > 0.0 and _count(flow[first:stop]) == 0
        if is_plain and was_below and high * scale < peak:
            part_depth, part_square = _fall(equity[first:stop], scale, inverse, depths)
            least = min(least, _extremes(worst[first:stop])[0] * scale * inverse)
            below += stop - first
            before, wealth = equity[stop - 1], wealth if low == high == before else equity[stop - 1] * scale
            depth = 1.0 - wealth * inverse
            first = stop
        else:
            shallow, deep = 2.0, 0.0
        for bar in range(first, stop):
            wealth, scale, is_free = _next_wealth(wealth, scale, is_free, before, flow[bar], equity[bar])
            before = equity[bar]
            least = min(least, _inside(worst[bar], scale, is_free, before, wealth) * inverse)
            depth = 1.0 - wealth * inverse if wealth < peak else 0.0
            if wealth < peak:
                part_depth, part_square, below = part_depth + depth, part_square + depth * depth, below + 1
                shallow, deep = min(shallow, depth), max(deep, depth)
                depths[bar & 3, _depth_bin(depth)] += 1
                since = since if was_below else time[bar]
                was_below = True
            elif wealth > peak:
                peak, inverse = wealth, 1.0 / wealth
            if was_below and depth == 0.0:
                was_below, longest = False, max(longest, time[bar] - since)
        state[5], state[6], deepest = shallow, deep, max(deepest, deep)
        sum_depth, sum_square = sum_depth + part_depth, sum_square + part_square
    states[len(borders) - 1, 0] = wealth
    if was_below:
        longest = max(longest, time[-1] + bar_ns - since)
    return WealthSums(wealth, depth, deepest, least, sum_depth, sum_square, below, longest)


@njit(nogil=True, error_model="numpy")
def _fall(equity: FloatArray, scale: float, inverse: float, depths: IntArray) -> tuple[float, float]:
    """Return the sum and the sum of squares of depths below an unchanging peak, and count them by size."""
    a = b = c = d = 0.0
    aa = bb = cc = dd = 0.0
    fours = len(equity) // 4
    for i in range(fours):
        p, q = 1.0 - equity[4 * i] * scale * inverse, 1.0 - equity[4 * i + 1] * scale * inverse
        r, s = 1.0 - equity[4 * i + 2] * scale * inverse, 1.0 - equity[4 * i + 3] * scale * inverse
        a, b, c, d = a + p, b + q, c + r, d + s
        aa, bb, cc, dd = aa + p * p, bb + q * q, cc + r * r, dd + s * s
        depths[0, _depth_bin(p)] += 1
        depths[1, _depth_bin(q)] += 1
        depths[2, _depth_bin(r)] += 1
        depths[3, _depth_bin(s)] += 1
    for i in range(4 * fours, len(equity)):
        p = 1.0 - equity[i] * scale * inverse
        a, aa = a + p, aa + p * p
        depths[0, _depth_bin(p)] += 1
    return (a + b) + (c + d), (aa + bb) + (cc + dd)


@njit(cache=True, nogil=True, error_model="numpy")
def scan_amounts(
    equity: FloatArray, flow: FloatArray, exposure: FloatArray, is_carried: BoolArray, borders: IntArray
) -> AmountSums:
    """Walk over the amounts of a curve once, period by period. Shape: curve arrays (T,), `borders` (P + 1,)."""
    sum_equity = sum_flow = sum_exposure = 0.0
    top, held, carried = exposure[0], 0, 0
    for period in range(len(borders) - 1):
        first, stop = borders[period], borders[period + 1]
        sum_equity += _sum(equity[first:stop])
        sum_flow += _sum(flow[first:stop])
        sum_exposure += _sum(exposure[first:stop])
        top = max(top, _extremes(exposure[first:stop])[1])
        held += _count(exposure[first:stop])
        carried += _count(is_carried[first:stop])
    return AmountSums(sum_equity, sum_flow, sum_exposure, top, held, carried)


@njit(nogil=True, error_model="numpy")
def _sum(values: FloatArray) -> float:
    """Return the sum of some values, four at a time: one addition need not wait for the one before it."""
    a = b = c = d = 0.0
    fours = len(values) // 4
    for i in range(fours):
        a += values[4 * i]
        b += values[4 * i + 1]
        c += values[4 * i + 2]
        d += values[4 * i + 3]
    for i in range(4 * fours, len(values)):
        a += values[i]
    return (a + b) + (c + d)


@njit(nogil=True, error_model="numpy")
def _extremes(values: FloatArray) -> tuple[float, float]:
    """Return the smallest and the largest of some values, four at a time."""
    a = b = c = d = e = f = g = h = values[0]
    fours = len(values) // 4
    for i in range(fours):
        p, q, r, s = values[4 * i], values[4 * i + 1], values[4 * i + 2], values[4 * i + 3]
        a, b, c, d = min(a, p), min(b, q), min(c, r), min(d, s)
        e, f, g, h = max(e, p), max(f, q), max(g, r), max(h, s)
    for i in range(4 * fours, len(values)):
        a, e = min(a, values[i]), max(e, values[i])
    return min(a, b, c, d), max(e, f, g, h)


@njit(nogil=True, error_model="numpy")
def _count(values: FloatArray | BoolArray) -> int:
    """Return how many values are not zero."""
    count = 0
    for i in range(len(values)):
        count += values[i] != 0
    return count


@njit(cache=True, nogil=True, error_model="numpy")
def depths_of_bin(
    equity: FloatArray, flow: FloatArray, borders: IntArray, states: FloatArray, chosen: int, found: FloatArray
) -> int:
    """Write the depths that `scan_wealth` counted in one bin, in the order of bars; return how many there are.

    Shape:  found (count,), never written past its end.
    """
    count = 0
    for period in range(len(borders) - 1):
        state = states[period]
        if _depth_bin(state[6]) < chosen or _depth_bin(state[5]) > chosen:
            continue
        wealth, scale, is_free, before, peak = state[0], state[1], state[2] != 0.0, state[3], state[4]
        inverse = 1.0 / peak
        for bar in range(borders[period], borders[period + 1]):
            wealth, scale, is_free = _next_wealth(wealth, scale, is_free, before, flow[bar], equity[bar])
            before = equity[bar]
            if wealth < peak:
                depth = 1.0 - wealth * inverse
                if _depth_bin(depth) == chosen:
                    if count < len(found):
                        found[count] = depth
                    count += 1
            elif wealth > peak:
                peak, inverse = wealth, 1.0 / wealth
    return count


@njit(cache=True, nogil=True, error_model="numpy")
def scan_periods(
    equity: FloatArray, flow: FloatArray, start_equity: float, borders: IntArray, ends: FloatArray
) -> float:
    """Write wealth at the end of every period as `scan_wealth` does and return the sum of equity. Shape: ends (P,)."""
    wealth, scale, is_free, before, total = 1.0, 1.0, False, start_equity, 0.0
    for period in range(len(ends)):
        for bar in range(borders[period], borders[period + 1]):
            wealth, scale, is_free = _next_wealth(wealth, scale, is_free, before, flow[bar], equity[bar])
            before = equity[bar]
            total += before
        ends[period] = wealth
    return total


@njit(cache=True, nogil=True, error_model="numpy")
def scan_trades(
    net: FloatArray,
    side: IntArray,
    quantity: FloatArray,
    price: FloatArray,
    entry: IntArray,
    leave: IntArray,
    best: FloatArray,
    worst: FloatArray,
) -> TradeSums:
    """Walk over the trades once, in the order of exits. Shape: every array (N,)."""
    longs = shorts = wins = losses = winning = losing = most_wins = most_losses = 0
    won = lost = returns = hours = good = bad = 0.0
    largest = smallest = net[0] if len(net) > 0 else 0.0
    for first in range(0, len(net), _ROWS):
        part_won = part_lost = part_returns = part_hours = part_good = part_bad = 0.0
        for row in range(first, min(first + _ROWS, len(net))):
            result = net[row]
            longs += side[row] > 0
            shorts += side[row] < 0
            is_win, is_loss = result > 0.0, result < 0.0
            wins += is_win
            losses += is_loss
            part_won += result if is_win else 0.0
            part_lost += result if is_loss else 0.0
            winning = winning + 1 if is_win else 0
            losing = losing + 1 if is_loss else 0
            most_wins, most_losses = max(most_wins, winning), max(most_losses, losing)
            largest, smallest = max(largest, result), min(smallest, result)
            notional = quantity[row] * price[row]
            part_returns += result / notional if notional > 0.0 else 0.0
            part_hours += (leave[row] - entry[row]) / 3_600_000_000_000
            part_good += best[row]
            part_bad += worst[row]
        won += part_won
        lost += part_lost
        returns += part_returns
        hours += part_hours
        good += part_good
        bad += part_bad
    return TradeSums(
        longs, shorts, wins, losses, won, lost, largest, smallest, most_wins, most_losses, returns, hours, good, bad
    )


@njit(cache=True, nogil=True, error_model="numpy")
def scan_fills(maker: int, fee: FloatArray, quantity: FloatArray, price: FloatArray, liquidity: IntArray) -> FillSums:
    """Walk over the fills once. Shape: every array (F,); `maker` is the code of the maker side."""
    fees = notional = 0.0
    makers = 0
    for first in range(0, len(fee), _ROWS):
        part_fees = part_notional = 0.0
        for row in range(first, min(first + _ROWS, len(fee))):
            part_fees += fee[row]
            part_notional += quantity[row] * price[row]
            makers += liquidity[row] == maker
        fees += part_fees
        notional += part_notional
    return FillSums(fees, notional, makers)
