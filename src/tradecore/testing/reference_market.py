"""A second market, written from the specification alone: slow, readable, one plain step per rule.

It exists to be compared with. The property tests send random orders through it and through the compiled kernel, and
every difference is a bug in one of them or a hole in the specification. It shares no code with `sim`, holds no arrays,
and runs with `Decimal` (exact money) or `float`. It is not fast, not a venue and not part of any run.

Long only, one account, several pairs on one clock. `step` plays one bar in the order the specification gives: cash
flows, orders that arrive, resting orders, protective orders, mark. Where the specification leaves a choice, the comment
`choice:` names it; each takes the less flattering way.

Invariant, checked after every bar by the account: equity = deposits - withdrawals + realised + unrealised, and neither
cash nor base is ever negative.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from math import inf

from tradecore.core.orders import At, FillReason, Intent, Level, Liquidity, OrderKind, OrderNote, OrderState, SizeKind
from tradecore.core.types import Pair, Side
from tradecore.testing.reference_account import ReferenceAccount
from tradecore.testing.reference_values import (
    Bar,
    Convert,
    Ending,
    Execution,
    Number,
    PairRules,
    Working,
    down,
    exact,
    up,
)

__all__ = ["Bar", "PairRules", "ReferenceMarket"]


class ReferenceMarket:
    """One account in one market. Submit intents between bars, then `step`; read the logs.

    `number` is `Decimal` for exact arithmetic (floats count as the decimals they print as) or `float`.
    """

    def __init__(
        self,
        pairs: Sequence[Pair],
        rules: Sequence[PairRules],
        cash: float,
        *,
        max_positions: int | None = None,
        latency_bars: int = 0,
        number: type[Decimal] | type[float] = Decimal,
    ) -> None:
        self._of: Convert = exact if number is Decimal else float
        self.pairs, self.rules = tuple(pairs), tuple(rules)
        self.account = ReferenceAccount(len(pairs), self._of(cash))
        self.max_positions = inf if max_positions is None else max_positions
        self.latency_bars = latency_bars
        self.bar = -1
        self.working: list[Working] = []
        self.endings: list[Ending] = []
        self._bars: dict[int, Bar] = {}
        self._used: dict[int, Number] = {}

    # -- between bars

    def submit(self, intent: Intent) -> None:
        """Accept an intent decided on the newest final bar; it is active from the open of the next, plus latency."""
        active_from = self.bar + 1 + self.latency_bars
        self.working.append(Working(intent, self.pairs.index(intent.pair), active_from, filled=self._of(0)))

    def cancel(self, intent_id: int) -> None:
        """Take back what rests of an intent, now, between two bars."""
        for work in [work for work in self.working if work.intent.id == intent_id]:
            self._end(work, OrderState.CANCELLED, OrderNote.CANCELLED)

    # -- one bar

    def step(self, bars: Sequence[Bar | None], flow: float = 0.0) -> None:
        """Play the next bar: one entry per pair, None where the pair has no bar at this time."""
        self.bar += 1
        # A pair without a bar, or with a filled one, is carried: nothing of it fills, its mark stays.
        self._bars = {pair: bar for pair, bar in enumerate(bars) if bar is not None and bar.real}
        self._used = {pair: self._of(0) for pair in self._bars}
        self.account.flow(self._of(flow))
        self._arrivals()
        self._resting()
        for pair in sorted(self._bars):
            self._protect(pair)
        for pair, bar in self._bars.items():
            self._finish(pair, bar)
        self.account.close_bar(self.bar)

    def _arrivals(self) -> None:
        """Fill what acts at the open: exits in pair order, then entries in pair order."""
        for pair in sorted(self._bars):
            if self.account.holdings[pair].leaving:
                self._leave(
                    pair, self._moved(pair, self._price(pair, "open"), Side.SELL, None, spread=True), FillReason.CAP
                )
        for work in self._in_turn():
            arriving, work.arrived = not work.arrived, True
            opened = self._price(work.pair, "open")
            if work.is_market or work.intent.kind is OrderKind.MARKET:
                work.is_market = True
                price = self._moved(work.pair, opened, work.intent.side, work.intent.slippage, spread=True)
                self._fill(work, price, Liquidity.TAKER, at_open=True)
            elif arriving and work.intent.kind is OrderKind.LIMIT:
                limit = self._limit(work)
                if opened <= limit if work.intent.side is Side.BUY else opened >= limit:
                    self._fill(work, self._ticked(work.pair, opened, work.intent.side), Liquidity.TAKER, at_open=True)

    def _resting(self) -> None:
        """Fill limits that were traded through and stops that were reached: exits first, then entries."""
        for work in self._in_turn():
            if work.is_market or work.acted_in == self.bar or not work.arrived:
                continue
            if work.intent.kind is OrderKind.LIMIT:
                self._rest_limit(work)
            else:
                self._rest_stop(work)

    def _in_turn(self) -> list[Working]:
        """Return the active orders of tradable pairs: exits before entries, then by pair, then as they were sent."""
        active = [work for work in self.working if work.active_from <= self.bar and work.pair in self._bars]
        return sorted(active, key=lambda work: (work.intent.side is Side.BUY, work.pair))

    def _rest_limit(self, work: Working) -> None:
        limit, touch = self._limit(work), self.rules[work.pair].touch
        low, high = self._price(work.pair, "low"), self._price(work.pair, "high")
        if work.intent.side is Side.BUY:
            reached, price = low < limit or (touch and low == limit), min(limit, high)
        else:
            reached, price = high > limit or (touch and high == limit), max(limit, low)
        if reached:
            self._fill(work, price, Liquidity.MAKER, at_open=False)

    def _rest_stop(self, work: Working) -> None:
        side, opened = work.intent.side, self._price(work.pair, "open")
        trigger = self._ticked(work.pair, self._of(work.intent.price), side)
        if side is Side.BUY:
            beyond, reached = opened >= trigger, self._price(work.pair, "high") >= trigger
        else:
            beyond, reached = opened <= trigger, self._price(work.pair, "low") <= trigger
        if beyond or reached:
            work.is_market = True
            price = self._moved(work.pair, opened if beyond else trigger, side, work.intent.slippage, spread=False)
            self._fill(work, price, Liquidity.TAKER, at_open=beyond)

    # -- one order

    def _fill(self, work: Working, price: Number, liquidity: Liquidity, *, at_open: bool) -> None:
        """Fill as much of an order as size, limits, cash and volume allow at `price`; end it when nothing is left."""
        work.acted_in = self.bar
        rate = self._rate(work.pair, liquidity)
        if work.wanted is None and not self._resolve(work, price, rate):
            return
        buy = work.intent.side is Side.BUY
        left = work.wanted - work.filled
        affordable = self._affordable(work.pair, price, rate) if buy else self.account.holdings[work.pair].quantity
        if affordable < left:  # only a rest can meet this: cash or position went elsewhere in the meantime
            left, work.note = affordable, OrderNote.CASH_RESIZED if buy else OrderNote.NO_POSITION
            work.wanted = work.filled + left
        quantity = min(left, self._room(work.pair))
        if buy and quantity > 0 and self._is_dust(work.pair, quantity, price):
            self._end(work, OrderState.CANCELLED if work.filled else OrderState.REJECTED, OrderNote.DUST)
            return
        if quantity > 0:
            reason = FillReason.CAP if work.pushed and work.is_market else FillReason.SIGNAL
            self._book(work.pair, work.intent, quantity=quantity, price=price, liquidity=liquidity, reason=reason)
            work.filled += quantity
            if buy:
                self._protect_with(work, price, at_open=at_open)
        if work.filled >= work.wanted:
            self._end(work, OrderState.FILLED if work.filled else OrderState.REJECTED, work.note)
        else:
            work.pushed = True

    def _resolve(self, work: Working, price: Number, rate: Number) -> bool:
        """Turn the order's size into base at its first fill price, or reject it; return whether it may go on."""
        rules, intent = self.rules[work.pair], work.intent
        quantity = self._sized(work, price, rate)
        if intent.side is Side.BUY:
            quantity, note = self._within_limits(work, quantity, price, rate)
        else:
            held = self.account.holdings[work.pair].quantity
            note = OrderNote.NONE
            if not held:
                refused = intent.reduce_only or intent.size_kind is SizeKind.ALL
                note = OrderNote.NO_POSITION if refused else OrderNote.SHORT_NOT_ALLOWED
            quantity = min(quantity, held)
        work.note, work.wanted = note, down(quantity, self._of(rules.lot))
        if work.wanted > 0 and work.wanted >= self._of(rules.min_quantity):  # noqa: SIM102  two rules, two lines
            if work.wanted * price >= self._of(rules.min_notional):
                return True
        # A limit that leaves nothing is the reason; one that leaves too little makes the order too small.
        if work.wanted > 0 or note is OrderNote.NONE:
            note = OrderNote.BELOW_MINIMUM
        elif note is OrderNote.CASH_RESIZED:
            note = OrderNote.NO_CASH
        self._end(work, OrderState.REJECTED, note)
        return False

    def _sized(self, work: Working, price: Number, rate: Number) -> Number:
        """Return the order's size in base at the fill price, the fee included, before limits and rounding."""
        kind, size = work.intent.size_kind, self._of(work.intent.size)
        if kind is SizeKind.ALL:
            return self.account.holdings[work.pair].quantity
        if kind is SizeKind.BASE:
            return size
        quote = size * self.account.equity if kind is SizeKind.FRACTION else size
        return quote / (price * (1 + rate))

    def _within_limits(self, work: Working, quantity: Number, price: Number, rate: Number) -> tuple[Number, OrderNote]:
        """Return what position limits and cash leave of an entry, and the note of the one that cut deepest."""
        rules, held = self.rules[work.pair], self.account.holdings[work.pair].quantity
        if not held and sum(1 for holding in self.account.holdings if holding.quantity) >= self.max_positions:
            return self._of(0), OrderNote.OPEN_POSITIONS_LIMIT
        rooms = [
            (self._of(rules.max_base) - held, OrderNote.POSITION_BASE_LIMIT),
            (self._of(rules.max_quote) / price - held, OrderNote.POSITION_QUOTE_LIMIT),
            (self.account.cash / (price * (1 + rate)), OrderNote.CASH_RESIZED),
        ]
        note = OrderNote.NONE
        for room, name in rooms:
            if room < quantity:
                quantity, note = max(room, self._of(0)), name
        return quantity, note

    def _affordable(self, pair: int, price: Number, rate: Number) -> Number:
        quantity = self.account.cash / (price * (1 + rate))
        # The last bit of a division must not cut an order that was sized to the whole cash.
        return down(quantity * (1 + self._of(1e-12)), self._of(self.rules[pair].lot))

    def _room(self, pair: int) -> Number:
        """Return how much of the bar's volume may still fill, in whole lots."""
        cap = self._of(self.rules[pair].participation)
        if cap == self._of(inf):
            return cap
        return down(cap * self._of(self._bars[pair].volume) - self._used[pair], self._of(self.rules[pair].lot))

    def _is_dust(self, pair: int, quantity: Number, price: Number) -> bool:
        """Return whether the position that would be held after this entry could not be sold again at this price."""
        rules, after = self.rules[pair], self.account.holdings[pair].quantity + quantity
        # choice: "could be sold" is asked at the price a market sell would get where the entry filled.
        sold_at = self._moved(pair, price, Side.SELL, None, spread=True)
        return bool(after < self._of(rules.min_quantity) or after * sold_at < self._of(rules.min_notional))

    def _end(self, work: Working, state: OrderState, note: OrderNote) -> None:
        self.working.remove(work)
        wanted = self._of(0) if work.wanted is None else work.wanted
        self.endings.append(Ending(work.intent.id, self.bar, state, note, wanted, work.filled))

    # -- positions

    def _protect_with(self, work: Working, price: Number, *, at_open: bool) -> None:
        """Tie the entry's stop, target and trail to the position it made or enlarged."""
        held, intent = self.account.holdings[work.pair], work.intent
        entry = held.bought_notional / held.bought
        if intent.stop is not None:
            held.stop = self._ticked(work.pair, self._level(intent.stop, entry), Side.SELL)
        if intent.target is not None:
            held.target = up(self._level(intent.target, entry), self._of(self.rules[work.pair].tick))
        if intent.trail is not None:
            held.trail = self._of(intent.trail)
        held.extreme = price if held.extreme is None else max(held.extreme, price)
        if not at_open:
            held.entered_inside = self.bar

    def _level(self, level: Level, entry: Number) -> Number:
        return self._of(level.price) if isinstance(level, At) else entry * (1 + self._of(level))

    def _protect(self, pair: int) -> None:
        """Let stop, trail and target of one position act on the bar; the stop happened first."""
        held = self.account.holdings[pair]
        if not held.quantity or held.leaving:
            return
        opened, low, high = (self._price(pair, name) for name in ("open", "low", "high"))
        level, reason = self._stop_level(pair)
        if level is not None and low <= level:
            # A position that was entered inside the bar was not there at the open.
            gap = opened <= level and held.entered_inside != self.bar
            price = self._moved(pair, opened if gap else min(level, high), Side.SELL, None, spread=False)
            held.leaving = True
            self._leave(pair, price, reason)
            return
        touched = self.rules[pair].touch and high == held.target
        # An entry inside the bar may have come after the high, so its target has to wait.
        if held.target is not None and (high > held.target or touched) and held.entered_inside != self.bar:
            self._leave(pair, max(held.target, low), FillReason.TARGET, Liquidity.MAKER)

    def _stop_level(self, pair: int) -> tuple[Number | None, FillReason]:
        """Return the higher of stop and trailing stop, and which of them it is."""
        held = self.account.holdings[pair]
        if held.trail is None:
            return held.stop, FillReason.STOP
        trailing = self._ticked(pair, held.extreme * (1 - held.trail), Side.SELL)
        if held.stop is not None and held.stop >= trailing:
            return held.stop, FillReason.STOP
        return trailing, FillReason.TRAIL

    def _leave(self, pair: int, price: Number, reason: FillReason, liquidity: Liquidity = Liquidity.TAKER) -> None:
        """Sell what the volume allows of a whole position."""
        quantity = min(self.account.holdings[pair].quantity, self._room(pair))
        if quantity > 0:
            self._book(pair, None, quantity=quantity, price=price, liquidity=liquidity, reason=reason)

    def _book(
        self,
        pair: int,
        intent: Intent | None,
        *,
        quantity: Number,
        price: Number,
        liquidity: Liquidity,
        reason: FillReason,
    ) -> None:
        """Write a fill with its fee; no intent means a protective exit."""
        order, side = (-1, Side.SELL) if intent is None else (intent.id, intent.side)
        fee = quantity * price * self._rate(pair, liquidity)
        self._used[pair] += quantity
        self.account.book(Execution(self.bar, pair, order, side, quantity, price, fee, liquidity, reason))

    def _rate(self, pair: int, liquidity: Liquidity) -> Number:
        rules = self.rules[pair]
        return self._of(rules.maker_fee if liquidity is Liquidity.MAKER else rules.taker_fee)

    def _finish(self, pair: int, bar: Bar) -> None:
        held = self.account.holdings[pair]
        held.mark = self._of(bar.close)
        if held.quantity:
            held.extreme = max(held.extreme, self._of(bar.high))

    # -- prices

    def _price(self, pair: int, name: str) -> Number:
        return self._of(getattr(self._bars[pair], name))

    def _limit(self, work: Working) -> Number:
        """Return the limit on its passive side of the tick: a buy down, a sell up."""
        rounded = down if work.intent.side is Side.BUY else up
        return rounded(self._of(work.intent.price), self._of(self.rules[work.pair].tick))

    def _ticked(self, pair: int, price: Number, side: Side) -> Number:
        """Return a price rounded to the tick against an order of `side`: a buy up, a sell down."""
        return (up if side is Side.BUY else down)(price, self._of(self.rules[pair].tick))

    def _moved(self, pair: int, price: Number, side: Side, slippage: float | None, *, spread: bool) -> Number:
        """Return a price moved against an order by slippage, and the half spread for market orders, on the tick."""
        rules = self.rules[pair]
        share = self._of(rules.slippage if slippage is None else slippage)
        if spread:
            share += self._of(rules.half_spread)
        return self._ticked(pair, price * (1 + share if side is Side.BUY else 1 - share), side)
