"""What the built-ins do, where it can be told in advance."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tradecore.backtest.run import Settings, simulate
from tradecore.core.bars import Bars
from tradecore.core.types import DAY_NS
from tradecore.sim.model import VenueModel
from tradecore.strategy.loading import load

FREE = Settings(venue=VenueModel(0.0, 0.0, 0.0, 0.0, participation=float("inf")))


def test_cash_ends_with_what_it_began_with(bars: Bars) -> None:
    assert set(simulate(load("cash"), [bars]).track.curve.equity.tolist()) == {10_000.0}


def test_buy_and_hold_earns_what_the_market_does(bars: Bars) -> None:
    equity = simulate(load("buy-and-hold"), [bars], FREE).track.curve.equity
    assert equity[-1] == pytest.approx(10_000.0 * bars.close[-1] / bars.open[1], rel=1e-12)


def test_dca_buys_once_a_period_until_the_cash_is_used_up(bars: Bars) -> None:
    fills = simulate(load("dca", share=0.4, days=7), [bars], FREE).track.fills
    periods = bars.end_time // (7 * DAY_NS) - bars.open_time[0] // (7 * DAY_NS) + 1
    assert 2 <= len(fills) <= periods
    assert (np.diff(fills["time"] // (7 * DAY_NS)) >= 1).all()


def test_equal_weight_puts_the_shares_right(two_pairs: tuple[Bars, ...]) -> None:
    result = simulate(load("equal-weight", days=2, band=0.001), two_pairs, FREE)
    first = result.track.fills[:2]
    assert sorted(first["pair"].tolist()) == [0, 1]
    worth = first["quantity"] * first["price"]
    assert worth[0] == pytest.approx(worth[1], rel=1e-2)
    assert result.journal.counts()["sell"] > 0


def test_vol_target_holds_less_when_the_market_is_wilder(bars: Bars) -> None:
    calm = simulate(load("vol-target", target=0.6), [bars], FREE).track.curve.exposure[-1]
    careful = simulate(load("vol-target", target=0.1), [bars], FREE).track.curve.exposure[-1]
    assert careful < calm / 2


def test_random_entry_has_the_exposure_and_the_holding_time_it_was_told(bars: Bars) -> None:
    shares, lengths = [], []
    for seed in range(12):
        settings = replace(FREE, seed=seed)
        track = simulate(load("random-entry", time_in_market=0.3, holding=10), [bars], settings).track
        shares.append(float((track.curve.exposure > 0).mean()))
        lengths += (track.trades["exit_bar"] - track.trades["entry_bar"]).tolist()
    assert np.mean(shares) == pytest.approx(0.3, abs=0.05)
    assert np.mean(lengths) == pytest.approx(10, rel=0.2)


def test_random_entry_is_another_one_under_another_seed(bars: Bars) -> None:
    runs = [simulate(load("random-entry"), [bars], replace(FREE, seed=seed)).journal.actions for seed in (1, 1, 2)]
    assert (runs[0] == runs[1]).all()
    assert not (runs[0] == runs[2]).all()


def test_the_first_strategy_says_why_it_does_nothing(bars: Bars) -> None:
    reasons = dict(simulate(load("ema-rsi-volume"), [bars]).journal.reasons_counted())
    assert {"no crossing", "in the trend"} <= set(reasons)
    assert "" not in reasons
