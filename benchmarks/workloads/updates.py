"""One bar at a time from Python: what an update of each indicator costs, beside talipp, the incremental library.

A bar arrives as six numbers on both sides. talipp takes prices as numbers where an indicator reads closes only, and an
`OHLCV` object where it reads more: making that object is part of the update, as it is for its users.
"""

from __future__ import annotations

from typing import Any

from harness.contest import Aim, Contender, Workload
from protocol import Checks, Record, job_from, publish, repeated

WORKLOAD = Workload(
    name="updates",
    title="incremental update of one indicator from Python",
    unit="updates",
    size=20_000,
    quick=2_000,
    contenders=(
        Contender("tradecore", "workloads/updates.py"),
        Contender("talipp", "peers/talipp_updates.py", "talipp"),
    ),
    aims=(Aim("per_unit", 2e-6), Aim("ahead", 3.0)),
    missed="the cheapest indicators take talipp about as long as calling anything compiled from Python takes us.",
    needs=("bars",),
    repeats=5,
    rounds=3,
    tolerances={"last": 1e-6},
    remark="Over parts the worst counts. Indicators that talipp lacks stand alone.",
)


def main() -> None:
    """Time every indicator with its default parameters."""
    from tradecore.core.types import Timeframe
    from tradecore.features import catalogue

    job = job_from()
    market = job.market()
    names = ("open_time", "open", "high", "low", "close", "volume")
    bars = list(zip(*(market[name][: job.size].tolist() for name in names), strict=True))

    def run(feature: Any) -> Checks:
        update, value = feature.stream(Timeframe.parse("1m")).update, None
        for bar in bars:
            value = update(*bar)
        return {"last": value[0] if isinstance(value, tuple) else value}

    rows = []
    for feature in catalogue.standard():
        run(feature)
        wall, cpu, checks = repeated(lambda feature=feature: run(feature), job.repeats)
        rows.append(Record("tradecore", len(bars), wall, cpu, checks, part=feature.spec.name))
    publish(rows, ("tradecore", "numba"))


if __name__ == "__main__":
    main()
