"""Built-in strategies: some to learn from, some to be beaten. A table; none is imported before it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

BUILTINS: Mapping[str, str] = MappingProxyType(
    {
        "ema-rsi-volume": "tradecore.strategy.builtin.ema_rsi_volume:EmaRsiVolume",
        "breakout": "tradecore.strategy.builtin.breakout:Breakout",
        "mean-reversion": "tradecore.strategy.builtin.mean_reversion:MeanReversion",
        "buy-and-hold": "tradecore.strategy.builtin.buy_and_hold:BuyAndHold",
        "dca": "tradecore.strategy.builtin.dca:Dca",
        "ma-cross": "tradecore.strategy.builtin.ma_cross:MaCross",
        "momentum": "tradecore.strategy.builtin.momentum:Momentum",
        "vol-target": "tradecore.strategy.builtin.vol_target:VolTarget",
        "equal-weight": "tradecore.strategy.builtin.equal_weight:EqualWeight",
        "random-entry": "tradecore.strategy.builtin.random_entry:RandomEntry",
        "cash": "tradecore.strategy.builtin.cash:Cash",
    }
)
"""Every built-in by its name on the command line, with its module and class. Underscores are read as hyphens."""
