"""Parquet files are taken for what they say, asked about what they do not, and refused when they cannot be right."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from tradecore.core.errors import DataError, UsageError
from tradecore.core.types import Pair, Timeframe
from tradecore.market.sources.member import Asked
from tradecore.market.sources.parquet import read_parquet

DAY_MS = 1_672_531_200_000
KRAKEN = Asked(venue="kraken")


def _read(path: Path, asked: Asked = KRAKEN) -> pl.DataFrame:
    return pl.concat(list(read_parquet(path, asked).blocks(None)))


def test_bars_are_read_with_the_timeframe_of_their_grid(bars_parquet: Callable[..., Path]) -> None:
    path = bars_parquet(minutes=[0, 15, 45, 60])
    member = read_parquet(path, KRAKEN)
    assert (member.pair, member.timeframe) == (Pair.parse("BTC/USD"), Timeframe.parse("15m"))
    assert _read(path)["open_time"][0] == DAY_MS * 1_000_000


def test_the_venue_is_taken_from_the_folder_or_asked_for(bars_parquet: Callable[..., Path], tmp_path: Path) -> None:
    (tmp_path / "bitfinex").mkdir()
    assert read_parquet(bars_parquet("bitfinex/BTCUSD_1m.parquet"), Asked()).venue == "bitfinex"
    with pytest.raises(UsageError, match="which venue is it from"):
        read_parquet(bars_parquet("BTCUSD_1m.parquet"), Asked())


def test_a_pair_that_the_name_does_not_say_is_asked_for(bars_parquet: Callable[..., Path]) -> None:
    with pytest.raises(UsageError, match="say it, as in --pair"):
        read_parquet(bars_parquet("prices.parquet"), KRAKEN)
    named = read_parquet(bars_parquet("prices.parquet"), Asked("kraken", Pair.parse("ETH/USD")))
    assert named.pair == Pair.parse("ETH/USD")


def test_trades_are_told_by_their_columns(tmp_path: Path) -> None:
    path = tmp_path / "BTCUSDT_trades.parquet"
    pl.DataFrame(
        {"timestamp": [DAY_MS], "trade_id": [7], "price": [1.0], "amount": [2.0], "side": ["buy"], "type": ["limit"]}
    ).write_parquet(path)
    assert read_parquet(path, KRAKEN).timeframe is None
    assert _read(path).rows() == [(DAY_MS * 1_000_000, 7, 1.0, 2.0, "buy")]


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        ({"high": [1.0] * 10}, r"row 1 .*high below low"),
        ({"volume": [1.0] * 9 + [-1.0]}, r"row 10 .*negative volume"),
        ({"close": [101.0 + m if m != 4 else float("nan") for m in range(10)]}, r"row 5 .*NaN"),
        ({"close": [101.0 + m if m != 4 else None for m in range(10)]}, r"row 5 .*empty"),
        ({"timestamp": [DAY_MS + 60_000 * m for m in (0, 1, 2, 3, 3, 5, 6, 7, 8, 9)]}, r"row 5 .*again"),
        ({"timestamp": [DAY_MS + 60_000 * m for m in (0, 1, 2, 9, 4, 5, 6, 7, 8, 3)]}, r"row 5 .*before that"),
        ({"timestamp": [DAY_MS + 60_000 * m + (m == 3) for m in range(10)]}, "whole minutes"),
        ({"timestamp": [DAY_MS // 1000 + 60 * m for m in range(10)]}, "not in UTC milliseconds"),
        ({"timestamp": [float(DAY_MS + 60_000 * m) for m in range(10)]}, "expected whole UTC milliseconds"),
        ({"open": ["a"] * 10}, "expected open_time Int64, open Float64"),
    ],
)
def test_bad_bars_are_refused_by_file_and_row(
    bars_parquet: Callable[..., Path], columns: dict[str, list[float]], says: str
) -> None:
    with pytest.raises(DataError, match=r"BTCUSD_1m\.parquet: .*" + says):
        _read(bars_parquet(**columns))


def test_other_columns_are_refused_with_those_expected(tmp_path: Path) -> None:
    path = tmp_path / "BTCUSD_1m.parquet"
    pl.DataFrame({"date": [1], "price": [1.0]}).write_parquet(path)
    with pytest.raises(DataError, match=r"columns date, price; expected bars \(timestamp, open"):
        read_parquet(path, KRAKEN)


def test_a_file_without_rows_is_refused(bars_parquet: Callable[..., Path]) -> None:
    with pytest.raises(DataError, match="the file has no rows"):
        read_parquet(bars_parquet(minutes=[]), KRAKEN)


@pytest.mark.parametrize("keep", [0, 3, 100, -1])
def test_a_truncated_file_is_refused(bars_parquet: Callable[..., Path], keep: int) -> None:
    path = bars_parquet()
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(DataError, match="not a whole Parquet file"):
        read_parquet(path, KRAKEN)


def test_one_row_does_not_say_its_timeframe(bars_parquet: Callable[..., Path]) -> None:
    path = bars_parquet(minutes=[0])
    with pytest.raises(UsageError, match="one row does not say"):
        read_parquet(path, KRAKEN)
    assert len(_read(path, Asked("kraken", None, Timeframe.parse("1m")))) == 1
