"""Ten lines: a made-up market, a strategy, two baselines with the same costs, and the figures side by side."""

import tradecore as tc

bars = tc.synthetic("planted", days=365)
strategy = tc.run("ema-rsi-volume", bars)
passive = tc.run("buy-and-hold", bars)
coin = tc.run("random-entry", bars)
print(tc.compare(strategy, passive, coin))
print("One run over known data proves nothing; tc.walk_forward(...) tests honestly and gives a verdict.")
