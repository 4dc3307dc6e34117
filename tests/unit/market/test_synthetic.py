"""The made-up markets: seeded, fair where they promise to be, and beatable where an edge was planted."""

from __future__ import annotations

import numpy as np
import pytest

from tradecore.core.bars import Bars
from tradecore.core.errors import UsageError
from tradecore.core.types import DAY_NS, HOUR_NS, BoolArray, FloatArray, Pair, Timeframe
from tradecore.market import synthetic

BTC = Pair("BTC", "USD")
HOUR = Timeframe.parse("1h")
MINUTE = Timeframe.parse("1m")
YEAR = 8760
COST = 0.004 + 0.0005 + 0.0001  # taker fee, slippage, half the spread: per side
FAIR = [kind for kind in synthetic.KINDS if kind not in ("planted", "trending")]


def _ema(values: FloatArray, span: int) -> FloatArray:
    out, state = np.empty_like(values), values[0]
    for i, value in enumerate(values):
        state += (value - state) * 2 / (span + 1)
        out[i] = state
    return out


def _trend_following(bars: Bars, cost: float) -> FloatArray:
    """Long while EMA 9 > EMA 21, filled at the next open; the return of every bar, open to open."""
    return _net(bars, _ema(bars.close, 9) > _ema(bars.close, 21), 21, cost)


def _slow_averages(bars: Bars, cost: float) -> FloatArray:
    """The same with plain averages of 20 and 100 bars, as the baselines have it."""
    total = np.cumsum(bars.close)
    fast, slow = (np.concatenate([np.zeros(n), (total[n:] - total[:-n]) / n]) for n in (20, 100))
    return _net(bars, fast > slow, 100, cost)


def _net(bars: Bars, is_wanted: BoolArray, warmup: int, cost: float) -> FloatArray:
    wish = is_wanted.astype(float)
    wish[:warmup] = 0
    held = np.concatenate([[0.0], wish])[: len(bars) - 1]
    returns = bars.open[1:] / bars.open[:-1] - 1
    return held * returns - np.abs(np.diff(held, prepend=0.0)) * cost


@pytest.mark.parametrize("kind", synthetic.KINDS)
def test_same_seed_gives_the_same_bytes_and_another_seed_another_market(kind: str) -> None:
    make = lambda seed: synthetic.make(kind, pair=BTC, timeframe=HOUR, bars=500, seed=seed)  # noqa: E731
    assert make(1).content_hash() == make(1).content_hash()
    assert make(1).content_hash() != make(2).content_hash()
    strength = ":edge=0.3" if kind == "trending" else ""
    assert make(1).source == f"synthetic:{kind}{strength}:seed=1"
    assert make(1).is_synthetic


@pytest.mark.parametrize("kind", synthetic.KINDS)
def test_more_bars_extend_the_same_market(kind: str) -> None:
    short = synthetic.make(kind, pair=BTC, timeframe=HOUR, bars=1_000, seed=3)
    long = synthetic.make(kind, pair=BTC, timeframe=HOUR, bars=2_500, seed=3)
    np.testing.assert_allclose(long[:1_000].close, short.close, rtol=0, atol=0.011)
    np.testing.assert_array_equal(long[:1_000].volume, short.volume)


@pytest.mark.parametrize("kind", FAIR)
def test_a_fair_market_pays_a_costless_trend_follower_nothing(kind: str) -> None:
    means = [
        _trend_following(synthetic.make(kind, pair=BTC, timeframe=HOUR, bars=YEAR, seed=seed), 0.0).mean() * YEAR
        for seed in range(20)
    ]
    error = np.std(means, ddof=1) / np.sqrt(len(means))
    assert abs(np.mean(means)) < 3 * error
    assert error < 0.15


@pytest.mark.parametrize("kind", FAIR)
def test_price_of_a_fair_market_is_a_martingale(kind: str) -> None:
    """The bar-to-bar return is independent of the past: its mean given the sign of the last one is zero both ways."""
    bars = synthetic.make(kind, pair=BTC, timeframe=MINUTE, bars=400_000, seed=11)
    returns = bars.close[1:] / bars.close[:-1] - 1
    for sign in (-1, 1):
        after = returns[1:][np.sign(returns[:-1]) == sign]
        assert abs(after.mean()) < 4 * after.std() / np.sqrt(len(after))


