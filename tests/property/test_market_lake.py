"""Laws of the lake: nothing is lost by aggregation, and the order of imports does not matter."""

from __future__ import annotations

import tempfile
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from tradecore.core.clock import ManualClock
from tradecore.core.types import DAY_NS, MINUTE_NS, Pair, Timeframe, parse_time
from tradecore.market import coverage
from tradecore.market.aggregate import bars_to_bars, trades_to_bars
from tradecore.market.frames import BAR_SCHEMA, TRADE_SCHEMA
from tradecore.market.ingest import import_path
from tradecore.market.lake import Lake
from tradecore.market.tiers import LADDER, retain

START = parse_time("2023-01-01")
NOW = START + 40 * DAY_NS
BTC = Pair.parse("BTC/USD")
M1 = Timeframe(MINUTE_NS)


@st.composite
def trades(draw: st.DrawFn) -> pl.DataFrame:
    """Trades of up to three days, many in one moment, with ids in the order of execution."""
    seconds = sorted(draw(st.lists(st.integers(0, 3 * 86_400 - 1), min_size=1, max_size=200)))
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    count = len(seconds)
    return pl.DataFrame(
        {
            "time": START + np.array(seconds, np.int64) * 1_000_000_000,
            "trade_id": 1000 + np.arange(count),
            "price": np.round(generator.uniform(1, 100, count), 2),
            "amount": generator.exponential(1, count),
            "side": ["buy"] * count,
        },
        schema=TRADE_SCHEMA,
    )


@given(trades())
def test_volume_and_count_are_conserved_from_trades_to_days(table: pl.DataFrame) -> None:
    bars = trades_to_bars(table)
    for timeframe in LADDER:
        bars_of = bars_to_bars(bars, M1, timeframe)
        assert int(bars_of["count"].sum()) == len(table)
        assert abs(float(bars_of["volume"].sum()) - float(table["amount"].sum())) < 1e-9
        assert bars_of["high"].max() == table["price"].max()
        assert bars_of["low"].min() == table["price"].min()
        assert (bars_of["open"][0], bars_of["close"][-1]) == (table["price"][0], table["price"][-1])
        assert bars_of["open_time"].is_sorted()
        assert not bars_of["open_time"].is_duplicated().any()


@given(trades(), st.randoms(use_true_random=False))
def test_bars_do_not_depend_on_the_order_of_rows_when_there_are_ids(table: pl.DataFrame, random: object) -> None:
    shuffled = table.sample(fraction=1.0, shuffle=True, seed=random.randrange(2**31))  # type: ignore[attr-defined]
    assert trades_to_bars(shuffled).drop("volume").equals(trades_to_bars(table).drop("volume"))


@given(trades())
def test_every_step_of_the_ladder_gives_what_one_step_gives(table: pl.DataFrame) -> None:
    bars = trades_to_bars(table)
    stepped, source = bars, M1
    for timeframe in LADDER[1:]:
        stepped, source = bars_to_bars(stepped, source, timeframe), timeframe
        assert stepped.drop("volume").equals(bars_to_bars(bars, M1, timeframe).drop("volume"))


@settings(max_examples=12)
@given(trades(), st.data())
def test_pages_of_trades_give_one_dataset_in_any_order_and_any_overlap(
    table: pl.DataFrame, data: st.DataObject
) -> None:
    rows = len(table)
    cuts = sorted(data.draw(st.lists(st.integers(0, rows), max_size=3)))
    edges = [0, *cuts, rows]
    overlap = data.draw(st.integers(0, 5))
    pages = [table[max(a - overlap, 0) : b] for a, b in pairwise(edges) if b > a]
    order = data.draw(st.permutations(range(len(pages))))
    with tempfile.TemporaryDirectory() as folder:
        hashes = []
        for name, numbers in (("a", range(len(pages))), ("b", [*order, *order])):
            lake = Lake(Path(folder) / name, clock=ManualClock(NOW))
            for number in numbers:
                path = Path(folder) / f"BTCUSD-{number}.parquet"
                page = pages[number].with_columns(timestamp=pl.col("time") // 1_000_000).drop("time")
                page.write_parquet(path)
                import_path(lake, path, venue="kraken", pair=BTC)
            assert lake.verify() == ()
            hashes.append({str(one.key): one.hash for one in lake.datasets()})
        assert hashes[0] == hashes[1]
        stored = pl.concat([lake.store.read(file) for file in lake.datasets()[0].manifest.files])
        assert stored.equals(trades_to_bars(table))


@settings(max_examples=12)
@given(trades(), st.lists(st.integers(0, 3), min_size=5, max_size=5))
def test_retention_loses_no_volume_and_no_trade(table: pl.DataFrame, days: list[int]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "BTCUSD.parquet"
        table.with_columns(timestamp=pl.col("time") // 1_000_000).drop("time").write_parquet(path)
        lake = Lake(Path(folder) / "lake", clock=ManualClock(NOW))
        import_path(lake, path, venue="kraken")
        moved = retain(lake, "kraken", BTC, dict(zip(LADDER, days, strict=False)), START + 3 * DAY_NS)
        bars = [lake.store.read(file) for one in lake.datasets() if one.key.timeframe for file in one.manifest.files]
        held = pl.concat(bars)
        assert int(held["count"].sum()) == len(table)
        assert abs(float(held["volume"].sum()) - float(table["amount"].sum())) < 1e-9
        assert lake.verify() == ()
        assert all(0 < one.inserted <= one.deleted for one in moved)


RUNS = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 10)).map(lambda r: (r[0], r[0] + r[1])), max_size=8)


@given(RUNS, RUNS)
def test_runs_are_sets_of_times(one: list[tuple[int, int]], other: list[tuple[int, int]]) -> None:
    def times(runs: object) -> set[int]:
        return {t for first, last in runs for t in range(first, last + 1)}  # type: ignore[attr-defined]

    assert times(coverage.union(one)) == times(one)
    assert times(coverage.subtract(one, other)) == times(one) - times(other)
    assert times(coverage.intersect(one, other)) == times(one) & times(other)
    assert coverage.runs_of(np.array(sorted(times(one)), np.int64), 1) == coverage.union(one)
    assert coverage.count(coverage.union(one), 1) == len(times(one))


def test_the_schema_of_bars_is_what_is_stored() -> None:
    assert list(BAR_SCHEMA) == ["open_time", "open", "high", "low", "close", "volume", "count"]
