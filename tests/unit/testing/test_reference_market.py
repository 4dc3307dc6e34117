"""The reference market against figures worked out by hand: it is an oracle, so it is checked with pencil and paper."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tradecore.core.orders import At, FillReason, Intent, Liquidity, OrderKind, OrderNote, OrderState, SizeKind
from tradecore.core.types import Pair, Side
from tradecore.testing.reference_market import Bar, PairRules, ReferenceMarket
from tradecore.testing.reference_values import down, up

BTC, ETH = Pair("BTC", "USD"), Pair("ETH", "USD")
FLAT = Bar(100, 100, 100, 100, 1000)


def market(*rules: PairRules, cash: float = 1000.0, **options: int) -> ReferenceMarket:
    return ReferenceMarket((BTC, ETH)[: len(rules)], rules, cash, **options)


def buy(id: int = 1, size: float = 1.0, pair: Pair = BTC, **more: object) -> Intent:
    return Intent(id, pair, Side.BUY, size_kind=SizeKind.BASE, size=size, **more)  # type: ignore[arg-type]


def sell(id: int = 2, pair: Pair = BTC, **more: object) -> Intent:
    return Intent(id, pair, Side.SELL, size_kind=SizeKind.ALL, reduce_only=True, **more)  # type: ignore[arg-type]


def prices(box: ReferenceMarket) -> list[tuple[int, Side, float]]:
    return [(fill.bar, fill.side, float(fill.price)) for fill in box.account.fills]


def test_market_order_fills_at_the_next_open_moved_against_it() -> None:
    box = market(PairRules(taker_fee=0.01, half_spread=0.001, slippage=0.002))
    box.step([FLAT])
    box.submit(buy())
    box.step([Bar(110, 120, 100, 115, 1000)])
    assert box.account.fills[0].price == Decimal("110.33")
    assert box.account.fills[0].fee == Decimal("1.1033")
    assert box.account.equity == Decimal(1000) - Decimal("110.33") - Decimal("1.1033") + 115


def test_fraction_of_equity_includes_the_fee() -> None:
    box = market(PairRules(taker_fee=0.25))
    box.submit(Intent(1, BTC, Side.BUY, size=0.5))
    box.step([FLAT])
    assert box.account.fills[0].quantity == 4
    assert box.account.cash == 500


def test_latency_delays_the_first_active_bar() -> None:
    box = market(PairRules(), latency_bars=2)
    box.submit(buy())
    for opened in (101, 102, 103):
        box.step([Bar(opened, opened, opened, opened, 1)])
    assert prices(box) == [(2, Side.BUY, 103.0)]


def test_resting_limit_is_not_filled_by_a_touch_unless_the_rule_says_so() -> None:
    for touch, fills in ((False, 0), (True, 1)):
        box = market(PairRules(touch=touch))
        box.submit(buy(kind=OrderKind.LIMIT, price=95.0))
        box.step([Bar(100, 101, 95, 99, 1000)])
        assert len(box.account.fills) == fills


def test_resting_limit_fills_at_its_limit_as_maker_when_traded_through() -> None:
    box = market(PairRules(maker_fee=0.001, taker_fee=0.002))
    box.submit(buy(kind=OrderKind.LIMIT, price=95.0))
    box.step([Bar(100, 101, 94, 99, 1000)])
    fill = box.account.fills[0]
    assert (fill.price, fill.liquidity, fill.fee) == (95, Liquidity.MAKER, Decimal("0.095"))


def test_marketable_limit_takes_the_open() -> None:
    box = market(PairRules())
    box.submit(buy(kind=OrderKind.LIMIT, price=105.0))
    box.step([FLAT])
    assert (box.account.fills[0].price, box.account.fills[0].liquidity) == (100, Liquidity.TAKER)


def test_stop_pays_for_a_gap() -> None:
    box = market(PairRules(slippage=0.01))
    box.submit(buy(stop=At(95.0)))
    box.step([FLAT])
    box.step([Bar(90, 92, 88, 91, 1000)])
    assert prices(box)[1] == (1, Side.SELL, 89.1)
    assert box.account.fills[1].reason is FillReason.STOP


def test_stop_comes_before_target_in_one_bar() -> None:
    box = market(PairRules())
    box.submit(buy(stop=-0.05, target=0.05))
    box.step([Bar(100, 110, 90, 100, 1000)])
    assert prices(box) == [(0, Side.BUY, 100.0), (0, Side.SELL, 95.0)]


def test_target_waits_a_bar_when_the_entry_was_inside_the_bar() -> None:
    box = market(PairRules())
    box.submit(buy(kind=OrderKind.LIMIT, price=95.0, target=0.05))
    box.step([Bar(100, 110, 94, 96, 1000)])
    assert len(box.account.fills) == 1
    box.step([Bar(98, 110, 97, 100, 1000)])
    assert prices(box)[1] == (1, Side.SELL, 99.75)


def test_trailing_stop_uses_the_highs_of_bars_before() -> None:
    box = market(PairRules())
    box.submit(buy(trail=0.1))
    box.step([Bar(100, 120, 100, 110, 1000)])
    assert len(box.account.fills) == 1
    box.step([Bar(115, 130, 108, 120, 1000)])
    assert prices(box)[1] == (1, Side.SELL, 108.0)
    assert box.account.fills[1].reason is FillReason.TRAIL


def test_volume_cap_pushes_the_rest_of_a_market_order_on() -> None:
    box = market(PairRules(participation=0.1))
    box.submit(buy(size=3.0))
    for _ in range(2):
        box.step([Bar(100, 100, 100, 100, 20)])
    assert [(fill.bar, fill.quantity, fill.reason) for fill in box.account.fills] == [
        (0, 2, FillReason.SIGNAL),
        (1, 1, FillReason.CAP),
    ]


def test_lots_round_down_and_ticks_round_against_the_order() -> None:
    box = market(PairRules(lot=0.1, tick=0.5))
    box.submit(buy(size=0.39))
    box.step([Bar(100.2, 101, 100, 100, 1000)])
    box.submit(sell())
    box.step([Bar(100.2, 101, 100, 100, 1000)])
    assert [(fill.price, fill.quantity) for fill in box.account.fills] == [
        (Decimal("100.5"), Decimal("0.3")),
        (Decimal("100.0"), Decimal("0.3")),
    ]


@pytest.mark.parametrize(
    ("rules", "size", "note"),
    [
        (PairRules(min_quantity=2), 1.0, OrderNote.BELOW_MINIMUM),
        (PairRules(min_notional=200), 1.0, OrderNote.BELOW_MINIMUM),
        (PairRules(min_notional=100, slippage=0.01), 1.0, OrderNote.DUST),
        (PairRules(max_base=0), 1.0, OrderNote.POSITION_BASE_LIMIT),
        (PairRules(max_quote=0), 1.0, OrderNote.POSITION_QUOTE_LIMIT),
    ],
)
def test_an_entry_that_may_not_be_is_rejected_with_its_reason(rules: PairRules, size: float, note: OrderNote) -> None:
    box = market(rules)
    box.submit(buy(size=size))
    box.step([FLAT])
    assert [(ending.state, ending.note) for ending in box.endings] == [(OrderState.REJECTED, note)]
    assert box.account.cash == 1000


def test_limits_and_cash_resize_and_say_which() -> None:
    for rules, cash, note, quantity in (
        (PairRules(max_base=2), 1000.0, OrderNote.POSITION_BASE_LIMIT, 2),
        (PairRules(max_quote=300), 1000.0, OrderNote.POSITION_QUOTE_LIMIT, 3),
        (PairRules(), 250.0, OrderNote.CASH_RESIZED, Decimal("2.5")),
    ):
        box = market(rules, cash=cash)
        box.submit(buy(size=5.0))
        box.step([FLAT])
        assert (box.endings[0].note, box.account.fills[0].quantity) == (note, quantity)


def test_exits_of_all_pairs_come_before_entries_so_that_their_cash_can_be_used() -> None:
    box = market(PairRules(), PairRules(), cash=100.0)
    box.submit(buy(1, pair=ETH))
    box.step([FLAT, FLAT])
    box.submit(buy(2, pair=BTC))
    box.submit(sell(3, pair=ETH))
    box.step([FLAT, FLAT])
    assert [fill.order for fill in box.account.fills] == [1, 3, 2]


def test_second_new_position_is_refused_when_one_is_the_limit() -> None:
    box = market(PairRules(), PairRules(), max_positions=1)
    box.submit(buy(1, pair=BTC))
    box.submit(buy(2, pair=ETH))
    box.step([FLAT, FLAT])
    assert [ending.note for ending in box.endings] == [OrderNote.NONE, OrderNote.OPEN_POSITIONS_LIMIT]


def test_a_filled_or_missing_bar_never_fills_and_carries_the_mark() -> None:
    box = market(PairRules())
    box.submit(buy())
    box.step([FLAT])
    box.submit(sell())
    box.step([None])
    box.step([Bar(90, 90, 90, 90, 0, real=False)])
    assert len(box.account.fills) == 1
    assert box.account.equity == 1000
    box.step([Bar(95, 95, 95, 95, 10)])
    assert prices(box)[1] == (3, Side.SELL, 95.0)


def test_books_add_up_across_flows_and_partial_exits() -> None:
    box = market(PairRules(taker_fee=0.01))
    box.submit(buy(size=4.0))
    box.step([FLAT])
    box.submit(Intent(2, BTC, Side.SELL, size_kind=SizeKind.BASE, size=1.0, reduce_only=True))
    box.step([Bar(110, 110, 110, 110, 10)], flow=50.0)
    box.submit(sell(3))
    box.step([Bar(120, 120, 120, 120, 10)], flow=-30.0)
    assert box.account.realised == Decimal("108.9") - 101 + Decimal("356.4") - 303
    assert box.account.equity == 1000 + 50 - 30 + box.account.realised
    trip = box.account.trips[0]
    assert (trip.gross, trip.fees, trip.net) == (70, Decimal("8.7"), Decimal("61.3"))


def test_rounding_counts_three_lots_of_a_tenth_as_three() -> None:
    assert down(0.3, 0.1) == pytest.approx(0.3, rel=1e-15)
    assert down(Decimal("0.39"), Decimal("0.1")) == Decimal("0.3")
    assert up(100.05, 0.01) == pytest.approx(100.05, rel=1e-15)
    assert up(100.051, 0.01) == pytest.approx(100.06, rel=1e-15)
