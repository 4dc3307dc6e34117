"""Every rule of the simulator's specification (the docstring of `sim.kernel`), one test each, on markets of a few
bars."""

from __future__ import annotations

import numpy as np
import pytest

from tradecore.core.errors import ConfigError
from tradecore.core.orders import At, FillReason, Liquidity, OrderNote, OrderState, SizeKind
from tradecore.core.types import MINUTE_NS, Side, Timeframe
from tradecore.sim.model import VenueModel
from tradecore.sim.state import Tape
from tradecore.testing.few_bars import BTC, ETH, FREE, close, fills, flat, limit, note, order, play, trigger
from tradecore.venues.simulated import SimulatedVenue

# Time


def test_a_decision_on_bar_t_fills_at_the_open_of_bar_t_plus_1():
    track = play([(10, 11, 9, 10.5), (12, 13, 11, 12.5), (14, 15, 13, 14)], {0: [order()]})
    assert fills(track) == [(1, 1, 1.0, 12.0)]


def test_latency_moves_the_fill_by_whole_bars():
    bars = [(float(p), float(p), float(p), float(p)) for p in (10, 11, 12, 13, 14)]
    assert fills(play(bars, {0: [order()]}, latency_bars=2)) == [(3, 1, 1.0, 13.0)]


def test_nothing_fills_in_a_minute_without_a_trade_and_the_mark_is_carried():
    track = play([(10, 10, 10, 10), None, (12, 12, 12, 12)], {-1: [order()], 0: [close()]})
    assert fills(track) == [(0, 1, 1.0, 10.0), (2, -1, 1.0, 12.0)]
    assert track.curve.equity.tolist() == [1000.0, 1000.0, 1002.0]
    assert track.curve.is_carried.tolist() == [False, True, False]


def test_a_stop_waits_through_a_minute_without_a_trade():
    track = play([(10, 10, 10, 10), None, (8, 8, 8, 8)], {-1: [order(stop=-0.1)]})
    assert fills(track)[1] == (2, -1, 1.0, 8.0)


def test_cash_that_comes_in_at_the_open_pays_for_an_order_of_the_same_bar():
    track = play(flat(10, 2), {0: [order(size=150.0)]}, flows={1: 600.0})
    assert fills(track) == [(1, 1, 150.0, 10.0)]


def test_orders_that_arrive_come_before_orders_that_rest():
    bars = [(10, 10, 10, 10), (10, 10, 10, 10), (10, 10, 7, 8)]
    resting, arriving = limit(9.0, size=60.0), order(size=60.0)
    track = play(bars, {0: [resting], 1: [arriving]})
    assert [int(f["order"]) for f in track.fills] == [arriving.id, resting.id]
    assert fills(track)[1][2] == pytest.approx(400 / 9)  # what the first one left


# Prices


def test_a_market_order_pays_half_the_spread_and_the_slippage_against_itself():
    track = play(flat(100, 3), {0: [order()], 1: [close()]}, half_spread=0.01, slippage=0.02)
    assert [price for *_, price in fills(track)] == [100 * 1.03, 100 * 0.97]


def test_an_order_may_bring_its_own_slippage():
    track = play(flat(100, 2), {0: [order(slippage=0.05)]}, slippage=0.02)
    assert fills(track)[0][3] == 105.0


def test_a_limit_that_is_marketable_on_arrival_fills_at_the_open_as_taker():
    track = play(
        [(10, 10, 10, 10), (9, 9.5, 8.5, 9)], {0: [limit(9.5)]}, half_spread=0.01, slippage=0.01, taker_fee=0.01
    )
    assert fills(track) == [(1, 1, 1.0, 9.0)]
    assert track.fills["liquidity"][0] == Liquidity.TAKER
    assert track.fills["fee"][0] == pytest.approx(0.09)


def test_a_limit_rests_until_the_bar_trades_through_it_and_fills_at_its_price_as_maker():
    bars = [(10, 10, 10, 10), (10, 10, 9, 10), (10, 10, 8.9, 10)]
    track = play(bars, {0: [limit(9.0)]}, maker_fee=0.001)
    assert fills(track) == [(2, 1, 1.0, 9.0)]  # bar 1 only touched it
    assert track.fills["liquidity"][0] == Liquidity.MAKER
    assert track.fills["fee"][0] == pytest.approx(0.009)


