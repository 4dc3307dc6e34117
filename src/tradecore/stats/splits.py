"""Where training ends and testing begins: walk-forward folds and the hold-out; `stats.cpcv` has other splits.

Bars in, slices out; no data is touched here. Called by `backtest.walk_forward` and by trainers. Invariants: test slices
are disjoint, in order and of one length; every training slice ends at least `purge + embargo` bars before its own test
begins; nothing in a training slice of a walk-forward fold is later than its test.
"""

from __future__ import annotations

from dataclasses import dataclass

from tradecore.core.errors import ConfigError, DataError
from tradecore.core.types import DAY_NS, Timeframe

MIN_FOLDS = 3
"""Fewer test windows than this say nothing about another one."""
MIN_TEST_BARS = 20
"""A test shorter than this holds hardly a trade."""


@dataclass(frozen=True, slots=True)
class WalkForward:
    """The shape of a walk-forward test, in bars."""

    train: int
    """Bars of a training slice, >= 1; the first one's when `is_anchored`."""
    test: int
    """Bars of a test slice, >= 1."""
    step: int = 0
    """Bars from one test to the next, >= test so that no bar is tested twice; 0 means test, leaving no gap."""
    purge: int = 0
    """Bars left out between training and test, >= 0: the larger of feature look-back and longest holding time, so that
    no training outcome and no test input reaches over the border."""
    embargo: int = 0
    """Further bars left out, >= 0, against memory in the market itself; one day or 1 % of a fold is usual."""
    is_anchored: bool = False
    """Train from the first bar on, growing (True), or over the newest `train` bars (False)."""

    def __post_init__(self) -> None:
        if self.train < 1 or self.test < 1 or self.purge < 0 or self.embargo < 0:
            raise ConfigError(
                f"walk-forward train={self.train} test={self.test} purge={self.purge} embargo={self.embargo}: "
                "expected train and test of at least 1 bar, purge and embargo of at least 0"
            )
        if self.step and self.step < self.test:
            raise ConfigError(
                f"walk-forward step={self.step} is shorter than test={self.test}: test slices would overlap; "
                "expected step >= test, or 0 for step = test"
            )

    @property
    def gap(self) -> int:
        """Return the bars between the end of training and the start of its test."""
        return self.purge + self.embargo

    def bars_needed(self, folds: int = MIN_FOLDS) -> int:
        """Return how many bars `folds` folds take."""
        return self.train + self.gap + (folds - 1) * (self.step or self.test) + self.test


@dataclass(frozen=True, slots=True)
class Fold:
    """One training slice and the test slice that follows it, as positions in the bars."""

    train: slice
    test: slice


def hold_out(n_bars: int, fraction: float = 0.15) -> tuple[slice, slice]:
    """Return the bars open for research and the newest ones, locked until the very end.

    Errors: ConfigError when the fraction is outside [0, 0.5]; DataError for no bars at all.
    Source: Hastie, Tibshirani & Friedman (2009), 7.2; each opening of the hold-out is to be recorded by the caller.
    """
    if not 0.0 <= fraction <= 0.5:
        raise ConfigError(f"hold-out fraction {fraction}: expected a number from 0 to 0.5, as in 0.15")
    if n_bars < 1:
        raise DataError(f"{n_bars} bars: expected at least one to split; import data first")
    border = n_bars - round(n_bars * fraction)
    return slice(0, border), slice(border, n_bars)


def walk_forward(n_bars: int, timeframe: Timeframe, settings: WalkForward) -> tuple[Fold, ...]:
    """Return the walk-forward folds, oldest first; the last test ends with the last bar, left-over bars are the oldest.

    Errors: DataError for fewer than three folds, telling how many bars three take.
    Source: Pardo (2008); purge and embargo after Lopez de Prado (2018), ch. 7.
    """
    needed = settings.bars_needed()
    if n_bars < needed:
        raise DataError(_too_few(n_bars, needed, timeframe))
    step = settings.step or settings.test
    count = (n_bars - settings.train - settings.gap - settings.test) // step + 1
    folds = []
    for index in range(count):
        start = n_bars - settings.test - (count - 1 - index) * step
        border = start - settings.gap
        begin = 0 if settings.is_anchored else border - settings.train
        folds.append(Fold(slice(begin, border), slice(start, start + settings.test)))
    return tuple(folds)


def auto(n_bars: int, timeframe: Timeframe, purge: int, folds: int = 6, *, is_anchored: bool = False) -> WalkForward:
    """Return a walk-forward shape that uses all bars: half of them tested, training `folds` tests long.

    Two years give six folds of twelve months of training and two of test; other spans scale. The embargo is the larger
    of one day and 1 % of a fold. With too few bars for `folds` tests of at least 20 bars and a day, fewer folds are
    taken, never fewer than three.
    Errors: DataError when not even three folds fit, telling how many bars they take; ConfigError for `folds` < 3.
    """
    if folds < MIN_FOLDS:
        raise ConfigError(f"{folds} walk-forward folds: expected at least {MIN_FOLDS}; fewer tests prove nothing")
    day = max(-(-DAY_NS // timeframe.ns), 1)
    least = max(MIN_TEST_BARS, day)
    for count in range(folds, MIN_FOLDS - 1, -1):
        embargo = _embargo(n_bars, count, day)
        test = (n_bars - purge - embargo) // (2 * count)
        if test >= least:
            return WalkForward(count * test, test, 0, purge, embargo, is_anchored)
    needed = fixed = 2 * MIN_FOLDS * least + purge
    while needed != (needed := fixed + _embargo(needed, MIN_FOLDS, day)):
        pass
    raise DataError(_too_few(n_bars, needed, timeframe))


def _embargo(n_bars: int, folds: int, day: int) -> int:
    """Return the larger of a day and 1 % of one fold, in bars."""
    return max(day, n_bars // (2 * folds) * (folds + 1) // 100)


def _too_few(n_bars: int, needed: int, timeframe: Timeframe) -> str:
    days = needed * timeframe.ns / DAY_NS
    return (
        f"{n_bars} bars of {timeframe}: a walk-forward of {MIN_FOLDS} folds needs {needed} bars ({days:.1f} days); "
        "import a longer span, or take shorter train and test slices, a shorter timeframe or a shorter purge"
    )
