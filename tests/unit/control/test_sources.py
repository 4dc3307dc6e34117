"""Stored bars are held against the venue's, and odd minutes fetched again; the fake venue answers on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
import polars as pl
import pytest

from tradecore.config.load import load_settings
from tradecore.control import sources
from tradecore.control.config import make_workspace
from tradecore.control.data import Where
from tradecore.control.kraken import settings_at
from tradecore.control.lab import Lab
from tradecore.core.clock import ManualClock
from tradecore.core.errors import DataError, NothingThereError, UsageError, VenueError
from tradecore.core.types import HOUR_NS, MINUTE_NS, SECOND_NS, Pair, Timeframe, parse_time
from tradecore.market.draft import Addition
from tradecore.market.fetching.sink import SOURCE, trades_ref
from tradecore.market.manifest import DatasetKey
from tradecore.market.sources.kraken_rest import trades_of
from tradecore.testing.fake_kraken import FakeKraken, FakeSettings, Tape
from tradecore.testing.fake_kraken.server import serving
from tradecore.testing.fake_kraken.wire import HttpRequest
from tradecore.venues.kraken.replies import parse_trades

Since: TypeAlias = Literal["exclusive", "inclusive"]
START = parse_time("2024-05-01")
NOW = START + 15 * HOUR_NS + 20 * SECOND_NS
BTC = Pair("BTC", "USD")
KEY = DatasetKey("kraken", BTC, None)


@pytest.fixture(scope="module")
def tape() -> Tape:
    return Tape.synthetic(9, START, 1500, per_second=1500 / (15 * 3600))


@pytest.fixture
def fake(tape: Tape) -> FakeKraken:
    return FakeKraken({BTC: tape}, ManualClock(NOW), FakeSettings(public_limit=None, pair_limit=None))


@pytest.fixture
def lab(tmp_path: Path, fake: FakeKraken) -> Iterator[Lab]:
    root = tmp_path / "workspace"
    make_workspace(root)
    with serving(fake) as server:
        asked = {**settings_at(server.url), "kraken.requests_per_second": "1000"}
        yield Lab(root, load_settings(root, asked), ManualClock(NOW))


def rows_of(fake: FakeKraken, lost: tuple[int, ...] = ()) -> pl.DataFrame:
    """Return every trade as the venue's pages show it, without some."""
    pages, since = [], 0
    while True:
        query = f"pair=XBTUSD&since={since}&count=1000"
        page = parse_trades(fake.http(HttpRequest("GET", "/0/public/Trades", query)).body)
        if not len(page.time):
            return pl.concat(pages).filter(~pl.col("trade_id").is_in(lost))
        pages.append(trades_of(page))
        since = page.last


def store(lab: Lab, rows: pl.DataFrame, hours: int = 15) -> None:
    span = (START, START + hours * HOUR_NS - 1)
    with lab.lake.writer() as writer:
        part = rows.filter(pl.col("time").is_between(*span))
        writer.add_trades(KEY, Addition(part, span, SOURCE, trades_ref(KEY)))
        writer.commit()


def test_bars_of_all_trades_are_the_venues(lab: Lab, fake: FakeKraken) -> None:
    store(lab, rows_of(fake))
    done = sources.check(lab, Where("BTC/USD"))
    assert done.check.differences == ()
    assert done.check.compared + done.check.fillers == 720 - done.check.uncovered
    assert done.check.fillers > 0
    assert done.check.end < NOW - MINUTE_NS


