"""talipp: one bar at a time, the indicators that tradecore has too, by tradecore's names and default parameters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import talipp.indicators as ta
from protocol import Checks, Record, job_from, publish, repeated
from talipp.ohlcv import OHLCV

CLOSES: dict[str, Callable[[], Any]] = {
    "sma": lambda: ta.SMA(20),
    "ema": lambda: ta.EMA(20),
    "wma": lambda: ta.WMA(20),
    "dema": lambda: ta.DEMA(20),
    "tema": lambda: ta.TEMA(20),
    "kama": lambda: ta.KAMA(30, 2, 30),
    "hma": lambda: ta.HMA(20),
    "macd": lambda: ta.MACD(12, 26, 9),
    "rsi": lambda: ta.RSI(14),
    "stoch_rsi": lambda: ta.StochRSI(14, 14, 1, 3),
    "roc": lambda: ta.ROC(10),
    "trix": lambda: ta.TRIX(15),
    "bollinger": lambda: ta.BB(20, 2.0),
    "stddev": lambda: ta.StdDev(20),
}
BARS: dict[str, Callable[[], Any]] = {
    "adx": lambda: ta.ADX(14, 14),
    "aroon": lambda: ta.Aroon(14),
    "supertrend": lambda: ta.SuperTrend(10, 3),
    "psar": lambda: ta.ParabolicSAR(0.02, 0.02, 0.2),
    "stochastic": lambda: ta.Stoch(14, 3),
    "cci": lambda: ta.CCI(14),
    "williams_r": lambda: ta.Williams(14),
    "atr": lambda: ta.ATR(14),
    "natr": lambda: ta.NATR(14),
    "keltner": lambda: ta.KeltnerChannels(20, 10, 2, 2),
    "donchian": lambda: ta.DonchianChannels(20),
    "obv": ta.OBV,
    "rolling_vwap": lambda: ta.VWMA(20),
    "accumulation_distribution": ta.AccuDist,
    "chaikin_oscillator": lambda: ta.ChaikinOsc(3, 10),
    "force_index": lambda: ta.ForceIndex(13),
}


def main() -> None:
    job = job_from()
    market = job.market()
    names = ("open", "high", "low", "close", "volume")
    bars = list(zip(*(market[name][: job.size].tolist() for name in names), strict=True))

    def of_closes(make: Callable[[], Any]) -> Checks:
        indicator = make()
        add = indicator.add
        for bar in bars:
            add(bar[3])
        return _last(indicator)

    def of_bars(make: Callable[[], Any]) -> Checks:
        indicator = make()
        add = indicator.add
        for bar in bars:
            add(OHLCV(*bar))
        return _last(indicator)

    rows = []
    for made, run in ((CLOSES, of_closes), (BARS, of_bars)):
        for name, make in made.items():
            wall, cpu, checks = repeated(lambda run=run, make=make: run(make), job.repeats)
            rows.append(Record("talipp", len(bars), wall, cpu, checks, part=name))
    publish(rows, ("talipp",))


def _last(indicator: Any) -> Checks:
    """Return the newest value where it is a number; talipp's tuples name their fields differently."""
    value = indicator[-1]
    return {"last": float(value)} if isinstance(value, int | float) else {}


if __name__ == "__main__":
    main()
