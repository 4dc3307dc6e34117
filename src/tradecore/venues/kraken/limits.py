"""How often the venue may be asked: a pace for public calls, a counter per key, a counter per pair in the engine.

Each counts on our side what the venue counts on its own, so that the venue never has to refuse; where the venue tells
its own count, ours is corrected by it. Of the counters a share is kept for exits: entries wait or are refused while
exits pass. The client calls it. Invariant: an exit is never held back for an entry's sake.
Source: docs.kraken.com, Spot REST rate limits and Spot trading limits.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from tradecore.core.clock import Clock
from tradecore.core.errors import ConfigError, RateLimitedError
from tradecore.core.types import SECOND_NS, Nanoseconds, Pair
from tradecore.venues.kraken.orders import Amendment, NewOrder

PER_PAIR = frozenset({"Trades", "OHLC"})
"""Public calls that the venue counts for each pair by itself; all others are counted for the machine."""


MOST_ORDERS_KNOWN = 10_000
"""Orders whose age is remembered; the oldest are forgotten first."""


@dataclass(frozen=True, slots=True)
class PaceSettings:
    """The rate of public calls."""

    interval_s: float = 1.0
    """Seconds between two calls of one kind; the venue allows about one a second. 0 sets no pace."""
    burst: int = 1
    """Calls that may go at once after a rest."""

    def __post_init__(self) -> None:
        if not (self.interval_s >= 0 and self.burst >= 1):
            raise ConfigError(f"pace of {self.burst} calls in {self.interval_s} s: expected 0 s or more, and 1 or more")


class Pace:
    """One token bucket per (host, endpoint, pair). Those who wait are let through in the order they came."""

    def __init__(self, clock: Clock, settings: PaceSettings | None = None) -> None:
        self._clock = clock
        self._settings = settings or PaceSettings()
        self._free_at: dict[tuple[str, str, Pair | None], Nanoseconds] = {}
        self._seen = clock.now()

    async def wait(self, endpoint: str, pair: Pair | None = None, host: str = "") -> None:
        """Return when the next call of this kind may go."""
        pause = self._reserve(endpoint, pair, host)
        if pause > 0:
            await asyncio.sleep(pause / SECOND_NS)

    def hold(self, seconds: float, endpoint: str, pair: Pair | None = None, host: str = "") -> None:
        """Let no call of this kind go for some seconds: the venue said that it was asked too often."""
        key = _bucket(endpoint, pair, host)
        until = self._now() + int(seconds * SECOND_NS) + self._gap * (self._settings.burst - 1)
        self._free_at[key] = max(self._free_at.get(key, 0), until)

    @property
    def _gap(self) -> Nanoseconds:
        return int(self._settings.interval_s * SECOND_NS)

    def _reserve(self, endpoint: str, pair: Pair | None, host: str) -> Nanoseconds:
        key, now = _bucket(endpoint, pair, host), self._now()
        # The moment at which the bucket is full again: it may lie a burst ahead, no more.
        slack = self._gap * (self._settings.burst - 1)
        full_at = max(self._free_at.get(key, 0), now)
        self._free_at[key] = full_at + self._gap
        return full_at - slack - now

    def _now(self) -> Nanoseconds:
        now = self._clock.now()
        if now < self._seen:
            # A clock that was put back would make every caller wait for as long as it was put back.
            self._free_at = {key: at - (self._seen - now) for key, at in self._free_at.items()}
        self._seen = now
        return now


def _bucket(endpoint: str, pair: Pair | None, host: str) -> tuple[str, str, Pair | None]:
    return host, endpoint if endpoint in PER_PAIR else "", pair if endpoint in PER_PAIR else None


@dataclass(frozen=True, slots=True)
class TierLimits:
    """What one tier of account may do: the two counters' ceilings and how much they lose a second."""

    private_max: float
    private_decay: float
    engine_max: float
    engine_decay: float


