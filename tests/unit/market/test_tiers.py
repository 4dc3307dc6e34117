"""Old bars become longer bars in one commit, and nothing is lost by it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tradecore.core.bars import Bars
from tradecore.core.errors import DataError, StateRefusedError, UsageError
from tradecore.core.types import DAY_NS, MINUTE_NS, Pair, Timeframe, parse_time
from tradecore.market.ingest import import_path
from tradecore.market.lake import Lake
from tradecore.market.manifest import DatasetKey
from tradecore.market.tiers import LADDER, retain
from tradecore.storage.atomic_io import observed

BTC = Pair.parse("BTC/USD")
M1, M5, M15, H1, H4, D1 = LADDER
NOW = parse_time("2023-01-21")


def _market(days: int = 20, seed: int = 0) -> Bars:
    generator = np.random.default_rng(seed)
    minutes = np.sort(generator.choice(days * 1440, days * 700, replace=False))
    close = 100 + np.cumsum(generator.normal(0, 0.01, len(minutes)))
    return Bars(
        pair=BTC,
        timeframe=M1,
        open_time=NOW - days * DAY_NS + minutes * MINUTE_NS,
        open=close,
        high=close + 1,
        low=close - 1,
        close=close,
        volume=generator.random(len(minutes)),
        source="synthetic walk",
    )


def _volume(lake: Lake) -> float:
    return sum(float(lake.store.read(file)["volume"].sum()) for one in lake.datasets() for file in one.manifest.files)


def test_old_bars_move_down_the_ladder_and_every_timeframe_reads_as_before(lake: Lake) -> None:
    market = _market()
    lake.commit(market, venue="kraken")
    before = {timeframe: lake.bars("kraken", BTC, timeframe) for timeframe in LADDER}
    volume = _volume(lake)
    moved = retain(lake, "kraken", BTC, {M1: 5, M5: 10, M15: 15}, NOW)
    assert [(str(one.source), str(one.target)) for one in moved] == [("1m", "5m"), ("5m", "15m"), ("15m", "1h")]
    assert moved[0].deleted == int((market.open_time < NOW - 5 * DAY_NS).sum())
    assert _volume(lake) == pytest.approx(volume, abs=1e-9)
    assert lake.verify() == ()
    for timeframe in (H1, H4, D1):
        after = lake.bars("kraken", BTC, timeframe)
        assert after.open_time.tolist() == before[timeframe].open_time.tolist()
        for name in ("open", "high", "low", "close"):
            assert getattr(after, name).tolist() == getattr(before[timeframe], name).tolist()
        assert np.abs(after.volume - before[timeframe].volume).max() < 1e-9
    recent = lake.bars("kraken", BTC, M5)
    assert recent.open_time.tolist() == [t for t in before[M5].open_time.tolist() if t >= NOW - 10 * DAY_NS]


def test_the_number_of_bars_really_inserted_is_returned(lake: Lake) -> None:
    lake.commit(_market(), venue="kraken")
    (one,) = retain(lake, "kraken", BTC, {M1: 5}, NOW)
    five = lake.dataset(DatasetKey("kraken", BTC, M5)).manifest
    assert one.inserted == five.rows
    assert five.finer == "1m"
    assert retain(lake, "kraken", BTC, {M1: 5}, NOW) == ()


def test_each_longer_dataset_accounts_for_its_empty_bars(lake: Lake) -> None:
    lake.commit(_market(), venue="kraken")
    retain(lake, "kraken", BTC, {M1: 0}, NOW)
    five = lake.dataset(DatasetKey("kraken", BTC, M5)).manifest
    assert five.rows + five.empty == (five.slices[-1].end - five.slices[0].start) // M5.ns + 1
    assert five.missing == 0
    assert [str(one.key) for one in lake.datasets()] == ["kraken/BTC-USD/5m"]
    assert len(lake.bars("kraken", BTC, H1))


def test_an_imported_longer_timeframe_is_never_mixed_with_made_bars(
    lake: Lake, zip_of: Callable[..., Path], ohlcvt: Callable[..., str]
) -> None:
    import_path(lake, zip_of("k.zip", XBTUSD_1=ohlcvt(range(100)), XBTUSD_5=ohlcvt(range(20), 300)))
    before = {str(one.key): one.hash for one in lake.datasets()}
    with pytest.raises(DataError, match="imported as 5m; retention would mix"):
        retain(lake, "kraken", BTC, {M1: 1}, NOW)
    assert {str(one.key): one.hash for one in lake.datasets()} == before


def test_a_timeframe_outside_the_ladder_is_refused(lake: Lake) -> None:
    for keep in ({D1: 1}, {Timeframe.parse("2m"): 1}, {M1: -1}):
        with pytest.raises(UsageError, match="expected zero or more days"):
            retain(lake, "kraken", BTC, keep, NOW)


def test_a_failure_at_any_write_leaves_every_tier_as_it_was(lake: Lake) -> None:
    lake.commit(_market(3), venue="kraken")
    before = {str(one.key): one.hash for one in lake.datasets()}
    for failing in range(100):
        seen: list[str] = []

        def fail(step: str, path: Path, seen: list[str] = seen, failing: int = failing) -> None:
            if step in ("mkdir", "sync", "rename"):
                seen.append(step)
                if len(seen) > failing:
                    raise OSError(28, "No space left on device")

        with observed(fail):
            try:
                retain(lake, "kraken", BTC, {M1: 1}, NOW)
                break
            except StateRefusedError:
                assert {str(one.key): one.hash for one in lake.datasets()} == before
    assert failing > 5
    assert lake.verify() == ()
