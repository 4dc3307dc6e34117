"""Every indicator of the catalogue over a million bars, beside TA-Lib where TA-Lib has it.

Both run in this one process and take turns call by call, so that a busy neighbour or a clock that changes speed hurts
both alike. Both write to fresh arrays. As a script it also says what the others cost that TA-Lib lacks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from harness.contest import Aim, Contender, Workload
from protocol import Checks, Job, Record, job_from, publish, timed

WORKLOAD = Workload(
    name="indicators",
    title="each indicator, beside TA-Lib",
    unit="bars",
    size=1_091_587,
    quick=50_000,
    contenders=(Contender("tradecore", "workloads/indicators.py"),),
    aims=(Aim("share", 1 / 1.2, of="TA-Lib"),),
    missed="one difference of two columns (mom) is nothing but memory: how fresh the pages of its result are decides, "
    "and ours are checked for their warm-up besides.",
    needs=("bars",),
    repeats=9,
    rounds=2,
    tolerances={"last": 1e-6},
    remark="Share of TA-Lib's rate; 1/1.2 is the aim. TA-Lib runs in the same process, turn about. It adds to and "
    "subtracts from one running sum, ours never subtracts what left a window, so last values differ by its drift.",
)

PEERS: dict[str, Callable[[Any, dict[str, np.ndarray]], Any]] = {
    "sma": lambda ta, b: ta.SMA(b["close"], 20),
    "ema": lambda ta, b: ta.EMA(b["close"], 20),
    "wma": lambda ta, b: ta.WMA(b["close"], 20),
    "dema": lambda ta, b: ta.DEMA(b["close"], 20),
    "tema": lambda ta, b: ta.TEMA(b["close"], 20),
    "kama": lambda ta, b: ta.KAMA(b["close"], 30),
    "hma": lambda ta, b: ta.HMA(b["close"], 20),
    "macd": lambda ta, b: ta.MACD(b["close"], 12, 26, 9),
    "adx": lambda ta, b: [f(*_range(b), 14) for f in (ta.ADX, ta.PLUS_DI, ta.MINUS_DI)],
    "aroon": lambda ta, b: [*ta.AROON(b["high"], b["low"], 14)[::-1], ta.AROONOSC(b["high"], b["low"], 14)],
    "linear_regression": lambda ta, b: ta.LINEARREG(b["close"], 14),
    "linear_regression_slope": lambda ta, b: ta.LINEARREG_SLOPE(b["close"], 14),
    "supertrend": lambda ta, b: ta.SUPERTREND(*_range(b), 10, 3.0),
    "psar": lambda ta, b: ta.SAR(b["high"], b["low"], 0.02, 0.2),
    "rsi": lambda ta, b: ta.RSI(b["close"], 14),
    "stochastic": lambda ta, b: ta.STOCH(*_range(b), 14, 3, 0, 3, 0),
    "stoch_rsi": lambda ta, b: ta.STOCHRSI(b["close"], 14, 14, 3, 0),
    "cci": lambda ta, b: ta.CCI(*_range(b), 14),
    "williams_r": lambda ta, b: ta.WILLR(*_range(b), 14),
    "roc": lambda ta, b: ta.ROC(b["close"], 10),
    "mom": lambda ta, b: ta.MOM(b["close"], 10),
    "simple_return": lambda ta, b: ta.ROCP(b["close"], 1),
    "mfi": lambda ta, b: ta.MFI(*_range(b), b["volume"], 14),
    "cmo": lambda ta, b: ta.CMO(b["close"], 14),
    "ppo": lambda ta, b: ta.PPO(b["close"], 12, 26, 1),
    "trix": lambda ta, b: ta.TRIX(b["close"], 15),
    "true_range": lambda ta, b: ta.TRANGE(*_range(b)),
    "atr": lambda ta, b: ta.ATR(*_range(b), 14),
    "natr": lambda ta, b: ta.NATR(*_range(b), 14),
    "bollinger": lambda ta, b: ta.BBANDS(b["close"], 20, 2.0, 2.0),
    "stddev": lambda ta, b: ta.STDDEV(b["close"], 20),
    "keltner": lambda ta, b: ta.KC(*_range(b), 20, 10, 2.0),
    "donchian": lambda ta, b: ta.DONCHIAN(b["high"], b["low"], 20),
    "obv": lambda ta, b: ta.OBV(b["close"], b["volume"]),
    "volume_ratio": lambda ta, b: ta.RVOL(b["volume"], 20),
    "rolling_vwap": lambda ta, b: ta.VWMA(ta.TYPPRICE(*_range(b)), b["volume"], 20),
    "chaikin_money_flow": lambda ta, b: ta.CMF(*_range(b), b["volume"], 20),
    "accumulation_distribution": lambda ta, b: ta.AD(*_range(b), b["volume"]),
    "chaikin_oscillator": lambda ta, b: ta.ADOSC(*_range(b), b["volume"], 3, 10),
    "force_index": lambda ta, b: ta.EFI(b["close"], b["volume"], 13),
}
"""What TA-Lib calls the indicators it has too, with the catalogue's default parameters."""


def _range(market: dict[str, np.ndarray]) -> tuple[np.ndarray, ...]:
    return market["high"], market["low"], market["close"]


def records(name: str, feature: Any, bars: Any, market: dict[str, np.ndarray], repeats: int) -> list[Record]:
    """Time one indicator, and TA-Lib's where there is one, turn about. Returns one record per contender."""
    import talib

    runs: dict[str, Callable[[], Checks]] = {"tradecore": lambda: {"last": _last(feature.rows(bars))}}
    if name in PEERS:
        runs["TA-Lib"] = lambda: {"last": _last(PEERS[name](talib, market))}
    wall: dict[str, list[float]] = {one: [] for one in runs}
    cpu: dict[str, list[float]] = {one: [] for one in runs}
    checks = {one: run() for one, run in runs.items()}
    for _ in range(repeats):
        for one, run in runs.items():
            seconds, busy, checks[one] = timed(run)
            wall[one].append(seconds)
            cpu[one].append(busy)
    return [Record(one, len(bars), tuple(wall[one]), tuple(cpu[one]), checks[one], part=name) for one in runs]


def _last(found: Any) -> float:
    """Return the newest value of the first output."""
    first = found[0] if isinstance(found, tuple | list) or found.ndim > 1 else found
    return float(first[-1])


def prepare(job: Job) -> tuple[Any, dict[str, np.ndarray]]:
    """Return the shared market as bars, and the arrays they hold for TA-Lib."""
    from tradecore.core.bars import Bars
    from tradecore.core.types import Pair, Timeframe

    market = job.market()
    columns = [market[name] for name in ("open", "high", "low", "close", "volume")]
    return Bars(Pair("BTC", "USD"), Timeframe.parse("1m"), market["open_time"], *columns, source="synthetic"), market


def main() -> None:
    """Time every indicator with its default parameters."""
    from tradecore.features import catalogue

    job = job_from()
    bars, market = prepare(job)
    rows = [row for one in catalogue.standard() for row in records(one.spec.name, one, bars, market, job.repeats)]
    publish(rows, ("tradecore", "numba", "TA-Lib", "numpy"))


if __name__ == "__main__":
    main()
