"""Fetching against the fake venue on virtual time: every trade once, whatever ties, faults and gaps there are."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl
import pytest

from tradecore.core.errors import ReplyError
from tradecore.core.seeds import generator
from tradecore.core.types import Pair, parse_time
from tradecore.market.fetching.journal import Journal
from tradecore.market.fetching.rows import Rows
from tradecore.market.fetching.trades import Page, TradesFetch
from tradecore.testing.fake_kraken import FakeKraken, FakeSettings, Tape
from tradecore.testing.fake_kraken.memory import MemoryTransport
from tradecore.testing.virtual_time import VirtualClock, run_virtual
from tradecore.venues.kraken.addresses import Addresses
from tradecore.venues.kraken.limits import Pace, PaceSettings
from tradecore.venues.kraken.patience import Asker, Patience, Wait
from tradecore.venues.kraken.public import KrakenPublic

BTC = Pair.parse("BTC/USD")
START = parse_time("2024-01-30")
NOW = parse_time("2024-06-01")
SECOND = 1_000_000_000
Since = Literal["exclusive", "inclusive"]


def _tape(times: Sequence[int] | Any, shown: Any = None, ids: Any = None) -> Tape:
    count = len(times)
    rng = generator(1, "test-tape")
    more: dict[str, Any] = {"shown_time": shown} if shown is not None else {}
    if ids is not None:
        more["trade_id"] = ids
    price, amount = 100 + rng.integers(0, 999, count) / 10, rng.integers(1, 999, count) / 100
    return Tape.of_arrays(times, price, amount, rng.choice([-1, 1], count), **more)


class Fetched:
    """What a fetch brought, how many requests it took, and what it had to wait for."""

    def __init__(self, journal: Journal, fetch: TradesFetch, requests: int, waits: list[Wait]) -> None:
        self.frame = pl.concat([*journal.blocks(2**62), Rows.none().frame()])
        self.missing = fetch.missing
        self.requests, self.waits = requests, waits

    @property
    def ids(self) -> list[int]:
        return sorted(self.frame["trade_id"].to_list())


def _fetch(
    tape: Tape,
    folder: Path,
    settings: FakeSettings,
    *,
    span: tuple[int, int] = (START, NOW),
    faults: dict[str, dict[str, Any]] | None = None,
    stop_every: int = 0,
) -> Fetched:
    """Fetch a tape's span, opening the journal anew after every so many pages."""
    waits: list[Wait] = []

    async def run(clock: VirtualClock) -> Fetched:
        fake = FakeKraken({BTC: tape}, clock, settings)
        for name, options in (faults or {}).items():
            fake.faults.on(name, **{"endpoint": "Trades"} | options)
        async with MemoryTransport(fake) as transport:
            venue = KrakenPublic(transport, Addresses(), clock, Pace(clock, PaceSettings(interval_s=0.1)))
            asker = Asker(Patience(), generator(1, "waits"), waits.append)
            requests = 0

            async def ask(since: int) -> Page:
                nonlocal requests
                page = await asker.ask(lambda: venue.trades(BTC, since))
                requests += 1
                return Page(Rows(page.time, page.trade_id, page.price, page.amount, page.side), page.last)

            journal = Journal(folder / "x.journal")
            fetch = TradesFetch(ask, journal, span)
            steps = 0
            while not fetch.is_complete:
                await fetch.step()
                steps += 1
                assert steps < 5_000, "the fetch does not come to an end"
                if stop_every and steps % stop_every == 0:
                    journal.close()
                    journal = Journal(folder / "x.journal")
                    fetch = TradesFetch(ask, journal, span)
            return Fetched(journal, fetch, requests, waits)

    return run_virtual(run, NOW)


def _open(since: Since = "exclusive", split: bool = True) -> FakeSettings:
    return FakeSettings(since=since, split_ties=split, public_limit=None, pair_limit=None)


def _spaced(count: int) -> Any:
    return START + np.arange(count, dtype=np.int64) * SECOND


