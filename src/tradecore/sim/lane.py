"""The scalar lane: market orders on ONE long-only pair, in plain numbers. The same market as `kernel`, bit for bit.

It is the kernel's rules for the orders that have no limit, trigger, stop, target or trail, of an account that is never
short: all that an exposure array, a random trader or a training environment sends. Sizes come from `sim.sizes`, prices
and money from `sim.fills`, which the kernel calls too; a property test holds both equal. Nothing here touches an array,
so that numba keeps everything in registers: callers loop over bars, change by change or bar by bar, and store what they
keep. Callers: `backtest.lane` (one account), sweeps (thousands), environments (`sim.batch`).

Values in, values out, each a NamedTuple of numbers; compiled functions take and return them for nothing.
    terms_of(model, pair) -> Terms                             once, in Python
    open_account(cash) -> Account                              once
    flow_in(account, flow) -> (account, flow booked)           at the open, before the fill
    market_order(side, size_kind, amount) -> Order             decided on a close; `NO_ORDER` when none is on its way
    fill_at_open(terms, account, order, open, volume)
        -> (account, order, fill)                              from the bar its decision made it active, real bars only
    marked(account, close) -> account                          at the close of every real bar that something may ask
    equity_of(account) -> float                                cash and position at the mark

One bar of one account is: `flow_in`; if `order.side != 0`, its first bar has come and the bar is real: `fill_at_open`;
`marked`. Between a fill and the next order nothing needs to be called: `marked` with the close of the bar on which the
next order is decided is enough, because a fraction of equity is taken at that close. After `fill_at_open`,
`is_over(order)` says that the order has ended (filled, rejected, or cancelled with something filled; `order.note` says
why) and must be replaced by `NO_ORDER`; otherwise it goes on at the next real open. `fill.quantity` is 0 when nothing
filled. A new order replaces the one on its way, as in a session.

The record of a round trip, for those who keep one, is beside it: `Trip`, `FLAT`, `trip_enter`, `trip_leave`,
`trip_seen`. A trip has ended when `account.quantity` is 0 after a sale.
"""

from __future__ import annotations

from typing import NamedTuple

from tradecore.core.types import Pair
from tradecore.sim.codes import (
    ALL,
    BELOW_MINIMUM,
    BUY,
    BY_CAP,
    CANCELLED,
    CASH_RESIZED,
    DUST,
    FILLED,
    NO_CASH,
    NO_POSITION,
    OPEN,
    PARTLY,
    REJECTED,
    SELL,
    SENT,
    SIGNAL,
)
from tradecore.sim.compiled import entry, inner
from tradecore.sim.fills import cash_change, enter, fee_of, leave, market_price, round_down, whole_lots
from tradecore.sim.model import VenueModel
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
from tradecore.sim.state import Record


class Terms(NamedTuple):
    """What the venue asks of market orders on one pair: the fields of `sim.state.RULES` that matter to them."""

    taker_fee: float
    half_spread: float
    slippage: float
    tick: float
    lot: float
    min_quantity: float
    min_notional: float
    participation: float
    max_base: float
    max_quote: float


class Account(NamedTuple):
    """One account with one position, long or flat."""

    cash: float
    quantity: float
    """Base held, >= 0."""
    cost: float
    """What is held was paid with, entry fees included."""
    mark: float
    """The close at which the account was last marked; 0 before the first bar."""
    realised: float
    deposits: float
    """The starting cash is the first deposit."""
    withdrawals: float


class Order(NamedTuple):
    """A market order on its way. `side` is +1, -1, or 0 for none; `quantity` is its size in base once resolved."""

    side: int
    size_kind: int
    amount: float
    quantity: float
    filled: float
    state: int
    note: int


class Fill(NamedTuple):
    """What filled at one open: nothing when `quantity` is 0. `reason` is a `core.orders.FillReason`."""

    quantity: float
    price: float
    fee: float
    reason: int


class Trip(NamedTuple):
    """What a position has been through since it was flat: base, quote and fees, and excursions of the entry price."""

    entered: float
    entry_notional: float
    exited: float
    exit_notional: float
    fees: float
    best: float
    worst: float


