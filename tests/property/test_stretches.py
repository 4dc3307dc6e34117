"""Quiet bars handed over together are decided, recorded and traded as bars that come one by one, bit for bit; and what
nothing can happen in, the kernel may coast through."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradecore.core.bars import Bars
from tradecore.core.orders import At, Base, Intent, Quote, SizeKind
from tradecore.core.types import MINUTE_NS, Pair, Side, Timeframe
from tradecore.engine.decisions import ArrayJournal
from tradecore.engine.frame import HistoryFrame
from tradecore.engine.modes import Replay
from tradecore.engine.session import Session, play
from tradecore.features import sma
from tradecore.risk.rules import Limits
from tradecore.sim import kernel, state
from tradecore.sim.model import VenueModel
from tradecore.strategy.contract import Answer, Strategy
from tradecore.strategy.views import Account, Market
from tradecore.venues.simulated import SimulatedVenue

PAIRS = (Pair("BTC", "USD"), Pair("ETH", "USD"))
seeds = st.integers(0, 2**32 - 1)


def random_bars(rng: np.random.Generator, pair: Pair, count: int) -> Bars:
    close = 100.0 * np.exp(np.cumsum(rng.normal(0, 0.01, count)))
    open_ = np.concatenate([close[:1], close[:-1]]) * np.exp(rng.normal(0, 0.003, count))
    high = np.maximum(open_, close) * np.exp(np.abs(rng.normal(0, 0.004, count)))
    low = np.minimum(open_, close) * np.exp(-np.abs(rng.normal(0, 0.004, count)))
    times = np.cumsum(rng.integers(1, 3, count)).astype(np.int64) * MINUTE_NS
    return Bars(pair, Timeframe(MINUTE_NS), times, open_, high, low, close, rng.exponential(30, count), source="test")


class Restless(Strategy):
    """Does a bit of everything, by chance, and counts what it is told."""

    timeframe = "1m"

    def __init__(self, pairs: int, faults: float) -> None:
        super().__init__()
        self.told, self.seen = 0, 0.0
        self._many, self._faults = pairs > 1, faults

    def features(self, p: Any) -> Any:
        return {"mean": sma(3)}

    def on_fill(self, fill: Any) -> None:
        self.told += 1
        self.seen += fill.price

    def decide(self, market: Market, account: Account) -> Answer:
        rng = self.rng
        if not self._many:
            return self._one(market, account, rng)
        if rng.random() < 0.2:
            return None
        return {
            pair: signal for pair in market.pairs if (signal := self._one(market[pair], account[pair], rng)) is not None
        }

    def _one(self, market: Market, account: Account, rng: np.random.Generator) -> Any:
        luck = rng.random()
        if luck < self._faults:
            raise ValueError("bad luck")
        if luck < 0.6:
            return self.hold("above" if market.close > market.mean else "below")
        if luck < 0.7:
            return None
        if luck < 0.75:
            return self.hold(f"{account.equity:.6f} {account.cash:.6f} {account.drawdown:.6f} {account.holding}")
        if luck < 0.8:
            return self.hold("sure", confidence=0.5)
        if luck < 0.85:
            return self.close("enough")
        if luck < 0.9:
            return self.sell(0.2, reason="less")
        size: Any = (0.3, Quote(200.0), Base(1.0))[int(rng.integers(3))]
        more: Any = ({}, {"limit": -0.005}, {"trigger": 0.005}, {"stop": -0.01, "target": 0.02}, {"trail": 0.01},
                     {"stop": At(market.close * 0.99)})[int(rng.integers(6))]  # fmt: skip
        return self.buy(size, reason="more", **more)


def played(seed: int, pairs: int, at_once: int) -> tuple[Any, ...]:
    rng = np.random.default_rng(seed)
    bars = [random_bars(rng, pair, 300) for pair in PAIRS[:pairs]]
    model = VenueModel(
        participation=float(rng.choice([0.05, np.inf])), latency_bars=int(rng.integers(0, 3)), min_notional=1.0,
        allow_short=bool(rng.integers(2)),
    )  # fmt: skip
    limits = Limits(max_pair_exposure=0.6, cooldown_bars=int(rng.integers(0, 4)), max_drawdown=0.3)
    strategy = Restless(pairs, float(rng.choice([0.0, 0.004])))
    frame = HistoryFrame(bars, strategy.features(None))
    flow = {int(frame.clock[120]): 500.0, int(frame.clock[200]): -300.0}
    venue = SimulatedVenue(frame.pairs, frame.timeframe, frame.tape(flow), model, 1000.0)
    journal = ArrayJournal(frame.pairs, len(frame.clock))
    session = Session(strategy, frame, venue.account, journal, rules=limits.rules(), seed=seed)
    play(session, Replay(frame.clock, at_once=at_once), venue)
    track = venue.track()
    return (
        journal.actions.tobytes(), journal.reasons.tobytes(), journal.texts, journal.signals, journal.faults,
        track.fills.tobytes(), track.orders.tobytes(), track.trades.tobytes(), track.curve.equity.tobytes(),
        track.curve.worst.tobytes(), track.curve.exposure.tobytes(), track.curve.flow.tobytes(),
        session.quarantined, session.next_id, strategy.told, strategy.seen,
    )  # fmt: skip


@given(seeds, st.integers(1, 2), st.sampled_from([2, 7, 1 << 40]))
@settings(max_examples=60)
def test_quiet_bars_together_are_what_they_are_one_by_one(seed: int, pairs: int, at_once: int):
    assert played(seed, pairs, 1) == played(seed, pairs, at_once)


@given(seeds, st.integers(1, 2))
@settings(max_examples=60)
def test_coasting_is_stepping_through_bars_in_which_nothing_can_fill(seed: int, pairs: int):
    rng = np.random.default_rng(seed)
    count = 120
    shape = (pairs, count)
    close = 100.0 * np.exp(np.cumsum(rng.normal(0, 0.01, shape), axis=1))
    open_, high, low = close * 1.001, close * 1.01, close * 0.99
    flow = np.where(rng.random(count) < 0.05, rng.normal(0, 400, count), 0.0)
    tape = state.Tape(
        np.arange(count, dtype=np.int64) * MINUTE_NS, open_, high, low, close, rng.exponential(50.0, shape),
        rng.random(shape) > 0.2, flow,
    )  # fmt: skip
    for array in tape:
        array.flags.writeable = False
    curves = []
    for is_stepped in (False, True):
        venue = SimulatedVenue(PAIRS[:pairs], Timeframe(MINUTE_NS), tape, VenueModel(), 1000.0)
        venue.advance(0)
        for number, pair in enumerate(PAIRS[:pairs]):
            levels: Any = (
                {"stop": -0.05, "target": 0.08, "trail": 0.06} if seed % 2 else {"stop": At(60.0), "trail": 0.1}
            )
            venue.submit(Intent(number + 1, pair, Side.BUY, size_kind=SizeKind.FRACTION, size=0.4, **levels))
        venue.advance(1)
        if is_stepped:
            books = state.with_room(venue._books, orders=200)
            for t in range(2, count):
                kernel.record(books, t, kernel.step(tape, books, t))
        else:
            books = venue._books
            assert kernel.advance(tape, books, 2, count) == count
        curves.append([array.tobytes() for array in (books.account, books.positions, *books[-5:])])
        curves[-1].append(books.fills[: books.counts[state.FILLS]].tobytes())
    assert curves[0] == curves[1]


def traded(seed: int, pairs: int, is_asked: bool) -> tuple[Any, ...]:
    """Play random orders with long waits between them; ask for the account after every bar, or never."""
    rng = np.random.default_rng(seed)
    frame = HistoryFrame([random_bars(rng, pair, 200) for pair in PAIRS[:pairs]], {})
    flow = {int(time): float(rng.normal(0, 200)) for time in rng.choice(frame.clock, 3)}
    model = VenueModel(latency_bars=int(rng.integers(0, 4)), min_notional=1.0, allow_short=bool(rng.integers(2)))
    venue = SimulatedVenue(frame.pairs, frame.timeframe, frame.tape(flow), model, 1000.0)
    news, seen = [], []
    for t in range(len(frame.clock)):
        news += venue.advance(t)
        if rng.random() < 0.08:
            more: Any = ({}, {"stop": -0.02, "target": 0.03}, {"trail": 0.02})[int(rng.integers(3))]
            side = (Side.BUY, Side.SELL)[int(rng.integers(2))]
            venue.submit(Intent(t + 1, PAIRS[int(rng.integers(pairs))], side, size=0.3, **more))
        if is_asked:
            account = venue.account()
            seen.append((account.equity, account.cash, account.drawdown))
    track = venue.track()
    if is_asked:
        curve = track.curve
        wealth = np.cumprod(1.0 + curve.returns())
        fall = 1.0 - wealth / np.maximum.accumulate(np.maximum(wealth, 1.0))
        assert [one[:2] for one in seen] == list(zip(curve.equity.tolist(), curve.cash.tolist(), strict=True))
        np.testing.assert_allclose([one[2] for one in seen], fall, atol=1e-9)
    curves = [array.tobytes() for array in (track.curve.equity, track.curve.cash, track.curve.worst, track.curve.flow)]
    return news, track.fills.tobytes(), track.orders.tobytes(), track.trades.tobytes(), *curves


@given(seeds, st.integers(1, 2))
@settings(max_examples=60)
def test_a_venue_asked_for_its_account_after_every_bar_shows_its_curve_and_trades_as_one_never_asked(
    seed: int, pairs: int
):
    assert traded(seed, pairs, is_asked=True) == traded(seed, pairs, is_asked=False)


def test_an_account_asked_for_ahead_of_the_venue_must_lie_in_quiet_bars():
    rng = np.random.default_rng(1)
    frame = HistoryFrame([random_bars(rng, PAIRS[0], 50)], {})
    venue = SimulatedVenue(frame.pairs, frame.timeframe, frame.tape(), VenueModel(latency_bars=3), 1000.0)
    venue.advance(0)
    assert venue.quiet_until() > 10
    assert venue.account(10).equity == 1000.0
    venue.submit(Intent(1, PAIRS[0], Side.BUY, size=0.5))
    with pytest.raises(AssertionError, match="may bring news"):
        venue.account(11)
