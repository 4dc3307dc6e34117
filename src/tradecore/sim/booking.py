"""What a fill does to the account: entries, exits, the trade they make together, and the logs. No rule decides here.

Called by `sim.kernel` alone. Invariants: cash moves only by `accounting.cash_change` and by flows; a position that is
flat has no cost, no levels and no memory but its mark.
"""

from __future__ import annotations

from tradecore.sim.codes import BY_CAP, CANCELLED, FILLED, MAKER, PARTLY, REJECTED, SIGNAL, TAKER
from tradecore.sim.compiled import entry, inner
from tradecore.sim.fills import against, cash_change, enter, fee_of, leave, level_of, passive, unrealised_of, whole_lots
from tradecore.sim.state import FILLS, OPEN_ORDERS, RESULTS, TRADES, Books, Record, Tape


@inner
def finish(order: Record, note: int) -> None:
    """End an order that will not fill further: rejected when nothing filled, cancelled when something did."""
    order.state = CANCELLED if order.filled > 0.0 else REJECTED
    order.note = note


@inner
def after_fill(order: Record, take: float, want: float) -> None:
    """Count a fill into its order."""
    order.filled += take
    order.state = FILLED if take == want else PARTLY


@inner
def book_entry(
    tape: Tape, books: Books, t: int, order: Record, take: float, price: float, maker: bool, intrabar: bool
) -> None:
    """Write an entry fill into account, position and log, and set the position's bracket."""
    p, account = order.pair, books.account[0]
    position, rule = books.positions[p], books.rules[p]
    notional = take * price
    fee = fee_of(notional, rule.maker_fee if maker else rule.taker_fee)
    if position.quantity == 0.0:
        position.entry_time, position.entry_bar, position.extreme = tape.time[t], t, price
        if position.mark == 0.0:  # its first bar ever: until the close it is worth what was paid
            position.mark = price
    change = cash_change(order.side, notional, fee)
    position.quantity, position.cost = enter(position.quantity, position.cost, order.side, take, change)
    position.quantity = whole_lots(position.quantity, rule.lot)
    account.cash += change
    position.entered += take
    position.entry_notional += notional
    position.fees += fee
    if position.entered == take:  # from flat
        position.entered_at = price
    elif intrabar:  # what was held met the open, what comes now its own price: the worse of both counts
        before = position.entered_at if position.intrabar == t else tape.open[p, t]
        position.entered_at = min(before, price) if order.side > 0 else max(before, price)
    if intrabar:
        position.intrabar = t
    use_volume(position, t, take)
    reason = BY_CAP if order.filled > 0.0 else SIGNAL
    log_fill(tape, books, t, p, order.id, order.side, take, price, fee, maker, reason)
    mean = price if position.entered == take else position.entry_notional / position.entered
    if order.stop_kind:
        position.stop = against(-order.side, level_of(order.stop_kind, order.stop, mean), rule.tick)
    if order.target_kind:
        position.target = passive(-order.side, level_of(order.target_kind, order.target, mean), rule.tick)
    if order.trail > 0.0:
        position.trail = order.trail


@inner
def book_exit(
    tape: Tape, books: Books, t: int, p: int, take: float, price: float, maker: bool, reason: int, order_id: int
) -> None:
    """Write an exit fill into account, position and log; a position that is gone becomes a trade."""
    position, rule, account = books.positions[p], books.rules[p], books.account[0]
    side = -1 if position.quantity > 0.0 else 1
    notional = take * price
    fee = fee_of(notional, rule.maker_fee if maker else rule.taker_fee)
    change = cash_change(side, notional, fee)
    position.quantity, position.cost, realised = leave(position.quantity, position.cost, side, take, change)
    position.quantity = whole_lots(position.quantity, rule.lot)
    account.cash += change
    account.realised += realised
    position.exited += take
    position.exit_notional += notional
    position.fees += fee
    use_volume(position, t, take)
    log_fill(tape, books, t, p, order_id, side, take, price, fee, maker, reason)
    excursion(position, -side, price, price)
    if position.quantity == 0.0:
        log_trade(tape, books, t, p, -side, reason)
        clear(position)


