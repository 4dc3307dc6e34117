"""What Kraken tells about one account: balances, orders, trades, fees, ledger, rights of the key. Reading only.

Numbers are exact. A field that is missing or wrong refuses the whole reply: half an account is worse than none, and
nothing here ever becomes zero because it was not there. `private` calls it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, TypeAlias

from tradecore.core.errors import GateRefusedError, ReplyError, UsageError
from tradecore.core.types import Nanoseconds, Pair, Rate, Side
from tradecore.venues.kraken.fields import Fields, json_number
from tradecore.venues.kraken.names import asset_from_kraken
from tradecore.venues.kraken.refusals import printable

PairName: TypeAlias = Callable[[str], Pair]

ORDER_STATES = ("pending", "open", "closed", "canceled", "expired")
SIDES = {"buy": Side.BUY, "sell": Side.SELL}


@dataclass(frozen=True, slots=True)
class AssetBalance:
    """What the account has of one asset. `kind` is empty for what can be traded; see `names.Holding`."""

    code: str
    name: str
    kind: str
    balance: Decimal
    hold: Decimal
    """What open orders hold of it; zero where the call does not tell (Balance)."""


@dataclass(frozen=True, slots=True)
class TradeBalance:
    """The account's worth in one asset, as the venue counts it."""

    equivalent: Decimal
    trade: Decimal
    margin: Decimal
    unrealised: Decimal
    cost: Decimal
    valuation: Decimal
    equity: Decimal
    free_margin: Decimal


@dataclass(frozen=True, slots=True)
class OrderReport:
    """An order as the venue knows it now."""

    txid: str
    cl_ord_id: str | None
    status: str
    pair: Pair
    side: Side
    order_type: str
    price: str
    """As the venue writes it: a number, an offset or a percent; "0" where there is none."""
    price2: str
    quantity: Decimal
    filled: Decimal
    cost: Decimal
    fee: Decimal
    average_price: Decimal
    opened: Nanoseconds
    closed: Nanoseconds | None
    reason: str | None
    trades: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OrdersPage:
    """Ended orders, newest first, and how many there are in all."""

    orders: tuple[OrderReport, ...]
    count: int | None


@dataclass(frozen=True, slots=True)
class OwnTrade:
    """One execution of an order of this account. `txid` is unique for ever; `trade_id` is the market's own number."""

    txid: str
    order: str
    pair: Pair
    time: Nanoseconds
    side: Side
    order_type: str
    price: Decimal
    quantity: Decimal
    cost: Decimal
    fee: Decimal
    maker: bool
    trade_id: int


@dataclass(frozen=True, slots=True)
class OwnTradesPage:
    """Executions, newest first, and how many there are in all."""

    trades: tuple[OwnTrade, ...]
    count: int | None


@dataclass(frozen=True, slots=True)
class PairFees:
    """What the account pays on one pair now, as fractions of the notional."""

    taker: Rate
    maker: Rate


@dataclass(frozen=True, slots=True)
class AccountFees:
    """The account's 30-day volume and its fees by pair."""

    currency: str
    volume: Decimal
    pairs: Mapping[Pair, PairFees]


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One change of one balance."""

    id: str
    refid: str
    time: Nanoseconds
    kind: str
    asset: str
    amount: Decimal
    fee: Decimal
    balance: Decimal


@dataclass(frozen=True, slots=True)
class LedgerPage:
    """Changes of balances, newest first, and how many there are in all."""

    entries: tuple[LedgerEntry, ...]
    count: int | None


@dataclass(frozen=True, slots=True)
class SocketToken:
    """The pass to the private socket: used within `expires_s`, it holds as long as the connection."""

    token: str = field(repr=False)
    expires_s: int


@dataclass(frozen=True, slots=True)
class KeyInfo:
    """The rights of the key, in the venue's words."""

    name: str
    permissions: frozenset[str]


NEEDED_TO_TRADE = frozenset(
    {"query-funds", "query-open-trades", "query-closed-trades", "modify-trades", "close-trades"}
)
NEVER = frozenset({"withdraw-funds"})