class Tier(Enum):
    """The venue's tiers of accounts."""

    STARTER = TierLimits(15, 0.33, 60, 1.0)
    INTERMEDIATE = TierLimits(20, 0.5, 125, 2.34)
    PRO = TierLimits(20, 1.0, 180, 3.75)


class _Decaying:
    """A count that falls with time and never below zero."""

    def __init__(self, clock: Clock, decay: float) -> None:
        self._clock, self._decay = clock, decay
        self._value, self._at = 0.0, clock.now()

    def now(self) -> float:
        moment = self._clock.now()
        # Time that runs backwards takes nothing off.
        self._value = max(0.0, self._value - self._decay * max(0, moment - self._at) / SECOND_NS)
        self._at = moment
        return self._value

    def add(self, cost: float) -> None:
        self._value = self.now() + cost

    def set(self, value: float) -> None:
        self.now()
        self._value = max(0.0, value)

    def seconds_until(self, value: float) -> float:
        return max(0.0, (self.now() - value) / self._decay)


PRIVATE_COSTS = {"Ledgers": 2, "QueryLedgers": 2, "TradesHistory": 2, "ClosedOrders": 2}
"""Calls that cost two; ClosedOrders does for long accounts, so it is counted so for all."""
UNCOUNTED = frozenset(
    {
        *("AddOrder", "AmendOrder", "CancelOrder", "CancelAll", "CancelAllOrdersAfter"),
        *("AddOrderBatch", "CancelOrderBatch"),
    }
)
"""Calls that only the engine's counter counts."""


def _share(value: float) -> float:
    if not 0 <= value < 1:
        raise ConfigError(f"share reserved for exits {value}: expected a fraction from 0 up to 1")
    return value


class PrivateCounter:
    """The venue's count of private calls of one key. Ordinary calls leave a share free; urgent ones may use it."""

    def __init__(self, clock: Clock, tier: Tier = Tier.STARTER, reserved: float = 0.25) -> None:
        self._max = tier.value.private_max
        self._ordinary = self._max * (1 - _share(reserved))
        self._count = _Decaying(clock, tier.value.private_decay)

    @property
    def count(self) -> float:
        """What the counter stands at now."""
        return self._count.now()

    async def wait(self, call: str, *, urgent: bool = False) -> None:
        """Return when the call fits under the ceiling, and count it."""
        if call in UNCOUNTED:
            return
        cost = PRIVATE_COSTS.get(call, 1)
        ceiling = self._max if urgent else self._ordinary
        while (pause := self._count.seconds_until(ceiling - cost)) > 0:
            # The count is looked at again after each pause: others may have been counted meanwhile.
            await asyncio.sleep(pause + 0.001)
        self._count.add(cost)

    def correct(self, count: float) -> None:
        """Take the venue's own count for ours; a refusal for the rate means that it stands at the ceiling."""
        self._count.set(count)

    def full(self) -> None:
        """Take note that the venue refused for the rate."""
        self._count.set(max(self._count.now(), self._max))


class Change(Enum):
    """What is done to an order, with its fixed cost and what it costs more while the order is young.

    Each step is (age below which it holds, seconds; extra cost).
    """

    ADD = (1.0, ())
    AMEND = (1.0, ((5, 3), (10, 2), (15, 1)))
    EDIT = (1.0, ((5, 6), (10, 5), (15, 4), (45, 2), (90, 1)))
    CANCEL = (0.0, ((5, 8), (10, 6), (15, 5), (45, 4), (90, 2), (300, 1)))

    def cost(self, age_s: float = float("inf")) -> float:
        """Return what it adds to the engine's counter for an order of this age."""
        fixed: float = self.value[0]
        steps: tuple[tuple[float, float], ...] = self.value[1]
        return fixed + next((extra for below, extra in steps if age_s < below), 0.0)


