"""The tear sheet: everything one report shows, as one value.

It is the input of `html`, `document` and `save`; backtests and notebooks fill it in. It measures nothing: metrics,
intervals and the verdict come in finished. Invariant: every number in it is finite or None, so that every report can be
strict JSON; times are UTC nanoseconds, money is in the account's quote currency, rates are fractions.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from tradecore.core.bars import Bars
from tradecore.core.errors import DataError
from tradecore.core.track import Track
from tradecore.core.types import Nanoseconds, Pair
from tradecore.reports.evaluation import EvaluationSheet
from tradecore.stats.gates import BUY_AND_HOLD

Value: TypeAlias = float | int | None
"""A measured number; None where it is not defined, as the Sharpe ratio of a run without trades."""


class Gate(Protocol):
    """One condition of a verdict, as `stats.gates` judges it."""

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def passed(self) -> bool: ...  # noqa: D102
    @property
    def value(self) -> Value: ...  # noqa: D102
    @property
    def limit(self) -> Value: ...  # noqa: D102
    @property
    def text(self) -> str: ...  # noqa: D102


class Verdict(Protocol):
    """What the evidence says: `edge` or `no evidence of edge`, with every gate and the reasons in words."""

    @property
    def verdict(self) -> str: ...  # noqa: D102
    @property
    def gates(self) -> Sequence[Gate]: ...  # noqa: D102
    @property
    def reasons(self) -> Sequence[str]: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with its confidence interval, as a bootstrap gives it. `level` is a fraction: 0.95."""

    label: str
    estimate: float
    low: float
    high: float
    level: float = 0.95

    def __post_init__(self) -> None:
        _finite(f"interval {self.label}", (self.estimate, self.low, self.high, self.level))
        if self.low > self.high:
            raise DataError(f"interval {self.label}: low {self.low} is above high {self.high}; swap them")


@dataclass(frozen=True, slots=True)
class Dataset:
    """Where one pair's bars came from: enough to find the very same bytes again."""

    pair: Pair
    timeframe: str
    start: Nanoseconds
    end: Nanoseconds
    source: str
    hash: str = ""
    bars: int | None = None
    is_synthetic: bool = False

    @classmethod
    def of(cls, bars: Bars) -> Dataset:
        """Describe bars. Errors: DataError when there are none."""
        if not len(bars):
            raise DataError(f"{bars.pair} {bars.timeframe}: no bars to describe; choose a span that has some")
        return cls(
            pair=bars.pair,
            timeframe=str(bars.timeframe),
            start=int(bars.open_time[0]),
            end=bars.end_time,
            source=bars.source,
            hash=bars.dataset,
            bars=len(bars),
            is_synthetic=bars.is_synthetic,
        )


@dataclass(frozen=True, slots=True)
class Fold:
    """One step of a walk-forward: chosen on the training span, measured once on the test span after it."""

    number: int
    train_start: Nanoseconds
    train_end: Nanoseconds
    test_start: Nanoseconds
    test_end: Nanoseconds
    params: Mapping[str, object] = field(default_factory=dict)
    metrics: Mapping[str, Value] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _finite_values(f"fold {self.number}", self.metrics)


@dataclass(frozen=True, slots=True)
class CostPoint:
    """What the same trades were worth at a multiple of the assumed costs."""

    total_return: Value
    sharpe: Value = None

    def __post_init__(self) -> None:
        _finite("cost sensitivity", (self.total_return, self.sharpe))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TearSheet:
    """Everything one report shows. Title, strategy, datasets, track and bars are needed; the rest adds sections."""

    title: str
    strategy: str
    datasets: tuple[Dataset, ...]
    track: Track
    bars: Mapping[Pair, Bars]
    """What the trades are drawn on; a pair without bars gets no price chart, and the report says so."""
    strategy_text: str = ""
    params: Mapping[str, object] = field(default_factory=dict)
    metrics: Mapping[str, Value] = field(default_factory=dict)
    formats: Mapping[str, str] = field(default_factory=dict)
    """How a metric is written, by name: percent, ratio, money, count, or a duration unit (see `formats.KINDS`)."""
    baselines: Mapping[str, Track] = field(default_factory=dict)
    """Run in the same engine with the same costs, in the order in which they are to be shown."""
    baseline_metrics: Mapping[str, Mapping[str, Value]] = field(default_factory=dict)
    folds: tuple[Fold, ...] = ()
    intervals: tuple[Interval, ...] = ()
    costs: Mapping[str, str] = field(default_factory=dict)
    """What was assumed, in words: "taker fee" -> "0.26 %"."""
    cost_sensitivity: Mapping[float, CostPoint] = field(default_factory=dict)
    """By multiple of the assumed costs: 0, 0.5, 1, 2, 3."""
    verdict: Verdict | None = None
    notices: tuple[str, ...] = ()
    """What a reader must know before any number."""
    run: str = ""
    command: str = ""
    """What to type to get the same bytes again."""
    version: str = ""
    seed: int | None = None
    evaluation: EvaluationSheet | None = None
    """What the whole honest protocol found besides; None for other tests."""

    def __post_init__(self) -> None:
        if not len(self.track.curve):
            raise DataError(f"report {self.title!r}: the track has no bars; a run needs at least one bar to be shown")
        _finite_values("metrics", self.metrics)
        for name, metrics in self.baseline_metrics.items():
            _finite_values(f"baseline {name}", metrics)
        for name, track in self.baselines.items():
            if not len(track.curve):
                raise DataError(f"report {self.title!r}: baseline {name} has no bars; run it over the same span")

    @property
    def is_synthetic(self) -> bool:
        """Whether any of the bars were made rather than traded."""
        return any(one.is_synthetic for one in self.datasets) or any(one.is_synthetic for one in self.bars.values())

    @property
    def benchmark(self) -> str | None:
        """The baseline to hold a figure against: buy and hold, else the first that took a risk, else the first."""
        names = list(self.baselines)
        held = [name for name in names if name.lower().replace(" ", "_") == BUY_AND_HOLD]
        risky = [name for name in names if self.baselines[name].curve.exposure.max() > 0]
        return next(iter([*held, *risky, *names]), None)

    @property
    def currency(self) -> str:
        """The account's quote currency."""
        return self.track.pairs[0].quote if self.track.pairs else ""


def _finite_values(where: str, values: Mapping[str, Value]) -> None:
    for name, value in values.items():
        _finite(f"{where}: {name}", (value,))


def _finite(where: str, values: Sequence[Value]) -> None:
    for value in values:
        if value is not None and not math.isfinite(value):
            raise DataError(f"{where} is {value}; expected a finite number, or None where it is not defined")
