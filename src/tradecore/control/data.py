"""Verbs of market data: import, list, show, verify, repair, retain, and make a market. The lake does the work."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tradecore.control.lab import Lab, Progress, no_progress
from tradecore.core.bars import Bars
from tradecore.core.errors import NothingThereError, UsageError
from tradecore.core.types import Pair, Timeframe, parse_time
from tradecore.market import ingest, synthetic, tiers
from tradecore.market.audit import Finding, Repair
from tradecore.market.ingest import ImportResult
from tradecore.market.lake import Dataset
from tradecore.market.manifest import TRADES, DatasetKey
from tradecore.market.quality import QualityReport, inspect
from tradecore.market.tiers import Moved

SYNTHETIC = "synthetic"
"""How the venue of a made-up market begins, so that no one takes it for a traded one."""


@dataclass(frozen=True, slots=True)
class Where:
    """Which market a command means, in the words of the command line; what is None comes from the settings."""

    pair: str | None = None
    venue: str | None = None
    timeframe: str | None = None
    start: str | None = None
    end: str | None = None


@dataclass(frozen=True, slots=True)
class Market:
    """Which bars are meant, every word of it known."""

    venue: str
    pair: Pair
    timeframe: Timeframe
    start: int | None = None
    end: int | None = None


def resolve(lab: Lab, where: Where) -> Market:
    """Return the market that is meant. Errors: UsageError for a word that cannot be meant, or a span that ends before
    it begins.
    """
    settings = lab.settings.market
    market = Market(
        venue=where.venue or settings.venue,
        pair=Pair.parse(where.pair or settings.pairs[0]),
        timeframe=Timeframe.parse(where.timeframe or settings.timeframe),
        start=None if where.start is None else parse_time(where.start),
        end=None if where.end is None else parse_time(where.end),
    )
    if market.start is not None and market.end is not None and market.start >= market.end:
        raise UsageError(f"span from {where.start} to {where.end}: expected the end, which is exclusive, to be later")
    return market


def bars(lab: Lab, where: Where) -> Bars:
    """Return the bars of a market. Errors: as `resolve` and `Lake.bars`."""
    market = resolve(lab, where)
    return lab.lake.bars(market.venue, market.pair, market.timeframe, market.start, market.end)


def import_path(
    lab: Lab, path: Path, where: Where, *, join: bool = False, progress: Progress = no_progress
) -> ImportResult:
    """Bring a file or a folder of files into the lake. Errors: as `market.ingest.import_path`."""
    return ingest.import_path(
        lab.lake,
        path,
        pair=None if where.pair is None else Pair.parse(where.pair),
        venue=where.venue,
        timeframe=None if where.timeframe is None else Timeframe.parse(where.timeframe),
        join=join,
        progress=_told_by_file(progress),
    )


def list_datasets(lab: Lab) -> tuple[Dataset, ...]:
    """Return every dataset of the lake. Errors: NothingThereError when there is none."""
    found = lab.lake.datasets()
    if not found:
        raise NothingThereError(
            f"no data yet in {lab.folder('data')}; run: tradecore data import FILE, or: tradecore data synth"
        )
    return found


def choose(lab: Lab, where: Where) -> tuple[Dataset, ...]:
    """Return the datasets that match what was said; `trades` is a timeframe here.

    Errors: NothingThereError naming what there is.
    """
    pair = None if where.pair is None else Pair.parse(where.pair)
    label = where.timeframe if where.timeframe in (None, TRADES) else str(Timeframe.parse(where.timeframe))
    everything = list_datasets(lab)
    found = tuple(
        one
        for one in everything
        if pair in (None, one.key.pair) and where.venue in (None, one.key.venue) and label in (None, one.key.label)
    )
    if not found:
        there = ", ".join(str(one.key) for one in everything)
        raise NothingThereError(f"no such dataset; the lake holds {there}")
    return found


def show(lab: Lab, where: Where) -> list[tuple[Dataset, QualityReport]]:
    """Return the matching datasets with what is wrong, odd or absent in them. Errors: as `choose`."""
    return [(one, inspect(lab.lake, one)) for one in choose(lab, where)]


def verify(lab: Lab, where: Where) -> tuple[Finding, ...]:
    """Return everything in the matching datasets that is not as their manifests state. Errors: as `choose`."""
    if where == Where():
        return lab.lake.verify()
    return tuple(finding for one in choose(lab, where) for finding in lab.lake.verify(one.key))


def repair(lab: Lab, where: Where) -> tuple[Repair, ...]:
    """Take what is damaged in the matching datasets out of the lake, and say what to import again.

    Errors: as `choose`; StateRefusedError when another process is writing.
    """
    if where == Where():
        return (lab.lake.repair(),)
    return tuple(lab.lake.repair(one.key) for one in choose(lab, where))


def retain(lab: Lab, where: Where, keep: Sequence[str]) -> tuple[Moved, ...]:
    """Make bars older than `keep` says (texts like 1m=365, in days) into longer ones, in one commit.

    Errors: UsageError for a text that is not TIMEFRAME=DAYS; as `market.tiers.retain`.
    """
    days: dict[Timeframe, int] = {}
    for text in keep:
        timeframe, _, count = text.partition("=")
        if not count.strip().isdecimal():
            raise UsageError(f"--keep {text}: expected TIMEFRAME=DAYS, as in --keep 1m=365")
        days[Timeframe.parse(timeframe)] = int(count)
    market = resolve(lab, where)
    return tiers.retain(lab.lake, market.venue, market.pair, days, lab.clock.now())


@dataclass(frozen=True, slots=True)
class Recipe:
    """What synthetic market to make."""

    kind: str = synthetic.DEMO
    days: float = 365.0
    seed: int = 0
    start: str | None = None


def synth(lab: Lab, where: Where, recipe: Recipe) -> Dataset:
    """Make a synthetic market and store it under the venue `synthetic-KIND-SEED`; made again, it is the same dataset.

    Errors: UsageError for a recipe that cannot be meant; DataError when bars of another span are stored there already.
    """
    market = resolve(lab, where)
    count = round(recipe.days * 86_400_000_000_000 / market.timeframe.ns)
    start = synthetic.DEFAULT_START if recipe.start is None else parse_time(recipe.start)
    made = synthetic.make(
        recipe.kind, pair=market.pair, timeframe=market.timeframe, bars=count, seed=recipe.seed, start=start
    )
    venue = f"{SYNTHETIC}-{recipe.kind}-{recipe.seed}"
    lab.lake.commit(made, venue=venue)
    return lab.lake.dataset(DatasetKey(venue, market.pair, market.timeframe))


def kinds() -> tuple[str, ...]:
    """Return the kinds of synthetic market."""
    return synthetic.KINDS


def _told_by_file(progress: Progress) -> Callable[[str, int, int], None]:
    return lambda name, done, total: progress(f"reading {name}", float(done), float(total))
