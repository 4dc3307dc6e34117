"""Recorded replies of Kraken's public REST calls OHLC and Trades, read as bars and trades. No network here.

OHLC replies fill minutes without trades (count 0) and end with the bar that is still open; both are recognised. Trades
carry nanoseconds as decimal text, so numbers are read as Decimal. The importer and the venue adapter call it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from hashlib import sha256
from pathlib import Path
from typing import Any

import polars as pl

from tradecore.core.errors import DataError, VenueError
from tradecore.core.types import SECOND_NS, Nanoseconds, Pair, Timeframe
from tradecore.market.aggregate import ONE_MINUTE
from tradecore.market.frames import BAR_SCHEMA, TRADE_SCHEMA, Origin, check_bars, check_trades
from tradecore.market.sources.member import Asked, Member
from tradecore.venues.kraken.names import pair_from_kraken

MAX_REPLY_BYTES = 64 << 20
_SIDES = {"b": "buy", "s": "sell"}


@dataclass(frozen=True, slots=True)
class Reply:
    """One parsed reply: the pair it is about, its rows as a table, and the venue's cursor `last`.

    Bars hold the fillers too, so that their minutes are proved empty; the open bar is left out.
    """

    pair: Pair
    frame: pl.DataFrame
    last: int


def parse_ohlc(text: str | bytes, name: str = "OHLC reply", timeframe: Timeframe = ONE_MINUTE) -> Reply:
    """Return the final bars of an OHLC reply, fillers included; the last row is the open bar and is dropped.

    Errors: VenueError for an error reply, DataError for anything that is not an OHLC reply.
    """
    pair, rows, last = _result(text, name)
    if any(len(row) != 8 for row in rows):
        raise DataError(f"{name}: not an OHLC reply; expected rows of 8 values; record it again")
    # `last` is the open time of the newest closed bar; whatever is later is still open.
    closed = [row for row in rows if int(row[0]) <= last]
    columns = {
        "open_time": [int(row[0]) * SECOND_NS for row in closed],
        **{key: [_number(row[i], name) for row in closed] for i, key in enumerate(("open", "high", "low", "close"), 1)},
        "volume": [_number(row[6], name) for row in closed],
        "count": [int(row[7]) for row in closed],
    }
    frame = pl.DataFrame(columns, schema=BAR_SCHEMA)
    check_bars(frame, timeframe, Origin(name))
    return Reply(pair, frame, last)


def parse_trades(text: str | bytes, name: str = "Trades reply") -> Reply:
    """Return the trades of a Trades reply with their ids and nanoseconds.

    Errors: VenueError for an error reply, DataError for anything that is not a Trades reply.
    """
    pair, rows, last = _result(text, name)
    if any(len(row) < 7 or row[3] not in _SIDES for row in rows):
        raise DataError(f"{name}: not a Trades reply; expected rows of 7 values with b or s; record it again")
    columns = {
        "time": [_nanoseconds(row[2], name) for row in rows],
        "trade_id": [int(row[6]) for row in rows],
        "price": [_number(row[0], name) for row in rows],
        "amount": [_number(row[1], name) for row in rows],
        "side": [_SIDES[row[3]] for row in rows],
    }
    frame = pl.DataFrame(columns, schema=TRADE_SCHEMA)
    check_trades(frame, Origin(name))
    return Reply(pair, frame, last)


def read_json(path: Path, asked: Asked) -> Member:
    """Return a recorded reply as a member; eight values a row are bars, otherwise trades.

    Errors: as `parse_ohlc` and `parse_trades`.
    """
    if path.stat().st_size > MAX_REPLY_BYTES:
        raise DataError(f"{path.name}: larger than {MAX_REPLY_BYTES >> 20} MiB; expected one recorded REST reply")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(
            f"{path.name}: cannot be read ({error.strerror or error}); check the file's permissions"
        ) from error
    _, rows, _ = _result(data, path.name)
    timeframe = (asked.timeframe or _grid(rows)) if len(rows[0]) == 8 else None
    reply = parse_trades(data, path.name) if timeframe is None else parse_ohlc(data, path.name, timeframe)
    source = "kraken-rest-trades" if timeframe is None else "kraken-rest-ohlc"
    sha = sha256(data).hexdigest()
    pair = asked.pair or reply.pair
    return Member(path.name, "kraken", pair, timeframe, source, lambda: sha, lambda _: iter([reply.frame]))


def _result(text: str | bytes, name: str) -> tuple[Pair, Sequence[Sequence[Any]], int]:
    try:
        data = json.loads(text, parse_float=Decimal)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{name}: not JSON ({error}); expected a recorded REST reply; record it again") from error
    if not isinstance(data, Mapping) or "error" not in data:
        raise DataError(f"{name}: not a Kraken reply; expected an object with error and result; record it again")
    if data["error"]:
        raise VenueError(f"{name}: the venue answered {', '.join(map(str, data['error']))}; nothing was imported")
    result = data.get("result")
    result = result if isinstance(result, Mapping) else {}
    keys = [key for key in result if key != "last"]
    if len(keys) != 1 or not isinstance(result[keys[0]], list) or "last" not in result:
        raise DataError(f"{name}: not an OHLC or Trades reply; expected one pair and last; record it again")
    rows = result[keys[0]]
    if not rows or not all(isinstance(row, list) for row in rows):
        raise DataError(f"{name}: the reply has no rows; expected at least one; record it again")
    return pair_from_kraken(keys[0]), rows, int(result["last"])


def _grid(rows: Sequence[Sequence[Any]]) -> Timeframe:
    """Return the timeframe of a reply: its rows leave nothing out, so the first two say it."""
    if len(rows) < 2:
        return ONE_MINUTE
    return Timeframe((int(rows[1][0]) - int(rows[0][0])) * SECOND_NS)


def _number(value: object, name: str) -> float:
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise DataError(f"{name}: {value!r} is not a number; expected decimal text; record it again") from None


def _nanoseconds(value: object, name: str) -> Nanoseconds:
    try:
        return int(Decimal(str(value)) * SECOND_NS)
    except InvalidOperation:
        raise DataError(f"{name}: time {value!r} is not a number; expected Unix seconds; record it again") from None
