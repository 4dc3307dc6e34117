"""The compiled loop of a lane: wishes, gates and market of one pair, from event to event, with a tight curve between.

It does what `engine.session` does for `strategy.lanes.Lane` over `venues.simulated`, in the market of `sim.lane`; how
an order fills is not decided here. Called by `backtest.lane` alone. Invariant: every fill, order, trade and value of
the curve equals those of the session, bit for bit; `tests/property/test_lane_equals_session.py` holds it.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from tradecore.core.orders import Liquidity, OrderNote, SizeKind
from tradecore.core.types import BoolArray, FloatArray, IntArray, RecordArray
from tradecore.sim import lane
from tradecore.sim.codes import CANCELLED
from tradecore.sim.compiled import free, inner
from tradecore.sim.state import Record
from tradecore.strategy.lanes import SMALLEST_STEP

HOLD, BUY, SELL, CLOSE = 1, 2, 3, 4
"""Actions as `engine.decisions` writes them."""
PASSED, ON_ITS_WAY, FIRST_RULE = 0, 1, 2
"""What became of a signal: passed, the shell's own refusal, or FIRST_RULE + the place of the rule that blocked."""
NEVER = 1 << 62
SIGNAL = np.dtype(
    [
        ("bar", "i8"),
        ("pair", "i8"),  # always 0
        ("share", "f8"),  # as asked for; 0 for a close
        ("held", "f8"),  # base
        ("left_at", "i8"),  # bar in which the pair was last left; -NEVER when it never was
        ("action", "i4"),
        ("outcome", "i4"),  # PASSED, ON_ITS_WAY, or FIRST_RULE + the place of the rule that blocked
    ]
)
_TAKER, _ALL, _FRACTION = int(Liquidity.TAKER), int(SizeKind.ALL), int(SizeKind.FRACTION)
_REPLACED = int(OrderNote.CANCELLED)
_STEP = SMALLEST_STEP


class Market(NamedTuple):
    """The bars of one pair over the clock, (T,) each."""

    time: IntArray
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray
    real: BoolArray
    all_real: bool


class Lines(NamedTuple):
    """The curve that is written, (T,) each; `flow` and `exposure` come as zeros."""

    equity: FloatArray
    cash: FloatArray
    worst: FloatArray
    exposure: FloatArray
    flow: FloatArray


class Logs(NamedTuple):
    """Fills, trades and order results as in `core.track`, and signals; all of one length."""

    fills: RecordArray
    trades: RecordArray
    results: RecordArray
    signals: RecordArray


class Wishes(NamedTuple):
    """The wanted share as changes, and the deposits and withdrawals, each at rising bars; `first` may decide."""

    at: IntArray
    share: FloatArray
    first: int
    flow_at: IntArray
    flow: FloatArray


class Rules(NamedTuple):
    """The gates' limits as numbers, and the venue's terms."""

    terms: lane.Terms
    latency: int
    no_new_risk: bool
    max_drawdown: float
    """inf when entries never stop; wealth is not followed then."""
    cooldown: int
    pair_exposure: float
    total_exposure: float


class State(NamedTuple):
    """The account between two bars: `t` is the bar it lives through next."""

    t: int
    account: lane.Account
    order: lane.Order
    active_from: int
    trip: lane.Trip
    entry_bar: int
    left_at: int
    equity: float
    wealth: float
    peak: float
    number: int
    """The id of the newest order."""
    fills: int
    """This and the following: how many rows of the logs are written."""
    trades: int
    results: int
    signals: int


def opening(cash: float) -> State:
    """Return the state of a fresh account."""
    account = lane.open_account(cash)
    return State(0, account, lane.NO_ORDER, 0, lane.FLAT, 0, -NEVER, account.cash, 1.0, 1.0, 0, 0, 0, 0, 0)


