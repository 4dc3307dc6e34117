"""The one loop. A session turns final bars into decisions, gates, intents; fills come back and change what it shows.

`handle(event) -> commands` is synchronous and pure in state: no clock, no I/O, no mode. Backtest, shadow, paper and
live differ in the plugs around it (`engine.modes`), never in here. `play` is the shell for history; the live shell
carries the same events and commands over asyncio.

History is fast because of one thing: while the venue has nothing to tell, `play` hands over the quiet bars in one
event, and the session decides on them one after the other until something is asked for. Live hands over one bar at a
time; what is decided, recorded and sent is the same.
"""

from __future__ import annotations

import gc
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tradecore.core.errors import FaultError
from tradecore.core.events import BarsClosed, Cancel, Command, Event, Filled, OrderChanged, Submit
from tradecore.core.orders import Action, Fill, Intent, OrderKind, OrderState, Signal, SizeKind
from tradecore.core.ports import AccountState, Journal, Moments, PositionState, Venue
from tradecore.core.types import Pair, Side
from tradecore.engine.frame import HistoryFrame
from tradecore.engine.signals import intent_of, signals_of
from tradecore.risk.chain import GateVerdict, Outcome, Proposal, Rule, Standing, judge
from tradecore.strategy.contract import Strategy
from tradecore.strategy.views import Account, Fees, Market, link, market_class

FAULT_LIMIT = 3
"""Faults after which a strategy is quarantined and its positions go to the shell's exit rule: close them."""
NO_FEES: Mapping[Pair, Fees] = {}
_NEVER = 1 << 62
_UNSEEN = Standing(float("nan"), float("nan"), float("nan"), float("nan"), 0)
"""What an exit is judged by: it passes whatever the account looks like, so nobody looks."""
_ENDED = (OrderState.FILLED, OrderState.CANCELLED, OrderState.REJECTED, OrderState.NOT_ACCEPTED)
_ON_ITS_WAY = GateVerdict("shell", "on_its_way", 1.0, 0.0, Outcome.BLOCK, "the same order has not finished yet")
_NOTHING_HELD = GateVerdict("shell", "nothing_held", 0.0, 0.0, Outcome.BLOCK, "there is no position to close")


@dataclass(slots=True)
class _Book:
    """What the session knows of one pair: its views and what it has sent."""

    pair: Pair
    market: Market
    account: Account
    rows: memoryview
    """The pair's newest bar at each moment."""
    resting: dict[int, Intent]
    left_at: int = -_NEVER

    def show(self, held: PositionState, entry_index: int) -> None:
        """Let the strategy see a position; the venue's books are the only ones."""
        account = self.account
        account.position, account.cost, account.entry_price = held.quantity, held.cost, held.entry_price
        account.entry_index = entry_index


