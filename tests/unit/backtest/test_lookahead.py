"""Lookahead and recursion analysis: what sees the future is named with its bar, what needs history with its length."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tradecore.backtest.lookahead import find_lookahead, find_recursion
from tradecore.core.bars import Bars
from tradecore.core.errors import DataError, UsageError
from tradecore.core.seeds import generator
from tradecore.core.types import FloatArray, Pair, Timeframe, iso
from tradecore.features import ema, obv, sma
from tradecore.features.feature import Feature
from tradecore.market.synthetic import make, make_many
from tradecore.strategy.contract import Answer, Strategy
from tradecore.strategy.loading import load
from tradecore.strategy.views import Account, Market

HOUR = Timeframe.parse("1h")


@pytest.fixture(scope="module")
def bars() -> Bars:
    return make("planted", pair=Pair("BTC", "USD"), timeframe=HOUR, bars=900, seed=3)


class Peeks(Strategy):
    """Buys when a bar that is not final yet rises, once, at bar 500."""

    def decide(self, market: Market, account: Account) -> Answer:
        if market.index == 500 and market._bars.close[501] > 0.0:
            return self.buy(0.5, reason="it will rise")
        return self.hold("waiting")


class Averages(Strategy):
    def features(self, p: object) -> dict[str, Feature]:
        return {"quick": sma(10), "slow": ema(50), "flow": obv()}

    def decide(self, market: Market, account: Account) -> Answer:
        return self.hold("up" if market.quick > market.slow else "down")


def rng() -> np.random.Generator:
    return generator(0, "test")


def test_an_honest_strategy_sees_nothing_of_the_future(bars: Bars) -> None:
    found = find_lookahead(lambda: load("ema-rsi-volume"), [bars], rng=rng())
    assert found.ok
    assert found.features == ()
    assert "no decision and no feature changed" in found.text


def test_a_decision_that_looks_one_bar_ahead_is_named_with_its_bar(bars: Bars) -> None:
    found = find_lookahead(Peeks, [bars], rng=rng())
    assert not found.ok
    assert found.decision is not None
    assert found.decision.time == bars.open_time[500]
    assert found.decision.hidden_from == bars.open_time[501]
    assert iso(int(bars.open_time[500])) in found.text


def test_a_feature_that_looks_ahead_is_named_with_its_first_bar(bars: Bars) -> None:
    honest = sma(10)

    def rows(self: object, bars: Bars, values: object) -> FloatArray:
        out = np.full((1, len(bars)), np.nan)
        for i in range(9, len(bars) - 5):
            out[0, i] = bars.close[i - 4 : i + 6].mean()
        out[0, len(bars) - 5 :] = bars.close[-5:]
        return out

    spec = type("CentredSpec", (type(honest.spec),), {"rows": rows, "__slots__": ()})
    centred = Feature(
        spec(**{name: getattr(honest.spec, name) for name in honest.spec.__dataclass_fields__}), honest.values
    )

    class Smooth(Averages):
        def features(self, p: object) -> dict[str, Feature]:
            return {"quick": sma(10), "slow": centred}

    found = find_lookahead(Smooth, [bars], rng=rng())
    assert not found.ok
    assert [one.column for one in found.features] == ["slow"]
    first = found.features[0]
    assert first.kept_until - 5 * HOUR.ns <= first.time < first.kept_until
    assert first.whole != first.cut


def test_several_pairs_are_looked_at_together() -> None:
    pairs = (Pair("BTC", "USD"), Pair("ETH", "USD"))
    both = list(make_many("planted", pairs, timeframe=HOUR, bars=300, seed=3).values())
    assert find_lookahead(lambda: load("ma-cross", fast=5, slow=20), both, rng=rng(), cuts=5).ok


def test_bars_that_leave_nothing_to_cut_are_refused(bars: Bars) -> None:
    with pytest.raises(DataError, match="more than the warm-up"):
        find_lookahead(lambda: load("ema-rsi-volume"), [bars[:20]], rng=rng())


def test_recursion_names_the_history_that_each_feature_needs(bars: Bars) -> None:
    found = find_recursion(Averages, [bars], lengths=(1, 100, 700))
    assert found.declared == 49
    assert found.lengths == (50, 149, 749)
    assert found.needed["quick"] == 50  # a window forgets
    assert found.needed["slow"] == 749  # an exponential mean forgets slowly
    assert found.needed["flow"] is None  # a running sum never does
    assert "flow still depends on where history begins" in found.text


def test_recursion_counts_the_decisions_that_a_short_history_changes(bars: Bars) -> None:
    class Counts(Averages):
        def decide(self, market: Market, account: Account) -> Answer:
            return self.hold(f"flow {market.flow:.6f}")  # a running sum: another one for every beginning

    found = find_recursion(Counts, [bars], lengths=(30, 700))
    assert found.decisions_differ[79] == 30  # all that it decided with 49 bars of warm-up
    assert find_recursion(Averages, [bars], lengths=(30, 700)).decisions_differ[749] == 0


def test_every_length_and_column_is_in_the_table(bars: Bars) -> None:
    found = find_recursion(Averages, [bars], lengths=(10, 100))
    assert len(found.table) == 2 * 3
    assert all(math.isfinite(row.relative) for row in found.table)


def test_a_strategy_without_features_depends_on_nothing(bars: Bars) -> None:
    assert "no features" in find_recursion(Peeks, [bars], lengths=(700,)).text


@pytest.mark.parametrize("lengths", [(), (0,), (-5, 10)])
def test_lengths_that_are_none_are_refused(bars: Bars, lengths: tuple[int, ...]) -> None:
    with pytest.raises(UsageError, match="above 0"):
        find_recursion(Averages, [bars], lengths=lengths)


def test_lengths_that_do_not_fit_are_said(bars: Bars) -> None:
    with pytest.raises(DataError, match="give it more"):
        find_recursion(Averages, [bars], lengths=(5000,))
