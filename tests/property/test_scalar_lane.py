"""The market in plain numbers is the kernel's: the same orders, every size kind, fill alike to the last bit."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tradecore.core.orders import Intent, OrderKind, OrderNote, OrderState, SizeKind
from tradecore.core.types import MINUTE_NS, Side, Timeframe
from tradecore.sim import lane
from tradecore.sim.state import Tape
from tradecore.venues.simulated import SimulatedVenue


def _drawn() -> ModuleType:
    """Return the module whose random tapes and venues are used here too."""
    spec = importlib.util.spec_from_file_location("drawn_markets", Path(__file__).with_name("test_sim.py"))
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


drawn = _drawn()
COUNT = 80
Rows = list[tuple[float, ...]]


class Desk:
    """One account in plain numbers, as its callers keep it."""

    def __init__(self, terms: lane.Terms, cash: float) -> None:
        self.terms, self.account, self.order = terms, lane.open_account(cash), lane.NO_ORDER
        self.number, self.active_from = 0, 0
        self.fills: Rows = []
        self.results: Rows = []

    def send(self, t: int, active_from: int, side: int, kind: int, amount: float) -> None:
        if self.order.side:
            self.order = self.order._replace(state=OrderState.CANCELLED, note=OrderNote.CANCELLED)
            self._end(t)
        self.number, self.active_from = self.number + 1, active_from
        self.order = lane.market_order(side, kind, amount)

    def live(self, t: int, tape: Tape) -> None:
        self.account, _ = lane.flow_in(self.account, tape.flow[t])
        if self.order.side and self.active_from <= t and tape.real[0, t]:
            side = self.order.side
            self.account, self.order, fill = lane.fill_at_open(
                self.terms, self.account, self.order, tape.open[0, t], tape.volume[0, t]
            )
            if fill.quantity:
                self.fills.append((t, self.number, side, fill.quantity, fill.price, fill.fee, fill.reason))
            if lane.is_over(self.order):
                self._end(t)
        if tape.real[0, t]:
            self.account = lane.marked(self.account, tape.close[0, t])

    def _end(self, t: int) -> None:
        one = self.order
        self.results.append((self.number, t, one.state, one.note, one.quantity, one.filled))
        self.order = lane.NO_ORDER


@settings(max_examples=300)
@given(st.integers(0, 2**32 - 1))
def test_the_scalar_lane_fills_as_the_kernel_does(seed: int):
    rng = np.random.default_rng(seed)
    tape, model = drawn.random_tape(rng, 1, COUNT), drawn.random_model(rng, max_positions=3)
    venue = SimulatedVenue(drawn.PAIRS[:1], Timeframe(MINUTE_NS), tape, model, 5000.0)
    desk = Desk(lane.terms_of(model, drawn.PAIRS[0]), 5000.0)
    equity = []
    for t in range(COUNT):
        venue.advance(t)
        desk.live(t, tape)
        equity.append(lane.equity_of(desk.account))
        if rng.random() < 0.4:
            if desk.order.side:
                venue.cancel(desk.number)
            side = 1 if rng.random() < 0.55 else -1
            kind = int(rng.integers(4 if side < 0 else 3))
            amount = float((rng.uniform(0.01, 1), rng.uniform(1, 4000), rng.uniform(0.01, 40), 0.0)[kind])
            desk.send(t, t + 1 + model.latency_bars, side, kind, amount)
            venue.submit(
                Intent(desk.number, drawn.PAIRS[0], Side(side), OrderKind.MARKET, SizeKind(kind), amount, 0.0, side < 0)
            )
    track = venue.track()
    names = ("bar", "order", "side", "quantity", "price", "fee", "reason")
    assert [tuple(row) for row in track.fills[list(names)].tolist()] == desk.fills
    ended = track.orders[track.orders["note"] != OrderNote.END_OF_DATA]
    results = ended[["order", "time", "state", "note", "wanted", "filled"]].tolist()
    assert [(order, time // MINUTE_NS, *rest) for order, time, *rest in results] == desk.results
    assert track.curve.equity.tolist() == equity
    assert (track.realised, track.deposits, track.withdrawals) == (
        desk.account.realised, desk.account.deposits, desk.account.withdrawals,
    )  # fmt: skip


def test_a_round_trip_is_counted_with_both_fees_and_its_excursions():
    bought, sold = lane.Fill(2.0, 100.0, 1.0, 0), lane.Fill(2.0, 110.0, 1.1, 0)
    trip = lane.trip_leave(lane.trip_seen(lane.trip_enter(lane.FLAT, bought), 90.0, 105.0), sold)
    assert trip[:4] == (2.0, 200.0, 2.0, 220.0)
    assert (trip.fees, trip.best, trip.worst) == (2.1, 110.0 / 100.0 - 1.0, 90.0 / 100.0 - 1.0)
