"""vectorbt with its compiled Rust engine: one backtest; final value, trades, drawdown; `stats()` where asked.

How its conventions are set to ours: see `oracles/run_vectorbt.py`. Its exponential average starts at the first close.
"""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
import vectorbt as vbt
from protocol import RULES, Checks, Job, Run, contend


def prepare(job: Job) -> Run:
    return prepare_named(job, job.options["engine"])


def prepare_named(job: Job, engine: str) -> Run:
    bars = job.market()
    index = pd.to_datetime(bars["open_time"])  # without a zone: with one, every check of the index takes 0.2 s
    close, opened = pd.Series(bars["close"], index=index), pd.Series(bars["open"], index=index)
    return lambda: play(close, opened, engine, has_stats="stats" in job.options)


def play(close: pd.Series, opened: pd.Series, engine: str, *, has_stats: bool = False) -> Checks:
    fast = vbt.MA.run(close, RULES["fast"], ewm=True, engine=engine).ma.to_numpy()
    slow = vbt.MA.run(close, RULES["slow"], ewm=True, engine=engine).ma.to_numpy()
    long, flat = fast > slow, fast < slow
    long[: RULES["first"]] = False
    portfolio = vbt.Portfolio.from_signals(
        close, entries=_one_later(long), exits=_one_later(flat), price=opened, size=RULES["size"],
        size_type="percent", fees=RULES["fee"], slippage=RULES["slippage"], init_cash=RULES["cash"], accumulate=False,
        freq="1min", engine=engine,
    )  # fmt: skip
    trades = portfolio.trades.values
    checks = {
        "final_equity": float(portfolio.final_value()), "trades": int((trades["status"] == 1).sum()),
        "max_drawdown": -float(portfolio.max_drawdown()), "ema_fast": float(fast[-1]), "ema_slow": float(slow[-1]),
    }  # fmt: skip
    if has_stats:
        checks["metrics"] = len(portfolio.stats())
    return checks


def _one_later(signal: np.ndarray) -> np.ndarray:
    return np.concatenate([[False], signal[:-1]])


if __name__ == "__main__":
    name = "vectorbt-rust" + (", with stats()" if "--option=stats=yes" in sys.argv else "")
    contend(name, prepare, ("vectorbt", "vectorbt-rust", "numba", "numpy", "pandas"))
