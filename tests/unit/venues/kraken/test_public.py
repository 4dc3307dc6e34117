"""Public calls ask what they mean, take no answer about something else, and wait when they are told to."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal
from typing import Any

import pytest

from tradecore.core.clock import Clock, ManualClock
from tradecore.core.errors import (
    RateLimitedError,
    ReplyError,
    UnknownPairError,
    UsageError,
    VenueError,
    VenueUnavailableError,
)
from tradecore.core.types import SECOND_NS, Pair, Timeframe
from tradecore.testing.virtual_time import run_virtual
from tradecore.venues.kraken.addresses import Addresses
from tradecore.venues.kraken.answers import Answer, Done, Refused, value_of
from tradecore.venues.kraken.limits import Pace, PaceSettings
from tradecore.venues.kraken.listing import Listing, PairRules
from tradecore.venues.kraken.public import KrakenPublic
from tradecore.venues.kraken.transport import NO_HEADERS, Reply, Socket

BTC_USD = Pair("BTC", "USD")
TICKER = {
    **{"a": ["30300.1", "1", "1.000"], "b": ["30300.0", "1", "1.000"], "c": ["30303.2", "0.00067643"]},
    **{"v": ["1.0", "2.0"], "p": ["30000.0", "30001.0"], "t": [3, 4], "l": ["29000.0", "28000.0"]},
    **{"h": ["31000.0", "31000.0"], "o": "30502.8"},
}


class Wire:
    """A transport that gives the same answers in turn, the last for ever, and notes what it was asked."""

    def __init__(self, *answers: Any, status: int = 200) -> None:
        self.answers, self.status = list(answers), status
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
        self.urls.append(url.partition("/public/")[2])
        answer = self.answers[0] if len(self.answers) == 1 else self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, Reply) else Reply(self.status, json.dumps(answer).encode())

    async def connect(self, url: str) -> Socket:
        raise AssertionError("public REST needs no socket")


def ask(call: Callable[[KrakenPublic], Awaitable[Answer[Any]]], *answers: Any, **more: Any) -> tuple[Wire, Answer[Any]]:
    wire, clock = Wire(*answers, status=more.pop("status", 200)), ManualClock(0)
    public = KrakenPublic(wire, Addresses(), clock, Pace(clock, PaceSettings(0)), **more)

    async def scene() -> Answer[Any]:
        return await call(public)

    return wire, asyncio.run(scene())


def result(found: Any) -> dict[str, Any]:
    return {"error": [], "result": found}


def test_each_call_asks_for_what_it_means() -> None:
    page = result({"XXBTZUSD": [], "last": "17"})
    bars = result({"XXBTZUSD": [], "last": 17})
    for call, answer, url in (
        (lambda k: k.trades(BTC_USD, 17, 500), page, "Trades?pair=XBTUSD&since=17&count=500"),
        (lambda k: k.ohlc(BTC_USD, Timeframe.parse("4h"), 5), bars, "OHLC?pair=XBTUSD&interval=240&since=5"),
        (lambda k: k.ticker(BTC_USD), result({"XXBTZUSD": TICKER}), "Ticker?pair=XBTUSD"),
        (lambda k: k.depth(BTC_USD, 5), result({"XXBTZUSD": {"asks": [], "bids": []}}), "Depth?pair=XBTUSD&count=5"),
        (lambda k: k.server_time(), result({"unixtime": 1762820224}), "Time"),
    ):
        wire, answered = ask(call, answer)
        assert isinstance(answered, Done), answered
        assert wire.urls == [url]


def test_a_ticker_is_of_the_last_day() -> None:
    ticker = value_of(ask(lambda k: k.ticker(BTC_USD), result({"XXBTZUSD": TICKER}))[1])
    assert (ticker.ask, ticker.bid, ticker.last) == (Decimal("30300.1"), Decimal("30300.0"), Decimal("30303.2"))
    assert (ticker.volume, ticker.trades, ticker.low) == (Decimal("2.0"), 4, Decimal("28000.0"))


def test_a_pair_without_a_trade_all_day_has_a_ticker() -> None:
    idle = {**TICKER, "v": ["0.0", "0.0"], "p": ["0.0", "0.0"], "t": [0, 0], "l": ["0.0", "0.0"], "h": ["0.0", "0.0"]}
    assert value_of(ask(lambda k: k.ticker(BTC_USD), result({"XXBTZUSD": idle}))[1]).trades == 0


@pytest.mark.parametrize(
    "change", [{"a": ["30300.0", "1", "1"]}, {"p": ["1", "40000.0"]}, {"h": ["3", "2"]}, {"t": [5, 4]}, {"c": ["1"]}]
)
def test_a_ticker_that_contradicts_itself_is_refused(change: dict[str, Any]) -> None:
    _, answer = ask(lambda k: k.ticker(BTC_USD), result({"XXBTZUSD": {**TICKER, **change}}))
    assert isinstance(answer, Refused)
    assert isinstance(answer.error, ReplyError)


def test_a_crossed_or_unsorted_book_is_refused() -> None:
    level = ["30384.1", "2.0", 1688671659]
    for asks, bids in (([level], [level]), ([level, level], []), ([], [level, ["30390.0", "1.0", 1688671659]])):
        _, answer = ask(lambda k: k.depth(BTC_USD), result({"XXBTZUSD": {"asks": asks, "bids": bids}}))
        assert isinstance(answer, Refused)


@pytest.mark.parametrize("call", ["trades", "ohlc", "ticker"])
def test_an_answer_about_another_pair_is_refused(call: str) -> None:
    found = {"XETHZUSD": TICKER} if call == "ticker" else {"XETHZUSD": [], "last": "17"}
    more = {"trades": (0,), "ohlc": (Timeframe.parse("1m"),), "ticker": ()}[call]
    _, answer = ask(lambda k: getattr(k, call)(BTC_USD, *more), result(found))
    assert isinstance(answer, Refused)
    assert "expected BTC/USD" in str(answer.error)


def test_with_a_listing_pairs_have_the_names_it_gives(btc_usd: PairRules) -> None:
    listing = Listing({BTC_USD: btc_usd})
    wire, answer = ask(lambda k: k.trades(Pair("ETH", "USD"), 0), result({}), listing=listing)
    assert isinstance(answer, Refused)
    assert isinstance(answer.error, UnknownPairError)
    assert wire.urls == []


def test_what_cannot_be_asked_is_refused_before_asking() -> None:
    for call in (
        lambda k: k.trades(BTC_USD, 0, 1001),
        lambda k: k.trades(BTC_USD, 0, 0),
        lambda k: k.depth(BTC_USD, 501),
        lambda k: k.ohlc(BTC_USD, Timeframe.parse("2m")),
    ):
        with pytest.raises(UsageError):
            ask(call, result({}))


@pytest.mark.parametrize(
    ("status", "kind", "again"),
    [
        (520, VenueUnavailableError, True),
        (503, VenueUnavailableError, True),
        (429, RateLimitedError, True),
        (403, VenueUnavailableError, False),
        (404, VenueUnavailableError, False),
        (302, VenueUnavailableError, False),
    ],
)
def test_the_edges_answers_are_no_answers(status: int, kind: type[VenueError], again: bool) -> None:
    _, answer = ask(lambda k: k.trades(BTC_USD, 0), result({"XXBTZUSD": [], "last": "17"}), status=status)
    assert isinstance(answer, Refused)
    assert type(answer.error) is kind
    assert answer.error.retryable is again


def test_a_refusal_for_the_rate_makes_the_next_call_wait() -> None:
    async def on(clock: Clock) -> tuple[bool, float]:
        wire = Wire({"error": ["EAPI:Rate limit exceeded"]}, result({"XXBTZUSD": [], "last": "17"}))
        public = KrakenPublic(wire, Addresses(), clock)
        first = await public.trades(BTC_USD, 0)
        begun = clock.now()
        value_of(await public.trades(BTC_USD, 0))
        return isinstance(first, Refused), (clock.now() - begun) / SECOND_NS

    assert run_virtual(on) == (True, 15.0)
