"""What every indicator must keep on every slice of data: finite after its warm-up, causal, and equal in both its forms.

`tradecore features check` runs this over a manifest; the tests run it over the whole catalogue. It raises nothing for a
fault it was made to find: it says which feature, which bar, and what.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from tradecore.core.bars import Bars
from tradecore.core.types import FloatArray, iso
from tradecore.features.causality import truncation
from tradecore.features.feature import Feature

STREAMED_BARS = 5_000
"""How many of a slice's first bars are also computed one by one."""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The verdict on one feature over one run of bars."""

    label: str
    ok: bool
    first_bar: int | None
    """Index of the first offending bar; None when there is none."""
    reason: str
    """What is wrong there; when ok, what could not be checked, or an empty string."""


def check(feature: Feature, bars: Bars, streamed: int = STREAMED_BARS) -> CheckResult:
    """Check one feature over bars: warm-up, finiteness, truncation, and the stream on the first `streamed` bars."""
    values = feature.rows(bars).T
    fault = _off_warmup(values, feature.warmup) or _leak(feature, bars) or _off_stream(feature, bars[:streamed], values)
    if fault is not None:
        bar, column, what = fault
        where = f"{feature.outputs[column]} at bar {bar} ({iso(int(bars.open_time[bar]))})"
        return CheckResult(feature.label, False, bar, f"{where} {what}")
    short = f"{len(bars)} bars are no more than the warm-up of {feature.warmup}" if len(bars) <= feature.warmup else ""
    return CheckResult(feature.label, True, None, short)


def check_all(bars: Bars, features: Iterable[Feature]) -> Iterator[CheckResult]:
    """Check features one by one, so that a caller can show progress."""
    for feature in features:
        yield check(feature, bars)


def _off_warmup(values: FloatArray, warmup: int) -> tuple[int, int, str] | None:
    """Return the first value before the end of the warm-up, or the first that is not finite after it."""
    wrong = np.isfinite(values)
    wrong[warmup:] = ~wrong[warmup:]
    if not wrong.any():
        return None
    bar, column = np.unravel_index(int(np.argmax(wrong)), wrong.shape)
    what = f"has a value inside the warm-up of {warmup}" if bar < warmup else f"is {values[bar, column]}, not finite"
    return int(bar), int(column), what


def _leak(feature: Feature, bars: Bars) -> tuple[int, int, str] | None:
    found = truncation(feature, bars) if len(bars) > 1 else None
    return (*found, "changes when later bars are cut: it sees the future") if found else None


def _off_stream(feature: Feature, bars: Bars, values: FloatArray) -> tuple[int, int, str] | None:
    """Return the first value in which the stream and the batch differ in any bit."""
    stream = feature.stream(bars.timeframe)
    rows = zip(bars.open_time, bars.open, bars.high, bars.low, bars.close, bars.volume, strict=True)
    for bar, (time, *prices) in enumerate(rows):
        got = np.atleast_1d(stream.update(int(time), *prices))
        same = (got == values[bar]) | (np.isnan(got) & np.isnan(values[bar]))
        if not same.all():
            column = int(np.argmin(same))
            return bar, column, f"is {got[column]!r} bar by bar and {values[bar, column]!r} in one pass"
    return None
