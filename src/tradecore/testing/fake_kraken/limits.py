"""How often one address may ask the fake venue's public side. Buckets of tokens on the venue's clock, nothing else."""

from __future__ import annotations

from collections.abc import Hashable

from tradecore.core.types import SECOND_NS, Nanoseconds
from tradecore.testing.fake_kraken.settings import Limit


class Buckets:
    """A bucket of tokens per key, full at first."""

    def __init__(self, limit: Limit | None) -> None:
        self._limit = limit
        self._held: dict[Hashable, tuple[float, Nanoseconds]] = {}

    def take(self, key: Hashable, now: Nanoseconds) -> bool:
        """Take one token if there is one; tell whether there was."""
        if self._limit is None:
            return True
        held, since = self._held.get(key, (self._limit.burst, now))
        held = min(self._limit.burst, held + max(0, now - since) / SECOND_NS * self._limit.per_s)
        allowed = held >= 1.0
        self._held[key] = (held - 1.0 if allowed else held, now)
        return allowed
