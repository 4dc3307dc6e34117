"""Files come into the lake whole, once, in any order; a bad one leaves no trace."""

from __future__ import annotations

import itertools
import json
import resource
import signal
from collections.abc import Callable, Sequence
from pathlib import Path

import polars as pl
import pytest

from tradecore.core.clock import ManualClock
from tradecore.core.errors import DataError, NothingThereError, StateRefusedError, UsageError
from tradecore.core.types import MINUTE_NS, SECOND_NS, Pair, Timeframe, parse_time
from tradecore.market.ingest import import_path
from tradecore.market.lake import Lake
from tradecore.market.manifest import DatasetKey
from tradecore.storage.atomic_io import observed

BTC = Pair.parse("BTC/USD")
M1 = Timeframe.parse("1m")
DAY = 1_672_531_200
BARS = DatasetKey("kraken", BTC, M1)
TRADES = DatasetKey("kraken", BTC, None)
Text = Callable[..., str]
Zip = Callable[..., Path]


def _hashes(lake: Lake) -> dict[str, str]:
    return {str(one.key): one.hash for one in lake.datasets()}


def _files(lake: Lake) -> set[Path]:
    return {path for path in lake.root.rglob("*") if path.is_file() and path.name != ".lock"}


def _interrupt(lake: Lake, path: Path, at: int) -> None:
    """Begin an import and stop it at a step that changes the disk."""
    steps = itertools.count()

    def stop(step: str, where: Path) -> None:
        if next(steps) == at:
            raise KeyboardInterrupt

    with observed(stop), pytest.raises(KeyboardInterrupt):
        import_path(lake, path)


def test_an_archive_becomes_datasets_with_what_was_read_and_what_was_not(lake: Lake, zip_of: Zip, ohlcvt: Text) -> None:
    path = zip_of("k.zip", XBTUSD_1=ohlcvt([0, 1, 3]), XBTUSD_60=ohlcvt([0, 1], 3600), notes="x")
    result = import_path(lake, path)
    assert [(str(one.dataset.key), one.added) for one in result.datasets] == [
        ("kraken/BTC-USD/1h", 2),
        ("kraken/BTC-USD/1m", 3),
    ]
    assert result.rows_read == 5
    assert [name for name, _ in result.skipped] == ["notes.csv"]
    minute = result.datasets[1]
    assert (minute.quality.gaps, minute.quality.empty, minute.quality.missing) == (1, 1, 0)
    assert [ref.name for ref in minute.dataset.manifest.sources] == ["k.zip!XBTUSD_1.csv"]


def test_importing_twice_changes_nothing(lake: Lake, zip_of: Zip, ohlcvt: Text) -> None:
    path = zip_of("k.zip", XBTUSD_1=ohlcvt([0, 1, 3]))
    import_path(lake, path)
    hashes, files = _hashes(lake), _files(lake)
    again = import_path(lake, path)
    assert (again.datasets[0].added, again.rows_read) == (0, 0)
    assert (_hashes(lake), _files(lake)) == (hashes, files)


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_quarters_that_touch_overlap_or_lie_apart_give_one_dataset_in_any_order(
    tmp_path: Path, zip_of: Zip, ohlcvt: Text, order: Sequence[int]
) -> None:
    parts = [range(0, 20, 2), range(10, 40, 2), range(60, 70)]
    paths = [zip_of(f"{i}.zip", XBTUSD_1=ohlcvt(list(part))) for i, part in enumerate(parts)]
    lakes = [Lake(tmp_path / "a"), Lake(tmp_path / "b")]
    for number in range(3):
        import_path(lakes[0], paths[number])
        import_path(lakes[1], paths[order[number]])
    assert _hashes(lakes[0]) == _hashes(lakes[1])
    slices = lakes[0].dataset(BARS).manifest.slices
    assert [(one.rows, one.empty, one.missing) for one in slices] == [(20, 19, 0), (10, 0, 0)]


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_trades_archives_give_the_same_trades_and_bars_in_any_order(
    tmp_path: Path, zip_of: Zip, trades_csv: Text, order: Sequence[int]
) -> None:
    # The second file begins in the minute in which the first one ends; the third lies in another month.
    month = 40 * 86_400
    parts = [[(0, 1, 1), (61, 2, 1), (61, 3, 1)], [(90, 4, 1), (200, 5, 1)], [(month, 6, 1), (month + 59, 7, 2)]]
    paths = [zip_of(f"{i}.zip", XBTUSD=trades_csv(part)) for i, part in enumerate(parts)]
    lakes = [Lake(tmp_path / "a"), Lake(tmp_path / "b")]
    for number in (0, 1, 2, 0):
        import_path(lakes[0], paths[number])
        import_path(lakes[1], paths[order[number % 3]])
    assert _hashes(lakes[0]) == _hashes(lakes[1])
    bars = lakes[0].bars("kraken", BTC, M1)
    assert bars.close.tolist() == [1.0, 4.0, 5.0, 7.0]
    assert bars.volume.tolist() == [1.0, 3.0, 1.0, 3.0]
    assert lakes[0].verify() == ()
    manifest = lakes[0].dataset(BARS).manifest
    assert [(one.rows, one.empty) for one in manifest.slices] == [(3, 1), (1, 0)]


