"""The journal: what was written comes back, and what a kill cut off is cut away and nothing else."""

from __future__ import annotations

import resource
import signal
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tradecore.core.errors import StateRefusedError
from tradecore.market.fetching.journal import Journal, Mark
from tradecore.market.fetching.rows import Rows

START = 1_700_000_000_000_000_000


def _rows(first: int, count: int) -> Rows:
    ids = np.arange(first, first + count, dtype=np.int64)
    side = np.where(ids % 2, 1, -1).astype(np.int64)
    return Rows(START + ids * 1_000, ids, 100 + ids / 10, ids / 7, side)


def _mark(number: int, last_id: int) -> Mark:
    return Mark(START, START, START + number - 1, START + number, START + 1_000 * last_id, last_id, ((3, 4),))


def _filled(path: Path, pages: int = 3) -> Journal:
    journal = Journal(path)
    for page in range(1, pages + 1):
        journal.append(_mark(page, 10 * page), _rows(10 * page - 9, 10))
    return journal


def _ids(journal: Journal, before: int = 2**62) -> list[int]:
    return [one for block in journal.blocks(before) for one in block["trade_id"].to_list()]


def test_a_new_journal_holds_nothing_and_stands_nowhere(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "job" / "BTC-USD.journal")
    assert (journal.mark, journal.rows, journal.oldest, _ids(journal)) == (None, 0, None, [])


def test_rows_and_mark_come_back_equal_when_it_is_opened_again(tmp_path: Path) -> None:
    journal = _filled(tmp_path / "a.journal")
    before = pl.concat(list(journal.blocks(2**62)))
    journal.close()
    again = Journal(tmp_path / "a.journal")
    assert again.mark == _mark(3, 30)
    assert (again.rows, again.oldest, again.cut_bytes) == (30, START + 1_000, 0)
    assert pl.concat(list(again.blocks(2**62))).equals(before)


def test_a_journal_cut_at_any_byte_goes_on_from_its_last_whole_page(tmp_path: Path) -> None:
    _filled(tmp_path / "a.journal", 2).close()
    data = (tmp_path / "a.journal").read_bytes()
    one = tmp_path / "one.journal"
    _filled(one, 1).close()
    first_ends = one.stat().st_size
    empty = tmp_path / "empty.journal"
    Journal(empty).close()
    for size in range(empty.stat().st_size, len(data)):
        (tmp_path / "cut.journal").write_bytes(data[:size])
        journal = Journal(tmp_path / "cut.journal")
        whole = 1 if size >= first_ends else 0
        assert journal.rows == 10 * whole
        assert journal.mark == (_mark(1, 10) if whole else None)
        journal.append(_mark(2, 20), _rows(11, 10))
        journal.close()
        assert len(_ids(Journal(tmp_path / "cut.journal"))) == 10 * whole + 10


def test_a_byte_that_turned_over_takes_its_page_and_the_later_ones(tmp_path: Path) -> None:
    _filled(tmp_path / "a.journal").close()
    data = bytearray((tmp_path / "a.journal").read_bytes())
    data[len(data) // 2] ^= 0x10
    (tmp_path / "a.journal").write_bytes(data)
    journal = Journal(tmp_path / "a.journal")
    assert _ids(journal) == list(range(1, 11))
    assert journal.cut_bytes > 0


def test_what_the_lake_has_is_dropped_and_the_mark_stays(tmp_path: Path) -> None:
    journal = _filled(tmp_path / "a.journal")
    cut = START + 1_000 * 25
    assert _ids(journal, cut) == list(range(1, 25))
    journal.drop_before(cut)
    journal.append(_mark(4, 40), _rows(31, 10))
    journal.close()
    again = Journal(tmp_path / "a.journal")
    assert _ids(again) == list(range(25, 41))
    assert again.mark is not None
    assert again.mark.last_id == 40


def test_dropping_moves_the_time_from_which_it_holds_everything(tmp_path: Path) -> None:
    journal = _filled(tmp_path / "a.journal")
    journal.drop_before(START + 1_000 * 25)
    assert journal.mark is not None
    assert (journal.mark.start, journal.mark.held) == (START, START + 25_000)


def test_a_forgotten_journal_is_as_a_new_one(tmp_path: Path) -> None:
    journal = _filled(tmp_path / "a.journal")
    journal.forget()
    assert (journal.mark, journal.rows, journal.oldest, _ids(journal)) == (None, 0, None, [])


def test_another_file_in_its_place_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "a.journal").write_bytes(b"my diary, please do not touch")
    with pytest.raises(StateRefusedError, match="not a journal"):
        Journal(tmp_path / "a.journal")
    assert (tmp_path / "a.journal").read_bytes() == b"my diary, please do not touch"


def test_a_full_disk_is_told_and_leaves_the_journal_as_it_was(tmp_path: Path) -> None:
    journal = _filled(tmp_path / "a.journal")
    size = (tmp_path / "a.journal").stat().st_size
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    heard = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + 100, before[1]))
        with pytest.raises(StateRefusedError, match="could not write"):
            journal.append(_mark(4, 40), _rows(31, 10))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, heard)
    assert (tmp_path / "a.journal").stat().st_size == size
    journal.append(_mark(4, 40), _rows(31, 10))
    journal.close()
    assert _ids(Journal(tmp_path / "a.journal")) == list(range(1, 41))