@inner
def use_volume(position: Record, t: int, take: float) -> None:
    """Count a fill against the bar's volume cap."""
    position.volume_used = take + (position.volume_used if position.volume_bar == t else 0.0)
    position.volume_bar = t


@inner
def excursion(position: Record, direction: int, low: float, high: float) -> None:
    """Widen the best and worst excursion of a position by a range of prices."""
    entry = position.entry_notional / position.entered
    good, bad = (high, low) if direction > 0 else (low, high)
    position.best = max(position.best, direction * (good / entry - 1.0))
    position.worst = min(position.worst, direction * (bad / entry - 1.0))


@inner
def clear(position: Record) -> None:
    """Make a position flat again; its mark and the volume it used in this bar stay."""
    position.cost = position.stop = position.target = position.trail = position.extreme = 0.0
    position.entered = position.entry_notional = position.exited = position.exit_notional = 0.0
    position.fees = position.best = position.worst = 0.0
    position.exit_reason = -1


@inner
def log_fill(
    tape: Tape, books: Books, t: int, p: int, order_id: int, side: int, take: float, price: float, fee: float,
    maker: bool, reason: int,
) -> None:  # fmt: skip
    """Append a fill to the log."""
    fill = books.fills[books.counts[FILLS]]
    books.counts[FILLS] += 1
    fill.time, fill.bar, fill.pair, fill.order, fill.side = tape.time[t], t, p, order_id, side
    fill.quantity, fill.price, fill.fee = take, price, fee
    fill.liquidity, fill.reason = MAKER if maker else TAKER, reason


@inner
def log_trade(tape: Tape, books: Books, t: int, p: int, direction: int, reason: int) -> None:
    """Append the round trip that has just ended to the log."""
    position, trade = books.positions[p], books.trades[books.counts[TRADES]]
    books.counts[TRADES] += 1
    trade.pair, trade.side, trade.exit_reason = p, direction, reason
    trade.entry_time, trade.exit_time = position.entry_time, tape.time[t]
    trade.entry_bar, trade.exit_bar = position.entry_bar, t
    trade.quantity = position.entered
    trade.entry_price = position.entry_notional / position.entered
    trade.exit_price = position.exit_notional / position.exited
    trade.gross = direction * (position.exit_notional - position.entry_notional)
    trade.fees = position.fees
    trade.net = trade.gross - position.fees
    trade.best, trade.worst = position.best, position.worst


@entry
def sweep_orders(tape: Tape, books: Books, t: int) -> None:
    """Move ended orders from the book to the results; those that go on keep their order."""
    kept = 0
    for i in range(books.counts[OPEN_ORDERS]):
        order = books.orders[i]
        if order.state <= PARTLY:
            if kept != i:
                books.orders[kept] = books.orders[i]
            kept += 1
            continue
        result = books.results[books.counts[RESULTS]]
        books.counts[RESULTS] += 1
        result.order, result.time, result.pair, result.side = order.id, tape.time[t], order.pair, order.side
        result.state, result.note, result.wanted, result.filled = order.state, order.note, order.quantity, order.filled
    books.counts[OPEN_ORDERS] = kept


@inner
def equity_at_mark(books: Books) -> float:
    """Return cash and positions at their last marks."""
    equity = books.account[0].cash
    for p in range(len(books.positions)):
        equity += books.positions[p].quantity * books.positions[p].mark
    return equity


@inner
def gross_at_mark(books: Books) -> float:
    """Return the value of all positions at their marks, longs and shorts both counted up."""
    gross = 0.0
    for p in range(len(books.positions)):
        gross += abs(books.positions[p].quantity) * books.positions[p].mark
    return gross


@inner
def open_positions(books: Books) -> int:
    """Count the pairs that hold something."""
    count = 0
    for p in range(len(books.positions)):
        count += books.positions[p].quantity != 0.0
    return count


@entry
def unrealised(books: Books) -> float:
    """Return the profit that open positions show at their marks."""
    total = 0.0
    for p in range(len(books.positions)):
        total += unrealised_of(books.positions[p].quantity, books.positions[p].cost, books.positions[p].mark)
    return total
