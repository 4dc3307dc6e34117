"""The seams of the house: what a session needs from the world, one small protocol each.

Modes are a table of adapters for these (`engine.modes`); every adapter of one port passes the same contract suite.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

from tradecore.core.clock import Clock
from tradecore.core.events import BarsClosed, FeedEvent, Filled, OrderChanged
from tradecore.core.orders import Intent, Signal
from tradecore.core.types import Nanoseconds, Pair

__all__ = ["AccountState", "Clock", "Feed", "Journal", "Moments", "Notifier", "PositionState", "Venue", "Verdict"]


class PositionState(NamedTuple):
    """What is held of one pair: signed base quantity, mean entry price, cost with fees, and when it was opened."""

    quantity: float
    entry_price: float
    cost: float
    unrealised: float
    opened_at: Nanoseconds
    bars_held: int


class AccountState(NamedTuple):
    """The account as the venue sees it at the newest final bar; money in quote."""

    cash: float
    equity: float
    drawdown: float
    positions: Mapping[Pair, PositionState]
    open_intents: frozenset[int]


class Feed(Protocol):
    """Yields final bars as they become known, stored or live, and says what state it is in.

    Every pair's bars come in order of time, each once; a bar that was revised comes again, marked so. A minute in which
    nothing traded has no bar. The iteration ends with the span that was asked for, or with `FeedChanged` to `lost`.
    """

    def __aiter__(self) -> AsyncIterator[FeedEvent]:
        """Yield what happens until the feed ends. A feed is iterated once."""
        ...


class Moments(Protocol):
    """Yields final bars in time order: moments at which at least one pair has one, singly or several in a row."""

    def __iter__(self) -> Iterator[BarsClosed]:
        """Yield moments until the feed ends."""
        ...


class Venue(Protocol):
    """Takes intents and reports what became of them. Never resends, never guesses."""

    def submit(self, intent: Intent) -> None:
        """Accept an intent for the earliest moment the time contract allows."""
        ...

    def cancel(self, intent_id: int) -> None:
        """Ask that what rests of an intent be cancelled."""
        ...

    def advance(self, index: int) -> Sequence[Filled | OrderChanged]:
        """Let the bar at `index` become final and return what happened in it, in order."""
        ...

    def quiet_until(self) -> int:
        """Return the first bar, after the newest final one, that may bring news; `advance` may skip those before it."""
        ...

    def account(self, through: int = -1) -> AccountState:
        """Return the account, marked at the newest final bar.

        A session that decides on quiet bars at its own pace says how far it is: they are final up to `through`.
        """
        ...


class Verdict(Protocol):
    """One gate's answer, as `risk.chain` gives it."""

    @property
    def stage(self) -> str:
        """The part of the chain: halt, risk, shell, exit."""
        ...

    @property
    def rule(self) -> str:
        """The rule that was asked."""
        ...

    @property
    def passed(self) -> bool:
        """Whether the proposal went on."""
        ...


class Journal(Protocol):
    """Keeps every decision, HOLD included, with its gate trace."""

    def hold(self, index: int, pair: Pair, reason: str, count: int = 1) -> None:
        """Record that nothing was wanted on `count` bars in a row, and why."""
        ...

    def decision(self, index: int, pair: Pair, signal: Signal, trace: Sequence[Verdict]) -> None:
        """Record a signal and what the gates said to it."""
        ...

    def fault(self, index: int, name: str, text: str) -> None:
        """Record that the strategy failed to decide."""
        ...


class Notifier(Protocol):
    """Tells a person. Bounded, counted, never blocks the loop."""

    def send(self, text: str) -> None:
        """Queue a message."""
        ...
