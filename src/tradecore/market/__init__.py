"""The market's past: importers, the lake and its manifest, quality, tiers and feeds.

Nothing here fetches from the network, and nothing here decides. The lake is written by one process at a time and read
by any number; its manifest is the commit log.
"""
