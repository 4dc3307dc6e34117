"""A strategy in plain Python: `decide` on every bar, three features read, a reason for every HOLD."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from harness.contest import Aim, Contender, Workload
from protocol import RULES, Checks, Job, Run, contend
from workloads.backtest import market, settings

if TYPE_CHECKING:
    from tradecore.strategy.contract import Strategy

WORKLOAD = Workload(
    name="python_lane",
    title="strategy in plain Python, asked on every bar",
    unit="bars",
    size=200_000,
    quick=20_000,
    contenders=(
        Contender("tradecore", "workloads/python_lane.py"),
        Contender("backtesting.py", "peers/backtesting_lane.py", "backtesting", repeats=2),
        Contender("backtrader", "peers/backtrader_lane.py", "backtrader", size=20_000, quick=5_000, repeats=1),
    ),
    aims=(Aim("rate", 300_000), Aim("ahead", 5.0, of="backtesting.py"), Aim("ahead", 50.0, of="backtrader")),
    needs=("bars",),
    tolerances={"trades": 0.0},
    remark="EMA 9/21, a round trip every 44 bars. Ours also writes every decision with its reason to the journal and "
    "sends every entry through the gates.",
    missed="backtesting.py and backtrader run three to four times as fast on this processor as on the one the aim was "
    "set on (56,000 and 5,000 bars a second there); they keep no decision log and ask no gates.",
)  # fmt: skip


def strategy() -> Strategy:
    """Return the strategy, as a user writes one."""
    from tradecore.features import ema, volume_ratio
    from tradecore.features.feature import Feature
    from tradecore.strategy.contract import Answer, Strategy
    from tradecore.strategy.views import Account, Market

    class Crossing(Strategy):
        timeframe = "1m"

        def features(self, p: Any) -> Mapping[str, Feature]:
            return {"fast": ema(RULES["fast"]), "slow": ema(RULES["slow"]), "flow": volume_ratio(20)}

        def decide(self, market: Market, account: Account) -> Answer:
            if market.index < RULES["first"]:
                return self.hold("too early")
            fast, slow, flow = market.fast, market.slow, market.flow
            if account.position:
                if fast < slow:
                    return self.close("crossed back")
                return self.hold("in the trend")
            if fast > slow and flow > 0.0:
                return self.buy(RULES["size"], reason="crossed")
            return self.hold("no trend")

    return Crossing()


def prepare(job: Job) -> Run:
    """Return a simulation that asks `decide` about every bar."""
    from tradecore.backtest.run import simulate

    bars, assumed = market(job), settings()

    def run() -> Checks:
        done = simulate(strategy(), [bars], assumed)
        return {
            "final_equity": float(done.track.curve.equity[-1]),
            "trades": len(done.track.trades),
            "holds": done.journal.counts()["hold"],
        }

    return run


if __name__ == "__main__":
    contend("tradecore", prepare, ("tradecore", "numpy", "numba"))
