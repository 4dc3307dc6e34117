"""Made-up markets, tracks and sheets to draw. The numbers are plausible, and trades and curve agree with each other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pytest

from tradecore.core.bars import Bars
from tradecore.core.seeds import generator
from tradecore.core.track import FILL, ORDER_RESULT, TRADE, Curve, Track
from tradecore.core.types import DAY_NS, Pair, Timeframe, parse_time
from tradecore.reports.tear_sheet import CostPoint, Dataset, Fold, Interval, TearSheet
from tradecore.stats.metrics import measure

PAIR = Pair("BTC", "USDT")
START = 10_000.0
FEE_RATE = 0.0026


@dataclass(frozen=True)
class MadeGate:
    name: str
    passed: bool
    value: float | int | None
    limit: float | int | None
    text: str


@dataclass(frozen=True)
class MadeVerdict:
    verdict: str
    gates: tuple[MadeGate, ...]
    reasons: tuple[str, ...]


def make_bars(count: int = 9_000, *, seed: int = 7, timeframe: str = "1h", source: str = "synthetic:gbm") -> Bars:
    rng = generator(seed, "bars")
    step = Timeframe.parse(timeframe)
    # A Sunday would not lie on the grid of weeks, which begins on a Thursday.
    time = parse_time("2016-12-29" if timeframe == "1w" else "2017-01-01") + np.arange(count, dtype=np.int64) * step.ns
    calm = 0.006 + 0.004 * np.sin(np.arange(count) / 900.0) ** 2
    close = 1_000.0 * np.exp(np.cumsum(rng.standard_t(4, count) * calm * 0.6 + 2.0 / count))
    opened = np.concatenate(([1_000.0], close[:-1]))
    reach = np.abs(rng.normal(0, 0.003, (2, count)))
    high = np.maximum(opened, close) * (1 + reach[0])
    low = np.minimum(opened, close) * (1 - reach[1])
    return Bars(PAIR, step, time, opened, high, low, close, rng.exponential(30, count), source, "f00d" * 16)


def make_track(bars: Bars, spans: list[tuple[int, int]], *, share: float = 1.0) -> Track:
    """Buy `share` of the account at the open of each span's first bar and sell at the open of its last."""
    count = len(bars)
    cash, base, entry = START, 0.0, 0.0
    equity, exposure, cash_after = np.empty(count), np.zeros(count), np.empty(count)
    trades = np.zeros(len(spans), TRADE)
    fills = np.zeros(2 * len(spans), FILL)
    starts, ends = {a: i for i, (a, _) in enumerate(spans)}, {b: i for i, (_, b) in enumerate(spans)}
    for t in range(count):
        price = float(bars.open[t])
        if t in ends:
            i = ends[t]
            fee = base * price * FEE_RATE
            cash += base * price - fee
            gross = base * (price - entry)
            fees = base * entry * FEE_RATE + fee
            trades[i]["exit_time"], trades[i]["exit_bar"], trades[i]["exit_price"] = bars.open_time[t], t, price
            trades[i]["gross"], trades[i]["fees"], trades[i]["net"] = gross, fees, gross - fees
            fills[2 * i + 1] = (bars.open_time[t], t, 0, i, -1, base, price, fee, 0, 0)
            base = 0.0
        if t in starts:
            i = starts[t]
            entry = price
            base = cash * share / (price * (1 + FEE_RATE))
            cash -= base * price * (1 + FEE_RATE)
            trades[i]["side"], trades[i]["quantity"] = 1, base
            trades[i]["entry_time"], trades[i]["entry_bar"], trades[i]["entry_price"] = bars.open_time[t], t, price
            fills[2 * i] = (bars.open_time[t], t, 0, i, 1, base, price, base * price * FEE_RATE, 0, 0)
        worth = base * float(bars.close[t])
        equity[t], cash_after[t] = cash + worth, cash
        exposure[t] = worth / equity[t]
    trades["best"], trades["worst"] = 0.03, -0.02
    curve = Curve(
        bars.open_time, equity, cash_after, np.zeros(count), equity * 0.999, exposure, np.zeros(count, np.bool_), START
    )
    realised = float(trades["net"].sum())
    return Track(
        (bars.pair,), bars.timeframe, curve, fills, trades, np.zeros(0, ORDER_RESULT),
        START, 0.0, realised, float(equity[-1]) - START - realised,
    )  # fmt: skip


def make_spans(count: int, trades: int, seed: int = 3) -> list[tuple[int, int]]:
    edges = np.sort(generator(seed, "spans").choice(np.arange(10, count - 1), 2 * trades, replace=False))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]


