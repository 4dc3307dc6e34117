"""The one loop: decisions become intents through the gates, fills come back, and what fails is a fault with its
name."""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from tradecore.backtest.run import Settings, Shift, Simulation, simulate, simulate_shifts
from tradecore.core.bars import Bars
from tradecore.core.errors import DataError, UsageError
from tradecore.core.orders import At, Base, FillReason, OrderNote, Quote
from tradecore.core.types import HOUR_NS, Pair, Timeframe
from tradecore.engine.frame import HistoryFrame
from tradecore.features import sma
from tradecore.risk.rules import Limits
from tradecore.sim.model import VenueModel
from tradecore.strategy.contract import Strategy

BTC, ETH = Pair("BTC", "USD"), Pair("ETH", "USD")
FREE = VenueModel(0.0, 0.0, 0.0, 0.0, float("inf"), min_notional=0.0)


def bars_of(closes: Sequence[float], pair: Pair = BTC, start: int = 0) -> Bars:
    close = np.asarray(closes, dtype=np.float64)
    open_ = np.concatenate([close[:1], close[:-1]])
    return Bars(
        pair, Timeframe(HOUR_NS), (np.arange(len(close)) + start) * HOUR_NS, open_, np.maximum(open_, close),
        np.minimum(open_, close), close, np.full(len(close), 1e6), source="test",
    )  # fmt: skip


def scripted(answer: Callable[[Any, Any, Any], Any], **attributes: Any) -> Strategy:
    """A strategy whose `decide` is a function of (self, market, account)."""
    kind = type("Scripted", (Strategy,), {"decide": answer, **attributes})
    made: Strategy = kind()
    return made


def run(answer: Callable[[Any, Any, Any], Any], closes: Sequence[float] = (10.0,) * 8, **more: Any) -> Simulation:
    settings = Settings(cash=1000.0, venue=more.pop("venue", FREE), limits=more.pop("limits", Limits()))
    return simulate(scripted(answer, **more), [bars_of(closes)], settings)


def test_a_decision_on_the_close_fills_at_the_next_open():
    done = run(lambda s, m, a: s.buy(0.5) if m.index == 2 else None, [10, 11, 12, 13, 14])
    assert done.track.fills["bar"].tolist() == [3]
    assert done.track.fills["price"].tolist() == [12.0]  # the open of bar 3


def test_every_decision_is_recorded_and_none_is_a_hold_without_a_reason():
    done = run(lambda s, m, a: s.hold("too early") if m.index < 5 else None)
    assert done.journal.counts() == {"scans": 5, "hold": 5, "buy": 0, "sell": 0, "close": 0, "faults": 0}
    assert done.journal.reasons_counted() == [("too early", 5)]


def test_nothing_is_asked_before_every_feature_has_its_value():
    asked: list[int] = []
    run(lambda s, m, a: asked.append(m.index), features=lambda s, p: {"mean": sma(4)})
    assert asked == [3, 4, 5, 6, 7]


def test_the_account_view_moves_with_fills_as_the_venue_does():
    seen: list[tuple[float, ...]] = []

    def decide(s: Strategy, m: Any, a: Any) -> Any:
        held = a._read().positions.get(BTC)
        if held:
            seen.append(
                (
                    a.position - held.quantity,
                    a.entry_price - held.entry_price,
                    a.cost - held.cost,
                    a.unrealised - held.unrealised,
                    a.holding - held.bars_held,
                )
            )
        return {0: s.buy(0.3), 2: s.buy(0.2), 4: s.sell(0.1), 6: s.close()}.get(m.index)

    run(decide, [10, 11, 12, 11, 13, 12, 14, 13], venue=VenueModel(participation=float("inf")))
    assert len(seen) == 6
    assert np.abs(np.array(seen)).max() < 1e-12


