"""The futures' charts are asked in seconds, read in milliseconds, and kept apart from spot."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import pytest

from tradecore.core.clock import ManualClock
from tradecore.core.errors import ReplyError, UsageError, VenueUnavailableError
from tradecore.core.types import SECOND_NS, Timeframe
from tradecore.venues.kraken.addresses import Addresses
from tradecore.venues.kraken.answers import Refused, value_of
from tradecore.venues.kraken.futures import KrakenFutures, parse_candles
from tradecore.venues.kraken.transport import NO_HEADERS, NoAnswerError, Reply, Socket

HOUR = Timeframe.parse("1h")
CANDLE = {
    "time": 1731715200000,
    "open": "91069",
    "high": "91373.5",
    "low": "90956",
    "close": "91045.5",
    "volume": "319499",
}


class Wire:
    """A transport that gives one answer and notes what it was asked."""

    def __init__(self, answer: Reply | Exception) -> None:
        self.answer = answer
        self.urls: list[str] = []

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] = NO_HEADERS,
        body: bytes | None = None,
        timeout_s: float,
    ) -> Reply:
        self.urls.append(f"{method} {url}")
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    async def connect(self, url: str) -> Socket:
        raise AssertionError("charts need no socket")


def page(*rows: dict[str, Any], more: object = False) -> bytes:
    return json.dumps({"candles": list(rows), "more_candles": more}).encode()


def ask(answer: Reply | Exception, symbol: str = "PF_XBTUSD", kind: Any = "trade", timeframe: Timeframe = HOUR) -> Any:
    wire = Wire(answer)
    futures = KrakenFutures(wire, Addresses(), ManualClock())
    start = 1731715200 * SECOND_NS
    return wire, asyncio.run(futures.candles(symbol, kind, timeframe, start - 1, start + 3600 * SECOND_NS))


def test_candles_are_asked_in_seconds_within_the_span() -> None:
    wire, answer = ask(Reply(200, page(CANDLE, more=True)))
    assert wire.urls == [
        "GET https://futures.kraken.com/api/charts/v1/trade/PF_XBTUSD/1h?from=1731715200&to=1731718800"
    ]
    candles = value_of(answer)
    assert candles.open_time.tolist() == [1731715200 * SECOND_NS]
    assert (candles.open[0], candles.close[0], candles.volume[0], candles.more) == (91069.0, 91045.5, 319499.0, True)


def test_a_span_without_candles_is_no_error() -> None:
    assert len(value_of(ask(Reply(200, page()))[1]).open_time) == 0


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"time": 1731715200}, "time"),
        ({"time": 1731715201000}, "time"),
        ({"time": "1731715200000"}, "time"),
        ({"open": "0"}, "open"),
        ({"high": "91000"}, "high or low"),
        ({"volume": "-1"}, "volume"),
        ({"close": 91045.5}, "close"),
    ],
)
def test_a_candle_that_cannot_be_is_refused_by_field(change: dict[str, Any], told: str) -> None:
    with pytest.raises(ReplyError, match=told):
        parse_candles(page({**CANDLE, **change}), "PF_XBTUSD", HOUR)


def test_candles_twice_or_without_the_word_more_are_refused() -> None:
    with pytest.raises(ReplyError, match="candle 2: time"):
        parse_candles(page(CANDLE, CANDLE), "PF_XBTUSD", HOUR)
    for more in (None, "true", 1):
        with pytest.raises(ReplyError, match="more_candles"):
            parse_candles(page(CANDLE, more=more), "PF_XBTUSD", HOUR)


@pytest.mark.parametrize(
    ("symbol", "kind", "timeframe"),
    [("XBTUSD", "trade", "1h"), ("PF_XBTUSD", "last", "1h"), ("PF_XBTUSD", "trade", "2h"), ("../x", "trade", "1h")],
)
def test_what_the_venue_has_not_is_refused_before_asking(symbol: str, kind: str, timeframe: str) -> None:
    with pytest.raises(UsageError):
        ask(Reply(200, page()), symbol, kind, Timeframe.parse(timeframe))


def test_the_edge_and_the_wire_make_refusals_that_may_be_asked_again() -> None:
    for answer in (Reply(503, b"<html>"), Reply(200, b"<html>"), NoAnswerError("cut")):
        refused = ask(answer)[1]
        assert isinstance(refused, Refused)
        assert refused.error.retryable
    wrong = ask(Reply(404, b"{}"))[1]
    assert isinstance(wrong.error, VenueUnavailableError)
    assert not wrong.error.retryable
