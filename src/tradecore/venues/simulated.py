"""The simulated venue: the `Venue` port over the kernel. Backtest and paper trading submit here.

It keeps one invariant above the kernel's: the account is never shown in a state later than the newest final bar. It
is fast because it is lazy: while nothing rests and no level is near, bars are only counted, and the kernel catches up
when somebody asks or something can happen. Single records are read and written as bytes: numpy takes several times as
long for one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from struct import Struct

import numpy as np

from tradecore.core.errors import AccountingError
from tradecore.core.events import Filled, OrderChanged
from tradecore.core.orders import At, Fill, FillReason, Intent, Level, Liquidity, OrderNote, OrderState
from tradecore.core.ports import AccountState, PositionState
from tradecore.core.track import FILL, ORDER_RESULT, Curve, Track
from tradecore.core.types import Pair, Side, Timeframe
from tradecore.sim import booking, kernel
from tradecore.sim.model import VenueModel
from tradecore.sim.state import (
    ACCOUNT,
    FILLS,
    FRACTION_LEVEL,
    NO_LEVEL,
    OPEN_ORDERS,
    ORDER,
    POSITION,
    PRICE_LEVEL,
    RESULTS,
    TRADES,
    Books,
    Tape,
    open_books,
    with_room,
)

# An enumeration called takes several times as long as a look into a table of its members.
_SIDES = {int(member): member for member in Side}
_LIQUIDITIES = {int(member): member for member in Liquidity}
_REASONS = {int(member): member for member in FillReason}
_STATES = {int(member): member for member in OrderState}
_NOTES = {int(member): member for member in OrderNote}
_NONE: frozenset[int] = frozenset()
_FLAT = PositionState(0.0, 0.0, 0.0, 0.0, 0, 0)
_SENT = int(OrderState.SENT)
_GROSS = (ACCOUNT.names or ()).index("gross")


def _layout(record: np.dtype[np.void]) -> Struct:
    """Return how a record of eight-byte fields lies in memory."""
    kinds = {"f": "d", "i": "q"}
    return Struct("=" + "".join(kinds[record[name].kind] for name in record.names or ()))


_ACCOUNT, _POSITION, _ORDER = _layout(ACCOUNT), _layout(POSITION), _layout(ORDER)
_FILL, _RESULT = _layout(FILL), _layout(ORDER_RESULT)


class SimulatedVenue:
    """One account on one tape. Use: submit and cancel, advance bar by bar, then `track`."""

    def __init__(self, pairs: Sequence[Pair], timeframe: Timeframe, tape: Tape, model: VenueModel, cash: float) -> None:
        self._pairs = tuple(pairs)
        self._index_of = {pair: i for i, pair in enumerate(self._pairs)}
        self._timeframe = timeframe
        self._tape = tape
        self._latency = model.latency_bars
        self._start_cash = cash
        self._take(
            open_books(
                model.rules(self._pairs),
                cash,
                len(tape.time),
                max_positions=model.max_positions,
                allow_short=model.allow_short,
            )
        )
        self._flows = [*np.flatnonzero(tape.flow).tolist(), len(tape.time)]
        self._next_flow = 0  # place in `_flows` of the first bar, not played yet, in which cash comes or goes
        self._done = 0  # bars the kernel has played
        self._index = -1  # newest final bar
        self._quiet_until = 0  # nothing can happen before this bar
        self._told_fills = self._told_results = 0

    def submit(self, intent: Intent) -> None:
        """Put an intent on its way; it is active from the next bar's open, plus the model's latency.

        Bars the kernel has not played yet come before that, so it need not catch up: the order waits through them.
        """
        row = self._counts[OPEN_ORDERS]
        if row == len(self._books.orders):
            self._make_room(orders=1)
        stop_kind, stop = _level(intent.stop)
        target_kind, target = _level(intent.target)
        slippage = math.nan if intent.slippage is None else intent.slippage
        _ORDER.pack_into(  # in the order of `sim.state.ORDER`
            self._orders_seen, row * _ORDER.size,
            intent.id, self._index_of[intent.pair], intent.side, intent.kind, intent.size_kind, intent.size,
            intent.price, intent.reduce_only, slippage, stop_kind, stop, target_kind, target, intent.trail or 0.0,
            self._index + 1 + self._latency, 0, _SENT, 0, 0.0, 0.0,
        )  # fmt: skip
        self._counts[OPEN_ORDERS] = row + 1
        self._quiet_until = 0

    def cancel(self, intent_id: int) -> None:
        """Cancel what rests of an intent before the next bar; an intent that has ended stays as it ended."""
        self._catch_up()
        self._make_room()
        resting = self._books.orders[: int(self._books.counts[OPEN_ORDERS])]
        for row in np.flatnonzero(resting["id"] == intent_id):
            resting["state"][row], resting["note"][row] = int(OrderState.CANCELLED), int(OrderNote.CANCELLED)
        booking.sweep_orders(self._tape, self._books, max(self._index, 0))

    def advance(self, index: int) -> Sequence[Filled | OrderChanged]:
        """Make the bar at `index` final and return what happened up to it, in order."""
        self._index = index
        if index < self._quiet_until:
            return ()
        self._catch_up()
        return self._news()

    def quiet_until(self) -> int:
        """Return the first bar, after the newest final one, that may bring news; `advance` may skip those before it."""
        return self._quiet_until

    def account(self, through: int = -1) -> AccountState:
        """Return the account at the newest final bar, or at quiet bar `through` if that is later: it is final now."""
        if through > self._index:
            assert through < self._quiet_until, "a bar that may bring news is for advance to make final"
            self._index = through
        if self._done <= self._index and not self._stands_still():
            self._catch_up()
        cash, _realised, _in, _out, equity, _worst, gross, wealth, peak, *_ = _ACCOUNT.unpack(self._account_seen)
        positions = {}
        if gross > 0.0:  # the mark is above 0 wherever something is held
            for i, pair in enumerate(self._pairs):
                held = self._position(i)
                if held.quantity != 0.0:
                    positions[pair] = held
        open_orders = self._counts[OPEN_ORDERS]
        resting = frozenset(self._books.orders["id"][:open_orders].tolist()) if open_orders else _NONE
        return AccountState(cash, equity, 1.0 - wealth / peak, positions, resting)

    def track(self) -> Track:
        """Return everything the account left behind up to the newest final bar.

        Errors: AccountingError when equity is not deposits - withdrawals + realised + unrealised to 1e-9.
        """
        self._catch_up()
        books, count, end = self._books, self._books.counts, self._done
        state = books.account[0]
        deposits, withdrawals = float(state["deposits"]), float(state["withdrawals"])
        realised, unrealised = float(state["realised"]), float(booking.unrealised(books))
        gap = abs(deposits - withdrawals + realised + unrealised - float(state["equity"]))
        if not gap <= 1e-9 * max(
            deposits, abs(float(state["equity"])), float(books.fills["price"][: count[FILLS]].sum())
        ):
            raise AccountingError(
                f"equity and the sum of its parts differ by {gap:g} quote; the books are wrong, please report it"
            )
        curve = Curve(
            self._tape.time[:end], books.equity[:end], books.cash[:end], books.flow[:end], books.worst[:end],
            books.exposure[:end], np.logical_not(self._tape.real[:, :end].all(axis=0)), self._start_cash,
        )  # fmt: skip
        return Track(
            self._pairs, self._timeframe, curve, books.fills[: count[FILLS]].copy(),
            books.trades[: count[TRADES]].copy(),
            self._orders(), deposits, withdrawals, realised, unrealised,
        )  # fmt: skip

    def _orders(self) -> np.ndarray:
        """Return the results of all orders; those that still rest end with the data."""
        resting = self._books.orders[: int(self._books.counts[OPEN_ORDERS])]
        rest = np.zeros(len(resting), self._books.results.dtype)
        for name, source in (
            ("order", "id"),
            ("pair", "pair"),
            ("side", "side"),
            ("state", "state"),
            ("wanted", "quantity"),
            ("filled", "filled"),
        ):
            rest[name] = resting[source]
        rest["note"] = int(OrderNote.END_OF_DATA)
        rest["time"] = self._tape.time[self._done - 1] if self._done else 0
        return np.concatenate([self._books.results[: int(self._books.counts[RESULTS])], rest])

    def _stands_still(self) -> bool:
        """Say whether the bars the kernel has not played change nothing: nothing is held, and no cash moves in them.

        An order can be met only after them: one that was there before would have made the kernel play every bar.
        """
        if _ACCOUNT.unpack(self._account_seen)[_GROSS] != 0.0:
            return False
        while self._flows[self._next_flow] < self._done:
            self._next_flow += 1
        return bool(self._flows[self._next_flow] > self._index)

    def _catch_up(self) -> None:
        """Let the kernel play every bar that is final."""
        while self._done <= self._index:
            self._make_room()
            self._done, self._quiet_until = kernel.advance_and_look(
                self._tape, self._books, self._done, self._index + 1
            )

    def _make_room(self, orders: int = 0) -> None:
        books = with_room(self._books, orders)
        if books is not self._books:
            self._take(books)

    def _take(self, books: Books) -> None:
        """Use these books, and look at the bytes of what is read and written one record at a time."""
        self._books = books
        self._counts = books.counts.data
        self._account_seen, self._positions_seen, self._orders_seen, self._fills_seen, self._results_seen = (
            log.view(np.uint8).data
            for log in (books.account, books.positions, books.orders, books.fills, books.results)
        )

    def _news(self) -> list[Filled | OrderChanged]:
        news: list[Filled | OrderChanged] = []
        pairs, fills, results = self._pairs, self._counts[FILLS], self._counts[RESULTS]
        for row in range(self._told_fills, fills):
            time, _bar, pair, order, side, quantity, price, fee, liquidity, reason = _FILL.unpack_from(
                self._fills_seen, row * _FILL.size
            )
            fill = Fill(
                order, pairs[pair], _SIDES[side], time, quantity, price, fee, _LIQUIDITIES[liquidity], _REASONS[reason]
            )
            news.append(Filled(fill))
        for row in range(self._told_results, results):
            order, _time, pair, _side, state, note, _wanted, _filled = _RESULT.unpack_from(
                self._results_seen, row * _RESULT.size
            )
            news.append(OrderChanged(order, pairs[pair], _STATES[state], _NOTES[note]))
        self._told_fills, self._told_results = fills, results
        return news

    def _position(self, i: int) -> PositionState:
        quantity, cost, mark, *_, time, bar, entered, notional, _x, _n, _f, _b, _w = _POSITION.unpack_from(
            self._positions_seen, i * _POSITION.size
        )
        if quantity == 0.0:
            return _FLAT
        return PositionState(quantity, notional / entered, cost, quantity * mark - cost, time, self._done - 1 - bar)


def _level(level: Level | None) -> tuple[int, float]:
    if level is None:
        return NO_LEVEL, 0.0
    return (PRICE_LEVEL, level.price) if isinstance(level, At) else (FRACTION_LEVEL, float(level))
