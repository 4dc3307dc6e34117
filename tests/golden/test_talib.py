"""TA-Lib as oracle: every indicator it has, over random and over real bars, to 1e-9.

The tolerance is relative to the larger of TA-Lib's value and the typical size (median) of its column: a value that
crosses zero has no relative error of its own. Two exceptions, each where TA-Lib's own rounding is larger than that: the
slope of a regression (it subtracts large sums; ours is held to exact fractions in the unit tests), and the stochastic
RSI of a flat price (it divides rounding by rounding; ours is 0).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import talib as ta

from tradecore.core.bars import Bars
from tradecore.core.seeds import generator
from tradecore.core.types import MINUTE_NS, BoolArray, Pair, Timeframe
from tradecore.features import catalogue
from tradecore.features.spec import Params

TOLERANCE = 1e-9

Oracle = Callable[[Bars], Any]

ORACLES: dict[str, Oracle] = {
    "sma(20)": lambda b: ta.SMA(b.close, 20),
    "sma(1)": lambda b: b.close,
    "ema(20)": lambda b: ta.EMA(b.close, 20),
    "ema(9)": lambda b: ta.EMA(b.close, 9),
    "wma(20)": lambda b: ta.WMA(b.close, 20),
    "dema(20)": lambda b: ta.DEMA(b.close, 20),
    "tema(20)": lambda b: ta.TEMA(b.close, 20),
    "kama(30)": lambda b: ta.KAMA(b.close, 30),
    "hma(20)": lambda b: ta.HMA(b.close, 20),
    "hma(9)": lambda b: ta.HMA(b.close, 9),
    "macd(12,26,9)": lambda b: ta.MACD(b.close, 12, 26, 9),
    "macd(5,8,3)": lambda b: ta.MACD(b.close, 5, 8, 3),
    "adx(14)": lambda b: [f(b.high, b.low, b.close, 14) for f in (ta.ADX, ta.PLUS_DI, ta.MINUS_DI)],
    "aroon(14)": lambda b: [*ta.AROON(b.high, b.low, 14)[::-1], ta.AROONOSC(b.high, b.low, 14)],
    "linear_regression(14)": lambda b: ta.LINEARREG(b.close, 14),
    "linear_regression_slope(14)": lambda b: ta.LINEARREG_SLOPE(b.close, 14),
    "supertrend(10,3)": lambda b: ta.SUPERTREND(b.high, b.low, b.close, 10, 3.0),
    "supertrend(3,0.2)": lambda b: ta.SUPERTREND(b.high, b.low, b.close, 3, 0.2),
    "sma(2000)": lambda b: ta.SMA(b.close, 2000),
    "stddev(2000)": lambda b: ta.STDDEV(b.close, 2000),
    "aroon(2000)": lambda b: [*ta.AROON(b.high, b.low, 2000)[::-1], ta.AROONOSC(b.high, b.low, 2000)],
    "psar(0.02,0.2)": lambda b: ta.SAR(b.high, b.low, 0.02, 0.2),
    "rsi(14)": lambda b: ta.RSI(b.close, 14),
    "stochastic(14,3,3)": lambda b: ta.STOCH(b.high, b.low, b.close, 14, 3, 0, 3, 0),
    "stochastic(5,1,4)": lambda b: ta.STOCH(b.high, b.low, b.close, 5, 1, 0, 4, 0),
    "stoch_rsi(14,14,3)": lambda b: ta.STOCHRSI(b.close, 14, 14, 3, 0),
    "stoch_rsi(9,5,2)": lambda b: ta.STOCHRSI(b.close, 9, 5, 2, 0),
    "cci(14)": lambda b: ta.CCI(b.high, b.low, b.close, 14),
    "williams_r(14)": lambda b: ta.WILLR(b.high, b.low, b.close, 14),
    "roc(10)": lambda b: ta.ROC(b.close, 10),
    "mom(10)": lambda b: ta.MOM(b.close, 10),
    "simple_return(1)": lambda b: ta.ROCP(b.close, 1),
    "log_return(3)": lambda b: np.log(ta.ROCR(b.close, 3)),
    "mfi(14)": lambda b: ta.MFI(b.high, b.low, b.close, b.volume, 14),
    "cmo(14)": lambda b: ta.CMO(b.close, 14),
    "ppo(12,26)": lambda b: ta.PPO(b.close, 12, 26, 1),
    "trix(15)": lambda b: ta.TRIX(b.close, 15),
    "true_range()": lambda b: ta.TRANGE(b.high, b.low, b.close),
    "atr(14)": lambda b: ta.ATR(b.high, b.low, b.close, 14),
    "natr(14)": lambda b: ta.NATR(b.high, b.low, b.close, 14),
    "bollinger(20,2)": lambda b: ta.BBANDS(b.close, 20, 2.0, 2.0),
    "stddev(20)": lambda b: ta.STDDEV(b.close, 20),
    "keltner(20,10,2)": lambda b: ta.KC(b.high, b.low, b.close, 20, 10, 2.0),
    "keltner(10,20,1.5)": lambda b: ta.KC(b.high, b.low, b.close, 10, 20, 1.5),
    "donchian(20)": lambda b: ta.DONCHIAN(b.high, b.low, 20),
    "obv()": lambda b: ta.OBV(b.close, b.volume),
    "volume_ratio(20)": lambda b: ta.RVOL(b.volume, 20),
    "rolling_vwap(20)": lambda b: ta.VWMA(ta.TYPPRICE(b.high, b.low, b.close), b.volume, 20),
    "chaikin_money_flow(20)": lambda b: ta.CMF(b.high, b.low, b.close, b.volume, 20),
    "accumulation_distribution()": lambda b: ta.AD(b.high, b.low, b.close, b.volume),
    "chaikin_oscillator(3,10)": lambda b: ta.ADOSC(b.high, b.low, b.close, b.volume, 3, 10),
    "force_index(13)": lambda b: ta.EFI(b.close, b.volume, 13),
}


def _distance(label: str, bars: Bars) -> float:
    """Return the largest difference from TA-Lib over the tolerance's scale, after comparing the warm-ups."""
    ours = np.atleast_2d(catalogue.parse(label).compute(bars).T)
    theirs = np.atleast_2d(np.asarray(ORACLES[label](bars), np.float64))
    assert ours.shape == theirs.shape
    warmup = catalogue.parse(label).warmup
    assert np.isnan(ours[:, :warmup]).all()
    assert int(np.argmax(np.isfinite(theirs).all(axis=0))) == warmup
    scale = np.maximum(np.abs(theirs), np.median(np.abs(theirs[:, warmup:]), axis=1, keepdims=True))
    if label.startswith("linear_regression_slope"):
        scale = np.maximum(scale, 1e-4 * bars.close)
    gap = np.abs(ours - theirs)
    if label.startswith("stoch_rsi"):
        gap[:, _rsi_is_flat(catalogue.parse(label).params, bars)] = 0.0
    gap, scale = gap[:, warmup:], scale[:, warmup:]
    return float(np.max(np.divide(gap, scale, out=np.where(gap == 0, 0.0, np.inf), where=scale > 0)))


