"""Trades become 1-minute bars, and bars become bars of every longer timeframe; nothing else makes bars from data.

It drops nothing: volume and trade counts of the result add up to those of the input. Edges that are not wholly covered
are the caller's business (`whole_buckets`). The lake, the tiers and the importers call it.
"""

from __future__ import annotations

import polars as pl

from tradecore.core.errors import DataError, UsageError
from tradecore.core.types import MINUTE_NS, Nanoseconds, Timeframe
from tradecore.market.frames import BAR_SCHEMA

ONE_MINUTE = Timeframe(MINUTE_NS)


def trades_to_bars(trades: pl.DataFrame, timeframe: Timeframe = ONE_MINUTE) -> pl.DataFrame:
    """Return the bars of a table of trades; a span of time without trades has no bar.

    Inside a bar the first and last trade are found by trade id where the venue gives one (times repeat within a page),
    otherwise by the order of the rows.
    Shape:  trades as `frames.TRADE_SCHEMA`; the result as `frames.BAR_SCHEMA`, oldest first.
    Errors: DataError when some trades have an id and some have none: their order would be a guess.
    """
    missing = trades["trade_id"].null_count()
    if 0 < missing < len(trades):
        raise DataError(
            f"{missing:,} of {len(trades):,} trades have no id; expected all or none, or the order inside a bar is a "
            "guess; import the two kinds apart"
        )
    order = ["open_time"] if missing else ["open_time", "trade_id"]
    return (
        trades.lazy()
        .with_columns(open_time=pl.col("time") // timeframe.ns * timeframe.ns)
        .sort(order, maintain_order=True)
        .group_by("open_time", maintain_order=True)
        .agg(
            open=pl.col("price").first(),
            high=pl.col("price").max(),
            low=pl.col("price").min(),
            close=pl.col("price").last(),
            volume=pl.col("amount").sum(),
            count=pl.len().cast(pl.Int64),
        )
        .select(BAR_SCHEMA.names())
        .collect()
    )


def bars_to_bars(bars: pl.DataFrame, source: Timeframe, target: Timeframe) -> pl.DataFrame:
    """Return bars of a longer timeframe; a span without bars has none. Volume and count add up (unknown stays unknown).

    Errors: UsageError when `target` is not a whole multiple of `source`.
    """
    if target.ns % source.ns:
        raise UsageError(
            f"timeframe {target}: cannot be made from {source} bars; expected a whole multiple of {source}"
        )
    if target == source:
        return bars
    return (
        bars.lazy()
        .with_columns(open_time=pl.col("open_time") // target.ns * target.ns)
        .group_by("open_time", maintain_order=True)
        .agg(
            open=pl.col("open").first(),
            high=pl.col("high").max(),
            low=pl.col("low").min(),
            close=pl.col("close").last(),
            volume=pl.col("volume").sum(),
            count=pl.when(pl.col("count").null_count() == 0).then(pl.col("count").sum()),
        )
        .select(BAR_SCHEMA.names())
        .collect()
    )


def whole_buckets(
    first: Nanoseconds, last: Nanoseconds, source: Timeframe, target: Timeframe
) -> tuple[Nanoseconds, Nanoseconds]:
    """Return the first and last target bar wholly inside the covered span `[first, last]` of source open times.

    The second is below the first when there is none.
    """
    start = -(-first // target.ns) * target.ns
    return start, (last + source.ns) // target.ns * target.ns - target.ns
