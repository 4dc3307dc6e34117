"""One seed per run; every consumer derives its own stream from it by name, so adding one never shifts another."""

from __future__ import annotations

import hashlib

import numpy as np


def generator(seed: int, *path: str | int) -> np.random.Generator:
    """Return the random stream that `seed` gives to the consumer named by `path`.

    >>> generator(7, "market", "BTC/USD").integers(100) == generator(7, "market", "BTC/USD").integers(100)
    np.True_
    """
    key = hashlib.sha256("/".join(str(part) for part in (seed, *path)).encode()).digest()
    return np.random.Generator(np.random.Philox(key=int.from_bytes(key[:16], "little")))