def require_trading_key(info: KeyInfo) -> None:
    """Pass a key that can trade and cannot move money out. Errors: GateRefusedError naming the right."""
    too_much = sorted(NEVER & info.permissions)
    if too_much:
        raise GateRefusedError(
            f"Kraken key {printable(info.name)!r} has the right {', '.join(too_much)}; expected a key that cannot move "
            "money out: make one at the venue without it"
        )
    missing = sorted(NEEDED_TO_TRADE - info.permissions)
    if missing:
        raise GateRefusedError(
            f"Kraken key {printable(info.name)!r} lacks the right {', '.join(missing)}; expected all that trading "
            "needs: give them to the key at the venue"
        )


def read_balances(result: Any) -> tuple[AssetBalance, ...]:
    """Return the balances of a Balance or BalanceEx result."""
    rows = Fields.of(result, "balances")
    return tuple(_balance(rows, code) for code in rows.values)


def _balance(rows: Fields, code: str) -> AssetBalance:
    held = asset_from_kraken(code)
    if isinstance(rows.values[code], Mapping):
        row = rows.inner(code)
        return AssetBalance(code, held.name, held.kind, _either(row, "balance"), _either(row, "hold_trade"))
    return AssetBalance(code, held.name, held.kind, rows.amount(code), Decimal(0))


def _either(row: Fields, key: str) -> Decimal:
    """Return an amount written as text, as the venue does, or as a number, as its documentation does."""
    number = json_number(row.values.get(key))
    if number is None:
        return row.amount(key)
    return number if number >= 0 else row.refuse(key, "a number of zero or more")


def read_trade_balance(result: Any) -> TradeBalance:
    """Return a TradeBalance result."""
    row = Fields.of(result, "TradeBalance reply")
    amounts = [row.amount(key) for key in ("eb", "tb", "m", "c", "v", "e", "mf")]
    equivalent, trade, margin, cost, valuation, equity, free = amounts
    return TradeBalance(equivalent, trade, margin, row.number("n"), cost, valuation, equity, free)


def read_orders(result: Any, pair: PairName, where: str) -> tuple[OrderReport, ...]:
    """Return orders by their ids, as OpenOrders, ClosedOrders and QueryOrders tell them."""
    return tuple(_order(txid, row, pair) for txid, row in Fields.of(result, where).each())


def _order(txid: str, row: Fields, pair: PairName) -> OrderReport:
    status = row.text("status", ORDER_STATES)
    about = row.inner("descr")
    quantity, filled = row.positive("vol"), row.amount("vol_exec")
    # Another program may have ordered by cost (viqc): then the two count different things.
    if filled > quantity and "viqc" not in str(row.values.get("oflags")):
        row.refuse("vol_exec", f"at most the quantity {quantity}")
    ended = status in ("closed", "canceled", "expired")
    return OrderReport(
        txid=txid,
        cl_ord_id=row.text("cl_ord_id") if row.has("cl_ord_id") else None,
        status=status,
        pair=_pair(about, pair),
        side=SIDES[about.text("type", tuple(SIDES))],
        order_type=about.text("ordertype"),
        price=about.text("price"),
        price2=about.text("price2"),
        quantity=quantity,
        filled=filled,
        cost=row.amount("cost"),
        fee=row.amount("fee"),
        average_price=row.amount("price"),
        opened=row.seconds("opentm"),
        closed=row.seconds("closetm") if ended else None,
        reason=printable(row.text("reason")) if row.values.get("reason") not in (None, "") else None,
        trades=_texts(row, "trades") if row.has("trades") else (),
    )


def read_orders_page(result: Any, pair: PairName) -> OrdersPage:
    """Return a ClosedOrders result."""
    page = Fields.of(result, "ClosedOrders reply")
    orders = read_orders(page.inner("closed").values, pair, "ClosedOrders reply")
    return OrdersPage(orders, _count(page, len(orders)))


