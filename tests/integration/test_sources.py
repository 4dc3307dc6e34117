"""The sources on real data, and ccxt's own Kraken against the fake one."""

from __future__ import annotations

import asyncio
from pathlib import Path

import polars as pl
import pytest

from tradecore.config.load import load_settings
from tradecore.control import fetching
from tradecore.control.config import make_workspace
from tradecore.control.kraken import settings_at
from tradecore.control.lab import Lab
from tradecore.core.clock import ManualClock
from tradecore.core.errors import DataError
from tradecore.core.types import DAY_NS, HOUR_NS, MINUTE_NS, SECOND_NS, Pair, Timeframe, parse_time
from tradecore.market import ohlc
from tradecore.market.aggregate import trades_to_bars
from tradecore.market.draft import Addition
from tradecore.market.ingest import import_path
from tradecore.market.lake import Lake
from tradecore.market.manifest import DatasetKey, SourceRef
from tradecore.market.sources.exchange_bars import ExchangeBars, fetch_exchange_bars
from tradecore.market.sources.kraken_rest import trades_of
from tradecore.testing.fake_kraken import FakeKraken, FakeSettings, Tape
from tradecore.testing.fake_kraken.server import FakeKrakenServer, serving
from tradecore.venues.kraken.replies import parse_ohlc, parse_trades

M1 = Timeframe.parse("1m")
REST = "kraken-rest-trades"


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake", clock=ManualClock(parse_time("2026-01-01")))


def add(lake: Lake, key: DatasetKey, rows: pl.DataFrame, span: tuple[int, int]) -> None:
    part = rows.filter(pl.col("time").is_between(*span))
    with lake.writer(join=True) as writer:
        writer.add_trades(key, Addition(part, span, REST, SourceRef("fetched", "fetched", REST)))
        writer.commit()


