"""The truncation test: a value at bar t may not change when the bars after t are cut away.

The one proof of causality that needs no trust in the code under test. It runs over the whole catalogue, and over
whatever a user's strategy computes before that may be deployed. Invariant: it reads values and changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tradecore.core.bars import Bars
from tradecore.core.errors import DataError
from tradecore.core.seeds import generator
from tradecore.core.types import FloatArray
from tradecore.features.feature import Feature


def truncation(
    what: Feature | Callable[[Bars], FloatArray],
    bars: Bars,
    cuts: int = 20,
    rng: np.random.Generator | None = None,
    tolerance: float = 0.0,
) -> tuple[int, int] | None:
    """Return the first (bar, column) whose value changes when later bars are cut, or None.

    Cuts at `cuts` random places, drawn from `rng` (a fixed stream when None), and always before the last bar.
    `tolerance` is relative; 0 demands the same bits, which every indicator of the catalogue meets. NaN equals NaN.
    Shape:  what(bars) is (T,) or (T, K).
    Errors: DataError when there are fewer than two bars, or the result has not one row per bar.
    """
    if len(bars) < 2:
        raise DataError(f"{bars.pair} {bars.timeframe}: {len(bars)} bars, expected at least 2 to cut between")
    f = what.compute if isinstance(what, Feature) else what
    whole = _table(f(bars), len(bars))
    rng = generator(0, "truncation") if rng is None else rng
    places = np.unique(np.append(rng.integers(1, len(bars), size=cuts), len(bars) - 1))
    found = [
        fault for cut in places if (fault := _first_change(whole, _table(f(bars[: int(cut)]), int(cut)), tolerance))
    ]
    return min(found, default=None)


def _table(values: FloatArray, count: int) -> FloatArray:
    if values.ndim not in (1, 2) or len(values) != count:
        raise DataError(f"a result of shape {values.shape} over {count} bars; expected ({count},) or ({count}, K)")
    return values[:, np.newaxis] if values.ndim == 1 else values


def _first_change(whole: FloatArray, part: FloatArray, tolerance: float) -> tuple[int, int] | None:
    kept = whole[: len(part)]
    same = (kept == part) | (np.isnan(kept) & np.isnan(part))
    if tolerance:
        same |= np.abs(kept - part) <= tolerance * np.abs(kept)
    if same.all():
        return None
    bar, column = np.unravel_index(int(np.argmin(same)), same.shape)
    return int(bar), int(column)