NO_ORDER = Order(0, 0, 0.0, 0.0, 0.0, 0, 0)
NO_FILL = Fill(0.0, 0.0, 0.0, SIGNAL)
FLAT = Trip(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)


def terms_of(model: VenueModel, pair: Pair) -> Terms:
    """Return a venue model's terms for one pair, its exceptions applied."""
    own = model.of(pair)
    return Terms(*(float(getattr(own, name)) for name in Terms._fields))


@inner
def terms_in(rule: Record) -> Terms:
    """Return the terms in a record of `sim.state.RULES`: one set of types for the functions of both lanes."""
    return Terms(
        rule.taker_fee, rule.half_spread, rule.slippage, rule.tick, rule.lot, rule.min_quantity, rule.min_notional,
        rule.participation, rule.max_base, rule.max_quote,
    )  # fmt: skip


def open_account(cash: float) -> Account:
    """Return a fresh account with `cash`."""
    return Account(float(cash), 0.0, 0.0, 0.0, 0.0, float(cash), 0.0)


@entry
def market_order(side: int, size_kind: int, amount: float) -> Order:
    """Return a market order that has just been sent. Closing a position is (-1, SizeKind.ALL, 0.0)."""
    return Order(side, size_kind, amount, 0.0, 0.0, SENT, 0)


@entry
def is_over(order: Order) -> bool:
    """Say whether an order has ended."""
    return order.state > PARTLY


@entry
def equity_of(account: Account) -> float:
    """Return cash and position at the mark, in quote."""
    return account.cash + account.quantity * account.mark


@entry
def marked(account: Account, close: float) -> Account:
    """Return the account marked at a close."""
    cash, quantity, cost, _, realised, deposits, withdrawals = account
    return Account(cash, quantity, cost, close, realised, deposits, withdrawals)


@entry
def flow_in(account: Account, amount: float) -> tuple[Account, float]:
    """Book a deposit or withdrawal; a withdrawal takes no more than the cash there is. Returns what was booked too."""
    cash, quantity, cost, mark, realised, deposits, withdrawals = account
    flow = max(amount, -cash)
    if flow > 0.0:
        deposits += flow
    else:
        withdrawals -= flow
    return Account(cash + flow, quantity, cost, mark, realised, deposits, withdrawals), flow


@entry
def fill_at_open(
    terms: Terms, account: Account, order: Order, open_: float, volume: float
) -> tuple[Account, Order, Fill]:
    """Let an order that is active meet the open of a real bar with `volume` base traded."""
    price = market_price(order.side, open_, terms.half_spread + terms.slippage, terms.tick)
    if price <= 0.0:
        return account, _arrived(order), NO_FILL
    if order.side > 0:
        return buy(terms, account, order, price, volume)
    return sell(terms, account, order, price, volume)


@entry
def buy(terms: Terms, account: Account, order: Order, price: float, volume: float) -> tuple[Account, Order, Fill]:
    """Fill a buy at a price as far as limits, cash, minimum, dust rule and volume let it."""
    lot, rate, held = terms.lot, terms.taker_fee, account.quantity
    side, kind, amount, quantity, filled, state, before = _arrived(order)
    if quantity == 0.0:
        quantity = resolved(kind, amount, equity_of(account), price, rate, lot)
    want, note = within_limits(terms, round_down(quantity - filled, lot), held, price)
    money = above_noise(account.cash, account.deposits)
    want, note = within_money(want, note, price, rate, money, lot)
    want = within_cash(want, price, rate, money, lot)
    if want <= 0.0 or ((filled == 0.0 or note != 0) and below_minimum(terms, want, price)):
        refusal = NO_CASH if note == CASH_RESIZED else note
        ended = CANCELLED if filled > 0.0 else REJECTED
        return account, Order(side, kind, amount, quantity, filled, ended, refusal or BELOW_MINIMUM), NO_FILL
    if filled == 0.0 and (held + want) * price * (1.0 - terms.slippage) < terms.min_notional:
        return account, Order(side, kind, amount, quantity, filled, REJECTED, DUST), NO_FILL
    take = min(want, room_in_volume(terms, volume, 0.0))
    if take <= 0.0 or (take < want and filled == 0.0 and below_minimum(terms, take, price)):
        return account, Order(side, kind, amount, quantity, filled, state, before), NO_FILL
    notional = take * price
    fee = fee_of(notional, rate)
    change = cash_change(BUY, notional, fee)
    held, cost = enter(held, account.cost, BUY, take, change)
    after = Account(
        account.cash + change, whole_lots(held, lot), cost, account.mark,
        account.realised, account.deposits, account.withdrawals,
    )  # fmt: skip
    fill = Fill(take, price, fee, BY_CAP if filled > 0.0 else SIGNAL)
    state = FILLED if take == want else PARTLY
    return after, Order(side, kind, amount, quantity, filled + take, state, note or before), fill


