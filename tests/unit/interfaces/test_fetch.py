"""A fetch as a person sees it: short enough beside a bar, whole on a line, and never silent about a wait."""

from __future__ import annotations

import pytest

from tradecore.core.types import Pair, parse_time
from tradecore.interfaces.cli.fetch import Shown, Telling
from tradecore.market.fetching.job import PairState
from tradecore.market.fetching.runner import Progress
from tradecore.venues.kraken.patience import Wait

BTC = Pair.parse("BTC/USD")
SPAN = (parse_time("2024-01-01"), parse_time("2024-01-11"))


def _told(capsys: pytest.CaptureFixture[str], *progress: Progress) -> list[str]:
    with Shown() as shown:
        for one in progress:
            shown.told(BTC, one)
    return capsys.readouterr().err.splitlines()


def test_a_line_says_how_far_it_is_and_each_wait_has_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    state = PairState(5_000, 5, 2, parse_time("2024-01-03"), 7, "running")
    lines = _told(
        capsys,
        Progress(SPAN, state),
        Progress(SPAN, state, Wait(32.0, "EAPI:Rate limit exceeded", 5)),
        Progress(SPAN, state, Wait(64.0, "EAPI:Rate limit exceeded", 6)),
    )
    assert lines[0].startswith("BTC/USD 20.0 %, 2024-01-03 00:00, 5 requests")
    assert "2 retries, 7 ids missing" in lines[0]
    assert lines[1].endswith("waiting 32 s: EAPI:Rate limit exceeded, try 5")
    assert lines[2].endswith("waiting 64 s: EAPI:Rate limit exceeded, try 6")


def test_the_end_is_told_with_its_reason(capsys: pytest.CaptureFixture[str]) -> None:
    failed = PairState(5_000, 5, 2, parse_time("2024-01-03"), 0, "failed", "the venue has no such pair")
    assert _told(capsys, Progress(SPAN, failed))[0].endswith("failed: the venue has no such pair")


def test_beside_a_bar_it_leaves_room_in_80_columns() -> None:
    telling = Telling("2024-01-03 00:00", 38_800, 999.6, 234, 7, "about 10.8 h left", "")
    assert len(telling.beside_a_bar()) <= 80 - len("BTC/USD  ━━━━━━ 100% ")