def test_the_touch_setting_lets_a_limit_fill_when_it_is_touched():
    track = play([(10, 10, 10, 10), (10, 10, 9, 10)], {0: [limit(9.0)]}, touch=True)
    assert fills(track) == [(1, 1, 1.0, 9.0)]


def test_a_limit_that_arrives_can_fill_later_in_the_same_bar():
    assert fills(play([(10, 10, 10, 10), (10, 10, 8, 9)], {0: [limit(9.0)]})) == [(1, 1, 1.0, 9.0)]


def test_a_resting_limit_whose_bar_lies_wholly_beyond_it_takes_the_worst_price_of_the_bar():
    track = play([(10, 10, 10, 10), (10, 10, 9.5, 10), (7, 8, 6, 7)], {0: [limit(9.0)]})
    assert fills(track) == [(2, 1, 1.0, 8.0)]


def test_a_stop_entry_fills_at_its_trigger_moved_by_slippage_as_taker():
    track = play([(10, 10, 10, 10), (10, 12, 10, 11)], {0: [trigger(11.0)]}, slippage=0.01, half_spread=0.5 / 10)
    assert fills(track) == [(1, 1, 1.0, 11.0 * 1.01)]
    assert track.fills["liquidity"][0] == Liquidity.TAKER


def test_a_stop_entry_that_the_bar_opens_beyond_pays_for_the_gap():
    assert fills(play([(10, 10, 10, 10), (13, 14, 12, 13)], {0: [trigger(11.0)]})) == [(1, 1, 1.0, 13.0)]


def test_a_stop_fills_at_its_level_when_it_is_touched():
    track = play([(100, 100, 100, 100), (100, 101, 95, 96)], {-1: [order(stop=-0.05)]}, slippage=0.0)
    assert fills(track)[1] == (1, -1, 1.0, 95.0)
    assert track.fills["reason"][1] == FillReason.STOP


def test_a_stop_is_always_moved_against_the_order_by_slippage():
    track = play([(100, 100, 100, 100), (100, 101, 90, 96)], {-1: [order(stop=At(95.0))]}, slippage=0.01)
    assert fills(track)[1][3] == pytest.approx(95.0 * 0.99)


def test_a_gap_through_the_stop_is_paid_for():
    track = play([(100, 100, 100, 100), (90, 91, 89, 90)], {-1: [order(stop=-0.05)]})
    assert fills(track)[1] == (1, -1, 1.0, 90.0)


def test_a_target_is_a_resting_limit_and_must_be_traded_through():
    bars = [(100, 100, 100, 100), (100, 110, 100, 105), (105, 111, 104, 110)]
    track = play(bars, {-1: [order(target=0.10)]}, maker_fee=0.001, taker_fee=0.002)
    assert fills(track)[1] == (2, -1, 1.0, pytest.approx(110.0))
    assert track.fills["liquidity"][1] == Liquidity.MAKER
    assert track.fills["reason"][1] == FillReason.TARGET


def test_stop_and_target_in_one_bar_means_the_stop_came_first():
    track = play([(100, 100, 100, 100), (100, 120, 80, 100)], {-1: [order(stop=-0.1, target=0.1)]})
    assert fills(track)[1] == (1, -1, 1.0, 90.0)
    assert len(track.fills) == 2  # the other side of the bracket is gone


def test_a_position_entered_at_the_open_can_be_stopped_in_that_bar():
    track = play([(100, 100, 100, 100), (100, 101, 90, 95)], {0: [order(stop=-0.05)]})
    assert fills(track) == [(1, 1, 1.0, 100.0), (1, -1, 1.0, 95.0)]


def test_a_position_entered_at_the_open_can_reach_its_target_in_that_bar():
    track = play([(100, 100, 100, 100), (100, 112, 100, 105)], {0: [order(target=0.10)]})
    assert fills(track)[1] == (1, -1, 1.0, pytest.approx(110.0))


def test_a_position_entered_within_a_bar_can_be_stopped_but_not_reach_its_target_there():
    bars = [(100, 100, 100, 100), (100, 120, 89, 95), (95, 96, 94, 95)]
    assert len(play(bars, {0: [limit(90.0, target=0.10)]}).fills) == 1
    assert fills(play(bars, {0: [limit(95.0, stop=-0.05)]}))[1] == (1, -1, 1.0, 95.0 * 0.95)


