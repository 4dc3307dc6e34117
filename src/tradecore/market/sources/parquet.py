"""Parquet files of bars (timestamp, o, h, l, c, volume, count) or trades (timestamp, trade_id, price, amount, side).

The file says what it holds by its columns, its grid and its name; whatever it does not say the caller must. Columns it
has beyond these are left out. Read in slices of a million rows. Called by `market.ingest`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl

from tradecore.core.errors import DataError, UsageError
from tradecore.core.types import Pair, Timeframe
from tradecore.market.frames import BAR_SCHEMA, TRADE_SCHEMA, Origin, check_bars, check_trades
from tradecore.market.sources.member import PARQUET, Asked, Member, Progress
from tradecore.venues.kraken.names import pair_from_kraken

BLOCK_ROWS = 1_000_000
VENUES = ("kraken", "bitfinex", "coinbase", "binance", "bybit", "okx", "bitstamp", "gemini")
"""Venues whose name, as a folder of the file, is taken for the venue."""

_BAR_COLUMNS = ("timestamp", "open", "high", "low", "close", "volume")
_TRADE_COLUMNS = ("timestamp", "price", "amount", "side")
_MS = 1_000_000


def read_parquet(path: Path, asked: Asked) -> Member:
    """Return a Parquet file as a member.

    Errors: DataError when it is no Parquet file, is empty or has other columns; UsageError when venue, pair or
            timeframe can neither be read from it nor was given.
    """
    columns, rows = _head(path)
    if not rows:
        raise DataError(f"{path.name}: the file has no rows; expected at least one; fetch it again")
    venue, pair = _venue(path, asked), _pair(path, asked)
    sha = partial(_digest, path)
    if set(_BAR_COLUMNS) <= set(columns):
        timeframe = asked.timeframe or _timeframe(path)
        blocks = partial(_bars, path, rows, "count" in columns, timeframe)
        return Member(path.name, venue, pair, timeframe, PARQUET + path.stem, sha, blocks)
    if set(_TRADE_COLUMNS) <= set(columns):
        blocks = partial(_trades, path, rows, "trade_id" in columns)
        return Member(path.name, venue, pair, None, "trades-parquet", sha, blocks)
    raise DataError(
        f"{path.name}: columns {', '.join(columns)}; expected bars ({', '.join(_BAR_COLUMNS)}) or trades "
        f"({', '.join(_TRADE_COLUMNS)}, trade_id); rename the columns and import again"
    )


def _head(path: Path) -> tuple[list[str], int]:
    try:
        scan = pl.scan_parquet(path)
        return scan.collect_schema().names(), int(scan.select(pl.len()).collect().item())
    except (pl.exceptions.PolarsError, OSError) as error:
        raise DataError(
            f"{path.name}: not a whole Parquet file ({str(error).splitlines()[0]}); fetch it again"
        ) from error


def _venue(path: Path, asked: Asked) -> str:
    if asked.venue:
        return asked.venue
    folders = [part.removeprefix("venue=").lower() for part in path.absolute().parent.parts]
    found = [folder for folder in reversed(folders) if folder in VENUES]
    if not found:
        raise UsageError(
            f"{path.name}: which venue is it from? expected a folder named after one, or say it, as in --venue kraken"
        )
    return found[0]


def _pair(path: Path, asked: Asked) -> Pair:
    if asked.pair is not None:
        return asked.pair
    match = re.match(r"([A-Za-z0-9]+?)[-/]?([A-Za-z0-9]*)(?:[_.]|$)", path.name)
    if match is None:
        raise UsageError(f"{path.name}: which pair is it? say it, as in --pair BTC/USD")
    try:
        return pair_from_kraken(match[1] + match[2])
    except UsageError:
        raise UsageError(f"{path.name}: its name does not say which pair it is; say it, as in --pair BTC/USD") from None


def _timeframe(path: Path) -> Timeframe:
    """Return the grid of the first rows: the smallest step between neighbours, which must be a timeframe's length."""
    head = pl.scan_parquet(path).select(pl.col("timestamp")).head(10_000).collect()["timestamp"]
    steps = np.diff(_milliseconds(head, path.name).drop_nulls().to_numpy())
    steps = steps[steps > 0]
    if not len(steps):
        raise UsageError(f"{path.name}: which timeframe is it? one row does not say; say it, as in --timeframe 1m")
    smallest = int(steps.min())
    if smallest % 60_000:
        raise DataError(
            f"{path.name}: rows {smallest} ms apart; expected whole minutes; say the timeframe or correct it"
        )
    return Timeframe(smallest * _MS)


