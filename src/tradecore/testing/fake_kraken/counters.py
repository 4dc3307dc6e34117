"""The two rate counters of the fake Kraken and its memory of nonces.

`RateCounter` rises with what is asked and falls with time; the private endpoints keep one per account, the matching
engine one per account and pair. Numbers of the tiers: 15/20/20 falling 0.33/0.5/1 a second, and 60/125/180 falling
1/2.34/3.75 a second. Penalties for touching young orders follow the venue's published table.
"""

from __future__ import annotations

from dataclasses import dataclass

from tradecore.core.types import SECOND_NS, Nanoseconds
from tradecore.testing.fake_kraken.said import Said

_AGES_S = (5, 10, 15, 45, 90, 300)
_CANCEL = (8, 6, 5, 4, 2, 1)
_EDIT = (6, 5, 4, 2, 1, 0)
_AMEND = (3, 2, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Tier:
    """What one verification tier may do."""

    private_limit: float
    private_decay: float
    engine_limit: float
    engine_decay: float
    open_orders: int


TIERS = {
    "starter": Tier(15, 0.33, 60, 1.0, 60),
    "intermediate": Tier(20, 0.5, 125, 2.34, 80),
    "pro": Tier(20, 1.0, 180, 3.75, 225),
}


class RateCounter:
    """A number that requests raise and time lowers, and that refuses to pass its limit."""

    def __init__(self, limit: float, decay_per_s: float) -> None:
        self.limit = limit
        self._decay = decay_per_s
        self._count = 0.0
        self._at: Nanoseconds = 0

    def value(self, now: Nanoseconds) -> float:
        """Return where the counter stands at `now`."""
        return max(0.0, self._count - self._decay * max(0, now - self._at) / SECOND_NS)

    def add(self, points: float, now: Nanoseconds, words: str) -> None:
        """Raise the counter. Errors: Said(words) when that would pass the limit; then nothing is added."""
        if self.value(now) + points > self.limit:
            raise Said(words)
        self.force(points, now)

    def force(self, points: float, now: Nanoseconds) -> None:
        """Raise the counter whatever the limit says: a cancel is never refused, only dear."""
        self._count, self._at = self.value(now) + points, now


class Nonces:
    """Remembers the newest nonce of every key, and counts wrong keys until the lockout."""

    def __init__(self, lockout_after: int = 20, lockout_s: int = 900) -> None:
        self._newest: dict[str, int] = {}
        self._wrong = 0
        self._locked_until: Nanoseconds = 0
        self._lockout_after = lockout_after
        self._lockout_ns = lockout_s * SECOND_NS

    def take(self, key: str, nonce: int, window: int = 0) -> None:
        """Take a nonce. Errors: Said when it is not above the newest one less the key's window."""
        newest = self._newest.get(key, -1)
        if nonce <= newest - window or (nonce <= newest and window == 0):
            raise Said("EAPI:Invalid nonce")
        self._newest[key] = max(newest, nonce)

    def newest(self, key: str) -> int:
        """Return the newest nonce of a key, 0 when it has sent none."""
        return max(0, self._newest.get(key, 0))

    def wrong_key(self, now: Nanoseconds) -> None:
        """Count a wrong key; many in a row lock the sender out."""
        self._wrong += 1
        if self._wrong >= self._lockout_after:
            self._locked_until = now + self._lockout_ns
            self._wrong = 0

    def right_key(self) -> None:
        """Forget wrong keys: only a row of them locks out."""
        self._wrong = 0

    def check_lockout(self, now: Nanoseconds) -> None:
        """Refuse everything while locked out. Errors: Said."""
        if now < self._locked_until:
            raise Said("EGeneral:Temporary lockout")


def cancel_points(age_ns: Nanoseconds) -> int:
    """Return what cancelling an order of this age costs in the matching engine's counter."""
    return _by_age(_CANCEL, age_ns)


def edit_points(age_ns: Nanoseconds) -> int:
    """Return what editing an order of this age costs, the new order included."""
    return 1 + _by_age(_EDIT, age_ns)


def amend_points(age_ns: Nanoseconds) -> int:
    """Return what amending an order of this age costs."""
    return 1 + _by_age(_AMEND, age_ns)


def _by_age(points: tuple[int, ...], age_ns: Nanoseconds) -> int:
    return next((cost for age, cost in zip(_AGES_S, points, strict=True) if age_ns < age * SECOND_NS), 0)
