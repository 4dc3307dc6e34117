"""Whether the fake venue takes an order: the mode of the market, what may be wished for, and what the account can pay.

Every refusal is one of the venue's own strings. Terms of the order itself (ticks, minima, spelling) were checked when
it was read; the matching engine asks here before it places, amends or triggers anything.
"""

from __future__ import annotations

from decimal import Decimal

from tradecore.core.types import Side
from tradecore.testing.fake_kraken.accounts import Account
from tradecore.testing.fake_kraken.counters import TIERS
from tradecore.testing.fake_kraken.order_record import FakeOrder, OrderRequest
from tradecore.testing.fake_kraken.private_ports import MarketSide
from tradecore.testing.fake_kraken.said import Said
from tradecore.testing.fake_kraken.taking import Taking

ZERO = Decimal(0)
DUPLICATE_CLIENT_ID = "EOrder:cl_ord_id already in use"
"""The venue's exact text is not documented; what is, is that it refuses while an order of that id is open."""
TRADING = ("online", "limit_only")
"""The modes in which orders are matched at all."""


class Admission:
    """Decides over orders at the door."""

    def __init__(self, market: MarketSide, taking: Taking) -> None:
        self._market = market
        self._taking = taking

    def check_mode(self, request: OrderRequest) -> None:
        """Refuse what the mode of the market forbids. Errors: Said."""
        status = self._market.status
        if status == "maintenance":
            raise Said("EService:Unavailable")
        if status == "cancel_only":
            raise Said("EService:Market in cancel_only mode")
        if status == "post_only" and not request.post_only:
            raise Said("EService:Market in post_only mode")
        if status == "limit_only" and request.order_type not in {"limit", "iceberg"}:
            raise Said("EService:Market in limit_only mode")

    def check_wishes(self, account: Account, request: OrderRequest) -> None:
        """Refuse terms that do not go together, or not with the account's other orders. Errors: Said."""
        if request.reduce_only:
            raise Said("EOrder:Reduce only:No position exists")
        if request.post_only and request.order_type not in {"limit", "iceberg"}:
            raise Said("EGeneral:Invalid arguments:oflags")
        if request.post_only and request.time_in_force in {"IOC", "FOK"}:
            raise Said("EGeneral:Invalid arguments:timeinforce")
        mine = account.open.values()
        if request.cl_ord_id is not None and any(o.request.cl_ord_id == request.cl_ord_id for o in mine):
            raise Said(DUPLICATE_CLIENT_ID)
        if sum(o.pair == request.pair for o in mine) >= TIERS[account.tier].open_orders:
            raise Said("EOrder:Orders limit exceeded")

    def check_funds(self, account: Account, order: FakeOrder) -> None:
        """Refuse an order that costs too little, or more than the account has free. Errors: Said."""
        rules = self._market.pair_rules(order.pair)
        asset, needed = account.hold_of(order)
        price = order.worst_price
        if not price:
            walked = self._taking.walk(order)
            price = walked[0][0] if walked else self._market.last(order.pair)
            if order.side is Side.BUY:
                cost = sum((level * amount for level, amount in walked), ZERO)
                needed = cost * (1 + (ZERO if order.fee_in_base else account.fee_rate(rules, maker=False)))
        if order.left * price < rules.cost_min:
            raise Said("EOrder:Cost minimum not met")
        own = account.hold_of(order)[1] if order.order_id in account.open else ZERO
        if needed > account.available(asset) + own:
            raise Said("EOrder:Insufficient funds")

    def check_post_only(self, order: FakeOrder) -> None:
        """Refuse an order that says it rests and would take. Errors: Said."""
        if order.post_only and not order.waiting and not order.request.start_at and self._taking.crosses(order):
            raise Said("EOrder:Post only order")

    def affordable(self, account: Account, order: FakeOrder, price: Decimal, amount: Decimal) -> bool:
        """Tell whether a triggered order can pay: the market may have moved beyond what was reserved."""
        if order.side is Side.SELL:
            return True
        rate = account.fee_rate(self._market.pair_rules(order.pair), maker=False)
        reserve = account.available(order.pair.quote) + account.hold_of(order)[1]
        return price * amount * (1 + rate) <= reserve
