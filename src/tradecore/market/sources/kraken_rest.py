"""What Kraken's public REST says, as tables of the lake: pages of the client, and recorded replies as members.

It parses nothing itself: `venues.kraken.replies` does. OHLC replies fill minutes without trades (count 0) and end with
the bar that is still open; the former stay, so that their minutes are proved empty, the latter is left out. The
importer, the fetcher of bars and the check of bars against the venue call it.
"""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import numpy as np
import polars as pl

from tradecore.core.errors import DataError, ReplyError, VenueError
from tradecore.core.types import Timeframe
from tradecore.market.frames import BAR_SCHEMA, PRICES, TRADE_SCHEMA
from tradecore.market.sources.member import Asked, Member
from tradecore.venues.kraken.replies import OhlcPage, TradesPage, decoded, parse_ohlc, parse_trades

MAX_REPLY_BYTES = 64 << 20
OHLC = "kraken-rest-ohlc"
TRADES = "kraken-rest-trades"
_OHLC_WIDTH = 8


def bars_of(page: OhlcPage) -> pl.DataFrame:
    """Return the finished bars of a page, fillers included. Shape: `frames.BAR_SCHEMA`."""
    columns = {name: getattr(page, name)[page.finished] for name in ("open_time", *PRICES, "volume", "count")}
    return pl.DataFrame(columns, schema=BAR_SCHEMA)


def trades_of(page: TradesPage) -> pl.DataFrame:
    """Return the trades of a page. Shape: `frames.TRADE_SCHEMA`."""
    columns = {name: getattr(page, name) for name in ("time", "trade_id", "price", "amount")}
    side = np.where(page.side > 0, "buy", "sell")
    return pl.DataFrame({**columns, "side": side}, schema=TRADE_SCHEMA)


def read_json(path: Path, asked: Asked) -> Member:
    """Return a recorded reply as a member; eight values a row are bars, otherwise trades.

    Errors: VenueError where the venue refused; DataError naming the file, for what is no reply with rows.
    """
    if path.stat().st_size > MAX_REPLY_BYTES:
        raise DataError(f"{path.name}: larger than {MAX_REPLY_BYTES >> 20} MiB; expected one recorded REST reply")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(
            f"{path.name}: cannot be read ({error.strerror or error}); check the file's permissions"
        ) from error
    try:
        page = parse_ohlc(data, asked.timeframe) if _has_bars(data) else parse_trades(data)
    except ReplyError as error:
        raise DataError(f"{path.name}: {error}; record it again") from error
    except VenueError as error:
        raise VenueError(f"{path.name}: {error}; nothing was imported") from error
    frame = bars_of(page) if isinstance(page, OhlcPage) else trades_of(page)
    if not len(frame):
        raise DataError(f"{path.name}: the reply has no rows; expected at least one; record it again")
    timeframe = (asked.timeframe or _grid(frame)) if isinstance(page, OhlcPage) else None
    source = TRADES if timeframe is None else OHLC
    sha = sha256(data).hexdigest()
    return Member(path.name, "kraken", asked.pair or page.pair, timeframe, source, lambda: sha, lambda _: iter([frame]))


def _has_bars(data: bytes) -> bool:
    """Say whether the first row of a reply is a bar; whether it is a good one is for the parser."""
    reply = decoded(data, "REST")
    result = reply.get("result") if isinstance(reply, dict) else None
    rows = next((one for key, one in result.items() if key != "last"), None) if isinstance(result, dict) else None
    first = rows[0] if isinstance(rows, list) and rows else None
    return isinstance(first, list) and len(first) == _OHLC_WIDTH and isinstance(first[0], int)


def _grid(bars: pl.DataFrame) -> Timeframe:
    """Return the timeframe of a reply: its rows leave nothing out, so the first two say it."""
    times = bars["open_time"]
    return Timeframe(int(times[1] - times[0]) if len(times) > 1 else 60_000_000_000)
