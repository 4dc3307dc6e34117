"""What the contenders work on, made once from seeds and kept in the cache: bars, a lake with them, trades."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from bars import CASES, make_bars
from harness.environments import CACHE

if TYPE_CHECKING:
    import polars as pl

DATA = CACHE / "data"
PAIR = "BTC/USD"
START_MS = 1_640_995_200_000  # 2022-01-01T00:00:00Z


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


TRADE_BLOCK = 1_000_000


def trades(count: int) -> Path:
    """Return a Parquet file of `count` trades as `data import` takes it, made in blocks.

    They are three seconds apart on the mean, prices in cents, amounts of eight decimals.
    """
    import polars as pl
    from polars.io.plugins import register_io_source

    path = DATA / f"BTCUSD_trades-{count}.parquet"
    if not path.exists():
        schema = pl.Schema(
            {
                "timestamp": pl.Int64(), "trade_id": pl.Int64(), "price": pl.Float64(), "amount": pl.Float64(),
                "side": pl.String(),
            }
        )  # fmt: skip
        part = path.with_suffix(".part")
        source = register_io_source(lambda *_: _trade_blocks(count), schema=schema)
        source.sink_parquet(part, compression="zstd", compression_level=3, row_group_size=262_144)
        part.rename(path)
    return path


def _trade_blocks(count: int) -> Iterator[pl.DataFrame]:
    """Yield blocks of trades; what a row holds depends on its number alone, not on the size of the whole."""
    import polars as pl

    moment, level = START_MS, np.log(20_000.0)
    for block in range(-(-count // TRADE_BLOCK)):
        rng = np.random.Generator(np.random.Philox(key=20240903 + block))
        gaps = rng.exponential(3_150.0, TRADE_BLOCK).astype(np.int64)
        moves = rng.standard_normal(TRADE_BLOCK) * 2.5e-5
        amounts = np.round(rng.lognormal(-3.0, 1.6, TRADE_BLOCK), 8) + 1e-8
        buys = rng.random(TRADE_BLOCK) < 0.5
        times, path = moment + np.cumsum(gaps), level + np.cumsum(moves)
        moment, level = int(times[-1]), float(path[-1])
        take = min(TRADE_BLOCK, count - block * TRADE_BLOCK)
        frame = pl.DataFrame(
            {
                "timestamp": times, "trade_id": np.arange(TRADE_BLOCK) + 1 + block * TRADE_BLOCK,
                "price": np.round(np.exp(path), 2), "amount": amounts,
                "side": np.where(buys, "buy", "sell"),
            }
        )  # fmt: skip
        yield frame.head(take)


def trade_lake(count: int) -> Path:
    """Return a workspace whose lake holds the trades, imported by the product's own verb."""
    from tradecore.bootstrap import open_lab
    from tradecore.control import data
    from tradecore.control.config import make_workspace

    root = DATA / f"trades-{count}"
    if not (root / "tradecore.toml").exists():
        make_workspace(root)
    lab = open_lab(root)
    if not lab.lake.datasets():
        data.import_path(lab, trades(count), data.Where(PAIR, "kraken"))
    return root