@pytest.mark.parametrize("kind", FAIR)
def test_the_mean_return_of_a_fair_market_is_zero_however_wild_it_is(kind: str) -> None:
    """At two per year the log price falls by 0.5 % a day on average; the price itself must not."""
    day = Timeframe.parse("1d")
    markets = [synthetic.make(kind, pair=BTC, timeframe=day, bars=400, seed=n, volatility=2.0) for n in range(60)]
    returns = np.concatenate([one.close[1:] / one.close[:-1] - 1 for one in markets])
    error = returns.std() / np.sqrt(len(returns))
    assert abs(returns.mean()) < 3 * error < 0.0025


@pytest.mark.parametrize("kind", FAIR)
def test_a_stop_inside_a_bar_is_as_fair_as_its_close(kind: str) -> None:
    """Where a bar trades through a level below its open, it closes at that level on average (optional stopping)."""
    bars = synthetic.make(kind, pair=BTC, timeframe=HOUR, bars=300_000, seed=5, start_price=1e9)
    level = bars.open * 0.996
    touched = bars.low <= level
    after = bars.close[touched] / level[touched] - 1
    assert touched.sum() > 20_000
    assert abs(after.mean()) < 4 * after.std() / np.sqrt(len(after))


@pytest.mark.parametrize("seed", range(20))
def test_trend_following_beats_costs_and_buy_and_hold_where_trends_are_planted(seed: int) -> None:
    bars = synthetic.make("planted", pair=BTC, timeframe=HOUR, bars=2 * YEAR, seed=seed)
    net = _trend_following(bars, COST)
    hold = bars.close[-1] / bars.open[0] - 1
    assert net.mean() / net.std() * np.sqrt(YEAR) > 3
    assert np.prod(1 + net) - 1 > 1 + hold
    assert abs(hold) < 0.4
    assert bars.high.max() / bars.low.min() < 2.5


@pytest.mark.parametrize("seed", range(5))
def test_slow_averages_miss_the_planted_trends(seed: int) -> None:
    """Otherwise a slow baseline would beat every strategy that is worth showing, and the verdict would be no edge."""
    bars = synthetic.make("planted", pair=BTC, timeframe=HOUR, bars=2 * YEAR, seed=seed)
    slow = _slow_averages(bars, COST)
    assert slow.mean() / slow.std() * np.sqrt(YEAR) < 2


def test_the_planted_edge_survives_aggregation_from_minutes() -> None:
    minutes = synthetic.make("planted", pair=BTC, timeframe=MINUTE, bars=90 * 1440, seed=1)
    grid = lambda values: values.reshape(-1, 60)  # noqa: E731
    bars = Bars(
        BTC, HOUR, minutes.open_time[::60], minutes.open[::60], grid(minutes.high).max(1), grid(minutes.low).min(1),
        minutes.close[59::60], grid(minutes.volume).sum(1), minutes.source,
    )  # fmt: skip
    net = _trend_following(bars, COST)
    assert net.mean() / net.std() * np.sqrt(YEAR) > 3


@pytest.mark.parametrize("kind", ["noise", "regimes"])
def test_returns_have_fat_tails_and_clustered_volatility(kind: str) -> None:
    bars = synthetic.make(kind, pair=BTC, timeframe=HOUR, bars=4 * YEAR, seed=2)
    returns = np.diff(np.log(bars.close))
    size = np.abs(returns)
    assert ((returns / returns.std()) ** 4).mean() > 5
    assert np.corrcoef(size[:-24], size[24:])[0, 1] > 0.05
    assert 0.4 < returns.std() * np.sqrt(YEAR) < 0.8


def test_jumps_fall_between_bars() -> None:
    bars = synthetic.make("jumps", pair=BTC, timeframe=HOUR, bars=YEAR, seed=2)
    gap = np.abs(np.log(bars.open[1:] / bars.close[:-1]))
    assert 40 < (gap > 1e-3).sum() < 110


def test_volume_is_heavy_tailed_and_larger_in_large_moves() -> None:
    bars = synthetic.make("regimes", pair=BTC, timeframe=HOUR, bars=YEAR, seed=2)
    move = np.log(np.abs(np.diff(np.log(bars.close))) + 1e-6)
    assert np.corrcoef(np.log(bars.volume[1:]), move)[0, 1] > 0.3
    assert bars.volume.mean() > 1.25 * np.median(bars.volume)


@pytest.mark.parametrize("kind", synthetic.KINDS)
def test_prices_are_whole_cents(kind: str) -> None:
    bars = synthetic.make(kind, pair=BTC, timeframe=HOUR, bars=500, seed=2)
    np.testing.assert_array_equal(bars.close, np.round(bars.close, 2))


