"""One number that changes when any price of any bar changes."""

from __future__ import annotations

import numpy as np

MODULUS = 2**31 - 1


def marks(*columns: np.ndarray) -> int:
    """Return the prices in cents, weighed by the numbers of their bar and column, added up in whole numbers."""
    total = 0
    for place, prices in enumerate(columns, 1):
        cents = np.rint(np.asarray(prices) * 100.0).astype(np.int64) % MODULUS
        weights = (np.arange(len(cents), dtype=np.int64) % 1_000_003) + 1
        total += place * int((cents * weights % MODULUS).sum())
    return total
