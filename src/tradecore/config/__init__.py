"""One typed tree of settings, from defaults, `tradecore.toml`, the environment and flags, each value with its origin."""
