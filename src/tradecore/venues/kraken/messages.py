"""What a Kraken socket tells its reader: what the venue said, and what became of the connection. Values only.

`kraken.frames` reads them from the wire, `kraken.socket` hands them out in order. Invariant: what the venue left out is
None, never zero; numbers are Decimal, exactly as printed.
Source: Kraken's WebSocket v2 documentation.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar, NamedTuple, TypeAlias

from tradecore.core.types import Nanoseconds, Pair, Side, Timeframe

Level: TypeAlias = tuple[Decimal, Decimal]
"""Price and amount of one level of a book; in an update, amount 0 deletes the level."""


@dataclass(frozen=True, slots=True)
class SystemStatus:
    """What the venue lets through: online, cancel_only, post_only, limit_only, reduce_only or maintenance."""

    channel: ClassVar[str] = "status"
    system: str
    version: str | None = None


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """The connection lives; says nothing about the data."""

    channel: ClassVar[str] = "heartbeat"


@dataclass(frozen=True, slots=True)
class Ack:
    """The venue's answer to one request. An accepted order is not a fill."""

    method: str
    req_id: int | None
    success: bool
    error: str = ""
    channel: str = ""
    symbol: str = ""
    result: object = None
    """What JSON gave, numbers as Decimal; whoever asked reads it."""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TickerUpdate:
    """Best offers and the last 24 hours of one pair."""

    channel: ClassVar[str] = "ticker"
    pair: Pair
    bid: Decimal
    bid_amount: Decimal
    ask: Decimal
    ask_amount: Decimal
    last: Decimal
    volume: Decimal
    vwap: Decimal
    low: Decimal
    high: Decimal
    time_ns: Nanoseconds | None = None


class TradeTick(NamedTuple):
    """One trade. Ids rise by one per pair: they, not times, prove that none is missing."""

    pair: Pair
    trade_id: int
    time_ns: Nanoseconds
    price: Decimal
    amount: Decimal
    side: Side
    order_type: str


@dataclass(frozen=True, slots=True)
class TradesSnapshot:
    """The newest trades (50 at most) at the time of subscribing, oldest id first."""

    channel: ClassVar[str] = "trade"
    ticks: tuple[TradeTick, ...]


@dataclass(frozen=True, slots=True)
class TradesUpdate:
    """Trades that just happened, oldest id first."""

    channel: ClassVar[str] = "trade"
    ticks: tuple[TradeTick, ...]


@dataclass(frozen=True, slots=True)
class OhlcUpdate:
    """A bar as far as it has come. The venue never says that it is closed, and is silent about empty minutes."""

    channel: ClassVar[str] = "ohlc"
    pair: Pair
    timeframe: Timeframe
    open_time: Nanoseconds
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    vwap: Decimal
    count: int


@dataclass(frozen=True, slots=True)
class BookSnapshot:
    """The whole book of one pair to the subscribed depth, best first."""

    channel: ClassVar[str] = "book"
    pair: Pair
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    checksum: int


@dataclass(frozen=True, slots=True)
class BookUpdate:
    """Levels that changed, in the order in which they did."""

    channel: ClassVar[str] = "book"
    pair: Pair
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    checksum: int


class AssetInfo(NamedTuple):
    """One asset as the venue lists it."""

    name: str
    status: str
    decimals: int


class PairInfo(NamedTuple):
    """One pair as the venue lists it: decimals, steps and least sizes."""

    pair: Pair
    status: str
    price_decimals: int
    amount_decimals: int
    cost_decimals: int
    price_step: Decimal
    amount_step: Decimal
    least_amount: Decimal
    least_cost: Decimal


@dataclass(frozen=True, slots=True)
class InstrumentSnapshot:
    """All assets and pairs, each sorted by name."""

    channel: ClassVar[str] = "instrument"
    assets: tuple[AssetInfo, ...]
    pairs: tuple[PairInfo, ...]


@dataclass(frozen=True, slots=True)
class InstrumentUpdate:
    """Assets and pairs that changed."""

    channel: ClassVar[str] = "instrument"
    assets: tuple[AssetInfo, ...]
    pairs: tuple[PairInfo, ...]


