"""Several strategies as one. The same texts work on the command line: tradecore backtest run "ensemble(...)"."""

import tradecore as tc
from tradecore.strategy.loading import load

RULES = (
    "ensemble(ema-rsi-volume, breakout, ma-cross)",  # hold while more than half of them hold
    "ensemble(2*breakout(enter=55), ma-cross, momentum, rule=weights)",  # the same, by weight
    "ensemble(breakout, ma-cross(fast=20, slow=200), rule=veto)",  # the first leads, the others can keep it out
)

if __name__ == "__main__":
    bars = tc.synthetic("planted", days=240)
    alone = tc.run("breakout", bars)
    print(tc.compare(alone, *(tc.run(load(text), bars) for text in RULES)))
