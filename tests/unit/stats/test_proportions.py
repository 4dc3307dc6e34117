"""Shares with intervals, curves that never fall, and the size at which one reaches a level."""

from __future__ import annotations

import numpy as np
import pytest

from tradecore.core.errors import DataError
from tradecore.stats.proportions import reaches, rising, size_interval, wilson


def test_wilson_interval_is_that_of_the_textbook() -> None:
    """Newcombe (1998), table I: 81 of 263 and 15 of 148, and the two ends 0 of 20 and 29 of 29."""
    known = {
        (81, 263): (0.2553, 0.3662),
        (15, 148): (0.0624, 0.1605),
        (0, 20): (0.0, 0.1611),
        (1, 29): (0.0061, 0.1718),
    }
    for (hits, count), (low, high) in known.items():
        found = wilson(hits, count)
        assert found.low == pytest.approx(low, abs=5e-5)
        assert found.high == pytest.approx(high, abs=5e-5)


def test_wilson_interval_covers_as_often_as_it_says() -> None:
    rng = np.random.default_rng(3)
    covered = 0
    for hits in rng.binomial(200, 0.05, size=2000):
        found = wilson(int(hits), 200, 0.9)
        covered += found.low <= 0.05 <= found.high
    assert abs(covered / 2000 - 0.9) < 0.03


def test_no_case_has_no_share() -> None:
    for hits, count in ((0, 0), (3, 2), (-1, 5)):
        with pytest.raises(DataError, match="expected"):
            wilson(hits, count)


def test_a_curve_never_falls_and_keeps_its_weighted_mean() -> None:
    rng = np.random.default_rng(1)
    for _ in range(50):
        shares, weights = rng.random(12), rng.integers(1, 9, 12).astype(float)
        curve = rising(shares, weights)
        assert (np.diff(curve) >= 0).all()
        assert np.average(curve, weights=weights) == pytest.approx(np.average(shares, weights=weights))


def test_a_rising_curve_is_left_as_it_is_and_neighbours_that_fall_are_pooled() -> None:
    assert rising(np.array([0.1, 0.2, 0.9]), np.ones(3)).tolist() == [0.1, 0.2, 0.9]
    assert rising(np.array([0.1, 0.6, 0.3, 0.9]), np.array([1.0, 1.0, 2.0, 1.0])).tolist() == pytest.approx(
        [0.1, 0.4, 0.4, 0.9]
    )


def test_the_size_is_read_between_the_points() -> None:
    sizes = np.array([0.0, 1.0, 2.0, 4.0])
    assert reaches(sizes, np.array([0.0, 0.2, 0.6, 1.0]), 0.8) == pytest.approx(3.0)
    assert reaches(sizes, np.array([0.0, 0.2, 0.6, 0.7]), 0.8) is None
    assert reaches(sizes, np.array([0.9, 0.9, 0.9, 1.0]), 0.8) == 0.0


def test_the_interval_of_the_size_holds_the_true_one() -> None:
    sizes, counts = np.linspace(0.0, 4.0, 9), np.full(9, 60)
    truth = 1.0 / (1.0 + np.exp(-3.0 * (sizes - 2.0)))
    true_size, rng, held = reaches(sizes, truth, 0.8), np.random.default_rng(5), 0
    assert true_size is not None
    for _ in range(20):
        low, high = size_interval(sizes, rng.binomial(counts, truth), counts, 0.8, rng)
        held += low is not None and low <= true_size and (high is None or true_size <= high)
    assert held >= 17


def test_a_size_beyond_those_tried_is_open_ended() -> None:
    counts = np.full(3, 50)
    low, high = size_interval(np.arange(3.0), np.array([1, 20, 41]), counts, 0.8, np.random.default_rng(1))
    assert low is not None
    assert high is None