def test_a_cheap_coin_keeps_its_digits() -> None:
    bars = synthetic.make("noise", pair=Pair("DOGE", "USD"), timeframe=HOUR, bars=500, seed=2, start_price=0.08)
    assert len(np.unique(bars.close)) > 100


def test_missing_bars_come_only_when_asked_for_and_at_the_rate_asked() -> None:
    whole = synthetic.make("noise", pair=BTC, timeframe=HOUR, bars=20_000, seed=4)
    holed = synthetic.make("noise", pair=BTC, timeframe=HOUR, bars=20_000, seed=4, gap_rate=0.05)
    assert len(whole) == 20_000
    assert 0.04 < 1 - len(holed) / 20_000 < 0.06
    assert np.isin(holed.close, whole.close).all()
    assert np.diff(holed.open_time).max() > 2 * HOUR_NS


def test_start_moves_up_to_the_grid() -> None:
    week = Timeframe.parse("1w")
    bars = synthetic.make("gbm", pair=BTC, timeframe=week, bars=10, seed=1)
    assert 0 <= int(bars.open_time[0]) - synthetic.DEFAULT_START < 7 * DAY_NS


def test_several_pairs_are_correlated_as_asked() -> None:
    pairs = (BTC, Pair("ETH", "USD"), Pair("SOL", "USD"))
    made = synthetic.make_many("gbm", pairs, timeframe=HOUR, bars=YEAR, seed=9, correlation=0.7)
    returns = np.diff(np.log([made[pair].close for pair in pairs]))
    assert np.corrcoef(returns)[np.triu_indices(3, 1)] == pytest.approx(0.7, abs=0.05)
    assert made[BTC].open[0] != made[pairs[1]].open[0]