class Fee(NamedTuple):
    """What one execution cost, in the asset it was taken in."""

    asset: str
    amount: Decimal


class Execution(NamedTuple):
    """One event of one order. What the venue left out is None; for `trade` the fill's own fields are always there."""

    order_id: str
    event: str
    status: str
    time_ns: Nanoseconds
    pair: Pair | None = None
    side: Side | None = None
    cl_ord_id: str | None = None
    userref: int | None = None
    order_type: str | None = None
    amount: Decimal | None = None
    limit_price: Decimal | None = None
    exec_id: str | None = None
    trade_id: int | None = None
    last_amount: Decimal | None = None
    last_price: Decimal | None = None
    liquidity: str | None = None
    cost: Decimal | None = None
    fees: tuple[Fee, ...] | None = None
    filled: Decimal | None = None
    filled_cost: Decimal | None = None
    mean_price: Decimal | None = None
    reason: str | None = None
    rate_count: Decimal | None = None
    """The engine's counter of this pair, where `ratecounter` was subscribed to; `EngineCounters` is corrected by it."""


@dataclass(frozen=True, slots=True)
class Executions:
    """Events of the account's orders; the sequence rises by one."""

    channel: ClassVar[str] = "executions"
    snapshot: bool
    sequence: int
    rows: tuple[Execution, ...]


class BalanceUpdate(NamedTuple):
    """The balance of one asset; the rest says which ledger entry changed it."""

    asset: str
    balance: Decimal
    change: Decimal | None = None
    fee: Decimal | None = None
    kind: str | None = None
    ledger_id: str | None = None
    ref_id: str | None = None
    wallet: str | None = None
    time_ns: Nanoseconds | None = None


@dataclass(frozen=True, slots=True)
class Balances:
    """Balances of the account; the sequence rises by one."""

    channel: ClassVar[str] = "balances"
    snapshot: bool
    sequence: int
    rows: tuple[BalanceUpdate, ...]


@dataclass(frozen=True, slots=True)
class Connected:
    """A connection stands and the venue greeted; `attempt` counts from the first since the last stable one."""

    attempt: int
    time_ns: Nanoseconds


@dataclass(frozen=True, slots=True)
class Disconnected:
    """There is no connection, why (one word, then the words of the cause), and when the next try is."""

    reason: str
    words: str
    attempt: int
    next_try_s: float
    time_ns: Nanoseconds


@dataclass(frozen=True, slots=True)
class Subscribed:
    """The venue confirmed one symbol of one channel."""

    channel: str
    symbol: str
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SubscriptionRefused:
    """The venue refused one symbol of one channel; it is asked again with the next connection."""

    channel: str
    symbol: str
    words: str


@dataclass(frozen=True, slots=True)
class Gap:
    """Continuity of a channel is not proved from here back: reconnected, sequence, checksum, broken or slow_reader.

    `expected` and `got` are sequence numbers or checksums. Reconcile over REST; a fresh snapshot is on its way for
    book, executions and balances.
    """

    channel: str
    symbol: str
    expected: int | None
    got: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class Quarantined:
    """Something the venue said could not be read and was set aside: why, how many rows, and the beginning of it."""

    reason: str
    count: int
    sample: str
    channel: str = ""
    symbol: str = ""


@dataclass(frozen=True, slots=True)
class Silent:
    """Nothing came for so long: on a channel that should have had data, or (channel "") on the whole connection."""

    seconds: float
    channel: str = ""


Message: TypeAlias = (
    SystemStatus
    | Heartbeat
    | Ack
    | TickerUpdate
    | TradesSnapshot
    | TradesUpdate
    | OhlcUpdate
    | BookSnapshot
    | BookUpdate
    | InstrumentSnapshot
    | InstrumentUpdate
    | Executions
    | Balances
    | Connected
    | Disconnected
    | Subscribed
    | SubscriptionRefused
    | Gap
    | Quarantined
    | Silent
)
