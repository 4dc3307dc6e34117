"""Clients that know nothing of tradecore take the fake for Kraken: unmodified ccxt, ccxt.pro and python-kraken-sdk.

Their addresses are set by their own options and nothing else; what they report is compared with what the fake's own
state says. The venue's clock stands still but for the moments a test moves it, so a whole round is exact.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from tradecore.core.clock import ManualClock
from tradecore.core.types import SECOND_NS, Pair, Side
from tradecore.testing.fake_kraken import FakeKraken, FakeKrakenServer, FakeSettings, Tape, serving
from tradecore.testing.fake_kraken.accounts import Account
from tradecore.testing.fake_kraken.private_api import DEFAULT_KEY, DEFAULT_SECRET

ccxt = pytest.importorskip("ccxt")
pytest.importorskip("kraken")
pytest.importorskip("aiohttp")

BTC_USD = Pair("BTC", "USD")
START = 1_700_000_000 * SECOND_NS
HISTORY, TRADES = 3000, 4000
D = Decimal


@dataclass(frozen=True)
class Venue:
    """A running fake, and what the tests may look at behind its back."""

    fake: FakeKraken
    server: FakeKrakenServer
    clock: ManualClock
    tape: Tape
    account: Account

    def wait(self, seconds: float) -> None:
        """Let time pass at the venue."""
        self.clock.move_to(self.clock.now() + round(seconds * SECOND_NS))

    def price_below(self, wanted: int) -> Decimal:
        """Return a limit that the tape will cross for the first time after `wanted` more trades."""
        now = self.fake.market.tracks[BTC_USD].position(self.clock.now())
        lowest = self.tape.price[now : now + wanted].min()
        later = self.tape.price[now + wanted :]
        assert later.min() < lowest
        return D(str(lowest))

    def play_past(self, price: Decimal) -> None:
        """Let time pass until the tape has traded below a price for ten seconds."""
        track = self.fake.market.tracks[BTC_USD]
        now = track.position(self.clock.now())
        first = now + int((self.tape.price[now:] < float(price)).argmax())
        self.clock.move_to(int(self.tape.time[first]) + 10 * SECOND_NS)


@pytest.fixture
def venue() -> Iterator[Venue]:
    tape = Tape.synthetic(3, START - 6000 * SECOND_NS, TRADES, per_second=0.5)
    clock = ManualClock(int(tape.time[HISTORY]))
    fake = FakeKraken({BTC_USD: tape}, clock, FakeSettings(public_limit=None, pair_limit=None), seed=3)
    account = fake.private.add_account("foreign")
    fake.private.add_key(account)
    fake.private.rest.limited = False
    with serving(fake) as server:
        yield Venue(fake, server, clock, tape, account)


def ccxt_options(venue: Venue) -> dict[str, Any]:
    base = venue.server.url
    sockets = {"public": venue.server.socket_url, "private": venue.server.private_socket_url}
    sockets |= {"publicV2": venue.server.socket_url, "privateV2": venue.server.private_socket_url}
    return {
        "apiKey": DEFAULT_KEY,
        "secret": DEFAULT_SECRET,
        "enableRateLimit": False,
        "urls": {"api": {"public": base, "private": base, "ws": sockets}},
    }


def within(seconds: float, round_: Callable[[], Awaitable[None]]) -> None:
    """Run a round of an asynchronous client, or fail when it takes too long."""

    async def timed() -> None:
        async with asyncio.timeout(seconds):
            await round_()

    asyncio.run(timed())


def told_balance(got: list[dict[str, Any]], asset: str) -> Decimal:
    """Return the newest balance of an asset that a private socket told."""
    rows = [row for message in got if message.get("channel") == "balances" for row in message["data"]]
    return D(str([row["balance"] for row in rows if row["asset"] == asset][-1]))


def hang_up(venue: Venue) -> None:
    """Let a heartbeat come soon: the SDK notices only with its next message that it was told to stop."""
    asyncio.get_running_loop().call_later(0.1, venue.wait, 5)


# -- ccxt over REST


def test_ccxt_reads_markets_prices_and_history(venue):
    client = ccxt.kraken(ccxt_options(venue))
    markets = client.load_markets()
    assert {"BTC/USD", "ETH/USD", "DOGE/USD", "ETH/BTC", "BTC/EUR"} <= set(markets)
    market = markets["BTC/USD"]
    assert (market["id"], market["precision"]["price"], market["limits"]["amount"]["min"]) == ("XXBTZUSD", 0.1, 0.00005)
    assert market["taker"] == 0.004
    assert client.fetch_status()["status"] == "ok"
    assert client.fetch_time() == venue.clock.now() // SECOND_NS * 1000
    bid, ask = venue.fake.market.best(BTC_USD)
    ticker = client.fetch_ticker("BTC/USD")
    assert (D(str(ticker["bid"])), D(str(ticker["ask"]))) == (bid, ask)
    assert D(str(ticker["last"])) == venue.fake.market.last(BTC_USD)
    book = client.fetch_order_book("BTC/USD", 10)
    assert [D(str(row[0])) for row in book["asks"]] == [
        price for price, _ in venue.fake.market.offers(BTC_USD, Side.BUY)[:10]
    ]
    trades = client.fetch_trades("BTC/USD", since=venue.clock.now() // 1_000_000 - 600_000)
    assert trades[-1]["price"] == venue.tape.price[HISTORY]
    bars = client.fetch_ohlcv("BTC/USD", "1m")
    assert bars[-1][4] == venue.tape.price[HISTORY]
    assert {late[0] - early[0] for early, late in pairwise(bars)} == {60_000}


def test_ccxt_places_follows_and_cancels_orders(venue):
    client = ccxt.kraken(ccxt_options(venue))
    limit = venue.price_below(20)
    placed = client.create_order("BTC/USD", "limit", "buy", 0.5, float(limit), {"clientOrderId": "foreign-1"})
    other = client.create_order("BTC/USD", "limit", "sell", 0.1, 90_000)
    assert {order["id"] for order in client.fetch_open_orders("BTC/USD")} == {placed["id"], other["id"]}
    held = client.fetch_balance()
    assert (D(str(held["used"]["BTC"])), D(str(held["total"]["BTC"]))) == (D("0.1"), D(2))
    venue.play_past(limit)
    order = client.fetch_order(placed["id"], "BTC/USD")
    ours = venue.account.orders[placed["id"]]
    assert ours.filled > 0
    # The library multiplies its cost anew from the mean price; the venue's own figure is in `info`.
    assert (D(str(order["filled"])), D(order["info"]["cost"]), D(str(order["fee"]["cost"]))) == (
        ours.filled,
        ours.cost,
        ours.fee,
    )
    assert order["cost"] == pytest.approx(float(ours.cost))
    assert order["clientOrderId"] == "foreign-1"
    fills = client.fetch_my_trades("BTC/USD")
    assert sum(D(str(fill["amount"])) for fill in fills) == ours.filled
    assert {fill["takerOrMaker"] for fill in fills} == {"maker"}
    client.cancel_order(other["id"], "BTC/USD")
    assert venue.account.orders[other["id"]].state == "canceled"
    balance = client.fetch_balance()
    assert D(str(balance["total"]["USD"])) == venue.account.balances["USD"]
    assert D(str(balance["total"]["BTC"])) == venue.account.balances["BTC"]
    assert balance["used"]["BTC"] == 0
    ledger = client.fetch_ledger("USD")
    assert sum(D(str(entry["amount"])) for entry in ledger if entry["type"] == "trade") == ours.cost


def test_ccxt_understands_what_the_venue_refuses(venue):
    client = ccxt.kraken(ccxt_options(venue))
    with pytest.raises(ccxt.InsufficientFunds):
        client.create_order("BTC/USD", "limit", "buy", 50, 50_000)
    with pytest.raises(ccxt.InvalidOrder):
        client.cancel_order("OXXXXX-XXXXX-XXXXXX", "BTC/USD")
    with pytest.raises(ccxt.PermissionDenied):
        client.withdraw("BTC", 1, "anywhere", params={"key": "cold"})
    stranger = ccxt.kraken({**ccxt_options(venue), "apiKey": "nobody"})
    with pytest.raises(ccxt.AuthenticationError):
        stranger.fetch_balance()
    forger = ccxt.kraken({**ccxt_options(venue), "secret": "d3Jvbmc="})
    with pytest.raises(ccxt.ExchangeError, match="EAPI:Invalid signature"):
        forger.fetch_balance()
    venue.fake.faults.on("http_520", endpoint="Ticker")
    with pytest.raises(ccxt.ExchangeNotAvailable):
        client.fetch_ticker("BTC/USD")


def test_ccxt_amends_batches_and_arms_the_dead_mans_switch(venue):
    client = ccxt.kraken(ccxt_options(venue))
    wishes = [
        {"symbol": "BTC/USD", "type": "limit", "side": "buy", "amount": 0.1, "price": price}
        for price in (30_000, 31_000)
    ]
    first, second = client.create_orders(wishes)
    client.edit_order(first["id"], "BTC/USD", "limit", "buy", 0.2, 29_000)
    assert (venue.account.orders[first["id"]].volume, venue.account.orders[first["id"]].limit) == (D("0.2"), D(29_000))
    client.cancel_orders([second["id"]])
    client.cancel_all_orders_after(60_000)
    venue.wait(61)
    assert client.fetch_open_orders("BTC/USD") == []
    closed = {order["id"]: order["status"] for order in client.fetch_closed_orders("BTC/USD")}
    assert closed == {first["id"]: "canceled", second["id"]: "canceled"}
    assert D(str(client.fetch_trading_fee("BTC/USD")["taker"])) == D("0.004")


# -- ccxt.pro over sockets


def test_ccxt_pro_watches_the_market(venue):
    import ccxt.pro

    async def round_() -> None:
        async with ccxt.pro.kraken(ccxt_options(venue)) as client:
            await client.load_markets()
            ticker = await client.watch_ticker("BTC/USD")
            assert D(str(ticker["last"])) == venue.fake.market.last(BTC_USD)
            trades = await client.watch_trades("BTC/USD")
            assert trades[-1]["id"] == str(venue.tape.trade_id[HISTORY])
            book = await client.watch_order_book("BTC/USD", 10)
            assert (D(str(book["bids"][0][0])), D(str(book["asks"][0][0]))) == venue.fake.market.best(BTC_USD)
            bars = await client.watch_ohlcv("BTC/USD", "1m")
            assert bars[-1][4] == venue.tape.price[HISTORY]
            venue.wait(30)
            seen = (await client.watch_trades("BTC/USD"))[-1]
            assert int(seen["id"]) > venue.tape.trade_id[HISTORY]

    within(20, round_)


def test_ccxt_pro_trades_over_the_private_socket(venue):
    import ccxt.pro

    async def round_() -> None:
        async with ccxt.pro.kraken(ccxt_options(venue)) as client:
            await client.load_markets()
            balance = await client.watch_balance()
            assert D(str(balance["total"]["USD"])) == D(100_000)
            orders = asyncio.create_task(client.watch_orders())
            limit = venue.price_below(20)
            placed = await client.create_order_ws("BTC/USD", "limit", "buy", 0.3, float(limit))
            ours = venue.account.orders[placed["id"]]
            assert placed["id"] in {order["id"] for order in await orders}
            await client.edit_order_ws(placed["id"], "BTC/USD", "limit", "buy", 0.4, float(limit))
            assert ours.volume == D("0.4")
            mine = asyncio.create_task(client.watch_my_trades("BTC/USD"))
            await asyncio.sleep(0)
            venue.play_past(limit)
            fills = await mine
            assert fills[-1]["order"] == placed["id"]
            assert D(str(fills[0]["price"])) == limit
            other = await client.create_order_ws("BTC/USD", "limit", "sell", 0.1, 90_000)
            await client.cancel_order_ws(other["id"])
            assert venue.account.orders[other["id"]].state == "canceled"
            with pytest.raises(ccxt.ExchangeError, match="EOrder:Insufficient funds"):
                await client.create_order_ws("BTC/USD", "limit", "buy", 50, 50_000)
            await client.cancel_all_orders_ws()
            assert not venue.account.open

    within(20, round_)


# -- python-kraken-sdk over REST


def test_the_sdk_reads_markets_prices_and_history(venue):
    from kraken.spot import Market

    market = Market(url=venue.server.url)
    assert market.get_system_status()["status"] == "online"
    assert market.get_asset_pairs(pair="XBTUSD")["XXBTZUSD"]["wsname"] == "XBT/USD"
    assert market.get_assets(assets="XBT")["XXBT"]["altname"] == "XBT"
    ticker = market.get_ticker(pair="XBTUSD")["XXBTZUSD"]
    assert D(ticker["c"][0]) == venue.fake.market.last(BTC_USD)
    rows = market.get_recent_trades(pair="XBTUSD", count=10)
    assert rows["last"] == str(int(venue.tape.time[HISTORY]))
    assert [row[6] for row in rows["XXBTZUSD"]] == venue.tape.trade_id[HISTORY - 9 : HISTORY + 1].tolist()
    bars = market.get_ohlc(pair="XBTUSD", interval=1)
    assert float(bars["XXBTZUSD"][-1][4]) == venue.tape.price[HISTORY]
    assert market.get_order_book(pair="XBTUSD", count=5)["XXBTZUSD"]["asks"]


def test_the_sdk_places_follows_and_cancels_orders(venue):
    from kraken.exceptions import KrakenInsufficientFundsError, KrakenUnknownOrderError
    from kraken.spot import Trade, User

    keys = {"key": DEFAULT_KEY, "secret": DEFAULT_SECRET, "url": venue.server.url}
    user, trade = User(**keys), Trade(**keys)
    assert user.get_account_balance() == {"ZUSD": "100000.0000", "XXBT": "2.0000000000", "XETH": "20.0000000000"}
    limit = venue.price_below(20)
    answer = trade.create_order(
        ordertype="limit", side="buy", pair="XBTUSD", volume="0.5", price=str(limit), cl_ord_id="sdk-1"
    )
    (order_id,) = answer["txid"]
    other = trade.create_order(ordertype="limit", side="sell", pair="XBTUSD", volume=0.1, price=90_000)["txid"][0]
    assert set(user.get_open_orders()["open"]) == {order_id, other}
    venue.play_past(limit)
    ours = venue.account.orders[order_id]
    row = user.get_orders_info(txid=order_id, trades=True)[order_id]
    assert ours.filled > 0
    assert (D(row["vol_exec"]), D(row["cost"]), D(row["fee"]), row["cl_ord_id"]) == (
        ours.filled,
        ours.cost,
        ours.fee,
        "sdk-1",
    )
    fills = user.get_trades_history()["trades"]
    assert sorted(fills) == sorted(row["trades"])
    assert set(user.get_trades_info(txid=row["trades"])) == set(fills)
    assert trade.cancel_order(txid=other) == {"count": 1}
    assert D(user.get_account_balance()["ZUSD"]) == venue.account.balances["USD"]
    assert D(str(user.get_balance("XXBT")["available_balance"])) == venue.account.available("BTC")
    assert len(user.get_ledgers_info()["ledger"]) == len(venue.account.ledger)
    assert user.get_trade_volume(pair="XBTUSD")["currency"] == "ZUSD"
    batch = [{"ordertype": "limit", "type": "buy", "volume": 0.01, "price": price} for price in (30_000, 31_000)]
    made = trade.create_order_batch(orders=batch, pair="XBTUSD")["orders"]
    assert trade.cancel_order_batch(orders=[row["txid"] for row in made]) == {"count": 2}
    with pytest.raises(KrakenInsufficientFundsError):
        trade.create_order(ordertype="limit", side="buy", pair="XBTUSD", volume=50, price=50_000)
    with pytest.raises(KrakenUnknownOrderError):
        trade.cancel_order(txid="OXXXXX-XXXXX-XXXXXX")


def test_the_sdk_reads_the_futures_charts(venue):
    from kraken.futures import Market

    market = Market(url=venue.server.url)
    answer = market.get_ohlc(tick_type="trade", symbol="PF_XBTUSD", resolution="1m", to=venue.clock.now() // SECOND_NS)
    assert len(answer["candles"]) > 50
    assert {"time", "open", "high", "low", "close", "volume"} == set(answer["candles"][0])


# -- python-kraken-sdk over sockets


def test_the_sdk_follows_the_market_over_sockets(venue):
    from kraken.spot import SpotWSClient

    got: list[dict[str, Any]] = []

    async def keep(message: dict[str, Any]) -> None:
        got.append(message)

    async def until(channel: str, kind: str) -> dict[str, Any]:
        while True:
            for message in got:
                if (message.get("channel"), message.get("type")) == (channel, kind):
                    return message
            await asyncio.sleep(0.01)

    async def round_() -> None:
        base = venue.server.url.replace("http", "ws")
        async with SpotWSClient(callback=keep, rest_url=venue.server.url, ws_url=base) as client:
            for channel in ("ticker", "trade", "ohlc", "book", "instrument"):
                params = {"channel": channel} | ({} if channel == "instrument" else {"symbol": ["BTC/USD"]})
                await client.subscribe(params=params)
                assert (await until(channel, "snapshot"))["data"]
            trades = (await until("trade", "snapshot"))["data"]
            assert trades[-1]["trade_id"] == venue.tape.trade_id[HISTORY]
            venue.wait(30)
            assert (await until("trade", "update"))["data"][0]["trade_id"] == venue.tape.trade_id[HISTORY] + 1
            assert (await until("book", "update"))["data"][0]["checksum"]
            hang_up(venue)

    within(20, round_)


def test_the_sdks_order_book_finds_every_checksum_right(venue):
    """The one client here that checks them: ccxt 4.5.90 has its own check off, and on it fails at any message.

    This class has no options for its two addresses, so they are set on the object and the class made from it.
    """
    from kraken.spot import Market, SpotOrderBookClient

    class LocalBook(SpotOrderBookClient):
        WS_URL = venue.server.url.replace("http", "ws")

        def __init__(self) -> None:
            super().__init__(depth=10)
            self._SpotOrderBookClient__market = Market(url=venue.server.url)
            self.messages: list[dict[str, Any]] = []

        async def on_book_update(self, pair: str, message: dict[str, Any]) -> None:
            self.messages.append(message)

    async def round_() -> None:
        async with LocalBook() as client:
            await client.add_book(pairs=["BTC/USD"])
            while len(client.messages) < 40:
                venue.wait(2)
                await asyncio.sleep(0.01)
            assert not [message for message in client.messages if "error" in message]
            assert client.get("BTC/USD")["valid"]
            venue.fake.faults.on("bad_checksum", times=1)
            while not any("error" in message for message in client.messages):
                venue.wait(2)
                await asyncio.sleep(0.01)
            hang_up(venue)

    within(20, round_)


def test_the_sdk_trades_over_the_private_socket(venue):
    from kraken.spot import SpotWSClient

    got: list[dict[str, Any]] = []

    async def keep(message: dict[str, Any]) -> None:
        got.append(message)

    async def ack(req_id: int) -> dict[str, Any]:
        while True:
            for message in got:
                if message.get("req_id") == req_id:
                    return message
            await asyncio.sleep(0.01)

    async def round_() -> None:
        base = venue.server.url.replace("http", "ws")
        async with SpotWSClient(
            key=DEFAULT_KEY,
            secret=DEFAULT_SECRET,
            callback=keep,
            rest_url=venue.server.url,
            ws_url=base,
            auth_ws_url=f"{base}/auth",
            no_public=True,
        ) as client:
            await client.subscribe(params={"channel": "executions", "snap_trades": True}, req_id=1)
            await client.subscribe(params={"channel": "balances"}, req_id=2)
            assert (await ack(1))["success"]
            assert (await ack(2))["success"]
            limit = venue.price_below(20)
            order = {"order_type": "limit", "side": "buy", "order_qty": 0.3, "symbol": "BTC/USD"}
            await client.send_message(
                {
                    "method": "add_order",
                    "params": {**order, "limit_price": float(limit), "cl_ord_id": "sdk"},
                    "req_id": 3,
                }
            )
            order_id = (await ack(3))["result"]["order_id"]
            venue.play_past(limit)
            ours = venue.account.orders[order_id]
            steps: list[dict[str, Any]] = []
            while not ours.filled or sum(D(str(step.get("last_qty", 0))) for step in steps) < ours.filled:
                steps = [row for message in got if message.get("channel") == "executions" for row in message["data"]]
                await asyncio.sleep(0.01)
            assert {step["order_id"] for step in steps} == {order_id}
            assert steps[0]["exec_type"] == "pending_new"
            while told_balance(got, "USD") != venue.account.balances["USD"]:
                await asyncio.sleep(0.01)
            await client.send_message(
                {"method": "add_order", "params": {**order, "side": "sell", "limit_price": 90_000}, "req_id": 4}
            )
            other = (await ack(4))["result"]["order_id"]
            await client.send_message({"method": "cancel_order", "params": {"order_id": [other]}, "req_id": 5})
            assert (await ack(5))["result"] == {"order_id": other}
            await client.send_message(
                {"method": "add_order", "params": {**order, "order_qty": 50, "limit_price": 50_000}, "req_id": 6}
            )
            assert (await ack(6))["error"] == "EOrder:Insufficient funds"
            sequences = [message["sequence"] for message in got if message.get("channel") == "executions"]
            assert sequences == list(range(1, len(sequences) + 1))
            hang_up(venue)

    within(20, round_)
