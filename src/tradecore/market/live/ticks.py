"""One trade as the live feed keeps it, and the arithmetic that makes a minute's bar of its trades.

It is that of `market.aggregate.trades_to_bars`, to the last bit: trades in the order of their ids, amounts added up one
after another. Pure; the bar builder calls it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from operator import itemgetter
from typing import NamedTuple

from tradecore.core.events import BarFinal
from tradecore.core.types import MINUTE_NS, Nanoseconds, Pair, Timeframe
from tradecore.venues.kraken.messages import TradeTick
from tradecore.venues.kraken.replies import TradesPage

ONE_MINUTE = Timeframe(MINUTE_NS)
VALUES = ("open", "high", "low", "close", "volume", "count", "first_id", "last_id")
"""What can differ between two versions of a bar."""


class Tick(NamedTuple):
    """A trade: ids rise by one per pair; price in quote, amount in base; side +1 where the taker bought, else -1."""

    trade_id: int
    time: Nanoseconds
    price: float
    amount: float
    side: int


def ticks_of_page(page: TradesPage) -> Iterator[Tick]:
    """Return the trades of a REST page."""
    columns = (page.trade_id, page.time, page.price, page.amount, page.side)
    return map(Tick, *(column.tolist() for column in columns))


def tick_of(trade: TradeTick) -> Tick:
    """Return a trade of the socket with its numbers as float64, as the lake stores them."""
    return Tick(trade.trade_id, trade.time_ns, float(trade.price), float(trade.amount), int(trade.side))


def bar_of(ticks: Sequence[Tick], pair: Pair, open_time: Nanoseconds, source: str, revision: int = 0) -> BarFinal:
    """Return the bar that trades of one minute make, in whatever order they come; there is at least one."""
    ordered = sorted(ticks, key=itemgetter(0))
    prices = [tick.price for tick in ordered]
    volume = 0.0
    for tick in ordered:  # not sum(): from Python 3.12 on that adds with other bits
        volume += tick.amount
    return BarFinal(
        pair=pair,
        timeframe=ONE_MINUTE,
        open_time=open_time,
        open=prices[0],
        high=max(prices),
        low=min(prices),
        close=prices[-1],
        volume=volume,
        count=len(ordered),
        source=source,
        revision=revision,
        first_id=ordered[0].trade_id,
        last_id=ordered[-1].trade_id,
    )


def changes(before: BarFinal | None, after: BarFinal) -> tuple[str, ...]:
    """Return the names of the values that differ between two versions of a bar; all, where there was none."""
    if before is None:
        return VALUES
    return tuple(name for name in VALUES if getattr(before, name) != getattr(after, name))
