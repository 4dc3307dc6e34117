"""The compiled lane does what a session does for the same wishes, bit for bit, whatever market, venue and limits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tradecore.backtest.run import Settings, Shift, Simulation, simulate, simulate_shifts
from tradecore.backtest.shares import play_shares
from tradecore.core.bars import Bars
from tradecore.core.orders import FillReason, OrderNote
from tradecore.core.types import MINUTE_NS, FloatArray, Pair, Timeframe
from tradecore.engine.frame import HistoryFrame
from tradecore.features import sma
from tradecore.features.feature import Feature
from tradecore.risk.rules import Limits
from tradecore.sim.model import VenueModel
from tradecore.strategy.contract import Strategy
from tradecore.strategy.lanes import Lane, ShareLanes

COUNT = 120
BTC = Pair("BTC", "USD")
PAIRS = (BTC, Pair("ETH", "USD"), Pair("SOL", "USD"))
seeds = st.integers(0, 2**32 - 1)


class Given(Strategy):
    """Wants what it was given, after a warm-up of some bars."""

    def __init__(self, share: FloatArray, span: int) -> None:
        super().__init__()
        self._given, self._span = share, span

    def features(self, p: Any) -> Mapping[str, Feature]:
        return {"mean": sma(self._span)} if self._span > 1 else {}

    def exposure(self, features: Mapping[str, FloatArray]) -> FloatArray:
        return self._given


def random_bars(rng: np.random.Generator, count: int = COUNT, pair: Pair = BTC) -> Bars:
    """Return bars with gaps in time, jumps in price, bars that were filled in, and many with next to no volume."""
    jump = np.where(rng.random(count) < 0.05, rng.normal(0, 0.2, count), rng.normal(0, 0.01, count))
    close = np.round(50.0 * np.exp(np.cumsum(jump)) + 0.01, 2)
    open_ = np.maximum(np.round(np.roll(close, 1) * np.exp(rng.normal(0, 0.005, count)), 2), 0.01)
    high = np.maximum(open_, close) * (1 + np.abs(rng.normal(0, 0.01, count)))
    low = np.minimum(open_, close) * (1 - np.abs(rng.normal(0, 0.01, count)).clip(0, 0.5))
    volume = rng.exponential(rng.choice([1.0, 300.0, 1e5]), count) * (rng.random(count) > 0.1)
    time = np.cumsum(1 + (rng.random(count) < 0.1) * rng.integers(1, 5, count)) * MINUTE_NS
    real = rng.random(count) > rng.choice([0.0, 0.2])
    return Bars(pair, Timeframe(MINUTE_NS), time, open_, high, low, close, volume, "synthetic test", is_real=real)


def random_share(rng: np.random.Generator, count: int = COUNT) -> Any:
    """Return wishes that stay for a while: in and out, in steps, drifting, or a boolean mask."""
    kind = rng.integers(4)
    levels = rng.choice([0.0, 0.0, 0.3, 0.5, 1.0, 1e-10], count) if kind < 2 else rng.random(count)
    held = np.repeat(levels, rng.integers(1, 9, count))[:count]
    if kind == 2:
        held = np.clip(held + rng.normal(0, 4e-10, count).cumsum(), 0.0, 1.0)
    return held > 0.4 if kind == 3 else held


def random_settings(rng: np.random.Generator, bars: Bars) -> Settings:
    pick = lambda *values: float(rng.choice(values))  # noqa: E731
    venue = VenueModel(
        taker_fee=pick(0.0, 0.004, 0.02), half_spread=pick(0.0, 0.001), slippage=pick(0.0, 0.002),
        participation=pick(0.05, 0.5, np.inf), tick=pick(0.0, 0.01, 0.5), lot=pick(0.0, 0.001, 0.1),
        min_quantity=pick(0.0, 0.05), min_notional=pick(0.0, 5.0, 200.0), max_base=pick(np.inf, 20.0),
        max_quote=pick(np.inf, 3000.0), latency_bars=int(rng.choice([0, 0, 1, 3])), allow_short=bool(rng.integers(2)),
        max_positions=int(rng.choice([1, 2, 9])),
    )  # fmt: skip
    limits = Limits(
        pick(1.0, 0.4, 2.0), pick(1.0, 0.6), pick(1.0, 0.1), int(rng.choice([0, 0, 7])), bool(rng.random() < 0.05)
    )
    moments = rng.choice(bars.open_time, rng.integers(0, 4)).tolist()
    flows = {int(moment): float(rng.normal(0, 3000)) for moment in moments}
    return Settings(cash=pick(100.0, 10_000.0, 1e6), venue=venue, limits=limits, flows=flows)


def random_case(seed: int, turns: int) -> tuple[list[Given], list[int], Bars, Settings]:
    rng = np.random.default_rng(seed)
    bars = random_bars(rng)
    strategies = [Given(random_share(rng), int(rng.choice([1, 1, 5, 30]))) for _ in range(turns)]
    starts = sorted(int(moment) for moment in rng.choice(bars.open_time[1:], turns, replace=False))
    starts[0] = starts[0] if rng.random() < 0.5 else 0
    return strategies, starts, bars, random_settings(rng, bars)


def both(seed: int, turns: int = 1) -> tuple[Simulation, Simulation]:
    """Play one case in the compiled lane and in the session."""
    strategies, starts, bars, given = random_case(seed, turns)
    shifts = [Shift(start, strategy) for start, strategy in zip(starts, strategies, strict=True)]
    slow = [Shift(shift.start, Lane(shift.strategy, bars)) for shift in shifts]
    return simulate_shifts(shifts, (bars,), given, lane=True), simulate_shifts(slow, (bars,), given)


def same_track(fast: Simulation, slow: Simulation) -> None:
    one, two = fast.track, slow.track
    for log in ("fills", "trades", "orders"):
        assert getattr(one, log).tolist() == getattr(two, log).tolist(), log
    for line in ("time", "equity", "cash", "flow", "worst", "exposure", "is_carried"):
        assert np.array_equal(getattr(one.curve, line), getattr(two.curve, line)), line
    for sum_ in ("deposits", "withdrawals", "realised", "unrealised"):
        assert getattr(one, sum_) == getattr(two, sum_), sum_


def same_journal(fast: Simulation, slow: Simulation) -> None:
    one, two = fast.journal, slow.journal
    assert np.array_equal(one.actions, two.actions)
    assert repr(one.signals) == repr(two.signals)  # as text: a share of no equity is NaN, which equals nothing
    assert one.counts() == two.counts()
    assert one.top_blockers() == two.top_blockers()
    assert one.reasons_counted() == two.reasons_counted()


@settings(max_examples=300)
@given(seeds)
def test_the_lane_leaves_the_track_record_of_the_session(seed: int):
    same_track(*both(seed))


@settings(max_examples=150)
@given(seeds, st.integers(2, 4))
def test_strategies_in_turn_hand_over_as_in_the_session(seed: int, turns: int):
    fast, slow = both(seed, turns)
    same_track(fast, slow)
    same_journal(fast, slow)


def both_by_shares(seed: int, pairs: int) -> tuple[Simulation, Simulation]:
    """Play wanted shares of several pairs in the compiled loop and in the session."""
    rng = np.random.default_rng(seed)
    bars = [random_bars(rng, int(rng.integers(60, 120)), pair) for pair in PAIRS[:pairs]]
    clock, given = HistoryFrame(bars, {}).clock, random_settings(rng, bars[0])
    drawn = [np.resize(np.asarray(random_share(rng), np.float64), len(clock)) for _ in bars]
    shares = np.stack(drawn) / rng.choice([1, pairs])
    slow = ShareLanes({str(one.pair): share for one, share in zip(bars, shares, strict=True)}, clock)
    return play_shares(shares, bars, given), simulate(slow, bars, given)


@settings(max_examples=200)
@given(seeds, st.integers(1, 3))
def test_shares_of_several_pairs_are_played_as_in_the_session(seed: int, pairs: int):
    fast, slow = both_by_shares(seed, pairs)
    same_track(fast, slow)
    same_journal(fast, slow)


@settings(max_examples=150)
@given(seeds)
def test_the_lane_logs_the_decisions_and_gate_traces_of_the_session(seed: int):
    same_journal(*both(seed))


def test_the_cases_reach_every_corner():
    """Property tests prove little on cases in which nothing happens: count what these saw."""
    seen: Counter[str] = Counter()
    for seed in range(250):
        fast, _ = both(seed)
        seen.update(f"note {OrderNote(note).name}" for note in set(fast.track.orders["note"].tolist()))
        seen.update(rule for rule, _count in fast.journal.top_blockers())
        seen["fill by cap"] += int((fast.track.fills["reason"] == FillReason.CAP).any())
        seen["sold in part"] += fast.journal.counts()["sell"] > 0
    notes = "NONE BELOW_MINIMUM NO_CASH CASH_RESIZED POSITION_BASE_LIMIT POSITION_QUOTE_LIMIT CANCELLED END_OF_DATA"
    rules = "on_its_way no_new_risk max_drawdown cooldown pair_exposure total_exposure"
    wanted = [f"note {name}" for name in notes.split()] + rules.split() + ["fill by cap", "sold in part"]
    assert all(seen[name] >= 2 for name in wanted), seen
