"""Pairs, timeframes and times: read in many forms, written in one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradecore.core.errors import UsageError
from tradecore.core.types import DAY_NS, HOUR_NS, MINUTE_NS, Pair, Timeframe, iso, parse_time


def test_a_pair_is_read_in_any_case_and_written_in_one():
    assert str(Pair.parse(" btc/usd ")) == "BTC/USD"
    assert Pair.parse("BTC/USD").slug == "BTC-USD"


@pytest.mark.parametrize("text", ["BTCUSD", "BTC/", "/USD", "BTC/BTC", "BTC/US D", "B\u0422C/USD", "", "BTC/USD/EUR"])
def test_what_is_no_pair_is_refused(text: str):
    with pytest.raises(UsageError):
        Pair.parse(text)


@pytest.mark.parametrize(
    ("text", "ns"), [("1m", MINUTE_NS), ("90m", 90 * MINUTE_NS), ("4h", 4 * HOUR_NS), ("7d", 7 * DAY_NS)]
)
def test_a_timeframe_counts_minutes_hours_days_or_weeks(text: str, ns: int):
    assert Timeframe.parse(text).ns == ns


def test_a_timeframe_is_written_with_the_largest_unit_that_fits():
    assert [str(Timeframe.parse(text)) for text in ("60m", "24h", "7d", "90m")] == ["1h", "1d", "1w", "90m"]


@pytest.mark.parametrize("text", ["0m", "-1h", "1s", "1M", "h", "1.5h", "1 h", "", "999999m"])
def test_what_is_no_timeframe_is_refused(text: str):
    with pytest.raises(UsageError):
        Timeframe.parse(text)


def test_a_timeframe_is_whole_minutes():
    with pytest.raises(UsageError):
        Timeframe(90_000_000_000)


def test_a_year_of_hours_has_8760_bars():
    assert Timeframe.parse("1h").per_year == 8760


@given(st.integers(0, 4 * 10**18))
def test_a_time_written_and_read_is_the_same_to_the_microsecond(time_ns: int):
    time_ns -= time_ns % 1000
    assert parse_time(iso(time_ns)[:26].rstrip("Z") + "Z") == time_ns


def test_a_time_with_a_zone_is_turned_into_utc():
    assert iso(parse_time("2024-03-01T02:00:00+02:00")) == "2024-03-01T00:00:00Z"


def test_what_is_no_time_is_refused():
    with pytest.raises(UsageError, match="ISO-8601"):
        parse_time("yesterday")


def test_pairs_and_timeframes_show_what_they_are():
    assert (repr(Pair("BTC", "USD")), repr(Timeframe.parse("4h"))) == ("Pair('BTC/USD')", "Timeframe('4h')")


def test_no_bars_are_bars_too():
    import numpy as np

    from tradecore.core.bars import Bars

    none = np.empty(0)
    assert len(Bars(Pair("BTC", "USD"), Timeframe(MINUTE_NS), none, none, none, none, none, none, source="t")) == 0
