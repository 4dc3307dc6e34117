"""One run over history: what it assumes reaches the venue, and shifts hand one account over."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tradecore.backtest.run import Settings, Shift, simulate, simulate_shifts
from tradecore.core.bars import Bars
from tradecore.core.errors import DataError, UsageError
from tradecore.core.types import HOUR_NS
from tradecore.sim.model import VenueModel
from tradecore.strategy.contract import Strategy


@pytest.mark.parametrize("cash", [0.0, -1.0, float("inf"), float("nan")])
def test_starting_cash_is_an_amount_above_zero(cash: float) -> None:
    with pytest.raises(UsageError, match="starting cash"):
        Settings(cash=cash)


def test_a_strategy_handed_over_to_itself_is_the_same_run(trend: type[Strategy], planted: Bars) -> None:
    places = (0, 700, 701, 1900)
    shifts = tuple(Shift(int(planted.open_time[place]) if place else 0, trend()) for place in places)
    whole, parts = simulate(trend(), [planted]), simulate_shifts(shifts, [planted], Settings())
    assert parts.track.curve.equity.tobytes() == whole.track.curve.equity.tobytes()
    assert parts.track.fills.tobytes() == whole.track.fills.tobytes()
    assert parts.track.trades.tobytes() == whole.track.trades.tobytes()
    assert (parts.journal.actions == whole.journal.actions).all()


def test_a_shift_that_begins_between_bars_takes_over_at_the_next(trend: type[Strategy], planted: Bars) -> None:
    asked: list[int] = []

    class Late(trend):  # type: ignore[misc, valid-type]
        def decide(self, market: object, account: object) -> None:
            asked.append(market.index)  # type: ignore[attr-defined]

    simulate_shifts(
        (Shift(0, trend()), Shift(int(planted.open_time[500]) - HOUR_NS // 2, Late())), [planted[:510]], Settings()
    )
    assert asked == list(range(500, 510))


def test_costs_of_the_settings_are_the_costs_of_every_fill(trend: type[Strategy], planted: Bars) -> None:
    venue = VenueModel(taker_fee=0.01, half_spread=0.0, slippage=0.02)
    fills = simulate(trend(), [planted], Settings(venue=venue)).track.fills
    assert len(fills) > 4
    opens = planted.open[fills["bar"]]
    assert fills["price"] == pytest.approx(opens * (1.0 + 0.02 * fills["side"]), rel=1e-9)
    assert fills["fee"] == pytest.approx(0.01 * fills["price"] * fills["quantity"], rel=1e-9)


def test_progress_rises_to_all_of_the_bars(trend: type[Strategy], planted: Bars) -> None:
    told: list[tuple[int, int]] = []
    simulate(trend(), [planted], progress=lambda done, total: told.append((done, total)))
    assert told == sorted(set(told))
    assert told[-1] == (3000, 3000)
    assert 90 <= len(told) <= 110


def test_progress_of_shifts_goes_on_where_the_last_one_ended(trend: type[Strategy], planted: Bars) -> None:
    told: list[int] = []
    shifts = (Shift(0, trend()), Shift(int(planted.open_time[1234]), trend()))
    simulate_shifts(shifts, [planted], Settings(), progress=lambda done, total: told.append(done))
    assert told == sorted(set(told))
    assert told[-1] == 3000


def test_a_quarantine_in_any_shift_is_told(trend: type[Strategy], planted: Bars) -> None:
    class Broken(trend):  # type: ignore[misc, valid-type]
        def decide(self, market: object, account: object) -> None:
            raise RuntimeError("lost")

    shifts = (Shift(0, Broken()), Shift(int(planted.open_time[500]), trend()))
    done = simulate_shifts(shifts, [planted], Settings())
    assert done.quarantined
    assert len(done.journal.faults) == 3
    assert len(done.track.fills)  # the next shift starts with a clean sheet


def test_bars_before_the_first_decision_warm_up_and_are_not_in_the_record(trend: type[Strategy], planted: Bars) -> None:
    start = int(planted.open_time[1000])
    done = simulate(trend(span=400), [planted], decide_from=start)
    assert done.track.curve.time[0] == start
    assert (done.journal.actions[0] > 0).all()  # every moment of the record was decided on: nothing warms up in it


def test_a_start_after_the_last_bar_is_refused(trend: type[Strategy], planted: Bars) -> None:
    with pytest.raises(DataError, match="no bars from"):
        simulate(trend(), [planted], decide_from=planted.end_time)


def test_several_pairs_hand_over_their_positions_too(trend: type[Strategy], two_pairs: tuple[Bars, ...]) -> None:
    shifts = (Shift(0, trend()), Shift(int(two_pairs[0].open_time[900]), trend()))
    parts, whole = simulate_shifts(shifts, two_pairs, Settings()), simulate(trend(), two_pairs)
    assert set(whole.track.fills["pair"].tolist()) == {0, 1}
    assert np.array_equal(parts.track.fills, whole.track.fills)


def test_a_strategy_of_certain_pairs_is_given_those_or_refused(
    trend: type[Strategy], planted: Bars, two_pairs: tuple[Bars, ...]
) -> None:
    class Both(trend):  # type: ignore[misc, valid-type]
        pairs = ("ETH/USD", "BTC/USD")

    with pytest.raises(UsageError, match="Both trades ETH/USD, BTC/USD and was given BTC/USD; give it its pairs"):
        simulate(Both(), [planted])
    assert len(simulate(Both(), two_pairs).track.fills)


def test_a_strategy_is_told_what_each_pair_costs(trend: type[Strategy], two_pairs: tuple[Bars, ...]) -> None:
    told: set[tuple[str, float]] = set()

    class Asking(trend):  # type: ignore[misc, valid-type]
        def decide(self, market: Any, account: Any) -> None:
            told.update((pair, market[pair].fees.taker) for pair in market.pairs)

    venue = VenueModel(exceptions={"ETH/USD": {"taker_fee": 0.001}})
    simulate(Asking(), two_pairs, Settings(venue=venue))
    assert told == {("BTC/USD", 0.004), ("ETH/USD", 0.001)}
