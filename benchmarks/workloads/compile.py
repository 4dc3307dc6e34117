"""The first compile of every kernel on a new machine: an empty cache, a fresh process, the product's own command."""

from __future__ import annotations

import os
import sys
import tempfile

from harness.contest import Aim, Contender, Workload
from protocol import Checks, Record, command_times, job_from, publish

WORKLOAD = Workload(
    name="compile",
    title="first compile of all kernels in an empty cache",
    unit="runs",
    size=1,
    quick=1,
    contenders=(
        Contender("tradecore", "workloads/compile.py"),
        Contender("vectorbt, numba, one backtest", "peers/vectorbt_compile.py", "vectorbt", options={"bars": "10000"}),
    ),
    aims=(Aim("seconds", 20.0),),
    needs=("bars",),
    repeats=1,
    rounds=1,
    missed="measured while others used the machine, whose CPU seconds then count two to three times; what it "
    "takes on a quiet one, `tradecore doctor --compile` says.",
    remark="Ours compiles everything there is: indicators, lanes, sweeps, environments, figures. vectorbt's row is one "
    "backtest of 10,000 bars with its numba engine, so it compiles what that needs and no more.",
)


def main() -> None:
    """Run `tradecore doctor --compile` with a cache folder of its own, new for each repeat."""
    job = job_from()
    words = [sys.executable, "-m", "tradecore", "doctor", "--compile", "--json"]
    wall, cpu, peak, printed = [], [], 0.0, ""
    for _ in range(job.repeats):
        with tempfile.TemporaryDirectory(prefix="tradecore-cache-") as folder:
            os.environ["NUMBA_CACHE_DIR"] = folder
            once, busy, peak, printed = command_times(words, 1)
        wall += once
        cpu += busy
    checks: Checks = {"said": printed.strip().splitlines()[-1][:200]}
    publish([Record("tradecore", 1, tuple(wall), tuple(cpu), checks, peak_mb=peak)], ("tradecore", "numba", "llvmlite"))


if __name__ == "__main__":
    main()
