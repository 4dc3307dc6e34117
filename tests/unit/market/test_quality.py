"""What is wrong in data is counted and shown, and nothing is changed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tradecore.core.types import MINUTE_NS, Timeframe, iso, parse_time
from tradecore.market.frames import BAR_SCHEMA
from tradecore.market.quality import examine, missing_trade_ids, spikes

M1 = Timeframe.parse("1m")
START = parse_time("2023-01-01")


def _table(minutes: list[int], **columns: list[float]) -> pl.DataFrame:
    flat = [100.0] * len(minutes)
    data = {
        "open_time": [START + m * MINUTE_NS for m in minutes],
        **dict.fromkeys(("open", "high", "low", "close"), flat),
        "volume": flat,
        "count": [1] * len(minutes),
    }
    return pl.DataFrame({**data, **columns}, schema=BAR_SCHEMA)


def test_a_clean_table_is_clean() -> None:
    report = examine(_table([0, 1, 2]), M1, "x", now=START + 3 * MINUTE_NS)
    assert report.is_clean
    assert (report.rows, report.gaps, report.spikes, report.examples) == (3, 0, 0, {})


def test_gaps_are_counted_in_runs_and_minutes_and_the_longest_is_shown_first() -> None:
    report = examine(_table([0, 2, 10, 11]), M1, "x")
    assert (report.gaps, report.missing, report.longest_gap) == (2, 8, 7)
    assert report.examples["gaps"][0] == f"{iso(START + 3 * MINUTE_NS)} .. {iso(START + 9 * MINUTE_NS)}"


def test_duplicate_backward_and_off_grid_times_are_found() -> None:
    table = _table([0, 1, 1, 0])
    shifted = pl.concat([table, _table([5]).with_columns(pl.col("open_time") + 1)])
    report = examine(shifted, M1, "x")
    assert (report.duplicates, report.backwards, report.off_grid) == (1, 1, 1)
    assert report.examples["duplicates"] == (iso(START + MINUTE_NS),)


@pytest.mark.parametrize(
    "broken", [{"high": [99.0]}, {"low": [101.0]}, {"volume": [-1.0]}, {"close": [float("nan")]}, {"open": [0.0]}]
)
def test_an_impossible_bar_is_counted(broken: dict[str, list[float]]) -> None:
    assert examine(_table([0], **broken), M1, "x").broken == 1


def test_a_bar_that_is_still_open_is_counted() -> None:
    assert examine(_table([0, 1]), M1, "x", now=START + MINUTE_NS + 1).unfinished == 1


def test_a_print_that_jumps_and_comes_back_is_a_spike_and_a_move_is_not() -> None:
    noise = np.random.default_rng(0).normal(0, 1e-3, 200)
    path = 100 * np.exp(np.cumsum(noise))
    printed, moved = path.copy(), path.copy()
    printed[100] *= 94
    moved[100:] *= 1.3
    assert np.flatnonzero(spikes(printed)).tolist() == [100]
    assert not spikes(moved).any()
    assert not spikes(path[:2]).any()


def test_missing_ids_are_named_one_by_one() -> None:
    assert missing_trade_ids(pl.DataFrame({"trade_id": [5, 6, 9, 12, 10]})) == [7, 8, 11]
    assert missing_trade_ids(pl.DataFrame({"trade_id": pl.Series([None], dtype=pl.Int64)})) == []


@pytest.mark.real_data
def test_exactly_the_26_trades_that_a_bot_lost_are_named(real_data: Path) -> None:
    trades = pl.read_parquet(real_data / "trades" / "kraken" / "BTCUSDT_2023-11-17_22.parquet")
    missing = missing_trade_ids(trades)
    assert len(missing) == 26
    ids = trades["trade_id"].to_list()
    assert missing == [ids[row - 1] + 1 for row in range(999, 26 * 999 + 1, 999)]


@pytest.mark.real_data
def test_two_years_of_minutes_hold_one_print_that_came_back(real_data: Path) -> None:
    bars = pl.read_parquet(real_data / "candles" / "bitfinex" / "BTCUSD_1m_2017-2018.parquet")
    assert int(spikes(bars["close"].to_numpy()).sum()) == 1