def make_sheet(bars: Bars | None = None, *, trades: int = 90, verdict: str = "no evidence of edge") -> TearSheet:
    """Return a sheet with every section filled."""
    market = make_bars() if bars is None else bars
    track = make_track(market, make_spans(len(market), trades))
    hold = make_track(market, [(1, len(market) + 1)])
    hold = replace(hold, trades=hold.trades[:0])
    random = make_track(market, make_spans(len(market), trades, seed=11), share=0.6)
    cash = make_track(market, [])
    failed = verdict != "edge"
    baselines = {"Buy and hold": hold, "Random entries": random, "Cash": cash}
    first = int(market.open_time[0])
    return TearSheet(
        title="EMA crossover with RSI and volume, walk-forward",
        strategy="ema_cross",
        strategy_text="Long while the fast average is above the slow one, RSI below 70, and volume above its median.",
        params={"fast": 9, "slow": 21, "rsi": 14, "size": 1.0},
        datasets=(Dataset.of(market),),
        track=track,
        bars={market.pair: market},
        metrics=measure(track),
        baselines=baselines,
        baseline_metrics={name: measure(one) for name, one in baselines.items()},
        folds=tuple(
            Fold(
                number=i + 1,
                train_start=first + i * 80 * DAY_NS,
                train_end=first + (i * 80 + 240) * DAY_NS,
                test_start=first + (i * 80 + 241) * DAY_NS,
                test_end=first + (i * 80 + 321) * DAY_NS,
                params={"fast": 9 + i, "slow": 21},
                metrics={"total_return": 0.05 - 0.03 * i, "sharpe": 0.4 - 0.2 * i, "max_drawdown": 0.1, "trades": 14},
            )
            for i in range(6)
        ),
        intervals=(
            Interval("Sharpe ratio", 0.31, -0.62, 1.18),
            Interval("Sharpe ratio minus buy and hold", -0.67, -1.92, 0.41),
            Interval("Yearly return minus random entries", 0.21, 0.02, 0.44),
        ),
        costs={"Taker fee": "0.26 %", "Maker fee": "0.16 %", "Half spread": "1 bp", "Slippage": "2 bp"},
        cost_sensitivity={
            0.0: CostPoint(0.41, 0.9), 0.5: CostPoint(0.18, 0.5), 1.0: CostPoint(-0.05, 0.1),
            2.0: CostPoint(-0.31, -0.6), 3.0: CostPoint(-0.48, -1.2),
        },
        verdict=MadeVerdict(
            verdict,
            (
                MadeGate("enough_trades", True, trades, 30, "at least 30 trades out of sample"),
                MadeGate("deflated_sharpe", not failed, 0.61 if failed else 0.97, 0.95, "deflated over 24 trials"),
                MadeGate("beats_buy_and_hold", not failed, -1.92 if failed else 0.2, 0.0, "lower bound"),
                MadeGate("positive_at_double_costs", not failed, -0.31 if failed else 0.12, 0.0, "at twice the costs"),
                MadeGate("no_lookahead", True, 0, 0, "decisions that changed when later bars were cut"),
            ),
            (
                "The Sharpe ratio of 0.31 lies inside its own noise: 95 % interval −0.62 to 1.18.",
                "Buy and hold earned more over the same bars with one trade.",
                "At twice the assumed costs the result is a loss.",
            )
            if failed
            else ("Every gate passed on bars that were not used to choose anything.",),
        ),
        run="20260101-120000-ema_cross-5f2c",
        command="tradecore backtest walk-forward ema_cross --data BTC/USDT --timeframe 1h --seed 7",
        version="0.1.0",
        seed=7,
    )  # fmt: skip


@pytest.fixture(scope="session")
def bars() -> Bars:
    return make_bars()


@pytest.fixture(scope="session")
def sheet(bars: Bars) -> TearSheet:
    return make_sheet(bars)


@pytest.fixture(scope="session")
def plain_sheet(bars: Bars) -> TearSheet:
    """Return what a plain `backtest run` has: no folds, no verdict, no intervals, no baselines, no metrics."""
    track = make_track(bars, make_spans(len(bars), 20))
    return TearSheet(
        title="ema_cross on BTC/USDT",
        strategy="ema_cross",
        datasets=(Dataset.of(bars),),
        track=track,
        bars={PAIR: bars},
    )


@pytest.fixture(scope="session")
def idle_track(bars: Bars) -> Track:
    return make_track(bars, [])


@pytest.fixture(scope="session", name="make_bars")
def bars_maker() -> Callable[..., Bars]:
    return make_bars


@pytest.fixture(scope="session")
def track_maker() -> Callable[[Bars, list[tuple[int, int]]], Track]:
    return make_track
