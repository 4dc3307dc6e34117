"""Fetching history from a venue: jobs that can be stopped and killed, and lose no trade.

The journal keeps what came, the chain proves that nothing is missing, the job writes it into the lake. Nothing here
knows HTTP or a venue's answers; `venues` does.
"""
