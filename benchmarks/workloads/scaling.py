"""Cost against size over two decades and more: bars of a backtest, combinations of a sweep, environments of a step."""

from __future__ import annotations

from functools import partial

from harness.contest import Contender, Workload
from protocol import RULES, Job, Record, job_from, publish, repeated
from sweep_grid import pairs_of
from workloads.backtest import market, settings

BARS = (10_000, 31_623, 100_000, 316_228, 1_000_000)
COMBINATIONS = (10, 32, 100, 316, 1_000, 3_162, 10_000)
SWEPT_BARS = 10_000
WORKLOAD = Workload(
    name="scaling",
    title="cost against size",
    unit="units",
    size=max(BARS),
    quick=100_000,
    contenders=(Contender("tradecore", "workloads/scaling.py"),),
    aims=(),
    needs=("bars",),
    repeats=5,
    rounds=2,
    remark=f"Sweeps over {SWEPT_BARS:,} bars. On the picture a dashed line of slope 1 goes through the largest point: "
    "a curve below it at the left would be cheaper than linear, above it is what each call costs besides.",
)


def records(job: Job) -> list[Record]:
    """Return a record for every size of every axis."""
    done = [_backtest(job, count) for count in BARS if count <= job.size]
    most = max(COMBINATIONS) if job.size >= max(BARS) else 100
    return done + [_sweep(job, count) for count in COMBINATIONS if count <= most]


def _backtest(job: Job, count: int) -> Record:
    from workloads.ema_cross import EmaCross

    from tradecore.backtest.evaluate import backtest

    bars = market(job, job.size)[:count]
    assumed = settings()

    def run() -> dict[str, float]:
        return {"trades": len(backtest(EmaCross(), (bars,), assumed).track.trades)}

    run()
    wall, cpu, checks = repeated(run, job.repeats)
    return Record("tradecore", count, wall, cpu, checks, part=f"bars {count}")


def _sweep(job: Job, count: int) -> Record:
    from workloads.ema_cross import EmaCross

    from tradecore.backtest.sweep import sweep

    bars = market(job, job.size)[:SWEPT_BARS]
    assumed, candidates = settings(), [{"fast": fast, "slow": slow} for fast, slow in pairs_of(count)]

    def run() -> dict[str, float]:
        return {
            "trades": int(
                sweep(partial(EmaCross, size=RULES["size"]), [bars], assumed, candidates).figures["trades"].sum()
            )
        }

    run()
    wall, cpu, checks = repeated(run, job.repeats)
    return Record("tradecore", count, wall, cpu, checks, part=f"combinations {count}")


if __name__ == "__main__":
    publish(records(job_from()), ("tradecore", "numpy", "numba"))