def test_a_trailing_stop_uses_the_highs_of_bars_before():
    bars = [(100, 100, 100, 100), (100, 120, 100, 119), (119, 119, 107, 110)]
    track = play(bars, {-1: [order(trail=0.10)]})
    assert fills(track)[1] == (2, -1, 1.0, 108.0)  # 120 x 0.9; bar 1 fell from 120 itself and did not trigger
    assert track.fills["reason"][1] == FillReason.TRAIL


def test_the_nearer_of_stop_and_trail_acts():
    bars = [(100, 100, 100, 100), (100, 120, 100, 119), (119, 119, 60, 70)]
    track = play(bars, {-1: [order(trail=0.10, stop=-0.3)]})
    assert track.fills["reason"][1] == FillReason.TRAIL
    track = play([(100, 100, 100, 100), (100, 100, 60, 70)], {-1: [order(trail=0.5, stop=-0.3)]})
    assert track.fills["reason"][1] == FillReason.STOP


# Sizes


def test_a_fraction_of_equity_includes_the_fee():
    track = play(flat(100, 2), {0: [order(size_kind=SizeKind.FRACTION, size=0.5)]}, taker_fee=0.01)
    assert track.fills["quantity"][0] * 100 * 1.01 == pytest.approx(500.0)


def test_a_quote_amount_includes_the_fee():
    track = play(flat(100, 2), {0: [order(size_kind=SizeKind.QUOTE, size=202.0)]}, taker_fee=0.01)
    assert track.fills["quantity"][0] == pytest.approx(2.0)


def test_size_is_rounded_down_to_the_lot():
    track = play(flat(100, 2), {0: [order(size_kind=SizeKind.QUOTE, size=299.0)]}, lot=0.1)
    assert track.fills["quantity"][0] == 2.9


def test_prices_round_to_the_tick_against_the_order():
    track = play(flat(100, 3), {0: [order()], 1: [close()]}, half_spread=0.0003, tick=0.1)
    assert [price for *_, price in fills(track)] == [100.1, 99.9]


def test_a_limit_rounds_to_its_passive_side():
    bars = [(10, 10, 10, 10), (10, 11, 8, 10)]
    assert fills(play(bars, {0: [limit(9.07)]}, tick=0.1))[0][3] == 9.0
    track = play(
        [(10, 10, 10, 10), (10, 10, 10, 10), (10, 11, 9.9, 10)], {-1: [order()], 0: [limit(10.42, Side.SELL)]}, tick=0.1
    )
    assert fills(track)[1][3] == 10.5


@pytest.mark.parametrize(("rule", "size"), [({"min_quantity": 0.5}, 0.4), ({"min_notional": 50.0}, 0.4)])
def test_an_order_below_the_minimum_is_rejected_with_that_reason(rule: dict[str, float], size: float):
    track = play(flat(100, 2), {0: [order(size=size)]}, **rule)
    assert not len(track.fills)
    assert note(track) == OrderNote.BELOW_MINIMUM
    assert track.orders["state"][0] == OrderState.REJECTED


def test_an_entry_that_could_not_be_sold_at_its_stop_is_refused_as_dust():
    track = play(flat(100, 2), {0: [order(size=0.5, stop=-0.1)]}, min_notional=49.0)
    assert note(track) == OrderNote.DUST
    assert len(play(flat(100, 2), {0: [order(size=0.5, stop=-0.01)]}, min_notional=49.0).fills) == 1


def test_an_exit_takes_everything_when_its_remainder_would_be_dust():
    track = play(flat(100, 3), {-1: [order(size=2.0)], 0: [order(Side.SELL, 1.8)]}, min_notional=30.0)
    assert fills(track)[1] == (1, -1, 2.0, 100.0)


def test_the_volume_cap_lets_a_share_of_the_bar_fill_and_the_rest_go_on():
    bars = [(10, 10, 10, 10, 100.0), (10, 10, 10, 10, 30.0), (11, 11, 11, 11, 100.0)]
    track = play(bars, {0: [order(size=5.0)]}, participation=0.1)
    assert fills(track) == [(1, 1, 3.0, 10.0), (2, 1, 2.0, 11.0)]
    assert track.fills["reason"].tolist() == [FillReason.SIGNAL, FillReason.CAP]
    assert len(track.orders) == 1
    assert track.orders["state"][0] == OrderState.FILLED


