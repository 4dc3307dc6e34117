"""Play wanted shares of equity, wherever they come from, on one or several pairs: random traders, allocations, mixes.

`play_shares` gives what a session gives for `strategy.lanes.ShareLanes`, bit for bit: one pair by `backtest.lane`,
several by the kernel itself in a compiled loop. Who has a strategy asks `backtest.run.simulate`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from tradecore.backtest import lane, lane_many
from tradecore.backtest.lane import longer
from tradecore.backtest.lane_journal import LaneJournal, Played
from tradecore.backtest.run import Settings, Simulation
from tradecore.core.bars import Bars
from tradecore.core.errors import UsageError
from tradecore.core.types import FloatArray, RecordArray
from tradecore.engine.frame import HistoryFrame
from tradecore.risk.chain import Standing
from tradecore.sim.state import ORDER, records, with_room
from tradecore.strategy.lanes import changes_of
from tradecore.venues.simulated import SimulatedVenue


def play_shares(shares: FloatArray, bars: Sequence[Bars], settings: Settings | None = None) -> Simulation:
    """Play the shares of equity wanted in each pair after each moment.

    Shape:  shares (P, T) in [0, 1], pairs in the order of `bars`, moments on the clock of all bars merged
            (`engine.frame.HistoryFrame`); for one pair that is its bars.
    Errors: UsageError for another shape or a value that is no share; DataError for bars that cannot be one session.
    """
    settings = settings or Settings()
    frame = HistoryFrame(bars, {}) if len(bars) != 1 or not len(bars[0]) else None
    moments = len(frame.clock) if frame else len(bars[0])
    shares = np.ascontiguousarray(shares, np.float64)
    if shares.shape != (len(bars), moments):
        raise UsageError(f"shares have shape {shares.shape}, expected ({len(bars)}, {moments}): pairs by moments")
    if not (shares.min() >= 0.0 and shares.max() <= 1.0):
        raise UsageError(f"shares run from {shares.min():g} to {shares.max():g}, expected values in [0, 1]")
    if frame is None:
        terms = lane.Terms(settings.cash, settings.venue, settings.limits, settings.flows)
        track, journal = lane.play(bars[0], [lane.Turn(0, 0, changes_of(shares[0]))], terms)
        return Simulation(track, journal, quarantined=False)
    return _play_many(shares, frame, settings)


def _play_many(shares: FloatArray, frame: HistoryFrame, settings: Settings) -> Simulation:
    market = _Market(frame.pairs, frame.timeframe, frame.tape(settings.flows), settings.venue, settings.cash)
    first, moments = frame.first_decision(), len(frame.clock)
    signals = market.play(lane_many.Asked(shares, _closes(frame), first), _gates(settings))
    played = Played(frame.pairs, moments, [(first, moments)], signals, lambda: _standings(signals), settings.limits)
    return Simulation(market.track(), LaneJournal(played), quarantined=False)


class _Market(SimulatedVenue):
    """The simulated venue with its orders sent from compiled code, all bars at once."""

    def play(self, asked: lane_many.Asked, gates: lane_many.Gates) -> RecordArray:
        """Play every bar and return the signals there were, as `lane_many.SIGNAL`."""
        pairs, moments = len(self._pairs), len(self._tape.time)
        desk, progress = lane_many.desks(pairs), np.zeros(3, np.int64)
        signals: RecordArray = records(1024 + pairs, lane_many.SIGNAL)
        blank = records(1, ORDER)
        while progress[0] < moments:
            self._take(with_room(self._books, orders=4 * pairs))
            if progress[2] + pairs > len(signals):
                signals = longer(signals)
            lane_many.advance(self._tape, self._books, asked, gates, desk, signals, progress, blank)
        self._done, self._index = moments, moments - 1
        return signals[: progress[2]]


def _gates(settings: Settings) -> lane_many.Gates:
    limits = settings.limits
    return lane_many.Gates(
        int(settings.venue.latency_bars), bool(limits.no_new_risk),
        float(limits.max_drawdown) if limits.max_drawdown < 1.0 else np.inf, int(limits.cooldown_bars),
        float(limits.max_pair_exposure), float(limits.max_total_exposure),
    )  # fmt: skip


def _standings(signals: RecordArray) -> Iterator[Standing]:
    for name in zip(*(signals[name].tolist() for name in lane_many.STANDING), strict=True):
        yield Standing(*name)


def _closes(frame: HistoryFrame) -> FloatArray:
    """Return each pair's newest close at every moment, (P, T); what lies before its first bar is never read."""
    return np.stack([one.close[rows] for one, rows in zip(frame.bars, frame.rows, strict=True)])
