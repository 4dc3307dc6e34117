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
        self.account.close_bar(self.bar, {pair: self._price(pair, "low") for pair in self._bars})

    def _arrivals(self) -> None:
        """Fill what acts at the open: exits in pair order, then entries in pair order."""
        for pair in sorted(self._bars):
            if self.account.holdings[pair].leaving:
                self._go_on_leaving(pair)
            for work in self._active(pair, entries=False):
                self._arrive(work)
        for pair in sorted(self._bars):
            for work in self._active(pair, entries=True):
                self._arrive(work)

    def _arrive(self, work: Working) -> None:
        arriving, work.arrived = not work.arrived, True
        side, opened = work.intent.side, self._price(work.pair, "open")
        if work.is_market or work.intent.kind is OrderKind.MARKET:
            work.is_market = True
            price = self._moved(work.pair, opened, side, work.intent.slippage, spread=True)
            self._fill(work, price, Liquidity.TAKER, at_open=True)
        elif arriving and work.intent.kind is OrderKind.LIMIT:
            limit = self._limit(work)
            if opened <= limit if side is Side.BUY else opened >= limit:
                self._fill(work, self._ticked(work.pair, opened, side), Liquidity.TAKER, at_open=True)

    def _resting(self) -> None:
        """Fill limits that were traded through and stops that were reached: exits first, then entries."""
        for entries in (False, True):
            for pair in sorted(self._bars):
                for work in self._active(pair, entries=entries):
                    if work.is_market or work.acted_in == self.bar or not work.arrived:
                        continue
                    (self._rest_limit if work.intent.kind is OrderKind.LIMIT else self._rest_stop)(work)

    def _active(self, pair: int, *, entries: bool) -> list[Working]:
        """Return a pair's active orders as they were sent: its exits, or its entries."""
        active = [work for work in self.working if work.pair == pair and work.active_from <= self.bar]
        # An order that may only reduce is an exit, whatever its side.
        return [work for work in active if entries is (work.intent.side is Side.BUY and not work.intent.reduce_only)]

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
        buy = work.intent.side is Side.BUY
        refusal = self._refusal(work)
        if refusal is not OrderNote.NONE:
            self._refuse(work, refusal)
            return
        if work.wanted is None or work.intent.size_kind is SizeKind.ALL:
            work.wanted = self._sized(work, price, rate) + work.filled
        left, note = (self._entry if buy else self._exit)(work, price, rate)
        # choice: a rest that a limit or the cash has cut is a smaller order, and has to meet the minimums again.
        if left <= 0 or ((note or not work.filled) and self._is_too_small(work.pair, left, price)):
            self._refuse(work, note or OrderNote.BELOW_MINIMUM)
            return
        if buy and not work.filled and self._is_dust(work, left, price):
            self._refuse(work, OrderNote.DUST)
            return
        quantity = min(left, self._room(work.pair))
        # choice: an entry whose first part, cut by the volume cap, would be too small to sell waits for a better bar.
        if buy and quantity < left and not work.filled and self._is_too_small(work.pair, quantity, price):
            return
        if quantity <= 0:
            return
        reason = FillReason.CAP if work.filled else FillReason.SIGNAL
        self._book(work.pair, work.intent, quantity=quantity, price=price, liquidity=liquidity, reason=reason)
        work.filled += quantity
        work.note = OrderNote.CASH_RESIZED if note is OrderNote.NO_CASH else note or work.note
        if buy:
            self._protect_with(work, price, at_open=at_open)
        if quantity == left:
            self._end(work, OrderState.FILLED, work.note)

    def _refusal(self, work: Working) -> OrderNote:
        """Return why an order cannot act at all, or NONE."""
        if work.intent.side is Side.BUY:
            return OrderNote.NO_POSITION if work.intent.reduce_only else OrderNote.NONE
        if self.account.holdings[work.pair].quantity:
            return OrderNote.NONE
        return OrderNote.NO_POSITION if work.intent.reduce_only else OrderNote.SHORT_NOT_ALLOWED

    def _refuse(self, work: Working, note: OrderNote) -> None:
        self._end(work, OrderState.CANCELLED if work.filled else OrderState.REJECTED, note)

    def _exit(self, work: Working, price: Number, rate: Number) -> tuple[Number, OrderNote]:
        """Return what an exit may still sell: what is held at most, and all of it when the remainder would be dust."""
        held = self.account.holdings[work.pair].quantity
        left = min(work.wanted - work.filled, held)
        # choice: a remainder that the venue would not take is sold along, rather than kept for ever.
        if left < held and self._is_too_small(work.pair, held - left, price):
            left, work.wanted = held, work.filled + held
        return left, OrderNote.NONE

    def _entry(self, work: Working, price: Number, rate: Number) -> tuple[Number, OrderNote]:
        """Return what position limits and cash leave of an entry, and the note of the one that cut deepest."""
        rules, held = self.rules[work.pair], self.account.holdings[work.pair].quantity
        lot = self._of(rules.lot)
        if not held and sum(1 for holding in self.account.holdings if holding.quantity) >= self.max_positions:
            return self._of(0), OrderNote.OPEN_POSITIONS_LIMIT
        quantity, note = work.wanted - work.filled, OrderNote.NONE
        for room, name in (
            (self._of(rules.max_base) - held, OrderNote.POSITION_BASE_LIMIT),
            (self._of(rules.max_quote) / price - held, OrderNote.POSITION_QUOTE_LIMIT),
            (self.account.cash / (price * (1 + rate)), OrderNote.NO_CASH),
        ):
            if down(max(room, self._of(0)), lot) < quantity:
                quantity, note = down(max(room, self._of(0)), lot), name
        return quantity, note

    def _is_too_small(self, pair: int, quantity: Number, price: Number) -> bool:
        """Return whether the venue's minimums would refuse this quantity at this price."""
        rules = self.rules[pair]
        return bool(quantity < self._of(rules.min_quantity) or quantity * price < self._of(rules.min_notional))

    def _sized(self, work: Working, price: Number, rate: Number) -> Number:
        """Return the order's size in base at the fill price, the fee included, rounded down to the lot."""
        kind, size = work.intent.size_kind, self._of(work.intent.size)
        if kind is SizeKind.ALL:
            return self.account.holdings[work.pair].quantity
        if kind is not SizeKind.BASE:
            quote = size * self.account.equity if kind is SizeKind.FRACTION else size
            size = quote / (price * (1 + rate))
        return down(size, self._of(self.rules[work.pair].lot))

    def _room(self, pair: int) -> Number:
        """Return how much of the bar's volume may still fill, in whole lots."""
        cap = self._of(self.rules[pair].participation)
        if cap == self._of(inf):
            return cap
        return down(cap * self._of(self._bars[pair].volume) - self._used[pair], self._of(self.rules[pair].lot))

    def _is_dust(self, work: Working, quantity: Number, price: Number) -> bool:
        """Return whether the position this entry makes would be too small to be sold at its stop, or here."""
        rules, held = self.rules[work.pair], self.account.holdings[work.pair]
        stop = held.stop if work.intent.stop is None else self._level(work.intent.stop, price)
        level = price if stop is None else min(stop, price)
        # choice: what a later sale brings is counted after slippage and before the fee.
        slippage = self._of(rules.slippage if work.intent.slippage is None else work.intent.slippage)
        return bool((held.quantity + quantity) * level * (1 - slippage) < self._of(rules.min_notional))

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
        if held.extreme is None:
            held.extreme = price
            held.opened_inside = -1 if at_open else self.bar
        if not at_open:
            held.inside_price = min(price, held.inside_price) if held.entered_inside == self.bar else price
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
            # What was held at the open leaves there when the bar opens beyond the stop; what came inside the bar cannot
            # have been sold for more than it cost. The whole position gets the worst of these.
            starts = [min(level, high)]
            if held.opened_inside != self.bar and opened <= level:
                starts.append(opened)
            if held.entered_inside == self.bar:
                starts.append(held.inside_price)
            price = self._moved(pair, min(starts), Side.SELL, None, spread=False)
            held.leaving = True
            self._leave(pair, price, reason)
            return
        touched = self.rules[pair].touch and high == held.target
        # An entry inside the bar may have come after the high, so its target has to wait.
        if held.target is not None and (high > held.target or touched) and held.entered_inside != self.bar:
            self._leave(pair, max(held.target, low), FillReason.TARGET, Liquidity.MAKER)

    def _go_on_leaving(self, pair: int) -> None:
        """Sell at the open what the volume cap left of an earlier exit."""
        price = self._moved(pair, self._price(pair, "open"), Side.SELL, None, spread=True)
        self._leave(pair, price, FillReason.CAP)

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