def test_the_rest_of_a_capped_limit_rests():
    bars = [(10, 10, 10, 10), (10, 10, 8, 10, 20.0), (10, 10, 9.5, 10, 100.0), (10, 10, 8, 10, 100.0)]
    track = play(bars, {0: [limit(9.0, size=5.0)]}, participation=0.1)
    assert fills(track) == [(1, 1, 2.0, 9.0), (3, 1, 3.0, 9.0)]


def test_the_rest_of_a_capped_stop_goes_on_at_the_next_open():
    bars = [(100, 100, 100, 100), (100, 100, 90, 91, 20.0), (80, 85, 75, 80, 1e3)]
    track = play(bars, {-1: [order(size=5.0, stop=-0.05)]}, participation=0.1)
    assert fills(track)[1:] == [(1, -1, 2.0, 95.0), (2, -1, 3.0, 80.0)]
    assert track.fills["reason"].tolist()[1:] == [FillReason.STOP, FillReason.CAP]


def test_orders_of_one_bar_share_the_volume_cap():
    bars = [(10, 10, 10, 10), (10, 10, 10, 10, 40.0), (10, 10, 10, 10, 40.0)]
    track = play(bars, {0: [order(size=3.0), order(size=3.0)]}, participation=0.1)
    assert sum(q for bar, _, q, _ in fills(track) if bar == 1) == 4.0


def test_a_bar_with_zero_volume_fills_nothing_under_a_cap():
    bars = [(10, 10, 10, 10), (10, 10, 10, 10, 0.0), (11, 11, 11, 11)]
    assert fills(play(bars, {0: [order()]}, participation=0.1)) == [(2, 1, 1.0, 11.0)]


def test_cash_never_goes_below_zero_and_the_entry_is_resized():
    track = play(flat(7, 2), {0: [order(size=1000.0)]}, cash=100.0, taker_fee=0.0013)
    assert track.curve.cash[-1] >= 0.0
    assert track.curve.cash[-1] < 1e-9
    assert note(track) == OrderNote.CASH_RESIZED


def test_an_entry_without_cash_is_rejected():
    track = play(flat(100, 3), {-1: [order(size=10.0)], 0: [order(size=1.0)]})
    assert note(track, 1) == OrderNote.NO_CASH


def test_base_never_goes_below_zero_without_a_venue_that_allows_it():
    track = play(flat(100, 2), {0: [order(Side.SELL)]})
    assert not len(track.fills)
    assert note(track) == OrderNote.SHORT_NOT_ALLOWED


def test_selling_more_than_is_held_sells_what_is_held():
    track = play(flat(100, 3), {-1: [order(size=2.0)], 0: [order(Side.SELL, 5.0)]})
    assert fills(track)[1][2] == 2.0


def test_closing_nothing_is_rejected_with_that_reason():
    assert note(play(flat(100, 2), {0: [close()]})) == OrderNote.NO_POSITION


@pytest.mark.parametrize(
    ("rule", "quantity", "said"),
    [
        ({"max_base": 3.0}, 3.0, OrderNote.POSITION_BASE_LIMIT),
        ({"max_quote": 250.0}, 2.5, OrderNote.POSITION_QUOTE_LIMIT),
    ],
)
def test_position_limits_resize_and_say_which(rule: dict[str, float], quantity: float, said: OrderNote):
    track = play(flat(100, 2), {0: [order(size=5.0)]}, **rule)
    assert fills(track)[0][2] == quantity
    assert note(track) == said


def test_the_limit_on_open_positions_rejects():
    bars = {BTC: flat(10, 3), ETH: flat(10, 3)}
    track = play(bars, {0: [order(), order(pair=ETH)]}, max_positions=1)
    assert len(track.fills) == 1
    assert note(track, 1) == OrderNote.OPEN_POSITIONS_LIMIT


def test_an_order_never_turns_a_position_around():
    track = play(flat(100, 3), {-1: [order(size=2.0)], 0: [order(Side.SELL, 5.0)]}, allow_short=True)
    assert fills(track)[1][2] == 2.0


# Money


def test_a_round_trip_counts_each_fee_once():
    bars = [(100, 100, 100, 100), (100, 100, 100, 100), (110, 110, 110, 110)]
    track = play(bars, {0: [order()], 1: [close()]}, taker_fee=0.01)
    assert track.realised == pytest.approx(110 - 1.10 - (100 + 1.00))
    assert track.trades["net"][0] == pytest.approx(track.realised)
    assert track.trades["gross"][0] == pytest.approx(10.0)
    assert track.trades["fees"][0] == pytest.approx(2.10)
    assert track.curve.equity[-1] == pytest.approx(1000 + track.realised)


