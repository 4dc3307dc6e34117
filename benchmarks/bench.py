"""Measure tradecore beside its peers: same bars, same rules, check values compared, ratios printed.

    python benchmarks/bench.py [--only backtest,sweep] [--quick] [--results FOLDER] [--list]

Results go to a folder (ignored by git): `results.json`, `results.md`, `results.png`. Peers live in environments of
their own, made when first needed. Nothing is asserted: a row that misses its aim is reported as missed.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE / "oracles")]

from harness import contest, machine, material, results  # noqa: E402

if TYPE_CHECKING:
    from harness.contest import Workload

ORDER = (
    "backtest",
    "cold",
    "python_lane",
    "sweep",
    "indicators",
    "updates",
    "environments",
    "trades",
    "compile",
    "scaling",
)
"""Workloads in the order of the table; one whose file is not there is left out."""
WORKLOADS = tuple(name for name in ORDER if (HERE / "workloads" / f"{name}.py").exists())


def main() -> int:
    """Run what is asked for and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="workloads, with commas between them")
    parser.add_argument("--quick", action="store_true", help="small sizes, once: to see that it runs")
    parser.add_argument("--results", type=Path, default=HERE.parent / "build" / "bench", help="where the results go")
    parser.add_argument("--by", choices=("wall", "cpu"), default="wall", help="which seconds rates and aims are of")
    parser.add_argument("--rounds", type=int, help="how often contenders take turns", metavar="N")
    parser.add_argument("--list", action="store_true", help="only say what there is")
    given = parser.parse_args()
    names = tuple(given.only.split(",")) if given.only else WORKLOADS
    if unknown := sorted(set(names) - set(WORKLOADS)):
        print(f"no workload {', '.join(unknown)}; expected some of {', '.join(WORKLOADS)}", file=sys.stderr)
        return 64
    workloads = [load(name) for name in names]
    if given.rounds:
        workloads = [replace(one, rounds=given.rounds) for one in workloads]
    if given.list:
        for one in workloads:
            print(f"{one.name:14} {one.title}")
        return 0
    where = machine.describe()
    print(f"{where['cpu']}, {where['cores']} cores, load {where['load'][0]}", flush=True)
    for one in workloads:
        print(f"{one.name}: {one.title}", flush=True)
        outcome = contest.hold(one, prepare(one, is_quick=given.quick), is_quick=given.quick, basis=given.by)
        results.keep(given.results, outcome, machine.describe(), is_quick=given.quick)
    print(results.write(given.results))
    return 0


def load(name: str) -> Workload:
    """Return the workload of a file in workloads/."""
    workload: Workload = importlib.import_module(f"workloads.{name}").WORKLOAD
    return workload


def prepare(workload: Workload, *, is_quick: bool) -> Path:
    """Make what a workload needs and return the folder it lies in."""
    sizes: set[int] = set()
    for one in workload.contenders:
        size = (one.quick or workload.quick) if is_quick else (one.size or workload.size)
        sizes.add(int(one.options.get("bars", size)))
    material.DATA.mkdir(parents=True, exist_ok=True)
    for need in workload.needs:
        for size in sorted(sizes):
            getattr(material, need)(size)
    return material.DATA


if __name__ == "__main__":
    sys.exit(main())
