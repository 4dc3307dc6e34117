"""gym-trading-env: random targets, one step at a time, with windows of 64 bars of 10 features."""

from __future__ import annotations

import gym_trading_env  # noqa: F401  (registers its environments)
import gymnasium as gym
import numpy as np
import pandas as pd
from protocol import Checks, Job, Run, contend

FEATURES, WINDOW = 10, 64


def prepare(job: Job) -> Run:
    bars = job.market(int(job.options["bars"]))
    frame = pd.DataFrame(
        {name: bars[name] for name in ("open", "high", "low", "close", "volume")},
        index=pd.to_datetime(bars["open_time"]),
    )
    rng = np.random.default_rng(0)
    for number in range(FEATURES):
        frame[f"feature_{number}"] = rng.standard_normal(len(frame)).astype(np.float32)
    env = gym.make(
        "TradingEnv", name="BTC", df=frame, positions=[0, 1], trading_fees=0.004, windows=WINDOW, verbose=0
    ).unwrapped
    actions = rng.integers(0, 2, job.size).tolist()

    def run() -> Checks:
        env.reset(seed=0)
        shape = None
        for action in actions:
            seen, _, done, cut, _ = env.step(action)
            shape = seen.shape
            if done or cut:
                env.reset()
        return {"window": str(shape)}

    return run


if __name__ == "__main__":
    contend("gym-trading-env", prepare, ("gym-trading-env", "gymnasium", "numpy", "pandas"))
