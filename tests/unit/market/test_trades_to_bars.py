"""Bars of many trades are the same to the bit however the trades are read: in one table, in blocks, from the lake."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tradecore.core.errors import DataError, NothingThereError
from tradecore.core.types import MINUTE_NS, Pair, Timeframe, parse_time
from tradecore.market.aggregate import bars_to_bars, blocks_to_bars, trades_to_bars
from tradecore.market.frames import TRADE_SCHEMA
from tradecore.market.ingest import import_path
from tradecore.market.lake import Lake
from tradecore.market.manifest import DatasetKey

BTC = Pair.parse("BTC/USD")
M1, M5, H1 = (Timeframe.parse(text) for text in ("1m", "5m", "1h"))
START = parse_time("2023-01-25")


def _trades(count: int, gap_ms: int) -> pl.DataFrame:
    """Return trades of which some come before one with a smaller id, all in the order of time."""
    rng = np.random.default_rng(5)
    ids = np.arange(count) + 1
    for at in np.flatnonzero(rng.random(count // 2) < 0.02) * 2:
        ids[at], ids[at + 1] = ids[at + 1], ids[at]
    return pl.DataFrame(
        {
            "time": START + np.cumsum(rng.integers(0, gap_ms, count)) * 1_000_000,
            "trade_id": ids,
            "price": np.round(100.0 + rng.standard_normal(count).cumsum() * 0.05, 2),
            "amount": rng.lognormal(-3.0, 1.6, count),
            "side": ["buy"] * count,
        },
        schema=TRADE_SCHEMA,
    )


def _by_hand(trades: pl.DataFrame, step: int) -> list[tuple[float, ...]]:
    """Return the bars as one would make them with pencil and paper: by id within a bar, added up one by one."""
    found: dict[int, list[tuple[int, float, float]]] = {}
    for time, number, price, amount, _ in trades.rows():
        found.setdefault(time // step * step, []).append((number, price, amount))
    bars = []
    for moment, some in sorted(found.items()):
        some.sort()
        prices, volume = [price for _, price, _ in some], 0.0
        for _, _, amount in some:
            volume += amount
        bars.append((moment, prices[0], max(prices), min(prices), prices[-1], volume, len(some)))
    return bars


@pytest.fixture
def month_border(lake: Lake, tmp_path: Path) -> Lake:
    """A lake with 60,000 trades from 25 January into February 2023."""
    table = _trades(60_000, 30_000)
    path = tmp_path / "BTCUSD_trades.parquet"
    table.with_columns(timestamp=pl.col("time") // 1_000_000).drop("time").write_parquet(path)
    import_path(lake, path, pair=BTC, venue="kraken")
    return lake


def test_bars_equal_those_made_by_hand_to_the_bit() -> None:
    table = _trades(20_000, 6_000)
    assert trades_to_bars(table).rows() == _by_hand(table, MINUTE_NS)
    assert trades_to_bars(table, M5).rows() == _by_hand(table, M5.ns)


def test_volumes_of_a_large_table_have_the_same_bits_in_every_run() -> None:
    table = _trades(400_000, 6_000)
    amounts = table.with_columns(minute=pl.col("time") // MINUTE_NS).sort("minute", "trade_id")
    held = amounts.partition_by("minute", maintain_order=True)
    one_by_one = [float(np.cumsum(one["amount"].to_numpy())[-1]) for one in held]
    assert trades_to_bars(table)["volume"].to_list() == one_by_one


def test_longer_bars_of_a_large_table_add_volumes_one_by_one() -> None:
    bars = trades_to_bars(_trades(400_000, 60_000))
    hours = bars.with_columns(hour=pl.col("open_time") // H1.ns).partition_by("hour", maintain_order=True)
    one_by_one = [float(np.cumsum(one["volume"].to_numpy())[-1]) for one in hours]
    assert bars_to_bars(bars, M1, H1)["volume"].to_list() == one_by_one


@pytest.mark.parametrize("block", [1, 7, 1_000, 19_999])
def test_blocks_give_the_bars_of_the_whole_table(block: int) -> None:
    table = _trades(2_000 if block < 100 else 20_000, 6_000)
    blocks = (table[start : start + block] for start in range(0, len(table), block))
    assert blocks_to_bars(blocks).equals(trades_to_bars(table))


def test_no_blocks_make_no_bars() -> None:
    assert len(blocks_to_bars([])) == 0
    assert len(trades_to_bars(pl.DataFrame(schema=TRADE_SCHEMA))) == 0


def test_the_lake_makes_the_stored_bars_from_its_trades_across_months(month_border: Lake) -> None:
    made, stored = month_border.bars_of_trades("kraken", BTC, M1), month_border.bars("kraken", BTC, M1)
    assert len(month_border.dataset(DatasetKey("kraken", BTC, None)).manifest.files) == 2
    for name in ("open_time", "open", "high", "low", "close", "volume"):
        assert np.array_equal(getattr(made, name), getattr(stored, name))
    assert made.dataset == month_border.dataset(DatasetKey("kraken", BTC, None)).hash


def test_a_span_of_the_lakes_trades_gives_whole_bars_only(month_border: Lake) -> None:
    whole, border = month_border.bars_of_trades("kraken", BTC, H1), parse_time("2023-02-01")
    part = month_border.bars_of_trades("kraken", BTC, H1, border - H1.ns // 2, border + H1.ns // 2)
    same = whole.between(border, border + 1)
    assert part.open_time.tolist() == [border]
    assert (part.volume[0], part.close[0]) == (same.volume[0], same.close[0])


def test_a_pair_without_trades_is_told(lake: Lake, month_border: Lake) -> None:
    with pytest.raises(NothingThereError, match="ETH-USD/trades: not in the lake"):
        month_border.bars_of_trades("kraken", Pair.parse("ETH/USD"), M1)
    with pytest.raises(NothingThereError, match="no whole 1m bar in the span"):
        month_border.bars_of_trades("kraken", BTC, M1, START - 10 * MINUTE_NS, START - 5 * MINUTE_NS)


def test_a_file_shorter_than_its_manifest_says_is_refused(month_border: Lake) -> None:
    file = month_border.dataset(DatasetKey("kraken", BTC, None)).manifest.files[0]
    path = month_border.root / file.path
    pl.read_parquet(path, hive_partitioning=False).head(100).write_parquet(path)
    with pytest.raises(DataError, match="ends after 100 rows"):
        month_border.bars_of_trades("kraken", BTC, M1)
