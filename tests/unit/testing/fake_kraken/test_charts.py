"""The futures charts: candles of a perpetual above the spot tape, pages of two thousand, refusals in its own words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tradecore.core.clock import ManualClock
from tradecore.core.types import MINUTE_NS, SECOND_NS, Pair
from tradecore.testing.fake_kraken import FakeKraken, Tape
from tradecore.testing.fake_kraken.wire import HttpRequest

START = 1_700_000_040 * SECOND_NS
FIRST = START // SECOND_NS
BTC = Pair("BTC", "USD")


@pytest.fixture(scope="module")
def fake() -> FakeKraken:
    tape = Tape.synthetic(1, START, 100_000)
    return FakeKraken({BTC: tape}, ManualClock(int(tape.time[-1])))


def ask(fake: FakeKraken, path: str, **query: int | str) -> Any:
    text = "&".join(f"{name.rstrip('_')}={value}" for name, value in query.items())
    return json.loads(fake.http(HttpRequest("GET", f"/api/charts/v1/{path}", text)).body)


def test_a_call_gives_two_thousand_candles_and_says_that_there_are_more(fake: FakeKraken) -> None:
    answer = ask(fake, "trade/PF_XBTUSD/1m", from_=FIRST)
    times = [candle["time"] for candle in answer["candles"]]
    assert (len(times), answer["more_candles"]) == (2000, True)
    assert set(np.diff(times)) == {60_000}
    assert times[0] == FIRST * 1000


def test_pages_lead_through_all_of_it(fake: FakeKraken) -> None:
    times: list[int] = []
    more, first = True, FIRST
    while more:
        answer = ask(fake, "trade/PF_XBTUSD/1m", from_=first)
        times += [candle["time"] for candle in answer["candles"]]
        more, first = answer["more_candles"], times[-1] // 1000 + 60
    assert times == list(range(FIRST * 1000, fake.clock.now() // 1_000_000 + 1, 60_000))


def test_both_ends_belong_to_the_span(fake: FakeKraken) -> None:
    answer = ask(fake, "trade/PF_XBTUSD/5m", from_=FIRST + 1, to=FIRST + 1200)
    times = [candle["time"] // 1000 for candle in answer["candles"]]
    assert times == [second for second in range(FIRST + 1, FIRST + 1201) if second % 300 == 0]


def test_the_perpetual_is_not_spot(fake: FakeKraken) -> None:
    tape = fake.market.tracks[BTC].tape
    inside = (tape.time >= START) & (tape.time < START + MINUTE_NS)
    span: dict[str, int] = {"from_": FIRST, "to": FIRST}
    (trade,), (mark,), (spot,) = (
        ask(fake, f"{kind}/PF_XBTUSD/1m", **span)["candles"] for kind in ("trade", "mark", "spot")
    )
    assert float(spot["high"]) == tape.price[inside].max()
    assert float(trade["high"]) > float(mark["high"]) > float(spot["high"])
    assert (mark["volume"], spot["volume"]) == ("0", "0")
    assert float(trade["volume"]) == pytest.approx(tape.amount[inside].sum(), abs=1e-4)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("last/PF_XBTUSD/1m", "Invalid tick type"),
        ("trade/PF_NOUSD/1m", "Market not found"),
        ("trade/PF_XBTUSD/2m", "Invalid resolution"),
    ],
)
def test_a_refusal_is_in_the_charts_own_words(fake: FakeKraken, path: str, words: str) -> None:
    assert ask(fake, path)["errors"][0]["message"] == words
    assert ask(fake, "trade/PF_XBTUSD/1m", from_="soon")["errors"][0]["message"] == "Invalid time"


def test_what_there_is_can_be_listed(fake: FakeKraken) -> None:
    assert ask(fake, "") == ["trade", "mark", "spot"]
    assert "PF_XBTUSD" in ask(fake, "trade")
    assert "12h" in ask(fake, "trade/PF_XBTUSD")


def test_a_symbol_without_a_tape_has_no_candles(fake: FakeKraken) -> None:
    assert ask(fake, "trade/PF_ETHUSD/1m") == {"candles": [], "more_candles": False}


@pytest.mark.real_data
@pytest.mark.parametrize("kind", ["trade", "mark", "spot"])
def test_candles_have_the_fields_of_the_recorded_ones(fake: FakeKraken, real_data: Path, kind: str) -> None:
    theirs = json.loads((real_data / "fixtures" / "kraken" / f"http_futures_candles_{kind}.json").read_text())
    mine = ask(fake, f"{kind}/PF_XBTUSD/1h", from_=FIRST)
    assert set(mine) == set(theirs)
    assert {name: type(value) for name, value in mine["candles"][0].items()} == {
        name: type(value) for name, value in theirs["candles"][0].items()
    }