class Session:
    """Runs one strategy over one frame. Who drives it feeds events in time order and executes the commands."""

    def __init__(
        self, strategy: Strategy, frame: HistoryFrame, account: Callable[[int], AccountState], journal: Journal,
        *, rules: Sequence[Rule] = (), fees: Mapping[Pair, Fees] = NO_FEES, seed: int = 0, first_id: int = 1,
    ) -> None:  # fmt: skip
        self._strategy = strategy
        self._account = account
        self._journal = journal
        self._rules = rules
        self._clock = _indexed(frame.clock)
        self._first = frame.first_decision()
        self._next_id = first_id
        self._index = -1
        self._faults = 0
        self.quarantined = False
        view = market_class(frame.names)
        self._books: dict[Pair, _Book] = {}
        for p, bars in enumerate(frame.bars):
            market = view(bars, frame.columns[p], fees.get(bars.pair, Fees(0.0, 0.0)))
            seen = Account(market, self._account_now)
            self._books[bars.pair] = _Book(bars.pair, market, seen, _indexed(frame.rows[p]), {})
        link(
            {str(b.pair): b.market for b in self._books.values()},
            {str(b.pair): b.account for b in self._books.values()},
        )
        self._pairs = {str(pair): pair for pair in self._books}
        self._main, *self._others = self._books.values()
        self._only = frame.pairs[0] if len(frame.pairs) == 1 else None
        strategy._seed = seed

    def handle(self, event: Event) -> Sequence[Command]:
        """Take one event and return what is to be done about it, in order."""
        if type(event) is BarsClosed:
            return self._on_bars(event.index, event.index + event.count)
        if type(event) is Filled:
            return self._on_fill(event.fill)
        if type(event) is OrderChanged and event.state in _ENDED:
            self._books[event.pair].resting.pop(event.intent, None)
        return ()

    @property
    def index(self) -> int:
        """The newest moment this session has lived through; -1 before the first."""
        return self._index

    def closed(self, first: int, stop: int) -> BarsClosed:
        """Return the event that says that the bars of moments first..stop-1 are final."""
        return BarsClosed(self._clock[first], first, stop - first)

    @property
    def next_id(self) -> int:
        """The id the next intent would get."""
        return self._next_id

    def adopt(self, index: int) -> None:
        """Take over the account as it stands after bar `index`: what another strategy of the same clock left held.

        Orders it left resting are not this strategy's; `play` cancels them before the hand-over.
        """
        for pair, held in self._account(index).positions.items():
            book = self._books[pair]
            book.show(held, book.rows[index] - held.bars_held)

    def start(self) -> None:
        """Tell the strategy that the session begins."""
        self._guard("on_start", self._strategy.on_start)

    def stop(self) -> None:
        """Tell the strategy that the session ends."""
        self._guard("on_stop", self._strategy.on_stop)

    def _on_bars(self, first: int, stop: int) -> Sequence[Command]:
        """Live through moments first..stop-1, up to and with the first that asks for something."""
        if first < self._first:  # features are warming up: nothing is asked
            self._move(min(stop, self._first) - 1)
            first = self._index + 1
        commands: Sequence[Command] = ()
        while first < stop and not commands:
            commands = self._move(first)._leave_everything() if self.quarantined else self._decide(first, stop)
            first = self._index + 1
        return commands

    def _decide(self, first: int, stop: int) -> Sequence[Command]:
        """Ask the strategy about moments first..stop-1 until one asks for something or fails.

        A run of the same HOLD is written to the journal at once: strategies answer with the same value over and over.
        """
        strategy, decide = self._strategy, self._strategy.decide
        market, account, others = self._main.market, self._main.account, self._others
        held: Signal | None = None
        held_from = index = first
        moments = zip(range(first, stop), self._clock[first:stop], self._main.rows[first:stop], strict=True)
        for index, now, row in moments:
            market._i, self._index, strategy._now = row, index, now
            for book in others:
                book.market._i = book.rows[index]
            try:
                answer = decide(market, account)
                if answer is held:
                    continue
                signals = signals_of(answer, self._pairs, self._only)
            except Exception as error:  # boundary: a strategy's code may raise anything; it is a fault, never a HOLD
                self._held(held, held_from, index)
                return self._fault("decide", error)
            self._held(held, held_from, index)
            held, held_from = None, index
            if isinstance(answer, Signal) and answer.action is Action.HOLD:
                held = answer
            elif commands := self._carry_out(signals):
                return commands
        self._held(held, held_from, index + 1)
        return ()

    def _carry_out(self, signals: Sequence[tuple[Pair, Signal]]) -> list[Command]:
        commands: list[Command] = []
        for pair, signal in signals:
            if signal.action is Action.HOLD:
                self._journal.hold(self._index, pair, signal.reason)
            else:
                commands += self._propose(self._books[pair], signal)
        return commands

    def _held(self, signal: Signal | None, first: int, stop: int) -> None:
        """Record that the only pair's strategy answered first..stop-1 with the same HOLD; None was no answer."""
        if signal is not None:
            self._journal.hold(first, self._main.pair, signal.reason, stop - first)

    def _move(self, index: int) -> Session:
        """Show the bars of a moment."""
        self._index = index
        for book in self._books.values():
            book.market._i = book.rows[index]
        return self

    def _account_now(self) -> AccountState:
        return self._account(self._index)

    def _propose(self, book: _Book, signal: Signal) -> list[Command]:
        """Send one signal through the gates and return the commands that carry it out."""
        position = book.account.position
        if signal.action is Action.CLOSE and position == 0.0:
            self._journal.decision(self._index, book.pair, signal, (_NOTHING_HELD,))
            return [Cancel(number) for number in book.resting]
        intent = intent_of(
            signal, self._next_id, book.pair, position, book.market._fast[3][book.market._i], self._clock[self._index]
        )
        if book.resting and any(_same_errand(intent, other) for other in book.resting.values()):
            self._journal.decision(self._index, book.pair, signal, (_ON_ITS_WAY,))
            return []
        fraction = intent.size if intent.size_kind is SizeKind.FRACTION else None
        verdict = None
        if self._rules:
            standing = _UNSEEN if intent.reduce_only else self._standing(book)
            verdict = judge(self._rules, Proposal(book.pair, intent.reduce_only, fraction), standing)
        self._journal.decision(self._index, book.pair, signal, verdict.trace if verdict else ())
        if verdict is not None:
            if not verdict.allowed:
                return []
            if verdict.fraction != fraction and verdict.fraction is not None:
                intent = intent._replace(size=verdict.fraction)
        # A new wish for a pair replaces what still rests for it; only the position and its bracket stay.
        replaced: list[Command] = [Cancel(number) for number in book.resting]
        self._next_id += 1
        book.resting[intent.id] = intent
        return [*replaced, Submit(intent)]

    def _standing(self, book: _Book) -> Standing:
        state = self._account_now()
        own = total = 0.0
        for one in self._books.values():
            value = abs(one.account.position) * one.market._fast[3][one.market._i]
            total += value
            if one is book:
                own = value
        equity = state.equity if state.equity > 0.0 else math.nan
        return Standing(
            state.equity,
            state.drawdown,
            own / equity,
            total / equity,
            self._index - book.left_at,
        )

    def _on_fill(self, fill: Fill) -> Sequence[Command]:
        """Show the account as the venue has it after a fill, then tell the strategy."""
        book = self._books[fill.pair]
        held = self._account_now().positions.get(fill.pair)
        if held is not None:
            book.show(held, book.account.entry_index if book.account.position else book.market._i + 1)
        elif book.account.position:
            book.account.flatten()
            book.left_at = self._index + 1
        try:
            self._strategy.on_fill(fill)
        except Exception as error:  # boundary: a strategy's code may raise anything
            return self._fault("on_fill", error)
        return ()

    def _guard(self, where: str, call: Callable[[], None]) -> Sequence[Command]:
        try:
            call()
        except Exception as error:  # boundary: a strategy's code may raise anything
            return self._fault(where, error)
        return ()

    def _fault(self, where: str, error: Exception) -> Sequence[Command]:
        """Count a fault; at the limit the strategy decides no more and the shell closes what it holds."""
        name = type(error).__name__ if not isinstance(error, FaultError) else "FaultError"
        self._journal.fault(max(self._index, 0), f"{where}: {name}", str(error))
        self._faults += 1
        self.quarantined = self._faults >= FAULT_LIMIT
        return self._leave_everything() if self.quarantined else ()

    def _leave_everything(self) -> Sequence[Command]:
        commands: list[Command] = []
        for book in self._books.values():
            leaving = any(intent.reduce_only for intent in book.resting.values())
            commands += [Cancel(number) for number, intent in book.resting.items() if not intent.reduce_only]
            if book.account.position and not leaving:
                side = Side.SELL if book.account.position > 0.0 else Side.BUY
                intent = Intent(
                    self._next_id,
                    book.pair,
                    side,
                    size_kind=SizeKind.ALL,
                    reduce_only=True,
                    reason="strategy quarantined",
                )
                self._next_id += 1
                book.resting[intent.id] = intent
                commands.append(Submit(intent))
        return commands


