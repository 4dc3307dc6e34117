"""A text that must never be seen: an API secret, a token, a password. Not encryption, and not where secrets come from.

`config.secrets` reads them; the one place that needs a text calls `reveal` and keeps no copy of it. Invariant: nothing
that shows, logs, stores or sends a `Secret` as an ordinary value can hold its text: not `repr`, `str`, `format`,
`vars`, a copy made with `dataclasses.asdict`, JSON, pickle, nor a traceback that prints local variables.
"""

from __future__ import annotations

import hmac
from typing import Any, Final, NoReturn, SupportsIndex

HIDDEN: Final = "********"
"""What stands wherever a secret would have been shown."""
HINT_LETTERS: Final = 4
HINT_LEAST: Final = 12
"""Texts shorter than this give no hint: four letters would be too much of them."""


class Secret:
    """One hidden text. Equal to another secret of the same text; never equal to the text itself."""

    __slots__ = ("__text",)

    def __init__(self, text: str) -> None:
        self.__text = text

    def reveal(self) -> str:
        """Return the text, for the one call that needs it. Do not keep it, and do not put it into a message."""
        return self.__text

    @property
    def hint(self) -> str:
        """The first four letters, by which a person recognises an API key; never used for what signs."""
        return f"{self.__text[:HINT_LETTERS]}…" if len(self.__text) >= HINT_LEAST else HIDDEN

    def __repr__(self) -> str:
        return f"Secret({HIDDEN!r})"

    def __str__(self) -> str:
        return HIDDEN

    def __format__(self, spec: str) -> str:
        return HIDDEN

    def __bool__(self) -> bool:
        return bool(self.__text)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self.__text.encode(), other.__text.encode())

    def __hash__(self) -> int:
        # Every secret has the same: a hash of the text would be something of it.
        return hash(Secret)

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Secret:
        return self

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        raise TypeError("a Secret cannot be pickled: it would lie in a file; pass the name of what to read it from")

    def __setattr__(self, name: str, value: object) -> None:
        if name != "_Secret__text" or hasattr(self, name):
            raise AttributeError("a Secret does not change")
        object.__setattr__(self, name, value)
