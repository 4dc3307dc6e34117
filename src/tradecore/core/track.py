"""The track record of one session: fills, trades, orders and the equity curve, as arrays.

Written by `sim` and the ledger, measured by `stats`, drawn by `reports`, stored by `registry`. No methods that decide.
"""

from __future__ import annotations

from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np

from tradecore.core.types import BoolArray, FloatArray, IntArray, Pair, RecordArray, Timeframe

FILL = np.dtype(
    [
        ("time", "i8"),  # open time of the bar it happened in, UTC ns
        ("bar", "i8"),
        ("pair", "i8"),  # index into Track.pairs
        ("order", "i8"),  # intent id; -1 for the shell's own exits
        ("side", "i8"),  # +1 buy, -1 sell
        ("quantity", "f8"),  # base, > 0
        ("price", "f8"),
        ("fee", "f8"),  # quote, >= 0
        ("liquidity", "i8"),  # core.orders.Liquidity
        ("reason", "i8"),  # core.orders.FillReason
    ]
)
TRADE = np.dtype(
    [
        ("pair", "i8"),
        ("side", "i8"),  # +1 long, -1 short
        ("entry_time", "i8"),
        ("exit_time", "i8"),
        ("entry_bar", "i8"),
        ("exit_bar", "i8"),
        ("quantity", "f8"),  # base, all entries together
        ("entry_price", "f8"),  # mean over the entries, fees not included
        ("exit_price", "f8"),
        ("gross", "f8"),  # quote, before fees
        ("fees", "f8"),  # entry and exit fees, each once
        ("net", "f8"),  # gross - fees
        ("best", "f8"),  # best excursion from the entry price, a fraction >= 0
        ("worst", "f8"),  # worst excursion, a fraction <= 0
        ("exit_reason", "i8"),  # core.orders.FillReason of the last exit
    ]
)
ORDER_RESULT = np.dtype(
    [
        ("order", "i8"),
        ("time", "i8"),  # open time of the bar in which it ended
        ("pair", "i8"),
        ("side", "i8"),
        ("state", "i8"),  # core.orders.OrderState
        ("note", "i8"),  # core.orders.OrderNote
        ("wanted", "f8"),  # base; 0 when it never came to a size
        ("filled", "f8"),  # base
    ]
)


@dataclass(frozen=True, slots=True, weakref_slot=True, eq=False)
class Curve:
    """The account after every bar, marked at the close.

    Shape: every array (T,). `equity`, `cash`, `flow` and `worst` in quote; `flow` is money that came in (+) or went out
    (-) at the open of that bar; `worst` is the equity at the bar's worst prices; `exposure` is the gross position value
    as a share of equity; `is_carried` marks bars in which some pair had no trade and kept its last mark.
    """

    time: IntArray
    equity: FloatArray
    cash: FloatArray
    flow: FloatArray
    worst: FloatArray
    exposure: FloatArray
    is_carried: BoolArray
    start_equity: float
    """Equity before the first bar."""

    def __len__(self) -> int:
        return len(self.time)

    def returns(self) -> FloatArray:
        """Return the time-weighted return of every bar, (T,): cash flows at the open earn nothing and lose nothing.

        Source: the Global Investment Performance Standards, sub-period linking with start-of-period flows.
        """
        before = np.empty(len(self), np.float64)
        before[0] = self.start_equity
        before[1:] = self.equity[:-1]
        base = before + self.flow
        has_base = base > 0
        if has_base.all():
            whole: FloatArray = self.equity / base - 1.0
            return whole
        returns: FloatArray = np.zeros(len(self))
        returns[has_base] = self.equity[has_base] / base[has_base] - 1.0
        return returns

    def wealth(self) -> FloatArray:
        """Return what one unit became after each bar, flows removed, (T,), read-only.

        It is made once: a report asks for it twenty times.
        """
        known = _WEALTH.get(self)
        if known is None:
            known = np.cumprod(1.0 + self.returns(), dtype=np.float64)
            known.flags.writeable = False
            _WEALTH[self] = known
        return known


_WEALTH: WeakKeyDictionary[Curve, FloatArray] = WeakKeyDictionary()
"""Forgotten with the curve it belongs to."""


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """Everything one session left behind. Arrays are read-only by convention; times are bar open times in UTC ns."""

    pairs: tuple[Pair, ...]
    timeframe: Timeframe
    curve: Curve
    fills: RecordArray
    trades: RecordArray
    """Round trips that ended; a position still open shows in the curve alone."""
    orders: RecordArray
    deposits: float
    withdrawals: float
    realised: float
    unrealised: float
