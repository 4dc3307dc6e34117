"""The arithmetic of what-if: the cost at which nothing is left, and how often chance does as well.

Pure numbers about results that others played. Called by the evaluation. Invariant: a figure that the results cannot
give is None, with the reason told by the caller's data, never an extrapolation.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from tradecore.core.errors import DataError
from tradecore.core.types import FloatArray


@dataclass(frozen=True, slots=True)
class BreakEven:
    """The costs at which a record neither gains nor loses."""

    multiple: float | None
    """Times the configured costs; None when it lies outside the multiples that were played."""
    bps: float | None
    """The same in basis points of traded notional, one way."""
    is_beyond: bool
    """True when it still gains at the largest multiple played: break-even is higher than that."""


def break_even(return_at_cost: Mapping[float, float | None], cost_bps: float) -> BreakEven:
    """Return where the total return crosses zero as costs rise, between the two multiples around it.

    Log growth is nearly linear in the costs, so the crossing is interpolated on it. When the returns cross more than
    once, the lowest crossing counts: above it the record was seen to lose. A record that loses at the lowest multiple
    played has none.
    Units:  total returns (fractions) by multiple of the configured costs; `cost_bps` one-way cost at multiple 1.
    Errors: DataError for fewer than two multiples with a return, or a cost that is negative or not finite.
    """
    points = sorted((multiple, value) for multiple, value in return_at_cost.items() if value is not None)
    if len(points) < 2 or not (math.isfinite(cost_bps) and cost_bps >= 0.0):
        raise DataError(
            f"{len(points)} multiples with a return at {cost_bps} bps: expected at least two and a cost of at least 0"
        )
    heights = [(multiple, math.log(max(1.0 + value, 1e-12))) for multiple, value in points]
    if heights[0][1] <= 0.0:
        return BreakEven(None, None, False)
    for (left, above), (right, below) in pairwise(heights):
        if below <= 0.0:
            multiple = left + (right - left) * above / (above - below)
            return BreakEven(multiple, multiple * cost_bps, False)
    return BreakEven(None, None, True)


def permutation_p_value(value: float, draws: FloatArray) -> float:
    """Return the probability of a figure at least as good under chance: (1 + draws >= value) / (1 + draws).

    Shape:  draws (n,) the same figure of n random strategies, n >= 1, all finite.
    Errors: DataError for no draws or a value that is not finite.
    Source: Phipson & Smyth (2010): with the 1, a p-value is never zero and never too small.
    """
    if len(draws) < 1 or not (math.isfinite(value) and np.isfinite(draws).all()):
        raise DataError(f"a figure of {value} beside {len(draws)} draws: expected finite numbers and at least one draw")
    return (1 + int((draws >= value).sum())) / (1 + len(draws))
