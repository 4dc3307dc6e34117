"""What exactly happens to an order. This file is the specification, and it is what runs.

Time. Bar t covers `[open_time, open_time + timeframe)`. A decision on the close of bar t becomes an order that is
active from the open of bar t + 1 + latency. Within one bar: cash flows, orders that arrive, resting orders,
protective orders, mark at the close, record. In each of these steps all exits go before all entries, in pair order
and then as sent. A minute without a trade has no bar: nothing fills, stops and targets wait, the mark is carried.

Prices. Market: the open, moved against the order by half the spread and the slippage, taker. Limit: marketable on
arrival, at the open, taker; else it rests and fills at its limit when the bar trades through it, maker. Stop: the
open when the bar opens beyond it, else the trigger; moved by slippage, taker. Target: a resting limit. Stop and
target in one bar: the stop came first. A position entered at the open can be stopped or reach its target in that bar;
one entered later in the bar can be stopped but not reach its target. A trailing stop uses the extremes of bars before
this one.

Sizes. Resolved when the order first fills, fee included, rounded down to the lot. Entries are cut to position limits
and to the cash, and refused below the venue's minimum or when what they leave could not be sold at the stop (dust).
An exit is cut to what is held, and takes everything when its remainder would be dust. At most `participation` x
volume fills in a bar; the rest of a market order or exit goes on at the next open, of a limit it rests. An order
never turns a position around.

Called by `venues.simulated` for backtest and paper, and by `sim.batch` for portfolios; environments and compiled lanes
play the same rules in plain numbers (`sim.lane`). Nothing else decides fills.
"""

from __future__ import annotations

import math

from tradecore.sim.booking import (
    after_fill,
    book_entry,
    book_exit,
    equity_at_mark,
    excursion,
    finish,
    gross_at_mark,
    open_positions,
    sweep_orders,
)
from tradecore.sim.codes import (
    ALL,
    BELOW_MINIMUM,
    BY_CAP,
    BY_STOP,
    BY_TARGET,
    BY_TRAIL,
    CASH_RESIZED,
    COUNT_LIMIT,
    DUST,
    ENTRIES,
    EXITS,
    LIMIT,
    LIQUIDATION,
    MARKET,
    NO_CASH,
    NO_ORDER_ID,
    NO_POSITION,
    NO_SHORT,
    OPEN,
    PARTLY,
    SENT,
    SIGNAL,
    STOP,
)
from tradecore.sim.compiled import entry, inner
from tradecore.sim.fills import (
    against,
    level_of,
    market_price,
    passive,
    resting_limit_price,
    round_down,
    stop_reference,
)
from tradecore.sim.lane import terms_in
from tradecore.sim.quiet import coast, next_order, next_touch
from tradecore.sim.sizes import (
    above_noise,
    below_minimum,
    exit_taken,
    exit_wanted,
    resolved,
    room_in_volume,
    within_cash,
    within_limits,
    within_money,
)
from tradecore.sim.state import FILLS, OPEN_ORDERS, RESULTS, TRADES, Books, Record, Tape

LOOK_AHEAD = 512
"""Bars searched at once for the next touched level: enough to skip quiet stretches, too few to waste much."""


@entry
def advance(tape: Tape, books: Books, start: int, stop: int) -> int:
    """Let bars start..stop-1 happen; return the bar reached: short of `stop` when a log has no room for another bar."""
    t = start
    while t < stop:
        alone = next_order(books, stop)
        if alone > t:
            quiet = next_touch(tape, books, t, min(alone, t + LOOK_AHEAD))
            if quiet > t:
                coast(tape, books, t, quiet)
                t = quiet
                continue
        need = books.counts[OPEN_ORDERS] + 2 * len(books.positions)
        if (
            books.counts[FILLS] + need > len(books.fills)
            or books.counts[TRADES] + need > len(books.trades)
            or books.counts[RESULTS] + need > len(books.results)
        ):
            return t
        flow = step(tape, books, t)
        record(books, t, flow)
        t += 1
    return stop


@entry
def advance_and_look(tape: Tape, books: Books, start: int, stop: int) -> tuple[int, int]:
    """Let bars start..stop-1 happen as `advance` does; return the bar reached, and the first from there in which the
    venue may have something to tell: the next while an order rests."""
    reached = advance(tape, books, start, stop)
    if books.counts[OPEN_ORDERS] != 0:
        return reached, reached
    return reached, next_touch(tape, books, reached, min(reached + LOOK_AHEAD, len(tape.time)))


