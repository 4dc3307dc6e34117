"""vectorbt from a cold start: a fresh Python that imports it, reads the bars from a file, tests and prints figures."""

from __future__ import annotations

import json
import subprocess
import sys

from protocol import Record, command_times, job_from, publish


def main() -> None:
    job = job_from()
    if "child" in job.options:
        from vectorbt_backtest import prepare_named

        print(json.dumps(prepare_named(job, "rust")()))
        return
    words = [sys.executable, *sys.argv, "--option=child=yes"]
    subprocess.run(words, check=True, capture_output=True)
    wall, cpu, peak, printed = command_times(words, job.repeats)
    name = "vectorbt-rust, stats()" if "stats" in job.options else "vectorbt-rust, three figures"
    checks = json.loads(printed.strip().splitlines()[-1])
    publish([Record(name, job.size, wall, cpu, checks, peak_mb=peak)], ("vectorbt", "vectorbt-rust", "numba"))


if __name__ == "__main__":
    main()