@pytest.mark.real_data
def test_recorded_trades_pass_the_check_against_the_recorded_bars(lake: Lake, real_data: Path) -> None:
    folder = real_data / "fixtures" / "kraken"
    page = parse_trades((folder / "http_trades.json").read_bytes())
    rows = trades_of(page)
    # The first and the last minute of a page are not whole.
    first = (int(rows["time"][0]) // MINUTE_NS + 1) * MINUTE_NS
    end = int(rows["time"][-1]) // MINUTE_NS * MINUTE_NS
    add(lake, DatasetKey("kraken", page.pair, None), rows, (first, end - 1))
    done = ohlc.check(lake, parse_ohlc((folder / "http_ohlc.json").read_bytes()), M1)
    assert done.differences == ()
    assert done.compared == 272
    assert done.compared + done.fillers == (end - first) // MINUTE_NS


@pytest.mark.real_data
def test_one_trade_less_is_found_by_the_recorded_bars(lake: Lake, real_data: Path) -> None:
    folder = real_data / "fixtures" / "kraken"
    rows = trades_of(parse_trades((folder / "http_trades.json").read_bytes()))
    pair = parse_ohlc((folder / "http_ohlc.json").read_bytes()).pair
    span = ((int(rows["time"][0]) // MINUTE_NS + 1) * MINUTE_NS, int(rows["time"][-1]) // MINUTE_NS * MINUTE_NS - 1)
    lost = rows.row(500, named=True)
    add(lake, DatasetKey("kraken", pair, None), rows.filter(pl.col("trade_id") != lost["trade_id"]), span)
    done = ohlc.check(lake, parse_ohlc((folder / "http_ohlc.json").read_bytes()), M1)
    assert [one.open_time for one in done.differences] == [lost["time"] // MINUTE_NS * MINUTE_NS]


@pytest.mark.real_data
def test_a_page_loss_in_the_wild_refuses_to_meet_a_record_that_is_whole(lake: Lake, real_data: Path) -> None:
    # The download lost the trade after every 999th. Its archive has it; what it was is not known, so here it is made
    # like its neighbour.
    lossy = pl.read_parquet(real_data / "trades" / "kraken" / "BTCUSDT_2023-11-17_22.parquet").head(5000)
    rows = lossy.select(
        time=pl.col("timestamp") * 1_000_000, trade_id="trade_id", price="price", amount="amount", side="side"
    ).cast({"time": pl.Int64, "trade_id": pl.Int64})
    day = int(rows["time"][0]) // DAY_NS * DAY_NS
    archive = lake.root.parent / "XBTUSDT.csv"
    lines = [f"{t // SECOND_NS},{p},{a}\n" for t, p, a in rows.select("time", "price", "amount").rows()]
    archive.write_text("".join([*lines[:999], lines[998], *lines[999:]]))
    import_path(lake, archive)
    key = DatasetKey("kraken", Pair("BTC", "USDT"), None)
    with pytest.raises(DataError, match=r"minute 2023-11-17T.* has \d+ trades in kraken-trades and \d+ in kraken-rest"):
        add(lake, key, rows, (day, day + DAY_NS - 1))
    assert lake.dataset(key).sources == ("kraken-trades",)


@pytest.mark.real_data
def test_the_official_first_quarter_of_a_pair_meets_bars_made_of_trades(lake: Lake, real_data: Path) -> None:
    import_path(lake, real_data / "fixtures" / "kraken_zip" / "Kraken_OHLCVT_Q1_2023_sample.zip")
    pair = Pair("BTC", "USDC")
    bars = lake.store.read(lake.dataset(DatasetKey("kraken", pair, M1)).manifest.files[0])
    hour = parse_time("2023-03-31T20:00:00Z")
    rows = _trades_like(bars.filter(pl.col("open_time") >= hour))
    key = DatasetKey("kraken", pair, None)
    add(lake, key, rows, (hour, parse_time("2023-04-01") - 1))
    manifest = lake.dataset(DatasetKey("kraken", pair, M1)).manifest
    assert [one.source for one in manifest.slices] == ["kraken-ohlcvt", REST]
    (seam,) = manifest.seams
    assert (seam.start, seam.trades) == (hour, len(rows))
    assert lake.verify() == ()


def _trades_like(bars: pl.DataFrame) -> pl.DataFrame:
    """Return trades that make exactly these bars: open, high, low, close, and the rest at the close."""
    found: list[tuple[int, float, float]] = []
    for row in bars.rows(named=True):
        count = row["count"]
        prices = [row["open"], row["high"], row["low"], row["close"]] if count >= 4 else _few(row)
        prices += [row["close"]] * (count - len(prices))
        amounts = [1e-8] * (count - 1) + [row["volume"] - 1e-8 * (count - 1)]
        found += [(row["open_time"] + i * 1000, p, a) for i, (p, a) in enumerate(zip(prices, amounts, strict=True))]
    times, prices, amounts = zip(*found, strict=True)
    columns = {"time": times, "trade_id": range(1, len(found) + 1), "price": prices, "amount": amounts}
    return pl.DataFrame(columns).with_columns(side=pl.lit("buy")).cast({"time": pl.Int64, "trade_id": pl.Int64})


def _few(row: dict[str, float]) -> list[float]:
    """Return the prices of a bar of one to three trades."""
    if row["count"] == 1:
        return [row["close"]]
    if row["count"] == 2:
        return [row["open"], row["close"]]
    middle = row["high"] if row["high"] > max(row["open"], row["close"]) else row["low"]
    return [row["open"], middle, row["close"]]


def test_unmodified_ccxt_brings_the_newest_bars_of_the_fake_kraken_and_leaves_the_rest_missing(lake: Lake) -> None:
    pytest.importorskip("ccxt")
    start = parse_time("2024-05-01")
    tape = Tape.synthetic(6, start, 3000, per_second=3000 / 86_400)
    fake = FakeKraken(
        {Pair("BTC", "USD"): tape}, ManualClock(start + DAY_NS), FakeSettings(public_limit=None, pair_limit=None)
    )

    async def work() -> None:
        async with FakeKrakenServer(fake) as server:
            asked = ExchangeBars(
                "kraken", Pair("BTC", "USD"), M1, start, start + DAY_NS - MINUTE_NS,
                addresses={"api": {"public": server.url}},
            )  # fmt: skip
            await fetch_exchange_bars(lake, asked)

    asyncio.run(work())
    (one,) = lake.dataset(DatasetKey("kraken", Pair("BTC", "USD"), M1)).manifest.slices
    assert one.source == "ccxt:kraken"
    assert one.start >= start + 11 * HOUR_NS  # 720 bars and none older, whatever is asked
    assert one.rows > 500
    assert one.missing == 0


class Silent:
    """Hears a fetch and says nothing."""

    def started(self, job: object) -> None: ...

    def told(self, pair: object, progress: object) -> None: ...

    def waits(self, wait: object) -> None: ...


@pytest.mark.parametrize("is_bars", [False, True], ids=["trades", "bars"])
def test_a_fetch_without_a_start_goes_on_from_an_archive_and_proves_the_seam(tmp_path: Path, is_bars: bool) -> None:
    start, pair = parse_time("2024-03-31T12:00:00Z"), Pair("BTC", "USD")
    tape = Tape.synthetic(8, start, 6000, per_second=6000 / 86_400)
    now = start + DAY_NS + 5 * MINUTE_NS
    root = tmp_path / "workspace"
    make_workspace(root)
    quarter = tape.time < parse_time("2024-04-01")
    times, prices, amounts = tape.shown_time[quarter], tape.price[quarter], tape.amount[quarter]
    if is_bars:
        table = pl.DataFrame({"time": times, "trade_id": tape.trade_id[quarter], "price": prices, "amount": amounts})
        rows = [f"{t // SECOND_NS},{o},{h},{low},{c},{v},{n}" for t, o, h, low, c, v, n in trades_to_bars(table).rows()]
        archive = tmp_path / "XBTUSD_1.csv"
    else:
        rows = [f"{t // SECOND_NS},{p},{a}" for t, p, a in zip(times, prices, amounts, strict=True)]
        archive = tmp_path / "XBTUSD.csv"
    archive.write_text("\n".join(rows) + "\n")
    fake = FakeKraken({pair: tape}, ManualClock(now), FakeSettings(public_limit=None, pair_limit=None))
    with serving(fake) as server:
        asked = {**settings_at(server.url), "kraken.requests_per_second": "1000"}
        lab = Lab(root, load_settings(root, asked), ManualClock(now))
        import_path(lab.lake, archive)
        done = fetching.fetch(lab, fetching.Asked(("BTC/USD",), join=True), Silent())
    assert done.job.state == "done"
    key = DatasetKey("kraken", pair, M1 if is_bars else None)
    (seam,) = lab.lake.dataset(key).manifest.seams
    assert seam.minutes >= 60
    assert seam.trades >= 1000 or is_bars
    assert seam.last_id == int(tape.trade_id[quarter][-1])
    bars = lab.lake.bars("kraken", pair, M1)
    count = sum(
        int(lab.lake.store.read(f)["count"].sum())
        for f in lab.lake.dataset(DatasetKey("kraken", pair, M1)).manifest.files
    )
    assert count == len(tape)
    assert bars.close[-1] == tape.price[-1]
    assert lab.lake.verify() == ()
