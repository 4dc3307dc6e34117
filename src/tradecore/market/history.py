"""The history a strategy needs before its first decision: from the lake, else from the venue, else a reason by name.

A strategy needs so many final bars up to now. What the lake has is taken; what is missing is one question for the
venue's newest 720 bars where those suffice, and otherwise the trades they are made of. Which of the two is said, by the
source of the bars. Nothing is guessed: too few bars, no connection, an unknown pair are answers, not exceptions.
`control.history` and the engine's start call it.
"""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

from tradecore.core.bars import Bars
from tradecore.core.errors import NothingThereError, UsageError, VenueError
from tradecore.core.events import FeedReason
from tradecore.core.types import MINUTE_NS, SECOND_NS, Nanoseconds, Pair, Timeframe, iso
from tradecore.market import ohlc
from tradecore.market.frames import PRICES, is_filler
from tradecore.market.lake import Lake
from tradecore.market.live.status import reason_of
from tradecore.market.manifest import DatasetKey
from tradecore.market.sources.kraken_rest import OHLC, bars_of
from tradecore.venues.kraken.answers import Answer, Done
from tradecore.venues.kraken.public import INTERVALS
from tradecore.venues.kraken.replies import OhlcPage

NEWEST_BARS = 720
"""How many finished bars the venue gives, and none older."""
FINAL_NS = 60 * SECOND_NS
"""How long after its end a bar is final though no later trade was seen; a fetch waits as long."""
SPARE = 1.25
"""So much more time is asked for than the bars would fill: a time without trades has no bar."""

Way: TypeAlias = Literal["stored", "ohlc", "trades"]
How: TypeAlias = Literal["auto", "ohlc", "trades"]


@dataclass(frozen=True, slots=True)
class Need:
    """How many final bars of a pair, up to the newest."""

    pair: Pair
    timeframe: Timeframe
    bars: int


@dataclass(frozen=True, slots=True)
class Ready:
    """The bars, oldest first, and which way they came."""

    bars: Bars
    way: Way


@dataclass(frozen=True, slots=True)
class NotReady:
    """Why a strategy cannot begin, in a word that a decision log takes as it is, and in a sentence for a person."""

    reason: FeedReason
    detail: str
    have: int
    need: int


History: TypeAlias = Ready | NotReady


class Venue(Protocol):
    """What is asked of the venue; `control` and tests give it."""

    def ohlc(self, pair: Pair, timeframe: Timeframe) -> Awaitable[Answer[OhlcPage]]:
        """Ask for the newest bars."""
        ...

    def trades(self, pair: Pair, since: Nanoseconds) -> Awaitable[None]:
        """Bring every trade since a time into the lake. Errors: VenueError."""
        ...


async def history(lake: Lake, need: Need, venue: Venue, *, how: How = "auto", name: str = "kraken") -> History:
    """Return the bars a strategy needs, or why it cannot have them. Only what the lake lacks is asked for.

    Errors: UsageError for a way that cannot be meant; DataError where what came contradicts what is stored.
    """
    if how not in ("auto", "ohlc", "trades"):
        raise UsageError(f"way {how!r}: expected auto, ohlc or trades")
    found = look(lake, need, name)
    if isinstance(found, Ready):
        return found
    try:
        if way_of(need, how) == "ohlc":
            answer = await venue.ohlc(need.pair, need.timeframe)
            if not isinstance(answer, Done):
                raise answer.error
            return _of_page(lake, need, answer.value, name)
        await venue.trades(need.pair, since(lake, need))
    except VenueError as error:
        return NotReady(reason_of(error), str(error), found.have, need.bars)
    found = look(lake, need, name)
    return Ready(found.bars, "trades") if isinstance(found, Ready) else found


def look(lake: Lake, need: Need, name: str = "kraken") -> History:
    """Return the newest bars if the lake has enough of them up to now; asks nobody."""
    newest = newest_final(lake, need.timeframe)
    try:
        bars = lake.bars(name, need.pair, need.timeframe, end=newest + need.timeframe.ns)
    except NothingThereError:
        return _too_little(need, 0, "nothing is stored")
    if not _reaches(lake, need, name, newest):
        return _too_little(need, len(bars), "the newest are missing")
    return _enough(need, bars, "stored")


def way_of(need: Need, how: How = "auto") -> Way:
    """Return how missing history is had: one question where 720 bars suffice and the venue makes them, else trades."""
    if how != "auto":
        return how
    makes = need.timeframe.ns // MINUTE_NS in INTERVALS
    return "ohlc" if makes and need.bars <= NEWEST_BARS else "trades"


def since(lake: Lake, need: Need) -> Nanoseconds:
    """Return the moment from which trades make the bars that are needed."""
    span = int(need.bars * SPARE) * need.timeframe.ns
    start = newest_final(lake, need.timeframe) - span
    return start // need.timeframe.ns * need.timeframe.ns


def newest_final(lake: Lake, timeframe: Timeframe) -> Nanoseconds:
    """Return the open time of the newest bar that is final by the lake's clock."""
    return (lake.clock.now() - FINAL_NS) // timeframe.ns * timeframe.ns - timeframe.ns


def _reaches(lake: Lake, need: Need, name: str, newest: Nanoseconds) -> bool:
    """Whether what is stored covers the newest final bar, which there may not be: nothing may have traded then."""
    ends = [
        one.end + one.key.step
        for one in lake.datasets()
        if (one.key.venue, one.key.pair) == (name, need.pair)
        and one.key.timeframe is not None
        and need.timeframe.ns % one.key.step == 0
    ]
    return max(ends, default=0) >= newest + need.timeframe.ns


def _of_page(lake: Lake, need: Need, page: OhlcPage, name: str) -> History:
    """Return the bars of a page, stored where no other source is; beside others they are handed on and not stored."""
    key = DatasetKey(name, need.pair, need.timeframe)
    stored = next((one for one in lake.datasets() if one.key == key), None)
    if not any(page.finished):
        return _too_little(need, 0, "the venue gave no finished bar")
    if page.last < newest_final(lake, need.timeframe):
        have = int(page.finished.sum())
        return _too_little(need, have, f"the venue's newest is of {iso(page.last)}; check this machine's clock")
    if stored is None or set(stored.sources) == {OHLC}:
        ohlc.store_newest(lake, page, need.timeframe)
        return _enough(need, lake.bars(name, need.pair, need.timeframe), "ohlc")
    rows = bars_of(page)
    rows = rows.filter(~is_filler(rows))
    open_, high, low, close, volume = (rows[one].to_numpy() for one in (*PRICES, "volume"))
    times = rows["open_time"].to_numpy()
    bars = Bars(need.pair, need.timeframe, times, open_, high, low, close, volume, OHLC)
    return _enough(need, bars, "ohlc")


def _enough(need: Need, bars: Bars, way: Way) -> History:
    if len(bars) < need.bars:
        return _too_little(need, len(bars), "no more is stored" if way == "stored" else "the venue gave no more")
    return Ready(bars[len(bars) - need.bars :], way)


def _too_little(need: Need, have: int, why: str) -> NotReady:
    text = f"{need.pair} {need.timeframe}: {have:,} of {need.bars:,} bars, {why}"
    return NotReady(FeedReason.TOO_LITTLE_DATA, text, have, need.bars)
