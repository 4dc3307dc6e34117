"""The compiled loop of wanted shares of several pairs: wishes and gates of each pair over `sim.kernel.step`.

It does what `engine.session` does for `strategy.lanes.ShareLanes` over `venues.simulated`; the market is the kernel's
own. Called by `backtest.shares` alone. Invariant: as `backtest.lane_loop`, whose gates it asks.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from tradecore.backtest.lane_loop import BUY, CLOSE, FIRST_RULE, HOLD, NEVER, ON_ITS_WAY, PASSED, wish
from tradecore.core.orders import OrderKind, OrderNote, OrderState, SizeKind
from tradecore.core.types import FloatArray, IntArray, RecordArray
from tradecore.sim import booking, kernel
from tradecore.sim.compiled import free, inner
from tradecore.sim.quiet import coast, next_order, next_touch
from tradecore.sim.state import FILLS, OPEN_ORDERS, RESULTS, TRADES, Books, Record, Tape, records

SIGNAL = np.dtype(
    [
        ("bar", "i8"),
        ("pair", "i8"),
        ("share", "f8"),  # as asked for; 0 for a close
        ("equity", "f8"),  # this and the following: `risk.chain.Standing`
        ("drawdown", "f8"),
        ("pair_exposure", "f8"),
        ("total_exposure", "f8"),
        ("since", "i8"),
        ("action", "i4"),
        ("outcome", "i4"),
    ]
)
STANDING = ("equity", "drawdown", "pair_exposure", "total_exposure", "since")
"""Fields of a signal that make its `risk.chain.Standing`, in its order."""
DESK = np.dtype([("held", "f8"), ("left_at", "i8"), ("order", "i8"), ("side", "i8"), ("value", "f8")])
"""What the session knows of one pair: what it holds, when it was left, and the order on its way (side 0: none)."""
_MARKET, _ALL, _FRACTION = int(OrderKind.MARKET), int(SizeKind.ALL), int(SizeKind.FRACTION)
_SENT, _CANCELLED, _REPLACED = int(OrderState.SENT), int(OrderState.CANCELLED), int(OrderNote.CANCELLED)


class Gates(NamedTuple):
    """The limits as numbers, and the venue's latency."""

    latency: int
    no_new_risk: bool
    max_drawdown: float
    cooldown: int
    pair_exposure: float
    total_exposure: float


class Asked(NamedTuple):
    """What is wanted, (P, T), the closes the session sees, (P, T), and the first moment that may decide."""

    share: FloatArray
    close: FloatArray
    first: int


def desks(pairs: int) -> RecordArray:
    """Return what a session knows before its first bar."""
    fresh: RecordArray = records(pairs, DESK)
    fresh["left_at"] = -NEVER
    return fresh


@free
def advance(
    tape: Tape, books: Books, asked: Asked, gates: Gates, desk: RecordArray, signals: RecordArray, progress: IntArray,
    blank: RecordArray,
) -> None:  # fmt: skip
    """Let bars progress[0].. happen and decide on each; return early when a log has no room for another bar.

    `progress` holds the next bar, the newest order's number and the signals written.
    """
    pairs = len(desk)
    while progress[0] < len(tape.time):
        need = books.counts[OPEN_ORDERS] + 4 * pairs
        if (
            books.counts[FILLS] + need > len(books.fills)
            or books.counts[TRADES] + need > len(books.trades)
            or books.counts[RESULTS] + need > len(books.results)
            or progress[2] + pairs > len(signals)
        ):
            return
        t = awaited(tape, books, asked, desk, progress[0])
        if t > progress[0]:
            coast(tape, books, progress[0], t)
        told = books.counts[RESULTS]
        flow = kernel.step(tape, books, t)
        kernel.record(books, t, flow)
        progress[0] = t + 1
        hear(books, desk, t, told)
        if t >= asked.first:
            decide(tape, books, asked, gates, desk, signals, progress, blank)


@inner
def awaited(tape: Tape, books: Books, asked: Asked, desk: RecordArray, start: int) -> int:
    """Return the first bar from `start` on that anything may happen in or be decided on, or the last one."""
    first = next_order(books, len(tape.time) - 1)
    if first <= start:
        return start
    for t in range(max(start, asked.first), first):
        before = t - 1 if t > asked.first else t
        for p in range(len(desk)):
            if wish(asked.share[p, t], asked.share[p, before], desk[p].held)[0] != HOLD:
                return next_touch(tape, books, start, t)
    return next_touch(tape, books, start, first)


