"""The market's past and present: importers, fetching, the lake and its manifest, quality, tiers and feeds.

Fetching and the live feed ask the network through clients that `control` hands in; only bars of other venues open a
client of their own (ccxt). Nothing here decides. The lake is written by one process at a time and read by any number;
its manifest is the commit log.
"""
