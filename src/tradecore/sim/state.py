"""What the kernel works on: the tape, the venue's rules, the account, positions and orders, as plain memory.

One record per thing, so that one environment is a row and N environments are N rows. Only `sim` writes these; readers
go through `venues.simulated` or get a `core.track.Track`.
"""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numba import config

from tradecore.core.track import FILL, ORDER_RESULT, TRADE
from tradecore.core.types import BoolArray, FloatArray, IntArray, RecordArray

RULES = np.dtype(
    [
        ("maker_fee", "f8"),  # fraction of notional
        ("taker_fee", "f8"),
        ("half_spread", "f8"),  # fraction of price, against every market order
        ("slippage", "f8"),  # fraction of price, against every market and stop order
        ("tick", "f8"),  # price step in quote; 0 = none
        ("lot", "f8"),  # quantity step in base; 0 = none
        ("min_quantity", "f8"),  # base
        ("min_notional", "f8"),  # quote
        ("participation", "f8"),  # share of a bar's volume that may fill; inf = no cap
        ("max_base", "f8"),  # base per position; inf = no limit
        ("max_quote", "f8"),  # quote per position at the fill price; inf = no limit
        ("touch", "i8"),  # 1: a resting limit fills when touched, not only when traded through
    ]
)
ACCOUNT = np.dtype(
    [
        ("cash", "f8"),
        ("realised", "f8"),
        ("deposits", "f8"),  # the starting cash is the first deposit
        ("withdrawals", "f8"),
        ("equity", "f8"),  # at the last mark
        ("worst", "f8"),  # at the worst prices of the last bar
        ("gross", "f8"),  # value of all positions at the last mark, longs and shorts both counted up
        ("wealth", "f8"),  # what one unit became, flows removed
        ("peak", "f8"),  # highest wealth so far
        ("max_positions", "i8"),
        ("allow_short", "i8"),
        ("maintenance", "f8"),  # equity below this share of the short notional: everything is closed
    ]
)
POSITION = np.dtype(
    [
        ("quantity", "f8"),  # signed base
        ("cost", "f8"),  # see portfolio.accounting
        ("mark", "f8"),  # last close; 0 before the first bar
        ("stop", "f8"),  # levels; 0 = none
        ("target", "f8"),
        ("trail", "f8"),  # fraction; 0 = none
        ("extreme", "f8"),  # best price since entry, of bars that are final
        ("exit_reason", "i8"),  # -1, or why the rest of a capped exit goes on at the next open
        ("intrabar", "i8"),  # bar in which the last entry happened away from the open; -1 = none
        ("entered_at", "f8"),  # price of the last entry fill
        ("volume_used", "f8"),  # base filled in bar `volume_bar`
        ("volume_bar", "i8"),
        ("entry_time", "i8"),
        ("entry_bar", "i8"),
        ("entered", "f8"),  # base and quote of all entries and exits since flat
        ("entry_notional", "f8"),
        ("exited", "f8"),
        ("exit_notional", "f8"),
        ("fees", "f8"),
        ("best", "f8"),  # excursions as fractions of the entry price
        ("worst", "f8"),
    ]
)
ORDER = np.dtype(
    [
        ("id", "i8"),
        ("pair", "i8"),
        ("side", "i8"),
        ("kind", "i8"),  # core.orders.OrderKind
        ("size_kind", "i8"),  # core.orders.SizeKind
        ("amount", "f8"),
        ("price", "f8"),  # limit or trigger
        ("reduce_only", "i8"),
        ("slippage", "f8"),  # NaN = the venue's own
        ("stop_kind", "i8"),  # NO_LEVEL, FRACTION_LEVEL or PRICE_LEVEL
        ("stop", "f8"),
        ("target_kind", "i8"),
        ("target", "f8"),
        ("trail", "f8"),
        ("active_from", "i8"),  # first bar in which it may act
        ("took_open", "i8"),  # 1 + the bar in which a marketable limit met the open; 0 = none
        ("state", "i8"),  # core.orders.OrderState
        ("note", "i8"),  # core.orders.OrderNote
        ("quantity", "f8"),  # base, once resolved
        ("filled", "f8"),
    ]
)
NO_LEVEL, FRACTION_LEVEL, PRICE_LEVEL = 0, 1, 2
Records: TypeAlias = Any
"""An array of records of one of the types above; compiled code reads their fields as attributes, numpy as keys."""
Record: TypeAlias = Any
"""One such record."""
OPEN_ORDERS, FILLS, TRADES, RESULTS = 0, 1, 2, 3
"""Slots of `Books.counts`."""
_SLOTS = 8
"""Orders that one environment of a batch may have resting."""