def test_a_lost_trade_is_found_named_and_fetched_again(lab: Lab, fake: FakeKraken, tape: Tape) -> None:
    store(lab, rows_of(fake, lost=(800, 1200)))
    minutes = [int(tape.time[one - 1]) // MINUTE_NS * MINUTE_NS for one in (800, 1200)]
    found = sources.check(lab, Where("BTC/USD")).check
    assert [one.open_time for one in found.differences] == minutes
    assert all({"volume", "count"} <= set(one.what) or one.what == ("bar",) for one in found.differences)
    done = sources.check(lab, Where("BTC/USD"), refetch=True)
    assert done.refetched == tuple((one, one + MINUTE_NS - 1) for one in minutes)
    assert done.added == 2
    assert done.after is not None
    assert done.after.differences == ()
    assert lab.lake.dataset(KEY).manifest.missing_ids == ()


@pytest.mark.parametrize("since", ["exclusive", "inclusive"])
def test_a_lost_trade_of_a_moment_that_two_pages_share_is_fetched_again(tmp_path: Path, since: Since) -> None:
    busy = START + 14 * HOUR_NS
    time = np.sort(np.concatenate([START + np.arange(840) * MINUTE_NS, busy + np.arange(1_100) * 10_000_000]))
    time[840 + 950 : 840 + 1_050] = time[840 + 950]
    count = len(time)
    tape = Tape.of_arrays(time, np.full(count, 60_000.0), np.full(count, 0.5), np.ones(count))
    free = FakeSettings(public_limit=None, pair_limit=None)
    rows = rows_of(FakeKraken({BTC: tape}, ManualClock(NOW), free), lost=(840 + 1_020,))
    fake = FakeKraken({BTC: tape}, ManualClock(NOW), replace(free, split_ties=True, since=since))
    make_workspace(tmp_path / "workspace")
    with serving(fake) as server:
        asked = {**settings_at(server.url), "kraken.requests_per_second": "1000"}
        lab = Lab(tmp_path / "workspace", load_settings(tmp_path / "workspace", asked), ManualClock(NOW))
        store(lab, rows)
        done = sources.check(lab, Where("BTC/USD"), refetch=True)
    assert done.added == 1
    assert lab.lake.dataset(KEY).manifest.missing_ids == ()


def test_bars_the_lake_does_not_cover_are_counted_and_not_compared(lab: Lab, fake: FakeKraken) -> None:
    store(lab, rows_of(fake), hours=8)
    done = sources.check(lab, Where("BTC/USD")).check
    assert done.differences == ()
    assert done.uncovered > 0
    assert done.end < START + 8 * HOUR_NS


def test_what_is_not_stored_or_too_old_cannot_be_checked(lab: Lab, fake: FakeKraken) -> None:
    with pytest.raises(NothingThereError, match="kraken/BTC-USD/1m: not in the lake"):
        sources.check(lab, Where("BTC/USD"))
    with pytest.raises(UsageError, match="only bars of kraken"):
        sources.check(lab, Where("BTC/USD", venue="binance"))
    store(lab, rows_of(fake), hours=1)
    with pytest.raises(DataError, match="newest bars begin after the stored ones end"):
        sources.check(lab, Where("BTC/USD"))


def test_futures_come_by_symbol_or_by_their_pair_and_lie_apart(lab: Lab) -> None:
    asked = sources.AskedBars("PF_XBTUSD", "2024-05-01", timeframe="1m")
    done = sources.fetch_bars(lab, asked)
    assert str(done.dataset.key) == "kraken-futures/BTC.PF-USD/1m"
    index = sources.fetch_bars(lab, sources.AskedBars("btc.pf/usd", "2024-05-01", timeframe="1m", price="index"))
    assert str(index.dataset.key) == "kraken-futures-index/BTC.PF-USD/1m"
    with pytest.raises(NothingThereError):
        lab.lake.bars("kraken", BTC, Timeframe.parse("1m"))


@pytest.mark.parametrize(
    ("asked", "error", "says"),
    [
        (sources.AskedBars("BTC/USD", "2024-05-01"), UsageError, "no futures pair"),
        (sources.AskedBars("PF_XBTUSD", "2024-05-01", price="last"), UsageError, "expected trade, mark, index"),
        (sources.AskedBars("PF_XBTUSD", "2024-05-02", "2024-05-01"), UsageError, "to be later"),
        (sources.AskedBars("BTC/USD", "2024-05-01", venue="kraken"), UsageError, "tradecore data fetch BTC/USD"),
        (sources.AskedBars("PF_NOSUCHUSD", "2024-05-01", timeframe="1m"), VenueError, "charts reply"),
    ],
)
def test_what_cannot_be_meant_is_refused(lab: Lab, asked: sources.AskedBars, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        sources.fetch_bars(lab, asked)
    assert lab.lake.datasets() == ()
