"""Run one strategy over history: the session with a replay of history, the simulated venue and a journal in memory.

It measures nothing and stores nothing: `backtest.result` measures, `control` stores. Everything that tests a strategy
on the past (walk-forward, baselines, lookahead, sensitivity) goes through `simulate`, so they cannot differ from a
plain backtest. Strategies that offer an exposure are played by `backtest.lane`, which gives what the session would.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from tradecore.backtest import lane as lanes
from tradecore.core.bars import Bars
from tradecore.core.errors import UsageError
from tradecore.core.track import Track
from tradecore.core.types import Nanoseconds, Pair
from tradecore.engine.decisions import ArrayJournal
from tradecore.engine.frame import HistoryFrame
from tradecore.engine.modes import MODES
from tradecore.engine.session import Session, play
from tradecore.risk.rules import Limits
from tradecore.sim.model import VenueModel
from tradecore.strategy.contract import Strategy
from tradecore.strategy.lanes import Lane, wanted_changes
from tradecore.strategy.views import Fees
from tradecore.venues.simulated import SimulatedVenue

Progress = Callable[[int, int], None]
"""Told (bars done, bars in all)."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What a backtest assumes besides the strategy and the data."""

    cash: float = 10_000.0
    """Starting cash in quote, above 0."""
    venue: VenueModel = field(default_factory=VenueModel)
    limits: Limits = field(default_factory=Limits)
    seed: int = 0
    """Seeds `strategy.rng`."""
    flows: Mapping[Nanoseconds, float] = field(default_factory=dict)
    """Deposits (+) and withdrawals (-) in quote, by moment in UTC ns; booked at the first open from there."""

    def __post_init__(self) -> None:
        if not 0.0 < self.cash < float("inf"):
            raise UsageError(f"starting cash is {self.cash!r}, expected an amount above 0 in quote")


@dataclass(frozen=True, slots=True, eq=False)
class Simulation:
    """What a session over history left: the track record and the decision log."""

    track: Track
    journal: ArrayJournal
    quarantined: bool
    """Whether the strategy faulted so often that the shell took over."""


@dataclass(frozen=True, slots=True, eq=False)
class Shift:
    """One strategy's turn in a session: it decides from `start` (open time, UTC ns) until the next shift begins."""

    start: Nanoseconds
    strategy: Strategy


def simulate(
    strategy: Strategy, bars: Sequence[Bars], settings: Settings | None = None, *, decide_from: Nanoseconds = 0,
    progress: Progress | None = None, lane: bool | None = None,
) -> Simulation:  # fmt: skip
    """Play a strategy over the bars of one or several pairs.

    `decide_from` is the first moment, in open time UTC ns, at which it may decide; bars before it only warm features
    up and are not part of the track record. `lane` as in `simulate_shifts`.
    Errors: UsageError or DataError for bars that cannot be one session.
    """
    shifts = (Shift(decide_from, strategy),)
    return simulate_shifts(shifts, bars, settings or Settings(), progress=progress, lane=lane)


def simulate_shifts(
    shifts: Sequence[Shift], bars: Sequence[Bars], settings: Settings, *, progress: Progress | None = None,
    lane: bool | None = None,
) -> Simulation:  # fmt: skip
    """Play one account through several strategies in turn, as a deployed system is re-fitted: positions are handed
    over.

    At a hand-over the orders that rest are cancelled; what is held stays, and is the next strategy's to manage.
    `lane`: None plays exposures in the compiled lane where every strategy has one and the pair is alone, unless a
    latched one begins later than the bars; False always asks `decide`; True refuses what the lane cannot play.
    Errors: UsageError or DataError for bars that cannot be one session, or for a lane that was asked for in vain.
    """
    possible = lane is not False and len(bars) == 1 and all(_fits_lane(shift, bars[0]) for shift in shifts)
    if lane and not possible:
        raise UsageError(
            "the compiled lane plays one pair and strategies with an exposure, latched ones from the first bar on; "
            "leave `lane` out"
        )
    if possible and len(bars[0]) and int(bars[0].open_time[-1]) >= shifts[0].start:
        return _by_lane(shifts, bars[0], settings, progress)
    return _by_session(shifts, bars, settings, progress)