@pytest.mark.parametrize("since", ["exclusive", "inclusive"])
def test_every_trade_comes_once_over_many_pages(tmp_path: Path, since: Since) -> None:
    tape = _tape(_spaced(4_500))
    got = _fetch(tape, tmp_path, _open(since))
    assert got.ids == list(range(1, 4_501))
    assert got.missing == 0
    assert got.requests <= 4_500 // 1_000 + 4


@pytest.mark.parametrize("since", ["exclusive", "inclusive"])
@pytest.mark.parametrize("split", [True, False])
def test_1500_trades_that_show_one_time_across_a_page_edge_come_once_each(
    tmp_path: Path, since: Since, split: bool
) -> None:
    shown = _spaced(4_000)
    shown[700:2_200] = shown[700]
    inner = shown + np.arange(4_000)
    got = _fetch(_tape(inner, np.sort(shown)), tmp_path, _open(since, split))
    assert got.ids == list(range(1, 4_001))
    assert got.missing == 0


@pytest.mark.parametrize("since", ["exclusive", "inclusive"])
def test_1500_trades_at_one_inner_cursor_come_once_each_where_pages_hold_ties_together(
    tmp_path: Path, since: Since
) -> None:
    times = _spaced(4_000)
    times[700:2_200] = times[700]
    got = _fetch(_tape(np.sort(times)), tmp_path, _open(since, split=False))
    assert got.ids == list(range(1, 4_001))
    assert got.missing == 0


@pytest.mark.parametrize("since", ["exclusive", "inclusive"])
def test_ties_that_no_request_can_reach_are_named_as_missing_and_nothing_else_is(tmp_path: Path, since: Since) -> None:
    times = _spaced(4_000)
    times[700:2_200] = times[700]
    got = _fetch(_tape(np.sort(times)), tmp_path, _open(since, split=True))
    assert got.missing == 500
    assert sorted(set(range(1, 4_001)) - set(got.ids)) == list(range(1_701, 2_201))


@pytest.mark.parametrize("since", ["exclusive", "inclusive"])
@pytest.mark.parametrize("at", range(990, 1_012, 3))
def test_a_tie_at_any_place_of_a_page_edge_is_whole(tmp_path: Path, since: Since, at: int) -> None:
    times = _spaced(1_500)
    times[at : at + 12] = times[at]
    got = _fetch(_tape(np.sort(times)), tmp_path, _open(since))
    assert got.ids == list(range(1, 1_501))


def test_ids_the_venue_does_not_have_are_looked_for_and_named(tmp_path: Path) -> None:
    ids = np.delete(np.arange(1, 3_001), [499, 500, 998, 999, 1_000, 2_000])
    got = _fetch(_tape(_spaced(3_000)[: len(ids)], ids=ids), tmp_path, _open())
    assert got.ids == ids.tolist()
    assert got.missing == 6
    assert got.requests < 20


def test_it_goes_on_from_the_journal_with_one_page_of_overlap(tmp_path: Path) -> None:
    got = _fetch(_tape(_spaced(9_000)), tmp_path, _open(), stop_every=5)
    assert got.ids == list(range(1, 9_001))
    assert got.requests < 9 + 9


def test_only_trades_of_the_span_are_kept_and_pages_behind_it_are_not_asked_for(tmp_path: Path) -> None:
    span = (START + 600 * SECOND, START + 1_200 * SECOND)
    got = _fetch(_tape(_spaced(9_000)), tmp_path, _open(), span=span)
    assert got.ids == list(range(601, 1_201))
    assert got.requests <= 2


def test_a_stretch_in_which_nothing_traded_is_complete_and_empty(tmp_path: Path) -> None:
    got = _fetch(_tape(_spaced(10)), tmp_path, _open(), span=(START + 600 * SECOND, NOW))
    assert (got.ids, got.missing) == ([], 0)


