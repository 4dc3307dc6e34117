"""Indicators against TA-Lib: nanoseconds per bar over 1.09 million bars, one thread, compiled code only.

    python benchmarks/indicators.py [BARS]

Prints one line per indicator, the best of several runs each, and the ratio to TA-Lib where TA-Lib has the indicator.
A ratio below 1 is faster than TA-Lib. Both write to fresh arrays. The last column is one bar through the stream.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import numpy as np
import talib as ta

from tradecore.core.bars import Bars
from tradecore.core.seeds import generator
from tradecore.core.types import MINUTE_NS, Pair, Timeframe
from tradecore.features import catalogue
from tradecore.features.feature import Feature

REPEATS = 7

PEERS: dict[str, Callable[[Bars], object]] = {
    "sma": lambda b: ta.SMA(b.close, 20),
    "ema": lambda b: ta.EMA(b.close, 20),
    "wma": lambda b: ta.WMA(b.close, 20),
    "dema": lambda b: ta.DEMA(b.close, 20),
    "tema": lambda b: ta.TEMA(b.close, 20),
    "kama": lambda b: ta.KAMA(b.close, 30),
    "hma": lambda b: ta.HMA(b.close, 20),
    "macd": lambda b: ta.MACD(b.close, 12, 26, 9),
    "adx": lambda b: [f(b.high, b.low, b.close, 14) for f in (ta.ADX, ta.PLUS_DI, ta.MINUS_DI)],
    "aroon": lambda b: (ta.AROON(b.high, b.low, 14), ta.AROONOSC(b.high, b.low, 14)),
    "linear_regression": lambda b: ta.LINEARREG(b.close, 14),
    "linear_regression_slope": lambda b: ta.LINEARREG_SLOPE(b.close, 14),
    "supertrend": lambda b: ta.SUPERTREND(b.high, b.low, b.close, 10, 3.0),
    "psar": lambda b: ta.SAR(b.high, b.low, 0.02, 0.2),
    "rsi": lambda b: ta.RSI(b.close, 14),
    "stochastic": lambda b: ta.STOCH(b.high, b.low, b.close, 14, 3, 0, 3, 0),
    "stoch_rsi": lambda b: ta.STOCHRSI(b.close, 14, 14, 3, 0),
    "cci": lambda b: ta.CCI(b.high, b.low, b.close, 14),
    "williams_r": lambda b: ta.WILLR(b.high, b.low, b.close, 14),
    "roc": lambda b: ta.ROC(b.close, 10),
    "mom": lambda b: ta.MOM(b.close, 10),
    "simple_return": lambda b: ta.ROCP(b.close, 1),
    "mfi": lambda b: ta.MFI(b.high, b.low, b.close, b.volume, 14),
    "cmo": lambda b: ta.CMO(b.close, 14),
    "ppo": lambda b: ta.PPO(b.close, 12, 26, 1),
    "trix": lambda b: ta.TRIX(b.close, 15),
    "true_range": lambda b: ta.TRANGE(b.high, b.low, b.close),
    "atr": lambda b: ta.ATR(b.high, b.low, b.close, 14),
    "natr": lambda b: ta.NATR(b.high, b.low, b.close, 14),
    "bollinger": lambda b: ta.BBANDS(b.close, 20, 2.0, 2.0),
    "stddev": lambda b: ta.STDDEV(b.close, 20),
    "keltner": lambda b: ta.KC(b.high, b.low, b.close, 20, 10, 2.0),
    "donchian": lambda b: ta.DONCHIAN(b.high, b.low, 20),
    "obv": lambda b: ta.OBV(b.close, b.volume),
    "volume_ratio": lambda b: ta.RVOL(b.volume, 20),
    "rolling_vwap": lambda b: ta.VWMA(ta.TYPPRICE(b.high, b.low, b.close), b.volume, 20),
    "chaikin_money_flow": lambda b: ta.CMF(b.high, b.low, b.close, b.volume, 20),
    "accumulation_distribution": lambda b: ta.AD(b.high, b.low, b.close, b.volume),
    "chaikin_oscillator": lambda b: ta.ADOSC(b.high, b.low, b.close, b.volume, 3, 10),
    "force_index": lambda b: ta.EFI(b.close, b.volume, 13),
}


def main() -> None:
    """Print the table."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_091_587
    bars = _market(count)
    print(f"{count:,} bars; TA-Lib {ta.__version__}; nanoseconds per bar, best of {REPEATS}")
    print(f"{'indicator':34}{'ours':>8}{'TA-Lib':>8}{'ratio':>7}{'stream':>9}")
    ratios = []
    for feature in catalogue.standard():
        ours, peer = _pair(feature, bars)
        ratio = f"{ours / peer:7.2f}" if peer else f"{'':7}"
        ratios += [ours / peer] if peer else []
        print(
            f"{feature.label:34}{ours:8.1f}{peer or float('nan'):8.1f}{ratio}{_stream(feature, bars):9.0f}", flush=True
        )
    print(f"median ratio {np.median(ratios):.2f}, worst {max(ratios):.2f}, above 1.2: {sum(r > 1.2 for r in ratios)}")


def _pair(feature: Feature, bars: Bars) -> tuple[float, float | None]:
    """Time both turn about, so that a busy neighbour hurts both alike."""
    peer = PEERS.get(feature.spec.name)
    feature.compute(bars[:10])
    ours, theirs = [], []
    for _ in range(REPEATS):
        ours.append(_seconds(lambda: feature.compute(bars)))
        theirs.append(_seconds(lambda: peer(bars)) if peer else 0.0)
    return min(ours) / len(bars) * 1e9, min(theirs) / len(bars) * 1e9 if peer else None


def _stream(feature: Feature, bars: Bars) -> float:
    stream = feature.stream(bars.timeframe)
    arrays = (bars.open_time, bars.open, bars.high, bars.low, bars.close, bars.volume)
    rows = list(zip(*(array[:5_000].tolist() for array in arrays), strict=True))
    return _seconds(lambda: [stream.update(*row) for row in rows]) / len(rows) * 1e9


def _seconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def _market(count: int) -> Bars:
    rng = generator(0, "benchmark", "indicators")
    close = np.round(20_000 * np.exp(np.cumsum(rng.normal(0, 5e-4, count))), 2)
    first = np.append(close[:1], close[:-1])
    wick = np.round(rng.exponential(4, (2, count)), 2)
    high, low = np.maximum(first, close) + wick[0], np.maximum(np.minimum(first, close) - wick[1], 0.01)
    times = np.arange(count) * MINUTE_NS
    return Bars(
        Pair("BTC", "USD"),
        Timeframe.parse("1m"),
        times,
        first,
        high,
        low,
        close,
        rng.exponential(2, count),
        "synthetic gbm",
    )


if __name__ == "__main__":
    main()
