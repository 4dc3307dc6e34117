"""Skills for the compiled lane: turn conditions over whole columns into the share of equity wanted after each bar.

Each is the vector twin of what a `decide` does bar by bar; `strategy check` compares the two. Pure array functions:
they never look at a later row than the one they write.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tradecore.core.errors import StrategyError
from tradecore.core.types import BoolArray, FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """A wanted share that is either `share` or nothing: what `np.where(mask, share, 0.0)` says, for an `exposure`.

    The players read the mask as it is, which is several times as fast as an array of shares; anything else sees that
    array.

    Shape: `mask` (T,) of bool.

    >>> np.asarray(Held(np.array([False, True]), 0.5))
    array([0. , 0.5])
    """

    mask: BoolArray
    share: float = 1.0

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """Return the shares, (T,)."""
        return np.where(self.mask, self.share, 0.0).astype(dtype or np.float64, copy=False)

    def __len__(self) -> int:
        return len(self.mask)


def shifted(column: FloatArray, bars: int = 1) -> FloatArray:
    """Return a column as it was `bars` bars ago; NaN where there was nothing yet.

    Shape:  column (T,) -> (T,).
    Errors: StrategyError when `bars` is below 1: a negative shift would show the future.

    >>> shifted(np.array([1.0, 2.0, 3.0]))
    array([nan,  1.,  2.])
    """
    if bars < 1:
        raise StrategyError(f"shifted by {bars} bars: expected 1 or more; a shift the other way shows the future")
    moved = np.full(len(column), np.nan)
    moved[bars:] = column[:-bars]
    return moved


def latch(enter: BoolArray, leave: BoolArray, share: float = 1.0) -> FloatArray:
    """Return `share` from a bar where `enter` holds until one where `leave` holds, else 0.

    Where both hold, the one that changes something wins, as it does in a `decide` that asks whether it has a position.
    Shape: enter, leave (T,) -> (T,).

    >>> latch(np.array([False, True, False, False]), np.array([True, False, False, True]))
    array([0., 1., 1., 0.])
    """
    both = enter & leave
    if not both.any():
        event = np.where(enter, 1, np.where(leave, -1, 0))
        last = np.maximum.accumulate(np.where(event != 0, np.arange(len(event)), -1))
        return np.where((last >= 0) & (event[last] == 1), share, 0.0)
    wanted, inside = np.zeros(len(enter)), False
    for i, (goes_in, goes_out) in enumerate(zip(enter.tolist(), leave.tolist(), strict=True)):
        inside = not goes_out if inside else goes_in
        wanted[i] = share if inside else 0.0
    return wanted
