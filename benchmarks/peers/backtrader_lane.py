"""backtrader: a strategy whose `next` is called on every bar and reads three indicators."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import backtrader as bt
import numpy as np
from protocol import RULES, Checks, Job, Run, contend


class Feed(bt.feeds.DataBase):
    """Arrays as a feed."""

    params = (("arrays", None),)

    def start(self) -> None:
        super().start()
        self._i = 0

    def _load(self) -> bool:
        arrays, i = self.p.arrays, self._i
        if i >= len(arrays["close"]):
            return False
        self.lines.datetime[0] = arrays["date"][i]
        for name in ("open", "high", "low", "close", "volume"):
            getattr(self.lines, name)[0] = arrays[name][i]
        self.lines.openinterest[0] = 0.0
        self._i = i + 1
        return True


class Cross(bt.Strategy):
    def __init__(self) -> None:
        self.fast = bt.ind.EMA(period=RULES["fast"])
        self.slow = bt.ind.EMA(period=RULES["slow"])
        self.mean_volume = bt.ind.SMA(self.data.volume, period=20)
        self.closed = 0

    def next(self) -> None:
        if len(self) <= RULES["first"]:
            return
        if not self.position:
            if self.fast[0] > self.slow[0] and self.mean_volume[0] > 0:
                self.buy(size=RULES["size"] * self.broker.get_cash() / self.data.close[0])
        elif self.fast[0] < self.slow[0]:
            self.close()

    def notify_trade(self, trade: Any) -> None:
        self.closed += trade.isclosed


def prepare(job: Job) -> Run:
    bars = job.market()
    days = bars["open_time"] / 86_400e9 + bt.date2num(datetime(1970, 1, 1, tzinfo=UTC).replace(tzinfo=None))
    arrays = {name: bars[name].tolist() for name in ("open", "high", "low", "close", "volume")}
    arrays["date"] = np.asarray(days).tolist()

    def run() -> Checks:
        cerebro = bt.Cerebro(stdstats=False)
        cerebro.adddata(Feed(arrays=arrays, timeframe=bt.TimeFrame.Minutes))
        cerebro.addstrategy(Cross)
        cerebro.broker.setcash(RULES["cash"])
        cerebro.broker.setcommission(RULES["fee"])
        cerebro.broker.set_slippage_perc(RULES["slippage"])
        (done,) = cerebro.run()
        return {"trades": int(done.closed), "final_equity": float(cerebro.broker.get_value())}

    return run


if __name__ == "__main__":
    contend("backtrader", prepare, ("backtrader", "numpy"))
