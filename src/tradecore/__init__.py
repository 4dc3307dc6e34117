"""tradecore: an open lab for crypto trading, from raw trades to an honest verdict."""
