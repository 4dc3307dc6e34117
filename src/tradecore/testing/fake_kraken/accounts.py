"""Accounts of the fake Kraken: balances, holds, fills, fees by volume, and the ledger entry of every change.

Money is Decimal and changes only through `deposit` and `book_fill`, each of which writes the ledger entry it makes;
so the sum of an asset's ledger is its balance, exactly. What an open order reserves is not stored: it follows from
the orders (`holds`), so a hold can never outlive its order.
The matching engine calls `book_fill`; the private endpoints read.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from itertools import count

import numpy as np

from tradecore.core.types import DAY_NS, Nanoseconds, Pair, Side
from tradecore.testing.fake_kraken.order_record import FakeOrder, OrderState
from tradecore.testing.fake_kraken.private_ports import FeeTier, MarketSide, PairRules

ALL_PERMISSIONS = frozenset(
    {
        *("query-funds", "query-open-trades", "query-closed-trades", "query-ledger"),
        *("modify-trades", "close-trades", "create-ws-token"),
    }
)
"""What a trading key may do. Withdrawing is not among it: the fake has no such call."""

ZERO = Decimal(0)
_ID_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


class Identifiers:
    """Makes the venue's ids: three groups of letters and digits, the first of which tells the kind."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._given: set[str] = set()
        self._trades = count(40_000_001)

    def next(self, kind: str) -> str:
        """Return a new id such as OUF4EM-FRGI2-MQMWZD; `kind` is its first letter."""
        while True:
            letters = [_ID_LETTERS[i] for i in self._rng.integers(0, 32, size=16)]
            text = kind + "".join(letters[:5]) + "-" + "".join(letters[5:10]) + "-" + "".join(letters[10:])
            if text not in self._given:
                self._given.add(text)
                return text

    def next_trade(self) -> int:
        """Return the market's number of a fill; no two fills of any account share one."""
        return next(self._trades)


