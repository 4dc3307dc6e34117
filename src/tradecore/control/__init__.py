"""The verbs of tradecore, one file per noun. Every skin calls these, so that all skins do the same thing."""