def test_a_strategy_is_told_of_every_fill_stops_included():
    told: list[FillReason] = []
    run(
        lambda s, m, a: s.buy(0.5, stop=-0.1) if m.index == 0 else None, [10, 10, 10, 8, 8],
        on_fill=lambda s, fill: told.append(fill.reason),
    )  # fmt: skip
    assert told == [FillReason.SIGNAL, FillReason.STOP]


@pytest.mark.parametrize(
    ("answer", "named"),
    [
        (lambda s, m, a: 1 / 0, "ZeroDivisionError"),
        (lambda s, m, a: "buy", "FaultError"),
        (lambda s, m, a: s.buy(float("nan")), "FaultError"),
        (lambda s, m, a: s.buy(1.5), "FaultError"),
        (lambda s, m, a: s.buy(0.5, stop=0.03), "FaultError"),
        (lambda s, m, a: s.buy(0.5, target=61_000.0), "FaultError"),
        (lambda s, m, a: s.buy(0.5, limit=At(-1.0)), "FaultError"),
        (lambda s, m, a: s.buy(0.5, limit=-0.01, trigger=0.01), "FaultError"),
        (lambda s, m, a: s.buy(Quote(-5.0)), "FaultError"),
        (lambda s, m, a: s.buy(0.5, trail=1.0), "FaultError"),
        (lambda s, m, a: s.buy(0.5, confidence=2.0), "FaultError"),
        (lambda s, m, a: s.buy(0.5, slippage_tolerance=-0.1), "FaultError"),
        (lambda s, m, a: s.hold("x" * 201), "FaultError"),
        (lambda s, m, a: {"DOGE/USD": s.buy()}, "FaultError"),
        (lambda s, m, a: {"BTC/USD": 7}, "FaultError"),
        (lambda s, m, a: m.window("close", 10**6), "StrategyError"),
        (lambda s, m, a: m["ETH/USD"], "StrategyError"),
    ],
)
def test_what_is_no_decision_is_a_fault_with_its_name_and_never_a_hold(
    answer: Callable[[Any, Any, Any], Any], named: str
):
    done = run(answer)
    assert done.journal.faults[0].name == f"decide: {named}"
    assert done.journal.counts()["hold"] == 0
    assert not len(done.track.fills)


def test_three_faults_quarantine_a_strategy_and_the_shell_closes_what_it_holds():
    def decide(s: Strategy, m: Any, a: Any) -> Any:
        if m.index == 0:
            return s.buy(0.5)
        raise RuntimeError("lost")

    done = run(decide)
    assert done.quarantined
    assert len(done.journal.faults) == 3
    assert done.track.fills["side"].tolist() == [1, -1]
    assert done.track.fills["bar"].tolist() == [1, 4]


def test_a_fault_while_being_told_of_a_fill_counts_too():
    def fail(s: Strategy, fill: Any) -> None:
        raise ValueError("no")

    done = run(lambda s, m, a: s.buy(0.5) if m.index == 0 else None, on_fill=fail)
    assert [fault.name for fault in done.journal.faults] == ["on_fill: ValueError"]


def test_a_blocked_entry_is_recorded_with_the_rule_that_blocked_it():
    done = run(lambda s, m, a: s.buy(0.5) if m.index == 1 else None, limits=Limits(no_new_risk=True))
    assert done.journal.top_blockers() == [("no_new_risk", 1)]
    assert not len(done.track.fills)


def test_an_exit_passes_when_the_drawdown_limit_is_hit():
    done = run(
        lambda s, m, a: {0: s.buy(1.0), 4: s.close()}.get(m.index),
        [10, 10, 5, 5, 5, 5],
        limits=Limits(max_drawdown=0.1),
    )
    assert done.track.fills["side"].tolist() == [1, -1]


def test_an_entry_is_cut_to_the_exposure_limit():
    done = run(lambda s, m, a: s.buy(1.0) if m.index == 0 else None, limits=Limits(max_pair_exposure=0.25))
    assert done.track.fills["quantity"][0] * 10 == pytest.approx(250.0)


