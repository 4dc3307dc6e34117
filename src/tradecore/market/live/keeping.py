"""Final minutes of a live feed go into the lake as trades: source `kraken-live`, seamed to what is there by trade id.

Synchronous; `control.watching` calls it between events. Where another process writes to the lake the trades wait for
the next call, as long as the feed still holds them. Invariant: a stored minute has every trade of that minute.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

import polars as pl

from tradecore.core.errors import StateRefusedError
from tradecore.core.types import HOUR_NS, MINUTE_NS, Nanoseconds, Pair, iso
from tradecore.market.draft import Addition
from tradecore.market.frames import TRADE_SCHEMA
from tradecore.market.lake import Lake, LakeBusyError
from tradecore.market.live.bar_builder import SOURCE
from tradecore.market.live.live_feed import LiveFeed
from tradecore.market.live.pair_feed import Start
from tradecore.market.live.ticks import Tick
from tradecore.market.manifest import DatasetKey, SourceRef

VENUE = "kraken"
LONGEST_WAIT_NS = HOUR_NS - 5 * MINUTE_NS
"""How long a busy lake is waited for: a little less than the feed holds final trades."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Trades on their way into the lake: what to add, and up to where each pair is stored then."""

    additions: tuple[tuple[DatasetKey, Addition], ...]
    reached: Mapping[Pair, Nanoseconds]
    revised: Mapping[Pair, frozenset[Nanoseconds]]


class Keeper:
    """Stores what a feed has made final, pair by pair, from where each pair's feed began.

    `collect` and `done` belong into the feed's own thread, `write` may run in any other.
    """

    def __init__(self, lake: Lake, feed: LiveFeed, begins: Mapping[Pair, Nanoseconds], *, join: bool = False) -> None:
        self._lake, self._feed, self._join = lake, feed, join
        self._until = {pair: begin - begin % MINUTE_NS for pair, begin in begins.items()}
        self._revised: dict[Pair, set[Nanoseconds]] = {pair: set() for pair in begins}
        self.stored = 0
        """Trades the lake gained."""

    def revise(self, pair: Pair, start: Nanoseconds, end: Nanoseconds) -> None:
        """Learn that minutes between start and end have changed; those stored already are stored again."""
        self._revised[pair] |= set(range(start, min(end, self._until[pair]), MINUTE_NS))

    def collect(self) -> Batch:
        """Return every final minute that is not stored yet. A stretch without trades waits for the next trade."""
        additions: list[tuple[DatasetKey, Addition]] = []
        reached: dict[Pair, Nanoseconds] = {}
        for pair, begin in self._until.items():
            end = self._feed.minutes_until(pair)
            spans = [(minute, minute + MINUTE_NS) for minute in sorted(self._revised[pair])]
            made = [self._addition(pair, start, stop) for start, stop in (*spans, (begin, max(begin, end)))]
            additions += [(DatasetKey(VENUE, pair, None), one) for one in made if len(one.rows)]
            if len(made[-1].rows):
                reached[pair] = end
        return Batch(tuple(additions), reached, {pair: frozenset(one) for pair, one in self._revised.items()})

    def write(self, batch: Batch) -> int | None:
        """Bring a batch into the lake and return how many trades it gained; None where the lake is busy.

        Errors: DataError when trades contradict stored ones or were never joined with their source; StateRefusedError
                when the lake cannot be written, or was busy for too long.
        """
        if not batch.additions:
            return 0
        try:
            with self._lake.writer(join=self._join) as writer:
                gained = sum(writer.add_trades(key, addition) for key, addition in batch.additions)
                writer.commit()
            return gained
        except LakeBusyError:
            for key, one in batch.additions:
                if one.span[1] - int(one.rows["time"][0]) > LONGEST_WAIT_NS:
                    raise StateRefusedError(
                        f"{key}: trades from {iso(one.span[0])} on are not stored: another process has been writing to "
                        f"the lake ever since; end it, then run: tradecore data fetch {key.pair}"
                    ) from None
            return None

    def done(self, batch: Batch, gained: int | None) -> None:
        """Learn what became of a batch; one that met a busy lake is collected again."""
        if gained is None:
            return
        self._until |= batch.reached
        for pair, minutes in batch.revised.items():
            self._revised[pair] -= minutes
        self.stored += gained

    def _addition(self, pair: Pair, start: Nanoseconds, end: Nanoseconds) -> Addition:
        name = f"{VENUE} live {pair}"
        ref = SourceRef(name, sha256(name.encode()).hexdigest(), SOURCE)
        return Addition(_table(self._feed.ticks(pair, start, end)), (start, end - 1), SOURCE, ref)


def start_after(lake: Lake, pair: Pair, symbol: str = "") -> Start | None:
    """Return where a feed goes on right after the trades that are stored; None where none with ids are."""
    key = DatasetKey(VENUE, pair, None)
    stored = next((one for one in lake.datasets() if one.key == key), None)
    files = stored.manifest.files if stored is not None else ()
    if stored is None or not files or not files[-1].ids or (stored.end + 1) % MINUTE_NS:
        return None
    last = lake.store.read(files[-1]).sort("trade_id").row(-1, named=True)
    sign = 1 if last["side"] == "buy" else -1
    return Start(stored.end + 1, Tick(last["trade_id"], last["time"], last["price"], last["amount"], sign), symbol)


def _table(ticks: list[Tick]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "time": [tick.time for tick in ticks],
            "trade_id": [tick.trade_id for tick in ticks],
            "price": [tick.price for tick in ticks],
            "amount": [tick.amount for tick in ticks],
            "side": ["buy" if tick.side > 0 else "sell" for tick in ticks],
        },
        schema=TRADE_SCHEMA,
    ).sort("time", "trade_id")
