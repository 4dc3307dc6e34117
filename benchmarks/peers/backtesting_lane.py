"""backtesting.py: a strategy whose `next` is called on every bar and reads three precomputed values."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
from backtesting import Backtest, Strategy
from protocol import RULES, Checks, Job, Run, contend


def ema(values: Any, period: int) -> np.ndarray:
    return pd.Series(np.asarray(values)).ewm(span=period, adjust=False).mean().to_numpy()


def mean_volume(values: Any) -> np.ndarray:
    return pd.Series(np.asarray(values)).rolling(20).mean().to_numpy()


class Cross(Strategy):
    def init(self) -> None:
        self.fast = self.I(ema, self.data.Close, RULES["fast"])
        self.slow = self.I(ema, self.data.Close, RULES["slow"])
        self.mean_volume = self.I(mean_volume, self.data.Volume)

    def next(self) -> None:
        if len(self.data) <= RULES["first"]:
            return
        if not self.position:
            if self.fast[-1] > self.slow[-1] and self.mean_volume[-1] > 0:
                self.buy(size=RULES["size"])
        elif self.fast[-1] < self.slow[-1]:
            self.position.close()


def prepare(job: Job) -> Run:
    bars = job.market()
    # Whole units are all it trades: prices in millionths, so that a hundredth of the cash buys many.
    scale = 1e-6
    frame = pd.DataFrame(
        {name.capitalize(): bars[name] * (scale if name != "volume" else 1.0)
         for name in ("open", "high", "low", "close", "volume")},
        index=pd.to_datetime(bars["open_time"]),
    )  # fmt: skip

    def run() -> Checks:
        backtest = Backtest(frame, Cross, cash=RULES["cash"], commission=RULES["fee"], finalize_trades=False)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            done = backtest.run()
        return {"trades": int(done["# Trades"]), "final_equity": float(done["Equity Final [$]"])}

    return run


if __name__ == "__main__":
    contend("backtesting.py", prepare, ("backtesting", "numpy", "pandas"))
