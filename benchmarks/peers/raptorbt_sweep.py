"""raptorbt: many pairs of averages over the same bars with `batch_single_backtest`, 100 at a time, all its threads.

The averages and signals of each pair are computed inside the measured time, each period once.
"""

from __future__ import annotations

import numpy as np
import raptorbt as rt
from protocol import RULES, Checks, Job, Run, contend
from raptorbt_backtest import config
from sweep_grid import pairs_of

BATCH = 100


def prepare(job: Job) -> Run:
    bars = job.market(int(job.options["bars"]))
    columns = [bars[name] for name in ("open_time", "open", "high", "low", "close", "volume")]
    size = np.full(len(bars["close"]), RULES["size"])
    pairs = pairs_of(job.size)

    def run() -> Checks:
        averages = {period: rt.ema(bars["close"], period) for period in {one for pair in pairs for one in pair}}
        final, trades = np.zeros(len(pairs)), 0
        for start in range(0, len(pairs), BATCH):
            items = []
            for number, (fast, slow) in enumerate(pairs[start : start + BATCH], start):
                long, flat = averages[fast] > averages[slow], averages[fast] < averages[slow]
                long[: RULES["first"]] = False
                items.append(rt.BatchSingleItem(str(number), long, flat, direction=1, position_sizes=size))
            for name, done in rt.batch_single_backtest(*columns, items=items, config=config()):
                final[int(name)] = done.metrics.end_value
                trades += done.metrics.total_closed_trades
        return {"trades": trades, "first_equity": float(final[0]), "last_equity": float(final[-1])}

    return run


if __name__ == "__main__":
    contend("raptorbt", prepare, ("raptorbt", "numpy"))
