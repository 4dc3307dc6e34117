"""raptorbt: one backtest with its full metrics, curve and trades.

Its conventions: `fill_timing="next_bar_open"` is ours. `position_sizes` are shares of capital. The last open trade is
settled at the end with costs, where ours is marked; so its final value differs by one exit's costs.
"""

from __future__ import annotations

import numpy as np
import raptorbt as rt
from protocol import RULES, Checks, Job, Run, contend


def config() -> rt.BacktestConfig:
    return rt.BacktestConfig(
        initial_capital=RULES["cash"], fees=RULES["fee"], slippage=RULES["slippage"], apply_slippage=True,
        fill_timing="next_bar_open",
    )  # fmt: skip


def prepare(job: Job) -> Run:
    bars = job.market()
    size = np.full(job.size, RULES["size"])
    columns = [bars[name] for name in ("open_time", "open", "high", "low", "close", "volume")]

    def run() -> Checks:
        fast, slow = rt.ema(bars["close"], RULES["fast"]), rt.ema(bars["close"], RULES["slow"])
        long, flat = fast > slow, fast < slow
        long[: RULES["first"]] = False
        done = rt.run_single_backtest(
            *columns, entries=long, exits=flat, direction=1, weight=1.0, symbol="X", config=config(),
            position_sizes=size,
        )  # fmt: skip
        figures, curve = done.metrics, done.equity_curve()
        return {
            "final_equity": float(figures.end_value), "trades": int(figures.total_closed_trades), "bars": len(curve),
            "max_drawdown": figures.max_drawdown_pct / 100.0, "trade_log": len(done.trades()),
            "ema_fast": float(fast[-1]), "ema_slow": float(slow[-1]),
        }  # fmt: skip

    return run


if __name__ == "__main__":
    contend("raptorbt", prepare, ("raptorbt", "numpy"))
