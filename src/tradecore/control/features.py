"""Verbs of features: what indicators there are, one in full, and whether they behave on the bars you have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tradecore.control import data
from tradecore.control.data import Where
from tradecore.control.lab import Lab, Progress, no_progress
from tradecore.core.bars import Bars
from tradecore.core.errors import NothingThereError
from tradecore.core.types import iso
from tradecore.features import catalogue
from tradecore.features.check import CheckResult, check
from tradecore.features.feature import Feature
from tradecore.features.spec import Spec


@dataclass(frozen=True, slots=True)
class Checked:
    """One feature on one slice of the data."""

    slice: str
    bars: int
    result: CheckResult


def list_features(group: str | None = None) -> list[Spec]:
    """Return the catalogue, or one group of it, in the order of the reference.

    Errors: NothingThereError for a group that there is not.
    """
    if group is not None and group not in catalogue.GROUPS:
        raise NothingThereError(f"the catalogue has no group {group!r}; groups: {', '.join(catalogue.GROUPS)}")
    return [spec for spec in catalogue.SPECS.values() if group in (None, spec.group)]


def show(name: str) -> Spec:
    """Return one indicator in full. Errors: UsageError with the nearest names."""
    return catalogue.spec(name)


def presets() -> dict[str, tuple[str, ...]]:
    """Return the named sets of features."""
    return dict(catalogue.PRESETS)


def chosen(names: Sequence[str]) -> list[Feature]:
    """Return features by text (`ema(9)`), indicator name (`ema`) or preset name; the whole catalogue for none.

    Errors: UsageError with the nearest names.
    """
    texts = [text for name in names for text in catalogue.PRESETS.get(name, (name,))]
    return [catalogue.parse(text) for text in texts or catalogue.SPECS]


def check_features(
    lab: Lab, where: Where, names: Sequence[str] = (), progress: Progress = no_progress
) -> list[Checked]:
    """Check features over every slice of a market: warm-up, finiteness, causality, and stream equal to batch.

    Errors: NothingThereError when the market has no bars; UsageError for an unknown feature.
    """
    features = chosen(names)
    slices = _slices(lab, where)
    done: list[Checked] = []
    for bars in slices:
        label = f"{iso(int(bars.open_time[0]))} .. {iso(int(bars.open_time[-1]))}"
        for feature in features:
            progress("checking features", len(done), len(features) * len(slices))
            done.append(Checked(label, len(bars), check(feature, bars)))
    progress("checking features", len(done), len(done))
    return done


def _slices(lab: Lab, where: Where) -> list[Bars]:
    """Return the bars of a market cut at the borders of its manifest's slices; one piece where they are made."""
    bars = data.bars(lab, where)
    market = data.resolve(lab, where)
    for dataset in lab.lake.datasets():
        if (dataset.key.venue, dataset.key.pair, dataset.key.timeframe) == (
            market.venue,
            market.pair,
            market.timeframe,
        ):
            parts = [bars.between(one.start, one.end + market.timeframe.ns) for one in dataset.manifest.slices]
            return [part for part in parts if len(part)]
    return [bars]
