"""The pairs of averages that every engine sweeps: all (fast, slow) with fast < slow, from short to long."""

from __future__ import annotations


def pairs_of(count: int) -> list[tuple[int, int]]:
    """Return `count` pairs of periods: fast 5, 7, 9, ... and, for each, slow periods above it, 40 of them.

    Of 1,000 pairs there are 25 fast and at most 64 distinct periods in all.
    """
    slow_per_fast = 40
    found = []
    fast = 5
    while len(found) < count:
        found += [(fast, fast + 4 + 3 * step) for step in range(slow_per_fast)]
        fast += 2
    return found[:count]
