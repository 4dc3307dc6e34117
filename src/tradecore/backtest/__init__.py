"""Honest tests of strategies on history: run, walk forward, baselines, comparison, lookahead. One session under all."""
