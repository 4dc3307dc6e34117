"""The books of the reference market: cash, holdings, fills, round trips and the curve. Plain Python.

It books what `testing.reference_market` decided and decides nothing itself. Invariant, checked at the end of every bar:
equity = deposits - withdrawals + realised + unrealised, and neither cash nor base is below zero.
"""

from __future__ import annotations

from collections.abc import Mapping

from tradecore.core.errors import AccountingError
from tradecore.core.types import Side
from tradecore.testing.reference_values import Execution, Holding, Number, RoundTrip

CLOSE = 1e-9
"""How far apart two ways to count the equity may be, as a share of the money that ever came in."""


class ReferenceAccount:
    """One account over several pairs. Public attributes are the logs; they are read, never written, from outside."""

    def __init__(self, pairs: int, cash: Number) -> None:
        self._number = type(cash)
        self.cash = cash
        self.deposits = cash
        self.withdrawals = self.zero
        self.realised = self.zero
        self.holdings = [Holding(self.zero, self.zero, self.zero) for _ in range(pairs)]
        self.fills: list[Execution] = []
        self.trips: list[RoundTrip] = []
        self.equity_curve: list[Number] = []
        self.cash_curve: list[Number] = []
        self.worst_curve: list[Number] = []

    @property
    def zero(self) -> Number:
        """Nothing, in the account's kind of number."""
        return self._number(0)

    @property
    def unrealised(self) -> Number:
        """Market value of what is held less what it cost, fees included."""
        return sum((held.quantity * held.mark - held.cost for held in self.holdings), self.zero)

    @property
    def equity(self) -> Number:
        """Cash and what is held at the last marks."""
        return self.cash + sum((held.quantity * held.mark for held in self.holdings), self.zero)

    def flow(self, amount: Number) -> None:
        """Take a deposit, or pay a withdrawal."""
        if amount > 0:
            self.deposits += amount
        else:
            # choice: cash never goes below zero, so a withdrawal takes what is there and no more.
            amount = -min(-amount, self.cash)
            self.withdrawals -= amount
        self.cash += amount

    def book(self, fill: Execution) -> None:
        """Book one fill: the entry fee is part of the cost, the exit fee comes off the proceeds."""
        held, notional = self.holdings[fill.pair], fill.quantity * fill.price
        self.fills.append(fill)
        held.fees += fill.fee
        if fill.side is Side.BUY:
            if not held.quantity:
                held.entry_bar = fill.bar
            self.cash -= notional + fill.fee
            held.cost += notional + fill.fee
            held.quantity += fill.quantity
            held.bought += fill.quantity
            held.bought_notional += notional
            held.mark = held.mark or fill.price
            return
        part = held.cost if fill.quantity == held.quantity else held.cost * fill.quantity / held.quantity
        self.cash += notional - fill.fee
        self.realised += notional - fill.fee - part
        held.cost -= part
        held.quantity -= fill.quantity
        held.sold_notional += notional
        if not held.quantity:
            self._close(fill)

    def close_bar(self, bar: int, lows: Mapping[int, Number]) -> None:
        """Record the curve at the marks and at the lows of this bar, and check the books. Errors: AccountingError."""
        worst = (held.quantity * lows.get(pair, held.mark) for pair, held in enumerate(self.holdings))
        self.worst_curve.append(self.cash + sum(worst, self.zero))
        self.equity_curve.append(self.equity)
        self.cash_curve.append(self.cash)
        books = self.deposits - self.withdrawals + self.realised + self.unrealised
        allowed = max(abs(self.equity), self.deposits) * self._number(CLOSE)
        if abs(self.equity - books) > allowed or self.cash < -allowed:
            raise AccountingError(f"bar {bar}: equity is {self.equity}, the books say {books}, cash is {self.cash}")
        if any(held.quantity < 0 for held in self.holdings):
            raise AccountingError(f"bar {bar}: a base balance is below zero")

    def _close(self, fill: Execution) -> None:
        """Write the round trip and forget everything about the position but its mark."""
        held, base = self.holdings[fill.pair], self.holdings[fill.pair].bought
        gross = held.sold_notional - held.bought_notional
        self.trips.append(
            RoundTrip(
                pair=fill.pair,
                entry_bar=held.entry_bar,
                exit_bar=fill.bar,
                quantity=base,
                entry_price=held.bought_notional / base,
                exit_price=held.sold_notional / base,
                gross=gross,
                fees=held.fees,
                net=gross - held.fees,
            )
        )
        self.holdings[fill.pair] = Holding(self.zero, self.zero, held.mark)
