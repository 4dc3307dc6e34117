"""20 million stored trades become 1-minute bars, opened and closed in the order of trade ids, in bounded memory."""

from __future__ import annotations

from harness.contest import Aim, Contender, Workload
from protocol import Checks, Job, Run, contend

TRADES = 20_000_000
WORKLOAD = Workload(
    name="trades",
    title="20 M stored trades to 1-minute bars",
    unit="trades",
    size=TRADES,
    quick=1_000_000,
    contenders=(
        Contender("tradecore", "workloads/trades.py"),
        Contender("duckdb", "peers/duckdb_trades.py", "duckdb"),
        Contender("polars, streaming", "peers/polars_trades.py", repeats=1, rounds=1),
    ),
    aims=(Aim("share", 0.80, of="duckdb"), Aim("peak_mb", 512.0)),
    needs=("trade_lake",),
    repeats=3,
    tolerances={
        "bars": 0.0, "trades": 0.0, "open": 1e-13, "high": 1e-13, "low": 1e-13, "close": 1e-13, "volume": 1e-12,
        "marks": 0.0,
    },
    remark="All read the lake's own files (zstd Parquet, one a month). Opens and closes are those of the least and "
    "greatest trade id of the minute. Checks are sums over all bars, and `marks` weighs each open, high, low and close "
    "in cents by the number of its bar.",
)  # fmt: skip


def prepare(job: Job) -> Run:
    """Return the aggregation from the lake."""
    from trade_marks import marks

    from tradecore.core.types import Pair, Timeframe
    from tradecore.market.lake import Lake

    lake = Lake(job.data / f"trades-{job.size}" / "data")
    pair, minute = Pair.parse("BTC/USD"), Timeframe.parse("1m")

    def run() -> Checks:
        bars = lake.bars_of_trades("kraken", pair, minute)
        sums = {name: float(getattr(bars, name).sum()) for name in ("open", "high", "low", "close", "volume")}
        return {"bars": len(bars), **sums, "marks": marks(bars.open, bars.high, bars.low, bars.close)}

    return run


if __name__ == "__main__":
    contend("tradecore", prepare, ("tradecore", "polars", "numpy"))
