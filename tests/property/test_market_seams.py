"""Laws of seams: whatever came first and in however many pieces, one lake; and one lost trade is never overlooked."""

from __future__ import annotations

import tempfile
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tradecore.core.clock import ManualClock
from tradecore.core.errors import DataError
from tradecore.core.types import HOUR_NS, MINUTE_NS, SECOND_NS, Pair, Timeframe, parse_time
from tradecore.market.aggregate import trades_to_bars
from tradecore.market.draft import Addition
from tradecore.market.frames import TRADE_SCHEMA
from tradecore.market.ingest import import_path
from tradecore.market.lake import Lake
from tradecore.market.manifest import DatasetKey, SourceRef

START = parse_time("2023-06-30T22:00:00Z")
"""Two hours before a month ends."""
MINUTES = 240
BTC = Pair.parse("BTC/USD")
KEY = DatasetKey("kraken", BTC, None)
BARS = DatasetKey("kraken", BTC, Timeframe(MINUTE_NS))
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)
"""Every example is a lake or two on disk: a failing one is shown as it is, not made smaller for minutes."""
REF = SourceRef("fetched", "fetched", "kraken-rest-trades")


@st.composite
def tapes(draw: st.DrawFn) -> pl.DataFrame:
    """Four hours of trades at 100 ns, some at one moment, some minutes without any."""
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    count = draw(st.integers(40, 400))
    times = np.sort(START + generator.integers(0, 4 * HOUR_NS // 100, count) * 100)
    tied = generator.random(count) < 0.3
    times = times[np.maximum.accumulate(np.where(tied, 0, np.arange(count)))]
    return pl.DataFrame(
        {
            "time": times,
            "trade_id": 10 + np.arange(count),
            "price": np.round(generator.uniform(10, 11, count), 1),
            "amount": np.round(generator.exponential(1, count) + 1e-6, 8),
            "side": ["sell"] * count,
        },
        schema=TRADE_SCHEMA,
    )


def put(lake: Lake, rows: pl.DataFrame, start: int, end: int) -> None:
    part = rows.filter(pl.col("time").is_between(start, end - 1))
    with lake.writer(join=True) as writer:
        writer.add_trades(KEY, Addition(part, (start, end - 1), REF.importer, REF))
        writer.commit()


def archive(path: Path, rows: pl.DataFrame, *, is_bars: bool) -> Path:
    if is_bars:
        lines = [",".join(map(str, (row[0] // SECOND_NS, *row[1:]))) for row in trades_to_bars(rows).rows()]
        file = path / "XBTUSD_1.csv"
    else:
        lines = [f"{t // SECOND_NS},{p},{a}" for t, p, a in rows.select("time", "price", "amount").rows()]
        file = path / "XBTUSD.csv"
    file.write_text("\n".join(lines) + "\n")
    return file


@settings(max_examples=25, phases=PHASES)
@given(tapes(), st.booleans(), st.data())
def test_an_archive_and_pieces_of_a_fetch_give_one_lake_in_any_order(
    tape: pl.DataFrame, is_bars: bool, data: st.DataObject
) -> None:
    old = tape.filter(pl.col("time") < START + 150 * MINUTE_NS)
    if not len(old):
        return
    last = int(old["time"][-1]) // MINUTE_NS - START // MINUTE_NS
    begin = data.draw(st.integers(0, max(last - 1, 0)), "begin")
    inner = data.draw(st.lists(st.integers(begin + 1, MINUTES - 1), max_size=4, unique=True), "cuts")
    edges = [begin, *sorted(inner), MINUTES]
    with tempfile.TemporaryDirectory() as folder:
        path = archive(Path(folder), old, is_bars=is_bars)
        hashes = []
        for name, cuts in (("a", [begin, MINUTES]), ("b", edges)):
            lake = Lake(Path(folder) / name, clock=ManualClock(START + 10 * HOUR_NS))
            steps = [*pairwise(cuts)]
            first = 0 if name == "a" else data.draw(st.sampled_from([0, len(steps)]), "the archive comes at")
            for number in range(len(steps) + 1):
                if number == first:
                    import_path(lake, path, join=True)
                if number < len(steps):
                    put(lake, tape, *(START + one * MINUTE_NS for one in steps[number]))
            assert lake.verify() == ()
            hashes.append({str(one.key): one.hash for one in lake.datasets()})
        assert hashes[0] == hashes[1]
        whole = trades_to_bars(tape)
        stored = pl.concat([lake.store.read(file) for file in lake.dataset(BARS).manifest.files])
        assert stored["open_time"].equals(whole["open_time"])
        assert stored["count"].equals(whole["count"])
        assert sum(one.trades for one in lake.dataset(BARS if is_bars else KEY).manifest.seams) > 0
        assert sum(one.missing for one in lake.dataset(BARS).manifest.slices) == 0


@settings(max_examples=25, phases=PHASES)
@given(tapes(), st.booleans(), st.booleans(), st.data())
def test_one_trade_lost_in_the_common_stretch_is_never_overlooked(
    tape: pl.DataFrame, is_bars: bool, lost_in_archive: bool, data: st.DataObject
) -> None:
    old = tape.filter(pl.col("time") < START + 200 * MINUTE_NS)
    common = old.filter(pl.col("time") >= START + 30 * MINUTE_NS)
    if len(common) < 3 or len(common) == len(old):
        return
    lost = data.draw(st.sampled_from(common["trade_id"].to_list()[:-1]), "lost")
    without = pl.col("trade_id") != lost
    if lost_in_archive:
        old = old.filter(without)
    else:
        tape = tape.filter(without)
    with tempfile.TemporaryDirectory() as folder:
        lake = Lake(Path(folder) / "lake", clock=ManualClock(START + 10 * HOUR_NS))
        import_path(lake, archive(Path(folder), old, is_bars=is_bars))
        before = {str(one.key): one.hash for one in lake.datasets()}
        with pytest.raises(DataError, match="minute 2023-0"):
            put(lake, tape, START + 30 * MINUTE_NS, START + MINUTES * MINUTE_NS)
        assert {str(one.key): one.hash for one in lake.datasets()} == before
