"""Three clients that share no code read one account of the fake and report the same; a polite one is not refused."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tradecore.core.clock import ManualClock, SystemClock
from tradecore.core.types import SECOND_NS, Pair
from tradecore.testing.fake_kraken import FakeKraken, FakeKrakenServer, FakeSettings, Tape, serving
from tradecore.testing.fake_kraken.accounts import Account
from tradecore.testing.fake_kraken.private_api import DEFAULT_KEY, DEFAULT_SECRET
from tradecore.venues.kraken.answers import value_of
from tradecore.venues.kraken.nonces import NonceWriter
from tradecore.venues.kraken.private import KrakenPrivate
from tradecore.venues.kraken.public import KrakenPublic
from tradecore.venues.kraken.signing import Credentials
from tradecore.venues.kraken.transport import NetworkTransport

ccxt = pytest.importorskip("ccxt")
pytest.importorskip("kraken")
pytest.importorskip("aiohttp")

BTC_USD = Pair("BTC", "USD")
OUR_KEY, SDK_KEY = "ours", "sdk"
"""A key each: clients count their nonces in different units, and a key remembers the highest."""
D = Decimal


def ccxt_client(server: FakeKrakenServer, **more: Any) -> Any:
    urls = {"api": {"public": server.url, "private": server.url}}
    return ccxt.kraken({"apiKey": DEFAULT_KEY, "secret": DEFAULT_SECRET, "urls": urls, **more})


async def read_with_ours(fake: FakeKraken, server: FakeKrakenServer, account: Account, folder: Path) -> tuple[Any, ...]:
    """Return balances, fills and orders as our own client reads them."""
    async with NetworkTransport() as transport:
        listing = value_of(await KrakenPublic(transport, server.addresses, fake.clock).listing())
        with NonceWriter(folder, "ours", fake.clock) as nonces:
            credentials = Credentials(OUR_KEY, DEFAULT_SECRET)
            client = KrakenPrivate(transport, server.addresses, fake.clock, credentials, nonces, listing=listing)
            balances = value_of(await client.balances())
            fills = value_of(await client.trades_history()).trades
            return balances, fills, value_of(await client.query_orders(*account.orders))


def test_three_clients_read_the_same_account_and_agree(tmp_path):
    from kraken.spot import User

    tape = Tape.synthetic(3, 1_700_000_000 * SECOND_NS, 4000)
    clock = ManualClock(int(tape.time[3000]))
    fake = FakeKraken({BTC_USD: tape}, clock, FakeSettings(public_limit=None, pair_limit=None))
    account = fake.private.add_account("shared")
    for key in (DEFAULT_KEY, OUR_KEY, SDK_KEY):
        fake.private.add_key(account, key)
    with serving(fake) as server:
        theirs = ccxt_client(server, enableRateLimit=False)
        limit = float(fake.market.best(BTC_USD)[0]) - 1
        theirs.create_order("BTC/USD", "limit", "buy", 0.5, limit)
        theirs.create_order("BTC/USD", "market", "sell", 0.05)
        theirs.create_order("BTC/USD", "limit", "sell", 0.3, 90_000)
        clock.move_to(int(tape.time[3400]))
        theirs.fetch_status()
        balances, fills, orders = asyncio.run(read_with_ours(fake, server, account, tmp_path))
        user = User(key=SDK_KEY, secret=DEFAULT_SECRET, url=server.url)
        sdk_fills, sdk_balances = user.get_trades_history()["trades"], user.get_balances()
        ccxt_fills, ccxt_balances = theirs.fetch_my_trades("BTC/USD"), theirs.fetch_balance()
        ccxt_orders = {order.txid: theirs.fetch_order(order.txid, "BTC/USD") for order in orders}
    assert len(fills) == len(account.fills) >= 2
    assert {fill.txid: (fill.price, fill.quantity, fill.fee, fill.order) for fill in fills} == {
        txid: (D(row["price"]), D(row["vol"]), D(row["fee"]), row["ordertxid"]) for txid, row in sdk_fills.items()
    }
    assert sorted((float(fill.price), float(fill.quantity), float(fill.fee)) for fill in fills) == sorted(
        (fill["price"], fill["amount"], fill["fee"]["cost"]) for fill in ccxt_fills
    )
    for balance in balances:
        row = sdk_balances[balance.code]
        assert (balance.balance, balance.hold) == (D(row["balance"]), D(row["hold_trade"]))
        assert float(balance.balance) == ccxt_balances["total"][balance.name]
        assert balance.balance == account.balances[balance.name]
    for order in orders:
        row = ccxt_orders[order.txid]
        assert (float(order.filled), order.side.name.lower()) == (row["filled"], row["side"])


def test_a_client_that_keeps_to_the_published_pace_is_never_refused():
    now = SystemClock().now()
    tape = Tape.synthetic(3, now - 7200 * SECOND_NS, 4000)
    fake = FakeKraken({BTC_USD: tape}, SystemClock())
    fake.private.add_key(fake.private.add_account("polite"))
    with serving(fake) as server:
        client = ccxt_client(server)
        client.load_markets()
        client.fetch_ticker("BTC/USD")
        client.fetch_trades("BTC/USD", since=now // 1_000_000 - 60_000)
        assert client.fetch_balance()["total"]["USD"] == 100_000
        placed = client.create_order("BTC/USD", "limit", "buy", 0.01, 30_000)
        client.cancel_order(placed["id"], "BTC/USD")
    assert fake.private.accounts["polite"].orders[placed["id"]].state == "canceled"
