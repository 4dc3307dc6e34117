"""Kraken's downloadable history: OHLCVT (`XBTUSD_1.csv`) and trades (`XBTUSD.csv`), plain or inside a ZIP.

The files have no header; the name says pair and timeframe. Bars without trades are absent. Trades have neither id nor
side, and whole seconds in newer archives. Called by `market.ingest`.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, cast

import polars as pl

from tradecore.core.errors import DataError, NothingThereError, UsageError
from tradecore.core.types import MINUTE_NS, SECOND_NS, Pair, Timeframe
from tradecore.market.frames import BAR_SCHEMA, TRADE_SCHEMA, Origin, check_bars, check_trades
from tradecore.market.sources import text
from tradecore.market.sources.member import Asked, Member, Progress
from tradecore.venues.kraken.names import pair_from_kraken

VENUE = "kraken"
MINUTES = (1, 5, 15, 30, 60, 240, 720, 1440, 10080)

_OHLCVT = pl.Schema(
    {
        "time": pl.Int64(),
        **dict.fromkeys(("open", "high", "low", "close", "volume"), pl.Float64()),
        "trades": pl.Int64(),
    }
)
_TRADES = pl.Schema({"time": pl.Float64(), "price": pl.Float64(), "volume": pl.Float64()})
_NAME = re.compile(r"([A-Za-z0-9.]+?)(?:_(\d+))?\.csv", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Archive:
    """The readable members of an archive, and the names of those that were passed over, each with the reason."""

    members: tuple[Member, ...]
    skipped: tuple[tuple[str, str], ...]


def read_zip(path: Path, asked: Asked) -> Archive:
    """Return the members of a ZIP, those of the asked pair and timeframe only.

    Errors: DataError for a damaged ZIP or one without a Kraken file; NothingThereError when it lacks what was asked.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            names = sorted((i.filename, i.file_size) for i in archive.infolist() if not i.is_dir())
    except (zipfile.BadZipFile, EOFError, NotImplementedError) as error:
        raise DataError(f"{path.name}: not a whole ZIP ({error}); it was cut off or damaged, fetch it again") from error
    except OSError as error:
        raise DataError(
            f"{path.name}: cannot be read ({error.strerror or error}); check the file's permissions"
        ) from error
    members: list[Member] = []
    skipped: list[tuple[str, str]] = []
    for name, size in names:
        base = PurePosixPath(name).name
        try:
            pair, timeframe = _read_name(base)
        except UsageError as error:
            skipped.append((name, str(error)))
            continue
        if asked.pair not in (None, pair) or (asked.timeframe is not None and asked.timeframe != timeframe):
            skipped.append((name, f"{pair} {timeframe or 'trades'} was not asked for"))
            continue
        opener = partial(_open_member, path, name)
        members.append(_member(f"{path.name}!{base}", pair, timeframe, opener, size))
    if not members:
        _refuse(path, asked, skipped)
    return Archive(tuple(members), tuple(skipped))


def read_csv(path: Path, asked: Asked) -> Archive:
    """Return the one member of a plain CSV; what the caller names goes before what the file's name says.

    Errors: UsageError when neither the name nor the caller says which pair it is.
    """
    try:
        pair, timeframe = _read_name(path.name)
    except UsageError:
        if asked.pair is None:
            raise
        pair, timeframe = asked.pair, asked.timeframe
    if asked.pair not in (None, pair) or (asked.timeframe is not None and timeframe not in (None, asked.timeframe)):
        raise UsageError(
            f"{path.name}: its name says {pair} {timeframe or 'trades'}, you said {asked.pair or pair} "
            f"{asked.timeframe or timeframe}; rename the file or leave the argument out"
        )
    opener = cast(text.Opener, partial(path.open, "rb"))
    return Archive((_member(path.name, pair, timeframe, opener, path.stat().st_size),), ())


def _read_name(name: str) -> tuple[Pair, Timeframe | None]:
    match = _NAME.fullmatch(name)
    if match is None:
        raise UsageError(f"{name}: not a Kraken archive's name; expected XBTUSD_1.csv (bars) or XBTUSD.csv (trades)")
    pair = pair_from_kraken(match[1])
    if match[2] is None:
        return pair, None
    if int(match[2]) not in MINUTES:
        raise UsageError(f"{name}: {match[2]} minutes; expected one of {', '.join(map(str, MINUTES))}")
    return pair, Timeframe(int(match[2]) * MINUTE_NS)


def _refuse(path: Path, asked: Asked, skipped: list[tuple[str, str]]) -> None:
    if asked.pair is not None or asked.timeframe is not None:
        wanted = " ".join(str(one) for one in (asked.pair, asked.timeframe) if one is not None)
        raise NothingThereError(f"{path.name}: holds nothing of {wanted}; it has {_some(skipped)}")
    raise DataError(
        f"{path.name}: no Kraken file in it; expected members like XBTUSD_1.csv or XBTUSD.csv, found {_some(skipped)}"
    )


def _some(names: list[tuple[str, str]]) -> str:
    shown = ", ".join(name for name, _ in names[:5]) or "nothing"
    return shown + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def _open_member(path: Path, name: str) -> IO[bytes]:
    """Open a ZIP's member; the archive's own handle is closed with it."""
    with zipfile.ZipFile(path) as archive:
        return archive.open(name)


def _member(name: str, pair: Pair, timeframe: Timeframe | None, opener: text.Opener, size: int) -> Member:
    if timeframe is None:
        blocks = partial(_trades, opener, name, size)
        source = "kraken-trades"
    else:
        blocks = partial(_bars, opener, name, size, timeframe)
        source = "kraken-ohlcvt"
    return Member(name, VENUE, pair, timeframe, source, partial(text.digest, opener, name), blocks)


def _bars(
    opener: text.Opener, name: str, size: int, timeframe: Timeframe, progress: Progress | None
) -> Iterator[pl.DataFrame]:
    after: int | None = None
    for table, row, read in text.tables(opener, name, _OHLCVT):
        frame = table.rename({"time": "open_time", "trades": "count"})
        frame = frame.with_columns(_from_seconds("open_time")).select(BAR_SCHEMA.names())
        check_bars(frame, timeframe, Origin(name, row), after)
        after = int(frame["open_time"][-1])
        yield frame
        if progress:
            progress(name, read, size)


def _trades(opener: text.Opener, name: str, size: int, progress: Progress | None) -> Iterator[pl.DataFrame]:
    after: int | None = None
    for table, row, read in text.tables(opener, name, _TRADES):
        # float64 holds these seconds to a quarter of a microsecond; the venue wrote at most four decimals.
        time = (pl.col("time") * 1e6).round().cast(pl.Int64, strict=False) * 1000
        frame = table.select(
            time=time,
            trade_id=pl.lit(None, pl.Int64),
            price=pl.col("price"),
            amount=pl.col("volume"),
            side=pl.lit(None, pl.String),
        ).cast(TRADE_SCHEMA)
        check_trades(frame, Origin(name, row), after)
        after = int(frame["time"][-1])
        yield frame
        if progress:
            progress(name, read, size)


def _from_seconds(column: str) -> pl.Expr:
    """Return seconds as nanoseconds; what would overflow becomes 0, which the check of the span refuses."""
    sane = pl.col(column).is_between(0, 9_000_000_000)
    return pl.when(sane | pl.col(column).is_null()).then(pl.col(column) * SECOND_NS).otherwise(0).alias(column)