@dataclass(frozen=True, slots=True)
class ApiKey:
    """One key of one account. The secret is base64, as the venue hands it out."""

    key: str
    secret: str = field(repr=False)
    permissions: frozenset[str] = ALL_PERMISSIONS
    nonce_window: int = 0


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One change of one balance, with the balance after it."""

    entry_id: str
    ref_id: str
    time: Nanoseconds
    kind: str
    asset: str
    amount: Decimal
    fee: Decimal
    balance: Decimal


@dataclass(frozen=True, slots=True)
class FakeFill:
    """One execution of one order. `cost` and `fee` are in the quote asset; `charged` says where the fee went."""

    fill_id: str
    order: FakeOrder
    time: Nanoseconds
    price: Decimal
    amount: Decimal
    cost: Decimal
    fee: Decimal
    charged: tuple[str, Decimal]
    maker: bool
    trade_id: int
    ledgers: tuple[str, ...] = ()

    @property
    def pair(self) -> Pair:
        """The pair of the order."""
        return self.order.pair


class Account:
    """Everything one client has at the venue."""

    def __init__(self, name: str, market: MarketSide, ids: Identifiers, tier: str = "intermediate") -> None:
        self.name = name
        self.tier = tier
        self.balances: dict[str, Decimal] = {}
        self.orders: dict[str, FakeOrder] = {}
        self.open: dict[str, FakeOrder] = {}
        self.fills: dict[str, FakeFill] = {}
        self.ledger: dict[str, LedgerEntry] = {}
        self.cancel_all_at: Nanoseconds | None = None
        self._market = market
        self._ids = ids
        self._volume: deque[tuple[Nanoseconds, Decimal]] = deque()
        self._volume_sum = ZERO
        self._seen: Nanoseconds = 0

    def deposit(self, asset: str, amount: Decimal, now: Nanoseconds) -> LedgerEntry:
        """Add (or, when negative, take away) an amount of an asset from outside."""
        return self._move(asset, amount, ZERO, "deposit" if amount >= 0 else "withdrawal", self._ids.next("Q"), now)

    def holds(self) -> dict[str, Decimal]:
        """Return what open orders reserve, by asset."""
        held: dict[str, Decimal] = {}
        for order in self.open.values():
            asset, amount = self.hold_of(order)
            if amount:
                held[asset] = held.get(asset, ZERO) + amount
        return held

    def hold_of(self, order: FakeOrder) -> tuple[str, Decimal]:
        """Return the asset and amount that the rest of an order reserves: cost and taker's fee, or the base."""
        rules = self._market.pair_rules(order.pair)
        left = order.left
        if order.side is Side.SELL:
            fee = left * self.fee_rate(rules, maker=False) if order.fee_in_base else ZERO
            return order.pair.base, left + self._rounded(order.pair.base, fee)
        cost = left * order.worst_price
        fee = ZERO if order.fee_in_base else cost * self.fee_rate(rules, maker=order.post_only)
        return order.pair.quote, self._rounded(order.pair.quote, cost + fee)

    def available(self, asset: str) -> Decimal:
        """Return balance less holds."""
        return self.balances.get(asset, ZERO) - self.holds().get(asset, ZERO)

    def volume_30d(self, now: Nanoseconds | None = None) -> Decimal:
        """Return what was traded in the last 30 days, in the quote currency of each pair; time only moves on."""
        self._seen = max(self._seen, now or 0)
        while self._volume and self._volume[0][0] <= self._seen - 30 * DAY_NS:
            self._volume_sum -= self._volume.popleft()[1]
        return self._volume_sum

    def fee_rate(self, rules: PairRules, *, maker: bool, now: Nanoseconds | None = None) -> Decimal:
        """Return the fee as a fraction of the cost, by the volume of the last 30 days."""
        return fee_percent(rules.maker_fees if maker else rules.taker_fees, self.volume_30d(now)) / 100

    def book_fill(
        self, order: FakeOrder, price: Decimal, amount: Decimal, now: Nanoseconds, *, maker: bool
    ) -> FakeFill:
        """Take a fill into balances, ledger, order and volume; return it as the venue keeps it."""
        pair, rules = order.pair, self._market.pair_rules(order.pair)
        cost = self._rounded(pair.quote, price * amount)
        fee = self._rounded(pair.quote, cost * self.fee_rate(rules, maker=maker, now=now))
        charged = (pair.quote, fee)
        if order.fee_in_base:
            charged = (pair.base, self._rounded(pair.base, amount * self.fee_rate(rules, maker=maker, now=now)))
        fill_id = self._ids.next("T")
        entries = []
        for asset, change in ((pair.base, amount * int(order.side)), (pair.quote, -cost * int(order.side))):
            fee_here = charged[1] if charged[0] == asset else ZERO
            entries.append(self._move(asset, change, fee_here, "trade", fill_id, now).entry_id)
        trade_id = self._ids.next_trade()
        fill = FakeFill(fill_id, order, now, price, amount, cost, fee, charged, maker, trade_id, tuple(entries))
        self.fills[fill_id] = fill
        self._volume.append((now, cost))
        self._volume_sum += cost
        order.take_fill(fill_id, amount, cost, fee)
        if order.left == 0:
            self.close(order, OrderState.CLOSED, now, "")
        return fill

    def close(self, order: FakeOrder, state: OrderState, now: Nanoseconds, reason: str) -> None:
        """Take an order out of the open ones."""
        order.state, order.closed_at, order.reason = state, now, reason
        self.open.pop(order.order_id, None)

    def _move(self, asset: str, amount: Decimal, fee: Decimal, kind: str, ref_id: str, now: Nanoseconds) -> LedgerEntry:
        balance = self.balances.get(asset, ZERO) + amount - fee
        self.balances[asset] = balance
        entry = LedgerEntry(self._ids.next("L"), ref_id, now, kind, asset, amount, fee, balance)
        self.ledger[entry.entry_id] = entry
        return entry

    def _rounded(self, asset: str, amount: Decimal) -> Decimal:
        return amount.quantize(Decimal(1).scaleb(-self._market.asset_decimals(asset)), ROUND_HALF_UP)


def fee_percent(tiers: Sequence[FeeTier], volume: Decimal) -> Decimal:
    """Return the percent of the highest tier that the volume has reached."""
    return [percent for threshold, percent in tiers if volume >= threshold][-1]
