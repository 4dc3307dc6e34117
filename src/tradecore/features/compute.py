"""Compute a strategy's features over bars: named columns out, one array each."""

from __future__ import annotations

from collections.abc import Mapping

from tradecore.core.bars import Bars
from tradecore.core.errors import UsageError
from tradecore.core.types import FloatArray
from tradecore.features.feature import Feature


def compute(features: Mapping[str, Feature], bars: Bars) -> dict[str, FloatArray]:
    """Return every column of the features, by name: `{"fast": ..., "bands_upper": ...}`.

    Shape:  each (T,), contiguous, read-only; NaN for the feature's own warm-up, finite after it.
    Errors: UsageError when two features would give a column the same name.
    """
    columns: dict[str, FloatArray] = {}
    done: dict[Feature, FloatArray] = {}
    for key, feature in features.items():
        whole = Feature(feature.spec, feature.values)
        if whole not in done:
            done[whole] = whole.rows(bars)
        for name, output in zip(feature.columns(key), feature.outputs, strict=True):
            if name in columns:
                raise UsageError(f"column {name!r} is given by two features; rename {key!r}")
            columns[name] = done[whole][feature.spec.outputs.index(output)]
    return columns


def warmup(features: Mapping[str, Feature]) -> int:
    """Return the bars until every feature has a value; 0 for no features."""
    return max((feature.warmup for feature in features.values()), default=0)