def play(session: Session, moments: Moments, venue: Venue) -> None:
    """Carry a session through moments: what the venue reports goes in, what the session asks for goes to the venue.

    Meanwhile the garbage collector leaves alone what was there before: a session keeps what it records, which makes
    the collector look through everything again and again, and that took a fifth of the time.
    """
    is_ours = gc.get_freeze_count() == 0
    if is_ours:
        gc.freeze()
    try:
        _play(session, moments, venue)
    finally:
        if is_ours:
            gc.unfreeze()


def _play(session: Session, moments: Moments, venue: Venue) -> None:
    session.start()
    for moment in moments:
        index, stop = moment.index, moment.index + moment.count
        while index < stop:
            for happened in venue.advance(index):
                if commands := session.handle(happened):
                    execute(commands, venue)
            commands = session.handle(session.closed(index, min(stop, max(venue.quiet_until(), index + 1))))
            if session.index > index:
                venue.advance(session.index)  # the bars up to there were quiet: it only learns that they are final
            if commands:
                execute(commands, venue)
            index = session.index + 1
    session.stop()


def execute(commands: Iterable[Command], venue: Venue) -> None:
    """Carry out commands in order."""
    for command in commands:
        if isinstance(command, Submit):
            venue.submit(command.intent)
        else:
            venue.cancel(command.intent)


def _indexed(values: Any) -> memoryview:
    """Return an array in the form that gives Python integers fastest, one at a time."""
    return memoryview(values)


def _same_errand(new: Intent, other: Intent) -> bool:
    """Say whether a market order that has not finished does what the new one would: sent again, it only comes later."""
    return (
        new.kind is OrderKind.MARKET
        and other.kind is OrderKind.MARKET
        and new.side is other.side
        and new.reduce_only == other.reduce_only
    )
