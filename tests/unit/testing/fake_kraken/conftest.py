"""A bench for the private side: a market that stands still until told, one account, one key, calls signed by hand."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import pytest

from tradecore.core.clock import ManualClock
from tradecore.core.seeds import generator
from tradecore.core.types import SECOND_NS, Pair, Side
from tradecore.testing.fake_kraken import FakeSettings, Faults
from tradecore.testing.fake_kraken.accounts import Account
from tradecore.testing.fake_kraken.listing import ASSETS, PAIRS, ListedPair, find_pair
from tradecore.testing.fake_kraken.private_api import DEFAULT_KEY, DEFAULT_SECRET, PrivateApi
from tradecore.testing.fake_kraken.private_socket import PrivateConnection

BTC_USD = Pair("BTC", "USD")
START = 1_700_000_000 * SECOND_NS


class StillMarket:
    """Best offers and last price as set; four levels a side, one coin each."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self.bid, self.ask, self.price = Decimal("49999.9"), Decimal("50000.1"), Decimal(50000)
        self.depth = Decimal(1)

    @property
    def status(self) -> str:
        return self._faults.status

    def find_pair(self, name: str) -> Pair:
        return find_pair(name).pair

    def pair_rules(self, pair: Pair) -> ListedPair:
        return PAIRS[pair]

    def asset_key(self, asset: str) -> str:
        return ASSETS[asset].key

    def asset_decimals(self, asset: str) -> int:
        return ASSETS[asset].decimals

    def last(self, pair: Pair) -> Decimal:
        return self.price

    def best(self, pair: Pair) -> tuple[Decimal, Decimal]:
        return self.bid, self.ask

    def offers(self, pair: Pair, side: Side) -> list[tuple[Decimal, Decimal]]:
        best, step = (self.ask, 10) if side is Side.BUY else (self.bid, -10)
        return [(best + step * level, self.depth) for level in range(4)]


class Bench:
    """Everything a test of the private side needs."""

    def __init__(self, deposits: Mapping[str, Decimal] | None = None, tier: str = "pro") -> None:
        self.clock = ManualClock(START)
        self.faults = Faults(generator(1, "faults"))
        self.market = StillMarket(self.faults)
        self.api = PrivateApi(self.market, self.clock, self.faults, FakeSettings(), seed=1)
        self.account: Account = self.api.add_account("alice", deposits, tier=tier)
        self.api.add_key(self.account)
        self.nonce = 0

    def call(self, endpoint: str, /, *, as_json: bool = False, as_of: int | None = None, **form: Any) -> Any:
        """Make a signed private call with the well-known key."""
        self.nonce += 1
        return self.call_as(DEFAULT_KEY, DEFAULT_SECRET, endpoint, {"nonce": self.nonce, **form}, as_json, as_of)

    def call_as(
        self, key: str, secret: str, endpoint: str, form: Mapping[str, Any], as_json: bool = False, as_of: Any = None
    ) -> Any:
        """Make a private call signed with any key and secret."""
        path = f"/0/private/{endpoint}"
        body = (json.dumps(form) if as_json else urlencode(form)).encode()
        digest = hashlib.sha256(str(form.get("nonce", "")).encode() + body).digest()
        sign = base64.b64encode(hmac.new(base64.b64decode(secret), path.encode() + digest, hashlib.sha512).digest())
        kind = "application/json" if as_json else "application/x-www-form-urlencoded"
        return self.api.http(path, {"API-Key": key, "API-Sign": sign.decode(), "Content-Type": kind}, body, as_of)

    def order(self, side: str, volume: str, price: str | None = None, **more: Any) -> str:
        """Place an order; return its id."""
        kind = {"ordertype": "market"} if price is None else {"ordertype": "limit", "price": price}
        answer = self.call("AddOrder", **{"pair": "XBTUSD", "type": side, "volume": volume, **kind, **more})
        return str(answer["txid"][0])

    def trade(self, price: str, amount: str, side: Side = Side.SELL, pair: Pair = BTC_USD) -> None:
        """Let the tape trade once, a second later."""
        self.wait(1)
        self.market.price = Decimal(price)
        self.api.on_tape_trade(pair, Decimal(price), Decimal(amount), side, self.clock.now())

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.clock.move_to(self.clock.now() + round(seconds * SECOND_NS))
        self.api.on_time(self.clock.now())

    def row(self, order_id: str) -> dict[str, Any]:
        """Return an order as QueryOrders shows it."""
        return dict(self.call("QueryOrders", txid=order_id, trades="true")[order_id])

    def socket(self) -> Socket:
        """Open a private socket."""
        return Socket(self)


class Socket:
    """A private socket whose messages are kept."""

    def __init__(self, bench: Bench) -> None:
        self.got: list[dict[str, Any]] = []
        self.token = str(bench.call("GetWebSocketsToken")["token"])
        self.connection: PrivateConnection = bench.api.connection(
            lambda text: self.got.append(json.loads(text, parse_float=Decimal))
        )
        self._req_id = 0

    def ask(self, method: str, /, **params: Any) -> dict[str, Any]:
        """Send a request with the token; return its first acknowledgement."""
        self._req_id += 1
        message = {"method": method, "params": {"token": self.token, **params}, "req_id": self._req_id}
        self.connection.receive(json.dumps(message))
        return next(message for message in self.got if message.get("req_id") == self._req_id)

    def of(self, channel: str) -> list[dict[str, Any]]:
        """Return the messages of a channel."""
        return [message for message in self.got if message.get("channel") == channel]


@pytest.fixture
def bench() -> Bench:
    """An account with 100 000 USD, 2 BTC and 20 ETH."""
    return Bench()
