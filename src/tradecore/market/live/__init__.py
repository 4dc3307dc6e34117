"""Feeds: stored bars and live trades as one stream of final bars, with the state it is in."""
