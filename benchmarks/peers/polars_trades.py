"""Polars' streaming engine: stored trades to 1-minute bars, first and last by trade id, over the lake's files."""

from __future__ import annotations

import polars as pl
from protocol import Checks, Job, Run, contend
from trade_marks import marks


def prepare(job: Job) -> Run:
    folder = job.data / f"trades-{job.size}" / "data"
    files = sorted(folder.rglob("timeframe=trades/*/*.parquet"))

    def run() -> Checks:
        bars = (
            pl.scan_parquet(files, hive_partitioning=False)
            .group_by((pl.col("time") // 60_000_000_000).alias("minute"))
            .agg(
                open=pl.col("price").get(pl.col("trade_id").arg_min()),
                high=pl.col("price").max(),
                low=pl.col("price").min(),
                close=pl.col("price").get(pl.col("trade_id").arg_max()),
                volume=pl.col("amount").sum(),
                trades=pl.len(),
            )
            .sort("minute")
            .collect(engine="streaming")
        )
        columns = [bars[name].to_numpy() for name in ("open", "high", "low", "close")]
        sums = {name: float(bars[name].sum()) for name in ("open", "high", "low", "close", "volume")}
        return {"bars": len(bars), **sums, "trades": int(bars["trades"].sum()), "marks": marks(*columns)}

    return run


if __name__ == "__main__":
    contend("polars, streaming", prepare, ("polars",))
