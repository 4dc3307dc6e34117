"""Every trade of one pair between two times, once: page after page, proved by the venue's own count of its trades.

It asks from just before the cursor, so that trades which share a time cannot fall between two pages; what comes twice
is known by its id. An id that is passed over is looked for, and named where the venue has none. `job` runs it; the
journal keeps what came, `sink` brings it into the lake. Invariant: after any stop or kill it goes on without a loss.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from tradecore.core.errors import ReplyError
from tradecore.core.types import MINUTE_NS, SECOND_NS, Nanoseconds
from tradecore.market.coverage import Run, count
from tradecore.market.fetching.chain import Chain
from tradecore.market.fetching.journal import Journal, Mark
from tradecore.market.fetching.rows import Rows

SLACK_NS = SECOND_NS
"""How far the times shown may stray from the order of ids: so much earlier it begins, so much later it ends."""
SEARCH_REQUESTS = 12
"""The most requests spent on one hole in the ids."""
SEARCHES = 200
"""The most holes that are looked for in one run: at a venue that skips ids as a habit it would never end."""


@dataclass(frozen=True, slots=True)
class Page:
    """What a venue answered: its trades, and the cursor behind them."""

    rows: Rows
    cursor: int


Ask = Callable[[int], Awaitable[Page]]
"""Asks for the page after a cursor (UTC ns), with all patience it takes."""


class TradesFetch:
    """One stretch of one pair's trades on its way into the journal."""

    def __init__(self, ask: Ask, journal: Journal, span: Run, last_id: int | None = None) -> None:
        """Go on from the journal, or begin at `span[0]`; `span[1]` is exclusive.

        `last_id` is the highest id stored before the span, where one is known: the chain then begins behind it.
        """
        self._ask = ask
        self._journal = journal
        self._end = span[1]
        begin = Mark(span[0], span[0], span[0] - SLACK_NS, span[0] - SLACK_NS, span[0], last_id)
        self._mark = begin
        self._since = self.mark.asked
        self._chain = Chain(self.mark.last_id, self.mark.holes)
        self._searches = 0
        self.is_complete = False

    @property
    def mark(self) -> Mark:
        """Where the chain stands: what the journal says, or the beginning."""
        return self._journal.mark or self._mark

    @property
    def missing(self) -> int:
        """How many ids were passed over and not found."""
        return count(self._chain.holes, 1)

    @property
    def proved(self) -> Nanoseconds:
        """The minute before which every trade is in the journal or the lake."""
        if self.is_complete:
            return self._end
        newest = self.mark.newest - SLACK_NS
        return max(self.mark.held, min(newest - newest % MINUTE_NS, self._end))

    async def step(self) -> int:
        """Ask for one page, keep what is new, and return how many trades that were. Sets `is_complete` at the end.

        Errors: VenueError where patience ended; StateRefusedError when the journal cannot be written.
        """
        since, before = self._since, self._chain.holes
        page = await self._ask(since)
        rows = [self._chain.take(page.rows)]
        for hole in self._chain.holes:
            if hole not in before and self._searches < SEARCHES:
                rows.append(await self._search(hole, page, since))
        new = Rows.joined(rows)
        has_moved = len(page.rows) > 0 and page.cursor > self.mark.cursor
        self.is_complete = not has_moved and not len(new) and self._is_end(page, since)
        self._since = self._next(page, since, has_moved)
        self._keep(page, since, new, has_moved)
        self.is_complete = self.is_complete or self.mark.newest >= self._end + SLACK_NS
        return len(new)

    def _is_end(self, page: Page, since: int) -> bool:
        """Whether nothing lies behind the cursor: no trade at all came, or only known ones from strictly behind it."""
        return since >= self.mark.cursor - 1 if not len(page.rows) else since > self.mark.cursor

    def _next(self, page: Page, since: int, has_moved: bool) -> int:
        """Return the cursor to ask next."""
        if has_moved:
            return page.cursor - 1
        if since < self.mark.cursor - 1:
            return self.mark.cursor - 1
        if since > self.mark.cursor and not self.is_complete:
            raise ReplyError(
                f"the venue's cursor stands still at {self.mark.cursor} while trades keep coming; expected it to grow; "
                "run the job again later"
            )
        # Everything at this cursor is known and more does not fit a page: step over it, by one where the venue gives
        # what lies behind the cursor, by two where it gives what lies at it.
        return since + 1

    def _keep(self, page: Page, since: int, new: Rows, has_moved: bool) -> None:
        """Write the page's new trades of the span down, with where the chain stands after it."""
        mark = self.mark
        after = replace(
            mark,
            asked=since if has_moved else mark.asked,
            cursor=page.cursor if has_moved else mark.cursor,
            newest=max(mark.newest, int(page.rows.time.max())) if len(page.rows) else mark.newest,
            last_id=self._chain.last_id,
            holes=self._chain.holes,
        )
        wanted = new.where((new.time >= mark.start) & (new.time < self._end))
        if len(wanted) or after != mark:
            self._journal.append(after, wanted)

    async def _search(self, hole: Run, page: Page, since: int) -> Rows:
        """Ask for the ids of a hole again, from earlier and then by halves of its time, and return what was found."""
        self._searches += 1
        found: list[Rows] = []
        ids, times = page.rows.trade_id, page.rows.time
        low = int(times[ids < hole[0]].max(initial=since)) - 1
        high = int(times[ids > hole[1]].min(initial=max(page.cursor, low + 1)))
        asked = min(since, low) - SLACK_NS
        for _ in range(SEARCH_REQUESTS):
            page = await self._ask(asked)
            ids = page.rows.trade_id
            found.append(self._chain.take(page.rows.where(ids <= hole[1])))
            if not any(one[0] <= hole[1] and one[1] >= hole[0] for one in self._chain.holes):
                break
            if len(ids) and ids.min() < hole[0] and ids.max() > hole[1]:
                break  # a page that reaches across lacks them: the venue has no such trades
            if asked >= low:
                low, high = (low, asked) if not len(ids) or ids.min() >= hole[0] else (asked, high)
            if high - low <= 1:
                break
            asked = (low + high) // 2
        return Rows.joined(found)
