"""Stretches of bars in which nothing can fill: how far they reach, and what they do to an account.

No order can act, no level is near, nothing is short. Most bars of most accounts are like that, and the general step of
`sim.kernel` costs a microsecond each, nearly all of it for handing its arrays from function to function; here they are
taken in hand once. `coast` does what `kernel.step` and `kernel.record` do to such bars, bit for bit, which a property
test holds. Called by `sim.kernel`; `venues.simulated` asks `next_touch` too.
"""

from __future__ import annotations

from tradecore.sim.compiled import entry, inner
from tradecore.sim.state import OPEN_ORDERS, Books, Tape


@entry
def next_order(books: Books, stop: int) -> int:
    """Return the first bar, up to `stop`, in which an order may act: one that rests may in any."""
    first = stop
    for i in range(books.counts[OPEN_ORDERS]):
        first = min(first, books.orders[i].active_from)
    return first


@entry
def next_touch(tape: Tape, books: Books, start: int, stop: int) -> int:
    """Return the first bar of start..stop-1 in which a level may be reached or an exit goes on, or `stop`. Changes
    nothing.

    Callers have no orders that may act there. Used to skip bars in which nothing can happen, so it may be early but
    never late.
    """
    first = stop
    for p in range(len(books.positions)):
        position = books.positions[p]
        if position.quantity == 0.0:
            continue
        if position.exit_reason >= 0 or position.quantity < 0.0:  # a short can be called for margin at any mark
            return start
        stop_level, target, trail, extreme = position.stop, position.target, position.trail, position.extreme
        if stop_level <= 0.0 and target <= 0.0 and trail <= 0.0:
            continue
        for t in range(start, first):
            if not tape.real[p, t]:
                continue
            level = max(stop_level, extreme * (1.0 - trail) if trail > 0.0 else 0.0)
            if tape.low[p, t] <= level or (target > 0.0 and tape.high[p, t] >= target):
                first = t
                break
            extreme = max(extreme, tape.high[p, t])
    return first


@inner
def coast(tape: Tape, books: Books, start: int, stop: int) -> None:
    """Live through bars start..stop-1, in none of which anything can fill: cash flows, marks and the curve."""
    account, positions = books.account[0], books.positions
    for t in range(start, stop):
        flow = max(tape.flow[t], -account.cash)
        account.cash += flow
        if flow > 0.0:
            account.deposits += flow
        else:
            account.withdrawals -= flow
        equity = worst = account.cash
        gross = 0.0
        for p in range(len(positions)):
            position, real = positions[p], tape.real[p, t]
            if real:
                position.mark = tape.close[p, t]
            quantity = position.quantity
            if quantity == 0.0:
                continue
            bad = position.mark
            if real:
                low, high = tape.low[p, t], tape.high[p, t]
                entry = position.entry_notional / position.entered
                position.best = max(position.best, high / entry - 1.0)
                position.worst = min(position.worst, low / entry - 1.0)
                position.extreme = max(position.extreme, high)
                bad = low
            equity += quantity * position.mark
            worst += quantity * bad
            gross += quantity * position.mark
        base = account.equity + flow
        account.wealth *= equity / base if base > 0.0 else 1.0
        account.peak = max(account.peak, account.wealth)
        account.equity, account.worst, account.gross = equity, worst, gross
        books.equity[t], books.cash[t], books.worst[t] = equity, account.cash, worst
        books.exposure[t] = gross / equity if equity > 0.0 else 0.0
        books.flow[t] = flow