@pytest.mark.parametrize(
    ("kind", "options", "names"),
    [
        ("moon", {}, "'moon'"),
        ("gbm", {"volatilty": 1.0}, "'volatilty'"),
        ("gbm", {"volatility": -1.0}, "volatility"),
        ("gbm", {"gap_rate": 0.9}, "gap_rate"),
        ("gbm", {"start_price": float("nan")}, "start_price"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name(kind: str, options: dict[str, float], names: str) -> None:
    with pytest.raises(UsageError, match=names):
        synthetic.make(kind, pair=BTC, timeframe=HOUR, bars=10, seed=1, **options)


def test_no_bars_are_refused() -> None:
    with pytest.raises(UsageError, match="0 bars"):
        synthetic.make("gbm", pair=BTC, timeframe=HOUR, bars=0, seed=1)


def test_trades_aggregate_back_to_their_bars() -> None:
    bars = synthetic.make("regimes", pair=BTC, timeframe=MINUTE, bars=2_000, seed=6, gap_rate=0.02)
    trades = synthetic.make_trades(bars, seed=6)
    minute = trades.time // MINUTE.ns * MINUTE.ns
    starts = np.flatnonzero(np.diff(minute, prepend=-1))
    ends = np.append(starts[1:], len(trades)) - 1
    np.testing.assert_array_equal(minute[starts], bars.open_time)
    np.testing.assert_array_equal(trades.price[starts], bars.open)
    np.testing.assert_array_equal(trades.price[ends], bars.close)
    np.testing.assert_array_equal(np.maximum.reduceat(trades.price, starts), bars.high)
    np.testing.assert_array_equal(np.minimum.reduceat(trades.price, starts), bars.low)
    np.testing.assert_allclose(np.add.reduceat(trades.quantity, starts), bars.volume, atol=1e-8, rtol=0)


def test_trades_have_rising_times_contiguous_ids_both_sides_and_a_bounce() -> None:
    bars = synthetic.make("noise", pair=BTC, timeframe=MINUTE, bars=2_000, seed=6)
    trades = synthetic.make_trades(bars, seed=6, first_trade_id=100)
    assert (np.diff(trades.time) >= 0).all()
    np.testing.assert_array_equal(trades.trade_id, np.arange(100, 100 + len(trades)))
    assert set(np.unique(trades.side)) == {-1, 1}
    assert (trades.quantity >= 1e-8).all()
    change = np.diff(trades.price)
    assert np.corrcoef(change[:-1], change[1:])[0, 1] < -0.1
    assert trades.source == bars.source


def test_a_bar_too_thin_for_four_trades_is_refused() -> None:
    bars = synthetic.make("gbm", pair=BTC, timeframe=MINUTE, bars=5, seed=1, volume_per_day=1e-6)
    with pytest.raises(UsageError, match="4e-8"):
        synthetic.make_trades(bars, seed=1)


def trending(edge: float, seed: int = 5, bars: int = YEAR, timeframe: Timeframe = HOUR) -> Bars:
    return synthetic.make("trending", pair=BTC, timeframe=timeframe, bars=bars, seed=seed, edge=edge)


def test_a_planted_edge_of_size_zero_is_a_martingale() -> None:
    """Neither the sign of the last bar nor a rising average tells anything of the next bar's mean."""
    bars = trending(0.0, seed=11, bars=400_000, timeframe=MINUTE)
    returns = bars.close[1:] / bars.close[:-1] - 1
    rising = _ema(bars.close, 1440)[:-1] < bars.close[:-1]
    for known in (np.sign(returns[:-1]) > 0, rising[1:]):
        for after in (returns[1:][known], returns[1:][~known]):
            assert abs(after.mean()) < 4 * after.std() / np.sqrt(len(after))


def test_at_size_zero_busy_stretches_rise_no_more_than_quiet_ones() -> None:
    """Over forty years a drift of a tenth of the usual deviation would stand out ten times over."""
    bars = synthetic.make("trending", pair=BTC, timeframe=HOUR, bars=40 * YEAR, seed=2, edge=0.0, start_price=1e9)
    returns = bars.close[1:] / bars.close[:-1] - 1
    is_busy = (np.convolve(bars.volume, np.ones(12), "full")[: len(bars)] > 12 * bars.volume.mean())[:-1]
    busy, quiet = returns[is_busy], returns[~is_busy]
    error = np.sqrt(busy.var() / len(busy) + quiet.var() / len(quiet))
    assert abs(busy.mean() - quiet.mean()) < 3 * error
    assert error * 24 < 0.02 * 0.55 / np.sqrt(365)


def test_a_planted_edge_of_size_zero_pays_a_costless_trend_follower_nothing() -> None:
    means = [_slow_averages(trending(0.0, seed), 0.0).mean() * YEAR for seed in range(20)]
    assert abs(np.mean(means)) < 3 * np.std(means, ddof=1) / np.sqrt(len(means))


def test_sizes_of_a_planted_edge_differ_in_the_drift_alone() -> None:
    none, some = trending(0.0), trending(0.4)
    np.testing.assert_array_equal(none.volume, some.volume)
    apart = np.diff(np.log(some.close)) - np.diff(np.log(none.close))
    drift = 0.4 * 0.55 / np.sqrt(365) / 24
    np.testing.assert_allclose(np.abs(apart), drift, atol=1e-5)  # prices are rounded to cents
    turns = np.flatnonzero(np.diff(np.sign(apart)))
    assert 120 < len(turns) < 250  # stretches of two days on average
    rose = apart > 0
    busy = some.volume[1:]
    assert 4 < busy[rose].mean() / busy[~rose].mean() < 9


def _watching_volume(bars: Bars, cost: float) -> FloatArray:
    """Long while the mean volume of 12 hours is above that of 600; the return of every bar, open to open."""
    total = np.concatenate(([0.0], np.cumsum(bars.volume)))
    fast, slow = (np.concatenate([np.zeros(n - 1), (total[n:] - total[:-n]) / n]) for n in (12, 600))
    return _net(bars, fast > slow, 600, cost)


def test_a_larger_planted_edge_pays_who_watches_the_volume_more() -> None:
    paid = [np.mean([_watching_volume(trending(e, s), COST).mean() * YEAR for s in range(8)]) for e in (0.0, 0.4, 0.8)]
    assert paid[0] < 0 < paid[1] < paid[2]


def test_a_planted_edge_is_hardly_there_for_slow_averages_of_the_price() -> None:
    """The baselines of a verdict must not find it, or nobody can be better than they are."""
    blind, seeing = (
        np.mean([rule(trending(0.6, seed), COST).mean() * YEAR for seed in range(8)])
        for rule in (_slow_averages, _watching_volume)
    )
    assert blind < 0.2 < seeing


def test_a_planted_edge_is_named_in_the_source() -> None:
    assert trending(0.25, seed=3).source == "synthetic:trending:edge=0.25:seed=3"


@pytest.mark.parametrize("kind", [kind for kind in synthetic.KINDS if kind != "trending"])
def test_an_edge_cannot_be_sized_where_none_can_be_planted(kind: str) -> None:
    with pytest.raises(UsageError, match="trending"):
        synthetic.make(kind, pair=BTC, timeframe=HOUR, bars=100, seed=1, edge=0.5)
