"""How often something happens: the interval of a share, a rising curve through shares, and where it reaches a level.

For experiments that count: false verdicts, edges found, intervals that cover. Called by the calibration of the verdict.
Invariant: a curve fitted here never falls, whatever the noise of the counts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from tradecore.core.errors import DataError
from tradecore.core.types import FloatArray, IntArray

_DRAWS = 2000


@dataclass(frozen=True, slots=True)
class Share:
    """So many of so many, with the interval in which the true share lies."""

    hits: int
    count: int
    low: float
    high: float
    level: float = 0.95

    @property
    def rate(self) -> float:
        """The share itself."""
        return self.hits / self.count


def wilson(hits: int, count: int, level: float = 0.95) -> Share:
    """Return a share with its two-sided Wilson interval, which keeps its level also near 0 and 1.

    Errors: DataError for no cases, more hits than cases, or a level outside (0, 1).
    Source: Wilson (1927); recommended by Brown, Cai & DasGupta (2001).

    >>> found = wilson(5, 200)
    >>> round(found.low, 4), round(found.high, 4)
    (0.0107, 0.0572)
    """
    if count < 1 or not 0 <= hits <= count or not 0.0 < level < 1.0:
        raise DataError(f"{hits} of {count} at level {level}: expected 0 <= hits <= count, count >= 1, 0 < level < 1")
    z = NormalDist().inv_cdf(0.5 + level / 2.0)
    share, weight = hits / count, z * z / count
    middle = (share + weight / 2.0) / (1.0 + weight)
    reach = z * math.sqrt(share * (1.0 - share) / count + weight / (4.0 * count)) / (1.0 + weight)
    low = 0.0 if hits == 0 else max(middle - reach, 0.0)
    high = 1.0 if hits == count else min(middle + reach, 1.0)
    return Share(hits, count, low, high, level)


def rising(shares: FloatArray, weights: FloatArray) -> FloatArray:
    """Return the never-falling values nearest to `shares` by weighted squares, (N,).

    Shape:  shares and weights (N,), in the order in which the values may only rise; weights > 0.
    Source: pool adjacent violators, Ayer et al. (1955).
    """
    if shares.shape != weights.shape or not (weights > 0).all():
        raise DataError(f"{len(shares)} shares and {len(weights)} weights: expected as many, weights above 0")
    pools: list[tuple[float, float, int]] = []
    for share, weight in zip(shares.tolist(), weights.tolist(), strict=True):
        pools.append((share, weight, 1))
        while len(pools) > 1 and pools[-2][0] >= pools[-1][0]:
            (early, first, many), (late, second, more) = pools[-2:]
            mean = (early * first + late * second) / (first + second)
            pools[-2:] = [(mean, first + second, many + more)]
    return np.repeat([value for value, _, _ in pools], [many for _, _, many in pools])


def reaches(sizes: FloatArray, curve: FloatArray, level: float) -> float | None:
    """Return the size at which a never-falling curve reaches `level`, straight between its points; None if it does not.

    Shape:  sizes (N,) rising, curve (N,) as `rising` returns it. The first size where the curve begins above the level.
    """
    above = np.flatnonzero(curve >= level)
    if not len(above):
        return None
    at = int(above[0])
    if at == 0 or curve[at] == curve[at - 1]:
        return float(sizes[at])
    step = (level - curve[at - 1]) / (curve[at] - curve[at - 1])
    return float(sizes[at - 1] + step * (sizes[at] - sizes[at - 1]))


def size_interval(
    sizes: FloatArray, hits: IntArray, counts: IntArray, level: float, rng: np.random.Generator
) -> tuple[float | None, float | None]:
    """Return the 95 % interval of the size at which the share reaches `level`; None for an end beyond the sizes tried.

    Counts are drawn anew from the fitted curve (parametric bootstrap), and the size read off each time.
    Source: Efron & Tibshirani (1993), section 6.5.
    """
    fitted = rising(hits / counts, counts.astype(np.float64))
    found = []
    for drawn in rng.binomial(counts, fitted, size=(_DRAWS, len(counts))):
        size = reaches(sizes, rising(drawn / counts, counts.astype(np.float64)), level)
        found.append(math.inf if size is None else size)
    low, high = (float(value) for value in np.quantile(found, (0.025, 0.975), method="nearest"))
    return (low if math.isfinite(low) else None, high if math.isfinite(high) else None)
