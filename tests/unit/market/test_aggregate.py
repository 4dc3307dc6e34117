"""Trades become bars and bars longer bars, in the right order and without loss."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from tradecore.core.errors import DataError, UsageError
from tradecore.core.types import MINUTE_NS, Timeframe, parse_time
from tradecore.market.aggregate import bars_to_bars, trades_to_bars, whole_buckets
from tradecore.market.frames import BAR_SCHEMA, TRADE_SCHEMA

M1, M5, H1 = (Timeframe.parse(text) for text in ("1m", "5m", "1h"))
START = parse_time("2023-01-01")


def _trades(rows: list[tuple[int, int | None, float, float]]) -> pl.DataFrame:
    times, ids, prices, amounts = zip(*rows, strict=True)
    columns = {"time": times, "trade_id": ids, "price": prices, "amount": amounts, "side": [None] * len(rows)}
    return pl.DataFrame(columns, schema=TRADE_SCHEMA)


def test_open_and_close_follow_the_trade_id_when_times_repeat() -> None:
    same = START + 5
    bars = trades_to_bars(_trades([(same, 12, 3.0, 1.0), (same, 10, 1.0, 1.0), (same, 11, 9.0, 1.0)]))
    assert bars.select("open", "high", "low", "close", "volume", "count").rows() == [(1.0, 9.0, 1.0, 3.0, 3.0, 3)]


def test_open_and_close_follow_the_order_of_the_file_without_ids() -> None:
    same = START + 5
    bars = trades_to_bars(_trades([(same, None, 7.0, 1.0), (same, None, 1.0, 1.0), (same, None, 5.0, 2.0)]))
    assert bars.select("open", "close", "volume").rows() == [(7.0, 5.0, 4.0)]


def test_a_minute_without_trades_has_no_bar() -> None:
    bars = trades_to_bars(_trades([(START, 1, 1.0, 1.0), (START + 3 * MINUTE_NS, 2, 1.0, 1.0)]))
    assert bars["open_time"].to_list() == [START, START + 3 * MINUTE_NS]


def test_a_trade_on_the_minute_opens_the_next_bar() -> None:
    bars = trades_to_bars(_trades([(START + MINUTE_NS - 1, 1, 1.0, 1.0), (START + MINUTE_NS, 2, 2.0, 1.0)]))
    assert bars["close"].to_list() == [1.0, 2.0]


def test_trades_of_which_some_have_ids_are_refused() -> None:
    with pytest.raises(DataError, match="1 of 2 trades have no id"):
        trades_to_bars(_trades([(START, 1, 1.0, 1.0), (START, None, 1.0, 1.0)]))


def _bars(minutes: list[int], counts: list[int | None]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "open_time": [START + m * MINUTE_NS for m in minutes],
            "open": [10.0 + m for m in minutes],
            "high": [20.0 + m for m in minutes],
            "low": [5.0 - m / 100 for m in minutes],
            "close": [11.0 + m for m in minutes],
            "volume": [1.0] * len(minutes),
            "count": counts,
        },
        schema=BAR_SCHEMA,
    )


def test_a_longer_bar_has_first_open_last_close_and_the_extremes() -> None:
    made = bars_to_bars(_bars([0, 1, 4, 5], [1, 2, 3, 4]), M1, M5)
    assert made.rows() == [
        (START, 10.0, 24.0, 4.96, 15.0, 3.0, 6),
        (START + 5 * MINUTE_NS, 15.0, 25.0, 4.95, 16.0, 1.0, 4),
    ]


def test_an_unknown_count_stays_unknown() -> None:
    assert bars_to_bars(_bars([0, 1], [1, None]), M1, M5)["count"].to_list() == [None]


def test_a_timeframe_that_is_no_multiple_is_refused() -> None:
    with pytest.raises(UsageError, match="1h: cannot be made from 7m"):
        bars_to_bars(_bars([0], [1]), Timeframe.parse("7m"), H1)


def test_two_steps_give_what_one_step_gives() -> None:
    bars = _bars(list(np.random.default_rng(1).choice(600, 300, replace=False)), [1] * 300).sort("open_time")
    assert bars_to_bars(bars_to_bars(bars, M1, M5), M5, H1).equals(bars_to_bars(bars, M1, H1))


def test_only_buckets_that_are_wholly_covered_are_whole() -> None:
    minute = MINUTE_NS
    assert whole_buckets(START, START + 9 * minute, M1, M5) == (START, START + 5 * minute)
    assert whole_buckets(START + minute, START + 8 * minute, M1, M5) == (START + 5 * minute, START)
