"""Run one strategy over history: the session with the history feed, the simulated venue and a journal in memory.

It measures nothing and stores nothing: `backtest.result` measures, `control` stores. Everything that tests a strategy on the
past (walk-forward, baselines, lookahead, sensitivity) goes through `simulate`, so they cannot differ from a plain backtest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from tradecore.core.bars import Bars
from tradecore.core.errors import UsageError
from tradecore.core.track import Track
from tradecore.core.types import Nanoseconds
from tradecore.engine.decisions import ArrayJournal
from tradecore.engine.frame import HistoryFrame
from tradecore.engine.modes import MODES
from tradecore.engine.session import Session, play
from tradecore.risk.rules import Limits
from tradecore.sim.model import VenueModel
from tradecore.strategy.contract import Strategy
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
    """Deposits (+) and withdrawals (-) in quote, by moment in UTC ns; booked at the open of the first bar from there."""

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


def simulate(
    strategy: Strategy, bars: Sequence[Bars], settings: Settings | None = None, *, decide_from: int = 0,
    progress: Progress | None = None,
) -> Simulation:  # fmt: skip
    """Play a strategy over the bars of one or several pairs.

    `decide_from` is the first moment, in open time UTC ns, at which it may decide; bars before it only warm features up and
    are not part of the track record.
    Errors: UsageError or DataError for bars that cannot be one session.
    """
    settings = settings or Settings()
    mode = MODES["backtest"]
    frame = HistoryFrame(bars, strategy.features(strategy.p))
    if decide_from:
        frame = frame.starting(decide_from)
    venue = SimulatedVenue(frame.pairs, frame.timeframe, frame.tape(settings.flows), settings.venue, settings.cash)
    journal = mode.journal(frame.pairs, len(frame.clock))
    session = Session(
        strategy, frame, venue.account, journal, rules=settings.limits.rules(),
        fees=Fees(settings.venue.maker_fee, settings.venue.taker_fee), seed=settings.seed,
    )  # fmt: skip
    play(session, mode.feed(frame.clock, progress), venue)
    return Simulation(venue.track(), journal, session.quarantined)
