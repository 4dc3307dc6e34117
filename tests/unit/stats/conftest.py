"""Tracks made by hand for the metric tests."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from tradecore.core.track import FILL, ORDER_RESULT, TRADE, Curve, Track
from tradecore.core.types import DAY_NS, HOUR_NS, Pair, Timeframe

START = 20_000 * DAY_NS


def build_track(
    equity: Sequence[float],
    *,
    start_equity: float = 100.0,
    timeframe: str = "1d",
    flow: Sequence[float] | None = None,
    worst: Sequence[float] | None = None,
    exposure: Sequence[float] | None = None,
    net: Sequence[float] = (),
    fees: Sequence[float] = (),
    start: int = START,
) -> Track:
    """A track with this equity after each bar, these trade results an hour apart, these fees on fills of 1 at 50."""
    values = np.asarray(equity, np.float64)
    frame = Timeframe.parse(timeframe)
    curve = Curve(
        time=start + np.arange(len(values), dtype=np.int64) * frame.ns,
        equity=values,
        cash=values.copy(),
        flow=np.zeros(len(values)) if flow is None else np.asarray(flow, np.float64),
        worst=values.copy() if worst is None else np.asarray(worst, np.float64),
        exposure=np.zeros(len(values)) if exposure is None else np.asarray(exposure, np.float64),
        is_carried=np.zeros(len(values), np.bool_),
        start_equity=start_equity,
    )
    trades = np.zeros(len(net), TRADE)
    trades["side"], trades["net"], trades["quantity"], trades["entry_price"] = 1, net, 2.0, 50.0
    trades["entry_time"] = start + np.arange(len(net)) * HOUR_NS
    trades["exit_time"] = trades["entry_time"] + HOUR_NS * np.arange(1, len(net) + 1)
    fills = np.zeros(len(fees), FILL)
    fills["fee"], fills["quantity"], fills["price"] = fees, 1.0, 50.0
    orders = np.zeros(0, ORDER_RESULT)
    return Track((Pair.parse("BTC/USD"),), frame, curve, fills, trades, orders, 0.0, 0.0, 0.0, 0.0)


@pytest.fixture
def make_track() -> Callable[..., Track]:
    return build_track
