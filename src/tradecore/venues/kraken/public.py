"""Kraken's public REST calls: time, state, listing, prices, trades and bars. No key, no account.

Each call asks once and answers with an `Answer`; a question that got no good answer is Refused with an error that says
whether asking again helps. `patience` asks again, within limits that are the caller's and seen by it.
The fetcher, the importers and the live feed call this. Invariant: nothing is asked faster than the pace allows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import pairwise
from types import MappingProxyType
from typing import Any, TypeVar
from urllib.parse import urlencode

from tradecore.core.clock import Clock
from tradecore.core.errors import (
    ArgumentsRefusedError,
    RateLimitedError,
    ReplyError,
    UnknownPairError,
    UsageError,
    VenueError,
    VenueUnavailableError,
)
from tradecore.core.types import MINUTE_NS, Nanoseconds, Pair, Timeframe, parse_time
from tradecore.venues.kraken.addresses import Addresses
from tradecore.venues.kraken.answers import Answer, Done, Refused
from tradecore.venues.kraken.fields import Fields, decimal_in, seconds_in
from tradecore.venues.kraken.limits import Pace
from tradecore.venues.kraken.listing import TOKENISED, Listing, TokenisedReplies, read_listing
from tradecore.venues.kraken.names import kraken_names, pair_from_kraken
from tradecore.venues.kraken.refusals import printable
from tradecore.venues.kraken.replies import OhlcPage, TradesPage, parse_ohlc, parse_trades, result_of
from tradecore.venues.kraken.transport import Reply, Transport

INTERVALS = (1, 5, 15, 30, 60, 240, 1440, 10080, 21600)
"""Minutes of the bars Kraken makes."""
MOST_TRADES = 1000
DEEPEST_BOOK = 500

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class SystemState:
    """Whether the venue trades: online, maintenance, cancel_only, post_only, limit_only; and when it said so."""

    status: str
    time: Nanoseconds


@dataclass(frozen=True, slots=True)
class Ticker:
    """The best offers and the newest trade of a pair, and its last 24 hours. Prices in quote, quantities in base."""

    pair: Pair
    ask: Decimal
    bid: Decimal
    last: Decimal
    volume: Decimal
    vwap: Decimal
    trades: int
    low: Decimal
    high: Decimal


@dataclass(frozen=True, slots=True)
class DepthLevel:
    """One price of the book: what is offered there and when that last changed."""

    price: Decimal
    quantity: Decimal
    time: Nanoseconds


@dataclass(frozen=True, slots=True)
class Depth:
    """The book as REST tells it: both sides from the best price outwards."""

    pair: Pair
    asks: tuple[DepthLevel, ...]
    bids: tuple[DepthLevel, ...]


class KrakenPublic:
    """Kraken's public calls over one transport."""

    def __init__(
        self,
        transport: Transport,
        addresses: Addresses,
        clock: Clock,
        pace: Pace | None = None,
        *,
        listing: Listing | None = None,
        timeout_s: float = 20.0,
    ) -> None:
        self._transport = transport
        self._host = addresses.rest.rstrip("/")
        self._clock = clock
        self._pace = pace or Pace(clock)
        self._listing = listing
        self._timeout_s = timeout_s

    async def server_time(self) -> Answer[Nanoseconds]:
        """Ask for the venue's clock, whole seconds."""
        return await self._ask("Time", {}, lambda body: _object(body, "Time").seconds("unixtime"))

    async def system_status(self) -> Answer[SystemState]:
        """Ask whether the venue trades."""
        return await self._ask("SystemStatus", {}, _system_state)

    async def listing(self) -> Answer[Listing]:
        """Ask for all pairs and all assets, ordinary and tokenised; `Listing.unlisted` names what was refused."""
        assets = await self._both("Assets", "aclass")
        return assets if not isinstance(assets, Done) else await self._every_pair(*assets.value)

    async def pairs(self, *pairs: Pair) -> Answer[Listing]:
        """Ask for these pairs, or for all, without the assets."""
        if not pairs:
            return await self._every_pair()
        named = {"pair": ",".join(kraken_names(pair).altname for pair in pairs)}
        answer = await self._ask("AssetPairs", named, lambda body: read_listing(body)[0])
        if not isinstance(answer, Refused) or not isinstance(answer.error, UnknownPairError):
            return answer
        # A tokenised pair is known by its class and the venue's own spelling only: AAPLX here is AAPLx there.
        every = await self._every_pair()
        if not isinstance(every, Done):
            return every
        found = {pair: every.value.pairs[pair] for pair in pairs if pair in every.value.pairs}
        if any(pair not in found for pair in pairs):
            return answer
        return Done(replace(every.value, pairs=MappingProxyType(found)), every.warnings)

    async def ticker(self, pair: Pair) -> Answer[Ticker]:
        """Ask for the best offers and the last 24 hours of a pair."""
        return await self._ask("Ticker", {}, lambda body: self._ticker(body, pair), pair)

    async def depth(self, pair: Pair, count: int = 100) -> Answer[Depth]:
        """Ask for the book of a pair, `count` prices a side."""
        if not 1 <= count <= DEEPEST_BOOK:
            raise UsageError(f"book of {count} prices a side: Kraken gives 1 to {DEEPEST_BOOK}")
        return await self._ask("Depth", {"count": str(count)}, lambda body: self._depth(body, pair), pair)

    async def trades(self, pair: Pair, since: int | str, count: int = MOST_TRADES) -> Answer[TradesPage]:
        """Ask for the trades after a cursor: nanoseconds as `TradesPage.last` has them, or 0 for the beginning."""
        if not 1 <= count <= MOST_TRADES:
            raise UsageError(f"page of {count} trades: Kraken gives 1 to {MOST_TRADES}")
        asked = {"since": str(since), "count": str(count)}
        return await self._ask("Trades", asked, lambda body: _of(parse_trades(body, self._pair), pair), pair)

    async def ohlc(self, pair: Pair, timeframe: Timeframe, since: int | None = None) -> Answer[OhlcPage]:
        """Ask for the newest 720 finished bars and the open one; `since` in Unix seconds takes off older ones only."""
        minutes = timeframe.ns // MINUTE_NS
        if minutes not in INTERVALS:
            raise UsageError(
                f"Kraken makes no {timeframe} bars; expected one of {', '.join(map(str, INTERVALS))} minutes"
            )
        asked = {"interval": str(minutes)} | ({} if since is None else {"since": str(since)})
        return await self._ask("OHLC", asked, lambda body: _of(parse_ohlc(body, timeframe, self._pair), pair), pair)

    async def _every_pair(
        self, assets: bytes | None = None, tokenised: bytes | VenueError | None = None
    ) -> Answer[Listing]:
        asked = await self._both("AssetPairs", "aclass_base")
        if not isinstance(asked, Done):
            return asked
        pairs, more = asked.value
        replies = TokenisedReplies(
            more if isinstance(more, bytes) else None,
            tokenised if isinstance(tokenised, bytes) else None,
            tuple(f"tokenised assets: {one}" for one in (tokenised, more) if isinstance(one, VenueError)),
        )
        try:
            return Done(*read_listing(pairs, assets, replies))
        except VenueError as error:
            return Refused(error)

    async def _both(self, endpoint: str, argument: str) -> Answer[tuple[bytes, bytes | VenueError]]:
        """Ask for what is ordinary, then for what is tokenised, or how the venue refused to know that class."""

        def judged(body: bytes) -> bytes:
            result_of(body, endpoint)
            return body

        ordinary = await self._ask(endpoint, {}, judged)
        if not isinstance(ordinary, Done):
            return ordinary
        more = await self._ask(endpoint, {argument: TOKENISED}, judged)
        if isinstance(more, Done):
            return Done((ordinary.value, more.value))
        if isinstance(more, Refused) and isinstance(more.error, ArgumentsRefusedError):
            return Done((ordinary.value, more.error))
        return more

    async def _ask(
        self, endpoint: str, asked: Mapping[str, str], read: Callable[[bytes], T], pair: Pair | None = None
    ) -> Answer[T]:
        await self._pace.wait(endpoint, pair, self._host)
        try:
            named = asked if pair is None else self._named(pair) | dict(asked)
            url = f"{self._host}/0/public/{endpoint}" + (f"?{urlencode(named)}" if named else "")
            reply = await self._transport.request("GET", url, timeout_s=self._timeout_s)
            return Done(read(whole(reply, endpoint)))
        except RateLimitedError as error:
            self._pace.hold(error.retry_after_s or 5.0, endpoint, pair, self._host)
            return Refused(error)
        except VenueError as error:
            return Refused(error)

    def _named(self, pair: Pair) -> dict[str, str]:
        return {"pair": kraken_names(pair).altname} if self._listing is None else self._listing.rules(pair).rest_name

    def _pair(self, name: str) -> Pair:
        return pair_from_kraken(name) if self._listing is None else self._listing.pair_named(name)

    def _ticker(self, body: bytes, pair: Pair) -> Ticker:
        row = self._only(body, "Ticker", pair)
        (ask, _, _), (bid, _, _), (last, _) = _prices(row, "a", 3), _prices(row, "b", 3), _prices(row, "c", 2)
        if ask <= bid:
            row.refuse("a", f"more than the bid {bid}")
        # Each of these is of today and of 24 hours; a pair without a trade in them has zeros.
        volume, vwap, low, high = (_prices(row, key, 2, least=Decimal(0)) for key in ("v", "p", "l", "h"))
        trades = row.items("t")
        if len(trades) != 2 or any(type(one) is not int or not 0 <= one < 1 << 63 for one in trades):
            row.refuse("t", "two whole numbers")
        for key, smaller, larger in (
            ("t", *trades),
            ("v", volume[0], volume[1]),
            ("h", high[0], high[1]),
            ("l", low[1], low[0]),
        ):
            if smaller > larger:
                row.refuse(key, "24 hours around today")
        if trades[1] and not 0 < low[1] <= vwap[1] <= high[1]:
            row.refuse("p", f"a price from low {low[1]} to high {high[1]}")
        return Ticker(pair, ask, bid, last, volume[1], vwap[1], trades[1], low[1], high[1])

    def _depth(self, body: bytes, pair: Pair) -> Depth:
        row = self._only(body, "Depth", pair)
        asks, bids = _levels(row, "asks"), _levels(row, "bids")
        for name, levels, sign in (("asks", asks, 1), ("bids", bids, -1)):
            if any((b.price - a.price) * sign <= 0 for a, b in pairwise(levels)):
                row.refuse(name, "prices from the best outwards")
        if asks and bids and asks[0].price <= bids[0].price:
            raise ReplyError(f"Depth reply: ask {asks[0].price} at or below bid {bids[0].price}; expected a spread")
        return Depth(pair, asks, bids)

    def _only(self, body: bytes, doing: str, pair: Pair) -> Fields:
        fields = _object(body, doing)
        if len(fields.values) != 1:
            raise ReplyError(f"{doing} reply: {len(fields.values)} pairs; expected {pair} alone")
        name = next(iter(fields.values))
        try:
            found = self._pair(name)
        except UsageError as error:
            raise ReplyError(f"{doing} reply: {printable(str(error))}") from None
        if found != pair:
            raise ReplyError(f"{doing} reply: it is about {found}; expected {pair}")
        return fields.inner(name)


