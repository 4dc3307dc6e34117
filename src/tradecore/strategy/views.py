"""What a strategy sees: the market up to now and its own account. Read-only by contract, cheap by construction.

A view class is made per strategy, with one property per feature: an attribute found by the class is several times
faster than one found by `__getattr__`, and it is read on every bar. Nothing here computes; the frame behind it did.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from tradecore.core.bars import Bars
from tradecore.core.errors import StrategyError
from tradecore.core.ports import AccountState
from tradecore.core.types import SECOND_NS, FloatArray, IntArray, Nanoseconds, Pair

PRICE_COLUMNS = ("open", "high", "low", "close", "volume")


class Fees(NamedTuple):
    """What this account pays on this pair, as fractions of notional."""

    maker: float
    taker: float


class Market:
    """One pair at its newest final bar; `market["ETH/USD"]` shows another pair of the same strategy."""

    __slots__ = ("_all", "_bars", "_clock", "_columns", "_fast", "_i", "fees", "pair")

    def __init__(self, bars: Bars, columns: Mapping[str, FloatArray], fees: Fees) -> None:
        self.pair = str(bars.pair)
        self.fees = fees
        self._bars = bars
        self._columns = {name: getattr(bars, name) for name in PRICE_COLUMNS} | dict(columns)
        self._fast = [memoryview(column) for column in self._columns.values()]  # indexing gives floats at once
        self._i = -1
        self._clock: IntArray = bars.open_time
        self._all: dict[str, Market] = {self.pair: self}

    def __getitem__(self, pair: str | Pair) -> Market:
        try:
            return self._all[str(pair)]
        except KeyError:
            raise StrategyError(f"pair {pair} is not in this session; it has {', '.join(self._all)}") from None

    def __getattr__(self, name: str) -> float:
        """Refuse a name that is no column; the columns themselves are properties of the class made for the strategy."""
        columns = "" if name.startswith("_") else f"; this strategy sees {', '.join(self._columns)}"
        raise AttributeError(f"market has no {name!r}{columns}")

    @property
    def pairs(self) -> tuple[str, ...]:
        """The pairs of this session."""
        return tuple(self._all)

    @property
    def time(self) -> Nanoseconds:
        """The moment the newest bar became final, in UTC nanoseconds: now."""
        return int(self._clock[self._i]) + self._bars.timeframe.ns

    @property
    def index(self) -> int:
        """How many bars of this pair came before the newest."""
        return self._i

    @property
    def age(self) -> float:
        """Seconds since this pair's newest bar became final, as seen from the session's newest moment."""
        newest = max(view.time for view in self._all.values())
        return (newest - self.time) / SECOND_NS

    def previous(self, name: str, back: int = 1) -> float:
        """Return a column's value `back` bars ago."""
        return float(self.window(name, back + 1)[0])

    def window(self, name: str, count: int) -> FloatArray:
        """Return the last `count` values of a column, (count,), newest last, read-only.

        Errors: StrategyError when the column is not there or has fewer values.
        """
        column = self._column(name)
        if not 1 <= count <= self._i + 1:
            raise StrategyError(
                f"window of {count} {name} values asked for, {self._i + 1} bars have passed; check market.index"
            )
        return column[self._i + 1 - count : self._i + 1]

    def bars(self, count: int) -> Bars:
        """Return the last `count` bars, newest last."""
        if not 1 <= count <= self._i + 1:
            raise StrategyError(f"{count} bars asked for, {self._i + 1} have passed; check market.index")
        return self._bars[self._i + 1 - count : self._i + 1]

    def crossed_above(self, name: str, other: str | float) -> bool:
        """Say whether a column was at or below the other one bar ago and is above it now."""
        before, now = self._gap(name, other)
        return before <= 0.0 < now

    def crossed_below(self, name: str, other: str | float) -> bool:
        """Say whether a column was at or above the other one bar ago and is below it now."""
        before, now = self._gap(name, other)
        return before >= 0.0 > now

    def _gap(self, name: str, other: str | float) -> tuple[float, float]:
        if self._i < 1:
            return float("nan"), float("nan")
        i, one = self._i, self._column(name)
        if isinstance(other, str):
            two = self._column(other)
            return float(one[i - 1] - two[i - 1]), float(one[i] - two[i])
        return float(one[i - 1] - other), float(one[i] - other)

    def _column(self, name: str) -> FloatArray:
        try:
            column: FloatArray = self._columns[name]
        except KeyError:
            raise StrategyError(f"no column {name!r}; this strategy sees {', '.join(self._columns)}") from None
        return column


def market_class(names: Iterable[str]) -> type[Market]:
    """Return a Market class with a property for every price and feature column, in the order a frame hands them
    over."""

    def reader(place: int) -> Callable[[Market], float]:
        def read(self: Market) -> float:
            return self._fast[place][self._i]

        return read

    columns = (*PRICE_COLUMNS, *names)
    body: dict[str, Any] = {name: property(reader(place)) for place, name in enumerate(columns)}
    return type("Market", (Market,), {"__slots__": (), **body})


class Account:
    """What a strategy may know of its account: its position per pair, and money.

    `position` (signed base) and `entry_price` change only with fills and are kept at hand; the rest is asked for.
    """

    __slots__ = ("_all", "_market", "_read", "cost", "entry_index", "entry_price", "position")

    def __init__(self, market: Market, read: Callable[[], AccountState]) -> None:
        self._market = market
        self._read = read
        self._all: dict[str, Account] = {market.pair: self}
        self.flatten()

    def __getitem__(self, pair: str | Pair) -> Account:
        try:
            return self._all[str(pair)]
        except KeyError:
            raise StrategyError(f"pair {pair} is not in this session; it has {', '.join(self._all)}") from None

    def flatten(self) -> None:
        """Show no position."""
        self.position = self.entry_price = self.cost = 0.0
        self.entry_index = -1

    @property
    def unrealised(self) -> float:
        """Profit of the position at the newest close, entry fee included, in quote."""
        return float(self.position * self._market._fast[3][self._market._i] - self.cost)

    @property
    def holding(self) -> int:
        """Bars since the position was opened; 0 when flat."""
        return self._market.index - self.entry_index if self.position else 0

    @property
    def cash(self) -> float:
        """Free cash in quote."""
        return self._read().cash

    @property
    def equity(self) -> float:
        """Cash and all positions at their newest closes, in quote."""
        return self._read().equity

    @property
    def drawdown(self) -> float:
        """Fall of time-weighted wealth from its peak, a fraction in [0, 1]."""
        return self._read().drawdown

    @property
    def open_orders(self) -> frozenset[int]:
        """Ids of this strategy's intents that still rest."""
        return self._read().open_intents


def link(markets: Mapping[str, Market], accounts: Mapping[str, Account]) -> None:
    """Let every view of one session reach its siblings by pair name."""
    for market in markets.values():
        market._all = dict(markets)
    for account in accounts.values():
        account._all = dict(accounts)
