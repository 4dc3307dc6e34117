"""Raw DuckDB: stored trades to 1-minute bars, first and last by trade id, as one query over the lake's files."""

from __future__ import annotations

import duckdb
from protocol import Checks, Job, Run, contend
from trade_marks import marks

QUERY = """
    select time // 60000000000 as minute, arg_min(price, trade_id) as open, max(price) as high, min(price) as low,
           arg_max(price, trade_id) as close, sum(amount) as volume, count(*) as trades
    from read_parquet(?) group by minute order by minute
"""


def prepare(job: Job) -> Run:
    folder = job.data / f"trades-{job.size}" / "data"
    files = sorted(str(path) for path in folder.rglob("timeframe=trades/*/*.parquet"))

    def run() -> Checks:
        bars = duckdb.connect().execute(QUERY, [files]).fetchnumpy()
        return {
            "bars": len(bars["open"]), "open": float(bars["open"].sum()), "close": float(bars["close"].sum()),
            "high": float(bars["high"].sum()), "low": float(bars["low"].sum()), "volume": float(bars["volume"].sum()),
            "trades": int(bars["trades"].sum()),
            "marks": marks(*(bars[name] for name in ("open", "high", "low", "close"))),
        }  # fmt: skip

    return run


if __name__ == "__main__":
    contend("duckdb", prepare, ("duckdb", "numpy"))
