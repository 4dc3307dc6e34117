"""What the fake venue says when it refuses: one of Kraken's own error strings, on its way to an answer."""

from __future__ import annotations


class Said(Exception):
    """A refusal in the venue's own words; REST puts them in `error`, sockets in an ack without success."""

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.words = words
