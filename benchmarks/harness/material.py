"""What the contenders work on, made once from seeds and kept in the cache: bars, a lake with them, trades."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from bars import CASES, make_bars
from harness.environments import CACHE

DATA = CACHE / "data"
PAIR = "BTC/USD"


def bars(count: int) -> Path:
    """Return the file of `count` one-minute bars, made if it is not there."""
    path = DATA / f"bars-{count}.npz"
    if not path.exists():
        DATA.mkdir(parents=True, exist_ok=True)
        case = replace(CASES["a"], name=f"bench-{count}", count=count, start_price=20_000.0)
        part = path.with_suffix(".part.npz")
        np.savez(part, **make_bars(case))
        part.rename(path)
    return path


def lake(count: int) -> Path:
    """Return a workspace whose lake holds the bars, made by the product's own commands."""
    from tradecore.bootstrap import open_lab
    from tradecore.control.config import make_workspace
    from tradecore.core.bars import Bars
    from tradecore.core.types import Pair, Timeframe

    root = DATA / f"workspace-{count}"
    if (root / "data" / "manifest.json").exists():
        return root
    if not (root / "tradecore.toml").exists():
        make_workspace(root)
    with np.load(bars(count)) as stored:
        columns = {name: stored[name] for name in stored.files}
    made = Bars(pair=Pair.parse(PAIR), timeframe=Timeframe.parse("1m"), source="synthetic gbm", **columns)
    open_lab(root).lake.commit(made, venue="kraken")
    return root
