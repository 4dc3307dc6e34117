"""`tradecore venue` from the outside, against the fake Kraken: every question, and every way it can fail."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tradecore.bootstrap import open_lab
from tradecore.config.secrets import KRAKEN_KEY, KRAKEN_SECRET, keys_folder
from tradecore.control.kraken import open_kraken_private, open_kraken_public, settings_at
from tradecore.core.clock import SystemClock
from tradecore.core.types import Pair, Side
from tradecore.interfaces.cli.main import run
from tradecore.testing.fake_kraken.accounts import ALL_PERMISSIONS
from tradecore.testing.fake_kraken.core import FakeKraken
from tradecore.testing.fake_kraken.private_api import DEFAULT_KEY, DEFAULT_SECRET
from tradecore.testing.fake_kraken.server import serving
from tradecore.testing.fake_kraken.settings import FakeSettings
from tradecore.testing.fake_kraken.tape import Tape
from tradecore.venues.kraken.answers import value_of
from tradecore.venues.kraken.nonces import NonceWriter
from tradecore.venues.kraken.orders import NewOrder, OrderType
from tradecore.venues.kraken.signing import Credentials

pytest.importorskip("aiohttp")

Type = Callable[..., dict[str, Any]]
BTC = Pair.parse("BTC/USD")
PUBLIC = (("status",), ("pairs",), ("ticker", "BTC/USD"), ("book", "BTC/USD"))
PRIVATE = (("balance",), ("fees", "BTC/USD"), ("orders",), ("orders", "--ended"), ("trades",), ("key",))


@pytest.fixture
def fake() -> FakeKraken:
    """Return a venue with ten minutes of one pair, an account, and no limits."""
    clock = SystemClock()
    tape = Tape.synthetic(1, clock.now() - 600 * 10**9, 600)
    made = FakeKraken({BTC: tape}, clock, FakeSettings(public_limit=None, pair_limit=None))
    made.private.add_account("someone")
    return made


@pytest.fixture
def url(fake: FakeKraken, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Start the venue, give it our key, and give ourselves ours."""
    monkeypatch.setenv(KRAKEN_KEY, DEFAULT_KEY)
    monkeypatch.setenv(KRAKEN_SECRET, DEFAULT_SECRET)
    monkeypatch.setenv("TRADECORE_KRAKEN__REQUESTS_PER_SECOND", "1000")
    with serving(fake) as server:
        yield server.url


@pytest.fixture
def ask(answer: Type, fake: FakeKraken, url: str) -> Type:
    """Return what asks the venue, with a key that trades."""
    fake.private.add_key(fake.private.accounts["someone"])
    return lambda *words, code=0: answer("venue", *words, "--address", url, code=code)


def test_the_status_tells_state_and_clock(ask: Type, url: str) -> None:
    told = ask("status")
    assert (told["address"], told["status"]) == (url, "online")
    assert -1 < told["clock_ahead_s"] < 3


def test_pairs_have_the_rules_of_their_orders(ask: Type) -> None:
    pairs = {one["pair"]: one for one in ask("pairs", "btc")["pairs"]}
    assert {"BTC/USD", "ETH/BTC"} <= set(pairs)
    assert "ETH/USD" not in pairs
    assert pairs["BTC/USD"]["tick"] == "0.1"
    assert pairs["BTC/USD"]["taker_fee"] == 0.004


def test_ticker_and_book_agree_on_the_best_prices(ask: Type) -> None:
    (seen,) = ask("ticker", "btc/usd")["tickers"]
    book = ask("book", "BTC/USD", "--count", "3")
    assert Decimal(seen["bid"]) < Decimal(seen["ask"])
    assert len(book["bids"]) == len(book["asks"]) == 3
    assert Decimal(book["bids"][0]["price"]) < Decimal(book["asks"][0]["price"])


def test_the_account_is_told_as_the_venue_has_it(ask: Type) -> None:
    balances = {one["name"]: one for one in ask("balance")["balances"]}
    assert Decimal(balances["USD"]["balance"]) == 100_000
    fees = ask("fees", "BTC/USD")
    assert fees["pairs"]["BTC/USD"] == {"taker": 0.004, "maker": 0.0025}
    assert fees["currency"] == "USD"
    assert ask("orders")["orders"] == ask("trades")["trades"] == []


