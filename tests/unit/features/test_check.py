"""The check of a feature passes the whole catalogue, and names what is wrong with a broken one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from tradecore.core.bars import Bars
from tradecore.core.types import FloatArray
from tradecore.features import catalogue, ema
from tradecore.features.check import check, check_all
from tradecore.features.feature import Feature
from tradecore.features.kernels import trend


@pytest.mark.parametrize("feature", catalogue.standard(), ids=lambda feature: feature.spec.name)
def test_every_indicator_is_finite_causal_and_equal_in_both_forms(feature: Feature, bars: Bars) -> None:
    result = check(feature, bars)
    assert (result.ok, result.reason) == (True, "")


def _with_kernel(kernel: Callable[..., None]) -> Feature:
    """Return an average of nine bars whose kernel is the given function."""
    whole = ema(9)
    return Feature(replace(whole.spec, kernel=kernel), whole.values)


def test_a_value_inside_the_warmup_is_named(bars: Bars) -> None:
    def early(x: FloatArray, n: int, state: FloatArray, out: FloatArray) -> None:
        out[0] = x

    result = check(_with_kernel(early), bars)
    assert (result.ok, result.first_bar) == (False, 0)
    assert "inside the warm-up of 8" in result.reason


def test_a_value_that_is_not_finite_is_named(bars: Bars) -> None:
    def holey(x: FloatArray, n: int, state: FloatArray, out: FloatArray) -> None:
        trend.ema(x, n, state, out)
        out[0, 100] = np.inf

    result = check(_with_kernel(holey), bars)
    assert (result.ok, result.first_bar) == (False, 100)
    assert "value at bar 100" in result.reason
    assert "not finite" in result.reason


def test_a_kernel_that_looks_ahead_is_named(bars: Bars) -> None:
    def ahead(x: FloatArray, n: int, state: FloatArray, out: FloatArray) -> None:
        trend.ema(x, n, state, out)
        out[0, n:-1] += x[n + 1 :]

    result = check(_with_kernel(ahead), bars)
    assert not result.ok
    assert "sees the future" in result.reason


def test_a_stream_that_differs_from_the_batch_is_named(bars: Bars) -> None:
    def forgetful(x: FloatArray, n: int, state: FloatArray, out: FloatArray) -> None:
        trend.ema(x, n, state, out)
        if state[0] == 50:
            state[1] += 1e-9

    result = check(_with_kernel(forgetful), bars)
    assert (result.ok, result.first_bar) == (False, 50)
    assert "bar by bar" in result.reason


def test_too_few_bars_are_said_to_be_too_few(bars: Bars) -> None:
    result = check(ema(50), bars[:30])
    assert result.ok
    assert "30 bars are no more than the warm-up of 49" in result.reason


def test_features_are_checked_one_by_one(bars: Bars) -> None:
    results = check_all(bars, [ema(9), ema(21)])
    assert next(results).label == "ema(9)"
    assert [result.label for result in results] == ["ema(21)"]
