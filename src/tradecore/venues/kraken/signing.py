"""Keys and signatures. A secret goes in and signatures come out; it is never shown, printed, copied or pickled.

The private client calls it for each request. Source: Kraken's authentication guide: HMAC-SHA512 of the path and the
SHA-256 of nonce and body, keyed with the decoded secret.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import NoReturn

from tradecore.core.errors import ConfigError
from tradecore.core.secret import Secret

LEAST_BYTES = 16
_WHERE = "copy key and private key from the venue's page again"


class Credentials:
    """One key of the venue and its secret, which cannot be read back."""

    __slots__ = ("_key", "_secret")

    def __init__(self, key: str, secret: str | Secret) -> None:
        self._key, self._secret = key, _decoded(secret)  # first of all: a traceback may show a half-made object
        if not key or not key.isascii() or any(sign.isspace() for sign in key):
            raise ConfigError(f"Kraken's API key: expected letters and digits without spaces; {_WHERE}")
        if not self._secret:
            raise ConfigError(f"Kraken's private key: expected base64 of 64 bytes; {_WHERE}")

    @property
    def key(self) -> str:
        """The public half, as it goes into the header."""
        return self._key

    @property
    def fingerprint(self) -> str:
        """A name for this key that gives nothing away: for lock files, logs and messages."""
        return hashlib.sha256(self._key.encode()).hexdigest()[:12]

    def sign(self, path: str, nonce: int, body: bytes) -> str:
        """Return the signature of a request: `path` without host, `body` as it is sent, with the nonce in it."""
        digest = hashlib.sha256(str(nonce).encode() + body).digest()
        return base64.b64encode(hmac.new(self._secret, path.encode() + digest, hashlib.sha512).digest()).decode()

    def __repr__(self) -> str:
        return f"Credentials(key {self.fingerprint})"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("credentials cannot be copied or pickled: a secret stays in the process that read it")


def _decoded(secret: str | Secret) -> bytes:
    """Return the bytes that sign, or none: what raises where a secret is at hand could show it in a traceback."""
    try:
        decoded = base64.b64decode(secret.reveal() if isinstance(secret, Secret) else secret, validate=True)
    except (binascii.Error, ValueError):
        return b""
    return decoded if len(decoded) >= LEAST_BYTES else b""