def test_a_trades_file_over_several_months_covers_the_time_between(lake: Lake, zip_of: Zip, trades_csv: Text) -> None:
    import_path(lake, zip_of("t.zip", XBTUSD=trades_csv([(0, 1, 1), (70 * 86_400, 2, 1)])))
    (one,) = lake.dataset(BARS).manifest.slices
    assert (one.rows, one.empty, one.missing) == (2, 70 * 1440 - 1, 0)
    assert [file.partition for file in lake.dataset(TRADES).manifest.files] == ["2023-01", "2023-03"]
    assert sum(len(month) for month in lake.trades("kraken", BTC)) == 2


def test_trades_without_ids_that_differ_where_files_overlap_are_refused(
    lake: Lake, zip_of: Zip, trades_csv: Text
) -> None:
    import_path(lake, zip_of("a.zip", XBTUSD=trades_csv([(0, 1, 1), (60, 2, 1)])))
    before = _files(lake)
    with pytest.raises(DataError, match="both must agree there"):
        import_path(lake, zip_of("b.zip", XBTUSD=trades_csv([(0, 1, 1), (30, 9, 1), (90, 2, 1)])))
    assert _files(lake) == before


def _trades_parquet(path: Path, rows: list[tuple[int, int, float]]) -> Path:
    data = [(s * 1000, i, p, 1.0, "buy") for s, i, p in rows]
    pl.DataFrame(data, schema=["timestamp", "trade_id", "price", "amount", "side"], orient="row").write_parquet(path)
    return path


def test_trades_with_ids_are_told_apart_by_them_and_missing_ids_leave_minutes_unknown(
    lake: Lake, tmp_path: Path
) -> None:
    rows = [(DAY, 10, 1.0), (DAY, 11, 2.0), (DAY + 300, 15, 3.0), (DAY + 600, 16, 3.0)]
    result = import_path(lake, _trades_parquet(tmp_path / "BTCUSD.parquet", rows), venue="kraken")
    (_, trades) = result.datasets
    assert trades.quality.missing_ids == 3
    assert trades.quality.examples["missing_ids"] == ("12 .. 14",)
    assert trades.dataset.manifest.missing_ids == ((12, 14),)
    (one,) = lake.dataset(BARS).manifest.slices
    assert (one.rows, one.empty, one.missing) == (3, 4, 4)
    found = [(DAY, 11, 2.0), (DAY + 60, 12, 9.0), (DAY + 61, 13, 9.0), (DAY + 62, 14, 8.0), (DAY + 300, 15, 3.0)]
    import_path(lake, _trades_parquet(tmp_path / "BTCUSD-2.parquet", found), venue="kraken", pair=BTC)
    assert lake.dataset(TRADES).manifest.missing_ids == ()
    (one,) = lake.dataset(BARS).manifest.slices
    assert (one.rows, one.empty, one.missing) == (4, 7, 0)
    assert lake.verify() == ()


def test_one_id_for_two_trades_is_refused_and_a_repeated_trade_is_counted(lake: Lake, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="trade 10 at 2023-01-01T00:00:00Z has two different contents"):
        import_path(
            lake, _trades_parquet(tmp_path / "BTCUSD.parquet", [(DAY, 10, 1.0), (DAY, 10, 2.0)]), venue="kraken"
        )
    assert lake.datasets() == ()
    path = _trades_parquet(tmp_path / "BTCUSD.parquet", [(DAY, 10, 1.0), (DAY, 10, 1.0)])
    assert import_path(lake, path, venue="kraken").duplicates == 1
    assert lake.dataset(TRADES).manifest.rows == 1


