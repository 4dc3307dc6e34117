"""Run one case through vectorbt and print the outcome as one JSON object. Runs in vectorbt's own environment.

How its conventions were set to those of the specification:

- *Time.* vectorbt fills a signal in the bar it stands in. Both signal arrays are moved one bar later and the price is
  the open, so the decision at the close of bar t fills at the open of bar t+1.
- *Size.* `size_type="percent"` spends that share of the cash, fee included: quantity = f * cash / (1 + fee) / price,
  where price already holds the slippage. An entry is only made when flat, where cash is the equity.
- *Slippage.* `price * (1 + s)` on a buy, `price * (1 - s)` on a sell. Nothing to adjust.
- *Fee.* A share of quantity times the slipped price, on both sides. Nothing to adjust.
- *Exit.* A long exit without accumulation sells the whole position.
- *The end.* A position still open is marked at the last close, without costs.

The engine is the numba one (`engine="numba"` is vectorbt's default where its compiled extension is not installed).
"""

from __future__ import annotations

import json
import sys
from importlib.metadata import version
from typing import Any

import numpy as np
import pandas as pd
import vectorbt as vbt
from bars import CASES, RULES, header, make_bars, wanted


def run(name: str) -> dict[str, Any]:
    """Return the golden object of one case."""
    case, rules = CASES[name], RULES
    bars = make_bars(case)
    long, flat = wanted(bars, rules)
    index = pd.to_datetime(bars["open_time"], utc=True)
    portfolio = vbt.Portfolio.from_signals(
        pd.Series(bars["close"], index=index),
        entries=pd.Series(_one_later(long), index=index),
        exits=pd.Series(_one_later(flat), index=index),
        price=pd.Series(bars["open"], index=index),
        size=rules.size_fraction,
        size_type="percent",
        fees=rules.fee_rate,
        slippage=rules.slippage,
        init_cash=rules.start_cash,
        accumulate=False,
        freq="1min",
    )
    records = portfolio.trades.values
    closed = records[records["status"] == 1]
    still_open = records[records["status"] == 0]
    return {
        "peer": "vectorbt",
        "versions": {package: version(package) for package in ("vectorbt", "numba", "numpy", "pandas")},
        "convention": {
            "quantity": "size_fraction * cash / (1 + fee_rate) / fill_price; not rounded",
            "lot": 0.0,
            "fill_price": "open * (1 + slippage) for a buy, open * (1 - slippage) for a sell",
            "open_position": "marked at the last close without costs",
        },
        **header(case, bars, rules),
        "final_equity": float(np.asarray(portfolio.value())[-1]),
        "final_cash": float(np.asarray(portfolio.cash())[-1]),
        "open_position": [_entry(record) for record in still_open],
        "trades": [_entry(record) | _exit(record) for record in closed],
    }


def _one_later(signal: np.ndarray) -> np.ndarray:
    return np.concatenate([[False], signal[:-1]])


def _entry(record: Any) -> dict[str, Any]:
    return {
        "entry_bar": int(record["entry_idx"]),
        "entry_price": float(record["entry_price"]),
        "quantity": float(record["size"]),
    }


def _exit(record: Any) -> dict[str, Any]:
    return {
        "exit_bar": int(record["exit_idx"]),
        "exit_price": float(record["exit_price"]),
        "fees": float(record["entry_fees"]) + float(record["exit_fees"]),
        "net": float(record["pnl"]),
    }


if __name__ == "__main__":
    print(json.dumps(run(sys.argv[1]), allow_nan=False))
