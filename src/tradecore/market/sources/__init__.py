"""Readers of what other people wrote: archives, Parquet files and recorded replies. One file per format.

A reader yields checked blocks of rows with bounded memory and stores nothing; `market.ingest` carries them into the
lake.
"""
