"""The public REST calls: shapes as recorded, pages of trades, bars, names, limits."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tradecore.core.clock import ManualClock
from tradecore.core.types import DAY_NS, MINUTE_NS, SECOND_NS, Pair
from tradecore.testing.fake_kraken import FakeKraken, FakeSettings, Limit, Tape
from tradecore.testing.fake_kraken.public_rest import shown_seconds
from tradecore.testing.fake_kraken.wire import HttpRequest

START = 1_700_000_000 * SECOND_NS
BTC = Pair("BTC", "USD")
FREE = FakeSettings(public_limit=None, pair_limit=None)


def venue(tape: Tape, settings: FakeSettings = FREE, *, pair: Pair = BTC, after: int = SECOND_NS) -> FakeKraken:
    """Return a venue whose clock stands a moment after the last trade."""
    return FakeKraken({pair: tape}, ManualClock(int(tape.time[-1]) + after), settings)


def body(fake: FakeKraken, endpoint: str, query: str = "") -> Any:
    reply = fake.http(HttpRequest("GET", f"/0/public/{endpoint}", query))
    assert reply.status == 200
    return json.loads(reply.body)


def ask(fake: FakeKraken, endpoint: str, query: str = "") -> Any:
    answer = body(fake, endpoint, query)
    assert answer["error"] == []
    return answer["result"]


def pages(fake: FakeKraken, since: str = "0", count: int = 1000) -> list[list[int]]:
    """Return the ids of all pages, asked for one after another as a plain client does."""
    found: list[list[int]] = []
    while True:
        result = ask(fake, "Trades", f"pair=XBTUSD&since={since}&count={count}")
        ids = [row[6] for row in result["XXBTZUSD"]]
        if not ids:
            return found
        found.append(ids)
        # Where `since` takes its own cursor in, a page of nothing else would come again and again.
        since = str(int(since) + 1) if result["last"] == since else result["last"]


def tied(*sizes: int) -> Tape:
    """Return a tape of groups that share one inner cursor each, a second apart."""
    time = np.repeat(START + SECOND_NS * np.arange(len(sizes)), sizes)
    count = len(time)
    return Tape.of_arrays(time, np.full(count, 50_000.0), np.full(count, 0.1), np.ones(count))


@pytest.fixture(scope="module")
def tape() -> Tape:
    return Tape.synthetic(1, START, 50_000)


@pytest.fixture
def fake(tape: Tape) -> FakeKraken:
    return venue(tape)


def test_pages_of_trades_hold_every_trade_once(fake: FakeKraken, tape: Tape) -> None:
    found = pages(fake)
    assert [trade for page in found for trade in page] == tape.trade_id.tolist()
    assert {len(page) for page in found[:-1]} == {1000}


def test_the_cursor_is_exact_where_the_shown_time_is_not() -> None:
    assert shown_seconds(1762820035982277754) == "1762820035.9822779"
    fake = venue(Tape.of_arrays([1762820035982277754], [105899.4], [0.00009443], [-1], trade_id=[10219207]))
    reply = fake.http(HttpRequest("GET", "/0/public/Trades", "pair=XBTUSD")).body.decode()
    assert '["105899.40000","0.00009443",1762820035.9822779,"s","m","",10219207]' in reply
    assert '"last":"1762820035982277754"' in reply


def test_a_page_holds_nothing_that_happens_later(tape: Tape) -> None:
    fake = FakeKraken({BTC: tape}, ManualClock(int(tape.time[99])), FREE)
    assert ask(fake, "Trades", "pair=XBTUSD&since=0")["XXBTZUSD"][-1][6] == 100
    assert len(ask(fake, "Trades", "pair=XBTUSD")["XXBTZUSD"]) == 100


def test_since_is_read_in_seconds_and_in_nanoseconds(fake: FakeKraken, tape: Tape) -> None:
    cursor = int(tape.time[500])
    in_ns = ask(fake, "Trades", f"pair=XBTUSD&since={cursor}&count=1")["XXBTZUSD"][0][6]
    in_s = ask(fake, "Trades", f"pair=XBTUSD&since={START // SECOND_NS}&count=1")["XXBTZUSD"][0][6]
    assert (in_ns, in_s) == (502, 2)


def test_inclusive_since_repeats_the_trade_at_the_cursor(tape: Tape) -> None:
    fake = venue(tape, FakeSettings(since="inclusive", public_limit=None, pair_limit=None))
    assert ask(fake, "Trades", f"pair=XBTUSD&since={tape.time[500]}&count=1")["XXBTZUSD"][0][6] == 501


@pytest.mark.parametrize("since", ["exclusive", "inclusive"])
def test_a_page_grows_to_hold_all_trades_of_one_cursor(since: Any) -> None:
    fake = venue(tied(10, 1500, 10), FakeSettings(since=since, public_limit=None, pair_limit=None))
    found = pages(fake)
    assert sorted({trade for page in found for trade in page}) == list(range(1, 1521))


def test_a_page_that_may_split_ties_loses_trades_for_a_client_that_trusts_the_cursor() -> None:
    fake = venue(tied(10, 1500, 10), FakeSettings(split_ties=True, public_limit=None, pair_limit=None))
    assert sum(len(page) for page in pages(fake)) == 1010


def test_an_empty_page_gives_the_cursor_back(fake: FakeKraken, tape: Tape) -> None:
    cursor = str(int(tape.time[-1]) + 5)
    assert ask(fake, "Trades", f"pair=XBTUSD&since={cursor}") == {"XXBTZUSD": [], "last": cursor}


@pytest.mark.parametrize("name", ["XBTUSD", "XXBTZUSD", "XBT/USD", "BTCUSD", "xbtusd"])
def test_every_spelling_of_a_pair_leads_to_the_venues_key(fake: FakeKraken, name: str) -> None:
    assert "XXBTZUSD" in ask(fake, "Trades", f"pair={name}&count=1")


def test_a_pair_asked_for_by_its_display_name_is_answered_by_it(fake: FakeKraken) -> None:
    assert "BTC/USD" in ask(fake, "Trades", "pair=BTC/USD&count=1")


def test_display_names_are_keys_when_asked_for(fake: FakeKraken) -> None:
    assert list(ask(fake, "AssetPairs", "pair=XBTUSD&assetVersion=1")) == ["BTC/USD"]


def test_tokenised_stocks_are_listed_for_those_who_ask(fake: FakeKraken) -> None:
    assert "AAPLxUSD" not in ask(fake, "AssetPairs")
    assert list(ask(fake, "AssetPairs", "aclass_base=tokenized_asset")) == ["AAPLxUSD"]
    assert "AAPLx" not in ask(fake, "Assets")
    assert ask(fake, "Assets", "asset=XBT,ZUSD")["XXBT"]["decimals"] == 10


@pytest.mark.parametrize(
    ("endpoint", "query", "words"),
    [
        ("Trades", "pair=FOOBAR", "EQuery:Unknown asset pair"),
        ("Trades", "", "EGeneral:Invalid arguments"),
        ("Trades", "pair=XBTUSD&count=1001", "EGeneral:Invalid arguments:count"),
        ("Trades", "pair=XBTUSD&since=never", "EGeneral:Invalid arguments:since"),
        ("Trades", "pair=XBTUSD&since=NaN", "EGeneral:Invalid arguments:since"),
        ("OHLC", "pair=XBTUSD&interval=7", "EGeneral:Invalid arguments:interval"),
        ("OHLC", "pair=XBTUSD&interval=inf", "EGeneral:Invalid arguments:interval"),
        ("Depth", "pair=XBTUSD&count=0", "EGeneral:Invalid arguments:count"),
        ("Assets", "asset=FOO", "EQuery:Unknown asset"),
        ("AssetPairs", "pair=AAPLxUSD", "EQuery:Unknown asset pair"),
        ("Ticker", "pair=AAPLxUSD", "EGeneral:Invalid arguments:asset_class"),
        ("Depth", "pair=XBTUSD&asset_class=tokenized_asset", "EGeneral:Invalid arguments:asset_class"),
        ("Nothing", "", "EGeneral:Unknown method"),
    ],
)
def test_a_refusal_is_in_the_venues_words(fake: FakeKraken, endpoint: str, query: str, words: str) -> None:
    assert body(fake, endpoint, query) == {"error": [words]}


def test_bars_are_those_of_the_trades_with_fillers_and_the_open_one_last() -> None:
    first = START - START % MINUTE_NS
    time = first + np.array([0, 10, 70, 80, 250]) * SECOND_NS
    fake = venue(Tape.of_arrays(time, [100.0, 90.0, 93.0, 95.0, 97.5], [1.0, 3.0, 1.0, 1.0, 0.5], [1, 1, -1, 1, 1]))
    result = ask(fake, "OHLC", "pair=XBTUSD&interval=1")
    second = first // SECOND_NS
    assert result["last"] == second + 180
    assert result["XXBTZUSD"] == [
        [second, "100.0", "100.0", "90.0", "90.0", "92.5", "4.00000000", 2],
        [second + 60, "93.0", "95.0", "93.0", "95.0", "94.0", "2.00000000", 2],
        [second + 120, "95.0", "95.0", "95.0", "95.0", "0.0", "0.00000000", 0],
        [second + 180, "95.0", "95.0", "95.0", "95.0", "0.0", "0.00000000", 0],
        [second + 240, "97.5", "97.5", "97.5", "97.5", "97.5", "0.50000000", 1],
    ]


def test_bars_reach_720_closed_ones_back_and_no_further(fake: FakeKraken) -> None:
    rows = ask(fake, "OHLC", "pair=XBTUSD&interval=1&since=0")["XXBTZUSD"]
    assert len(rows) == 721
    assert {later[0] - row[0] for row, later in pairwise(rows)} == {60}
    assert ask(fake, "OHLC", f"pair=XBTUSD&since={rows[-3][0]}")["XXBTZUSD"] == rows[-2:]


def test_the_open_bar_is_there_before_its_first_trade(tape: Tape) -> None:
    fake = venue(tape, after=10 * MINUTE_NS)
    result = ask(fake, "OHLC", "pair=XBTUSD")
    assert result["XXBTZUSD"][-1][7] == 0
    assert result["last"] == result["XXBTZUSD"][-2][0]


def test_the_ticker_counts_today_and_24_hours(fake: FakeKraken, tape: Tape) -> None:
    row = ask(fake, "Ticker", "pair=XBTUSD")["XXBTZUSD"]
    now = fake.clock.now()
    day = tape.time >= now - DAY_NS
    today = tape.time >= now - now % DAY_NS
    assert row["t"] == [int(today.sum()), int(day.sum())]
    assert [float(value) for value in row["h"]] == [tape.price[today].max(), tape.price[day].max()]
    assert float(row["v"][1]) == pytest.approx(tape.amount[day].sum())
    assert float(row["p"][1]) == pytest.approx((tape.price * tape.amount)[day].sum() / tape.amount[day].sum())
    assert float(row["b"][0]) < float(row["a"][0])


def test_depth_agrees_with_the_ticker_and_is_in_order(fake: FakeKraken) -> None:
    depth = ask(fake, "Depth", "pair=XBTUSD&count=50")["XXBTZUSD"]
    ticker = ask(fake, "Ticker", "pair=XBTUSD")["XXBTZUSD"]
    asks, bids = ([float(level[0]) for level in depth[side]] for side in ("asks", "bids"))
    assert (depth["asks"][0][0], depth["bids"][0][0]) == (ticker["a"][0], ticker["b"][0])
    assert asks == sorted(set(asks))
    assert bids == sorted(set(bids), reverse=True)
    assert len(asks) == len(bids) == 50


def test_a_listed_pair_without_a_tape_answers_with_nothing(fake: FakeKraken) -> None:
    assert ask(fake, "Trades", "pair=ETHUSD&since=7") == {"XETHZUSD": [], "last": str(7 * SECOND_NS)}
    assert "XETHZUSD" not in ask(fake, "Ticker")


def test_each_address_has_its_own_bucket_per_pair_and_for_all_else(tape: Tape) -> None:
    settings = FakeSettings(public_limit=Limit(1.0, 2.0), pair_limit=Limit(1.0, 2.0))
    clock = ManualClock(int(tape.time[-1]))
    fake = FakeKraken({BTC: tape}, clock, settings)
    assert [body(fake, "Trades", "pair=XBTUSD")["error"] for _ in range(3)][1:] == [[], ["EGeneral:Too many requests"]]
    assert body(fake, "Trades", "pair=ETHUSD")["error"] == []
    assert [body(fake, "Time")["error"] for _ in range(3)][1:] == [[], ["EAPI:Rate limit exceeded"]]
    clock.move_to(clock.now() + SECOND_NS)
    assert body(fake, "Trades", "pair=XBTUSD")["error"] == []


@pytest.mark.real_data
def test_replies_have_the_keys_and_the_kinds_of_the_recorded_ones(real_data: Path) -> None:
    recorded = real_data / "fixtures" / "kraken"
    rows = json.loads((recorded / "http_trades.json").read_text())["result"]["XBTUSDT"]
    tape = Tape.of_arrays(
        [round(row[2] * 1e9) for row in rows],
        [float(row[0]) for row in rows],
        [float(row[1]) for row in rows],
        [1 if row[3] == "b" else -1 for row in rows],
        limit=[row[4] == "l" for row in rows],
        trade_id=[row[6] for row in rows],
    )
    fake = venue(tape, pair=Pair("BTC", "USDT"))
    for name, endpoint in (
        ("http_trades", "Trades"),
        ("http_ohlc", "OHLC"),
        ("http_ticker", "Ticker"),
        ("http_order_book", "Depth"),
        ("http_asset_pairs", "AssetPairs"),
        ("http_server_time", "Time"),
        ("http_system_status", "SystemStatus"),
    ):
        theirs = json.loads((recorded / f"{name}.json").read_text())["result"]
        assert kinds(ask(fake, endpoint, "pair=XBTUSDT")) == kinds(theirs), endpoint
    ours = ask(fake, "Trades", "pair=XBTUSDT")["XBTUSDT"]
    assert [row[:2] + row[3:] for row in ours] == [row[:2] + row[3:] for row in rows]
    pair = json.loads((recorded / "http_asset_pairs.json").read_text())["result"]["XBTUSDT"]
    mine = ask(fake, "AssetPairs", "pair=XBTUSDT")["XBTUSDT"]
    assert {key: mine[key] for key in pair if "leverage" not in key} == {
        key: pair[key] for key in pair if "leverage" not in key
    }


def kinds(value: Any) -> Any:
    """Return the shape of a value: keys, and the kind and decimals of the first entry of each list."""
    if isinstance(value, dict):
        return {key: kinds(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return (
            [kinds(entry) for entry in value[0]]
            if value and isinstance(value[0], list)
            else [kinds(v) for v in value[:1]]
        )
    if isinstance(value, str) and value.replace(".", "").isdigit():
        return f"text with {len(value.partition('.')[2])} decimals"
    return type(value).__name__