def test_orders_and_executions_are_listed(
    ask: Type, workspace: Path, url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = open_lab(workspace, settings_at(url))

    async def place() -> None:
        async with open_kraken_public(lab) as public:
            rules = value_of(await public.pairs()).rules(BTC)
            bid = value_of(await public.ticker(BTC)).bid
        async with open_kraken_private(lab) as client:
            ends = lab.clock.now() + 20 * 10**9
            resting = NewOrder(rules, Side.BUY, OrderType.LIMIT, Decimal("0.01"), "rests", ends, limit=bid // 2)
            value_of(await client.add_order(resting))
            value_of(
                await client.add_order(NewOrder(rules, Side.BUY, OrderType.MARKET, Decimal("0.01"), "fills", ends))
            )

    asyncio.run(place())
    (resting,) = ask("orders")["orders"]
    assert (resting["pair"], resting["side"], resting["cl_ord_id"], resting["status"]) == (
        "BTC/USD",
        "buy",
        "rests",
        "open",
    )
    (filled,) = ask("orders", "--ended")["orders"]
    assert (filled["cl_ord_id"], Decimal(filled["filled"])) == ("fills", Decimal("0.01"))
    trades = ask("trades")["trades"]
    assert sum(Decimal(one["quantity"]) for one in trades) == Decimal("0.01")
    held = {one["name"]: Decimal(one["hold"]) for one in ask("balance")["balances"]}
    assert held["USD"] > 0
    monkeypatch.setenv("COLUMNS", "80")
    for words in (("orders",), ("orders", "--ended"), ("trades",), ("balance",)):
        assert run(["venue", *words, "--address", url]) == 0
        assert max(map(len, capsys.readouterr().out.splitlines())) <= 80


def test_a_trading_key_passes(ask: Type) -> None:
    told = ask("key")
    assert told["lacking"] == []
    assert told["key"] == f"{DEFAULT_KEY[:4]}…"


@pytest.mark.parametrize("right", ["withdraw-funds"])
def test_a_key_that_can_withdraw_is_refused_with_4(answer: Type, fake: FakeKraken, url: str, right: str) -> None:
    rights = ALL_PERMISSIONS | {right}
    fake.private.add_key(fake.private.accounts["someone"], permissions=frozenset(rights))
    told = answer("venue", "key", "--address", url, code=4)
    assert told["kind"] == "GateRefusedError"
    assert right in told["error"]


def test_a_key_that_can_only_look_is_shown_as_such(answer: Type, fake: FakeKraken, url: str) -> None:
    fake.private.add_key(fake.private.accounts["someone"], permissions=frozenset({"query-funds"}))
    assert "modify-trades" in answer("venue", "key", "--address", url)["lacking"]
    assert answer("venue", "trades", "--address", url, code=1)["kind"] == "NotPermittedError"


@pytest.mark.parametrize("words", [*PUBLIC, *PRIVATE], ids=" ".join)
def test_tables_fit_80_columns(
    ask: Type, url: str, words: tuple[str, ...], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert run(["venue", *words, "--address", url]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown
    assert max(map(len, shown)) <= 80


@pytest.mark.parametrize("words", PRIVATE, ids=" ".join)
def test_without_a_key_the_account_is_not_asked_for(
    ask: Type, words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(KRAKEN_SECRET)
    told = ask(*words, code=64)
    assert told["kind"] == "ConfigError"
    assert KRAKEN_SECRET in told["error"]


@pytest.mark.parametrize("words", [*PUBLIC, *PRIVATE], ids=" ".join)
def test_a_venue_that_does_not_answer_is_an_error(ask: Type, fake: FakeKraken, words: tuple[str, ...]) -> None:
    fake.faults.on("http_520")
    assert ask(*words, code=1)["kind"] == "VenueUnavailableError"


def test_a_wrong_secret_is_the_venues_refusal(ask: Type, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KRAKEN_SECRET, DEFAULT_SECRET[4:8] + DEFAULT_SECRET[4:])
    assert ask("balance", code=1)["kind"] == "AuthenticationError"


def test_a_key_in_use_by_another_process_is_refused_with_3(ask: Type) -> None:
    fingerprint = Credentials(DEFAULT_KEY, DEFAULT_SECRET).fingerprint
    with NonceWriter(keys_folder(), fingerprint, SystemClock()):
        assert ask("balance", code=3)["kind"] == "StateRefusedError"


def test_a_pair_that_is_not_listed_is_the_venues_refusal(ask: Type) -> None:
    assert ask("ticker", "NOSUCH/USD", code=1)["kind"] == "UnknownPairError"


@pytest.mark.parametrize("address", ["127.0.0.1:8123", "ftp://x", "http://user:word@127.0.0.1:1", "http://example.org"])
def test_an_address_that_cannot_be_meant_is_wrong_use(answer: Type, address: str) -> None:
    told = answer("venue", "status", "--address", address, code=64)
    assert "user:word" not in told["error"]


def test_where_nobody_listens_there_is_an_error(answer: Type) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    told = answer("venue", "status", "--address", f"http://127.0.0.1:{port}", code=1)
    assert told["kind"] == "NotSentError"