def test_the_same_market_order_is_not_sent_again_while_it_is_on_its_way():
    done = run(
        lambda s, m, a: None if a.position else s.buy(0.5), venue=VenueModel(latency_bars=3, participation=float("inf"))
    )
    assert len(done.track.fills) == 1
    assert done.journal.top_blockers() == [("on_its_way", 3)]


def test_a_new_limit_replaces_the_one_that_rests():
    done = run(lambda s, m, a: s.buy(0.5, limit=-0.5))
    notes = [OrderNote(int(note)) for note in done.track.orders["note"]]
    assert notes == [OrderNote.CANCELLED] * 7 + [OrderNote.END_OF_DATA]


def test_closing_nothing_sends_nothing_but_takes_back_what_rests():
    done = run(lambda s, m, a: {0: s.buy(0.5, limit=-0.5), 2: s.close()}.get(m.index))
    assert [OrderNote(int(note)) for note in done.track.orders["note"]] == [OrderNote.CANCELLED]
    assert done.journal.top_blockers() == [("nothing_held", 1)]


def test_sizes_are_shares_quote_or_base_amounts():
    for size, quantity in ((0.5, 50.0), (Quote(200.0), 20.0), (Base(3.0), 3.0)):
        done = run(lambda s, m, a, size=size: s.buy(size) if m.index == 0 else None)
        assert done.track.fills["quantity"].tolist() == [quantity]


def test_a_fraction_of_a_limit_refers_to_the_close():
    done = run(lambda s, m, a: s.buy(0.5, limit=-0.1) if m.index == 1 else None, [10, 20, 20, 15, 15])
    assert done.track.fills["price"].tolist() == [18.0]


def test_randomness_is_seeded_by_run_and_bar():
    def drawn(seed: int) -> list[float]:
        found: list[float] = []
        strategy = scripted(lambda s, m, a: found.append(s.rng.random()))
        simulate(strategy, [bars_of([10.0] * 5)], Settings(seed=seed))
        return found

    assert drawn(1) == drawn(1)
    assert len(set(drawn(1))) == 5
    assert drawn(1) != drawn(2)


def test_several_pairs_are_decided_together_and_share_one_account():
    def decide(s: Strategy, m: Any, a: Any) -> Any:
        assert m.pairs == ("BTC/USD", "ETH/USD")
        if m.index == 1:
            return {"BTC/USD": s.buy(0.5), "ETH/USD": s.buy(0.8)}
        return {"ETH/USD": s.close()} if m.index == 3 and a["ETH/USD"].position else None

    done = simulate(scripted(decide), [bars_of([10.0] * 6), bars_of([5.0] * 6, ETH)], Settings(cash=1000.0, venue=FREE))
    assert [(int(f["pair"]), int(f["side"])) for f in done.track.fills] == [(0, 1), (1, 1), (1, -1)]
    assert done.track.fills["quantity"].tolist() == [50.0, 100.0, 100.0]  # the second was cut to what was left


def test_a_pair_that_starts_later_holds_the_first_decision_back():
    asked: list[int] = []
    done = simulate(
        scripted(lambda s, m, a: asked.append(m.time)),
        [bars_of([10.0] * 6), bars_of([5.0] * 3, ETH, start=3)],
        Settings(),
    )
    assert asked == [4 * HOUR_NS, 5 * HOUR_NS, 6 * HOUR_NS]
    assert len(done.track.curve) == 6


def test_a_pair_without_a_bar_shows_its_last_one_and_its_age():
    ages: list[float] = []
    gappy = bars_of([5.0] * 6, ETH)
    gappy = Bars(
        ETH,
        gappy.timeframe,
        *(getattr(gappy, n)[[0, 1, 4, 5]] for n in ("open_time", "open", "high", "low", "close", "volume")),
        source="t",
    )
    simulate(scripted(lambda s, m, a: ages.append(m["ETH/USD"].age)), [bars_of([10.0] * 6), gappy], Settings())
    assert ages == [0.0, 0.0, 3600.0, 7200.0, 0.0, 0.0]


