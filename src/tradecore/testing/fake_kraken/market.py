"""The market of the fake venue: every pair's tape cut at now, its newest prices, its offers, its system status.

It knows no requests and no accounts. Both sides of the venue look at it; only the core moves it (`playing`).
Invariant: nothing that happens after the moment is ever seen; prices and amounts are integers of their smallest unit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal

import numpy as np

from tradecore.core.clock import Clock
from tradecore.core.errors import UsageError
from tradecore.core.types import IntArray, Nanoseconds, Pair, Side
from tradecore.testing.fake_kraken.book import Book, Offers
from tradecore.testing.fake_kraken.faults import Faults
from tradecore.testing.fake_kraken.listing import ASSETS, PAIRS, UNKNOWN_PAIR, ListedAsset, ListedPair, find_pair
from tradecore.testing.fake_kraken.said import Said
from tradecore.testing.fake_kraken.settings import FakeSettings
from tradecore.testing.fake_kraken.tape import Tape

LOT_DECIMALS = 8
NEVER_NS = 2**63 - 1
"""The time of what is not going to happen."""
_BLOCK = 256
TAKER_DEPTH = 500
"""How many levels a taking order may eat."""


class Track:
    """One listed pair with its tape in integers: prices in ticks of the pair's decimals, amounts in 1e-8."""

    def __init__(self, listed: ListedPair, tape: Tape, settings: FakeSettings, seed: int) -> None:
        self.listed = listed
        self.tape = tape
        self.time: IntArray = tape.time
        self.price: IntArray = np.rint(tape.price * 10.0**listed.price_decimals).astype(np.int64)
        self.amount: IntArray = np.rint(tape.amount * 10.0**LOT_DECIMALS).astype(np.int64)
        if len(tape) and not (self.price.min() > 0 and self.amount.min() > 0):
            raise UsageError(f"tape of {listed.pair}: a price or amount vanishes at {listed.price_decimals} decimals")
        self.traded: IntArray = np.concatenate([[0], np.cumsum(self.amount)])
        turnover = self.price.astype(np.float64) * self.amount
        self.turnover = np.concatenate([[0.0], np.cumsum(turnover)])
        heads = np.arange(0, len(tape), _BLOCK)
        self._lows = np.minimum.reduceat(self.price, heads) if len(tape) else self.price
        self._highs = np.maximum.reduceat(self.price, heads) if len(tape) else self.price
        self.played = 0
        self.next_time: Nanoseconds = NEVER_NS
        self.offers = Offers(self.price, tape.side, listed.price_decimals, settings, seed)

    def play_to(self, position: int) -> None:
        """Note how many trades have been played, and when the next one is due."""
        self.played = position
        self.next_time = int(self.time[position]) if position < len(self.time) else NEVER_NS

    def position(self, moment: Nanoseconds) -> int:
        """Return how many trades have happened by a moment."""
        return int(np.searchsorted(self.time, moment, side="right"))

    def extremes(self, first: int, last: int) -> tuple[int, int]:
        """Return the lowest and the highest price of trades [first, last), of which there is one at least."""
        head, tail = -(-first // _BLOCK), last // _BLOCK
        if head >= tail:
            span = self.price[first:last]
            return int(span.min()), int(span.max())
        edges = np.concatenate([self.price[first : head * _BLOCK], self.price[tail * _BLOCK : last]])
        low, high = int(self._lows[head:tail].min()), int(self._highs[head:tail].max())
        return (min(low, int(edges.min())), max(high, int(edges.max()))) if len(edges) else (low, high)

    def vwap_units(self, first: int, last: int) -> float:
        """Return the mean price of trades [first, last) by amount, in units of the price; 0 without trades."""
        amount = int(self.traded[last] - self.traded[first])
        return float(self.turnover[last] - self.turnover[first]) / amount if amount else 0.0


class Market:
    """All tracks under one clock."""

    def __init__(
        self, tapes: Mapping[Pair, Tape], clock: Clock, faults: Faults, settings: FakeSettings, seed: int
    ) -> None:
        unlisted = sorted(str(pair) for pair in tapes if pair not in PAIRS)
        if unlisted:
            raise UsageError(f"tapes of {', '.join(unlisted)}: not listed; expected {', '.join(map(str, PAIRS))}")
        self.tracks = {pair: Track(PAIRS[pair], tape, settings, seed) for pair, tape in tapes.items()}
        self._clock = clock
        self._faults = faults
        self._playing: Nanoseconds | None = None

    @property
    def status(self) -> str:
        """online, cancel_only, post_only, limit_only or maintenance."""
        return self._faults.status

    @property
    def moment(self) -> Nanoseconds:
        """The time of the market: now, or that of the trade being played."""
        return self._clock.now() if self._playing is None else self._playing

    @contextmanager
    def playing(self, moment: Nanoseconds) -> Iterator[None]:
        """Let the market stand at a moment of the past while its trade is played."""
        self._playing = moment
        try:
            yield
        finally:
            self._playing = None

    def track(self, pair: Pair) -> Track | None:
        """Return the track of a pair, None when it is listed and has no tape."""
        return self.tracks.get(pair)

    def find_pair(self, name: str) -> Pair:
        """Read any of the venue's spellings. Errors: Said for an unknown one."""
        return find_pair(name).pair

    def pair_rules(self, pair: Pair) -> ListedPair:
        """Return the rules of a listed pair. Errors: Said for an unknown one."""
        if pair not in PAIRS:
            raise Said(UNKNOWN_PAIR)
        return PAIRS[pair]

    def asset_key(self, asset: str) -> str:
        """Return how REST results spell an asset: BTC is XXBT. Errors: Said for an unknown one."""
        return self._asset(asset).key

    def asset_decimals(self, asset: str) -> int:
        """Return how many decimals a balance of the asset has. Errors: Said for an unknown one."""
        return self._asset(asset).decimals

    def last(self, pair: Pair) -> Decimal:
        """Return the price of the newest trade. Errors: Said when there was none yet."""
        track, position = self._traded(pair)
        return Decimal(int(track.price[position - 1])).scaleb(-track.listed.price_decimals)

    def best(self, pair: Pair) -> tuple[Decimal, Decimal]:
        """Return the best bid and the best ask. Errors: Said when there was no trade yet."""
        track, position = self._traded(pair)
        book = track.offers.book(position - 1, 1)
        decimals = track.listed.price_decimals
        return Decimal(int(book.bids[0, 0])).scaleb(-decimals), Decimal(int(book.asks[0, 0])).scaleb(-decimals)

    def offers(self, pair: Pair, side: Side) -> Sequence[tuple[Decimal, Decimal]]:
        """Return the levels that a taker on `side` meets, best first: asks for a buyer, bids for a seller."""
        track, position = self._traded(pair)
        book = track.offers.book(position - 1, TAKER_DEPTH)
        decimals = track.listed.price_decimals
        rows = (book.asks if side == Side.BUY else book.bids).tolist()
        return [(Decimal(price).scaleb(-decimals), Decimal(amount).scaleb(-LOT_DECIMALS)) for price, amount in rows]

    def book(self, pair: Pair, depth: int) -> Book | None:
        """Return the book of a pair, None before its first trade."""
        track = self.tracks.get(pair)
        position = track.position(self.moment) if track else 0
        return track.offers.book(position - 1, depth) if track and position else None

    def _traded(self, pair: Pair) -> tuple[Track, int]:
        self.pair_rules(pair)
        track = self.tracks.get(pair)
        position = track.position(self.moment) if track else 0
        if track is None or not position:
            raise Said("EService:Unavailable")
        return track, position

    @staticmethod
    def _asset(asset: str) -> ListedAsset:
        found = ASSETS.get(asset.upper())
        if found is None:
            raise Said("EQuery:Unknown asset")
        return found