@entry
def sell(terms: Terms, account: Account, order: Order, price: float, volume: float) -> tuple[Account, Order, Fill]:
    """Fill a sale at a price: cut to what is held; everything when the remainder would be dust."""
    lot, rate, held = terms.lot, terms.taker_fee, account.quantity
    side, kind, amount, quantity, filled, state, note = _arrived(order)
    if held <= 0.0:
        ended = CANCELLED if filled > 0.0 else REJECTED
        return account, Order(side, kind, amount, quantity, filled, ended, NO_POSITION), NO_FILL
    if kind == ALL:
        quantity = held + filled
    elif quantity == 0.0:
        quantity = resolved(kind, amount, equity_of(account), price, rate, lot)
    quantity, want = exit_wanted(terms, quantity, filled, held, price)
    if filled == 0.0 and (want <= 0.0 or below_minimum(terms, want, price)):
        return account, Order(side, kind, amount, quantity, filled, REJECTED, BELOW_MINIMUM), NO_FILL
    want, take = exit_taken(want, held, room_in_volume(terms, volume, 0.0))
    if take <= 0.0:
        return account, Order(side, kind, amount, quantity, filled, state, note), NO_FILL
    notional = take * price
    fee = fee_of(notional, rate)
    change = cash_change(SELL, notional, fee)
    left, cost, realised = leave(held, account.cost, SELL, take, change)
    left = whole_lots(left, lot)
    after = Account(
        account.cash + change, left, cost if left != 0.0 else 0.0, account.mark,
        account.realised + realised, account.deposits, account.withdrawals,
    )  # fmt: skip
    fill = Fill(take, price, fee, BY_CAP if filled > 0.0 else SIGNAL)
    state = FILLED if take == want else PARTLY
    return after, Order(side, kind, amount, quantity, filled + take, state, note), fill


@entry
def _arrived(order: Order) -> Order:
    """Return an order that has met its first open."""
    side, kind, amount, quantity, filled, state, note = order
    return Order(side, kind, amount, quantity, filled, OPEN if state == SENT else state, note)


@entry
def trip_enter(trip: Trip, fill: Fill) -> Trip:
    """Count an entry fill into a round trip."""
    entered, notional, exited, exit_notional, fees, best, worst = trip
    notional += fill.quantity * fill.price
    return Trip(entered + fill.quantity, notional, exited, exit_notional, fees + fill.fee, best, worst)


@entry
def trip_leave(trip: Trip, fill: Fill) -> Trip:
    """Count an exit fill into a round trip; its price is part of the excursion."""
    entered, notional, exited, exit_notional, fees, best, worst = trip_seen(trip, fill.price, fill.price)
    exit_notional += fill.quantity * fill.price
    return Trip(entered, notional, exited + fill.quantity, exit_notional, fees + fill.fee, best, worst)


@entry
def trip_seen(trip: Trip, low: float, high: float) -> Trip:
    """Widen the excursions of a round trip by a range of prices: one bar's, or the extremes of a stretch between two
    fills."""
    entered, notional, exited, exit_notional, fees, best, worst = trip
    entry = notional / entered
    best = max(best, high / entry - 1.0)
    worst = min(worst, low / entry - 1.0)
    return Trip(entered, notional, exited, exit_notional, fees, best, worst)
