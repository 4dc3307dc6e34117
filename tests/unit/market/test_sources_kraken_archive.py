"""Kraken's archives are read row by row, and every kind of damage is named with file and row."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from tradecore.core.errors import DataError, NothingThereError, UsageError
from tradecore.core.types import SECOND_NS, Pair, Timeframe
from tradecore.market.sources import text
from tradecore.market.sources.kraken_archive import read_csv, read_zip
from tradecore.market.sources.member import Asked, Member

DAY = 1_672_531_200
GOOD = f"{DAY},10,12,9,11,1.5,3\n"


def _read(member: Member) -> pl.DataFrame:
    return pl.concat(list(member.blocks(None)))


def _csv(folder: Path, content: str | bytes, name: str = "XBTUSD_1.csv") -> Member:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_csv(path, Asked()).members[0]


def test_bars_are_read_with_pair_and_timeframe_from_the_name(tmp_path: Path) -> None:
    member = _csv(tmp_path, GOOD, "XDGUSD_60.csv".replace("60", "1"))
    assert (member.venue, member.pair, member.timeframe) == ("kraken", Pair.parse("DOGE/USD"), Timeframe.parse("1m"))
    assert _read(member).rows() == [(DAY * SECOND_NS, 10.0, 12.0, 9.0, 11.0, 1.5, 3)]


def test_trades_are_read_in_the_order_of_the_file_with_fractions_of_seconds(tmp_path: Path) -> None:
    frame = _read(_csv(tmp_path, f"{DAY}.1234,10,1\n{DAY}.1234,9,2\n{DAY + 1},9,0.5\n", "XBTUSD.csv"))
    assert frame["time"].to_list() == [DAY * SECOND_NS + 123_400_000] * 2 + [(DAY + 1) * SECOND_NS]
    assert frame["price"].to_list() == [10.0, 9.0, 9.0]
    assert frame["trade_id"].null_count() == 3


def test_lines_may_end_as_on_windows_and_the_last_may_end_in_nothing(tmp_path: Path) -> None:
    assert len(_read(_csv(tmp_path, GOOD.replace("\n", "\r\n") + f"{DAY + 60},10,12,9,11,1.5,3"))) == 2


def test_a_file_larger_than_a_block_is_read_in_blocks_with_rows_counted_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text, "BLOCK_BYTES", 1000)
    monkeypatch.setattr(text, "PIECE_BYTES", 300)
    lines = [f"{DAY + 60 * m},10,12,9,11,1.5,3\n" for m in range(500)]
    assert _read(_csv(tmp_path, "".join(lines)))["open_time"].to_list() == [
        (DAY + 60 * m) * SECOND_NS for m in range(500)
    ]
    lines[417] = f"{DAY + 60 * 417},10,8,9,11,1.5,3\n"
    with pytest.raises(DataError, match="row 418 "):
        _read(_csv(tmp_path, "".join(lines)))
    lines[417] = lines[416]
    with pytest.raises(DataError, match=r"row 418 .*again"):
        _read(_csv(tmp_path, "".join(lines)))


@pytest.mark.parametrize(
    ("second", "says"),
    [
        (f"{DAY},10,12,9,11,1.5,3\n", r"row 2 .*the time of the row before again"),
        (f"{DAY - 60},10,12,9,11,1.5,3\n", r"row 2 .*a time before that of the row before"),
        (f"{DAY + 60},nan,12,9,11,1.5,3\n", r"row 2 .*NaN or infinite"),
        (f"{DAY + 60},10,inf,9,11,1.5,3\n", r"row 2 .*NaN or infinite"),
        (f"{DAY + 60},,12,9,11,1.5,3\n", r"row 2: open is ''; expected a number"),
        (f"{DAY + 60},10,8,9,11,1.5,3\n", r"row 2 .*high below low"),
        (f"{DAY + 60},13,12,9,11,1.5,3\n", r"row 2 .*high below open"),
        (f"{DAY + 60},8,12,9,11,1.5,3\n", r"row 2 .*low above open"),
        (f"{DAY + 60},10,12,9,11,-1.5,3\n", r"row 2 .*negative volume"),
        (f"{DAY + 60},10,12,0,11,1.5,3\n", r"row 2 .*price of zero"),
        (f"{DAY + 60},10,12,9,11,1.5,-3\n", r"row 2 .*negative number of trades"),
        (f"{DAY + 61},10,12,9,11,1.5,3\n", r"row 2 .*off the 1m grid"),
        (f"{(DAY + 60) * 1000},10,12,9,11,1.5,3\n", r"row 2.*a time outside 2009 to 2100; expected Unix seconds"),
        (f"{2**62},10,12,9,11,1.5,3\n", r"row 2.*a time outside 2009 to 2100"),
        (f"{DAY + 60},10,12,9,11,1.5\n", r"row 2: 6 columns; expected 7"),
        (f"{DAY + 60},10,12,9,11,1.5,3,4\n", r"row 2: 8 columns; expected 7"),
        ("time,open,high,low,close,volume,trades\n", r"row 2: time is 'time'; expected a number"),
        (f"{DAY + 60},10,12,9,eleven,1.5,3\n", r"row 2: close is 'eleven'; expected a number"),
        ("\n" + f"{DAY + 60},10,12,9,11,1.5,3\n", r"row 2: 1 columns"),
        ("\x00\x01\xff garbage\n", r"row 2: 1 columns"),
    ],
)
def test_a_bad_row_is_refused_by_file_and_row(tmp_path: Path, second: str, says: str) -> None:
    with pytest.raises(DataError, match=r"XBTUSD_1\.csv: " + says) as caught:
        _read(_csv(tmp_path, GOOD + second + f"{DAY + 120},10,12,9,11,1.5,3\n"))
    assert "expected" in str(caught.value)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (f"{DAY},10,1\n{DAY - 1},10,1\n", "row 2 .*before that of the row before"),
        (f"{DAY},10,1\n{DAY},10,-1\n", "row 2 .*negative volume"),
        (f"{DAY},0,1\n", "row 1 .*price of zero"),
        (f"{DAY},10,nan\n", "row 1 .*NaN"),
        ("nan,10,1\n", "row 1: .*no time"),
        (f"{DAY},10\n", "row 1: 2 columns; expected 3"),
    ],
)
def test_a_bad_trade_is_refused_by_file_and_row(tmp_path: Path, content: str, says: str) -> None:
    with pytest.raises(DataError, match=r"XBTUSD\.csv: " + says):
        _read(_csv(tmp_path, content, "XBTUSD.csv"))


def test_a_line_of_gigabytes_is_refused_without_reading_it(tmp_path: Path) -> None:
    path = tmp_path / "XBTUSD_1.csv"
    with path.open("wb") as file:
        file.write(GOOD.encode())
        file.truncate(8 << 30)
    member = read_csv(path, Asked()).members[0]
    tracemalloc.start()
    begun = time.process_time()
    for read in (member.digest, lambda: _read(member)):
        with pytest.raises(DataError, match="a line of more than 1,048,576 bytes before byte"):
            read()
    assert time.process_time() - begun < 5
    assert tracemalloc.get_traced_memory()[1] < 64 << 20
    tracemalloc.stop()


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"XBTUSD_1\.csv: the file is empty"):
        _read(_csv(tmp_path, ""))


@pytest.mark.parametrize("name", ["prices.csv", "XBTUSD_7.csv", "XBTUSD_1.txt.csv.csv", "_1.csv"])
def test_a_name_that_says_no_pair_and_timeframe_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match=r"expected|Kraken"):
        _csv(tmp_path, GOOD, name)


def test_a_caller_may_name_the_pair_of_a_file_whose_name_says_nothing(tmp_path: Path) -> None:
    path = tmp_path / "my prices.csv"
    path.write_text(GOOD)
    member = read_csv(path, Asked(pair=Pair.parse("BTC/USD"), timeframe=Timeframe.parse("1m"))).members[0]
    assert len(_read(member)) == 1


def test_a_caller_who_contradicts_the_name_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "XBTUSD_1.csv"
    path.write_text(GOOD)
    with pytest.raises(UsageError, match="its name says BTC/USD 1m, you said ETH/USD"):
        read_csv(path, Asked(pair=Pair.parse("ETH/USD")))


def test_a_zip_gives_every_kraken_member_and_says_what_it_passed_over(zip_of: Callable[..., Path]) -> None:
    archive = read_zip(zip_of("a.zip", XBTUSD_1=GOOD, ETHUSD_60=GOOD, XBTUSD=f"{DAY},1,1\n", readme="x"), Asked())
    assert [member.name for member in archive.members] == [
        "a.zip!ETHUSD_60.csv",
        "a.zip!XBTUSD.csv",
        "a.zip!XBTUSD_1.csv",
    ]
    assert [name for name, _ in archive.skipped] == ["readme.csv"]


def test_a_zip_gives_only_the_pair_that_was_asked_for(zip_of: Callable[..., Path]) -> None:
    path = zip_of("a.zip", XBTUSD_1=GOOD, ETHUSD_1=GOOD)
    assert [m.name for m in read_zip(path, Asked(pair=Pair.parse("ETH/USD"))).members] == ["a.zip!ETHUSD_1.csv"]
    with pytest.raises(NothingThereError, match="holds nothing of SOL/USD"):
        read_zip(path, Asked(pair=Pair.parse("SOL/USD")))


def test_a_zip_without_a_kraken_file_is_refused(zip_of: Callable[..., Path]) -> None:
    with pytest.raises(DataError, match="no Kraken file in it"):
        read_zip(zip_of("a.zip", readme="x"), Asked())


@pytest.mark.parametrize("keep", [10, 0.5, 0.9, 0.99])
def test_a_truncated_zip_is_refused(zip_of: Callable[..., Path], keep: float) -> None:
    path = zip_of("a.zip", XBTUSD_1="".join(f"{DAY + 60 * m},10,12,9,11,{m}.5,3\n" for m in range(5000)))
    data = path.read_bytes()
    path.write_bytes(data[: int(keep if keep > 1 else keep * len(data))])
    with pytest.raises(DataError, match=r"a\.zip: not a whole ZIP.*fetch it again"):
        read_zip(path, Asked())


def test_a_zip_with_flipped_bits_is_refused(zip_of: Callable[..., Path]) -> None:
    path = zip_of("a.zip", XBTUSD_1="".join(f"{DAY + 60 * m},10,12,9,11,{m}.5,3\n" for m in range(5000)))
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(DataError, match=r"a\.zip!XBTUSD_1\.csv"):
        _read(read_zip(path, Asked()).members[0])


def test_progress_is_told_in_bytes(tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    list(_csv(tmp_path, GOOD).blocks(lambda *args: told.append(args)))
    assert told == [("XBTUSD_1.csv", len(GOOD), len(GOOD))]
