"""Training environments: steps a second of one core, by index and with windows of 64 bars of 10 features."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from harness.contest import Aim, Contender, Workload
from protocol import RULES, Checks, Job, Record, job_from, publish, repeated, timed

if TYPE_CHECKING:
    from tradecore.sim.environments import Environments

BARS, PAIRS, FEATURES, WINDOW = 200_000, 4, 10, 64
STEPS = 4_000_000
COUNTS = (256, 1_024, 4_096, 16_384)
WORKLOAD = Workload(
    name="environments",
    title="training environments, random shares, one core",
    unit="steps",
    size=STEPS,
    quick=400_000,
    contenders=(
        Contender("tradecore", "workloads/environments.py"),
        Contender("gym-trading-env", "peers/gym_trading_env_steps.py", "gym-trading-env", size=20_000, quick=2_000,
                  options={"bars": "20000"}, repeats=2),
        Contender("gym-anytrading", "peers/gym_anytrading_steps.py", "gym-anytrading", size=50_000, quick=5_000,
                  options={"bars": "20000"}, repeats=2),
    ),
    aims=(
        Aim("rate", 10e6, part="index, 256"), Aim("rate", 1.5e6, part="windows 64x10, 256"),
        Aim("ahead", 90.0, part="windows 64x10, 256", of="gym-trading-env"),
    ),
    needs=("bars",),
    remark="Every step is an order or not at the next open with fee, spread, slippage, volume cap and minimum, a mark, "
    "a log reward, and a new random episode where one ended. Half of the steps wish for a new share. gym-trading-env: "
    "one environment, windows of 64 bars, positions 0 and 1. gym-anytrading: windows of two features, no account.",
)  # fmt: skip


def world(count: int) -> Environments:
    """Return `count` environments on random bars of four pairs, with the costs of the other workloads."""
    from tradecore.core.bars import Bars
    from tradecore.core.types import MINUTE_NS, Pair, Timeframe
    from tradecore.sim.environments import Environments, Episodes
    from tradecore.sim.model import VenueModel

    rng = np.random.Generator(np.random.Philox(key=11))
    bars = []
    for name in ("BTC", "ETH", "SOL", "ADA")[:PAIRS]:
        close = 100.0 * np.exp(np.cumsum(rng.standard_normal(BARS) * 0.0005))
        open_ = np.concatenate([close[:1], close[:-1]])
        high, low = np.maximum(open_, close), np.minimum(open_, close)
        times = np.arange(BARS, dtype=np.int64) * MINUTE_NS
        volume = rng.exponential(1e5, BARS)
        bars.append(Bars(Pair(name, "USD"), Timeframe(MINUTE_NS), times, open_, high, low, close, volume, source="x"))
    model = VenueModel(taker_fee=RULES["fee"], slippage=RULES["slippage"], half_spread=0.0)
    return Environments(bars, model, count, episodes=Episodes(length=1024, warmup=WINDOW - 1), seed=1)


def targets(count: int) -> list[np.ndarray]:
    """Return what is wished for in sixteen steps, again and again: in half of them nothing new."""
    rng = np.random.Generator(np.random.Philox(key=12))
    return [np.where(rng.random(count) < 0.5, np.nan, rng.random(count)) for _ in range(16)]


def stepper(count: int, steps: int, *, has_windows: bool) -> Callable[[], Checks]:
    """Return a run of about `steps` steps in all."""
    from tradecore.features.window import gather

    made, wishes = world(count), targets(count)
    table = np.zeros((PAIRS, BARS, FEATURES), np.float32)
    table[:] = np.arange(FEATURES, dtype=np.float32)
    windows = np.zeros((count, WINDOW, FEATURES), np.float32)

    def run() -> Checks:
        made.reset()
        for number in range(steps // count):
            made.step(wishes[number % 16])
            if has_windows:
                gather(table, made.pair, made.bar, windows)
        return {f"mean_equity_{count}": float(made.state["equity"].mean()), f"steps_{count}": steps // count * count}

    return run


def record(part: str, count: int, job: Job, *, has_windows: bool) -> Record:
    """Time one part."""
    run = stepper(count, job.size, has_windows=has_windows)
    first, _, checks = timed(run)
    wall, cpu, checks = repeated(run, job.repeats, checks)
    return Record("tradecore", checks[f"steps_{count}"], wall, cpu, checks, part=f"{part}, {count:,}", first=first)


def main() -> None:
    """Time every number of environments, by index and with windows."""
    job = job_from()
    rows = [record("index", count, job, has_windows=False) for count in COUNTS]
    rows += [record("windows 64x10", count, job, has_windows=True) for count in COUNTS]
    publish(rows, ("tradecore", "numpy", "numba"))


if __name__ == "__main__":
    main()
