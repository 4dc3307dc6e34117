"""Play a strategy only to hear what it decides: with the future in plain sight, or hidden until it happens.

The players that `strategy.check` and `backtest.lookahead` are given. Costs, gates and the loop are those of a backtest.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from copy import copy

import numpy as np

from tradecore.backtest.run import Settings, fees_of, simulate
from tradecore.core.bars import PRICES, Bars
from tradecore.core.events import BarsClosed
from tradecore.core.types import FloatArray, IntArray
from tradecore.engine.decisions import Fault
from tradecore.engine.frame import HistoryFrame
from tradecore.engine.modes import MODES
from tradecore.engine.session import Session
from tradecore.engine.session import play as carry
from tradecore.strategy.contract import Strategy
from tradecore.strategy.recorder import Faulted
from tradecore.venues.simulated import SimulatedVenue


def play(strategy: Strategy, bars: Sequence[Bars]) -> list[Faulted]:
    """Play a strategy as a backtest does and return its faults."""
    done = simulate(strategy, bars)
    return _faults(done.journal.faults, done.track.curve.time)


def play_blind(strategy: Strategy, bars: Sequence[Bars]) -> list[Faulted]:
    """Play a strategy over arrays that hold NaN wherever a bar is not final yet, and return its faults.

    A strategy that keeps to its views decides as in `play`. One that reaches behind them finds nothing there, so its
    decisions change at the very bar at which it looks ahead.
    """
    settings, mode = Settings(), MODES["backtest"]
    frame = HistoryFrame(bars, strategy.features(strategy.p))
    venue = SimulatedVenue(frame.pairs, frame.timeframe, frame.tape(), settings.venue, settings.cash)
    journal = mode.journal(frame.pairs, len(frame.clock))
    curtain = _Curtain(frame)
    session = Session(
        strategy, curtain.frame, venue.account, journal, rules=settings.limits.rules(),
        fees=fees_of(settings, frame), seed=settings.seed,
    )  # fmt: skip
    carry(session, curtain.lift(mode.moments(frame.clock, at_once=1)), venue)
    return _faults(journal.faults, frame.clock)


class _Curtain:
    """A frame whose values appear as its bars become final."""

    def __init__(self, frame: HistoryFrame) -> None:
        self._rows = frame.rows
        self._pairs_of_arrays: list[list[tuple[FloatArray, FloatArray]]] = []
        hidden, columns = [], []
        for bars, own in zip(frame.bars, frame.columns, strict=True):
            arrays: list[tuple[FloatArray, FloatArray]] = []
            blind = bars[:]
            for name in (*PRICES, "volume"):
                object.__setattr__(blind, name, _hide(getattr(bars, name), arrays))
            hidden.append(blind)
            columns.append({name: _hide(column, arrays) for name, column in own.items()})
            self._pairs_of_arrays.append(arrays)
        self.frame = copy(frame)
        self.frame.bars, self.frame.columns = tuple(hidden), tuple(columns)

    def lift(self, feed: Iterable[BarsClosed]) -> Iterator[BarsClosed]:
        """Yield the feed's moments, each after its bars were shown."""
        shown = [0] * len(self._rows)
        for moment in feed:
            for p, rows in enumerate(self._rows):
                end = int(rows[moment.index]) + 1
                for real, blind in self._pairs_of_arrays[p]:
                    blind[shown[p] : end] = real[shown[p] : end]
                shown[p] = max(shown[p], end)
            yield moment


def _hide(real: FloatArray, arrays: list[tuple[FloatArray, FloatArray]]) -> FloatArray:
    """Return a read-only view of NaN that `arrays` remembers how to fill."""
    blind = np.full(len(real), np.nan)
    arrays.append((real, blind))
    view = blind.view()
    view.flags.writeable = False
    return view


def _faults(faults: Sequence[Fault], clock: IntArray) -> list[Faulted]:
    return [Faulted(int(clock[fault.index]), f"{fault.name}: {fault.text}") for fault in faults]