def test_positions_are_handed_over_from_one_shift_to_the_next():
    bars = [bars_of([10, 10, 11, 12, 13, 14, 15, 16])]
    first = scripted(lambda s, m, a: s.buy(0.5) if m.index == 1 else None)
    second = scripted(lambda s, m, a: s.close("handed over") if a.position and a.holding == 4 else None)
    done = simulate_shifts((Shift(0, first), Shift(4 * HOUR_NS, second)), bars, Settings(cash=1000.0, venue=FREE))
    assert done.track.fills["bar"].tolist() == [2, 7]
    assert len(done.track.trades) == 1
    assert len(set(done.track.fills["order"].tolist())) == 2


def test_orders_that_rest_are_cancelled_at_a_hand_over():
    bars = [bars_of([10.0] * 8)]
    first = scripted(lambda s, m, a: s.buy(0.5, limit=-0.5) if m.index == 1 else None)
    done = simulate_shifts(
        (Shift(0, first), Shift(4 * HOUR_NS, scripted(lambda s, m, a: None))), bars, Settings(venue=FREE)
    )
    assert OrderNote(int(done.track.orders["note"][0])) is OrderNote.CANCELLED


def test_the_garbage_collector_is_left_as_it_was_found():
    run(lambda s, m, a: s.buy(0.5))
    assert gc.get_freeze_count() == 0
    gc.freeze()
    frozen = gc.get_freeze_count()
    try:
        run(lambda s, m, a: s.buy(0.5))
        assert gc.get_freeze_count() >= frozen // 2 > 0
    finally:
        gc.unfreeze()


def test_one_run_twice_is_the_same_to_the_bit():
    one, two = (
        run(
            lambda s, m, a: s.buy(0.1, trail=0.02) if s.rng.random() < 0.5 else s.close(),
            [10, 11, 9, 12, 8, 13, 10, 11],
        )
        for _ in range(2)
    )
    assert one.track.fills.tobytes() == two.track.fills.tobytes()
    assert one.track.curve.equity.tobytes() == two.track.curve.equity.tobytes()


@pytest.mark.parametrize(
    ("bars", "error"),
    [
        ([], UsageError),
        ([bars_of([1.0]), bars_of([1.0])], UsageError),
        ([bars_of([1.0])[0:0]], DataError),
    ],
)
def test_bars_that_cannot_be_one_session_are_refused(bars: list[Bars], error: type[Exception]):
    with pytest.raises(error):
        HistoryFrame(bars, {})


def test_a_session_has_one_timeframe():
    other = Bars(ETH, Timeframe(2 * HOUR_NS), [0], [1.0], [1.0], [1.0], [1.0], [1.0], source="t")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="has one timeframe"):
        HistoryFrame([bars_of([1.0]), other], {})


def test_a_clock_cut_to_a_later_start_keeps_the_warm_up_out_of_the_record():
    done = simulate(
        scripted(lambda s, m, a: s.buy(0.5) if not a.position else None, features=lambda s, p: {"mean": sma(3)}),
        [bars_of([10.0] * 8)],
        Settings(cash=1000.0, venue=FREE),
        decide_from=4 * HOUR_NS,
    )
    assert done.track.curve.time[0] == 4 * HOUR_NS
    assert done.track.fills["time"].tolist() == [5 * HOUR_NS]


def test_a_cash_flow_after_the_last_bar_is_refused():
    with pytest.raises(UsageError, match="after the last bar"):
        simulate(scripted(lambda s, m, a: None), [bars_of([10.0] * 3)], Settings(flows={99 * HOUR_NS: 5.0}))


def test_cash_flows_are_booked_at_their_moment():
    done = simulate(scripted(lambda s, m, a: None), [bars_of([10.0] * 3)], Settings(cash=100.0, flows={HOUR_NS: 50.0}))
    assert done.track.curve.equity.tolist() == [100.0, 150.0, 150.0]
