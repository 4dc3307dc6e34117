"""The private side of the fake Kraken in one piece: accounts with keys, their REST calls, their sockets, their orders.

The core makes one, hands it requests and sockets, and tells it of every trade of the tape and of the time. Tests ask it
what is true: balances, orders, fills as the venue has them.
Invariant: balances change by deposits and fills alone, so money is neither made nor lost.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from decimal import Decimal
from itertools import count
from typing import Any

from tradecore.core.clock import Clock
from tradecore.core.seeds import generator
from tradecore.core.types import Nanoseconds, Pair, Side
from tradecore.testing.fake_kraken.accounts import ALL_PERMISSIONS, Account, ApiKey, Identifiers
from tradecore.testing.fake_kraken.matching import Execution, Matching
from tradecore.testing.fake_kraken.private_orders import OrderCalls
from tradecore.testing.fake_kraken.private_ports import FaultSwitch, MarketSide
from tradecore.testing.fake_kraken.private_reads import ReadCalls
from tradecore.testing.fake_kraken.private_rest import PrivateRest
from tradecore.testing.fake_kraken.private_socket import Desk, PrivateConnection
from tradecore.testing.fake_kraken.settings import FakeSettings

DEFAULT_KEY = "fake-key-of-nobody"
DEFAULT_SECRET = base64.b64encode(b"not a secret: it opens nothing but a fake venue on loopback ....").decode()
DEFAULT_DEPOSITS: Mapping[str, Decimal] = {"USD": Decimal(100_000), "BTC": Decimal(2), "ETH": Decimal(20)}


class PrivateApi:
    """Accounts, orders and keys of one fake venue."""

    def __init__(
        self, market: MarketSide, clock: Clock, faults: FaultSwitch, settings: FakeSettings, seed: int = 0
    ) -> None:
        self.accounts: dict[str, Account] = {}
        self._market = market
        self._clock = clock
        self._settings = settings
        self._ids = Identifiers(generator(seed, "ids"))
        self.matching = Matching(market, clock, self._ids, faults)
        self._orders = OrderCalls(market, clock, self.matching, self._ids, generator(seed, "tokens"))
        self.rest = PrivateRest(market, clock, faults, ReadCalls(market, clock), self._orders)
        self._desk = Desk(market, clock, faults, self.matching, self._orders)
        self._orders.permissions_of = lambda key: self.rest.key_named(key)[0].permissions
        self._connection_ids = count(6447481662169813000)
        self.matching.listeners.append(self._spread)

    def add_account(
        self, name: str, deposits: Mapping[str, Decimal] | None = None, *, tier: str = "intermediate"
    ) -> Account:
        """Open an account with deposits by asset: {"USD": Decimal(1000)}."""
        account = Account(name, self._market, self._ids, tier)
        for asset, amount in (DEFAULT_DEPOSITS if deposits is None else deposits).items():
            account.deposit(asset, amount, self._clock.now())
        self.accounts[name] = account
        return account

    def add_key(
        self,
        account: Account,
        key: str = DEFAULT_KEY,
        secret: str = DEFAULT_SECRET,
        *,
        permissions: frozenset[str] = ALL_PERMISSIONS,
        nonce_window: int = 0,
    ) -> ApiKey:
        """Make a key of an account; without words the fake's own well-known key."""
        made = ApiKey(key, secret, permissions, nonce_window)
        self.rest.add_key(made, account)
        return made

    def http(self, path: str, headers: Mapping[str, str], body: bytes, as_of: Nanoseconds | None = None) -> Any:
        """Return the result of a private call as JSON values; `as_of` the past for a stale read. Errors: Said."""
        return self.rest.answer(path, headers, body, as_of)

    def connection(self, push: Callable[[str], None]) -> PrivateConnection:
        """Open a private socket; `push` is called with each message for the client."""
        return PrivateConnection(self._desk, push, self._settings.heartbeat_s, next(self._connection_ids))

    def on_tape_trade(self, pair: Pair, price: Decimal, amount: Decimal, side: Side, now: Nanoseconds) -> None:
        """Let one trade of the tape meet the open orders of its pair."""
        self.matching.on_tape_trade(pair, price, amount, side, now)

    def on_time(self, now: Nanoseconds) -> None:
        """Do what is due: orders that start or expire, and the dead man's switch, which then stays off."""
        self.matching.on_time(now)
        for account in self.accounts.values():
            due = account.cancel_all_at
            if due is not None and due <= now and self._market.status != "maintenance":
                account.cancel_all_at = None
                with self.matching.playing(now):
                    self._orders.cancel_all(account, "Cancel all orders after timeout")

    def next_due(self) -> Nanoseconds | None:
        """Return when something is due without anyone asking."""
        moments = [self.matching.next_due()]
        if self._market.status != "maintenance":
            moments += [account.cancel_all_at for account in self.accounts.values()]
        return min((moment for moment in moments if moment is not None), default=None)

    def has_orders(self, pair: Pair) -> bool:
        """Tell whether any order of a pair is open: if not, its trades need not be shown to this side."""
        return self.matching.has_orders(pair)

    def _spread(self, event: Execution) -> None:
        for connection in list(self._desk.connections.values()):
            connection.tell(event)