def whole(reply: Reply, doing: str) -> bytes:
    """Return the body of an answer that came from the venue itself.

    Errors: RateLimitedError for 429; VenueUnavailableError for every other status but 200: that is the edge speaking.
    """
    if reply.status == 200:
        return reply.body
    shown = printable(reply.body[:80].decode("utf-8", "replace"))
    if reply.status == 429:
        raise RateLimitedError(f"{doing}: status 429; wait", words=shown, retryable=True, retry_after_s=15.0)
    again = reply.status >= 500 or reply.status in (408, 425)
    raise VenueUnavailableError(
        f"{doing}: status {reply.status}, beginning {shown!r}; expected 200: "
        + ("the venue's edge is down; try again later" if again else "check the venue's address"),
        words=shown,
        retryable=again,
        retry_after_s=5.0 if again else None,
    )


def _object(body: bytes, doing: str) -> Fields:
    return Fields.of(result_of(body, doing)[0], f"{doing} reply")


def _system_state(body: bytes) -> SystemState:
    row = _object(body, "SystemStatus")
    known = ("online", "maintenance", "cancel_only", "post_only", "limit_only")
    try:
        return SystemState(row.text("status", known), parse_time(row.text("timestamp")))
    except UsageError:
        row.refuse("timestamp", "a time, as in 2025-11-11T00:17:10Z")


Page = TypeVar("Page", TradesPage, OhlcPage)


def _of(page: Page, pair: Pair) -> Page:
    if page.pair != pair:
        raise ReplyError(f"the reply is about {page.pair}; expected {pair}")
    return page


def _prices(row: Fields, key: str, count: int, least: Decimal | None = None) -> list[Decimal]:
    """Return a list of `count` decimal texts; above zero, or at least `least` where that is given."""
    numbers = [decimal_in(one) for one in row.items(key)]
    good = [one for one in numbers if one is not None and (one > 0 if least is None else one >= least)]
    return good if len(good) == len(numbers) == count else row.refuse(key, f"{count} prices or amounts, as text")


def _levels(row: Fields, key: str) -> tuple[DepthLevel, ...]:
    return tuple(_level(row, key, one) for one in row.items(key))


def _level(row: Fields, key: str, one: Any) -> DepthLevel:
    parts = one if isinstance(one, list) and len(one) == 3 else [None] * 3
    price, quantity, time = decimal_in(parts[0]), decimal_in(parts[1]), seconds_in(parts[2])
    if price is None or quantity is None or time is None or price <= 0 or quantity <= 0:
        row.refuse(key, "rows of price, quantity and Unix seconds")
    return DepthLevel(price, quantity, time)
