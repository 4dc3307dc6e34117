"""gym-anytrading: random actions, a step at a time, windows of 64 bars of its two features; it keeps no account."""

from __future__ import annotations

import gym_anytrading  # noqa: F401  (registers its environments)
import gymnasium as gym
import numpy as np
import pandas as pd
from protocol import Checks, Job, Run, contend

WINDOW = 64


def prepare(job: Job) -> Run:
    bars = job.market(int(job.options["bars"]))
    frame = pd.DataFrame({name.capitalize(): bars[name] for name in ("open", "high", "low", "close", "volume")})
    env = gym.make("stocks-v0", df=frame, window_size=WINDOW, frame_bound=(WINDOW, len(frame))).unwrapped
    actions = np.random.default_rng(0).integers(0, 2, job.size).tolist()

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
    contend("gym-anytrading", prepare, ("gym-anytrading", "gymnasium", "numpy", "pandas"))
