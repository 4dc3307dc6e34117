"""The fake Kraken's matching engine: what orders become when they meet the book and the tape.

An order takes from the book as it comes in; what rests is filled by tape trades that cross it, at its own price and
never for more than the trade's amount. The tape does not move for our orders: they see the market, the market does
not see them. While the market is halted nothing is matched. `admission` decides at the door, `taking` knows the book.
The private endpoints call it; whoever listens (`private_socket`) hears of every step.
Invariant: amounts filled by one tape trade add up to at most that trade; nobody spends what is held or not there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from decimal import ROUND_DOWN, Decimal
from itertools import count

from tradecore.core.clock import Clock
from tradecore.core.types import Nanoseconds, Pair, Side
from tradecore.testing.fake_kraken.accounts import Account, FakeFill, Identifiers
from tradecore.testing.fake_kraken.admission import TRADING, Admission
from tradecore.testing.fake_kraken.counters import TIERS, RateCounter
from tradecore.testing.fake_kraken.order_record import FakeOrder, OrderRequest, OrderState
from tradecore.testing.fake_kraken.order_requests import check_price, check_volume
from tradecore.testing.fake_kraken.private_ports import FaultSwitch, MarketSide
from tradecore.testing.fake_kraken.said import Said
from tradecore.testing.fake_kraken.taking import Taking

ZERO = Decimal(0)
RATE_LIMITED = "EOrder:Rate limit exceeded"
OPPOSITE = {Side.BUY: Side.SELL, Side.SELL: Side.BUY}


@dataclass(frozen=True, slots=True)
class Execution:
    """One step in the life of an order, as the executions channel tells it."""

    account: Account
    order: FakeOrder
    kind: str
    time: Nanoseconds
    fill: FakeFill | None = None


@dataclass(frozen=True, slots=True)
class Amendment:
    """What of an open order is to be changed; None stays as it is."""

    volume: Decimal | None = None
    limit: Decimal | None = None
    trigger: Decimal | None = None
    post_only: bool = False


class Matching:
    """Keeps the open orders of all accounts and lets them meet the market."""

    def __init__(self, market: MarketSide, clock: Clock, ids: Identifiers, faults: FaultSwitch) -> None:
        self.listeners: list[Callable[[Execution], None]] = []
        self._market = market
        self._clock = clock
        self._ids = ids
        self._faults = faults
        self._queue = count(1)
        self._resting: dict[Pair, dict[str, tuple[Account, FakeOrder]]] = {}
        self._taking = Taking(market)
        self._door = Admission(market, self._taking)
        self._counters: dict[tuple[str, Pair], RateCounter] = {}
        self._playing: Nanoseconds | None = None

    @contextmanager
    def playing(self, moment: Nanoseconds) -> Iterator[None]:
        """Let everything happen at a moment of the past that is only now played."""
        before, self._playing = self._playing, moment
        try:
            yield
        finally:
            self._playing = before

    def _moment(self) -> Nanoseconds:
        return self._clock.now() if self._playing is None else self._playing

    # -- what clients ask for

    def submit(self, account: Account, request: OrderRequest, *, points: float = 1.0) -> FakeOrder | None:
        """Take a new order, or return None when it was only to be validated. Errors: Said."""
        now = self._moment()
        self._door.check_mode(request)
        self._door.check_wishes(account, request)
        if not request.validate:
            self.counter(account, request.pair).add(points, now, RATE_LIMITED)
        order = self._new_order(request, now)
        self._door.check_funds(account, order)
        self._door.check_post_only(order)
        if request.validate:
            return None
        self._open(account, order, now)
        return order

    def cancel(self, account: Account, order: FakeOrder, reason: str = "User requested") -> None:
        """Cancel an open order."""
        if order.order_id not in account.open:
            raise Said("EOrder:Unknown order")
        if self._faults.hit("fill_after_cancel", str(order.pair)):
            self._fill_late(account, order)
        self._end(account, order, OrderState.CANCELED, reason)

    def amend(self, account: Account, order: FakeOrder, change: Amendment) -> None:
        """Change an open order in place; it keeps its id, and its place unless it grows or moves. Errors: Said."""
        rules, now = self._market.pair_rules(order.pair), self._moment()
        post_only = change.post_only or order.post_only
        self._door.check_mode(replace(order.request, flags=(*order.request.flags, *(["post"] if post_only else []))))
        before = (order.volume, order.limit, order.trigger)
        if change.volume is not None:
            check_volume(change.volume, rules)
            if change.volume <= order.filled:
                raise Said("EGeneral:Invalid arguments:order_qty")
            order.volume = change.volume
        if change.limit is not None:
            order.limit = check_price(change.limit, rules)
        if change.trigger is not None:
            order.trigger = check_price(change.trigger, rules)
        try:
            self._door.check_funds(account, order)
            if post_only and not order.waiting and self._taking.crosses(order):
                raise Said("EOrder:Post only order")
        except Said:
            order.volume, order.limit, order.trigger = before
            raise
        if order.volume > before[0] or order.limit != before[1]:
            order.queued_at = next(self._queue)
        order.touched_at = now
        self._tell(account, order, "amended", now)
        self._take(account, order, now)

    def edit(self, account: Account, order: FakeOrder, request: OrderRequest, *, points: float) -> FakeOrder | None:
        """Replace an open order by a new one; the old one stays when the new one is refused. Errors: Said."""
        account.open.pop(order.order_id)
        try:
            checked = self.submit(account, replace(request, validate=True))
        finally:
            account.open[order.order_id] = order
        if request.validate:
            return checked
        self.counter(account, request.pair).add(points, self._moment(), RATE_LIMITED)
        self._end(account, order, OrderState.CANCELED, "Order replaced")
        return self.submit(account, request, points=0.0)

    def counter(self, account: Account, pair: Pair) -> RateCounter:
        """Return an account's rate counter for one pair."""
        key = (account.name, pair)
        if key not in self._counters:
            tier = TIERS[account.tier]
            self._counters[key] = RateCounter(tier.engine_limit, tier.engine_decay)
        return self._counters[key]

    def limit_of(self, account: Account) -> float:
        """Return how far an account's counter of one pair may rise."""
        return TIERS[account.tier].engine_limit

    def new_id(self, kind: str) -> str:
        """Return a new id of the venue."""
        return self._ids.next(kind)

    # -- what the market does

    def on_tape_trade(self, pair: Pair, price: Decimal, amount: Decimal, side: Side, now: Nanoseconds) -> None:
        """Let one trade of the tape meet the resting orders of its pair: fills first, then triggers."""
        self._taking.refresh(pair)
        resting = self._resting.get(pair)
        if not resting or self._market.status not in TRADING:
            return
        with self.playing(now):
            budget = amount
            for account, order in self._in_line(pair, price, side):
                if budget <= 0:
                    break
                budget -= self._fill_resting(account, order, budget, now)
            for account, order in list(resting.values()):
                if order.waiting and order.state is OrderState.OPEN and self._reached(order, price):
                    order.triggered = True
                    self._tell(account, order, "triggered", now)
                    self._take(account, order, now)

    def on_time(self, now: Nanoseconds) -> None:
        """Open orders that were to start by now, end those that expired."""
        with self.playing(now):
            for resting in list(self._resting.values()):
                for account, order in list(resting.values()):
                    self._check_time(account, order, now)

    def has_orders(self, pair: Pair) -> bool:
        """Tell whether any order of a pair is open."""
        return bool(self._resting.get(pair))

    def next_due(self) -> Nanoseconds | None:
        """Return when the next order starts or expires."""
        due = [
            moment
            for resting in self._resting.values()
            for _, order in resting.values()
            for moment in (order.request.expire_at, order.request.start_at if order.state is OrderState.PENDING else 0)
            if moment
        ]
        return min(due, default=None)

    # -- how it is decided

    def _check_time(self, account: Account, order: FakeOrder, now: Nanoseconds) -> None:
        if order.request.expire_at and order.request.expire_at <= now:
            self._end(account, order, OrderState.EXPIRED, "Order expired")
        elif order.state is OrderState.PENDING and order.request.start_at <= now:
            order.state = OrderState.OPEN
            self._tell(account, order, "new", now)
            self._take(account, order, now)

    def _new_order(self, request: OrderRequest, now: Nanoseconds) -> FakeOrder:
        volume = self._taking.base_for(request) if request.in_quote else request.volume
        order = FakeOrder(self._ids.next("O"), request, now, volume, request.limit, request.trigger)
        order.touched_at = now
        if request.trail is not None:
            order.best_seen = self._market.last(request.pair)
            self._follow(order, order.best_seen)
        return order

    def _open(self, account: Account, order: FakeOrder, now: Nanoseconds) -> None:
        account.orders[order.order_id] = account.open[order.order_id] = order
        self._resting.setdefault(order.pair, {})[order.order_id] = (account, order)
        order.queued_at = next(self._queue)
        self._tell(account, order, "pending_new", now)
        if order.request.start_at > now:
            return
        order.state = OrderState.OPEN
        self._tell(account, order, "new", now)
        self._take(account, order, now)

    def _take(self, account: Account, order: FakeOrder, now: Nanoseconds) -> None:
        """Let an order take what the book offers, and end what may not rest."""
        if order.waiting or order.state is not OrderState.OPEN:
            return
        walked = [] if order.post_only else self._taking.walk(order)
        if order.request.time_in_force == "FOK" and sum((amount for _, amount in walked), ZERO) < order.left:
            self._end(account, order, OrderState.CANCELED, "Fill or kill not filled")
            return
        for price, amount in walked:
            if order.triggered and not self._door.affordable(account, order, price, amount):
                self._end(account, order, OrderState.CANCELED, "Insufficient funds")
                return
            self._taking.take(order, price, amount)
            self._book(account, order, price, amount, now, maker=False)
        if order.state is not OrderState.OPEN:
            return
        if order.limit is None:
            self._end(account, order, OrderState.CANCELED, "Insufficient liquidity")
        elif order.request.time_in_force == "IOC":
            self._end(account, order, OrderState.CANCELED, "Immediate or cancel")

    def _in_line(self, pair: Pair, price: Decimal, side: Side) -> list[tuple[Account, FakeOrder]]:
        """Return the resting orders that a tape trade reaches, in the order of price, then time.

        A trade beyond the limit reaches an order whoever was the taker; a trade at the limit only when its taker came
        from the other side: then it took from our level of the book.
        """
        reached = [
            (account, order)
            for account, order in self._resting[pair].values()
            if order.state is OrderState.OPEN
            and not order.waiting
            and order.limit is not None
            and ((order.limit - price) * int(order.side) > 0 or (order.limit == price and OPPOSITE[order.side] is side))
        ]
        return sorted(reached, key=lambda pair_: (-pair_[1].worst_price * int(pair_[1].side), pair_[1].queued_at))

    def _fill_resting(self, account: Account, order: FakeOrder, budget: Decimal, now: Nanoseconds) -> Decimal:
        rules = self._market.pair_rules(order.pair)
        amount = min(order.left, budget)
        if self._faults.hit("dust", str(order.pair)):
            amount = min(amount, order.left - order.left / 3)
        amount = amount.quantize(Decimal(1).scaleb(-rules.lot_decimals), ROUND_DOWN)
        if amount <= 0 or order.limit is None:
            return ZERO
        self._book(account, order, order.limit, amount, now, maker=True)
        return amount

    def _fill_late(self, account: Account, order: FakeOrder) -> None:
        """Fill half of an order that is about to be cancelled: the cancel came too late for that much."""
        rules = self._market.pair_rules(order.pair)
        amount = round(order.left / 2, rules.lot_decimals)
        if order.limit is not None and not order.waiting and amount > 0:
            self._book(account, order, order.limit, amount, self._moment(), maker=True)

    def _reached(self, order: FakeOrder, price: Decimal) -> bool:
        self._follow(order, price)
        if order.trigger is None:
            return False
        up = (order.side is Side.BUY) == ("take-profit" not in order.request.order_type)
        return price >= order.trigger if up else price <= order.trigger

    def _follow(self, order: FakeOrder, price: Decimal) -> None:
        trail = order.request.trail
        if trail is None or order.best_seen is None:
            return
        order.best_seen = min(order.best_seen, price) if order.side is Side.BUY else max(order.best_seen, price)
        tick = self._market.pair_rules(order.pair).tick
        order.trigger = round(trail.behind(order.best_seen, order.side) / tick) * tick
        if order.request.limit_offset is not None:
            order.limit = round((order.trigger + order.request.limit_offset) / tick) * tick

    def _book(
        self, account: Account, order: FakeOrder, price: Decimal, amount: Decimal, now: Nanoseconds, *, maker: bool
    ) -> None:
        fill = account.book_fill(order, price, amount, now, maker=maker)
        self._tell(account, order, "trade", now, fill)
        if order.left == 0:
            self._forget(order)
            self._tell(account, order, "filled", now)
            self._close_out(account, order)

    def _end(self, account: Account, order: FakeOrder, state: OrderState, reason: str) -> None:
        now = self._moment()
        account.close(order, state, now, reason)
        self._forget(order)
        self._tell(account, order, state.value, now)
        self._close_out(account, order)

    def _close_out(self, account: Account, order: FakeOrder) -> None:
        """Send the order that was to follow, for what was filled; one that is refused is kept as cancelled."""
        wish = order.request.close
        if wish is None or order.close_done or not order.filled:
            return
        order.close_done = True
        request = OrderRequest(
            order.pair, OPPOSITE[order.side], wish.order_type, order.filled, limit=wish.price, trigger=wish.trigger
        )
        follower = self._new_order(request, self._moment())
        follower.parent_id = order.order_id
        try:
            self._door.check_funds(account, follower)
        except Said as said:
            follower.state, follower.closed_at, follower.reason = OrderState.CANCELED, self._moment(), str(said)
            account.orders[follower.order_id] = follower
            self._tell(account, follower, "canceled", self._moment())
            return
        self._open(account, follower, self._moment())

    def _forget(self, order: FakeOrder) -> None:
        self._resting.get(order.pair, {}).pop(order.order_id, None)

    def _tell(
        self, account: Account, order: FakeOrder, kind: str, now: Nanoseconds, fill: FakeFill | None = None
    ) -> None:
        for listener in self.listeners:
            listener(Execution(account, order, kind, now, fill))
