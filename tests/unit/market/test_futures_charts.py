"""Candles of futures from the fake venue: paged, resumed, and never beside the spot pair."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tradecore.core.clock import Clock
from tradecore.core.errors import UsageError
from tradecore.core.types import HOUR_NS, MINUTE_NS, Pair, Timeframe, parse_time
from tradecore.market.lake import Lake
from tradecore.market.manifest import DatasetKey
from tradecore.market.sources.futures_charts import (
    Candles,
    fetch_candles,
    futures_key,
    futures_pair,
    futures_symbol,
)
from tradecore.market.sources.paged_bars import BarsFetched, BarsProgress
from tradecore.testing.fake_kraken import FakeKraken, FakeSettings, Tape
from tradecore.testing.fake_kraken.memory import MemoryTransport
from tradecore.testing.virtual_time import run_virtual
from tradecore.venues.kraken.futures import KrakenFutures, TickType

START = parse_time("2024-01-29")
END = START + 4 * 24 * HOUR_NS
BTC = Pair("BTC", "USD")
M1 = Timeframe.parse("1m")
FREE = FakeSettings(public_limit=None, pair_limit=None)


@pytest.fixture(scope="module")
def tape() -> Tape:
    """Return four days of trades across the end of a month."""
    return Tape.synthetic(3, START, 20_000, per_second=20_000 / (4 * 86_400))


def fetch(
    root: Path, tape: Tape, span: tuple[int, int], tick_type: TickType = "trade", faults: dict[str, float] | None = None
) -> tuple[BarsFetched, list[BarsProgress]]:
    heard: list[BarsProgress] = []

    async def work(clock: Clock) -> BarsFetched:
        fake = FakeKraken({BTC: tape}, clock, FREE)
        for name, rate in (faults or {}).items():
            fake.faults.on(name, rate=rate)
        async with MemoryTransport(fake) as transport:
            futures = KrakenFutures(transport, transport.addresses, clock)
            lake = Lake(root, clock=clock)
            return await fetch_candles(lake, futures, Candles("PF_XBTUSD", M1, *span, tick_type), heard.append)

    return run_virtual(work, start_ns=END + HOUR_NS), heard


def test_candles_come_in_pages_of_2000_and_lie_apart_from_the_spot_pair(tmp_path: Path, tape: Tape) -> None:
    done, heard = fetch(tmp_path, tape, (START, END))
    minutes = (int(tape.time[-1]) - START) // MINUTE_NS + 1
    assert done.dataset.key == DatasetKey("kraken-futures", Pair("BTC.PF", "USD"), M1)
    assert done.requests >= minutes // 2000 + 1
    assert done.dataset.manifest.missing == 0
    bars = Lake(tmp_path).bars("kraken-futures", Pair("BTC.PF", "USD"), M1)
    assert bars.source == "kraken-futures-trade"
    assert done.dataset.manifest.rows + done.dataset.manifest.empty >= minutes
    assert {one.key.pair for one in Lake(tmp_path).datasets()} == {Pair("BTC.PF", "USD")}
    assert heard[-1].done == heard[-1].total
    assert len(heard) == 2  # two months, each committed by itself


def test_mark_and_index_prices_are_datasets_of_their_own_and_keep_their_flat_minutes(
    tmp_path: Path, tape: Tape
) -> None:
    span = (START, START + 3000 * MINUTE_NS)
    venues = [fetch(tmp_path, tape, span, kind)[0].dataset for kind in ("trade", "mark", "spot")]
    assert [one.key.venue for one in venues] == ["kraken-futures", "kraken-futures-mark", "kraken-futures-index"]
    assert [one.manifest.rows for one in venues[1:]] == [3001, 3001]
    assert venues[0].manifest.rows < 3001


def test_a_fetch_in_two_parts_and_under_faults_gives_the_lake_of_one(tmp_path: Path, tape: Tape) -> None:
    whole, _ = fetch(tmp_path / "a", tape, (START, END))
    fetch(tmp_path / "b", tape, (START, START + 1000 * MINUTE_NS))
    parts, _ = fetch(tmp_path / "b", tape, (START, END), faults={"http_520": 0.3, "html_200": 0.1})
    assert whole.dataset.hash == parts.dataset.hash
    assert parts.added < whole.added
    again, _ = fetch(tmp_path / "b", tape, (START, START + 1000 * MINUTE_NS))
    assert (again.added, again.requests) == (0, 0)


def test_symbols_and_pairs_go_both_ways_and_spot_names_are_refused() -> None:
    for symbol in ("PF_XBTUSD", "PI_XBTUSD", "PF_ETHUSD", "FI_XBTUSD_240628", "PF_DOGEUSD"):
        pair = futures_pair(symbol)
        assert futures_symbol(pair) == symbol
        assert pair.quote == "USD"
        assert Pair.parse(str(pair)) == pair
    with pytest.raises(UsageError, match="no futures pair"):
        futures_symbol(BTC)
    with pytest.raises(UsageError, match="expected one as PF_XBTUSD"):
        futures_pair("XBTUSD")
    with pytest.raises(UsageError, match="expected trade, mark, spot"):
        futures_key(Candles("PF_XBTUSD", M1, START, END, "last"))  # type: ignore[arg-type]


def test_prices_are_those_of_the_charts(tmp_path: Path, tape: Tape) -> None:
    fetch(tmp_path, tape, (START, START + 100 * MINUTE_NS), "spot")
    bars = Lake(tmp_path).bars("kraken-futures-index", Pair("BTC.PF", "USD"), M1)
    first = tape.price[tape.time < START + MINUTE_NS]
    assert bars.close[0] == pytest.approx(first[-1])
    assert np.all(bars.volume == 0)