@free
def advance(market: Market, lines: Lines, logs: Logs, wishes: Wishes, rules: Rules, state: State, stop: int) -> State:
    """Let bars state.t..stop-1 happen and decide on each; return early when a log has no room for another bar."""
    # Arrays are taken out of their tuples once, and handed on seldom: each time costs a locked count of references.
    time, open_, high, low, close, volume, real, all_real = market
    lined, moneyed, worsts, exposures, flows = lines
    fill_log, trade_log, result_log, signal_log = logs
    at, share, first, flow_at, flow_amount = wishes
    (t, account, order, active_from, trip, entry_bar, left_at, equity, wealth, peak, number, fills, trades, results,
     signals) = state  # fmt: skip
    follow, room, k, f = not math.isinf(rules.max_drawdown), len(fill_log) - 2, 0, place_of(flow_at, t - 1) + 1
    while t < stop and max(fills, results, signals) < room:
        while k + 1 < len(at) and at[k + 1] <= t:
            k += 1
        base, until, before, side = equity, t + 1, account.quantity, order.side
        if f < len(flow_at) and flow_at[f] == t:
            account, flows[t] = lane.flow_in(account, flow_amount[f])
            base, f = equity + flows[t], f + 1
        if side == 0:
            until = flow_at[f] if f < len(flow_at) and flow_at[f] < stop else stop
            until = quiet_until(t, until, at[k], share[k], first, account.quantity)
            until = min(until, at[k + 1] + 1) if k + 1 < len(at) else until
        elif active_from <= t and real[t]:
            account, order, fill = lane.fill_at_open(rules.terms, account, order, open_[t], volume[t])
            if fill.quantity > 0.0:
                write_fill(fill_log[fills], time[t], t, number, side, fill)
                fills, entry_bar = fills + 1, t if before == 0.0 else entry_bar
                trip = lane.trip_enter(trip, fill) if side > 0 else lane.trip_leave(trip, fill)
                if account.quantity == 0.0:
                    write_trade(trade_log[trades], time[entry_bar], entry_bar, time[t], t, trip, fill)
                    trip, trades, left_at = lane.FLAT, trades + 1, t
            if lane.is_over(order):
                write_result(result_log[results], time[t], number, order)
                order, results = lane.NO_ORDER, results + 1
        if account.quantity != 0.0:
            account, trip = draw(
                close, low, high, real, all_real, lined, moneyed, worsts, exposures, t, until, account, trip
            )
        else:
            draw_flat(lined, moneyed, worsts, t, until, account.cash)
        if follow:
            wealth, peak = grown(lined, t, until, base, wealth, peak)
        t, equity = until, lined[until - 1]
        if t <= first:
            continue
        k += k + 1 < len(at) and at[k + 1] == t - 1
        code, size = wish(share[k], share[k - 1] if at[k] == t - 1 and t - 1 != first else share[k], account.quantity)
        if code != HOLD:
            value = account.quantity * close[t - 1]
            passing, outcome = passed(rules, code, size, order.side, equity, wealth / peak, value, t - 1 - left_at)
            write_signal(signal_log[signals], t - 1, code, size, account.quantity, left_at, outcome)
            signals += 1
            if outcome == PASSED:
                if order.side != 0:
                    write_result(result_log[results], time[t - 1], number, replaced(order))
                    results += 1
                order, number, active_from = sent(code, passing), number + 1, t + rules.latency
    return State(
        t, account, order, active_from, trip, entry_bar, left_at, equity, wealth, peak, number, fills, trades, results,
        signals,
    )  # fmt: skip


@inner
def place_of(rising: IntArray, t: int) -> int:
    """Return the place of the last number not above t; -1 when there is none."""
    place = -1
    while place + 1 < len(rising) and rising[place + 1] <= t:
        place += 1
    return place


@inner
def quiet_until(t: int, until: int, changed_at: int, wanted: float, first: int, held: float) -> int:
    """Return the end, `until` at most, of the stretch from bar t without an order on its way after which the next
    decision may be something; the next change of the wish, which ends a stretch too, is not looked at."""
    if changed_at == t or ((wanted > _STEP) != (held != 0.0) and t >= first):
        return t + 1
    return min(until, first + 1) if t <= first else until


@inner
def draw_flat(equity: FloatArray, cash: FloatArray, worst: FloatArray, t: int, until: int, money: float) -> None:
    """Draw the curve of bars t..until-1 in which nothing is held: then no mark matters either."""
    for i in range(np.uint64(t), np.uint64(until)):
        equity[i] = cash[i] = worst[i] = money


@inner
def draw(
    close: FloatArray, low: FloatArray, high: FloatArray, real: BoolArray, all_real: bool, equity: FloatArray,
    cash: FloatArray, worst: FloatArray, exposure: FloatArray, t: int, until: int, account: lane.Account,
    trip: lane.Trip,
) -> tuple[lane.Account, lane.Trip]:  # fmt: skip
    """Draw the curve of bars t..until-1 in which something is held and nothing happens after the open."""
    if not all_real:
        return draw_with_gaps(close, low, high, real, equity, cash, worst, exposure, t, until, account, trip)
    money, held = account.cash, account.quantity
    for i in range(np.uint64(t), np.uint64(until)):
        value = held * close[i]
        equity[i], cash[i], worst[i] = money + value, money, money + held * low[i]
        exposure[i] = value / (money + value) if money + value > 0.0 else 0.0
    lowest, highest = low[t], high[t]
    for i in range(np.uint64(t + 1), np.uint64(until)):
        lowest, highest = min(lowest, low[i]), max(highest, high[i])
    return lane.marked(account, close[until - 1]), lane.trip_seen(trip, lowest, highest)


