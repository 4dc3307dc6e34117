"""Modes are a table of plugs around one loop. Nothing else in the house asks which mode it is in.

Backtest has its plugs; shadow, paper and live bring theirs, with a `core.ports.Feed` behind their moments.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from tradecore.core.events import BarsClosed
from tradecore.core.types import IntArray, Pair
from tradecore.engine.decisions import ArrayJournal


class Replay:
    """Yields moments start..stop-1 of a history whose bars are all known, as fast as they are taken.

    Up to `at_once` of them come in one event. `progress` hears (done, T) now and then.
    """

    def __init__(
        self,
        clock: IntArray,
        progress: Callable[[int, int], None] | None = None,
        start: int = 0,
        stop: int | None = None,
        at_once: int = 1 << 62,
    ) -> None:
        self._clock = clock
        self._progress = progress
        self._start, self._stop = start, len(clock) if stop is None else stop
        self._at_once = at_once

    def __iter__(self) -> Iterator[BarsClosed]:
        tell, total = self._progress, len(self._clock)
        stride = max(total // 100, 1)
        index = self._start
        while index < self._stop:
            count = min(self._at_once, stride - index % stride, self._stop - index)
            yield BarsClosed(int(self._clock[index]), index, count)
            index += count
            if tell is not None and (index % stride == 0 or index == total):
                tell(index, total)


@dataclass(frozen=True, slots=True)
class Mode:
    """One way of running: which moments and journal a session gets, and the stage a strategy must have reached."""

    name: str
    least_stage: str
    """`candidate`, `shadow`, `paper` or `live`."""
    moments: type[Replay]
    journal: Callable[[Sequence[Pair], int], ArrayJournal]


MODES = {"backtest": Mode("backtest", "candidate", Replay, ArrayJournal)}
