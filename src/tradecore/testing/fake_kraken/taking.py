"""What an order would take from the fake venue's book, now: the levels it crosses, less what was taken already.

The book follows from the tape and does not move for our orders; so that one order cannot eat a level twice, and two
orders not the same one, what was taken stays taken until the pair's next tape trade. The matching engine asks.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import ROUND_DOWN, Decimal

from tradecore.core.types import Pair, Side
from tradecore.testing.fake_kraken.order_record import FakeOrder, OrderRequest
from tradecore.testing.fake_kraken.order_requests import check_volume
from tradecore.testing.fake_kraken.private_ports import Level, MarketSide

ZERO = Decimal(0)


class Taking:
    """The offers as takers meet them."""

    def __init__(self, market: MarketSide) -> None:
        self._market = market
        self._taken: dict[tuple[Pair, Side], dict[Decimal, Decimal]] = {}

    def refresh(self, pair: Pair) -> None:
        """Forget what was taken: the tape has moved, and the book is another one."""
        self._taken.pop((pair, Side.BUY), None)
        self._taken.pop((pair, Side.SELL), None)

    def take(self, order: FakeOrder, price: Decimal, amount: Decimal) -> None:
        """Remember that an order took an amount from a level."""
        taken = self._taken.setdefault((order.pair, order.side), {})
        taken[price] = taken.get(price, ZERO) + amount

    def crosses(self, order: FakeOrder) -> bool:
        """Tell whether an order would take anything at all."""
        return any(True for _ in self._crossed(order))

    def walk(self, order: FakeOrder) -> list[Level]:
        """Return what an order would take, level by level, until it is filled or its limit is reached."""
        left, parts = order.left, []
        for price, offered in self._crossed(order):
            part = min(left, offered)
            parts.append((price, part))
            left -= part
            if left <= 0:
                break
        return parts

    def base_for(self, request: OrderRequest) -> Decimal:
        """Return how much base the quote amount of a market order moves. Errors: Said when that is too little."""
        rules, money, amount = self._market.pair_rules(request.pair), request.volume, ZERO
        for price, offered in self._offers(request.pair, request.side):
            part = min(offered, money / price)
            amount, money = amount + part, money - part * price
            if money <= 0:
                break
        return check_volume(amount.quantize(Decimal(1).scaleb(-rules.lot_decimals), ROUND_DOWN), rules)

    def _crossed(self, order: FakeOrder) -> Iterator[Level]:
        for price, offered in self._offers(order.pair, order.side):
            if order.limit is not None and (order.limit - price) * int(order.side) < 0:
                return
            yield price, offered

    def _offers(self, pair: Pair, side: Side) -> Iterator[Level]:
        taken = self._taken.get((pair, side), {})
        for price, offered in self._market.offers(pair, side):
            rest = offered - taken.get(price, ZERO)
            if rest > 0:
                yield price, rest
