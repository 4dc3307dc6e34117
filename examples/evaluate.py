"""The whole honest protocol on one strategy: what failed, what it would take, and the hold-out that stays locked."""

import tradecore as tc

bars = tc.synthetic("noise", days=300, seed=11)  # a market that nothing can be learned about
result = tc.evaluate("ma-cross", bars, grid={"fast": (10, 20), "slow": (60, 120)}, profile="smoke")

print(result)
for text in result.findings.wanted:
    print(f"  it would take: {text}")
print(f"  {result.findings.break_even_text}")
print(f"  hold-out: {result.hold_out.status}")