@inner
def hear(books: Books, desk: RecordArray, t: int, told: int) -> None:
    """Take in what bar t did: positions, and orders that ended."""
    for i in range(told, books.counts[RESULTS]):
        ended = books.results[i]
        if desk[ended.pair].order == ended.order:
            desk[ended.pair].side = 0
    for p in range(len(desk)):
        held = books.positions[p].quantity
        if held == 0.0 and desk[p].held != 0.0:
            desk[p].left_at = t
        desk[p].held = held


@inner
def decide(
    tape: Tape, books: Books, asked: Asked, gates: Gates, desk: RecordArray, signals: RecordArray, progress: IntArray,
    blank: RecordArray,
) -> None:  # fmt: skip
    """Answer bar t for every pair: wishes are judged by the account as it stands, then sent in the order of pairs."""
    t, first_signal = progress[0] - 1, progress[2]
    total = 0.0
    for p in range(len(desk)):
        desk[p].value = abs(desk[p].held) * asked.close[p, t]
        total += desk[p].value
    for p in range(len(desk)):
        before = asked.share[p, t - 1] if t > asked.first else asked.share[p, t]
        code, size = wish(asked.share[p, t], before, desk[p].held)
        if code != HOLD:
            row = signals[progress[2]]
            progress[2] += 1
            row.bar, row.pair, row.action, row.share = t, p, code, size
            stand(row, books.account[0], desk[p], total, t)
    for i in range(first_signal, progress[2]):
        row = signals[i]
        fraction, row.outcome = passed(gates, row.action, row.share, row, desk[row.pair].side)
        if row.outcome == PASSED:
            send(tape, books, desk[row.pair], row, fraction, t, progress, gates.latency, blank)


@inner
def stand(row: Record, account: Record, own: Record, total: float, t: int) -> None:
    """Write how the account stands into a signal's row."""
    equity = account.equity if account.equity > 0.0 else math.nan
    row.equity, row.drawdown = account.equity, 1.0 - account.wealth / account.peak
    row.pair_exposure, row.total_exposure, row.since = own.value / equity, total / equity, t - own.left_at


@inner
def passed(gates: Gates, code: int, fraction: float, standing: Record, pending: int) -> tuple[float, int]:
    """Return (fraction, outcome): what the session and `risk.rules` let through; `pending` is the side on its way."""
    if pending == (1 if code == BUY else -1):
        return fraction, ON_ITS_WAY
    if code != BUY:
        return fraction, PASSED
    if gates.no_new_risk:
        return fraction, FIRST_RULE
    if standing.drawdown >= gates.max_drawdown:
        return fraction, FIRST_RULE + 1
    if standing.since < gates.cooldown:
        return fraction, FIRST_RULE + 2
    left = gates.pair_exposure - standing.pair_exposure
    if left <= 0.0:
        return fraction, FIRST_RULE + 3
    fraction = left if fraction > left else fraction
    left = gates.total_exposure - standing.total_exposure
    if left <= 0.0:
        return fraction, FIRST_RULE + 4
    return (left if fraction > left else fraction), PASSED


@inner
def send(
    tape: Tape, books: Books, own: Record, row: Record, fraction: float, t: int, progress: IntArray, latency: int,
    blank: RecordArray,
) -> None:  # fmt: skip
    """Send the order of a signal; it replaces the one on its way."""
    if own.side != 0:
        for i in range(books.counts[OPEN_ORDERS]):
            if books.orders[i].id == own.order:
                books.orders[i].state, books.orders[i].note = _CANCELLED, _REPLACED
        booking.sweep_orders(tape, books, t)
    progress[1] += 1
    place = books.counts[OPEN_ORDERS]
    books.orders[place] = blank[0]
    order = books.orders[place]
    order.id, order.pair, order.side, order.kind = progress[1], row.pair, 1 if row.action == BUY else -1, _MARKET
    order.size_kind, order.amount = (_ALL, 0.0) if row.action == CLOSE else (_FRACTION, fraction)
    order.reduce_only, order.slippage = order.side < 0, math.nan
    order.active_from, order.state = t + 1 + latency, _SENT
    books.counts[OPEN_ORDERS] = place + 1
    own.order, own.side = progress[1], order.side