@pytest.mark.parametrize(
    ("fault", "options"),
    [
        ("http_520", {}),
        ("http_429", {}),
        ("http_503", {}),
        ("refusal", {"says": "EAPI:Rate limit exceeded"}),
        ("refusal", {"says": "EService:Unavailable"}),
        ("refusal", {"says": "EService:Busy"}),
        ("refusal", {"says": "EGeneral:Internal error"}),
        ("refusal", {"says": "EGeneral:Too many requests"}),
        ("truncated_json", {}),
        ("html_200", {}),
        ("stall", {}),
        ("lost_answer", {}),
        ("reset", {}),
        ("slow", {"delay_s": 30.0}),
    ],
)
def test_a_fault_is_waited_out_and_told_and_costs_no_trade(tmp_path: Path, fault: str, options: dict[str, Any]) -> None:
    got = _fetch(_tape(_spaced(5_000)), tmp_path, _open(), faults={fault: {"rate": 0.6} | options})
    assert got.ids == list(range(1, 5_001))
    assert got.waits
    assert all(str(wait).startswith("waiting ") for wait in got.waits)
    assert max(wait.seconds for wait in got.waits) <= 75


def test_stale_answers_cost_no_trade(tmp_path: Path) -> None:
    got = _fetch(
        _tape(NOW - 4_000 * SECOND + np.arange(4_000) * SECOND),
        tmp_path,
        _open(),
        span=(NOW - 4_000 * SECOND, NOW - 60 * SECOND),
        faults={"stale_read": {"rate": 0.5, "age_s": 30.0}},
    )
    assert got.ids == list(range(1, 3_941))


def test_a_cursor_that_stands_still_while_trades_come_is_refused(tmp_path: Path) -> None:
    async def ask(since: int) -> Page:
        ids = np.array([since % 1_000_000_000], np.int64)
        return Page(Rows(np.array([START]), ids, np.ones(1), np.ones(1), np.ones(1, np.int64)), START - 2 * SECOND)

    async def run() -> None:
        fetch = TradesFetch(ask, Journal(tmp_path / "x.journal"), (START, NOW))
        while not fetch.is_complete:
            await fetch.step()

    with pytest.raises(ReplyError, match="stands still"):
        asyncio.run(run())


def _by_hand(folder: Path, pages: list[tuple[list[int], int]], steps: int) -> tuple[TradesFetch, list[int]]:
    """Step through pages given as ids and cursor, each trade a second after the one before; return what was asked."""
    asked: list[int] = []

    async def ask(since: int) -> Page:
        ids, cursor = pages[min(len(asked), len(pages) - 1)]
        asked.append(since)
        number = np.array(ids, np.int64)
        ones = np.ones(len(ids))
        return Page(Rows(START + number * SECOND, number, ones, ones, ones.astype(np.int64)), START + cursor * SECOND)

    async def run() -> TradesFetch:
        fetch = TradesFetch(ask, Journal(folder / "x.journal"), (START, NOW))
        for _ in range(steps):
            await fetch.step()
        return fetch

    return asyncio.run(run()), asked


def test_a_trade_that_a_page_left_out_once_is_looked_for_and_found(tmp_path: Path) -> None:
    fetch, asked = _by_hand(tmp_path, [([1, 2, 5, 6], 6), ([1, 2, 3, 4, 5, 6], 6)], 1)
    assert (fetch.missing, len(asked)) == (0, 2)
    assert asked[1] < START + 2 * SECOND


def test_after_a_stop_the_newest_page_is_asked_for_again(tmp_path: Path) -> None:
    _, asked = _by_hand(tmp_path, [([1, 2], 2), ([3, 4], 4)], 2)
    _, again = _by_hand(tmp_path, [([3, 4], 4)], 1)
    assert again == asked[1:]


@pytest.mark.parametrize("since", ["exclusive", "inclusive"])
def test_behind_ties_that_cannot_be_reached_the_very_next_nanosecond_is_not_lost(tmp_path: Path, since: Since) -> None:
    times = np.sort(np.concatenate([np.full(1_500, START + SECOND), [START + SECOND + 1], _spaced(50) + 10 * SECOND]))
    got = _fetch(_tape(times), tmp_path, _open(since))
    assert set(got.ids) >= set(range(1_501, 1_552))
    assert got.missing == 500
