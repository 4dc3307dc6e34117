"""Fakes and checkers, for users' tests and for ours. Nothing here runs in production."""