@inner
def draw_with_gaps(
    close: FloatArray, low: FloatArray, high: FloatArray, real: BoolArray, equity: FloatArray, cash: FloatArray,
    worst: FloatArray, exposure: FloatArray, t: int, until: int, account: lane.Account, trip: lane.Trip,
) -> tuple[lane.Account, lane.Trip]:  # fmt: skip
    """Do as `draw` where some bars were filled in: there the mark is carried."""
    money, held = account.cash, account.quantity
    for i in range(np.uint64(t), np.uint64(until)):
        bad = account.mark
        if real[i]:
            account, bad = lane.marked(account, close[i]), low[i]
            trip = lane.trip_seen(trip, low[i], high[i])
        value = held * account.mark
        equity[i], cash[i], worst[i] = money + value, money, money + held * bad
        exposure[i] = value / (money + value) if money + value > 0.0 else 0.0
    return account, trip


@inner
def grown(equity: FloatArray, t: int, until: int, base: float, wealth: float, peak: float) -> tuple[float, float]:
    """Return what one unit became after bars t..until-1, flows removed, and the highest it was."""
    for i in range(t, until):
        wealth *= equity[i] / base if base > 0.0 else 1.0
        peak, base = max(peak, wealth), equity[i]
    return wealth, peak


@inner
def wish(wanted: float, before: float, held: float) -> tuple[int, float]:
    """Return (action, size): what `strategy.lanes` says when `before` was wanted one bar ago."""
    if held == 0.0:
        return (BUY, wanted) if wanted > _STEP else (HOLD, 0.0)
    if wanted <= _STEP:
        return CLOSE, 0.0
    if before <= _STEP:
        return HOLD, 0.0
    change = wanted - before
    if abs(change) <= _STEP:
        return HOLD, 0.0
    return (BUY, change) if change > 0.0 else (SELL, -change)


@inner
def passed(
    rules: Rules, code: int, fraction: float, pending: int, equity: float, of_peak: float, value: float, since: int
) -> tuple[float, int]:
    """Return (fraction, outcome): what the session and `risk.rules` let through.

    `pending` is the side on its way, `of_peak` wealth as a share of its peak, `value` what is held at the close.
    """
    if pending == (1 if code == BUY else -1):
        return fraction, ON_ITS_WAY
    if code != BUY:
        return fraction, PASSED
    if rules.no_new_risk:
        return fraction, FIRST_RULE
    if 1.0 - of_peak >= rules.max_drawdown:
        return fraction, FIRST_RULE + 1
    if since < rules.cooldown:
        return fraction, FIRST_RULE + 2
    exposure = value / equity if equity > 0.0 else math.nan
    for place, limit in ((3, rules.pair_exposure), (4, rules.total_exposure)):
        left = limit - exposure
        if left <= 0.0:
            return fraction, FIRST_RULE + place
        fraction = left if fraction > left else fraction
    return fraction, PASSED


@inner
def sent(code: int, fraction: float) -> lane.Order:
    """Return the market order of a signal."""
    is_close = code == CLOSE
    return lane.market_order(1 if code == BUY else -1, _ALL if is_close else _FRACTION, 0.0 if is_close else fraction)


@inner
def replaced(order: lane.Order) -> lane.Order:
    """Return an order as it ends when a new wish takes its place."""
    side, kind, amount, quantity, filled, _, _ = order
    return lane.Order(side, kind, amount, quantity, filled, CANCELLED, _REPLACED)


@inner
def write_fill(row: Record, time: int, bar: int, number: int, side: int, fill: lane.Fill) -> None:
    """Write a fill into its row."""
    row.time, row.bar, row.pair, row.order, row.side = time, bar, 0, number, side
    row.quantity, row.price, row.fee, row.liquidity, row.reason = (
        fill.quantity,
        fill.price,
        fill.fee,
        _TAKER,
        fill.reason,
    )


@inner
def write_trade(
    row: Record, entry_time: int, entry_bar: int, exit_time: int, exit_bar: int, trip: lane.Trip, last: lane.Fill
) -> None:
    """Write the round trip that the fill `last` ended into its row."""
    row.pair, row.side, row.exit_reason = 0, 1, last.reason
    row.entry_time, row.exit_time, row.entry_bar, row.exit_bar = entry_time, exit_time, entry_bar, exit_bar
    row.quantity, row.fees = trip.entered, trip.fees
    row.entry_price, row.exit_price = trip.entry_notional / trip.entered, trip.exit_notional / trip.exited
    row.gross = trip.exit_notional - trip.entry_notional
    row.net = row.gross - trip.fees
    row.best, row.worst = trip.best, trip.worst


@inner
def write_result(row: Record, time: int, number: int, order: lane.Order) -> None:
    """Write how an order ended into its row."""
    row.order, row.time, row.pair, row.side = number, time, 0, order.side
    row.state, row.note, row.wanted, row.filled = order.state, order.note, order.quantity, order.filled


@inner
def write_signal(row: Record, bar: int, code: int, size: float, held: float, left_at: int, outcome: int) -> None:
    """Write a signal and what became of it into its row."""
    row.bar, row.action, row.share, row.held, row.left_at, row.outcome = bar, code, size, held, left_at, outcome
