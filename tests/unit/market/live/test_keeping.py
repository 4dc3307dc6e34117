"""What a live feed makes final goes into the lake: whole minutes, seamed by id, once."""

from __future__ import annotations

from contextlib import aclosing
from pathlib import Path
from typing import Any, cast

import polars as pl
import pytest

from tradecore.core.errors import StateRefusedError
from tradecore.core.events import BarRevised
from tradecore.core.seeds import generator
from tradecore.core.types import MINUTE_NS, SECOND_NS, Pair
from tradecore.market.aggregate import ONE_MINUTE, trades_to_bars
from tradecore.market.lake import Lake
from tradecore.market.live.keeping import Keeper, start_after
from tradecore.market.live.live_feed import LiveFeed
from tradecore.market.live.pair_feed import Start
from tradecore.market.manifest import DatasetKey
from tradecore.testing.fake_kraken import FakeKraken, Tape
from tradecore.testing.fake_kraken.memory import MemoryTransport
from tradecore.testing.virtual_time import VirtualClock, run_virtual
from tradecore.venues.kraken.public import KrakenPublic
from tradecore.venues.kraken.socket import KrakenSocket

BTC = Pair("BTC", "USD")
KEY = DatasetKey("kraken", BTC, None)
START = 1_700_000_100 * SECOND_NS
TAPE = Tape.synthetic(1, START - 10 * MINUTE_NS, 8_000, per_second=0.7)


def listen(lake: Lake, start: Start, begin: int, minutes: int, every: int = 1, faults: tuple[str, ...] = ()) -> int:
    """Listen from `begin` on until so many minutes are final, storing after every `every`-th event."""

    async def main(clock: VirtualClock) -> int:
        fake = FakeKraken({BTC: TAPE}, clock, seed=1)
        for name in faults:
            fake.faults.on(name, rate=0.05)
        async with MemoryTransport(fake) as transport:
            feed = LiveFeed(
                KrakenPublic(transport, transport.addresses, clock),
                lambda: KrakenSocket(transport, transport.addresses.socket, clock, generator(1, "socket")),
                clock,
                {BTC: start},
                ONE_MINUTE,
            )
            keeper = Keeper(lake, feed, {BTC: start.time})
            count = 0
            async with aclosing(cast(Any, aiter(feed))) as events:
                async for event in events:
                    count += 1
                    if isinstance(event, BarRevised):
                        keeper.revise(BTC, event.bar.open_time, event.bar.close_time)
                    if count % every == 0:
                        batch = keeper.collect()
                        keeper.done(batch, keeper.write(batch))
                    if feed.minutes_until(BTC) >= begin + minutes * MINUTE_NS:
                        break
            batch = keeper.collect()
            keeper.done(batch, keeper.write(batch))
            return keeper.stored

    return run_virtual(main, begin)


def stored(lake: Lake) -> pl.DataFrame:
    return pl.concat(list(lake.trades("kraken", BTC))).sort("trade_id")


def test_every_final_minute_is_stored_with_all_its_trades(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    listen(lake, Start(START), START + 90 * SECOND_NS, 30)
    rows = stored(lake)
    end = int(rows["time"].max()) // MINUTE_NS * MINUTE_NS + MINUTE_NS  # type: ignore[operator]
    inside = (TAPE.shown_time >= START) & (TAPE.shown_time < end)
    assert rows["trade_id"].to_list() == TAPE.trade_id[inside].tolist()
    assert lake.verify() == ()
    bars = lake.bars("kraken", BTC, ONE_MINUTE)
    wanted = trades_to_bars(rows)
    assert bars.volume.tolist() == wanted["volume"].to_list()
    assert bars.source == "kraken-live"


def test_the_lake_is_the_same_however_often_it_was_written(tmp_path: Path) -> None:
    one, many = Lake(tmp_path / "one"), Lake(tmp_path / "many")
    listen(one, Start(START), START, 20, every=10_000)
    listen(many, Start(START), START, 20, every=1)
    assert stored(one).equals(stored(many))
    assert one.dataset(KEY).manifest.files == many.dataset(KEY).manifest.files


def test_a_second_watch_goes_on_behind_the_stored_trades_without_a_gap(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    listen(lake, Start(START), START, 10)
    again = start_after(lake, BTC)
    assert again is not None
    assert again.after is not None
    assert again.after.trade_id == stored(lake)["trade_id"].max()
    listen(lake, again, START + 40 * MINUTE_NS, 10)
    ids = stored(lake)["trade_id"]
    assert ids.to_list() == list(range(int(ids[0]), int(ids[-1]) + 1))
    assert lake.dataset(KEY).manifest.missing_ids == ()
    assert len(lake.dataset(KEY).manifest.slices) == 1


def test_nothing_stored_means_no_place_to_go_on(tmp_path: Path) -> None:
    assert start_after(Lake(tmp_path), BTC) is None


def test_faults_of_the_socket_leave_no_trace_in_the_lake(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    listen(lake, Start(START), START, 40, faults=("ws_drop", "ws_missing_trade", "ws_duplicate", "ws_out_of_order"))
    ids = stored(lake)["trade_id"]
    assert ids.to_list() == list(range(int(ids[0]), int(ids[-1]) + 1))


def test_a_busy_lake_is_waited_for_and_then_told(tmp_path: Path) -> None:
    lake, other = Lake(tmp_path), Lake(tmp_path)
    with other.locked(), pytest.raises(StateRefusedError, match="another process"):
        listen(lake, Start(START), START, 70)
    with other.locked():
        assert listen(lake, Start(START), START, 5) == 0
    assert listen(lake, Start(START), START, 5) > 0
