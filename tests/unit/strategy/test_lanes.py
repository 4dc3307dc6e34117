"""What an exposure is taken to mean, and what is refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from tradecore.core.bars import Bars
from tradecore.core.errors import StrategyError
from tradecore.core.types import Pair, Timeframe
from tradecore.features import sma
from tradecore.features.feature import Feature
from tradecore.market.synthetic import make
from tradecore.strategy.contract import Strategy
from tradecore.strategy.lanes import changes_of, remembers, wanted_changes, wanted_share
from tradecore.strategy.skills.exposure import Held, latch, shifted


class Wants(Strategy):
    """Answers with what it was given."""

    def __init__(self, share: Any) -> None:
        super().__init__()
        self._given = share

    def features(self, p: Any) -> Mapping[str, Feature]:
        return {"mean": sma(5)}

    def exposure(self, features: Mapping[str, np.ndarray]) -> Any:
        return self._given


@pytest.fixture(scope="module")
def bars() -> Bars:
    return make("noise", pair=Pair("BTC", "USD"), timeframe=Timeframe.parse("1h"), bars=20, seed=1)


def test_changes_begin_with_the_first_bar_and_hold_every_step() -> None:
    changes = changes_of(np.array([0.5, 0.5, 0.0, 0.0, 1.0]))
    assert changes.at.tolist() == [0, 2, 4]
    assert changes.share.tolist() == [0.5, 0.0, 1.0]


def test_nothing_is_wanted_before_the_features_have_values_and_the_strategys_own_array_stays(bars: Bars) -> None:
    given = np.full(20, 0.5)
    share = wanted_share(Wants(given), bars)
    assert share.tolist() == [0.0] * 4 + [0.5] * 16
    assert (given == 0.5).all()


def test_a_mask_means_everything_or_nothing(bars: Bars) -> None:
    mask = np.arange(20) >= 10
    assert wanted_changes(Wants(mask), bars).share.tolist() == [0.0, 1.0]
    assert wanted_share(Wants(mask), bars).tolist() == mask.astype(float).tolist()


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        (np.zeros(19), "shape"),
        (np.zeros((1, 20)), "shape"),
        (np.full(20, 1.5), r"1\.5.* in bar 4 "),
        (np.where(np.arange(20) == 7, np.nan, 0.0), "nan.* in bar 7 "),
        (np.full(20, -0.1), "-0.1"),
        (["no"] * 20, "exposure raised ValueError"),
    ],
)
def test_what_is_no_share_is_refused_with_its_bar(given: Any, problem: str, bars: Bars) -> None:
    with pytest.raises(StrategyError, match=problem):
        wanted_share(Wants(given), bars)


def test_a_strategy_without_an_exposure_has_no_lane(bars: Bars) -> None:
    with pytest.raises(StrategyError, match="no exposure"):
        wanted_share(Strategy(), bars)


class Latched(Strategy):
    """In from the first close above 110 until one below 90."""

    def exposure(self, features: Any) -> Any:
        return latch(features["close"] > 110.0, features["close"] < 90.0)


class Rising(Strategy):
    """In while the close is above the one before."""

    def exposure(self, features: Any) -> Any:
        return features["close"] > shifted(features["close"])


def test_a_share_that_depends_on_events_long_past_is_found_to_remember() -> None:
    bars = make("noise", pair=Pair("BTC", "USD"), timeframe=Timeframe.parse("1h"), bars=2000, seed=1, start_price=100.0)
    assert remembers(Latched(), bars)


def test_looking_at_the_bar_before_is_no_memory(bars: Bars) -> None:
    assert not remembers(Rising(), bars)


def test_what_is_held_by_a_mask_means_the_array_it_stands_for(bars: Bars) -> None:
    mask = np.random.default_rng(1).random(20) < 0.5
    as_array, as_mask = Wants(np.where(mask, 0.3, 0.0)), Wants(Held(mask, 0.3))
    assert wanted_share(as_mask, bars).tolist() == wanted_share(as_array, bars).tolist()
    for start in (0, 7):
        for one, other in zip(wanted_changes(as_mask, bars, start), wanted_changes(as_array, bars, start), strict=True):
            assert one.tolist() == other.tolist()


@pytest.mark.parametrize("wanted", [Held(np.ones(20, np.bool_), 1.5), Held(np.ones(19, np.bool_), 0.5)])
def test_a_held_share_beyond_one_or_of_another_length_is_refused(bars: Bars, wanted: Held) -> None:
    with pytest.raises(StrategyError, match="expected"):
        wanted_changes(Wants(wanted), bars)
