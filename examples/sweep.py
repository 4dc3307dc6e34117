"""A thousand parameter sets in a blink, and why the best of them proves nothing. Then the test that can."""

import tradecore as tc

if __name__ == "__main__":
    bars = tc.synthetic("gbm", days=730)  # a market in which nothing can be found
    found = tc.sweep("ma-cross", bars, grid={"fast": "5:50:5", "slow": "60:300:10"})
    print(found)  # what the best is worth comes first
    print(found.table.head(3))
    print(tc.walk_forward("ma-cross", bars, grid={"fast": (5, 20, 50), "slow": (60, 150, 300)}))