def read_trades(result: Any, pair: PairName, where: str) -> tuple[OwnTrade, ...]:
    """Return executions by their ids, as TradesHistory and QueryTrades tell them."""
    return tuple(
        OwnTrade(
            txid=txid,
            order=row.id("ordertxid"),
            pair=_pair(row, pair),
            time=row.seconds("time"),
            side=SIDES[row.text("type", tuple(SIDES))],
            order_type=row.text("ordertype"),
            price=row.positive("price"),
            quantity=row.positive("vol"),
            cost=row.amount("cost"),
            fee=row.number("fee"),
            maker=row.flag("maker"),
            trade_id=row.whole("trade_id"),
        )
        for txid, row in Fields.of(result, where).each()
    )


def read_trades_page(result: Any, pair: PairName) -> OwnTradesPage:
    """Return a TradesHistory result."""
    page = Fields.of(result, "TradesHistory reply")
    trades = read_trades(page.inner("trades").values, pair, "TradesHistory reply")
    return OwnTradesPage(trades, _count(page, len(trades)))


def read_fees(result: Any, pair: PairName) -> AccountFees:
    """Return a TradeVolume result. A pair without both of its fees is refused: no fee is guessed."""
    reply = Fields.of(result, "TradeVolume reply")
    takers, makers = reply.inner("fees"), reply.inner("fees_maker")
    fees: dict[Pair, PairFees] = {}
    for name, row in takers.each():
        found = _named(name, pair, "TradeVolume reply")
        fees[found] = PairFees(_rate(row, Decimal(0)), _rate(makers.inner(name), Decimal("-0.1")))
    unknown = [name for name in makers.values if name not in takers.values]
    if unknown or not fees:
        raise ReplyError(
            f"TradeVolume reply: fees of {len(fees)} pairs, makers' fees without takers' of {len(unknown)}"
        )
    return AccountFees(reply.text("currency"), reply.amount("volume"), fees)


def _rate(row: Fields, least: Decimal) -> Rate:
    percent = row.number("fee")
    if not least <= percent < 10:
        row.refuse("fee", f"a percent from {least} up to 10")
    return float(percent / 100)


def read_ledger_page(result: Any) -> LedgerPage:
    """Return a Ledgers result."""
    page = Fields.of(result, "Ledgers reply")
    entries = tuple(
        LedgerEntry(
            id=key,
            refid=row.text("refid"),
            time=row.seconds("time"),
            kind=row.text("type"),
            asset=asset_from_kraken(row.text("asset")).name,
            amount=row.number("amount"),
            fee=row.amount("fee"),
            balance=row.number("balance"),
        )
        for key, row in page.inner("ledger").each()
    )
    return LedgerPage(entries, _count(page, len(entries)))


def read_token(result: Any) -> SocketToken:
    """Return a GetWebSocketsToken result."""
    row = Fields.of(result, "GetWebSocketsToken reply")
    if not isinstance(row.values.get("token"), str) or not row.values["token"]:
        # Told without the value: whatever came in its place may be the token in another shape.
        raise ReplyError("GetWebSocketsToken reply: no token in it; expected text")
    return SocketToken(row.values["token"], row.whole("expires", 86_400))


def read_key_info(result: Any) -> KeyInfo:
    """Return a GetApiKeyInfo result."""
    row = Fields.of(result, "GetApiKeyInfo reply")
    return KeyInfo(row.text("api_key_name"), frozenset(_texts(row, "permissions")))


def _count(page: Fields, shown: int) -> int | None:
    """Return how many there are in all; the venue leaves it out where it was asked to."""
    if "count" not in page.values:
        return None
    count = page.whole("count")
    if count < shown:
        page.refuse("count", f"at least the {shown} in the reply")
    return count


def _texts(row: Fields, key: str) -> tuple[str, ...]:
    found = row.items(key)
    if not all(isinstance(one, str) and one for one in found) or len(set(found)) != len(found):
        row.refuse(key, "a list of texts, each once")
    return tuple(found)


def _pair(row: Fields, pair: PairName) -> Pair:
    return _named(row.text("pair"), pair, row.where)


def _named(name: str, pair: PairName, where: str) -> Pair:
    try:
        return pair(name)
    except UsageError as error:
        raise ReplyError(f"{where}: {printable(str(error))}") from None
