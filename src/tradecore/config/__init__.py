"""One typed tree of settings: defaults, `tradecore.toml`, the environment and flags, each value with its origin."""
