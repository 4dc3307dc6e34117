"""The same backtest as a fresh command: from nothing to a run in its folder with figures, tracks and report.

Caches (Python's, numba's, the file system's) are warm on both sides, as after the first use; the first command ever is
`workloads/compile.py`.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from harness.contest import Aim, Contender, Workload
from protocol import RULES, Checks, Job, Record, command_times, job_from, publish

BARS = 1_091_587
WORKLOAD = Workload(
    name="cold",
    title="the same as a fresh command from the lake, caches on disk",
    unit="bars",
    size=BARS,
    quick=100_000,
    contenders=(
        Contender("tradecore", "workloads/cold.py"),
        Contender("vectorbt-rust, stats()", "peers/vectorbt_cold.py", "vectorbt", options={"stats": "yes"}),
        Contender("vectorbt-rust, three figures", "peers/vectorbt_cold.py", "vectorbt"),
    ),
    aims=(Aim("seconds", 2.5), Aim("ahead", 3.0, of="vectorbt-rust, stats()")),
    needs=("bars", "lake"),
    repeats=2,
    tolerances={"final_equity": 1e-9, "trades": 0.0, "max_drawdown": 1e-9},
    remark="Ours reads the lake, tests, and writes tracks, decisions, a report with pictures and the run's record; "
    "vectorbt reads arrays and prints figures.",
    missed="most of the time are imports (numba, Polars, matplotlib) and the report with its nineteen pictures, of "
    "which vectorbt draws none; the backtest itself is a few hundredths. "
    "vectorbt, too, starts faster on this processor than on the one the aim was set on.",
)


def command(job: Job) -> list[str]:
    """Return the command line; costs are those every engine is given."""
    costs = {
        "costs.taker_fee": RULES["fee"],
        "costs.half_spread": 0.0,
        "costs.slippage": RULES["slippage"],
        "costs.participation": 1.0,
        "rules.min_notional": 0.0,
    }
    words = [sys.executable, "-m", "tradecore", f"--workspace={job.data / f'workspace-{job.size}'}"]
    words += [f"--set={name}={value}" for name, value in costs.items()]
    strategy = Path(__file__).with_name("ema_cross.py")
    return [*words, "backtest", "run", str(strategy), "--pair=BTC/USD", "--timeframe=1m",
            f"--cash={RULES['cash']}", "--json"]  # fmt: skip


def main() -> None:
    """Start the command again and again, and read what it printed."""
    import json

    job = job_from()
    words = command(job)
    subprocess.run(words, check=True, capture_output=True)
    wall, cpu, peak, printed = command_times(words, job.repeats)
    figures = json.loads(printed.strip().splitlines()[-1])["metrics"]
    checks: Checks = {name: figures[name] for name in ("trades", "max_drawdown")}
    checks["final_equity"] = RULES["cash"] * (1.0 + figures["total_return"])
    publish([Record("tradecore", job.size, wall, cpu, checks, peak_mb=peak)], ("tradecore", "numpy", "numba", "polars"))


if __name__ == "__main__":
    main()
