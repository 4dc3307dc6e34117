"""Kraken's private REST calls for one key: what the account has and owes, and its orders. No money is moved out.

Requests of a key go one at a time, numbered in the order they leave. A read that failed is Refused and may be asked
again (`patience`). A write is sent once: Refused only by the venue's own list of errors or when nothing left
this machine, Unknown in every other case. There is no call here that could withdraw, transfer or name an address to
deposit to. The engine's venue and `control` call it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlencode

from tradecore.core.clock import Clock
from tradecore.core.errors import (
    OrderRefusedError,
    RateLimitedError,
    ReplyError,
    UsageError,
    VenueError,
)
from tradecore.core.types import SECOND_NS, Nanoseconds, Pair
from tradecore.venues.kraken.account import (
    AccountFees,
    AssetBalance,
    KeyInfo,
    LedgerPage,
    OrderReport,
    OrdersPage,
    OwnTrade,
    OwnTradesPage,
    SocketToken,
    TradeBalance,
    read_balances,
    read_fees,
    read_key_info,
    read_ledger_page,
    read_orders,
    read_orders_page,
    read_token,
    read_trade_balance,
    read_trades,
    read_trades_page,
)
from tradecore.venues.kraken.addresses import Addresses
from tradecore.venues.kraken.answers import Answer, Done, Refused
from tradecore.venues.kraken.fields import Fields
from tradecore.venues.kraken.limits import EngineCounters, PrivateCounter
from tradecore.venues.kraken.listing import Listing
from tradecore.venues.kraken.names import kraken_names, pair_from_kraken
from tradecore.venues.kraken.nonces import NonceWriter
from tradecore.venues.kraken.order_answers import (
    Cancelled,
    Placed,
    Switch,
    judged,
    read_batch,
    read_cancelled,
    read_placed,
    read_switch,
    unknown,
)
from tradecore.venues.kraken.orders import (
    LONGEST_DEADLINE_S,
    MOST_IN_BATCH,
    Amendment,
    NewOrder,
    check_cl_ord_id,
    deadline_text,
)
from tradecore.venues.kraken.public import whole
from tradecore.venues.kraken.replies import result_of
from tradecore.venues.kraken.signing import Credentials
from tradecore.venues.kraken.transport import NoAnswerError, NotSentError, Reply, Transport
from tradecore.venues.kraken.turns import Turns

MOST_QUERIED = 50
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PrivateSettings:
    """How long an answer is waited for. While one is waited for, the key's other calls stand behind it."""

    read_timeout_s: float = 10.0
    write_timeout_s: float = 10.0
    urgent_wait_s: float = 1.0
    """How long an exit stands behind an answer that does not come, before it overtakes."""