@entry
def step(tape: Tape, books: Books, t: int) -> float:
    """Let bar t happen to one account and return the cash that flowed in at its open."""
    flow = flow_cash(tape, books, t)
    if books.counts[OPEN_ORDERS] > 0 or has_positions(books):
        for at_open in (True, False):
            meet_orders(tape, books, t, EXITS, at_open)
            meet_orders(tape, books, t, ENTRIES, at_open)
        sweep_orders(tape, books, t)
        for p in range(len(books.positions)):
            if tape.real[p, t] and books.positions[p].quantity != 0.0:
                protect(tape, books, t, p)
    mark(tape, books, t, flow)
    return flow


@entry
def record(books: Books, t: int, flow: float) -> None:
    """Write the account after bar t into the curve."""
    account = books.account[0]
    books.equity[t], books.cash[t], books.worst[t] = account.equity, account.cash, account.worst
    books.exposure[t] = account.gross / account.equity if account.equity > 0.0 else 0.0
    books.flow[t] = flow


@inner
def has_positions(books: Books) -> bool:
    """Say whether anything is held."""
    for p in range(len(books.positions)):  # noqa: SIM110  (a generator does not compile)
        if books.positions[p].quantity != 0.0:
            return True
    return False


@inner
def flow_cash(tape: Tape, books: Books, t: int) -> float:
    """Book the deposit or withdrawal at the open; a withdrawal takes no more than the cash there is."""
    account = books.account[0]
    flow = max(tape.flow[t], -account.cash)
    account.cash += flow
    if flow > 0.0:
        account.deposits += flow
    else:
        account.withdrawals -= flow
    return flow


@inner
def meet_orders(tape: Tape, books: Books, t: int, phase: int, at_open: bool) -> None:
    """Let the orders of one phase (exits, entries) meet bar t at its open or within it, by pair, then as sent."""
    for p in range(len(books.positions)):
        if not tape.real[p, t]:
            continue
        if at_open and phase == EXITS and books.positions[p].exit_reason >= 0:
            continue_exit(tape, books, t, p)
        for i in range(books.counts[OPEN_ORDERS]):
            order = books.orders[i]
            if order.pair != p or order.state > PARTLY or order.active_from > t:
                continue
            if is_exit(books, order) == (phase == EXITS):
                price = price_at_open(tape, books, t, order) if at_open else price_within(tape, books, t, order)
                if price > 0.0:
                    maker, inside = not at_open and order.kind == LIMIT, not at_open
                    if not at_open and order.kind == STOP:
                        inside = order.side * (tape.open[p, t] - order.price) < 0.0  # else it filled at the open
                        order.kind = MARKET  # triggered: what the cap leaves goes on at the next open
                    if phase == EXITS:
                        exit_by_order(tape, books, t, order, price, maker)
                    else:
                        enter_by_order(tape, books, t, order, price, maker, inside)


@inner
def is_exit(books: Books, order: Record) -> bool:
    """Say whether an order can only reduce: marked so, against the position, or a sale where shorts are refused."""
    if order.reduce_only != 0 or (order.side < 0 and books.account[0].allow_short == 0):
        return True
    return books.positions[order.pair].quantity * order.side < 0.0


@inner
def price_at_open(tape: Tape, books: Books, t: int, order: Record) -> float:
    """Return the price at which an order fills at the open of bar t, or 0. Marks the order as arrived."""
    rule, open_ = books.rules[order.pair], tape.open[order.pair, t]
    arriving = order.state == SENT
    if arriving:
        order.state = OPEN
        if order.kind == LIMIT:
            order.price = passive(order.side, order.price, rule.tick)
        elif order.kind == STOP:
            order.price = against(order.side, order.price, rule.tick)
    if order.kind == MARKET:
        return market_price(order.side, open_, rule.half_spread + slippage_of(order, rule), rule.tick)
    if order.kind == LIMIT and arriving and order.side * (order.price - open_) >= 0.0:
        order.took_open = t + 1
        return open_
    return 0.0


@inner
def price_within(tape: Tape, books: Books, t: int, order: Record) -> float:
    """Return the price at which a resting limit or stop order fills inside bar t, or 0."""
    p, rule = order.pair, books.rules[order.pair]
    if order.kind == LIMIT:
        if order.took_open == t + 1:  # it has met this bar; what is left of it rests from the next
            return 0.0
        return resting_limit_price(order.side, order.price, tape.low[p, t], tape.high[p, t], rule.touch)
    if order.kind == STOP:
        start = stop_reference(order.side, order.price, tape.open[p, t], tape.low[p, t], tape.high[p, t])
        return market_price(order.side, start, slippage_of(order, rule), rule.tick) if start > 0.0 else 0.0
    return 0.0


