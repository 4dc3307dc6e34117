"""Trades become 1-minute bars, and bars become bars of every longer timeframe; nothing else makes bars from data.

It drops nothing: volume and trade counts of the result add up to those of the input. Edges that are not wholly covered
are the caller's business (`whole_buckets`). The lake, the tiers and the importers call it.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import polars as pl

from tradecore.core.errors import DataError, UsageError
from tradecore.core.types import MINUTE_NS, FloatArray, IntArray, Nanoseconds, Timeframe
from tradecore.market.frames import BAR_SCHEMA, empty_bars

ONE_MINUTE = Timeframe(MINUTE_NS)


def trades_to_bars(trades: pl.DataFrame, timeframe: Timeframe = ONE_MINUTE) -> pl.DataFrame:
    """Return the bars of a table of trades; a span of time without trades has no bar.

    Inside a bar the first and last trade are found by trade id where the venue gives one (times repeat within a page),
    otherwise by the order of the rows; amounts are added up in that order, so that equal trades make equal bits.
    Shape:  trades with the columns time, trade_id, price and amount of `frames.TRADE_SCHEMA`; the result as
            `frames.BAR_SCHEMA`, oldest first.
    Errors: DataError when some trades have an id and some have none: their order would be a guess.
    """
    missing = trades["trade_id"].null_count()
    if 0 < missing < len(trades):
        raise DataError(
            f"{missing:,} of {len(trades):,} trades have no id; expected all or none, or the order inside a bar is a "
            "guess; import the two kinds apart"
        )
    if not len(trades):
        return empty_bars()
    bucket = trades["time"].to_numpy() // timeframe.ns
    price, amount = trades["price"].to_numpy(), trades["amount"].to_numpy()
    order = _order(bucket, None if missing else trades["trade_id"].to_numpy())
    if order is not None:
        bucket, price, amount = bucket[order], price[order], amount[order]
    first = _firsts(bucket)
    count = np.diff(first, append=len(bucket))
    return pl.DataFrame(
        {
            "open_time": bucket[first] * timeframe.ns,
            "open": price[first],
            "high": np.maximum.reduceat(price, first),
            "low": np.minimum.reduceat(price, first),
            "close": price[first + count - 1],
            "volume": _sums(amount, count),
            "count": count,
        },
        schema=BAR_SCHEMA,
    )


def blocks_to_bars(blocks: Iterable[pl.DataFrame], timeframe: Timeframe = ONE_MINUTE) -> pl.DataFrame:
    """Return the bars of trades that come in blocks, oldest first, as if they had come in one table.

    Memory holds one block: the trades of its last bar wait for the next block. Trades with and without ids may stand
    beside one another as the lake joins them, no minute with both: such a block goes through bars of one minute.
    """
    made, rest = [empty_bars()], None
    for block in blocks:
        rows = block if rest is None else pl.concat([rest, block])
        if not len(rows):
            continue
        newest = int(rows["time"][-1]) // timeframe.ns * timeframe.ns
        cut = int(rows["time"].search_sorted(newest))
        made.append(_bars_of_kinds(rows[:cut], timeframe))
        rest = rows[cut:]
    return pl.concat(made if rest is None else [*made, _bars_of_kinds(rest, timeframe)])


def _bars_of_kinds(trades: pl.DataFrame, timeframe: Timeframe) -> pl.DataFrame:
    if 0 < trades["trade_id"].null_count() < len(trades):
        null = trades["trade_id"].is_null()
        sides = [trades_to_bars(trades.filter(kind)) for kind in (null, ~null)]
        return bars_to_bars(pl.concat(sides).sort("open_time"), ONE_MINUTE, timeframe)
    return trades_to_bars(trades, timeframe)


def bars_to_bars(bars: pl.DataFrame, source: Timeframe, target: Timeframe) -> pl.DataFrame:
    """Return bars of a longer timeframe; a span without bars has none. Volume and count add up (unknown stays unknown).

    Shape:  bars as `frames.BAR_SCHEMA`, oldest first, and so the result.
    Errors: UsageError when `target` is not a whole multiple of `source`.
    """
    if target.ns % source.ns:
        raise UsageError(
            f"timeframe {target}: cannot be made from {source} bars; expected a whole multiple of {source}"
        )
    if target == source or not len(bars):
        return bars
    bucket = bars["open_time"].to_numpy() // target.ns
    first = _firsts(bucket)
    held = np.diff(first, append=len(bucket))
    counts, unknown = bars["count"].fill_null(0).to_numpy(), bars["count"].is_null().to_numpy()
    return pl.DataFrame(
        {
            "open_time": bucket[first] * target.ns,
            "open": bars["open"].to_numpy()[first],
            "high": np.maximum.reduceat(bars["high"].to_numpy(), first),
            "low": np.minimum.reduceat(bars["low"].to_numpy(), first),
            "close": bars["close"].to_numpy()[first + held - 1],
            "volume": _sums(bars["volume"].to_numpy(), held),
            "count": pl.Series(np.add.reduceat(counts, first)).set(
                pl.Series(np.logical_or.reduceat(unknown, first)), None
            ),
        },
        schema=BAR_SCHEMA,
    )


def whole_buckets(
    first: Nanoseconds, last: Nanoseconds, source: Timeframe, target: Timeframe
) -> tuple[Nanoseconds, Nanoseconds]:
    """Return the first and last target bar wholly inside the covered span `[first, last]` of source open times.

    The second is below the first when there is none.
    """
    start = -(-first // target.ns) * target.ns
    return start, (last + source.ns) // target.ns * target.ns - target.ns


def _order(bucket: IntArray, ids: IntArray | None) -> IntArray | None:
    """Return the rows by bucket and id, or by bucket alone without ids; None when they lie so already."""
    if ids is None:
        return None if (bucket[1:] >= bucket[:-1]).all() else np.argsort(bucket, kind="stable")
    if (ids[1:] > ids[:-1]).all() and (bucket[1:] >= bucket[:-1]).all():
        return None
    return np.lexsort((ids, bucket))


def _firsts(bucket: IntArray) -> IntArray:
    """Return the rows with which a new bucket begins; there is at least one row."""
    return np.concatenate(([0], np.flatnonzero(bucket[1:] != bucket[:-1]) + 1))


def _sums(values: FloatArray, counts: IntArray) -> FloatArray:
    """Return the sum of each run of `counts` values, added one after another: a sum by halves has other bits."""
    sums: FloatArray = np.bincount(np.repeat(np.arange(len(counts)), counts), values).astype(np.float64, copy=False)
    return sums
