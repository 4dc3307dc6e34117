"""Values TA-Lib cannot vouch for: flat markets, quiet after wild, and the indicators it does not have."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from tradecore.core.bars import Bars
from tradecore.core.types import HOUR_NS, MINUTE_NS, FloatArray, parse_time
from tradecore.features import catalogue
from tradecore.features.regime import REGIMES

Maker = Callable[..., Bars]

PRICE = 20_123.45

ON_A_FLAT_MARKET: dict[str, float | tuple[float, ...]] = {
    "sma": PRICE,
    "ema": PRICE,
    "wma": PRICE,
    "dema": PRICE,
    "tema": PRICE,
    "kama": PRICE,
    "hma": PRICE,
    "macd": (0, 0, 0),
    "adx": (0, 0, 0),
    "aroon": (100, 100, 0),
    "linear_regression": PRICE,
    "linear_regression_slope": 0,
    "supertrend": (PRICE, 1),
    "psar": PRICE,
    "rsi": 0,
    "stochastic": (0, 0),
    "stoch_rsi": (0, 0),
    "cci": 0,
    "williams_r": 0,
    "roc": 0,
    "mom": 0,
    "simple_return": 0,
    "log_return": 0,
    "mfi": 0,
    "cmo": 0,
    "ppo": 0,
    "trix": 0,
    "true_range": 0,
    "atr": 0,
    "natr": 0,
    "bollinger": (PRICE, PRICE, PRICE),
    "percent_b": 0.5,
    "bandwidth": 0,
    "stddev": 0,
    "zscore": 0,
    "keltner": (PRICE, PRICE, PRICE),
    "donchian": (PRICE, PRICE, PRICE),
    "realised_volatility": 0,
    "parkinson": 0,
    "garman_klass": 0,
    "obv": 0,
    "volume_ratio": 0,
    "volume_zscore": 0,
    "vwap": PRICE,
    "rolling_vwap": PRICE,
    "chaikin_money_flow": 0,
    "accumulation_distribution": 0,
    "chaikin_oscillator": 0,
    "force_index": 0,
    "regime_label": (1, 0, 0),
}


def _flat(bars: Bars) -> Bars:
    """Return the bars with one price and no volume."""
    price = np.full(len(bars), PRICE)
    return replace(bars, open=price, high=price, low=price, close=price, volume=np.zeros(len(bars)))


@pytest.mark.parametrize("name", ON_A_FLAT_MARKET)
def test_a_flat_market_without_volume_has_the_documented_value(name: str, bars: Bars) -> None:
    values = catalogue.feature(name).compute(_flat(bars))[-1]
    np.testing.assert_allclose(values, ON_A_FLAT_MARKET[name], rtol=1e-14, atol=1e-11)


def test_every_indicator_but_the_clock_has_a_documented_flat_value() -> None:
    assert set(catalogue.names()) - set(ON_A_FLAT_MARKET) == {"time_of_day", "day_of_week"}


@pytest.fixture(scope="module")
def calmed(bars_of: Maker) -> Bars:
    """Return wild bars that end in forty flat ones without volume."""
    bars = bars_of(400, quiet=False)
    price = np.where(np.arange(400) < 360, bars.close, PRICE)
    volume = np.where(np.arange(400) < 360, bars.volume * 1e6, 0.0)
    flat = np.arange(400) >= 360
    high, low = np.where(flat, PRICE, np.maximum(bars.high, price)), np.where(flat, PRICE, np.minimum(bars.low, price))
    first = np.where(flat, PRICE, bars.open)
    return replace(bars, open=first, high=high, low=low, close=price, volume=volume)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("zscore(20)", 0.0),
        ("stddev(20)", 0.0),
        ("percent_b(20)", 0.5),
        ("bandwidth(20)", 0.0),
        ("cci(20)", 0.0),
        ("linear_regression_slope(20)", 0.0),
        ("rolling_vwap(20)", PRICE),
        ("volume_ratio(20)", 0.0),
        ("volume_zscore(20)", 0.0),
        ("chaikin_money_flow(20)", 0.0),
        ("mfi(20)", 0.0),
        ("realised_volatility(20)", 0.0),
        ("stoch_rsi(5,5,3).d", 0.0),
    ],
)
def test_a_quiet_window_after_a_wild_market_is_exactly_quiet(text: str, value: float, calmed: Bars) -> None:
    assert (catalogue.parse(text).compute(calmed)[-15:] == value).all()


def _windows(values: FloatArray, n: int) -> list[list[Fraction]]:
    exact = [Fraction(value) for value in values.tolist()]
    return [exact[end - n : end] for end in range(n, len(exact) + 1)]


def test_the_regression_slope_equals_exact_fractions(bars: Bars) -> None:
    n, close = 14, bars.close[:300]
    centre = Fraction(n - 1, 2)
    scale = sum((k - centre) ** 2 for k in range(n))
    exact = [float(sum((k - centre) * x for k, x in enumerate(w)) / scale) for w in _windows(close, n)]
    got = catalogue.parse("linear_regression_slope(14)").compute(bars)[n - 1 : 300]
    np.testing.assert_allclose(got, exact, rtol=1e-12, atol=1e-14)


def test_the_deviation_equals_exact_fractions_even_far_from_zero(bars: Bars) -> None:
    n = 20
    far = replace(bars, open=bars.open + 1e7, high=bars.high + 1e7, low=bars.low + 1e7, close=bars.close + 1e7)
    windows = _windows(far.close[:300], n)
    exact = [float(sum(x * x for x in w) / n - (sum(w) / n) ** 2) ** 0.5 for w in windows]
    got = catalogue.parse("stddev(20)").compute(far)[n - 1 : 300]
    np.testing.assert_allclose(got, exact, rtol=1e-12, atol=0)


def test_a_moving_average_does_not_drift_over_a_million_bars(bars_of: Maker) -> None:
    bars = bars_of(1_000_000, quiet=False)
    got = catalogue.parse("sma(20)").compute(bars)[-1]
    assert got == pytest.approx(float(sum(map(Fraction, bars.close[-20:].tolist())) / 20), rel=1e-15)


def test_zscore_percent_b_and_bandwidth_follow_from_the_bands(bars: Bars) -> None:
    upper, middle, lower = catalogue.parse("bollinger(20,2)").compute(bars).T[:, 400:490]
    close = bars.close[400:490]
    np.testing.assert_allclose(
        catalogue.parse("bandwidth(20,2)").compute(bars)[400:490], (upper - lower) / middle, rtol=1e-8
    )
    wide = upper > lower
    percent = catalogue.parse("percent_b(20,2)").compute(bars)[400:490]
    np.testing.assert_allclose(percent[wide], ((close - lower) / (upper - lower))[wide], rtol=1e-8)
    score = catalogue.parse("zscore(20)").compute(bars)[400:490]
    np.testing.assert_allclose(score[wide], ((close - middle) / ((upper - middle) / 2))[wide], rtol=1e-8)


def test_the_days_average_price_starts_again_at_midnight_utc(bars: Bars) -> None:
    day = bars.open_time // (24 * HOUR_NS)
    assert len(set(day.tolist())) > 1
    price = (bars.high + bars.low + bars.close) / 3
    got = catalogue.parse("vwap").compute(bars)
    for today in set(day.tolist()):
        inside = day == today
        money, amount = np.cumsum((price * bars.volume)[inside]), np.cumsum(bars.volume[inside])
        np.testing.assert_allclose(got[inside], money / amount, rtol=1e-12)


def test_realised_volatility_is_the_annualised_root_mean_square_return(bars: Bars) -> None:
    returns = np.diff(np.log(bars.close))
    expected = np.sqrt(np.mean(returns[80:100] ** 2) * 365 * 24 * 60)
    assert catalogue.parse("realised_volatility(20)").compute(bars)[100] == pytest.approx(expected, rel=1e-12)


def test_range_volatilities_follow_their_papers(bars: Bars) -> None:
    part = bars[81:101]
    reach, body = np.log(part.high / part.low), np.log(part.close / part.open)
    per_year = 365 * 24 * 60
    parkinson = np.sqrt(np.mean(reach**2) / (4 * np.log(2)) * per_year)
    garman = np.sqrt(np.mean(0.5 * reach**2 - (2 * np.log(2) - 1) * body**2) * per_year)
    assert catalogue.parse("parkinson(20)").compute(bars)[100] == pytest.approx(parkinson, rel=1e-12)
    assert catalogue.parse("garman_klass(20)").compute(bars)[100] == pytest.approx(garman, rel=1e-12)


def test_the_clock_turns_with_the_day_and_the_week(bars: Bars) -> None:
    monday = parse_time("2024-01-01")
    part = replace(bars[:2], open_time=np.array([monday, monday + 6 * HOUR_NS]))
    np.testing.assert_allclose(catalogue.parse("time_of_day").compute(part), [[0, 1], [1, 0]], atol=1e-12)
    quarter = 2 * np.pi / 28
    expected = [[0, 1], [np.sin(quarter), np.cos(quarter)]]
    np.testing.assert_allclose(catalogue.parse("day_of_week").compute(part), expected, atol=1e-12)


def test_the_regime_names_a_wild_rise_a_calm_market_and_a_wild_fall(bars_of: Maker) -> None:
    bars, place = bars_of(1_200, quiet=False), np.arange(1_200)
    up, down = (place >= 700) & (place < 760), place >= 1_140
    noise = np.random.default_rng(0).normal(0, np.where(up | down, 3e-3, 1e-4))
    close = 100 * np.exp(np.cumsum(noise + np.select([up, down], [2e-3, -2e-3], 0.0)))
    first = np.append(close[:1], close[:-1])
    bars = replace(bars, open=first, close=close, high=np.maximum(first, close), low=np.minimum(first, close))
    feature = catalogue.parse("regime_label(20,300,60,0.5)")
    names = {bar: REGIMES[int(code)] for bar, code in enumerate(feature.compute(bars)[:, 0]) if code >= 0}
    assert min(names) == feature.warmup
    assert names[755] == "wild up"
    assert not names[900].startswith("wild")
    assert names[1_195] == "wild down"
    code, tercile, sign = feature.compute(bars)[feature.warmup :].T
    np.testing.assert_array_equal(code, 3 * tercile + sign + 1)


def test_a_gap_of_minutes_does_not_change_a_window_of_bars(bars: Bars) -> None:
    later = replace(bars, open_time=bars.open_time + np.where(np.arange(len(bars)) > 50, 500 * MINUTE_NS, 0))
    np.testing.assert_array_equal(catalogue.parse("sma(20)").compute(later), catalogue.parse("sma(20)").compute(bars))