@inner
def slippage_of(order: Record, rule: Record) -> float:
    """Return the order's own slippage, or the venue's."""
    return rule.slippage if math.isnan(order.slippage) else order.slippage


@inner
def room_in_bar(tape: Tape, books: Books, t: int, p: int) -> float:
    """Return how much base the volume cap still lets fill in bar t."""
    position = books.positions[p]
    used = position.volume_used if position.volume_bar == t else 0.0
    return room_in_volume(terms_in(books.rules[p]), tape.volume[p, t], used)


@inner
def resolve(books: Books, order: Record, price: float, rate: float) -> float:
    """Return an order's size in base at its fill price, fee included, rounded down to the lot."""
    if order.size_kind == ALL:
        return abs(books.positions[order.pair].quantity)
    lot = books.rules[order.pair].lot
    return resolved(order.size_kind, order.amount, equity_at_mark(books), price, rate, lot)


@inner
def exit_by_order(tape: Tape, books: Books, t: int, order: Record, price: float, maker: bool) -> None:
    """Fill an exit order: cut to what is held; everything when the remainder would be dust."""
    p = order.pair
    rule, held = books.rules[p], abs(books.positions[p].quantity)
    if books.positions[p].quantity * order.side >= 0.0:
        finish(order, NO_POSITION if order.reduce_only != 0 else NO_SHORT)
        return
    rate = rule.maker_fee if maker else rule.taker_fee
    if order.quantity == 0.0 or order.size_kind == ALL:
        order.quantity = resolve(books, order, price, rate) + order.filled * (order.size_kind == ALL)
    order.quantity, want = exit_wanted(terms_in(rule), order.quantity, order.filled, held, price)
    if order.filled == 0.0 and (want <= 0.0 or below_minimum(terms_in(rule), want, price)):
        finish(order, BELOW_MINIMUM)
        return
    want, take = exit_taken(want, held, room_in_bar(tape, books, t, p))
    if take > 0.0:
        reason = BY_CAP if order.filled > 0.0 else SIGNAL
        book_exit(tape, books, t, p, take, price, maker, reason, order.id)
        after_fill(order, take, want)


@inner
def enter_by_order(tape: Tape, books: Books, t: int, order: Record, price: float, maker: bool, intrabar: bool) -> None:
    """Fill an entry order as far as limits, cash, minimum, dust rule and volume let it."""
    p = order.pair
    rule = books.rules[p]
    rate = rule.maker_fee if maker else rule.taker_fee
    if order.quantity == 0.0:
        order.quantity = resolve(books, order, price, rate)
    want, note = allowed_entry(books, order, price, rate)
    if want <= 0.0 or ((order.filled == 0.0 or note) and below_minimum(terms_in(rule), want, price)):
        refusal = NO_CASH if note == CASH_RESIZED else note
        finish(order, refusal if refusal else BELOW_MINIMUM)
        return
    if order.filled == 0.0 and is_dust(books, order, want, price):
        finish(order, DUST)
        return
    take = min(want, room_in_bar(tape, books, t, p))
    if take <= 0.0 or (take < want and order.filled == 0.0 and below_minimum(terms_in(rule), take, price)):
        return
    if note:
        order.note = note
    book_entry(tape, books, t, order, take, price, maker, intrabar)
    after_fill(order, take, want)


@inner
def allowed_entry(books: Books, order: Record, price: float, rate: float) -> tuple[float, int]:
    """Return (base quantity, note): what of an entry the position limits and the cash let through."""
    rule, position, account = books.rules[order.pair], books.positions[order.pair], books.account[0]
    # Whole lots again: 21.8 - 14.7 - 7.1 is not zero in floats, and a rest of 1e-15 must not fill.
    held, want = abs(position.quantity), round_down(order.quantity - order.filled, rule.lot)
    if position.quantity == 0.0 and open_positions(books) >= account.max_positions:
        return 0.0, COUNT_LIMIT
    want, note = within_limits(terms_in(rule), want, held, price)
    money = account.cash if order.side > 0 else equity_at_mark(books) - gross_at_mark(books)
    money = above_noise(money, account.deposits)
    want, note = within_money(want, note, price, rate, money, rule.lot)
    if order.side > 0:
        want = within_cash(want, price, rate, money, rule.lot)
    return want, note


