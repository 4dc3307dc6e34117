"""The bars and decisions that every engine in the comparison is given. Needs numpy and nothing of ours.

This file runs in three places with three numpy installations: in each peer's own virtual environment, and in the test
that replays the golden files. It therefore imports nothing from the product, and the sha256 of what it made travels in
the golden file: when the bytes differ, the comparison stops before it can mislead.

The averages are computed here and handed to every engine, so that only the market model is compared: the exponential
average of TA-Lib, whose first value is the simple mean of the first `period` closes.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

MINUTE_NS = 60_000_000_000
START_NS = 1_609_459_200_000_000_000  # 2021-01-01T00:00:00Z
STEPS = 4  # price moves inside one bar, from which high and low are taken
FIELDS = ("open_time", "open", "high", "low", "close", "volume")


@dataclass(frozen=True)
class Case:
    """One market to compare engines on; everything that decides its bytes."""

    name: str
    count: int
    seed: int
    start_price: float
    sigma: float
    """Standard deviation of the log price over one bar."""
    gap_share: float
    """Share of bars whose open is not the close before."""
    gap_sigma: float
    missing_share: float
    """Share of minutes that have no bar at all."""


@dataclass(frozen=True)
class Rules:
    """What every engine is asked to do; the golden file repeats it."""

    fast: int = 9
    slow: int = 21
    fee_rate: float = 0.004
    slippage: float = 0.0005
    size_fraction: float = 0.01
    start_cash: float = 100_000.0


CASES = {
    "a": Case("a", 20_000, 20240901, 250.0, 0.0012, 0.0, 0.0, 0.0),
    "b": Case("b", 5_000, 20240902, 30_000.0, 0.0015, 0.3, 0.004, 0.05),
}
RULES = Rules()


def make_bars(case: Case) -> dict[str, np.ndarray]:
    """Return geometric-Brownian one-minute bars with prices in whole cents, as arrays of equal length."""
    rng = np.random.Generator(np.random.Philox(key=case.seed))
    steps = rng.standard_normal((case.count, STEPS)) * (case.sigma / np.sqrt(STEPS))
    gaps = rng.standard_normal(case.count) * case.gap_sigma * (rng.random(case.count) < case.gap_share)
    skipped = rng.random(case.count) < case.missing_share
    volume = np.round(rng.random(case.count) * 50.0 + 1.0, 4)
    gaps[0] = 0.0
    path = np.cumsum(np.concatenate([gaps[:, None], steps], axis=1).ravel()).reshape(case.count, STEPS + 1)
    prices = np.round(case.start_price * np.exp(path), 2)
    minutes = np.arange(case.count) + np.cumsum(skipped)
    return {
        "open_time": (START_NS + minutes * MINUTE_NS).astype("<i8"),
        "open": prices[:, 0].copy(),
        "high": prices.max(axis=1),
        "low": prices.min(axis=1),
        "close": prices[:, -1].copy(),
        "volume": volume,
    }


def sha256(bars: dict[str, np.ndarray]) -> str:
    """Return the hash of every value in the order of FIELDS, little-endian."""
    digest = hashlib.sha256()
    for name in FIELDS:
        kind = "<i8" if name == "open_time" else "<f8"
        digest.update(np.ascontiguousarray(bars[name], dtype=kind).tobytes())
    return digest.hexdigest()


def ema(values: np.ndarray, period: int) -> np.ndarray:
    """Return TA-Lib's exponential average: NaN, then the mean of the first `period` values, then the recursion."""
    out = np.full(len(values), np.nan)
    level = float(np.sum(values[:period])) / period
    weight = 2.0 / (period + 1.0)
    out[period - 1] = level
    for index in range(period, len(values)):
        level = (float(values[index]) - level) * weight + level
        out[index] = level
    return out


def wanted(bars: dict[str, np.ndarray], rules: Rules = RULES) -> tuple[np.ndarray, np.ndarray]:
    """Return (long, flat): the bars at whose close a flat account wants to buy, and a long one to sell.

    Neither holds while an average is still warming up or when both are equal: then nothing changes.
    """
    fast, slow = ema(bars["close"], rules.fast), ema(bars["close"], rules.slow)
    with np.errstate(invalid="ignore"):
        return fast > slow, fast < slow


def fill_sides(long: np.ndarray, flat: np.ndarray) -> np.ndarray:
    """Return per bar +1 where an entry fills at its open, -1 where an exit does, else 0; decided one bar before."""
    sides = np.zeros(len(long), np.int64)
    holding = False
    for index in range(len(long) - 1):
        if not holding and long[index]:
            sides[index + 1], holding = 1, True
        elif holding and flat[index]:
            sides[index + 1], holding = -1, False
    return sides


def header(case: Case, bars: dict[str, np.ndarray], rules: Rules = RULES) -> dict[str, Any]:
    """Return the part of a golden file that says which market and which rules it is about."""
    return {"case": asdict(case), "rules": asdict(rules), "bars_sha256": sha256(bars)}