def test_trades_and_bars_of_one_pair_are_mixed_only_by_name_and_where_they_agree(lake: Lake, zip_of: Zip) -> None:
    minutes = [f"{DAY + 60 * m},{500 + m},{500 + m},{500 + m},{500 + m},1,1\n" for m in range(10)]
    import_path(lake, zip_of("bars.zip", XBTUSD_1="".join(minutes)))
    before = _files(lake)
    trades = zip_of("trades.zip", XBTUSD=f"{DAY},500,1\n{DAY + 119},501,1\n")
    with pytest.raises(DataError, match=r"trades\.zip!XBTUSD\.csv gives kraken-trades; .*join them by name"):
        import_path(lake, trades)
    assert _files(lake) == before
    other = zip_of("other.zip", XBTUSD=f"{DAY},500,1\n{DAY + 119},501,1\n{DAY + 119},501,0.1\n")
    with pytest.raises(DataError, match=r"minute 2023-01-01T00:01:00Z has 1 trades, .* and 2 trades, .* 1 minutes"):
        import_path(lake, other, join=True)
    assert _files(lake) == before
    import_path(lake, trades, join=True)
    assert [one.source for one in lake.dataset(BARS).manifest.slices] == ["kraken-trades", "kraken-ohlcvt"]
    (seam,) = lake.dataset(BARS).manifest.seams
    assert (seam.older, seam.newer, seam.minutes, seam.trades) == ("kraken-ohlcvt", "kraken-trades", 2, 2)


def test_bars_in_which_nothing_traded_are_not_stored_but_prove_the_time_empty(
    lake: Lake, bars_parquet: Callable[..., Path]
) -> None:
    flat = {"open": [5.0] * 10, "high": [5.0] * 10, "low": [5.0] * 10, "close": [5.0] * 10}
    minutes = [0, 1, 2, 3, 4, 5, 6, 7, 8, 11]
    path = bars_parquet(minutes=minutes, **flat, volume=[1.0, 0, 0, 1, 1, 1, 1, 1, 0, 1])
    result = import_path(lake, path, venue="binance")
    manifest = result.datasets[0].dataset.manifest
    assert (result.fillers, manifest.rows, manifest.empty, manifest.missing) == (3, 7, 3, 2)
    again = bars_parquet(minutes=minutes, **flat, volume=[1.0, 0, 7, 1, 1, 1, 1, 1, 0, 1])
    with pytest.raises(DataError, match="nothing traded"):
        import_path(lake, again, venue="binance")


def test_two_parquet_files_are_two_sources_and_mixed_only_by_name(
    lake: Lake, bars_parquet: Callable[..., Path]
) -> None:
    one, two = bars_parquet("BTCUSD_a.parquet"), bars_parquet("BTCUSD_b.parquet", minutes=range(10, 20))
    import_path(lake, one, venue="kraken")
    with pytest.raises(DataError, match=r"holds bars from parquet:BTCUSD_a, BTCUSD_b\.parquet gives parquet:BTCUSD_b"):
        import_path(lake, two, venue="kraken")
    import_path(lake, two, venue="kraken", join=True)
    assert lake.dataset(BARS).manifest.joined == ("parquet:BTCUSD_a", "parquet:BTCUSD_b")


def test_the_bar_that_is_still_open_is_left_out(tmp_path: Path, zip_of: Zip, ohlcvt: Text) -> None:
    lake = Lake(tmp_path / "lake", clock=ManualClock(DAY * SECOND_NS + 2 * MINUTE_NS + 1))
    result = import_path(lake, zip_of("k.zip", XBTUSD_1=ohlcvt([0, 1, 2])))
    assert (result.unfinished, result.datasets[0].dataset.manifest.rows) == (1, 2)


def test_rows_from_the_future_are_refused(tmp_path: Path, zip_of: Zip, ohlcvt: Text) -> None:
    lake = Lake(tmp_path / "lake", clock=ManualClock(DAY * SECOND_NS))
    with pytest.raises(DataError, match=r"later than now .*set this machine's clock"):
        import_path(lake, zip_of("k.zip", XBTUSD_1=ohlcvt([0, 1, 2])))


