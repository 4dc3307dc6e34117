"""A strategy of your own: what it needs, when it buys, when it sells, and why. Then the check every strategy passes."""

from pathlib import Path

import tradecore as tc
from tradecore import Float, Int, Strategy, atr, donchian, rsi
from tradecore.control import strategies


class PullbackBreakout(Strategy):
    """Buy a new high unless everybody already did; let a trailing stop decide when it is over."""

    timeframe = "1h"
    params = {
        "channel": Int(48, 5, 500),
        "hot": Float(75, 50, 95),
        "ranges": Float(4, 1, 10),
        "size": Float(0.5, 0.01, 1),
    }

    def features(self, p):
        return {"channel": donchian(p.channel).upper, "heat": rsi(14), "range": atr(14)}

    def decide(self, market, account):
        if account.position:
            return self.close("too hot to hold") if market.heat > 90 else self.hold("trailing")
        if market.close <= market.previous("channel"):
            return self.hold("no new high")
        if market.heat >= self.p.hot:
            return self.hold("too late")
        trail = min(self.p.ranges * market.range / market.close, 0.2)
        return self.buy(self.p.size, trail=trail, reason="new high")


if __name__ == "__main__":
    bars = tc.synthetic("planted", days=120)
    print(tc.compare(tc.run(PullbackBreakout(), bars), tc.run(PullbackBreakout(channel=96), bars)))
    report = strategies.check(None, f"{Path(__file__)}:PullbackBreakout")
    for step in report.steps:
        print(f"{step.name:<12} {step.outcome:<8} {step.text}")
    print(report.verdict)
