"""The whole road in one verb: a market, features, a strategy tested honestly, a verdict, a report.

It takes the same steps a person would, through the same verbs: the market goes into the lake, the test is
`backtests.walk_forward`, and the run it leaves can be shown, compared and repeated. Nothing here is for show only.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from pathlib import Path

from tradecore.control import backtests, data
from tradecore.control.backtests import Kept
from tradecore.control.data import Recipe, Where
from tradecore.control.kraken import open_kraken_public
from tradecore.control.lab import Lab, Progress, no_progress
from tradecore.core.errors import UsageError
from tradecore.core.types import Pair, Timeframe
from tradecore.market import ohlc
from tradecore.market.ingest import ImportResult
from tradecore.market.manifest import DatasetKey
from tradecore.venues.kraken.answers import value_of
from tradecore.venues.kraken.replies import OhlcPage

STRATEGY = "ema-rsi-volume"
GRID = {"fast": ("5", "9", "13"), "slow": ("21", "34")}
"""What the walk-forward may choose among: six candidates, so that there is something to count."""
TIMEFRAME = "1h"
SYNTHETIC_DAYS = 3 * 365
"""Half of it is out of sample: about 1.5 years, which leaves a strategy of some 40 trades a year enough of them."""


@dataclass(frozen=True, slots=True)
class Ask:
    """What `hello` is asked for: a synthetic market by its kind, or a file, or Kraken's newest bars."""

    market: str = "regimes"
    online: bool = False
    file: Path | None = None
    pair: str | None = None
    seed: int = 7


def hello(lab: Lab, ask: Ask, progress: Progress = no_progress) -> Kept:
    """Go the whole road and return the kept result.

    Errors: UsageError when both a file and Kraken are asked for; whatever reading, fetching or testing raises. It never
    takes a synthetic market in place of one that could not be had.
    """
    if ask.online and ask.file is not None:
        raise UsageError("--online and --data were both given: choose Kraken's newest bars or your file")
    progress("market", 0, 1)
    where = _market(lab, ask, progress)
    progress("market", 1, 1)
    asked = backtests.Ask(
        STRATEGY, pairs=(where.pair,) if where.pair else (), venue=where.venue, timeframe=where.timeframe, grid=GRID,
        seed=ask.seed,
    )  # fmt: skip
    return backtests.walk_forward(lab, asked, progress)


def _market(lab: Lab, ask: Ask, progress: Progress) -> Where:
    """Put the market that is asked for into the lake and return where it lies."""
    pair = ask.pair or str(lab.settings.market.pairs[0])
    where = Where(pair=pair, timeframe=TIMEFRAME)
    if ask.online:
        step = Timeframe.parse(TIMEFRAME)
        key = ohlc.store_newest(lab.lake, asyncio.run(_newest(lab, Pair.parse(pair), step)), step).key
        return Where(str(key.pair), key.venue, str(key.timeframe))
    if ask.file is not None:
        return _where(data.import_path(lab, ask.file, Where(pair=ask.pair), progress=progress), ask.pair)
    made = data.synth(lab, where, Recipe(ask.market, SYNTHETIC_DAYS, ask.seed))
    return replace(where, venue=made.key.venue)


async def _newest(lab: Lab, pair: Pair, timeframe: Timeframe) -> OhlcPage:
    async with open_kraken_public(lab) as kraken:
        return value_of(await kraken.ohlc(pair, timeframe))


def _where(imported: ImportResult, pair: str | None) -> Where:
    """Return the market an import brought: the pair asked for, else the first that has bars."""
    keys: list[DatasetKey] = [one.dataset.key for one in imported.datasets if one.dataset.key.timeframe is not None]
    chosen = [key for key in keys if pair is None or key.pair == Pair.parse(pair)]
    if not chosen:
        raise UsageError(
            f"the file holds {', '.join(map(str, keys)) or 'no bars'}, nothing of {pair or 'any pair'}; name one it has"
        )
    key = min(chosen, key=lambda one: one.timeframe.ns if one.timeframe else 0)
    step = Timeframe.parse(TIMEFRAME)
    shown = step if key.timeframe is not None and key.timeframe <= step else key.timeframe
    return Where(str(key.pair), key.venue, str(shown))
