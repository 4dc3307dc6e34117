"""A manifest is canonical, names its dataset, and is refused when it contradicts itself."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import pytest

from tradecore.core.errors import DataError, StateRefusedError, UsageError
from tradecore.core.types import DAY_NS, MINUTE_NS, Pair, Timeframe, parse_time
from tradecore.market.coverage import Slice
from tradecore.market.manifest import (
    DatasetKey,
    FileEntry,
    Manifest,
    SourceRef,
    index_from_text,
    index_text,
    manifest_from_text,
)

START = parse_time("2023-01-01")
KEY = DatasetKey("kraken", Pair.parse("BTC/USD"), Timeframe(MINUTE_NS))
FILE = FileEntry("a/2023.parquet", "2023", 10, START, START + 9 * MINUTE_NS, "ab", 100)
SLICE = Slice(START, START + 9 * MINUTE_NS, "kraken-ohlcvt", 10)
REF = SourceRef("XBTUSD_1.csv", "cd", "kraken-ohlcvt")
GOOD = Manifest(KEY, (FILE,), (SLICE,), (REF,))


def test_a_manifest_is_read_back_as_it_was_and_its_hash_is_that_of_its_text() -> None:
    again = manifest_from_text(GOOD.text, "m")
    assert again == GOOD
    assert again.hash == GOOD.hash == hashlib.sha256(GOOD.text.encode()).hexdigest()


def test_times_keep_their_nanoseconds() -> None:
    key = DatasetKey("kraken", Pair.parse("BTC/USD"), None)
    file = FileEntry("t", "2023-01", 2, START + 1, START + 123_456_789, "ab", 100, ((1, 2),))
    manifest = Manifest(
        key,
        (file,),
        (Slice(file.first, file.last, "kraken-rest-trades", 2),),
        (SourceRef("t", "x", "kraken-rest-trades"),),
    )
    assert manifest_from_text(manifest.text, "m") == manifest


def test_a_manifest_holds_no_time_of_import_and_no_absolute_path() -> None:
    assert set(json.loads(GOOD.text)) == {
        *("schema", "venue", "pair", "timeframe", "rows", "files", "slices", "sources", "joined", "finer")
    }


def _other_source(one: Slice) -> Slice:
    return replace(one, source="parquet:a", start=one.start + DAY_NS, end=one.end + DAY_NS)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"slices": (replace(SLICE, rows=11),)}, "the span holds 10 minutes"),
        ({"slices": (SLICE, replace(SLICE, rows=10))}, "slices overlap"),
        ({"files": (replace(FILE, rows=9),)}, "files hold 9 rows, slices state 10"),
        ({"files": (FILE, FILE)}, "overlap"),
        ({"sources": ()}, "no file is recorded for source kraken-ohlcvt"),
        (
            {
                "slices": (SLICE, _other_source(SLICE)),
                "files": (FILE, replace(FILE, first=FILE.first + DAY_NS, last=FILE.last + DAY_NS)),
            },
            "never joined",
        ),
    ],
)
def test_a_manifest_that_contradicts_itself_is_refused(change: dict[str, object], says: str) -> None:
    with pytest.raises(DataError, match=says):
        replace(GOOD, **change)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "not JSON"),
        ("[]", "no schema version"),
        ('{"schema": 2}', "schema 2, this tradecore reads 1"),
        ('{"schema": 1}', "not a manifest"),
        ('{"schema": 1, "timeframe": "1m", "venue": "K!", "pair": "BTC/USD", "files": []}', "not a manifest"),
    ],
)
def test_a_text_that_is_no_manifest_is_refused(text: str, says: str) -> None:
    with pytest.raises(StateRefusedError, match=says):
        manifest_from_text(text, "m.json")


def test_a_manifest_file_that_breaks_the_equation_is_refused_on_reading() -> None:
    with pytest.raises(DataError, match="the span holds 10 minutes"):
        manifest_from_text(GOOD.text.replace('"empty":0', '"empty":3'), "m.json")


def test_an_index_is_read_back_and_a_broken_one_refused() -> None:
    assert index_from_text(index_text({"b": "2", "a": "1"}), "i") == {"a": "1", "b": "2"}
    with pytest.raises(StateRefusedError, match="not the index"):
        index_from_text('{"schema": 1, "datasets": [1]}', "i")


def test_a_dataset_is_named_by_venue_pair_and_timeframe() -> None:
    assert str(KEY) == "kraken/BTC-USD/1m"
    assert DatasetKey.parse("kraken/BTC-USD/1m") == KEY
    assert DatasetKey.parse("kraken/BTC-USD/trades").timeframe is None
    for text in ("kraken/BTC-USD", "kraken/BTCUSD/1m", "Kraken!/BTC-USD/1m", "kraken/BTC-USD/7x"):
        with pytest.raises(UsageError):
            DatasetKey.parse(text)
