"""What reaches a session (events) and what it asks for (commands). Frozen values; the shell around it carries them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from tradecore.core.orders import Fill, Intent, OrderNote, OrderState
from tradecore.core.types import Nanoseconds, Pair


@dataclass(frozen=True, slots=True)
class BarsClosed:
    """Every pair's bar that opened at `open_time` is final and can be decided upon."""

    open_time: Nanoseconds
    index: int
    """The bar's position in the session's frame."""
    count: int = 1
    """How many moments in a row are final. Above 1, when all are known, as in history: they are decided on one after
    the other, up to and with the first that asks for something; the rest comes in another event."""


class Filled(NamedTuple):
    """The venue reported a fill."""

    fill: Fill


class OrderChanged(NamedTuple):
    """The venue reported that an order ended or changed its state."""

    intent: int
    pair: Pair
    state: OrderState
    note: OrderNote


class Submit(NamedTuple):
    """Send this intent to the venue."""

    intent: Intent


class Cancel(NamedTuple):
    """Ask the venue to cancel what rests of an intent. A cancel is a request, not a state."""

    intent: int


Event: TypeAlias = BarsClosed | Filled | OrderChanged
Command: TypeAlias = Submit | Cancel