def test_a_partial_exit_takes_its_share_of_the_cost():
    bars = flat(100, 2) + [(110.0, 110.0, 110.0, 110.0)] * 2
    track = play(bars, {-1: [order(size=4.0)], 1: [order(Side.SELL, 1.0)]}, taker_fee=0.01)
    assert track.realised == pytest.approx(110 * 0.99 - 101)
    assert track.unrealised == pytest.approx(3 * 110 - 3 * 101)
    assert not len(track.trades)


def test_returns_are_time_weighted_across_cash_flows():
    bars = [(100, 100, 100, 100), (100, 110, 100, 110), (110, 121, 110, 121)]
    track = play(bars, {-1: [order(size=10.0)]}, flows={2: 5000.0, 1: -0.0})
    assert track.curve.returns() == pytest.approx([0.0, 0.1, (6210 - 6100) / 6100])
    assert track.deposits == 6000.0


def test_a_withdrawal_takes_no_more_than_the_cash():
    track = play(flat(100, 3), {-1: [order(size=6.0)]}, flows={1: -700.0})
    assert track.withdrawals == 400.0
    assert track.curve.flow.tolist() == [0.0, -400.0, 0.0]
    assert track.curve.returns().tolist() == [0.0, 0.0, 0.0]


def test_drawdown_is_measured_with_flows_removed_and_the_worst_inside_a_bar_is_kept():
    bars = [(100, 100, 100, 100), (100, 100, 70, 90)]
    track = play(bars, {-1: [order(size=10.0)]})
    assert track.curve.equity[-1] == 900.0
    assert track.curve.worst[-1] == 700.0


# Several pairs, one account


def test_exits_come_before_entries_whatever_the_pair_order():
    bars = {BTC: flat(100, 3), ETH: flat(100, 3)}
    track = play(bars, {-1: [order(size=10.0, pair=ETH)], 0: [order(size=10.0), close(ETH)]})
    assert [(int(f["pair"]), int(f["side"])) for f in track.fills] == [(1, 1), (1, -1), (0, 1)]
    assert track.fills["quantity"][2] == 10.0


def test_entries_go_in_pair_order_and_the_last_gets_what_cash_is_left():
    bars = {BTC: flat(100, 2), ETH: flat(100, 2)}
    track = play(bars, {0: [order(size=8.0, pair=ETH), order(size=8.0)]})
    assert [(int(f["pair"]), float(f["quantity"])) for f in track.fills] == [(0, 8.0), (1, 2.0)]


def test_a_pair_without_a_bar_is_carried_while_the_others_trade():
    bars = {BTC: flat(100, 3), ETH: [(50, 50, 50, 50), None, (60, 60, 60, 60)]}
    track = play(bars, {-1: [order(pair=ETH)], 0: [close(ETH), order()]})
    assert [(int(f["bar"]), int(f["pair"])) for f in track.fills] == [(0, 1), (1, 0), (2, 1)]


# Shorts, where the venue allows them


def test_a_short_gains_when_the_price_falls_and_each_fee_counts_once():
    bars = [(100, 100, 100, 100), (100, 100, 100, 100), (90, 90, 90, 90)]
    buy_back = order(Side.BUY, size_kind=SizeKind.ALL, reduce_only=True)
    track = play(bars, {0: [order(Side.SELL)], 1: [buy_back]}, allow_short=True, taker_fee=0.01)
    assert track.realised == pytest.approx((100 - 1) - (90 + 0.9))
    assert track.trades["side"][0] == -1


def test_a_short_stop_and_target_stand_on_the_other_sides():
    bars = [(100, 100, 100, 100), (100, 106, 100, 100)]
    track = play(bars, {-1: [order(Side.SELL, stop=0.05, target=-0.1)]}, allow_short=True)
    assert fills(track)[1] == (1, 1, 1.0, 105.0)


def test_a_short_whose_margin_is_gone_is_liquidated_at_the_next_open():
    bars = {BTC: [(100, 100, 100, 100), (190, 195, 190, 195), (196, 200, 190, 200)], ETH: flat(10, 3)}
    track = play(bars, {-1: [order(Side.SELL, 10.0)]}, allow_short=True)
    assert fills(track)[1] == (2, 1, 10.0, 196.0)
    assert track.fills["reason"][1] == FillReason.LIQUIDATION


