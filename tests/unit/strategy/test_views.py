"""What a strategy sees: the market up to now, nothing later, nothing it could write to."""

from __future__ import annotations

import numpy as np
import pytest

from tradecore.core.bars import Bars
from tradecore.core.errors import StrategyError
from tradecore.core.ports import AccountState
from tradecore.core.types import HOUR_NS, Pair, Timeframe
from tradecore.strategy.views import Account, Fees, Market, link, market_class

CLOSES = [10.0, 11.0, 12.0, 11.0, 13.0]
MEAN = np.array([np.nan, 10.5, 11.5, 11.5, 12.0])
MEAN.flags.writeable = False


def bars_of(closes: list[float], pair: str = "BTC/USD", start: int = 0) -> Bars:
    close = np.array(closes)
    return Bars(
        Pair.parse(pair), Timeframe(HOUR_NS), (np.arange(len(close)) + start) * HOUR_NS,
        close, close + 1.0, close - 1.0, close, np.full(len(close), 5.0), source="test",
    )  # fmt: skip


def market_at(index: int, bars: Bars | None = None) -> Market:
    kind = market_class(["mean"])
    view = kind(bars or bars_of(CLOSES), {"mean": MEAN}, Fees(0.0025, 0.004))
    view._i = index
    return view


def test_prices_and_features_are_those_of_the_newest_final_bar() -> None:
    view = market_at(2)
    assert (view.open, view.high, view.low, view.close, view.volume, view.mean) == (12.0, 13.0, 11.0, 12.0, 5.0, 11.5)
    assert isinstance(view.close, float)


def test_now_is_when_the_newest_bar_became_final() -> None:
    view = market_at(2)
    assert (view.time, view.index, view.pair, view.pairs) == (3 * HOUR_NS, 2, "BTC/USD", ("BTC/USD",))
    assert view.fees == Fees(maker=0.0025, taker=0.004)


def test_a_name_that_is_no_column_is_told_with_the_columns() -> None:
    with pytest.raises(AttributeError, match=r"market has no 'speed'; this strategy sees open, high, .*, mean"):
        market_at(2).speed  # noqa: B018
    with pytest.raises(AttributeError, match=r"market has no '_hidden'$"):
        market_at(2)._hidden  # noqa: B018


def test_a_window_ends_with_the_newest_bar_and_cannot_be_written_to() -> None:
    window = market_at(3).window("close", 3)
    assert window.tolist() == [11.0, 12.0, 11.0]
    with pytest.raises(ValueError, match="read-only"):
        window[0] = 1.0
    assert market_at(3).window("mean", 1).tolist() == [11.5]


@pytest.mark.parametrize("count", [0, -1, 5])
def test_a_window_of_bars_that_have_not_passed_is_refused(count: int) -> None:
    with pytest.raises(StrategyError, match=f"window of {count} close values asked for, 4 bars have passed"):
        market_at(3).window("close", count)
    with pytest.raises(StrategyError, match=f"{count} bars asked for, 4 have passed"):
        market_at(3).bars(count)


def test_a_window_of_an_unknown_column_is_refused() -> None:
    with pytest.raises(StrategyError, match="no column 'speed'; this strategy sees open"):
        market_at(3).window("speed", 2)


def test_previous_looks_back_and_never_ahead() -> None:
    assert (market_at(3).previous("close"), market_at(3).previous("close", 3)) == (12.0, 10.0)
    for back in (4, -1):
        with pytest.raises(StrategyError, match="values asked for"):
            market_at(3).previous("close", back)


def test_bars_are_the_last_ones() -> None:
    assert market_at(3).bars(2).close.tolist() == [12.0, 11.0]


@pytest.mark.parametrize(
    ("index", "above", "below"), [(0, False, False), (1, False, False), (2, True, False), (3, False, True)]
)
def test_crossing_a_level_counts_at_the_bar_it_happens(index: int, above: bool, below: bool) -> None:
    view = market_at(index, bars_of([10.0, 11.0, 12.0, 11.0, 13.0]))
    assert (view.crossed_above("close", 11.5), view.crossed_below("close", 11.5)) == (above, below)


def test_touching_is_no_crossing_and_leaving_the_touch_is() -> None:
    rises, falls = bars_of([10.0, 11.0, 12.0]), bars_of([12.0, 11.0, 10.0])
    assert [market_at(i, rises).crossed_above("close", 11.0) for i in range(3)] == [False, False, True]
    assert [market_at(i, falls).crossed_below("close", 11.0) for i in range(3)] == [False, False, True]


def test_columns_cross_one_another_and_no_value_yet_is_no_crossing() -> None:
    assert [market_at(i).crossed_above("close", "mean") for i in range(5)] == [False, False, False, False, True]
    assert [market_at(i).crossed_below("close", "mean") for i in range(5)] == [False, False, False, True, False]


def test_another_pair_is_reached_by_its_name_with_its_age() -> None:
    one, two = market_at(4), market_at(1, bars_of([5.0, 6.0], "ETH/USD"))
    book = {view.pair: view for view in (one, two)}
    link(book, {})
    assert one["ETH/USD"] is two
    assert two[Pair("BTC", "USD")] is one
    assert (one.age, two.age) == (0.0, 3 * 3600.0)
    with pytest.raises(StrategyError, match="pair DOGE/USD is not in this session; it has BTC/USD, ETH/USD"):
        one["DOGE/USD"]


def account_at(index: int) -> Account:
    state = AccountState(500.0, 1200.0, 0.25, {}, frozenset({3}))
    return Account(market_at(index), lambda: state)


def test_a_flat_account_has_no_position_no_profit_and_no_age() -> None:
    account = account_at(3)
    assert (account.position, account.entry_price, account.unrealised, account.holding) == (0.0, 0.0, 0.0, 0)


def test_what_changes_with_every_bar_is_asked_for() -> None:
    account = account_at(3)
    assert (account.cash, account.equity, account.drawdown, account.open_orders) == (500.0, 1200.0, 0.25, {3})


def test_a_position_is_worth_the_newest_close_less_its_cost() -> None:
    account = account_at(4)
    account.position, account.cost, account.entry_index = 2.0, 23.0, 1
    assert (account.unrealised, account.holding) == (2.0 * 13.0 - 23.0, 3)
    account.flatten()
    assert (account.position, account.cost, account.entry_index, account.holding) == (0.0, 0.0, -1, 0)


def test_another_pairs_account_is_reached_by_its_name() -> None:
    one, other = account_at(3), account_at(2)
    link({}, {"BTC/USD": one, "ETH/USD": other})
    assert one["ETH/USD"] is other
    with pytest.raises(StrategyError, match="pair DOGE/USD is not in this session; it has BTC/USD, ETH/USD"):
        one["DOGE/USD"]