def test_a_recorded_reply_is_imported(lake: Lake, tmp_path: Path) -> None:
    rows = [[DAY + 60 * m, "10", "10", "10", "10", "0.0", "0.0" if m == 1 else "2", int(m != 1)] for m in range(4)]
    path = tmp_path / "ohlc.json"
    path.write_text(json.dumps({"error": [], "result": {"XXBTZUSD": rows, "last": DAY + 120}}))
    result = import_path(lake, path)
    manifest = lake.dataset(BARS).manifest
    assert (result.fillers, manifest.rows, manifest.empty, manifest.missing) == (1, 2, 1, 0)


def test_a_folder_is_imported_whole(lake: Lake, tmp_path: Path, ohlcvt: Text) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "XBTUSD_1.csv").write_text(ohlcvt([0]))
    (folder / "ETHUSD_1.csv").write_text(ohlcvt([0]))
    (folder / "notes.txt").write_text("x")
    assert len(import_path(lake, folder).datasets) == 2


def test_progress_is_told(lake: Lake, zip_of: Zip, ohlcvt: Text) -> None:
    told: list[str] = []
    import_path(lake, zip_of("k.zip", XBTUSD_1=ohlcvt([0])), progress=lambda name, done, total: told.append(name))
    assert told == ["k.zip!XBTUSD_1.csv"]


