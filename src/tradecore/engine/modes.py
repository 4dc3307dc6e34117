"""Modes are a table of plugs around one loop. Nothing else in the house asks which mode it is in.

Backtest has its plugs; shadow, paper and live bring theirs with their feeds and venues.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from tradecore.core.events import BarsClosed
from tradecore.core.types import IntArray, Pair
from tradecore.engine.decisions import ArrayJournal


class HistoryFeed:
    """Yields every moment of a clock as fast as it is taken. `progress` is told (done, total) about a hundred times."""

    def __init__(self, clock: IntArray, progress: Callable[[int, int], None] | None = None) -> None:
        self._clock = clock
        self._progress = progress

    def __iter__(self) -> Iterator[BarsClosed]:
        times, tell = self._clock.tolist(), self._progress
        total = len(times)
        stride = max(total // 100, 1)
        for index, moment in enumerate(times):
            yield BarsClosed(moment, index)
            if tell is not None and (index % stride == stride - 1 or index == total - 1):
                tell(index + 1, total)


@dataclass(frozen=True, slots=True)
class Mode:
    """One way of running: which feed and journal a session gets, and the stage a strategy must have reached."""

    name: str
    least_stage: str
    """`candidate`, `shadow`, `paper` or `live`."""
    feed: Callable[[IntArray, Callable[[int, int], None] | None], HistoryFeed]
    journal: Callable[[Sequence[Pair], int], ArrayJournal]


MODES = {"backtest": Mode("backtest", "candidate", HistoryFeed, ArrayJournal)}