@inner
def is_dust(books: Books, order: Record, want: float, price: float) -> bool:
    """Say whether the position an entry makes would be too small to be sold at its stop, or where it stands."""
    rule, position = books.rules[order.pair], books.positions[order.pair]
    stop = level_of(order.stop_kind, order.stop, price)
    stop = stop if stop > 0.0 else position.stop
    level = min(stop, price) if stop > 0.0 and order.side > 0 else price
    size = abs(position.quantity) + want
    return size * level * (1.0 - slippage_of(order, rule)) < rule.min_notional


@inner
def protect(tape: Tape, books: Books, t: int, p: int) -> None:
    """Let a position's stop, trail and target meet bar t. The stop is looked at first."""
    position, rule = books.positions[p], books.rules[p]
    if position.exit_reason >= 0:
        return
    side = -1 if position.quantity > 0.0 else 1
    level, reason = stop_level(position, rule, side)
    entered_inside = position.intrabar == t
    first = position.entered_at if entered_inside else tape.open[p, t]
    first = min(max(first, tape.low[p, t]), tape.high[p, t])  # an entry may have slipped out of the bar, an exit not
    start = stop_reference(side, level, first, tape.low[p, t], tape.high[p, t]) if level > 0.0 else 0.0
    if start > 0.0:
        position.stop = position.target = position.trail = 0.0  # the bracket is used up, whatever the cap leaves
        exit_all(tape, books, t, p, market_price(side, start, rule.slippage, rule.tick), reason)
        if position.quantity != 0.0:
            position.exit_reason = BY_CAP
    elif position.target > 0.0 and not entered_inside:
        price = resting_limit_price(side, position.target, tape.low[p, t], tape.high[p, t], rule.touch)
        if price > 0.0:
            exit_all(tape, books, t, p, price, BY_TARGET)


@inner
def stop_level(position: Record, rule: Record, side: int) -> tuple[float, int]:
    """Return the nearer of stop and trail, and which it is; 0 when there is neither."""
    if position.trail <= 0.0:
        return position.stop, BY_STOP
    trail = against(side, position.extreme * (1.0 + side * position.trail), rule.tick)
    if position.stop <= 0.0 or side * (trail - position.stop) < 0.0:
        return trail, BY_TRAIL
    return position.stop, BY_STOP


@inner
def exit_all(tape: Tape, books: Books, t: int, p: int, price: float, reason: int) -> None:
    """Sell or buy back a whole position, as far as the volume cap lets it; at its target it is the maker."""
    held = abs(books.positions[p].quantity)
    _, take = exit_taken(held, held, room_in_bar(tape, books, t, p))
    if take > 0.0:
        book_exit(tape, books, t, p, take, price, reason == BY_TARGET, reason, NO_ORDER_ID)


@inner
def continue_exit(tape: Tape, books: Books, t: int, p: int) -> None:
    """Go on at the open with an exit that the cap cut short, or start one that the margin demands."""
    position, rule = books.positions[p], books.rules[p]
    side = -1 if position.quantity > 0.0 else 1
    price = market_price(side, tape.open[p, t], rule.half_spread + rule.slippage, rule.tick)
    exit_all(tape, books, t, p, price, position.exit_reason)


@inner
def mark(tape: Tape, books: Books, t: int, flow: float) -> None:
    """Mark the account at the close of bar t, move the trails, and call in a short whose margin is gone."""
    account = books.account[0]
    equity = worst = account.cash
    gross = short = 0.0
    for p in range(len(books.positions)):
        position = books.positions[p]
        if tape.real[p, t]:
            position.mark = tape.close[p, t]
        quantity = position.quantity
        if quantity == 0.0:
            continue
        bad = position.mark
        if tape.real[p, t]:
            direction = 1 if quantity > 0.0 else -1
            low, high = tape.low[p, t], tape.high[p, t]
            excursion(position, direction, low, high)
            bad = low if direction > 0 else high
            position.extreme = max(position.extreme, high) if direction > 0 else min(position.extreme, low)
        equity += quantity * position.mark
        worst += quantity * bad
        gross += abs(quantity) * position.mark
        short += max(-quantity, 0.0) * position.mark
    base = account.equity + flow
    account.wealth *= equity / base if base > 0.0 else 1.0
    account.peak = max(account.peak, account.wealth)
    account.equity, account.worst, account.gross = equity, worst, gross
    if short > 0.0 and equity <= account.maintenance * short:
        for p in range(len(books.positions)):
            if books.positions[p].quantity != 0.0:
                books.positions[p].exit_reason = LIQUIDATION
