"""Over random bars and parameters: one arithmetic in both forms, however the bars are cut, finite after the warm-up."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit

from tradecore.core.bars import Bars
from tradecore.core.seeds import generator
from tradecore.core.types import MINUTE_NS, FloatArray, Pair, Timeframe
from tradecore.features import catalogue
from tradecore.features.feature import Feature
from tradecore.features.spec import Number, Param, Spec

LONGEST = 40
"""Longest window drawn: the bars are few, and every block boundary is crossed many times."""


@st.composite
def rough_bars(draw: st.DrawFn) -> Bars:
    """Return bars of any price level with flat stretches, jumps, gaps in time and minutes without volume."""
    count = draw(st.integers(1, 300))
    rng = generator(draw(st.integers(0, 2**32)), "rough")
    level = 10.0 ** draw(st.integers(-8, 8))
    steps = rng.normal(0, draw(st.sampled_from([1e-7, 1e-3, 0.1])), count)
    steps[rng.random(count) < draw(st.sampled_from([0.0, 0.3, 0.95]))] = 0.0
    steps += np.where(rng.random(count) < 0.01, rng.normal(0, 0.5, count), 0.0)
    close = level * np.exp(np.clip(np.cumsum(steps), -10, 10))
    first = np.where(rng.random(count) < 0.5, close, np.append(close[:1], close[:-1]))
    reach = np.where(rng.random(count) < draw(st.sampled_from([0.0, 0.5, 1.0])), rng.exponential(1e-3, count), 0.0)
    high, low = np.maximum(first, close) * (1 + reach), np.minimum(first, close) / (1 + reach)
    volume = np.where(rng.random(count) < draw(st.sampled_from([0.0, 0.5, 1.0])), rng.exponential(1e3, count), 0.0)
    times = np.cumsum(rng.integers(1, 1 + draw(st.sampled_from([1, 500])), count)) * MINUTE_NS
    return Bars(Pair("BTC", "USD"), Timeframe.parse("1m"), times, first, high, low, close, volume, "synthetic rough")


@st.composite
def features_of(draw: st.DrawFn, entry: Spec) -> Feature:
    """Return the indicator with parameters drawn from their ranges, windows up to `LONGEST`."""
    values = tuple(draw(_value(param)) for param in entry.params)
    if entry.rule is not None:
        values = tuple(sorted(values[:2])) + values[2:]
        if values[0] == values[1] and isinstance(values[1], int):
            values = (values[0], values[1] + 1, *values[2:])
        if entry.name == "kama":
            values = (draw(st.integers(2, LONGEST)), 2, draw(st.integers(3, LONGEST)))
    return catalogue.feature(entry.name, *values)


def _value(param: Param) -> st.SearchStrategy[Number]:
    if param.kind == "int":
        return st.integers(int(param.low), LONGEST)
    return st.floats(param.low, param.high)


def _in_pieces(feature: Feature, bars: Bars, ends: Sequence[int]) -> FloatArray:
    """Run the kernel over consecutive pieces of the bars with one state. Shape: (K, T)."""
    spec, state = feature.spec, feature.spec.new_state(feature.values)
    out = np.full((len(spec.outputs), len(bars)), np.inf)
    start = 0
    for end in [*ends, len(bars)]:
        part = np.full((len(spec.outputs), end - start), np.inf)
        inputs = [getattr(bars, name)[start:end] for name in spec.inputs]
        spec.load()(*inputs, *spec.arguments(feature.values, bars.timeframe), state, part)
        out[:, start:end] = part
        start = end
    return out


def _bar_by_bar(feature: Feature, bars: Bars) -> FloatArray:
    stream = feature.stream(bars.timeframe)
    rows = zip(bars.open_time.tolist(), bars.open, bars.high, bars.low, bars.close, bars.volume, strict=True)
    return np.array([np.atleast_1d(stream.update(*row)) for row in rows]).T


@pytest.mark.parametrize("name", catalogue.names())
@settings(max_examples=25)
@given(data=st.data())
def test_one_pass_pieces_and_single_bars_agree_in_every_bit_and_are_finite(name: str, data: st.DataObject) -> None:
    bars = data.draw(rough_bars())
    feature = data.draw(features_of(catalogue.spec(name)))
    whole = feature.rows(bars)
    assert np.isnan(whole[:, : feature.warmup]).all()
    assert np.isfinite(whole[:, feature.warmup :]).all()
    ends = sorted(data.draw(st.lists(st.integers(0, len(bars)), max_size=5)))
    np.testing.assert_array_equal(_in_pieces(feature, bars, ends), whole)
    np.testing.assert_array_equal(_bar_by_bar(feature, bars), whole)


@pytest.mark.slow
@pytest.mark.parametrize("name", catalogue.names())
def test_no_kernel_reaches_outside_its_state(name: str) -> None:
    """Compile the kernel again with bounds checks: a wrong ring size would otherwise corrupt memory in silence."""
    entry = catalogue.spec(name)
    checked = njit(boundscheck=True, error_model="numpy")(entry.load().py_func)  # type: ignore[attr-defined]
    bars = _plain_bars(200)
    shortest = tuple(param.low if param.kind == "int" else param.default for param in entry.params)
    for values in (shortest, tuple(param.default for param in entry.params)):
        if entry.rule is not None and entry.rule(entry.mapping(values)):
            continue
        feature = catalogue.feature(name, *values)
        out = np.full((len(entry.outputs), len(bars)), np.inf)
        inputs = [getattr(bars, field) for field in entry.inputs]
        checked(*inputs, *entry.arguments(values, bars.timeframe), entry.new_state(values), out)
        np.testing.assert_array_equal(out, feature.rows(bars))


def _plain_bars(count: int) -> Bars:
    rng = generator(0, "plain")
    close = 100 * np.exp(np.cumsum(rng.normal(0, 1e-3, count)))
    times = np.arange(count) * MINUTE_NS
    volume = rng.exponential(1, count)
    return Bars(
        Pair("BTC", "USD"),
        Timeframe.parse("1m"),
        times,
        close,
        close * 1.001,
        close * 0.999,
        close,
        volume,
        "synthetic plain",
    )
