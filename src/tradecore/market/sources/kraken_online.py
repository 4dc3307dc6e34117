"""One question to Kraken: its newest bars. Enough for a first look; the full client with history and live data is
`venues`.

The reply is handed on as the bytes it came in, so that it is imported by the same code, and named by the same hash,
as a recorded one. It may hold 720 finished bars at most: Kraken serves no older ones.
"""

from __future__ import annotations

import httpx

from tradecore.core.errors import UsageError, VenueError
from tradecore.core.types import MINUTE_NS, Pair, Timeframe
from tradecore.market.naming import kraken_names

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
    try:
        reply = httpx.get(url, params={"pair": kraken_names(pair).altname, "interval": minutes}, timeout=timeout_s)
    except httpx.HTTPError as error:
        raise VenueError(
            f"Kraken could not be reached at {address} ({type(error).__name__}: {error}); check the network, "
            "or take a file: tradecore hello --data FILE"
        ) from None
    if reply.status_code != httpx.codes.OK or len(reply.content) > LARGEST_REPLY:
        raise VenueError(
            f"Kraken answered with status {reply.status_code} and {len(reply.content):,} bytes; "
            "expected 200 and bars; try later"
        )
    return reply.content
