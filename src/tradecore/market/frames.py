"""The two tables of the lake, bars and trades: their columns, and the checks that name the row that breaks a rule.

Tables live here as Polars frames because archives are large; what leaves the lake is `core.bars.Bars`. Importers, the
writer and the aggregation call it. Invariant: a frame that passed `check_bars` or `check_trades` can be stored.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from tradecore.core.errors import DataError
from tradecore.core.types import MINUTE_NS, Nanoseconds, Timeframe, iso

BAR_SCHEMA = pl.Schema(
    {
        "open_time": pl.Int64(),
        "open": pl.Float64(),
        "high": pl.Float64(),
        "low": pl.Float64(),
        "close": pl.Float64(),
        "volume": pl.Float64(),
        "count": pl.Int64(),
    }
)
"""Bars: open time in UTC ns, prices in quote, volume in base, number of trades (null where the source has none)."""

TRADE_SCHEMA = pl.Schema(
    {
        "time": pl.Int64(),
        "trade_id": pl.Int64(),
        "price": pl.Float64(),
        "amount": pl.Float64(),
        "side": pl.String(),
    }
)
"""Trades in the order of execution: time in UTC ns, the venue's id (null where the source has none), taker side."""

EARLIEST = 1_230_768_000 * 1_000_000_000
"""2009-01-01: nothing here was traded before; an older time is a wrong unit."""
LATEST = 4_102_444_800 * 1_000_000_000
"""2100-01-01."""

PRICES = ("open", "high", "low", "close")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a block of rows came from, so that an error can name the file and the row (the first row is 1)."""

    file: str
    first_row: int = 1


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing every row must keep."""

    broken: pl.Expr
    was: str
    expected: str


def time_column(frame: pl.DataFrame) -> str:
    """Return the name of the column a frame is ordered by."""
    return "time" if "time" in frame.columns else "open_time"


def check_bars(frame: pl.DataFrame, timeframe: Timeframe, origin: Origin, after: Nanoseconds | None = None) -> None:
    """Raise DataError for the first row that cannot be a bar; `after` is the open time of the row before the block."""
    before = pl.col("open_time").shift(1, fill_value=after if after is not None else EARLIEST - 1)
    values = [*PRICES, "volume"]
    rules = (
        *_common_rules("open_time", values),
        Rule(pl.col("open_time") == before, "the time of the row before again", "each bar once, in rising order"),
        Rule(pl.col("open_time") < before, "a time before that of the row before", "rows in rising order of time"),
        Rule(pl.col("open_time") % timeframe.ns != 0, f"a time off the {timeframe} grid", f"open times of {timeframe}"),
        Rule(pl.min_horizontal(PRICES) <= 0, "a price of zero or less", "prices above zero"),
        Rule(pl.col("volume") < 0, "a negative volume", "volume of zero or more"),
        Rule(pl.col("high") < pl.col("low"), "high below low", "high at or above low"),
        Rule(pl.col("high") < pl.max_horizontal(PRICES), "high below open or close", "high at or above every price"),
        Rule(pl.col("low") > pl.min_horizontal(PRICES), "low above open or close", "low at or below every price"),
        Rule(pl.col("count") < 0, "a negative number of trades", "zero or more trades"),
    )
    _refuse_first(frame, rules, origin, "open_time")


def check_trades(frame: pl.DataFrame, origin: Origin, after: Nanoseconds | None = None) -> None:
    """Raise DataError for the first row that cannot be a trade; `after` is the time of the row before the block."""
    before = pl.col("time").shift(1, fill_value=after if after is not None else EARLIEST - 1)
    rules = (
        *_common_rules("time", ["price", "amount"]),
        Rule(pl.col("time") < before, "a time before that of the row before", "rows in the order of trading"),
        Rule(pl.col("price") <= 0, "a price of zero or less", "prices above zero"),
        Rule(pl.col("amount") < 0, "a negative volume", "volume of zero or more"),
        Rule(pl.col("trade_id") < 0, "a negative trade id", "ids of zero or more"),
        Rule(~pl.col("side").is_in(["buy", "sell"]), "an unknown side", "buy or sell"),
    )
    _refuse_first(frame, rules, origin, "time")


def is_filler(frame: pl.DataFrame) -> pl.Series:
    """Mark the bars in which nothing traded: flat, no volume, no trades. They are never stored."""
    flat = (pl.col("high") == pl.col("low")) & (pl.col("volume") == 0) & (pl.col("count").fill_null(0) == 0)
    return frame.select(flat.alias("filler"))["filler"]


def empty_bars() -> pl.DataFrame:
    """Return a table of no bars."""
    return pl.DataFrame(schema=BAR_SCHEMA)


def minute_of(time: Nanoseconds) -> Nanoseconds:
    """Return the open time of the minute a moment lies in."""
    return time - time % MINUTE_NS


def _common_rules(time: str, values: Sequence[str]) -> tuple[Rule, ...]:
    wrong = pl.any_horizontal([pl.col(name).is_null() | ~pl.col(name).is_finite() for name in values])
    span = (pl.col(time) < EARLIEST) | (pl.col(time) >= LATEST)
    return (
        Rule(pl.col(time).is_null(), "no time", "a time in every row"),
        Rule(wrong, f"an empty, NaN or infinite value in one of {', '.join(values)}", "finite numbers"),
        Rule(span, "a time outside 2009 to 2100", "Unix seconds (CSV) or milliseconds (Parquet), UTC"),
    )


def _refuse_first(frame: pl.DataFrame, rules: Sequence[Rule], origin: Origin, time: str) -> None:
    broken = frame.select([rule.broken.fill_null(False).alias(str(i)) for i, rule in enumerate(rules)])
    found = [(int(broken[str(i)].arg_max() or 0), i) for i in range(len(rules)) if broken[str(i)].any()]
    if not found:
        return
    row, index = min(found)
    rule, moment = rules[index], frame[time][row]
    when = f" ({iso(moment)})" if moment is not None and EARLIEST <= moment < LATEST else ""
    raise DataError(
        f"{origin.file}: row {origin.first_row + row}{when}: {rule.was}; expected {rule.expected}; "
        "nothing was imported from it: correct the file or fetch it again"
    )
