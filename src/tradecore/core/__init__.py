"""The words everything else is written in: pairs, bars, orders, clocks, ports, errors. Pure, on nothing of ours."""
