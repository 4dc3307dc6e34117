"""The pairs of averages that every engine sweeps: all (fast, slow) with fast < slow, from short to long."""

from __future__ import annotations


def pairs_of(count: int) -> list[tuple[int, int]]:
    """Return `count` pairs of periods: fast 6, 8, 10, ... and, for each, 40 slow ones from twice as long on.

    A thousand of them make about 610,000 trades on 100,000 bars.
    """
    slow_per_fast = 40
    found: list[tuple[int, int]] = []
    fast = 6
    while len(found) < count:
        found += [(fast, 2 * fast + 5 * step) for step in range(slow_per_fast)]
        fast += 2
    return found[:count]
