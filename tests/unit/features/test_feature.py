"""A feature computed: shapes, immutability, streams and their state."""

from __future__ import annotations

import numpy as np
import pytest

from tradecore.core.bars import Bars
from tradecore.core.errors import UsageError
from tradecore.features import atr, bollinger, ema, realised_volatility
from tradecore.features.compute import compute, warmup


def _rows(bars: Bars) -> list[tuple[int, float, float, float, float, float]]:
    arrays = (bars.open_time, bars.open, bars.high, bars.low, bars.close, bars.volume)
    return list(zip(*(array.tolist() for array in arrays), strict=True))


def test_one_output_is_a_vector_and_several_are_a_table(bars: Bars) -> None:
    assert ema(9).compute(bars).shape == (len(bars),)
    assert bollinger().compute(bars).shape == (len(bars), 3)
    np.testing.assert_array_equal(bollinger().upper.compute(bars), bollinger().compute(bars)[:, 0])


def test_the_catalogues_function_takes_parameters_by_name(bars: Bars) -> None:
    feature = bollinger(10, 1.5)
    np.testing.assert_array_equal(feature.spec.f(bars, period=10, width=1.5), feature.compute(bars))
    np.testing.assert_array_equal(ema(9).spec.f(bars, period=9), ema(9).compute(bars))


def test_results_cannot_be_written_to(bars: Bars) -> None:
    for result in (ema(9).compute(bars), bollinger().compute(bars), *compute({"bands": bollinger()}, bars).values()):
        with pytest.raises(ValueError, match="read-only"):
            result[0] = 1.0


def test_no_bars_give_no_values(bars: Bars) -> None:
    assert bollinger().compute(bars[:0]).shape == (0, 3)


def test_fewer_bars_than_the_warmup_give_nan_only(bars: Bars) -> None:
    assert np.isnan(ema(20).compute(bars[:19])).all()


def test_columns_are_named_contiguous_and_computed_once_per_feature(bars: Bars) -> None:
    columns = compute({"fast": ema(9), "bands": bollinger(), "top": bollinger().upper}, bars)
    assert list(columns) == ["fast", "bands_upper", "bands_middle", "bands_lower", "top"]
    assert all(column.flags.c_contiguous for column in columns.values())
    assert np.shares_memory(columns["top"], columns["bands_upper"])


def test_two_features_may_not_give_one_column(bars: Bars) -> None:
    with pytest.raises(UsageError, match="bands_upper"):
        compute({"bands": bollinger(), "bands_upper": ema(9)}, bars)


def test_the_warmup_of_several_features_is_the_longest() -> None:
    assert warmup({"fast": ema(9), "range": atr(14)}) == 14
    assert warmup({}) == 0


def test_a_stream_returns_one_value_or_one_per_output(bars: Bars) -> None:
    row = _rows(bars)[0]
    assert isinstance(ema(9).stream().update(*row), float)
    whole = bollinger().stream().update(*row)
    assert isinstance(whole, tuple)
    assert len(whole) == 3
    assert isinstance(bollinger().upper.stream().update(*row), float)


def test_an_annualised_stream_asks_for_the_timeframe(bars: Bars) -> None:
    with pytest.raises(UsageError, match=r"stream\(timeframe\)"):
        realised_volatility().stream()
    assert np.isnan(realised_volatility().stream(bars.timeframe).update(*_rows(bars)[0]))


def test_a_stream_goes_on_from_its_saved_state(bars: Bars) -> None:
    rows = _rows(bars)
    first, second = atr(14).stream(), atr(14).stream()
    for row in rows[:500]:
        first.update(*row)
    second.restore(first.state())
    assert [first.update(*row) for row in rows[500:600]] == [second.update(*row) for row in rows[500:600]]


def test_a_state_of_another_feature_is_refused() -> None:
    with pytest.raises(UsageError, match="belongs to another feature"):
        ema(9).stream().restore(bollinger().stream().state())
