"""The private REST calls of the fake Kraken: who asks, whether they may, and what the answer holds.

Checks come in the venue's order: lockout, key, signature, nonce, permission, counter; only then the call runs.
`private_api` makes it and lends it to the core; accounts and matching do the work. A call that moves money out of the
venue is answered with a refusal, whatever the key.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

from tradecore.core.clock import Clock
from tradecore.core.types import Nanoseconds
from tradecore.testing.fake_kraken.accounts import Account, ApiKey
from tradecore.testing.fake_kraken.counters import TIERS, Nonces, RateCounter
from tradecore.testing.fake_kraken.private_orders import OrderCalls
from tradecore.testing.fake_kraken.private_ports import FaultSwitch, MarketSide
from tradecore.testing.fake_kraken.private_reads import ReadCalls
from tradecore.testing.fake_kraken.said import Said

Call = Callable[[Account, Mapping[str, Any]], Any]

_READ_FUNDS, _READ_OPEN = frozenset({"query-funds"}), frozenset({"query-open-trades"})
_READ_CLOSED = frozenset({"query-closed-trades"})
_MODIFY, _CLOSE = frozenset({"modify-trades"}), frozenset({"close-trades", "modify-trades"})
PERMISSIONS: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(("Balance", "BalanceEx", "TradeBalance", "TradeVolume"), _READ_FUNDS),
    **dict.fromkeys(("OpenOrders", "OpenPositions"), _READ_OPEN),
    **dict.fromkeys(("ClosedOrders", "TradesHistory", "QueryTrades"), _READ_CLOSED),
    "QueryOrders": _READ_OPEN | _READ_CLOSED,
    **dict.fromkeys(("Ledgers", "QueryLedgers"), frozenset({"query-ledger"})),
    "GetWebSocketsToken": frozenset({"create-ws-token"}),
    "GetApiKeyInfo": frozenset(),
    **dict.fromkeys(("AddOrder", "AddOrderBatch", "AmendOrder", "EditOrder"), _MODIFY),
    **dict.fromkeys(("CancelOrder", "CancelOrderBatch", "CancelAll", "CancelAllOrdersAfter"), _CLOSE),
}
"""Any one of these rights suffices for a call."""

FORBIDDEN = frozenset(
    {
        *("Withdraw", "WithdrawInfo", "WithdrawStatus", "WithdrawCancel", "WithdrawMethods", "WithdrawAddresses"),
        *("WalletTransfer", "DepositMethods", "DepositAddresses", "DepositStatus", "AccountTransfer"),
        *("CreateSubaccount", "Earn", "Allocate", "Deallocate"),
    }
)
"""Calls the venue knows and the fake's keys may never make."""

_COSTS = {
    **dict.fromkeys(("Ledgers", "QueryLedgers", "TradesHistory", "ClosedOrders"), 2.0),
    **dict.fromkeys(("AddOrder", "AddOrderBatch", "AmendOrder", "EditOrder"), 0.0),
    **dict.fromkeys(("CancelOrder", "CancelOrderBatch", "CancelAll", "CancelAllOrdersAfter"), 0.0),
}


