"""The books: what a fill, a fee and a cash flow do to money. Pure arithmetic and the ledgers built on it."""
