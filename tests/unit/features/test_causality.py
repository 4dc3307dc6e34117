"""The truncation test catches what leaks, and passes what does not."""

from __future__ import annotations

import numpy as np
import pytest

from tradecore.core.bars import Bars
from tradecore.core.errors import DataError
from tradecore.core.seeds import generator
from tradecore.core.types import FloatArray
from tradecore.features import catalogue
from tradecore.features.causality import truncation


def _next_close(bars: Bars) -> FloatArray:
    return np.append(bars.close[1:], np.nan)


def _scaled_by_the_whole(bars: Bars) -> FloatArray:
    return bars.close - bars.close.mean()


def _centred_mean(bars: Bars) -> FloatArray:
    return np.convolve(bars.close, np.ones(5) / 5, mode="same")


@pytest.mark.parametrize("leak", [_next_close, _scaled_by_the_whole, _centred_mean])
def test_a_planted_leak_is_caught(leak: object, bars: Bars) -> None:
    assert truncation(leak, bars) is not None  # type: ignore[arg-type]


def test_a_leak_in_the_second_column_is_named(bars: Bars) -> None:
    found = truncation(lambda b: np.column_stack([b.close, _next_close(b)]), bars, rng=generator(1, "cuts"))
    assert found is not None
    assert found[1] == 1


def test_a_leak_into_the_last_bar_only_is_caught(bars: Bars) -> None:
    def late(b: Bars) -> FloatArray:
        values = b.close.copy()
        if len(b) == len(bars):
            values[-2] = b.close[-1]
        return values

    assert truncation(late, bars) == (len(bars) - 2, 0)


def test_what_uses_the_past_only_passes(bars: Bars) -> None:
    assert truncation(lambda b: np.cumsum(b.volume), bars) is None
    assert truncation(catalogue.feature("rsi"), bars) is None


def test_rounding_passes_with_a_tolerance_and_fails_without(bars: Bars) -> None:
    def rough(b: Bars) -> FloatArray:
        return b.close * (1 + 1e-13 * len(b))

    assert truncation(rough, bars) is not None
    assert truncation(rough, bars, tolerance=1e-6) is None


def test_too_few_bars_and_a_wrong_shape_are_refused(bars: Bars) -> None:
    with pytest.raises(DataError, match="at least 2"):
        truncation(_next_close, bars[:1])
    with pytest.raises(DataError, match="expected"):
        truncation(lambda b: b.close[1:], bars)
