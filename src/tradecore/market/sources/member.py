"""What a reader hands to the importer: one stream of bars or trades of one pair, and how far its source can be trusted.

A Member is a promise to read, not the data: `blocks` may be called again and starts anew each time. Readers make them,
`market.ingest` consumes them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

import polars as pl

from tradecore.core.types import SECOND_NS, Nanoseconds, Pair, Timeframe

Progress: TypeAlias = Callable[[str, int, int], None]
"""Called with the name of what is read, the bytes read so far and the bytes in all."""


@dataclass(frozen=True, slots=True)
class Source:
    """A kind of source: what an absent bar means in it, and which of two sources wins where a person joined them.

    `grain` is the precision of the times of its trades: with ids, one trade may differ by so much in two sources.
    """

    name: str
    absent: str
    strength: int
    grain: Nanoseconds = 1


_SOURCES = {
    one.name: one
    for one in (
        Source("kraken-rest-trades", "empty", 60, 100),
        Source("kraken-live", "empty", 58, 1_000),
        Source("trades-parquet", "empty", 55, 1_000_000),
        Source("kraken-trades", "empty", 50, SECOND_NS),
        Source("kraken-ohlcvt", "empty", 40),
        Source("kraken-rest-ohlc", "missing", 30),
    )
}


PARQUET = "parquet:"
"""How the source of bars in a Parquet file begins: it does not say who made it, so each file is a source of its own."""


def source_named(name: str) -> Source:
    """Return a source; of an unknown one an absent bar is missing, of a synthetic one it is empty by construction."""
    if name.startswith(PARQUET):
        return Source(name, "missing", 20)
    fallback = Source(name, "empty" if name.startswith("synthetic") else "missing", 10)
    return _SOURCES.get(name, fallback)


@dataclass(frozen=True, slots=True)
class Asked:
    """What the caller knows about a file, or wants out of it; None leaves it to the file."""

    venue: str | None = None
    pair: Pair | None = None
    timeframe: Timeframe | None = None


@dataclass(frozen=True, slots=True)
class Member:
    """One stream of rows: `timeframe` is None for trades; `digest` is the sha256 of its bytes."""

    name: str
    venue: str
    pair: Pair
    timeframe: Timeframe | None
    source: str
    digest: Callable[[], str]
    blocks: Callable[[Progress | None], Iterator[pl.DataFrame]]
