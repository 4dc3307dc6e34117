"""The lake gives back what was put in, by name, and is written by one process at a time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tradecore.core.bars import Bars
from tradecore.core.errors import DataError, NothingThereError, StateRefusedError, UsageError
from tradecore.core.types import MINUTE_NS, Pair, Timeframe, parse_time
from tradecore.market.lake import Lake
from tradecore.market.manifest import DatasetKey

BTC = Pair.parse("BTC/USD")
M1, M5, H1 = (Timeframe.parse(text) for text in ("1m", "5m", "1h"))
START = parse_time("2023-01-01")
KEY = DatasetKey("kraken", BTC, M1)


def _bars(minutes: list[int] | range, source: str = "synthetic gbm", price: float = 100.0, first: int = START) -> Bars:
    count = len(minutes)
    rising = price + np.arange(count) / 100
    return Bars(
        pair=BTC,
        timeframe=M1,
        open_time=first + np.array(minutes, np.int64) * MINUTE_NS,
        open=rising,
        high=rising + 2,
        low=rising - 2,
        close=rising + 1,
        volume=np.arange(count) + 1.0,
        source=source,
    )


def test_bars_come_back_as_they_went_in_named_by_their_dataset(lake: Lake) -> None:
    bars = _bars(range(100))
    name = lake.commit(bars, venue="kraken")
    again = lake.bars("kraken", BTC, M1)
    assert again.content_hash() == bars.content_hash()
    assert (again.dataset, again.source, again.is_synthetic) == (name, "synthetic gbm", True)
    assert lake.dataset(KEY).hash == name


def test_an_empty_lake_has_nothing_and_says_what_to_do(lake: Lake) -> None:
    assert lake.datasets() == ()
    with pytest.raises(NothingThereError, match=r"holds nothing; run: tradecore data import"):
        lake.bars("kraken", BTC, M1)
    assert not lake.root.exists()


def test_a_span_is_cut_and_an_empty_span_refused(lake: Lake) -> None:
    lake.commit(_bars(range(100)), venue="kraken")
    part = lake.bars("kraken", BTC, M1, START + 10 * MINUTE_NS, START + 20 * MINUTE_NS)
    assert (len(part), int(part.open_time[0])) == (10, START + 10 * MINUTE_NS)
    with pytest.raises(NothingThereError, match="it covers kraken/BTC-USD/1m from 2023-01-01T00:00:00Z"):
        lake.bars("kraken", BTC, M1, START - 10 * MINUTE_NS, START)


def test_bars_are_appended_across_years_and_only_the_touched_file_changes(lake: Lake) -> None:
    lake.commit(_bars(range(10)), venue="kraken")
    before = lake.dataset(KEY).manifest.files[0]
    new_year = parse_time("2024-01-01") - 5 * MINUTE_NS
    lake.commit(_bars(range(10), first=new_year), venue="kraken")
    files = lake.dataset(KEY).manifest.files
    assert [file.partition for file in files] == ["2023", "2024"]
    assert (files[0].rows, files[1].rows, before.rows) == (15, 5, 10)
    assert all((lake.root / file.path).parent.name == f"year={file.partition}" for file in files)
    assert not (lake.root / before.path).exists()


def test_a_longer_timeframe_is_made_from_a_shorter_and_only_of_whole_spans(lake: Lake) -> None:
    name = lake.commit(_bars(range(3, 134)), venue="kraken")
    made = lake.bars("kraken", BTC, H1)
    assert made.open_time.tolist() == [START + 60 * MINUTE_NS]
    assert float(made.volume[0]) == sum(range(58, 118))
    assert made.dataset == name
    assert len(lake.bars("kraken", BTC, M5, START + 7 * MINUTE_NS, START + 22 * MINUTE_NS)) == 3
    with pytest.raises(NothingThereError):
        lake.bars("kraken", BTC, Timeframe.parse("1d"))


def test_gaps_are_filled_only_when_asked_and_marked(lake: Lake) -> None:
    lake.commit(_bars([0, 1, 5, 6]), venue="kraken")
    assert len(lake.bars("kraken", BTC, M1)) == 4
    filled = lake.bars("kraken", BTC, M1, fill="flat")
    assert filled.is_real.tolist() == [True, True, False, False, False, True, True]
    assert filled.close[2:5].tolist() == [filled.close[1]] * 3
    assert filled.high[2:5].tolist() == filled.low[2:5].tolist() == filled.open[2:5].tolist()
    assert not filled.volume[2:5].any()
    with pytest.raises(UsageError, match="cannot hold NaN"):
        lake.bars("kraken", BTC, M1, fill="nan")  # type: ignore[arg-type]


def test_filled_bars_are_not_stored_but_known_to_be_empty(lake: Lake) -> None:
    lake.commit(_bars([0, 1, 5, 6], source="somewhere"), venue="kraken")
    other = Lake(lake.root.parent / "other", clock=lake.clock)
    other.commit(lake.bars("kraken", BTC, M1, fill="flat"), venue="kraken")
    manifest = other.dataset(KEY).manifest
    assert (manifest.rows, manifest.empty, manifest.missing) == (4, 3, 0)
    assert (lake.dataset(KEY).manifest.empty, lake.dataset(KEY).manifest.missing) == (0, 3)


def test_made_and_traded_bars_are_never_mixed_even_when_joined(lake: Lake) -> None:
    lake.commit(_bars(range(10)), venue="kraken")
    with pytest.raises(DataError, match="made and traded bars are never mixed"):
        lake.commit(_bars(range(20, 30), source="kraken-ohlcvt"), venue="kraken", join=True)


def test_two_sources_are_mixed_only_by_name_and_each_bar_knows_its_own(lake: Lake) -> None:
    lake.commit(_bars(range(10), source="parquet:a"), venue="kraken")
    before = lake.dataset(KEY)
    with pytest.raises(DataError, match="sources are never mixed silently"):
        lake.commit(_bars(range(5, 15), source="kraken-ohlcvt", price=200.0), venue="kraken")
    assert lake.dataset(KEY) == before
    lake.commit(_bars(range(5, 15), source="kraken-ohlcvt", price=200.0), venue="kraken", join=True)
    manifest = lake.dataset(KEY).manifest
    assert [(one.source, one.rows) for one in manifest.slices] == [("parquet:a", 5), ("kraken-ohlcvt", 10)]
    assert manifest.joined == ("kraken-ohlcvt", "parquet:a")
    assert lake.bars("kraken", BTC, M1).source == "kraken-ohlcvt+parquet:a"


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0), (1, 0, 2)])
def test_joined_sources_give_the_same_dataset_in_any_order(tmp_path: Path, order: tuple[int, ...]) -> None:
    parts = [
        _bars(range(30), source="parquet:a"),
        _bars(range(10, 20), source="kraken-ohlcvt", price=200.0),
        _bars(range(15, 40), source="kraken-rest-ohlc", price=300.0),
    ]
    first, again = Lake(tmp_path / "a"), Lake(tmp_path / "b")
    for part in parts:
        name = first.commit(part, venue="kraken", join=True)
    for number in (*order, *order):
        other = again.commit(parts[number], venue="kraken", join=True)
    assert other == name
    manifest = again.dataset(KEY).manifest
    assert [(one.source, one.rows) for one in manifest.slices] == [
        ("parquet:a", 10),
        ("kraken-ohlcvt", 10),
        ("kraken-rest-ohlc", 20),
    ]


def test_one_source_that_contradicts_itself_is_refused(lake: Lake) -> None:
    lake.commit(_bars(range(10), source="parquet:a"), venue="kraken")
    before = lake.dataset(KEY)
    with pytest.raises(DataError, match=r"bar 2023-01-01T00:00:00Z has open 100\.0 in the lake and 200\.0 in the file"):
        lake.commit(_bars(range(10), source="parquet:a", price=200.0), venue="kraken")
    assert lake.dataset(KEY) == before


def test_a_source_that_proves_emptiness_may_not_gain_a_bar_there(lake: Lake) -> None:
    lake.commit(_bars([0, 1, 5, 6], source="synthetic x"), venue="kraken")
    with pytest.raises(DataError, match="nothing traded then"):
        lake.commit(_bars(range(4), source="synthetic x"), venue="kraken")


def test_a_second_writer_is_refused_at_once_and_a_reader_is_not(lake: Lake) -> None:
    lake.commit(_bars(range(10)), venue="kraken")
    script = (
        "import sys; from tradecore.market.lake import Lake\n"
        "with Lake(sys.argv[1]).writer():\n"
        "    print('writing', flush=True); sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(lake.root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "writing\n"
        with pytest.raises(StateRefusedError, match=r"another process is writing.*wait until it has finished"):
            lake.commit(_bars(range(20)), venue="kraken")
        assert len(lake.bars("kraken", BTC, M1)) == 10
        other.communicate("")
    assert lake.commit(_bars(range(20)), venue="kraken")


def test_a_reader_that_saw_the_old_index_reads_again(lake: Lake) -> None:
    lake.commit(_bars(range(10)), venue="kraken")
    old = lake.store.index()
    lake.commit(_bars(range(20)), venue="kraken")
    answers = [old]
    real = lake.store.index
    lake.store.index = lambda: answers.pop() if answers else real()  # type: ignore[method-assign]
    assert len(lake.bars("kraken", BTC, M1)) == 20


def test_what_was_staged_without_commit_is_gone(lake: Lake) -> None:
    lake.commit(_bars(range(10)), venue="kraken")
    before = sorted(path for path in lake.root.rglob("*") if path.is_file())
    stray = lake.root / KEY.folder / "year=2023" / "2023-abc.parquet"
    stray.write_bytes(b"half a file")
    (lake.root / "manifests" / ".x.tmp").write_bytes(b"")
    lake.commit(_bars(range(10)), venue="kraken")
    assert sorted(path for path in lake.root.rglob("*") if path.is_file()) == before


def test_a_damaged_file_is_found_taken_out_and_restored_by_importing_again(lake: Lake) -> None:
    lake.commit(_bars(range(10)), venue="kraken")
    name = lake.commit(_bars(range(10), first=parse_time("2022-01-01")), venue="kraken")
    assert lake.verify() == ()
    file = lake.dataset(KEY).manifest.files[0]
    path = lake.root / file.path
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    (finding,) = lake.verify(KEY)
    assert (finding.dataset, finding.file) == (str(KEY), file.path)
    assert "the file was altered" in finding.problem
    report = lake.repair()
    assert report.import_again == ("synthetic gbm",)
    assert (lake.root / "quarantine" / path.name).read_bytes() == data
    assert lake.verify() == ()
    assert len(lake.bars("kraken", BTC, M1)) == 10
    lake.commit(_bars(range(10)), venue="kraken")
    assert lake.commit(_bars(range(10), first=parse_time("2022-01-01")), venue="kraken") == name


def test_a_file_that_is_gone_is_told_on_reading_and_repaired(lake: Lake) -> None:
    lake.commit(_bars(range(10)), venue="kraken")
    (lake.root / lake.dataset(KEY).manifest.files[0].path).unlink()
    with pytest.raises(StateRefusedError, match="the file is gone; run: tradecore data repair"):
        lake.bars("kraken", BTC, M1)
    lake.repair()
    assert lake.datasets() == ()


def test_an_altered_manifest_is_found_and_its_dataset_taken_out(lake: Lake) -> None:
    name = lake.commit(_bars(range(10)), venue="kraken")
    path = lake.root / "manifests" / f"{name}.json"
    path.write_text(path.read_text().replace('"rows":10', '"rows":11'))
    with pytest.raises(StateRefusedError, match="the manifest was altered"):
        lake.datasets()
    assert [finding.file for finding in lake.verify()] == [""]
    assert lake.repair().import_again == (f"every source of {KEY}",)
    assert lake.commit(_bars(range(10)), venue="kraken") == name


def test_a_folder_that_cannot_be_written_is_refused_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "lake").write_text("I am a file")
    with pytest.raises(StateRefusedError, match="a file stands where a folder is expected"):
        Lake(tmp_path / "lake").commit(_bars(range(10)), venue="kraken")


def test_no_bars_and_a_strange_venue_are_refused(lake: Lake) -> None:
    with pytest.raises(UsageError, match="no bars to store"):
        lake.commit(_bars([]), venue="kraken")
    with pytest.raises(UsageError, match="venue"):
        lake.commit(_bars([1]), venue="../etc")


def test_an_index_that_is_gone_is_never_taken_for_an_empty_lake_and_is_made_anew(lake: Lake) -> None:
    name = lake.commit(_bars(range(10)), venue="kraken")
    (lake.root / "manifest.json").unlink()
    with pytest.raises(StateRefusedError, match="the lake's index is gone; run: tradecore data repair"):
        lake.commit(_bars(range(10)), venue="other")
    lake.repair()
    assert {str(one.key): one.hash for one in lake.datasets()} == {str(KEY): name}
    assert lake.verify() == ()


def test_an_index_that_cannot_be_read_is_made_anew(lake: Lake) -> None:
    name = lake.commit(_bars(range(10)), venue="kraken")
    (lake.root / "manifest.json").write_text("{")
    with pytest.raises(StateRefusedError, match="not JSON"):
        lake.datasets()
    lake.repair()
    assert lake.dataset(KEY).hash == name


def test_an_index_of_another_version_is_left_alone(lake: Lake) -> None:
    lake.commit(_bars(range(10)), venue="kraken")
    path = lake.root / "manifest.json"
    path.write_text(path.read_text().replace('"schema":1', '"schema":2'))
    with pytest.raises(StateRefusedError, match="use the version that wrote it"):
        lake.repair()
    assert '"schema":2' in path.read_text()


def test_an_import_into_a_lake_with_a_file_gone_is_refused_with_the_remedy(lake: Lake) -> None:
    lake.commit(_bars(range(10)), venue="kraken")
    (lake.root / lake.dataset(KEY).manifest.files[0].path).unlink()
    with pytest.raises(StateRefusedError, match="file is gone; run: tradecore data repair"):
        lake.commit(_bars(range(20)), venue="kraken")
