"""Play strategies that offer an exposure without asking them bar by bar: the session's result, in compiled code.

A lane is one pair, one account, market orders, and strategies whose whole answer is the share of equity they want. It
gives the very `Simulation` that `engine.session` gives for `strategy.lanes.Lane`, bit for bit; `backtest.run` takes it
by itself where it can and asks `decide` otherwise. Nothing is decided here: wishes and gates are in `lane_loop`, the
market is `sim.lane`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tradecore.backtest import lane_loop
from tradecore.backtest.lane_journal import LaneJournal, Played
from tradecore.core.bars import Bars
from tradecore.core.errors import AccountingError, UsageError
from tradecore.core.orders import OrderNote, OrderState
from tradecore.core.track import FILL, ORDER_RESULT, TRADE, Curve, Track
from tradecore.core.types import FloatArray, IntArray, Nanoseconds, RecordArray
from tradecore.risk.chain import Standing
from tradecore.risk.rules import Limits
from tradecore.sim import fills, lane
from tradecore.sim.model import VenueModel
from tradecore.sim.state import records
from tradecore.strategy.contract import Strategy
from tradecore.strategy.lanes import Changes

_ROOM = 1 << 16
"""Rows the logs begin with at most; they double when they fill up."""


@dataclass(frozen=True, slots=True, eq=False)
class Turn:
    """One strategy's wishes: it decides on moments from `first` on, and its turn begins at `start`."""

    start: int
    first: int
    wishes: Changes
    """By moment of the clock; what lies before `start` is what it would have wanted."""


@dataclass(frozen=True, slots=True, eq=False)
class Terms:
    """What a lane is played under, as in `backtest.run.Settings`."""

    cash: float
    venue: VenueModel
    limits: Limits
    flows: Mapping[Nanoseconds, float]


def has_lane(strategy: Strategy) -> bool:
    """Say whether a strategy's exposure is its whole answer.

    It is not when the strategy listens to what else a session tells, or when a subclass wrote a new `decide` over the
    exposure it inherits.
    """
    kind = type(strategy)
    if strategy.exposure is None or any(
        getattr(kind, name) is not getattr(Strategy, name) for name in ("on_start", "on_stop", "on_fill")
    ):
        return False
    written = next(one for one in kind.__mro__ if {"exposure", "decide"} & vars(one).keys())
    return "exposure" in vars(written) or "exposure" in vars(strategy)


def play(bars: Bars, turns: Sequence[Turn], terms: Terms) -> tuple[Track, LaneJournal]:
    """Play the turns of an account over the bars of one pair, (T,) as the clock.

    Errors: UsageError for a flow after the last bar; AccountingError when equity is not the sum of its parts.
    """
    market, lines = _market(bars), _lines(len(bars))
    rules, flow_at, flow = _rules(bars, terms), *_flows(bars, terms.flows)
    logs = _logs(min(sum(len(turn.wishes.at) for turn in turns), _ROOM) + 16)
    state = lane_loop.opening(terms.cash)
    stops = [*(turn.start for turn in turns[1:]), len(bars)]
    for turn, stop in zip(turns, stops, strict=True):
        if turn.start:
            state = _handed_over(state, logs, bars, turn.start)
        first = max(turn.start, turn.first)
        wishes = lane_loop.Wishes(turn.wishes.at, turn.wishes.share, first, flow_at, flow)
        while state.t < stop:
            state = lane_loop.advance(market, lines, logs, wishes, rules, state, stop)
            if state.t < stop:
                logs = lane_loop.Logs(*(longer(log) for log in logs))
    spans = [(max(turn.start, turn.first), stop) for turn, stop in zip(turns, stops, strict=True)]
    track = _track(bars, lines, logs, state, terms.cash)
    signals = _kept(logs.signals, state.signals)
    played = Played(
        (bars.pair,), len(bars), spans, signals, lambda: _standings(signals, track.curve, bars.close), terms.limits
    )
    return track, LaneJournal(played)


def _market(bars: Bars) -> lane_loop.Market:
    columns = (bars.open_time, bars.open, bars.high, bars.low, bars.close, bars.volume, bars.is_real)
    return lane_loop.Market(*columns, bool(bars.is_real.all()))


def _lines(count: int) -> lane_loop.Lines:
    """Return an empty curve. What stays zero in most bars comes as zeros nobody has touched, which cost nothing."""
    equity, cash, worst = (np.empty(count) for _ in range(3))
    return lane_loop.Lines(equity, cash, worst, np.zeros(count), np.zeros(count))


