"""A thousand pairs of averages over the same bars: figures of every combination, on all cores."""

from __future__ import annotations

from functools import partial

from harness.contest import Aim, Contender, Workload
from protocol import RULES, Checks, Job, Run, contend
from sweep_grid import pairs_of
from workloads.backtest import market, settings

BARS = "100000"
WORKLOAD = Workload(
    name="sweep",
    title="sweep of EMA pairs over 100,000 bars",
    unit="combinations",
    size=1_000,
    quick=100,
    contenders=(
        Contender("tradecore", "workloads/sweep.py", options={"bars": BARS}),
        Contender("raptorbt", "peers/raptorbt_sweep.py", "raptorbt", options={"bars": BARS}, repeats=1, rounds=1),
    ),
    aims=(Aim("seconds", 0.15), Aim("peak_mb", 300.0), Aim("ahead", 50.0)),
    needs=("bars",),
    tolerances={"trades": 0.0, "first_equity": 1e-9, "last_equity": 1e-9},
    remark="Ours gives eleven figures of each combination with its exact drawdown, and its daily returns; raptorbt its "
    "full metrics and curve of each, 100 at a time. 1 % of cash per entry.",
    missed="most of the time goes into the 1.2 million fills, each by the simulator's whole arithmetic (caps, lots, "
    "minimums, limits), where the prototype of the aim only multiplied; raptorbt is faster on this processor than on "
    "the one the aim was set on.",
)


def prepare(job: Job) -> Run:
    """Return a sweep of the shared pairs of averages."""
    from workloads.ema_cross import EmaCross

    from tradecore.backtest.sweep import sweep

    bars, assumed = market(job, int(job.options["bars"])), settings()
    candidates = [{"fast": fast, "slow": slow} for fast, slow in pairs_of(job.size)]

    def run() -> Checks:
        done = sweep(partial(EmaCross, size=RULES["size"]), [bars], assumed, candidates)
        figures = done.figures
        return {
            "trades": int(figures["trades"].sum()),
            "first_equity": float(figures["final_equity"][0]),
            "last_equity": float(figures["final_equity"][-1]),
            "is_lane": done.is_lane,
        }

    return run


if __name__ == "__main__":
    contend("tradecore", prepare, ("tradecore", "numpy", "numba"))
