import numpy as np
import pytest

from tradecore.core.bars import Bars
from tradecore.core.errors import ConfigError, DataError
from tradecore.core.types import DAY_NS, HOUR_NS, Pair, Timeframe
from tradecore.stats.bootstrap import Bootstrap
from tradecore.stats.regimes import NAMES, Regimes, basket, label_days, regime_table

MARKET = np.random.default_rng(1).standard_t(4, 700) * 0.02


def hourly(closes, pair="BTC/USD", start=0):
    """Bars at hours of a day, one close each; `closes` by hour since the start."""
    hours = np.array(sorted(closes), np.int64)
    price = np.array([closes[hour] for hour in hours.tolist()])
    time = 20_000 * DAY_NS + (start + hours) * HOUR_NS
    return Bars(Pair.parse(pair), Timeframe.parse("1h"), time, price, price, price, price, np.ones(len(price)), "test")


def test_labels_up_to_a_day_do_not_change_when_later_days_are_cut():
    labels = label_days(MARKET)
    for day in range(1, 700, 13):
        assert label_days(MARKET[:day]).tolist() == labels[:day].tolist()


def test_the_label_of_a_day_does_not_know_that_day():
    labels = label_days(MARKET)
    for day in range(100, 700, 37):
        changed = MARKET.copy()
        changed[day:] = 0.5
        assert label_days(changed)[: day + 1].tolist() == labels[: day + 1].tolist()


def test_days_without_enough_history_have_no_label():
    labels = label_days(MARKET, Regimes(volatility_days=30, trend_days=60, history_days=60))
    assert (labels[:90] == -1).all()
    assert (labels[90:] >= 0).all()
    assert (label_days(MARKET[:90]) == -1).all()


def test_wild_follows_calm_and_falling_follows_rising():
    rng = np.random.default_rng(2)
    noise = rng.normal(0, 1, 600)
    returns = np.r_[0.005 + 0.002 * noise[:300], -0.005 + 0.03 * noise[300:]]
    labels = label_days(returns)
    assert {NAMES[label] for label in labels[400:450].tolist()} == {"wild, falling"}
    assert all("rising" in NAMES[label] for label in labels[100:300].tolist())


def test_terciles_of_a_steady_market_are_about_equally_common():
    labels = label_days(np.random.default_rng(5).normal(0, 0.02, 20_000))
    share = np.bincount(labels[labels >= 0] // 2) / (labels >= 0).sum()
    assert share == pytest.approx([1 / 3] * 3, abs=0.06)


def test_market_that_never_moves_is_usual_and_not_falling():
    assert set(label_days(np.zeros(200))[90:].tolist()) == {NAMES.index("usual, rising")}


def test_table_gives_each_regime_its_days_and_what_they_earned():
    labels = np.array([0, 0, 0, 5, 5, -1] * 20)
    returns = np.where(labels == 0, 0.01, np.where(labels == 5, -0.02, 0.5))
    returns = returns + np.tile([1e-3, -1e-3], 60)
    calm, *_, wild = regime_table(returns, labels, np.random.default_rng(1), Bootstrap(samples=200))
    assert (calm.name, calm.days, calm.share) == ("calm, falling", 60, 0.6)
    assert (wild.name, wild.days, wild.share) == ("wild, rising", 40, 0.4)
    assert calm.mean == pytest.approx(returns[labels == 0].mean())
    assert wild.total_return == pytest.approx(np.prod(1 + returns[labels == 5]) - 1)
    assert (calm.loss_probability, wild.loss_probability) == (0.0, 1.0)
    assert calm.sharpe > 0 > wild.sharpe


def test_regime_that_never_came_has_a_row_without_figures():
    row = regime_table(np.full(20, 0.01), np.zeros(20, np.int64), np.random.default_rng(1))[3]
    assert (row.days, row.share, row.mean, row.sharpe, row.total_return, row.loss_probability) == (0, 0.0, *[None] * 4)


def test_few_days_have_no_probability():
    labels = np.array([0] * 9 + [1] * 91)
    rows = regime_table(np.random.default_rng(1).normal(0, 0.01, 100), labels, np.random.default_rng(1))
    assert rows[0].loss_probability is None
    assert 0.0 < rows[1].loss_probability < 1.0


def test_loss_of_noise_is_a_coin_toss():
    found = [
        regime_table(np.random.default_rng(seed).normal(0, 0.02, 300), np.zeros(300, np.int64),
                     np.random.default_rng(seed), Bootstrap(samples=200))[0].loss_probability
        for seed in range(40)
    ]  # fmt: skip
    assert np.mean(found) == pytest.approx(0.5, abs=0.12)


def test_basket_is_the_mean_return_of_the_pairs_that_have_the_day():
    first = hourly({0: 100.0, 5: 110.0, 24: 121.0, 50: 121.0})
    second = hourly({24: 50.0, 30: 50.0, 48: 100.0}, "ETH/USD")
    days, returns = basket([first, second])
    assert (days // DAY_NS).tolist() == [20_000, 20_001, 20_002]
    assert returns == pytest.approx([0.0, 0.1, (0.0 + 1.0) / 2])


def test_bad_input_is_refused():
    with pytest.raises(DataError, match="no bars"):
        basket([])
    with pytest.raises(DataError, match="finite"):
        label_days(np.array([0.1, np.nan]))
    with pytest.raises(DataError, match="same days"):
        regime_table(np.zeros(3), np.zeros(4, np.int64), np.random.default_rng(1))
    with pytest.raises(ConfigError, match="trend_days=4"):
        Regimes(trend_days=4)
