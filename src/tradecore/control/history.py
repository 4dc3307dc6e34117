"""Verb of a strategy's history: for each of its pairs, the bars it needs before its first decision, or why not.

Trades are fetched by `control.fetching`, as a job like any other. `strategy history` calls this.
"""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass

from tradecore.control import fetching
from tradecore.control.fetching import Watcher
from tradecore.control.kraken import open_kraken_public
from tradecore.control.lab import Lab
from tradecore.core.errors import DataError, UsageError
from tradecore.core.types import Nanoseconds, Pair, Timeframe, iso
from tradecore.features.compute import warmup
from tradecore.market.history import History, How, Need, history
from tradecore.strategy.loading import load
from tradecore.venues.kraken.answers import Answer, value_of
from tradecore.venues.kraken.public import KrakenPublic
from tradecore.venues.kraken.replies import OhlcPage

LEAST_BARS = 2
"""Even a strategy without features decides on a bar and the one before it."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Whose history, in the words of the command line; None comes from the strategy and the settings."""

    strategy: str
    pairs: tuple[str, ...] = ()
    timeframe: str | None = None
    margin: float = 1.5
    """So many times its warm-up: recursive indicators settle only after a while."""
    how: How = "auto"


@dataclass(frozen=True, slots=True)
class PairHistory:
    """What one pair needs and has."""

    need: Need
    found: History


def prepare(lab: Lab, asked: Asked, watcher: Watcher) -> tuple[PairHistory, ...]:
    """Return, for each pair, the bars a strategy needs or the named reason why they are not there.

    Errors: as `strategy.loading.load`; UsageError for a margin below 1; DataError where what came contradicts the lake.
    """
    needs = needs_of(lab, asked)
    return asyncio.run(_prepare(lab, needs, asked.how, watcher))


def needs_of(lab: Lab, asked: Asked) -> tuple[Need, ...]:
    """Return what a strategy needs: its pairs, its timeframe, its warm-up and the margin. Errors: as `prepare`."""
    if not (math.isfinite(asked.margin) and asked.margin >= 1):
        raise UsageError(f"margin {asked.margin}: expected 1 or more, as in 1.5 for half as much again")
    strategy = load(asked.strategy)
    pairs = asked.pairs or strategy.pairs or (str(lab.settings.market.pairs[0]),)
    timeframe = Timeframe.parse(asked.timeframe or strategy.timeframe)
    bars = max(LEAST_BARS, math.ceil(warmup(strategy.features(strategy.p)) * asked.margin))
    return tuple(Need(Pair.parse(pair), timeframe, bars) for pair in pairs)


async def _prepare(lab: Lab, needs: tuple[Need, ...], how: How, watcher: Watcher) -> tuple[PairHistory, ...]:
    async with open_kraken_public(lab) as kraken:
        venue = _Asked(lab, kraken, watcher)
        return tuple([PairHistory(need, await history(lab.lake, need, venue, how=how)) for need in needs])


class _Asked:
    """The venue as a strategy's history asks it."""

    def __init__(self, lab: Lab, kraken: KrakenPublic, watcher: Watcher) -> None:
        self._lab, self._kraken, self._watcher = lab, kraken, watcher

    async def ohlc(self, pair: Pair, timeframe: Timeframe) -> Answer[OhlcPage]:
        return await self._kraken.ohlc(pair, timeframe)

    async def trades(self, pair: Pair, since: Nanoseconds) -> None:
        # A fetch waits for the venue as long as it takes; whether it is there at all is known after one question.
        value_of(await self._kraken.trades(pair, since, 1))
        asked = fetching.Asked((str(pair),), since=iso(since))
        done = await asyncio.to_thread(fetching.fetch, self._lab, asked, self._watcher)
        if done.job.state == "failed":
            raise DataError(f"job {done.job.id} failed: {done.job.reason}")