def _rsi_is_flat(params: Params, bars: Bars) -> BoolArray:
    """Return where TA-Lib's stochastic RSI rests on a range of the RSI that is only rounding."""
    rsi = np.nan_to_num(ta.RSI(bars.close, params["period"]))
    flat = ta.MAX(rsi, params["span"]) - ta.MIN(rsi, params["span"]) < 1e-9
    return np.asarray(ta.MAX(flat.astype(np.float64), params["smooth"]) > 0)


def _random_bars(count: int, seed: int) -> Bars:
    rng = generator(seed, "talib")
    close = 20_000 * np.exp(np.cumsum(rng.normal(0, 1e-3, count)))
    first = np.append(close[:1], close[:-1])
    high = np.maximum(first, close) + rng.exponential(4, count)
    low = np.minimum(first, close) - rng.exponential(4, count)
    times = np.arange(count) * MINUTE_NS
    volume = rng.exponential(2, count)
    return Bars(Pair("BTC", "USD"), Timeframe.parse("1m"), times, first, high, low, close, volume, "synthetic test")


@pytest.mark.parametrize("label", ORACLES)
def test_an_indicator_equals_talib_on_random_bars(label: str) -> None:
    for seed in range(8):
        assert _distance(label, _random_bars(3_000, seed)) <= TOLERANCE


def _real(path: Path) -> Bars:
    table = pl.read_parquet(path)
    columns = [table[name].to_numpy().astype(np.float64) for name in ("open", "high", "low", "close", "volume")]
    times = table["timestamp"].to_numpy().astype(np.int64) * 1_000_000
    return Bars(Pair("BTC", "USD"), Timeframe.parse("1m"), times, *columns, source=path.stem)


@pytest.mark.real_data
@pytest.mark.parametrize(
    "file", ["bitfinex/BTCUSD_1m_2017-2018", "kraken/BTCUSD_1m_2023-03", "kraken/USDTUSD_1m_2023-03"]
)
@pytest.mark.parametrize("label", ORACLES)
def test_an_indicator_equals_talib_on_real_bars(label: str, file: str, real_data: Path) -> None:
    bars = _real(real_data / "candles" / f"{file}.parquet")[-100_000:]
    assert _distance(label, bars) <= TOLERANCE