class EngineCounter:
    """The matching engine's count of changes to orders of one pair. Entries stop at the share reserved for exits."""

    def __init__(self, pair: Pair, clock: Clock, tier: Tier = Tier.STARTER, reserved: float = 0.25) -> None:
        self.pair = pair
        self._max = tier.value.engine_max
        self._entries = self._max * (1 - _share(reserved))
        self._count = _Decaying(clock, tier.value.engine_decay)

    @property
    def count(self) -> float:
        """What the counter stands at now."""
        return self._count.now()

    def seconds_until(self, change: Change, *, exits: bool, age_s: float = float("inf")) -> float:
        """Return how long to wait until the change fits: 0 when it fits now."""
        ceiling = self._max if exits else self._entries
        return self._count.seconds_until(ceiling - change.cost(age_s))

    def take(self, change: Change, *, exits: bool, age_s: float = float("inf")) -> None:
        """Count a change that is about to be sent. An exit is always counted and never refused.

        Errors: RateLimitedError for an entry that would use the share of the exits.
        """
        pause = self.seconds_until(change, exits=exits, age_s=age_s)
        if pause > 0 and not exits:
            raise RateLimitedError(
                f"{self.pair}: the order counter stands at {self.count:.1f} of {self._max:g}, and what is left is kept "
                f"for exits; expected room for {change.cost(age_s):g}; wait {pause:.1f} s",
                retryable=True,
                retry_after_s=pause,
            )
        self._count.add(change.cost(age_s))

    def correct(self, count: float) -> None:
        """Take the venue's own `ratecounter` for ours."""
        self._count.set(count)

    def full(self) -> None:
        """Take note that the venue refused for the rate."""
        self._count.set(max(self._count.now(), self._max))


class EngineCounters:
    """The engine's counters of every pair of one account, with the age of each order. REST and socket share one."""

    def __init__(self, clock: Clock, tier: Tier = Tier.STARTER, reserved: float = 0.25) -> None:
        self._clock, self._tier, self._reserved = clock, tier, reserved
        self._pairs: dict[Pair, EngineCounter] = {}
        self._known: OrderedDict[str, tuple[Pair, Nanoseconds]] = OrderedDict()

    def of(self, pair: Pair) -> EngineCounter:
        """Return the counter of a pair, to look at it or to correct it by the venue's `ratecounter`."""
        if pair not in self._pairs:
            self._pairs[pair] = EngineCounter(pair, self._clock, self._tier, self._reserved)
        return self._pairs[pair]

    def refuses(self, changes: Sequence[NewOrder | Amendment], *, exits: bool) -> RateLimitedError | None:
        """Count orders and amendments that are about to be sent; the refusal when entries would use the exits' room."""
        try:
            for one in changes:
                if isinstance(one, NewOrder):
                    self.take(one.rules.pair, Change.ADD, one.cl_ord_id, exits=exits)
                else:
                    self.take(one.rules.pair, Change.AMEND, one.cl_ord_id or one.txid or "", exits=exits)
        except RateLimitedError as error:
            return error
        return None

    def take(self, pair: Pair, change: Change, order: str, *, exits: bool) -> None:
        """Count the placing or a change of an order that is about to be sent, by either of its ids.

        An order of unknown age counts as new, which costs most. Errors: RateLimitedError, as `EngineCounter.take`.
        """
        now = self._clock.now()
        _, touched = self._known.get(order, (pair, now))
        self.of(pair).take(change, exits=exits, age_s=(now - touched) / SECOND_NS)
        self._known[order] = pair, now
        self._known.move_to_end(order)
        if len(self._known) > MOST_ORDERS_KNOWN:
            self._known.popitem(last=False)

    def cancel(self, order: str) -> None:
        """Count a cancel, which is never refused. One of an order of another program is left to the venue to count."""
        pair, touched = self._known.get(order, (None, 0))
        if pair is not None:
            age_s = (self._clock.now() - touched) / SECOND_NS
            self.of(pair).take(Change.CANCEL, exits=True, age_s=age_s)

    def also(self, order: str, txid: str) -> None:
        """Know an order by the venue's id as well."""
        if order in self._known:
            self._known[txid] = self._known[order]