def _rules(bars: Bars, terms: Terms) -> lane_loop.Rules:
    limits = terms.limits
    return lane_loop.Rules(
        lane.terms_of(terms.venue, bars.pair), int(terms.venue.latency_bars), bool(limits.no_new_risk),
        float(limits.max_drawdown) if limits.max_drawdown < 1.0 else np.inf, int(limits.cooldown_bars),
        float(limits.max_pair_exposure), float(limits.max_total_exposure),
    )  # fmt: skip


def _flows(bars: Bars, flows: Mapping[Nanoseconds, float]) -> tuple[IntArray, FloatArray]:
    """Return the bars in which money comes or goes, rising, and how much."""
    amounts: dict[int, float] = {}
    for moment, amount in flows.items():
        place = int(np.searchsorted(bars.open_time, moment))
        if place == len(bars):
            raise UsageError("a cash flow lies after the last bar; give a moment inside the span")
        amounts[place] = amounts.get(place, 0.0) + amount
    places = sorted(amounts)
    return np.array(places, np.int64), np.array([amounts[place] for place in places], np.float64)


def _logs(room: int) -> lane_loop.Logs:
    return lane_loop.Logs(*(records(room, dtype) for dtype in (FILL, TRADE, ORDER_RESULT, lane_loop.SIGNAL)))


def longer(log: RecordArray) -> RecordArray:
    """Return a log with room for as much again."""
    grown: RecordArray = records(2 * len(log), log.dtype)
    grown[: len(log)] = log
    return grown


def _kept(log: np.ndarray, count: int) -> np.ndarray:
    """Return the rows that were written; a log that is mostly room is let go."""
    rows = log[:count]
    return rows if 2 * count >= len(log) else rows.copy()


def _standings(signals: RecordArray, curve: Curve, close: FloatArray) -> Iterator[Standing]:
    """Yield how the account stood at each signal."""
    drawdown = _drawdown(curve)
    for bar, held, left_at in zip(*(signals[name].tolist() for name in ("bar", "held", "left_at")), strict=True):
        equity = float(curve.equity[bar])
        share = held * float(close[bar]) / (equity if equity > 0.0 else float("nan"))
        yield Standing(equity, float(drawdown[bar]), share, share, bar - left_at)


def _drawdown(curve: Curve) -> FloatArray:
    """Return the fall of time-weighted wealth from its peak after every bar, as the kernel follows it."""
    base = np.concatenate([[curve.start_equity], curve.equity[:-1]]) + curve.flow
    wealth = np.cumprod(np.divide(curve.equity, base, out=np.ones(len(base)), where=base > 0.0))
    fallen: FloatArray = 1.0 - wealth / np.maximum.accumulate(np.maximum(wealth, 1.0))
    return fallen


def _handed_over(state: lane_loop.State, logs: lane_loop.Logs, bars: Bars, start: int) -> lane_loop.State:
    """Return the state as the next strategy finds it: what rested is cancelled, what is held stays."""
    results = state.results
    if state.order.side:
        order = state.order._replace(state=int(OrderState.CANCELLED), note=int(OrderNote.CANCELLED))
        logs.results[results] = _result(int(bars.open_time[start - 1]), state.number, order)
        results += 1
    return state._replace(order=lane.NO_ORDER, left_at=-lane_loop.NEVER, results=results)


def _result(time: int, number: int, order: lane.Order) -> tuple[float, ...]:
    return number, time, 0, order.side, order.state, order.note, order.quantity, order.filled


def _track(bars: Bars, lines: lane_loop.Lines, logs: lane_loop.Logs, state: lane_loop.State, cash: float) -> Track:
    account = state.account
    orders = _kept(logs.results, state.results)
    if state.order.side:
        rest = records(1, ORDER_RESULT)
        order = state.order._replace(note=int(OrderNote.END_OF_DATA))
        rest[0] = _result(int(bars.open_time[-1]), state.number, order)
        orders = np.concatenate([orders, rest])
    unrealised = float(fills.unrealised_of(account.quantity, account.cost, account.mark))
    filled = _kept(logs.fills, state.fills)
    gap = abs(account.deposits - account.withdrawals + account.realised + unrealised - state.equity)
    if not gap <= 1e-9 * max(account.deposits, abs(state.equity), float(filled["price"].sum())):
        raise AccountingError(
            f"equity and the sum of its parts differ by {gap:g} quote; the books are wrong, please report it"
        )
    curve = Curve(
        bars.open_time, lines.equity, lines.cash, lines.flow, lines.worst, lines.exposure,
        np.logical_not(bars.is_real), float(cash),
    )  # fmt: skip
    return Track(
        (bars.pair,), bars.timeframe, curve, filled, _kept(logs.trades, state.trades), orders,
        account.deposits, account.withdrawals, account.realised, unrealised,
    )  # fmt: skip
