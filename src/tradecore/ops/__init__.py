"""Looking after an installation: is this machine fit to run tradecore, and if not, what is the remedy."""
