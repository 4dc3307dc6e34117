"""Bars of other venues by unmodified ccxt, from a server that cuts pages, turns them round, and leaves bars out."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl
import pytest

from tradecore.core.clock import ManualClock
from tradecore.core.errors import NothingThereError, UnknownPairError, UsageError
from tradecore.core.types import MINUTE_NS, Pair, Timeframe, parse_time
from tradecore.market.lake import Lake
from tradecore.market.manifest import DatasetKey
from tradecore.market.sources.exchange_bars import ExchangeBars, fetch_exchange_bars
from tradecore.market.sources.paged_bars import BarsFetched, BarsProgress, Wanted, fetch_bars

web = pytest.importorskip("aiohttp.web")
pytest.importorskip("ccxt")

START = parse_time("2024-01-31T20:00:00Z")
MINUTES = 600
M1 = Timeframe.parse("1m")
PAIR = Pair("BTC", "USDT")
KEY = DatasetKey("binance", PAIR, M1)
Told = Callable[[BarsProgress], None] | None
ABSENT = {*range(40, 52), 333, MINUTES - 1}


@dataclass
class Binance:
    """A server that speaks as much of Binance as ccxt needs for bars."""

    cap: int = 1000
    is_newest_first: bool = False
    absent: set[int] = field(default_factory=set)
    asked: list[dict[str, str]] = field(default_factory=list)

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[dict[str, object]]:
        app = web.Application()
        app.router.add_get("/{api}/exchangeInfo", self._info)
        app.router.add_get("/{api}/klines", self._klines)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        at = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield {"api": {"public": f"{at}/spot", "fapiPublic": f"{at}/linear", "dapiPublic": f"{at}/inverse"}}
        finally:
            await runner.cleanup()

    async def _info(self, request: web.Request) -> web.Response:
        symbol = {
            "symbol": "BTCUSDT", "status": "TRADING", "baseAsset": "BTC", "quoteAsset": "USDT", "filters": [],
            "baseAssetPrecision": 8, "quotePrecision": 8, "isSpotTradingAllowed": True, "permissions": ["SPOT"],
        }  # fmt: skip
        return web.json_response({"symbols": [symbol] if request.match_info["api"] == "spot" else []})

    async def _klines(self, request: web.Request) -> web.Response:
        asked = dict(request.query)
        self.asked.append(asked)
        first = max(-(-(int(asked["startTime"]) * 1_000_000 - START) // MINUTE_NS), 0)
        last = min((int(asked["endTime"]) * 1_000_000 - START) // MINUTE_NS, MINUTES - 1)
        there = [one for one in range(first, last + 1) if one not in self.absent]
        limit = min(int(asked["limit"]), self.cap)
        chosen = there[-limit:] if self.is_newest_first else there[:limit]
        return web.json_response([_kline(one) for one in chosen])


def _kline(minute: int) -> list[object]:
    opened = (START + minute * MINUTE_NS) // 1_000_000
    traded = 0 if minute == 100 else 1 + minute
    prices = ["50", "50", "50", "50"] if minute == 100 else [str(100 + minute), str(102 + minute), "99", "101.5"]
    return [opened, *prices, str(traded), opened + 59_999, "0", 0 if minute == 100 else 5, "0", "0", "0"]


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return new_lake(tmp_path / "lake")


def new_lake(path: Path) -> Lake:
    return Lake(path, clock=ManualClock(parse_time("2024-06-01")))


def fetch(lake: Lake, venue: Binance, first: int = 0, last: int = MINUTES - 1, told: Told = None) -> BarsFetched:
    async def work() -> BarsFetched:
        async with venue.serve() as addresses:
            span = (START + first * MINUTE_NS, START + last * MINUTE_NS)
            return await fetch_exchange_bars(lake, ExchangeBars("binance", PAIR, M1, *span, addresses=addresses), told)

    return asyncio.run(work())


@pytest.mark.parametrize("is_newest_first", [False, True], ids=["oldest first", "newest first"])
def test_a_venue_that_cuts_its_pages_loses_no_bar(lake: Lake, is_newest_first: bool) -> None:
    venue = Binance(cap=200, is_newest_first=is_newest_first)
    heard: list[BarsProgress] = []
    done = fetch(lake, venue, told=heard.append)
    assert {int(one["limit"]) for one in venue.asked} >= {240}
    bars = lake.bars("binance", PAIR, M1)
    assert len(bars) == MINUTES - 1
    assert bars.source == "ccxt:binance"
    (one,) = done.dataset.manifest.slices
    assert (one.rows, one.empty, one.missing) == (MINUTES - 1, 1, 0)
    assert bars.open.tolist()[:2] == [100.0, 101.0]
    assert [(one.done, one.total) for one in heard] == [(240, 600), (600, 600)]


@pytest.mark.parametrize("is_newest_first", [False, True], ids=["oldest first", "newest first"])
def test_what_the_venue_does_not_give_stays_missing(lake: Lake, is_newest_first: bool) -> None:
    done = fetch(lake, Binance(cap=200, absent=ABSENT, is_newest_first=is_newest_first))
    (one,) = done.dataset.manifest.slices
    assert (one.missing, one.empty) == (13, 1)
    assert one.end == START + (MINUTES - 2) * MINUTE_NS
    assert lake.verify() == ()


def test_asked_again_only_what_is_not_there_is_asked_for_and_the_lake_is_that_of_one_fetch(tmp_path: Path) -> None:
    lakes = [new_lake(tmp_path / "a"), new_lake(tmp_path / "b")]
    fetch(lakes[0], Binance())
    fetch(lakes[1], Binance(), last=299)
    venue = Binance()
    done = fetch(lakes[1], venue)
    assert done.added == 300
    assert min(int(one["startTime"]) for one in venue.asked) == (START + 300 * MINUTE_NS) // 1_000_000
    assert lakes[0].dataset(KEY).hash == lakes[1].dataset(KEY).hash
    again = Binance()
    assert fetch(lakes[1], again).added == 0
    assert again.asked == []


def test_the_open_bar_is_not_stored(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake", clock=ManualClock(START + 100 * MINUTE_NS + 30_000_000_000))
    fetch(lake, Binance())
    assert lake.dataset(KEY).end == START + 99 * MINUTE_NS


def test_an_unknown_pair_venue_or_timeframe_is_told_and_stores_nothing(lake: Lake) -> None:
    async def work() -> None:
        async with Binance().serve() as addresses:
            asked = ExchangeBars("binance", Pair("NO", "SUCH"), M1, START, START + MINUTE_NS, addresses=addresses)
            await fetch_exchange_bars(lake, asked)

    with pytest.raises(UnknownPairError, match="binance NO/SUCH 1m: the venue has no such pair"):
        asyncio.run(work())
    for venue, timeframe, says in (
        ("nowhere", "1m", "ccxt knows no such venue"),
        ("binance", "7m", "makes no 7m bars"),
    ):
        asked = ExchangeBars(venue, PAIR, Timeframe.parse(timeframe), START, START + 60 * MINUTE_NS)
        with pytest.raises(UsageError, match=says):
            asyncio.run(fetch_exchange_bars(lake, asked))
    assert lake.datasets() == ()


def test_without_ccxt_the_error_says_how_to_get_it(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ccxt.async_support", None)
    with pytest.raises(UsageError, match=r"pip install 'tradecore\[exchanges\]'"):
        asyncio.run(fetch_exchange_bars(lake, ExchangeBars("binance", PAIR, M1, START, START + MINUTE_NS)))


def test_a_span_before_the_first_bar_is_told(lake: Lake) -> None:
    with pytest.raises(NothingThereError, match="the venue has no bar between"):
        fetch(lake, Binance(), first=-500, last=-100)


def test_a_venue_that_ignores_the_span_gives_nothing_for_it(lake: Lake) -> None:
    async def ask(start: int, end: int) -> pl.DataFrame:
        return _bars(range(500, 600))

    wanted = Wanted(KEY, "ccxt:binance", START, START + 599 * MINUTE_NS)
    done = asyncio.run(fetch_bars(lake, wanted, ask))
    assert done.dataset.start == START + 500 * MINUTE_NS
    assert done.added == 100


def _bars(minutes: range) -> pl.DataFrame:
    from tradecore.market.frames import BAR_SCHEMA

    rows = [(START + one * MINUTE_NS, 100.0, 101.0, 99.0, 100.5, 1.0, None) for one in minutes]
    return pl.DataFrame(rows, schema=BAR_SCHEMA, orient="row")
