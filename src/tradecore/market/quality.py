"""What is wrong, odd or absent in market data: counted, with the first examples, and never repaired behind one's back.

`examine` looks at any table of bars, broken ones included; `inspect` at a stored dataset. Spikes are flagged, not
deleted. A bar is stored only where something traded; absent bars are filled only on reading (`Lake.bars(fill=...)`),
and marked.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from tradecore.core.types import BoolArray, FloatArray, IntArray, Nanoseconds, Timeframe, iso
from tradecore.market.coverage import Run, count, subtract, union
from tradecore.market.frames import PRICES

if TYPE_CHECKING:
    from tradecore.market.lake import Dataset, Lake

EXAMPLES = 5
SPIKE_SIGMAS = 15.0
SPIKE_FLOOR = 0.10
"""A spike moves by more than SPIKE_SIGMAS robust deviations of its neighbourhood, and by more than this fraction."""


@dataclass(frozen=True, slots=True)
class QualityReport:
    """Counts, and for each count the first few examples as text."""

    name: str
    rows: int
    gaps: int = 0
    """Runs of absent bars between the first and the last."""
    empty: int = 0
    """Absent bars in which nothing traded, as the source proves."""
    missing: int = 0
    """Absent bars nobody can account for."""
    longest_gap: int = 0
    duplicates: int = 0
    backwards: int = 0
    off_grid: int = 0
    broken: int = 0
    """Bars whose prices or volume cannot be: high below low, not finite, zero, negative volume."""
    spikes: int = 0
    unfinished: int = 0
    """Bars that were still open, or dated later, at the moment of looking."""
    missing_ids: int = 0
    """Trade ids between the first and the last that are not there."""
    examples: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def is_clean(self) -> bool:
        """Whether nothing is broken: gaps and spikes are facts of a market, not faults of the data."""
        faults = self.duplicates + self.backwards + self.off_grid + self.broken + self.unfinished + self.missing_ids
        return not faults and not self.missing


def examine(table: pl.DataFrame, timeframe: Timeframe, name: str, now: Nanoseconds | None = None) -> QualityReport:
    """Return what is wrong in a table of bars in the order it has; nothing is refused.

    Shape: `table` as `frames.BAR_SCHEMA`; `now` is the moment by which a bar must have ended.
    """
    times = table["open_time"].to_numpy()
    step = np.diff(times, prepend=times[:1] - timeframe.ns) if len(times) else times
    finite = np.isfinite(np.column_stack([table[one].to_numpy() for one in (*PRICES, "volume")])).all(axis=1)
    stack = np.column_stack([table[one].to_numpy() for one in PRICES])
    sane = (stack > 0).all(axis=1) & (table["volume"].to_numpy() >= 0)
    sane &= (stack[:, 1] >= stack.max(axis=1)) & (stack[:, 2] <= stack.min(axis=1))
    late = np.zeros(len(times), np.bool_) if now is None else times + timeframe.ns > now
    found = {
        "duplicates": step == 0,
        "backwards": step < 0,
        "off_grid": times % timeframe.ns != 0,
        "broken": ~(finite & sane),
        "unfinished": late,
        "spikes": spikes(table["close"].to_numpy()),
    }
    absent = _gaps(times, timeframe.ns)
    examples = {what: tuple(iso(int(t)) for t in times[mask][:EXAMPLES]) for what, mask in found.items() if mask.any()}
    if absent:
        examples["gaps"] = tuple(_run_text(run) for run in sorted(absent, key=lambda r: r[0] - r[1])[:EXAMPLES])
    return QualityReport(
        name=name,
        rows=len(table),
        gaps=len(absent),
        missing=count(absent, timeframe.ns),
        longest_gap=max((count([run], timeframe.ns) for run in absent), default=0),
        examples=examples,
        **{what: int(mask.sum()) for what, mask in found.items()},
    )


def inspect(lake: Lake, dataset: Dataset) -> QualityReport:
    """Return the quality of a stored dataset: of bars with empty and missing told apart, of trades the missing ids."""
    manifest, key = dataset.manifest, dataset.key
    if key.timeframe is None:
        runs = manifest.missing_ids
        examples = {"missing_ids": tuple(_id_text(run) for run in runs[:EXAMPLES])} if runs else {}
        return QualityReport(str(key), manifest.rows, missing_ids=count(runs, 1), examples=examples)
    dataset, table = lake.stored(key)
    manifest = dataset.manifest
    report = examine(table, key.timeframe, str(key), lake.clock.now())
    between = subtract([(dataset.start, dataset.end)], [one.span for one in manifest.slices], key.step)
    missing = manifest.missing + count(between, key.step)
    return replace(report, empty=manifest.empty, missing=missing)


def missing_trade_ids(table: pl.DataFrame) -> list[int]:
    """Return every trade id between the smallest and the largest that a table of trades lacks, in order."""
    held = np.unique(table["trade_id"].drop_nulls().to_numpy())
    if not len(held):
        return []
    jumps = np.flatnonzero(np.diff(held) > 1)
    return [one for i in jumps for one in range(int(held[i]) + 1, int(held[i + 1]))]


def spikes(close: FloatArray) -> BoolArray:
    """Return which closes jump away from their neighbourhood and come back: a print, not a move.

    A spike is a log return over SPIKE_SIGMAS times the scaled median of the absolute returns and over SPIKE_FLOOR, of
    which the next return takes back at least half. Shape: (T,) -> (T,).
    """
    flagged = np.zeros(len(close), np.bool_)
    if len(close) < 3:
        return flagged
    with np.errstate(divide="ignore", invalid="ignore"):
        returns = np.nan_to_num(np.diff(np.log(close)), nan=0.0, posinf=0.0, neginf=0.0)
    scale = 1.4826 * float(np.median(np.abs(returns)))
    large = np.abs(returns) > max(SPIKE_SIGMAS * scale, np.log1p(SPIKE_FLOOR))
    back = np.zeros(len(returns), np.bool_)
    back[:-1] = (returns[1:] * returns[:-1] < 0) & (np.abs(returns[1:]) >= np.abs(returns[:-1]) / 2)
    flagged[1:] = large & back
    return flagged


def _gaps(times: IntArray, step: Nanoseconds) -> tuple[Run, ...]:
    ordered = np.unique(times)
    jumps = np.flatnonzero(np.diff(ordered) > step)
    return union(((int(ordered[i]) + step, int(ordered[i + 1]) - step) for i in jumps), step)


def _run_text(run: Run) -> str:
    return iso(run[0]) if run[0] == run[1] else f"{iso(run[0])} .. {iso(run[1])}"


def _id_text(run: Run) -> str:
    return str(run[0]) if run[0] == run[1] else f"{run[0]} .. {run[1]}"