def _bars(
    path: Path, rows: int, counted: bool, timeframe: Timeframe, progress: Progress | None
) -> Iterator[pl.DataFrame]:
    after: int | None = None
    names = [*_BAR_COLUMNS, *(["count"] if counted else [])]
    for table, row in _slices(path, rows, names):
        frame = table.rename({"timestamp": "open_time"})
        if not counted:
            frame = frame.with_columns(count=pl.lit(None, pl.Int64))
        frame = _cast(frame, BAR_SCHEMA, path.name, row)
        check_bars(frame, timeframe, Origin(path.name, row), after)
        after = int(frame["open_time"][-1])
        yield frame
        if progress:
            progress(path.name, row - 1 + len(frame), rows)


def _trades(path: Path, rows: int, has_id: bool, progress: Progress | None) -> Iterator[pl.DataFrame]:
    after: int | None = None
    names = [*_TRADE_COLUMNS, *(["trade_id"] if has_id else [])]
    for table, row in _slices(path, rows, names):
        frame = table.rename({"timestamp": "time"})
        if not has_id:
            frame = frame.with_columns(trade_id=pl.lit(None, pl.Int64))
        frame = _cast(frame, TRADE_SCHEMA, path.name, row)
        check_trades(frame, Origin(path.name, row), after)
        after = int(frame["time"][-1])
        yield frame
        if progress:
            progress(path.name, row - 1 + len(frame), rows)


def _slices(path: Path, rows: int, names: list[str]) -> Iterator[tuple[pl.DataFrame, int]]:
    for start in range(0, rows, BLOCK_ROWS):
        try:
            table = pl.scan_parquet(path).select(names).slice(start, BLOCK_ROWS).collect()
        except (pl.exceptions.PolarsError, OSError) as error:
            reason = str(error).splitlines()[0]
            raise DataError(f"{path.name}: row {start + 1}: cannot be read ({reason}); fetch the file again") from error
        yield table.with_columns(_milliseconds(table["timestamp"], path.name) * _MS), start + 1


def _milliseconds(times: pl.Series, name: str) -> pl.Series:
    """Return UTC milliseconds. Errors: DataError when the column is neither whole milliseconds nor a timestamp."""
    if isinstance(times.dtype, pl.Datetime):
        return times.dt.epoch("ms")
    if not times.dtype.is_integer():
        raise DataError(
            f"{name}: column timestamp is {times.dtype}; expected whole UTC milliseconds (int64); "
            "convert it and import again"
        )
    found = times.drop_nulls()
    if len(found) and not 10**11 <= int(found[0]) < 10**13:
        raise DataError(
            f"{name}: row 1: timestamp {int(found[0])} is not in UTC milliseconds since 1970, as in 1672531200000; "
            "convert it and try again"
        )
    return times.cast(pl.Int64).clip(-(10**13), 10**13 - 1)


def _cast(frame: pl.DataFrame, schema: pl.Schema, name: str, row: int) -> pl.DataFrame:
    try:
        return frame.select(schema.names()).cast(schema)
    except pl.exceptions.PolarsError as error:
        reason = str(error).splitlines()[0]
        kinds = ", ".join(f"{column} {kind}" for column, kind in schema.items())
        raise DataError(f"{name}: rows from {row}: {reason}; expected {kinds}; convert it and try again") from error


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DataError(
            f"{path.name}: cannot be read ({error.strerror or error}); check the file and the disk"
        ) from error