def _fits_lane(shift: Shift, bars: Bars) -> bool:
    """Say whether the lane does in a turn what `decide` would; one that is only an exposure is what its lane does."""
    strategy = shift.strategy
    if not lanes.has_lane(strategy):
        return False
    is_early = not len(bars) or shift.start <= int(bars.open_time[0])
    return is_early or not strategy.is_latched or type(strategy).decide is Strategy.decide


def _by_lane(shifts: Sequence[Shift], bars: Bars, settings: Settings, progress: Progress | None) -> Simulation:
    start = int(np.searchsorted(bars.open_time, shifts[0].start))
    part, turns = bars[start:], []
    for shift in shifts:
        _require_pairs(shift.strategy, (bars,))
        warm = max((feature.warmup for feature in shift.strategy.features(shift.strategy.p).values()), default=0)
        begin = int(np.searchsorted(part.open_time, shift.start))
        turns.append(lanes.Turn(begin, warm - start, wanted_changes(shift.strategy, bars, start)))
    terms = lanes.Terms(settings.cash, settings.venue, settings.limits, settings.flows)
    track, journal = lanes.play(part, turns, terms)
    if progress is not None:
        progress(len(part), len(part))
    return Simulation(track, journal, quarantined=False)


def _by_session(
    shifts: Sequence[Shift], bars: Sequence[Bars], settings: Settings, progress: Progress | None
) -> Simulation:
    mode = MODES["backtest"]
    frames = [_frame(shift.strategy, bars, shifts[0].start) for shift in shifts]
    first = frames[0]
    venue = SimulatedVenue(first.pairs, first.timeframe, first.tape(settings.flows), settings.venue, settings.cash)
    journal = mode.journal(first.pairs, len(first.clock))
    borders = [int(np.searchsorted(first.clock, shift.start)) for shift in shifts[1:]]
    next_id, quarantined = 1, False
    for shift, frame, start, stop in zip(shifts, frames, [0, *borders], [*borders, len(first.clock)], strict=True):
        session = Session(
            _decider(shift.strategy, bars), frame, venue.account, journal, rules=settings.limits.rules(),
            fees=fees_of(settings, frame), seed=settings.seed, first_id=next_id,
        )  # fmt: skip
        if start:
            for intent in sorted(venue.account().open_intents):
                venue.cancel(intent)
            session.adopt(start - 1)
        play(session, mode.moments(frame.clock, progress, start, stop), venue)
        next_id, quarantined = session.next_id, quarantined or session.quarantined
    return Simulation(venue.track(), journal, quarantined)


def fees_of(settings: Settings, frame: HistoryFrame) -> dict[Pair, Fees]:
    """Return what each pair costs to trade, as strategies may ask."""
    models = {pair: settings.venue.of(pair) for pair in frame.pairs}
    return {pair: Fees(model.maker_fee, model.taker_fee) for pair, model in models.items()}


def _decider(strategy: Strategy, bars: Sequence[Bars]) -> Strategy:
    """Return who decides: the strategy, or its exposure bar by bar when that is all it offers."""
    if type(strategy).decide is not Strategy.decide or strategy.exposure is None or len(bars) != 1:
        return strategy
    return Lane(strategy, bars[0])


def _frame(strategy: Strategy, bars: Sequence[Bars], start: Nanoseconds) -> HistoryFrame:
    _require_pairs(strategy, bars)
    frame = HistoryFrame(bars, strategy.features(strategy.p))
    return frame.starting(start) if start else frame


def _require_pairs(strategy: Strategy, bars: Sequence[Bars]) -> None:
    given = {str(one.pair) for one in bars}
    if strategy.pairs and set(strategy.pairs) != given:
        wanted = ", ".join(strategy.pairs)
        raise UsageError(
            f"{strategy.name()} trades {wanted} and was given {', '.join(sorted(given))}; give it its pairs"
        )
