"""Bars keep their promises: checked once, immutable, cut without copying."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tradecore.core.bars import Bars
from tradecore.core.errors import DataError
from tradecore.core.types import MINUTE_NS, Pair, Timeframe


def make(**changed: Any) -> Bars:
    fields: dict[str, Any] = dict(  # noqa: C408
        open_time=np.arange(5) * MINUTE_NS, open=[10.0] * 5, high=[12.0] * 5, low=[9.0] * 5, close=[11.0] * 5,
        volume=[1.0] * 5, source="test",
    )  # fmt: skip
    return Bars(Pair("BTC", "USD"), Timeframe(MINUTE_NS), **(fields | changed))


def at(name: str, index: int, value: float) -> dict[str, Any]:
    fields = {"open": 10.0, "high": 12.0, "low": 9.0, "close": 11.0, "volume": 1.0}
    values = np.full(5, fields[name])
    values[index] = value
    return {name: values}


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (at("close", 2, np.nan), "not finite in bar 2"),
        (at("volume", 3, np.inf), "not finite in bar 3"),
        (at("low", 1, 0.0), "not above zero in bar 1"),
        (at("volume", 4, -1.0), "volume is negative in bar 4"),
        (at("high", 2, 10.5), "high is below open, low or close in bar 2"),
        (at("low", 2, 10.5), "low is above open, high or close in bar 2"),
        ({"open_time": np.array([0, 1, 1, 2, 3]) * MINUTE_NS}, "does not rise in bar 2"),
        ({"open_time": np.array([0, 2, 1, 3, 4]) * MINUTE_NS}, "does not rise in bar 2"),
        ({"open_time": np.arange(5) * MINUTE_NS + 1}, "not on the 1m grid in bar 0"),
        ({"close": [11.0] * 4}, "close has shape"),
        ({"is_real": [True]}, "is_real has shape"),
    ],
)
def test_a_broken_promise_is_refused_with_the_first_offending_bar(changed: dict[str, Any], said: str):
    with pytest.raises(DataError, match=said):
        make(**changed)


def test_bars_cannot_be_written_to():
    with pytest.raises(ValueError, match="read-only"):
        make().close[0] = 1.0


def test_a_span_of_bars_is_a_view():
    bars = make()
    part = bars[1:3]
    assert len(part) == 2
    assert np.shares_memory(part.close, bars.close)
    assert part.pair == bars.pair


@pytest.mark.parametrize("span", [3, slice(0, 4, 2)])
def test_only_consecutive_bars_can_be_taken(span: object):
    with pytest.raises(TypeError):
        make()[span]  # type: ignore[index]


def test_bars_are_arrays_and_not_rows():
    with pytest.raises(TypeError):
        iter(make())


def test_between_takes_the_start_and_leaves_the_end():
    assert make().between(MINUTE_NS, 3 * MINUTE_NS).open_time.tolist() == [MINUTE_NS, 2 * MINUTE_NS]
    assert len(make().between()) == 5


def test_the_same_bars_have_the_same_hash_whatever_they_are_called():
    assert make().content_hash() == make(source="elsewhere").with_dataset("x").content_hash()
    assert make().content_hash() != make(**at("close", 0, 11.5)).content_hash()


def test_bars_know_whether_they_were_made():
    assert make(source="synthetic:gbm:seed=1").is_synthetic
    assert not make().is_synthetic


def test_bars_end_when_the_last_one_is_final():
    assert make().end_time == 5 * MINUTE_NS


def test_bars_print_what_they_are():
    assert "5 bars" in repr(make())
    assert "empty" in repr(make()[0:0])
