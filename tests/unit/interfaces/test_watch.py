"""`tradecore data watch` from the outside, against the fake Kraken on real sockets, and the picture it draws."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tradecore.core.clock import SystemClock
from tradecore.core.events import BarFinal, FeedReason, FeedState
from tradecore.core.types import MINUTE_NS, SECOND_NS, Pair, parse_time
from tradecore.interfaces.cli.main import run
from tradecore.interfaces.cli.watch import picture, sparkline
from tradecore.market.live.status import PairStatus
from tradecore.market.live.ticks import ONE_MINUTE
from tradecore.testing.fake_kraken.core import FakeKraken
from tradecore.testing.fake_kraken.server import serving
from tradecore.testing.fake_kraken.settings import FakeSettings
from tradecore.testing.fake_kraken.tape import Tape

pytest.importorskip("aiohttp")

BTC = Pair.parse("BTC/USD")
NOW = parse_time("2026-11-21T10:26:01Z")


@pytest.fixture
def url(workspace: Path) -> Iterator[str]:
    """Serve a venue with twenty minutes of one pair behind it and as many to come."""
    clock = SystemClock()
    tape = Tape.synthetic(1, clock.now() - 1200 * SECOND_NS, 2400, per_second=1.0)
    with serving(FakeKraken({BTC: tape}, clock, FakeSettings(public_limit=None, pair_limit=None))) as server:
        yield server.url


def events(words: list[str], capsys: pytest.CaptureFixture[str], code: int = 0) -> list[dict[str, Any]]:
    assert run(["data", "watch", *words, "--json"]) == code
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_it_tells_final_bars_and_states_as_one_object_a_line(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    told = events(["BTC/USD", "--address", url, "--for", "3", "--back", "5"], capsys)
    bars = [one for one in told if one["event"] == "final"]
    assert len(bars) >= 4
    assert all(one["pair"] == "BTC/USD" and one["timeframe"] == "1m" and one["count"] > 0 for one in bars)
    states = [(one["state"], one["reason"]) for one in told if one["event"] == "state"]
    assert states == [("connecting", "started"), ("live", "caught_up")]


def test_it_prints_plain_lines_where_there_is_no_terminal(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["data", "watch", "BTC/USD", "--address", url, "--for", "3", "--back", "3"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any("BTC/USD live (caught_up)" in line for line in lines)
    assert any("BTC/USD 1m final: o " in line for line in lines)


def test_stored_minutes_are_in_the_workspace_afterwards(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["data", "watch", "BTC/USD", "--address", url, "--for", "3", "--back", "5", "--store"]) == 0
    assert "trades stored" in capsys.readouterr().out
    assert run(["data", "list", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["datasets"]
    assert [one["key"] for one in found] == ["kraken/BTC-USD/1m", "kraken/BTC-USD/trades"]
    assert found[1]["sources"] == ["kraken-live"]
    assert found[0]["rows"] >= 4


def test_a_pair_the_venue_does_not_know_is_told_and_ends_with_1(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    told = events(["NOBODY/USD", "--address", url, "--for", "20"], capsys, code=1)
    assert [one["state"] for one in told if one.get("event") == "state"][-1] == "lost"
    assert told[-1]["kind"] == "UnknownPairError"


def test_one_unknown_pair_does_not_keep_the_other_from_being_watched(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    told = events(["NOBODY/USD", "BTC/USD", "--address", url, "--for", "3", "--back", "3"], capsys, code=1)
    assert any(one.get("event") == "final" for one in told)


def test_without_the_venue_it_says_that_there_is_no_connection(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = events(["BTC/USD", "--address", "http://127.0.0.1:9", "--for", "2"], capsys)
    assert "no_connection" in {one["reason"] for one in told}
    assert all(one["state"] == "connecting" for one in told)


@pytest.mark.parametrize(
    "words", [["BTC/USD", "--for", "0"], ["BTCUSD"], ["BTC/USD", "-t", "7x"], ["BTC/USD", "--address", "ftp://x"]]
)
def test_words_that_cannot_be_meant_are_refused(
    workspace: Path, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["data", "watch", *words]) == 64
    assert "expected" in capsys.readouterr().err


def status(state: FeedState, reason: FeedReason, detail: str = "") -> PairStatus:
    return PairStatus(
        pair=BTC,
        state=state,
        reason=reason,
        since=NOW - 90 * SECOND_NS,
        detail=detail,
        next_try=NOW + 12 * SECOND_NS if detail else None,
        last_price=1_059_903.123,
        last_trade=NOW - 3 * SECOND_NS,
        heard_at=NOW,
        covered_until=NOW - MINUTE_NS,
        open_bar=bar(NOW - SECOND_NS),
        counts={"trades": 1_234_567, "duplicates": 1, "revisions": 2, "filled": 3, "reconnects": 4, "late": 5},
    )


def bar(time: int) -> BarFinal:
    values = (1_059_893.123, 1_059_903.123, 1_059_893.123, 1_059_903.123, 1234.5678)
    return BarFinal(BTC, ONE_MINUTE, time - time % MINUTE_NS, *values, 7, "kraken-live")


def test_the_picture_of_a_pair_fits_eighty_columns_and_says_what_matters() -> None:
    closes = [float(one % 7) + 1 for one in range(40)]
    lines = picture(status(FeedState.LIVE, FeedReason.CAUGHT_UP), closes, bar(NOW - MINUTE_NS), NOW)
    texts = [line.plain for line in lines]
    assert all(len(text) <= 80 for text in texts)
    assert "live" in texts[0]
    assert "3 s ago" in texts[0]
    assert any("open" in text and "10:26" in text for text in texts)
    assert any("trades 1,234,567" in text and "revised 2" in text for text in texts)


def test_trouble_is_said_with_the_next_try_first_so_that_it_is_never_cut_off() -> None:
    lines = picture(status(FeedState.STALE, FeedReason.DNS_FAILED, "no such name" * 20), [], None, NOW)
    assert "dns failed" in lines[0].plain
    assert lines[1].plain.startswith("  next try in 12 s: no such name")


def test_a_line_of_equal_closes_is_flat() -> None:
    assert len(set(sparkline([2.0] * 5))) == 1
    assert sparkline([1.0, 5.0])[0] != sparkline([1.0, 5.0])[1]
