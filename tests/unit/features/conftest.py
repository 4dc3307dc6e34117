"""Bars for the tests of features: a rough market, with flat stretches and minutes without volume when asked."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from tradecore.core.bars import Bars
from tradecore.core.seeds import generator
from tradecore.core.types import MINUTE_NS, Pair, Timeframe


def make_bars(count: int, seed: int = 0, *, quiet: bool = True) -> Bars:
    """Return seeded bars in cents; when quiet, with a flat stretch, empty volume, and a jump."""
    rng = generator(seed, "features")
    close = np.round(20_000 * np.exp(np.cumsum(rng.normal(0, 1e-3, count))), 2)
    if quiet:
        close[count // 3 : count // 2] = close[count // 3]
        close[count // 2 :] = np.round(close[count // 2 :] * 1.2, 2)
    first = np.append(close[:1], close[:-1])
    wick = np.round(rng.exponential(4, (2, count)), 2)
    volume = rng.exponential(2, count)
    if quiet:
        wick[:, count // 3 : count // 2] = 0
        volume[count // 3 + 5 : count // 2 + 30] = 0
    high, low = np.maximum(first, close) + wick[0], np.minimum(first, close) - wick[1]
    start = 1_500_000_000_000_000_000 // MINUTE_NS * MINUTE_NS
    times = start + np.arange(count) * MINUTE_NS
    return Bars(Pair("BTC", "USD"), Timeframe.parse("1m"), times, first, high, low, close, volume, "synthetic test")


@pytest.fixture(scope="session")
def bars() -> Bars:
    """Return 1,500 rough bars with a flat stretch in the middle."""
    return make_bars(1_500)


@pytest.fixture(scope="session")
def bars_of() -> Callable[..., Bars]:
    """Return the maker of bars."""
    return make_bars
