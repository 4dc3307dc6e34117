"""The chain of trade ids: which trades of a page are new, and which ids no page has brought yet.

A venue counts its trades: the next id is the last one plus one. Times prove nothing, because many trades share one.
Pure: it asks nobody. `trades` calls it. Invariant: every id between the first and the last taken was taken once, or
lies in a hole.
"""

from __future__ import annotations

from tradecore.market.coverage import Run, inside, runs_of, subtract, union
from tradecore.market.fetching.rows import Rows


class Chain:
    """What is known of a pair's ids. Without a last id it begins with the first trade it is given."""

    def __init__(self, last_id: int | None = None, holes: tuple[Run, ...] = ()) -> None:
        self.last_id = last_id
        self.holes = holes

    def take(self, rows: Rows) -> Rows:
        """Return the trades that were not there yet, by id; ids passed over become holes, those found close them."""
        if not len(rows):
            return rows
        rows = rows.by_id()
        ids = rows.trade_id
        last = int(ids[0]) - 1 if self.last_id is None else self.last_id
        new = rows.where((ids > last) | inside(ids, self.holes))
        self.last_id = max(last, int(ids[-1]))
        if len(new):
            passed = [(last + 1, self.last_id)] if self.last_id > last else []
            self.holes = subtract(union([*self.holes, *passed]), runs_of(new.trade_id, 1))
        return new