@pytest.mark.parametrize(
    ("name", "content", "error", "says"),
    [
        ("none.zip", None, NothingThereError, "no such file"),
        ("a.xlsx", b"x", UsageError, r"cannot import \.xlsx; expected \.zip"),
        ("XBTUSD_1.csv", b"", DataError, "the file is empty"),
        ("a.zip", b"PK\x03\x04 nonsense", DataError, "not a whole ZIP"),
        ("BTCUSD.parquet", b"PAR1", DataError, "not a whole Parquet file"),
        ("reply.json", b"{", DataError, "no JSON"),
    ],
)
def test_what_cannot_be_imported_is_refused_and_makes_no_lake(
    lake: Lake, tmp_path: Path, name: str, content: bytes | None, error: type[Exception], says: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(error, match=says):
        import_path(lake, tmp_path / name, venue="kraken")
    assert not lake.root.exists()


def test_a_bad_row_in_the_last_member_leaves_the_lake_as_it_was(lake: Lake, zip_of: Zip, ohlcvt: Text) -> None:
    import_path(lake, zip_of("a.zip", XBTUSD_1=ohlcvt([0, 1])))
    before = _hashes(lake)
    with pytest.raises(DataError, match=r"b\.zip!XBTUSD_1\.csv: row 3 "):
        import_path(lake, zip_of("b.zip", ETHUSD_1=ohlcvt([0]), XBTUSD_1=ohlcvt([5, 6, 6])))
    assert _hashes(lake) == before
    import_path(lake, zip_of("a.zip", XBTUSD_1=ohlcvt([0, 1])))
    assert len(_files(lake)) == 3


def test_an_interrupted_import_goes_on_after_the_last_finished_member(lake: Lake, zip_of: Zip, ohlcvt: Text) -> None:
    path = zip_of("k.zip", ETHUSD_1=ohlcvt(range(50)), SOLUSD_1=ohlcvt(range(50)), XBTUSD_1=ohlcvt(range(50)))

    def stop(name: str, done: int, total: int) -> None:
        if "XBTUSD" in name:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_path(lake, path, progress=stop)
    assert lake.datasets() == ()
    told: list[str] = []
    result = import_path(lake, path, progress=lambda name, done, total: told.append(name))
    assert told == ["k.zip!XBTUSD_1.csv"]
    assert [one.added for one in result.datasets] == [50, 50, 50]
    other = Lake(lake.root.parent / "other")
    import_path(other, path)
    assert _hashes(lake) == _hashes(other)
    assert len(_files(lake)) == len(_files(other)) == 7


def test_what_an_abandoned_import_staged_is_not_committed_by_another(lake: Lake, zip_of: Zip, ohlcvt: Text) -> None:
    path = zip_of("k.zip", ETHUSD_1=ohlcvt([0]), XBTUSD_1=ohlcvt([0]))

    def stop(name: str, done: int, total: int) -> None:
        if "XBTUSD" in name:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_path(lake, path, progress=stop)
    import_path(lake, zip_of("other.zip", SOLUSD_1=ohlcvt([0])))
    assert set(_hashes(lake)) == {"kraken/SOL-USD/1m"}


def test_a_full_disk_at_any_write_leaves_the_lake_as_it_was(tmp_path: Path, zip_of: Zip, ohlcvt: Text) -> None:
    first = zip_of("a.zip", XBTUSD_1=ohlcvt([0, 1]))
    second = zip_of("b.zip", ETHUSD_1=ohlcvt([2]), XBTUSD_1=ohlcvt([2, 3]))
    for failing in itertools.count():
        lake = Lake(tmp_path / str(failing))
        import_path(lake, first)
        before, files = _hashes(lake), _files(lake)
        writes = itertools.count()

        def fail(step: str, where: Path, writes: itertools.count[int] = writes, failing: int = failing) -> None:
            if step in ("mkdir", "sync", "rename") and next(writes) == failing:
                raise OSError(28, "No space left on device")

        refused = ""
        with observed(fail):
            try:
                import_path(lake, second)
            except StateRefusedError as error:
                refused = str(error)
        if not refused:
            break
        assert "free some space" in refused
        assert (_hashes(lake), _files(lake)) == (before, files)
    assert failing > 10


def test_a_file_size_limit_is_told_with_the_remedy_and_leaves_no_trace(lake: Lake, zip_of: Zip, ohlcvt: Text) -> None:
    path = zip_of("k.zip", XBTUSD_1=ohlcvt(range(3000)))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
    try:
        with pytest.raises(StateRefusedError, match=r"2023-.*parquet: could not write .*ulimit -f"):
            import_path(lake, path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)
    assert lake.datasets() == ()
    assert _files(lake) == {lake.root / "manifest.json"}


@pytest.mark.real_data
def test_kraken_trades_rebuild_freqtrades_bars_on_all_5388_and_26_ids_are_missing(lake: Lake, real_data: Path) -> None:
    result = import_path(lake, real_data / "trades" / "kraken" / "BTCUSDT_2023-11-17_22.parquet")
    theirs = pl.read_parquet(real_data / "trades" / "kraken" / "BTCUSDT_1m_by_freqtrade.parquet")
    ours = lake.bars("kraken", Pair.parse("BTC/USDT"), M1)
    assert len(theirs) == len(ours) == 5388
    assert (theirs["timestamp"].to_numpy() * 1_000_000 == ours.open_time).all()
    for column in ("open", "high", "low", "close"):
        assert (theirs[column].to_numpy() == getattr(ours, column)).all(), column
    assert abs(theirs["volume"].to_numpy() - ours.volume).max() < 1e-9
    assert result.datasets[1].quality.missing_ids == 26


@pytest.mark.real_data
def test_every_kraken_zip_imports_in_any_order_twice_and_interrupted_to_the_same_hashes(
    tmp_path: Path, real_data: Path
) -> None:
    paths = sorted((real_data / "fixtures" / "kraken_zip").glob("*.zip"))
    assert len(paths) == 3
    found = set()
    for number, order in enumerate(itertools.permutations(paths)):
        lake = Lake(tmp_path / str(number))
        _interrupt(lake, order[0], at=2 * number)
        for path in (*order, *order[:1]):
            import_path(lake, path)
        found.add(tuple(sorted(_hashes(lake).items())))
        assert lake.verify() == ()
    assert len(found) == 1
    assert dict(found.pop()).keys() == {"kraken/BCH-EUR/1m", "kraken/BCH-EUR/trades", "kraken/BTC-USDC/1m"}


@pytest.mark.real_data
def test_two_years_of_minutes_are_imported_with_every_absent_minute_accounted_for(lake: Lake, real_data: Path) -> None:
    result = import_path(lake, real_data / "candles" / "bitfinex" / "BTCUSD_1m_2017-2018.parquet")
    quality = result.datasets[0].quality
    assert (quality.rows, quality.gaps, quality.missing, quality.longest_gap) == (1_025_708, 18_195, 25_492, 67)
    assert quality.rows + quality.missing == 2 * 365 * 1440
    year = lake.bars("bitfinex", BTC, M1, parse_time("2017-01-01"), parse_time("2018-01-01"))
    assert len(year) == 505_209
