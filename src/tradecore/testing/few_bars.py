"""Markets of a few bars: say the bars and the orders, and see what exactly happens. For tests, ours and yours.

>>> track = play([(10, 11, 9, 10.5), (12, 13, 11, 12.5)], {0: [order()]})
>>> fills(track)
[(1, 1, 1.0, 12.0)]
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any, TypeAlias

import numpy as np

from tradecore.core.errors import AccountingError
from tradecore.core.orders import Intent, OrderKind, OrderNote, SizeKind
from tradecore.core.track import Track
from tradecore.core.types import MINUTE_NS, Pair, Side, Timeframe
from tradecore.sim.model import VenueModel
from tradecore.sim.state import Tape
from tradecore.venues.simulated import SimulatedVenue

BTC, ETH = Pair("BTC", "USD"), Pair("ETH", "USD")
FREE: Mapping[str, Any] = {
    "maker_fee": 0.0, "taker_fee": 0.0, "half_spread": 0.0, "slippage": 0.0, "participation": float("inf"),
    "min_notional": 0.0,
}  # fmt: skip
"""A venue model without costs, cap or minimum."""
Bar: TypeAlias = tuple[float, ...] | None
"""(open, high, low, close[, volume]); None is a minute without a trade."""
_ids = count(1)


def flat(price: float, bars: int) -> list[Bar]:
    """Return bars in which the price does not move."""
    return [(price, price, price, price)] * bars


def tape_of(market: Mapping[Pair, Sequence[Bar]], flows: Mapping[int, float] | None = None) -> Tape:
    """Return bars of one minute as the kernel reads them; `flows` are deposits and withdrawals by bar."""
    length = len(next(iter(market.values())))
    values = np.ones((5, len(market), length))
    real = np.zeros((len(market), length), np.bool_)
    for p, rows in enumerate(market.values()):
        for t, bar in enumerate(rows):
            if bar is not None:
                values[: len(bar), p, t] = bar
                values[4, p, t] = bar[4] if len(bar) > 4 else 1e9
                real[p, t] = True
    flow = np.zeros(length)
    for t, amount in (flows or {}).items():
        flow[t] = amount
    arrays = [np.arange(length, dtype=np.int64) * MINUTE_NS, *map(np.ascontiguousarray, values), real, flow]
    for array in arrays:
        array.flags.writeable = False
    return Tape._make(arrays)


def play(
    bars: Sequence[Bar] | Mapping[Pair, Sequence[Bar]], orders: Mapping[int, Sequence[Intent]], *, cash: float = 1000.0,
    flows: Mapping[int, float] | None = None, **model: Any,
) -> Track:  # fmt: skip
    """Play bars with intents submitted after the bar they are listed under (-1: before the first).

    `model` are fields of `VenueModel` that differ from a venue without costs.
    Errors: AccountingError when money did not add up, or cash went below zero where it never may.
    """
    market = bars if isinstance(bars, Mapping) else {BTC: bars}
    tape = tape_of(market, flows)
    venue = SimulatedVenue(tuple(market), Timeframe(MINUTE_NS), tape, VenueModel(**{**FREE, **model}), cash)
    for intent in orders.get(-1, ()):
        venue.submit(intent)
    for t in range(len(tape.time)):
        venue.advance(t)
        for intent in orders.get(t, ()):
            venue.submit(intent)
    track = venue.track()
    if (track.curve.cash < 0.0).any() and not model.get("allow_short"):
        raise AccountingError(f"cash fell to {track.curve.cash.min():g} on a venue without shorts; the market is wrong")
    return track


def order(
    side: Side = Side.BUY, size: float = 1.0, kind: OrderKind = OrderKind.MARKET, price: float = 0.0, **more: Any
) -> Intent:
    """Return an order for `size` base units of BTC/USD unless told otherwise."""
    given = {"pair": BTC, "side": side, "kind": kind, "size_kind": SizeKind.BASE, "size": size, "price": price}
    return Intent(next(_ids), **{**given, **more})


def close(pair: Pair = BTC, **more: Any) -> Intent:
    """Return an order that sells all that is held."""
    return order(Side.SELL, pair=pair, size_kind=SizeKind.ALL, reduce_only=True, **more)


def limit(price: float, side: Side = Side.BUY, size: float = 1.0, **more: Any) -> Intent:
    """Return a limit order."""
    return order(side, size, OrderKind.LIMIT, price, **more)


def trigger(price: float, side: Side = Side.BUY, size: float = 1.0, **more: Any) -> Intent:
    """Return a stop order."""
    return order(side, size, OrderKind.STOP, price, **more)


def fills(track: Track) -> list[tuple[int, int, float, float]]:
    """Return (bar, side, quantity, price) of every fill."""
    return [(int(f["bar"]), int(f["side"]), float(f["quantity"]), float(f["price"])) for f in track.fills]


def note(track: Track, row: int = 0) -> OrderNote:
    """Return why an order did not fill as asked."""
    return OrderNote(int(track.orders["note"][row]))
