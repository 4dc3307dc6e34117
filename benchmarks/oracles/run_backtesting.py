"""Run one case through backtesting.py and print the outcome as one JSON object. Runs in that peer's own environment.

How its conventions were set to those of the specification:

- *Time.* A market order placed in `next` at bar t fills at the open of bar t+1. Nothing to adjust.
- *Slippage.* backtesting.py's `spread` moves entries only; exits fill at the bare price. So the spread is 0 and the
  open of each bar in which an order fills is moved against that order beforehand; one bar never fills two orders.
- *Fee.* `commission` as a plain rate: a share of quantity times fill price, once at entry and once at exit.
- *Size.* A share f of the cash, fee included, rounded DOWN to whole units: quantity = f * cash // (price * (1 + fee)).
  `FractionalBacktest` makes the unit a parameter. Case a takes 2**-40, finer than the comparison can see; case b takes
  2**-10, a real lot. Powers of two, because scaling prices by them loses no bit.
- *The end.* `finalize_trades=False`: a position still open is marked at the last close, without costs.
"""

from __future__ import annotations

import json
import sys
import warnings
from importlib.metadata import version
from typing import Any

import pandas as pd
from backtesting import Strategy
from backtesting.lib import FractionalBacktest
from bars import CASES, RULES, fill_sides, header, make_bars, wanted

UNITS = {"a": 2.0**-40, "b": 2.0**-10}


def run(name: str) -> dict[str, Any]:
    """Return the golden object of one case."""
    case, rules = CASES[name], RULES
    bars = make_bars(case)
    long, flat = wanted(bars, rules)
    unit = UNITS[name]

    class Cross(Strategy):
        def init(self) -> None:
            pass

        def next(self) -> None:
            now = len(self.data) - 1
            if not self.position and long[now]:
                self.buy(size=rules.size_fraction)
            elif self.position and flat[now]:
                self.position.close()

    prices = pd.DataFrame(
        {
            "Open": bars["open"] * (1.0 + rules.slippage * fill_sides(long, flat)),
            "High": bars["high"],
            "Low": bars["low"],
            "Close": bars["close"],
            "Volume": bars["volume"],
        },
        index=pd.to_datetime(bars["open_time"]),
    )
    backtest = FractionalBacktest(
        prices, Cross, fractional_unit=unit, cash=rules.start_cash, commission=rules.fee_rate, finalize_trades=False
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Some trades remain open")
        result = backtest.run()
    rows = result["_trades"].to_dict("records")
    return {
        "peer": "backtesting",
        "versions": {package: version(package) for package in ("backtesting", "numpy", "pandas")},
        "convention": {
            "quantity": "floor(size_fraction * cash / (fill_price * (1 + fee_rate)) / lot) * lot",
            "lot": unit,
            "fill_price": "open * (1 + slippage) for a buy, open * (1 - slippage) for a sell",
            "open_position": "marked at the last close without costs",
        },
        **header(case, bars, rules),
        "final_equity": float(result["Equity Final [$]"]),
        "final_cash": None,
        "open_position": [_entry(trade, unit) for trade in result["_strategy"].trades],
        "trades": [_closed(row) for row in rows],
    }


def _entry(trade: Any, unit: float) -> dict[str, Any]:
    return {
        "entry_bar": int(trade.entry_bar),
        "entry_price": float(trade.entry_price) / unit,
        "quantity": float(trade.size) * unit,
    }


def _closed(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "entry_bar": int(row["EntryBar"]),
        "entry_price": float(row["EntryPrice"]),
        "quantity": float(row["Size"]),
        "exit_bar": int(row["ExitBar"]),
        "exit_price": float(row["ExitPrice"]),
        "fees": float(row["Commission"]),
        "net": float(row["PnL"]),
    }


if __name__ == "__main__":
    print(json.dumps(run(sys.argv[1]), allow_nan=False))