# Outputs


def test_a_trade_keeps_its_best_and_worst_excursion():
    bars = [(100, 100, 100, 100), (100, 120, 95, 110), (110, 111, 109, 110), (105, 500, 1, 105)]
    track = play(bars, {0: [order()], 2: [close()]})
    assert track.trades["best"][0] == pytest.approx(0.20)
    assert track.trades["worst"][0] == pytest.approx(-0.05)  # the exit bar counts its exit price alone


def test_an_order_that_still_rests_at_the_end_says_so():
    track = play(flat(100, 2), {0: [limit(50.0)]})
    assert note(track) == OrderNote.END_OF_DATA
    assert track.orders["state"][0] == OrderState.OPEN


def test_a_cancelled_order_fills_no_more():
    bars = np.array([[10.0] * 3])
    tape = Tape(
        np.arange(3) * MINUTE_NS, bars, bars, bars - 5, bars, bars * 1e6, np.ones((1, 3), np.bool_), np.zeros(3)
    )
    venue = SimulatedVenue((BTC,), Timeframe(MINUTE_NS), tape, VenueModel(**FREE), 100.0)
    venue.advance(0)
    resting = limit(7.0)
    venue.submit(resting)
    venue.cancel(resting.id)
    assert [event.state for event in venue.advance(1)] == [OrderState.CANCELLED]
    venue.advance(2)
    assert not len(venue.track().fills)


# What differs for single pairs


def test_a_pair_may_have_its_own_fees_and_steps():
    bars = {BTC: flat(100, 2), ETH: flat(100, 2)}
    own = {"ETH/USD": {"taker_fee": 0.01, "lot": 0.5}}
    track = play(bars, {0: [order(size=1.3), order(size=1.3, pair=ETH)]}, taker_fee=0.002, exceptions=own)
    assert track.fills["quantity"].tolist() == [1.3, 1.0]
    assert track.fills["fee"] == pytest.approx([0.26, 1.0])


def test_scaled_costs_scale_the_exceptions_too():
    model = VenueModel(taker_fee=0.004, exceptions={"ETH/USD": {"taker_fee": 0.002, "lot": 0.5}}).scaled(2.0)
    assert (model.of(BTC).taker_fee, model.of(ETH).taker_fee, model.of(ETH).lot) == (0.008, 0.004, 0.5)


@pytest.mark.parametrize("wrong", [{"colour": 1.0}, {"taker_fee": 5.0}])
def test_an_exception_that_cannot_be_meant_is_refused(wrong: dict[str, float]):
    with pytest.raises(ConfigError):
        VenueModel(exceptions={"ETH/USD": wrong})


# Room and refusals


def test_a_log_that_is_full_grows_and_loses_nothing():
    count = 700
    price = np.full((1, count), 10.0)
    volume = np.full((1, count), 20.0)
    tape = Tape(np.arange(count) * MINUTE_NS, *(price,) * 4, volume, np.ones((1, count), np.bool_), np.zeros(count))
    venue = SimulatedVenue((BTC,), Timeframe(MINUTE_NS), tape, VenueModel(**{**FREE, "participation": 0.05}), 1e6)
    venue.submit(order(size=650.0))
    venue.advance(count - 1)  # one call over all bars: a fill in each
    track = venue.track()
    assert len(track.fills) == 650
    assert track.fills["quantity"].sum() == 650.0


def test_a_quotient_that_rounds_up_never_overdraws_the_account():
    rng = np.random.default_rng(5)
    for _ in range(300):
        cash, price, fee = rng.uniform(1, 1e6), rng.uniform(1e-4, 1e5), rng.uniform(0, 0.02)
        assert play(flat(price, 2), {0: [order(size=1e12)]}, cash=cash, taker_fee=fee).curve.cash[-1] >= 0.0


@pytest.mark.parametrize(
    "wrong",
    [{"taker_fee": -0.1}, {"slippage": 0.2}, {"tick": -1.0}, {"lot": float("inf")}, {"participation": 0.0},
     {"max_base": 0.0}, {"latency_bars": -1}, {"latency_bars": 1001}],
)  # fmt: skip
def test_a_venue_model_out_of_range_is_refused_by_the_name_of_the_field(wrong: dict[str, float]):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        VenueModel(**wrong)  # type: ignore[arg-type]