class Tape(NamedTuple):
    """The market of P pairs on one clock of T bars: `time` and `flow` (T,), the others (P, T).

    `real` is False where a pair has no bar; nothing fills there and its mark is carried.
    """

    time: IntArray
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray
    real: BoolArray
    flow: FloatArray
    """Deposits (+) and withdrawals (-) at the open of each bar, in quote."""


class Books(NamedTuple):
    """One account: its state, and the logs it writes. `account` (1,), `positions` and `rules` (P,)."""

    account: Records
    positions: Records
    rules: Records
    orders: Records
    """Orders that rest or have not arrived yet; the first `counts[OPEN_ORDERS]` rows, in the order they were sent."""
    counts: IntArray
    fills: Records
    trades: Records
    results: Records
    equity: FloatArray
    """This and the following: the curve, (T,) each, as in `core.track.Curve`."""
    cash: FloatArray
    flow: FloatArray
    worst: FloatArray
    exposure: FloatArray


def records(shape: int | tuple[int, ...], dtype: np.dtype[np.void]) -> Records:
    """Return zeroed records.

    With NUMBA_DISABLE_JIT=1 the kernel runs as plain Python, to be stepped through or measured for coverage; then
    records must give their fields as attributes by themselves.
    """
    zeros = np.zeros(shape, dtype)
    return zeros.view(np.recarray) if config.DISABLE_JIT else zeros  # type: ignore[attr-defined]


def open_books(
    venue_rules: RecordArray, cash: float, bars: int, *, max_positions: int = 1 << 31, allow_short: bool = False
) -> Books:
    """Return the books of a fresh account with `cash` for P pairs (`venue_rules` (P,)) over `bars` bars."""
    account = records(1, ACCOUNT)
    account["cash"] = account["equity"] = account["deposits"] = cash
    account["wealth"] = account["peak"] = 1.0
    account["max_positions"], account["allow_short"], account["maintenance"] = max_positions, allow_short, 0.1
    positions = records(len(venue_rules), POSITION)
    positions["exit_reason"] = positions["intrabar"] = positions["volume_bar"] = -1
    return Books(
        account, positions, np.ascontiguousarray(venue_rules), records(16, ORDER), np.zeros(4, np.int64),
        records(256, FILL), records(128, TRADE), records(256, ORDER_RESULT),
        *(np.zeros(bars) for _ in range(5)),
    )  # fmt: skip


def many_books(venue_rules: RecordArray, cash: float, environments: int, *, max_positions: int = 1 << 31) -> Books:
    """Return the books of N fresh accounts: every array but `rules` with a leading axis (N,), and no curve."""
    pairs = len(venue_rules)
    one = open_books(venue_rules, cash, 0, max_positions=max_positions)
    slots = _SLOTS + 2 * pairs
    orders, *logs = (records((environments, slots), dtype) for dtype in (ORDER, FILL, TRADE, ORDER_RESULT))
    curve: list[Any] = [np.zeros((environments, 0)) for _ in range(5)]
    return Books(
        np.repeat(one.account[None], environments, 0), np.repeat(one.positions[None], environments, 0), one.rules,
        orders, np.zeros((environments, 4), np.int64), logs[0], logs[1], logs[2], *curve,
    )  # fmt: skip


def with_room(books: Books, orders: int = 0) -> Books:
    """Return the books with logs doubled wherever one bar more, or `orders` orders more, might not fit."""
    open_orders, fills, trades, results = books.counts.tolist()
    resting = open_orders + orders
    need = resting + len(books.positions) * 2
    if (
        resting <= len(books.orders)
        and fills + need <= len(books.fills)
        and trades + need <= len(books.trades)
        and results + need <= len(books.results)
    ):
        return books
    grown = {
        "orders": (books.orders, resting),
        "fills": (books.fills, fills + need),
        "trades": (books.trades, trades + need),
        "results": (books.results, results + need),
    }
    changed = {
        name: np.resize(log, max(2 * len(log), 2 * wanted))
        for name, (log, wanted) in grown.items()
        if wanted > len(log)
    }
    return books._replace(**changed)
