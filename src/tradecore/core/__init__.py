"""The words everything else is written in: pairs, bars, orders, clocks, ports and errors. Pure; imports nothing of
ours."""
