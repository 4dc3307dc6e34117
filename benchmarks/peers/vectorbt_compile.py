"""vectorbt's numba engine from an empty cache: one backtest of ten thousand bars in a fresh process."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from dataclasses import replace

from protocol import Record, command_times, job_from, publish


def main() -> None:
    job = job_from()
    if "child" in job.options:
        from vectorbt_backtest import prepare_named

        print(json.dumps(prepare_named(replace(job, size=10_000), "numba")()))
        return
    words = [sys.executable, *sys.argv, "--option=child=yes"]
    wall, cpu, peak, printed = [], [], 0.0, ""
    for _ in range(job.repeats):
        with tempfile.TemporaryDirectory(prefix="tradecore-cache-") as folder:
            os.environ["NUMBA_CACHE_DIR"] = folder
            once, busy, peak, printed = command_times(words, 1)
        wall += once
        cpu += busy
    checks = {"trades": json.loads(printed.strip().splitlines()[-1])["trades"]}
    name = "vectorbt, numba, one backtest"
    publish([Record(name, 1, tuple(wall), tuple(cpu), checks, peak_mb=peak)], ("vectorbt", "numba", "llvmlite"))


if __name__ == "__main__":
    main()
