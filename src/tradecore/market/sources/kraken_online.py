"""One question to Kraken: its newest bars. Enough for a first look; the full client with history and live data is
`venues`.

The reply is handed on as the bytes it came in, so that it is imported by the same code, and named by the same hash,
as a recorded one. It may hold 720 finished bars at most: Kraken serves no older ones.
"""

from __future__ import annotations

import httpx

from tradecore.core.errors import UsageError, VenueError
from tradecore.core.types import MINUTE_NS, Pair, Timeframe
from tradecore.venues.kraken.names import kraken_names

INTERVALS = (1, 5, 15, 30, 60, 240, 1440)
"""Minutes of the bars Kraken makes."""
LARGEST_REPLY = 8 * 1024 * 1024


def fetch_newest_bars(pair: Pair, timeframe: Timeframe, *, address: str, timeout_s: float = 15.0) -> bytes:
    """Return Kraken's OHLC reply for a pair, as it came.

    Errors: UsageError for a timeframe Kraken does not make; VenueError when it cannot be reached or does not answer
    well.
    """
    minutes = timeframe.ns // MINUTE_NS
    if minutes not in INTERVALS:
        raise UsageError(f"Kraken makes no {timeframe} bars; expected one of {', '.join(map(str, INTERVALS))} minutes")
    url = f"{address.rstrip('/')}/0/public/OHLC"
    asked: dict[str, str | int] = {"pair": kraken_names(pair).altname, "interval": minutes}
    try:
        with httpx.stream("GET", url, params=asked, timeout=timeout_s) as reply:
            status, content = reply.status_code, _head(reply)
    except httpx.HTTPError as error:
        raise VenueError(
            f"Kraken could not be reached at {address} ({type(error).__name__}: {error}); check the network, "
            "or take a file: tradecore hello --data FILE"
        ) from None
    if status != httpx.codes.OK or len(content) > LARGEST_REPLY:
        size = f"{len(content):,} bytes" if len(content) <= LARGEST_REPLY else f"more than {LARGEST_REPLY:,} bytes"
        raise VenueError(f"Kraken answered with status {status} and {size}; expected 200 and bars; try later")
    return content


def _head(reply: httpx.Response) -> bytes:
    """Return the reply, or as much of it as shows that it is too large: what never ends must not fill the memory."""
    content = bytearray()
    for part in reply.iter_bytes():
        content += part
        if len(content) > LARGEST_REPLY:
            break
    return bytes(content)