class PrivateRest:
    """Answers private calls for the accounts whose keys it knows."""

    def __init__(
        self, market: MarketSide, clock: Clock, faults: FaultSwitch, reads: ReadCalls, orders: OrderCalls
    ) -> None:
        self._clock = clock
        self._faults = faults
        self._reads = reads
        self._keys: dict[str, tuple[ApiKey, Account]] = {}
        self._counters: dict[str, RateCounter] = {}
        self.nonces = Nonces()
        self.limited = True
        self._calls: dict[str, Call] = {
            name: call for name, call in (*reads.calls().items(), *orders.calls().items()) if name in PERMISSIONS
        }
        self._calls["GetApiKeyInfo"] = self._key_info

    def add_key(self, key: ApiKey, account: Account) -> None:
        """Let a key speak for an account."""
        tier = TIERS[account.tier]
        self._keys[key.key] = (key, account)
        self._counters.setdefault(account.name, RateCounter(tier.private_limit, tier.private_decay))

    def answer(self, path: str, headers: Mapping[str, str], body: bytes, as_of: Nanoseconds | None = None) -> Any:
        """Return the result of a private call; reads are as of a moment of the past when one is given. Errors: Said."""
        endpoint = path.rstrip("/").rpartition("/")[2]
        lower = {name.lower(): value for name, value in headers.items()}
        form = read_body(body, lower.get("content-type", ""))
        key, account = self._authenticate(path, lower, form, body)
        self._allow(key, endpoint)
        if self.limited:
            cost = _COSTS.get(endpoint, 1.0)
            self._counters[account.name].add(cost, self._clock.now(), "EAPI:Rate limit exceeded")
        self._reads.as_of = as_of
        return self._calls[endpoint](account, {**form, "api_key": key.key})

    def counter_of(self, account: Account) -> RateCounter:
        """Return an account's counter of private calls."""
        return self._counters[account.name]

    def key_named(self, key: str) -> tuple[ApiKey, Account]:
        """Return a key and its account."""
        return self._keys[key]

    def _authenticate(
        self, path: str, headers: Mapping[str, str], form: Mapping[str, Any], body: bytes
    ) -> tuple[ApiKey, Account]:
        now = self._clock.now()
        self.nonces.check_lockout(now)
        known = self._keys.get(headers.get("api-key", ""))
        if known is None:
            self.nonces.wrong_key(now)
            raise Said("EAPI:Invalid key")
        self.nonces.right_key()
        key, account = known
        nonce = str(form.get("nonce", ""))
        if not re.fullmatch(r"\d{1,20}", nonce) or int(nonce) >= 2**64:
            raise Said("EAPI:Invalid nonce")
        if not hmac.compare_digest(signature(key.secret, path, nonce, body), headers.get("api-sign", "")):
            raise Said("EAPI:Invalid signature")
        if self._faults.hit("nonce_replay", path.rpartition("/")[2]):
            raise Said("EAPI:Invalid nonce")
        self.nonces.take(key.key, int(nonce), key.nonce_window)
        return key, account

    def _allow(self, key: ApiKey, endpoint: str) -> None:
        if endpoint in FORBIDDEN:
            raise Said("EGeneral:Permission denied")
        if endpoint not in self._calls:
            raise Said("EGeneral:Unknown method")
        needed = PERMISSIONS[endpoint]
        if needed and not needed & key.permissions:
            raise Said("EGeneral:Permission denied")

    def _key_info(self, account: Account, form: Mapping[str, Any]) -> dict[str, Any]:
        key, _ = self._keys[str(form["api_key"])]
        return {
            "api_key_name": account.name,
            "api_key": key.key,
            "nonce": str(self.nonces.newest(key.key)),
            "nonce_window": str(key.nonce_window),
            "permissions": sorted(key.permissions),
            "iban": "",
            "valid_until": "0",
            "query_from": "0",
            "query_to": "0",
            "created_time": "1522132642",
            "modified_time": "1522132642",
            "ip_allowlist": [],
            "last_used": str(self._clock.now() // 10**9),
        }


def signature(secret: str, path: str, nonce: str, body: bytes) -> str:
    """Return the API-Sign of a request: HMAC-SHA512 of the path and the SHA-256 of nonce and body, as base64."""
    digest = hashlib.sha256(nonce.encode() + body).digest()
    return base64.b64encode(
        hmac.new(base64.b64decode(secret), path.encode() + digest, hashlib.sha512).digest()
    ).decode()


def read_body(body: bytes, content_type: str) -> dict[str, Any]:
    """Read a form or JSON body; close[ordertype] and orders[0][price] become nested values. Errors: Said."""
    if content_type.startswith("application/json"):
        try:
            value = json.loads(body or b"{}", parse_float=Decimal)
        except ValueError:
            raise Said("EGeneral:Invalid arguments") from None
        if not isinstance(value, dict):
            raise Said("EGeneral:Invalid arguments")
        return value
    form: dict[str, Any] = {}
    for name, text in parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True):
        head, *rest = [part for part in re.split(r"[\[\]]+", name) if part]
        place, at = form, head
        for part in rest:
            place = place.setdefault(at, {})
            if not isinstance(place, dict):
                raise Said(f"EGeneral:Invalid arguments:{head}")
            at = part
        place[at] = text
    return form