class KrakenPrivate:
    """The private calls of one key over one transport."""

    def __init__(
        self,
        transport: Transport,
        addresses: Addresses,
        clock: Clock,
        credentials: Credentials,
        nonces: NonceWriter,
        counter: PrivateCounter | None = None,
        *,
        engine: EngineCounters | None = None,
        listing: Listing | None = None,
        settings: PrivateSettings | None = None,
    ) -> None:
        self._transport = transport
        self._host = addresses.rest.rstrip("/")
        self._clock = clock
        self._credentials = credentials
        self._nonces = nonces
        self._counter = counter or PrivateCounter(clock)
        self._engine = engine or EngineCounters(clock)
        self._listing = listing
        self._settings = settings or PrivateSettings()
        self._turns = Turns(self._settings.urgent_wait_s)

    async def balances(self, *, urgent: bool = False) -> Answer[tuple[AssetBalance, ...]]:
        """Ask for what the account has, and what open orders hold of it."""
        return await self._read("BalanceEx", {}, read_balances, urgent=urgent)

    async def trade_balance(self, asset: str = "ZUSD") -> Answer[TradeBalance]:
        """Ask for the account's worth in one asset, by the venue's code."""
        return await self._read("TradeBalance", {"asset": asset}, read_trade_balance)

    async def open_orders(
        self, cl_ord_id: str | None = None, *, urgent: bool = False
    ) -> Answer[tuple[OrderReport, ...]]:
        """Ask for the orders that rest: all, or those with one client order id."""

        def read(result: Any) -> tuple[OrderReport, ...]:
            return read_orders(
                Fields.of(result, "OpenOrders reply").inner("open").values, self._pair, "OpenOrders reply"
            )

        form = {"trades": "true"} | ({} if cl_ord_id is None else {"cl_ord_id": check_cl_ord_id(cl_ord_id)})
        return await self._read("OpenOrders", form, read, urgent=urgent)

    async def closed_orders(
        self,
        cl_ord_id: str | None = None,
        *,
        start: Nanoseconds | None = None,
        end: Nanoseconds | None = None,
        offset: int = 0,
    ) -> Answer[OrdersPage]:
        """Ask for a page of 50 ended orders, newest first, by the times at which they were closed or opened."""
        form = {"trades": "true", "ofs": str(offset)} | _span(start, end)
        form |= {} if cl_ord_id is None else {"cl_ord_id": check_cl_ord_id(cl_ord_id)}
        return await self._read("ClosedOrders", form, lambda result: read_orders_page(result, self._pair))

    async def query_orders(self, *txids: str) -> Answer[tuple[OrderReport, ...]]:
        """Ask for orders by the venue's ids, 50 at most."""
        form = {"txid": _joined(txids), "trades": "true"}
        return await self._read(
            "QueryOrders", form, lambda result: read_orders(result, self._pair, "QueryOrders reply")
        )

    async def trades_history(
        self, *, start: Nanoseconds | None = None, end: Nanoseconds | None = None, offset: int = 0
    ) -> Answer[OwnTradesPage]:
        """Ask for a page of 50 executions, newest first."""
        form = {"ofs": str(offset)} | _span(start, end)
        return await self._read("TradesHistory", form, lambda result: read_trades_page(result, self._pair))

    async def query_trades(self, *txids: str) -> Answer[tuple[OwnTrade, ...]]:
        """Ask for executions by their ids, 50 at most."""
        form = {"txid": _joined(txids)}
        return await self._read(
            "QueryTrades", form, lambda result: read_trades(result, self._pair, "QueryTrades reply")
        )

    async def fees(self, *pairs: Pair) -> Answer[AccountFees]:
        """Ask for what the account pays on these pairs now."""
        if not pairs:
            raise UsageError("fees of no pair: expected one pair or more; the venue tells fees pair by pair")
        try:
            form = {"pair": ",".join(self._name(pair) for pair in pairs)}
        except VenueError as error:
            return Refused(error)
        return await self._read("TradeVolume", form, lambda result: _all_of(read_fees(result, self._pair), pairs))

    async def ledgers(
        self, *, start: Nanoseconds | None = None, end: Nanoseconds | None = None, offset: int = 0
    ) -> Answer[LedgerPage]:
        """Ask for a page of 50 changes of balances, newest first."""
        return await self._read("Ledgers", {"ofs": str(offset)} | _span(start, end), read_ledger_page)

    async def socket_token(self) -> Answer[SocketToken]:
        """Ask for a pass to the private socket."""
        return await self._read("GetWebSocketsToken", {}, read_token)

    async def key_info(self) -> Answer[KeyInfo]:
        """Ask for the rights of the key; `account.require_trading_key` judges them."""
        return await self._read("GetApiKeyInfo", {}, read_key_info)

    async def add_order(self, order: NewOrder, *, validate: bool = False, urgent: bool = False) -> Answer[Placed]:
        """Send one order, once. With `validate` the venue checks it and places nothing.

        Exits are urgent: an order that is not is refused here when it would use the engine's room kept for exits.
        """
        full = self._engine.refuses([order], exits=urgent)
        if full is not None:
            return Refused(full)
        form = {**order.form(), **({"validate": "true"} if validate else {})}
        answer = await self._write(
            "AddOrder",
            form,
            lambda result: read_placed(result, validate),
            urgent=urgent,
            deadline=order.deadline,
            pair=order.rules.pair,
        )
        if isinstance(answer, Done) and answer.value.txid is not None:
            self._engine.also(order.cl_ord_id, answer.value.txid)
        return answer

    async def add_orders(
        self, orders: Sequence[NewOrder], *, validate: bool = False
    ) -> Answer[tuple[Done[Placed] | Refused, ...]]:
        """Send 2 to 15 orders of one pair at once; each is answered by itself. The first deadline holds for all."""
        if not 2 <= len(orders) <= MOST_IN_BATCH or len({order.rules.pair for order in orders}) != 1:
            raise UsageError(f"batch of {len(orders)} orders: expected 2 to {MOST_IN_BATCH} of one pair")
        full = self._engine.refuses(orders, exits=False)
        if full is not None:
            return Refused(full)
        deadline = min(order.deadline for order in orders)
        form: dict[str, Any] = {
            **orders[0].rules.rest_name,
            "deadline": deadline_text(deadline),
            "orders": [dict(order.form(alone=False)) for order in orders],
        } | ({"validate": True} if validate else {})
        return await self._write(
            "AddOrderBatch", form, lambda result: read_batch(result, len(orders), validate), deadline=deadline
        )

    async def amend_order(self, amendment: Amendment, *, urgent: bool = False) -> Answer[str]:
        """Send one amendment, once; the answer is the amendment's id."""

        def read(result: Any) -> str:
            return Fields.of(result, "AmendOrder reply").text("amend_id")

        full = self._engine.refuses([amendment], exits=urgent)
        if full is not None:
            return Refused(full)
        return await self._write("AmendOrder", amendment.form(), read, urgent=urgent, deadline=amendment.deadline)

    async def cancel_order(
        self, *, txid: str | None = None, cl_ord_id: str | None = None, urgent: bool = False
    ) -> Answer[Cancelled]:
        """Ask to cancel one order by either of its ids."""
        if (txid is None) == (cl_ord_id is None):
            raise UsageError("cancel: expected either the venue's id or the client order id of the order")
        form = {"txid": txid} if txid is not None else {"cl_ord_id": check_cl_ord_id(cl_ord_id or "")}
        self._engine.cancel(txid or cl_ord_id or "")
        return await self._write("CancelOrder", form, read_cancelled, urgent=urgent)

    async def cancel_orders(self, txids: Sequence[str] = (), cl_ord_ids: Sequence[str] = ()) -> Answer[Cancelled]:
        """Ask to cancel up to 50 orders at once."""
        if not 1 <= len(txids) + len(cl_ord_ids) <= MOST_QUERIED:
            raise UsageError(f"cancel of {len(txids) + len(cl_ord_ids)} orders: expected 1 to {MOST_QUERIED}")
        for order in (*txids, *cl_ord_ids):
            self._engine.cancel(order)
        form: dict[str, Any] = {"orders": [*txids]} if txids else {}
        form |= {"cl_ord_ids": [check_cl_ord_id(one) for one in cl_ord_ids]} if cl_ord_ids else {}
        return await self._write("CancelOrderBatch", form, read_cancelled)

    async def cancel_all(self) -> Answer[Cancelled]:
        """Ask to cancel every order of the account, protective stops too."""
        return await self._write("CancelAll", {}, read_cancelled, urgent=True)

    async def cancel_all_after(self, timeout_s: int) -> Answer[Switch]:
        """Have the venue cancel every order when it hears nothing for so long; 0 switches that off."""
        if not 0 <= timeout_s <= 86_400:
            raise UsageError(f"dead man's switch of {timeout_s} s: expected 0 to 86,400, and 60 as a rule")
        return await self._write("CancelAllOrdersAfter", {"timeout": str(timeout_s)}, read_switch, urgent=True)

    async def _read(
        self, endpoint: str, form: Mapping[str, Any], read: Callable[[Any], T], *, urgent: bool = False
    ) -> Answer[T]:
        try:
            reply = await self._send(endpoint, form, self._settings.read_timeout_s, urgent=urgent)
            result, warnings = result_of(whole(reply, endpoint), endpoint)
            return Done(read(result), warnings)
        except VenueError as error:
            self._note(error)
            return Refused(error)

    async def _write(
        self,
        endpoint: str,
        form: Mapping[str, Any],
        read: Callable[[Any], T],
        *,
        urgent: bool = False,
        deadline: Nanoseconds | None = None,
        pair: Pair | None = None,
    ) -> Answer[T]:
        try:
            reply = await self._send(endpoint, form, self._settings.write_timeout_s, urgent=urgent, deadline=deadline)
        except (NotSentError, OrderRefusedError) as error:
            return Refused(error)
        except NoAnswerError as error:
            return unknown(endpoint, str(error))
        answer = judged(reply, endpoint, read, self._clock.now() / SECOND_NS)
        if isinstance(answer, Refused):
            self._note(answer.error, pair)
        return answer

    async def _send(
        self,
        endpoint: str,
        form: Mapping[str, Any],
        timeout_s: float,
        *,
        urgent: bool,
        deadline: Nanoseconds | None = None,
    ) -> Reply:
        await self._counter.wait(endpoint, urgent=urgent)
        async with self._turns.taken(urgent=urgent):
            if deadline is not None:
                self._check_deadline(endpoint, deadline)
            path = f"/0/private/{endpoint}"
            nonce = self._nonces.next()
            nested = any(not isinstance(value, str) for value in form.values())
            fields = {"nonce": str(nonce), **form}
            body = (json.dumps(fields) if nested else urlencode(fields)).encode()
            kind = "application/json" if nested else "application/x-www-form-urlencoded"
            headers = {
                "API-Key": self._credentials.key,
                "API-Sign": self._credentials.sign(path, nonce, body),
                "Content-Type": f"{kind}; charset=utf-8",
            }
            return await self._transport.request(
                "POST", self._host + path, headers=headers, body=body, timeout_s=timeout_s
            )

    def _check_deadline(self, endpoint: str, deadline: Nanoseconds) -> None:
        """Refuse an order whose time ran out while it stood in the queue: sent now it could only be refused."""
        left_s = (deadline - self._clock.now()) / SECOND_NS
        if not 0 < left_s <= LONGEST_DEADLINE_S:
            raise OrderRefusedError(
                f"{endpoint}: not sent: its deadline lies {left_s:.1f} s ahead; expected more than 0 and at most "
                f"{LONGEST_DEADLINE_S}; decide anew"
            )

    def _note(self, error: VenueError, pair: Pair | None = None) -> None:
        """Set our count to the ceiling where the venue says that its own stands there."""
        if isinstance(error, RateLimitedError) and not error.words.startswith("EOrder"):
            self._counter.full()
        elif isinstance(error, RateLimitedError) and pair is not None:
            self._engine.of(pair).full()

    def _name(self, pair: Pair) -> str:
        return (kraken_names(pair) if self._listing is None else self._listing.rules(pair).names).altname

    def _pair(self, name: str) -> Pair:
        return pair_from_kraken(name) if self._listing is None else self._listing.pair_named(name)


def _span(start: Nanoseconds | None, end: Nanoseconds | None) -> dict[str, str]:
    span = {} if start is None else {"start": str(start // SECOND_NS)}
    return span if end is None else span | {"end": str(-(-end // SECOND_NS))}


def _joined(txids: Sequence[str]) -> str:
    if not 1 <= len(txids) <= MOST_QUERIED:
        raise UsageError(f"query of {len(txids)} ids: expected 1 to {MOST_QUERIED}")
    return ",".join(txids)


def _all_of(fees: AccountFees, pairs: Sequence[Pair]) -> AccountFees:
    missing = [str(pair) for pair in pairs if pair not in fees.pairs]
    if missing:
        raise ReplyError(f"TradeVolume reply: no fees of {', '.join(missing)}; expected those of every pair asked for")
    return fees
