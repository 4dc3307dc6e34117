"""From the journal into the lake: whole, final minutes only, under a name that tells nothing of when it was fetched.

Called by `runner` at the end of a month, when the journal grows long, and at every exit. Invariant: the journal forgets
a trade only after the lake's index names a file that holds it; the lake is the same however often a fetch was stopped.
"""

from __future__ import annotations

from hashlib import sha256

import numpy as np
import polars as pl

from tradecore.core.types import Nanoseconds
from tradecore.market.coverage import Run, subtract
from tradecore.market.draft import Addition
from tradecore.market.fetching.journal import Journal
from tradecore.market.fetching.trades import TradesFetch
from tradecore.market.frames import TRADE_SCHEMA
from tradecore.market.lake import Dataset, Lake
from tradecore.market.manifest import DatasetKey, SourceRef

SOURCE = "kraken-rest-trades"
FIRST_ROWS = 5_000
"""Trades after which a stretch first goes into the lake: what the lake refuses, it refuses before hours have passed."""
MOST_ROWS = 2_000_000
"""Trades in a journal at which they go into the lake before the month ends."""


def trades_ref(key: DatasetKey) -> SourceRef:
    """Return what stands in the manifest for trades that were fetched: venue, endpoint and pair, and no more."""
    name = f"{key.venue} Trades {key.pair}"
    return SourceRef(name, sha256(name.encode()).hexdigest(), SOURCE)


def is_due(fetch: TradesFetch, journal: Journal) -> bool:
    """Whether the journal should go into the lake now: the stretch or a month is complete, or the journal is long."""
    if fetch.is_complete or journal.oldest is None:
        return fetch.is_complete
    begins = fetch.mark.held == fetch.mark.start
    enough = FIRST_ROWS if begins else MOST_ROWS
    has_minute = fetch.proved > fetch.mark.held
    return has_minute and (journal.rows >= enough or _month(journal.oldest) < _month(fetch.proved - 1))


def compact(lake: Lake, key: DatasetKey, fetch: TradesFetch, journal: Journal, *, join: bool = False) -> int:
    """Bring what is proved and final into the lake in one commit, then forget it; return how many trades it gained.

    Errors: LakeBusyError; DataError when the trades contradict stored ones; StateRefusedError when the disk refuses.
    """
    start, cut = fetch.mark.held, fetch.proved
    if cut <= start or journal.mark is None:
        return 0
    ref = trades_ref(key)
    with lake.writer(join=join) as writer:
        # All at once: a seam is proved by every trade of the span, and a month is written once. MOST_ROWS bounds it.
        rows = pl.concat([pl.DataFrame(schema=TRADE_SCHEMA), *journal.blocks(cut)])
        gained = writer.add_trades(key, Addition(rows, (start, cut - 1), SOURCE, ref))
        writer.commit()
    journal.drop_before(cut)
    return gained


def uncovered(lake: Lake, key: DatasetKey, span: Run) -> tuple[Run, ...]:
    """Return the parts of a span, its end exclusive, that no fetch has brought into the lake yet."""
    stored = stored_trades(lake, key)
    own = [] if stored is None else [one.span for one in stored.manifest.slices if one.source == SOURCE]
    return tuple((first, last + 1) for first, last in subtract([(span[0], span[1] - 1)], own))


def last_id_before(lake: Lake, key: DatasetKey, time: Nanoseconds) -> int | None:
    """Return the highest stored trade id where what is stored reaches up to a time and not beyond; None elsewhere."""
    stored = stored_trades(lake, key)
    if stored is None or not any(one.start < time == one.end + 1 for one in stored.manifest.slices):
        return None
    files = [file for file in stored.manifest.files if file.ids]
    if not files or any(file.last >= time for file in files):
        return None
    return max(file.ids[-1][1] for file in files)


def missing_ids(lake: Lake, key: DatasetKey, span: Run) -> tuple[Run, ...]:
    """Return the runs of ids that the lake lacks inside a span, and between it and what is stored right before it."""
    stored = stored_trades(lake, key)
    if stored is None or not stored.manifest.missing_ids:
        return ()
    files = [file for file in stored.manifest.files if file.ids and file.last >= span[0] and file.first < span[1]]
    ends = []
    for file in files[:1] + files[-1:]:
        rows = lake.store.read(file, ["time", "trade_id"])
        ends.append(rows.filter(pl.col("time").is_between(span[0], span[1] - 1))["trade_id"].drop_nulls())
    ids = pl.concat(ends) if ends else pl.Series(dtype=pl.Int64)
    if not len(ids):
        return ()
    low, high = int(ids.min() or 0), int(ids.max() or 0)  # type: ignore[arg-type]
    reaches = any(one.start < span[0] <= one.end + 1 for one in stored.manifest.slices)
    first = low - 1 if reaches else low
    return tuple(run for run in stored.manifest.missing_ids if run[1] >= first and run[0] <= high)


def stored_trades(lake: Lake, key: DatasetKey) -> Dataset | None:
    """Return the dataset of a key, or None where the lake has none."""
    return next((one for one in lake.datasets() if one.key == key), None)


def _month(time: Nanoseconds) -> int:
    """Return the months since 1970."""
    return int(np.datetime64(int(time), "ns").astype("datetime64[M]").astype(np.int64))
