"""How many different things a sweep really tried: configurations grouped by the correlation of their daily returns.

A thousand crossovers of neighbouring lengths are not a thousand independent tries. The verdict still counts every one
of them; the number found here stands beside it, so that a reader sees how much of the deflation is repetition. Called
by sweeps and evaluations; no randomness, so the same returns in the same order give the same groups.

Configurations are first merged with an earlier one that they all but repeat (correlation 0.95). Up to 2,000 of what
remains is joined by average linkage, the most alike first, until no two groups correlate by `correlation` or more on
average. Each further one joins the group it correlates with most, or opens its own. So memory is bounded (a matrix of
2,000 by 2,000 beside the returns), and a sweep of 10,000 takes seconds. Average linkage on correlation has the order
of average linkage on the squared distance (1 - correlation) / 2.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tradecore.core.errors import ConfigError, DataError
from tradecore.core.types import FloatArray, IntArray
from tradecore.stats.inference import CONSTANT

REPEATS = 0.95
"""A configuration that correlates this much with an earlier one is its repetition."""
MOST = 2000
"""Configurations that take part in average linkage; further ones are sorted into its groups."""
_CHUNK = 256


@dataclass(frozen=True, slots=True, eq=False)
class Clusters:
    """Groups of configurations that earn and lose on the same days."""

    count: int
    """The effective number of trials, 1 to N."""
    labels: IntArray
    """The group of each configuration, (N,), numbered by the first configuration of each."""
    sizes: IntArray
    """Configurations in each group, (count,)."""


def effective_trials(returns: FloatArray, correlation: float = 0.5) -> Clusters:
    """Group configurations whose daily returns correlate; the number of groups is the effective number of trials.

    Configurations that never moved correlate with nothing and are one group: they tried the same nothing.
    Shape:  returns (N, D), N configurations over the same D days, all finite.
    Units:  `correlation` inside (0, 1): the mean correlation at which two groups are still one. At 0.5 two groups share
            a quarter of their variance; more gives more groups.
    Errors: DataError for no configuration, fewer than 10 days or values that are not finite; ConfigError for a
            correlation out of range.
    Source: Lopez de Prado & Lewis (2019) for the effective number of trials by clustering; Sokal & Michener (1958) for
            average linkage; the fixed level in place of their silhouettes is ours, because silhouettes cannot answer 1.
    """
    if not 0.0 < correlation < 1.0:
        raise ConfigError(f"correlation {correlation}: expected a number between 0 and 1, as in 0.5")
    if returns.ndim != 2 or len(returns) < 1 or returns.shape[1] < 10:
        raise DataError(f"returns of shape {returns.shape}: expected at least 1 configuration over at least 10 days")
    if not np.isfinite(returns).all():
        raise DataError("returns: a value is not finite; leave out configurations whose run is broken")
    unit, moves = _standardised(returns)
    moving = unit[moves]
    leaders, joined = _leaders(moving)
    distinct = moving[leaders]
    sizes = np.bincount(joined, minlength=len(leaders))[:MOST]
    groups = _sort_in(distinct, _average_linkage(distinct[:MOST], sizes, correlation), correlation)
    labels = np.full(len(returns), -1, np.int64)
    labels[moves] = groups[joined]
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    rank = np.argsort(np.argsort(first))
    labels = rank[inverse].astype(np.int64)
    sizes = np.bincount(labels)
    return Clusters(len(sizes), labels, sizes)


def _standardised(returns: FloatArray) -> tuple[FloatArray, IntArray]:
    """Return rows of mean 0 and length 1 (zeros where nothing moves), and which rows move."""
    centred = returns - returns.mean(axis=1, keepdims=True)
    length = np.sqrt((centred * centred).sum(axis=1))
    moves = length > CONSTANT * np.abs(returns).max(axis=1) * np.sqrt(returns.shape[1])
    np.divide(centred, length[:, np.newaxis], out=centred, where=moves[:, np.newaxis])
    return centred, np.flatnonzero(moves)


def _leaders(unit: FloatArray) -> tuple[IntArray, IntArray]:
    """Return rows that repeat no earlier leader, (L,), and the place of the leader each row belongs to, (N,)."""
    leaders: list[int] = []
    joined = np.empty(len(unit), np.int64)
    found = np.empty_like(unit)
    for start in range(0, len(unit), _CHUNK):
        rows = unit[start : start + _CHUNK]
        known = len(leaders)
        nearest = np.full(len(rows), -np.inf)
        if known:
            alike = rows @ found[:known].T
            joined[start : start + len(rows)] = alike.argmax(axis=1)
            nearest = alike.max(axis=1)
        inside = rows @ rows.T
        fresh: list[int] = []
        for place in np.flatnonzero(nearest < REPEATS):
            best = int(np.argmax(inside[place, fresh])) if fresh else -1
            if best >= 0 and inside[place, fresh[best]] >= REPEATS:
                joined[start + place] = known + best
                continue
            joined[start + place] = len(leaders)
            found[len(leaders)] = rows[place]
            leaders.append(start + int(place))
            fresh.append(int(place))
    return np.array(leaders, np.int64), joined


def _average_linkage(unit: FloatArray, sizes: IntArray, level: float) -> IntArray:
    """Join rows by average linkage while the mean correlation of two groups is at least `level`; return the groups.

    Source: Murtagh (1983), nearest-neighbour chain: groups that are each other's nearest are joined at once.
    """
    count = len(unit)
    alike = unit @ unit.T
    np.fill_diagonal(alike, -np.inf)
    weight = sizes.astype(np.float64)
    group = np.arange(count)
    alive = np.ones(count, np.bool_)
    chain: list[int] = []
    while alive.any():
        if not chain:
            chain.append(int(np.argmax(alive)))
        top = chain[-1]
        nearest = int(np.argmax(alike[top]))
        if len(chain) > 1 and alike[top, chain[-2]] >= alike[top, nearest]:
            nearest = chain[-2]
        if not alike[top, nearest] >= level:
            alive[top] = False
            chain.pop()
            continue
        if len(chain) < 2 or nearest != chain[-2]:
            chain.append(nearest)
            continue
        del chain[-2:]
        merged = (weight[top] * alike[top] + weight[nearest] * alike[nearest]) / (weight[top] + weight[nearest])
        merged[[top, nearest]] = -np.inf
        alike[top], alike[:, top] = merged, merged
        alike[nearest], alike[:, nearest] = -np.inf, -np.inf
        weight[top] += weight[nearest]
        alive[nearest] = False
        group[group == nearest] = top
    return group


def _sort_in(unit: FloatArray, first: IntArray, level: float) -> IntArray:
    """Give each row after the first `MOST` the group it correlates with most on average, or open one; return all.

    Rows come in batches: within one, the groups are those before it and the rows that opened one in it.
    """
    count = len(unit)
    groups: IntArray = np.concatenate((first, np.arange(len(first), count)))
    names, places = np.unique(first, return_inverse=True)
    sums, counts = np.zeros((len(names) + count - len(first), unit.shape[1])), np.zeros(len(names) + count - len(first))
    np.add.at(sums, places, unit[: len(first)])
    np.add.at(counts, places, 1.0)
    known, used = np.r_[names, np.zeros(count - len(first), np.int64)], len(names)
    for start in range(len(first), count, _CHUNK):
        rows = unit[start : start + _CHUNK]
        alike = rows @ sums[:used].T / counts[:used]
        inside = rows @ rows.T
        before = used
        fresh: list[int] = []
        for place in range(len(rows)):
            best, nearest = int(alike[place].argmax()), float(alike[place].max())
            if fresh and float(inside[place][fresh].max()) > nearest:
                nearest = float(inside[place][fresh].max())
                best = before + int(inside[place][fresh].argmax())
            if nearest < level:
                best, used = used, used + 1
                known[best] = start + place
                fresh.append(place)
            sums[best] += rows[place]
            counts[best] += 1.0
            groups[start + place] = known[best]
    return groups
