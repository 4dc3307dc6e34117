"""Where secrets come from: environment variables, or a file that only its owner can read. Never a flag or a setting.

`bootstrap` asks for them when a command needs to sign something, and hands them on as `core.secret.Secret`. Nothing
here is written, cached or logged. Invariant: no message names the content of a variable or of a line, only its name.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tradecore.core.errors import ConfigError
from tradecore.core.secret import Secret

KRAKEN_KEY = "TRADECORE_KRAKEN_KEY"
KRAKEN_SECRET = "TRADECORE_KRAKEN_SECRET"
KRAKEN_FILE = "TRADECORE_KRAKEN_SECRET_FILE"
VARIABLES = frozenset({KRAKEN_KEY, KRAKEN_SECRET, KRAKEN_FILE})
"""Variables with tradecore's prefix that hold secrets, or say where one lies; they are no settings."""

S3_KEY = "AWS_ACCESS_KEY_ID"
S3_SECRET = "AWS_SECRET_ACCESS_KEY"
S3_TOKEN = "AWS_SESSION_TOKEN"

LARGEST_FILE = 64 * 1024


@dataclass(frozen=True, slots=True)
class KrakenKey:
    """An API key of Kraken and the secret that signs with it."""

    key: Secret
    secret: Secret


@dataclass(frozen=True, slots=True)
class S3Key:
    """An access key of an S3-compatible store; the token is empty unless the key is a temporary one."""

    key: Secret
    secret: Secret
    token: Secret


def keys_folder() -> Path:
    """Return where a person's keys are counted and locked: one place for all workspaces, or two would use one key."""
    from platformdirs import user_state_path

    return user_state_path("tradecore", appauthor=False) / "keys"


def kraken_credentials(environment: Mapping[str, str] | None = None) -> KrakenKey:
    """Return Kraken's API key: from the file that a variable names, else from two variables.

    The file holds the key on its first line and the secret on its second; lines that begin with # are left out.
    Errors: ConfigError saying which variable is missing, or that the file is not private; never what is in either.
    """
    given = os.environ if environment is None else environment
    path, key, secret = (given.get(name, "").strip() for name in (KRAKEN_FILE, KRAKEN_KEY, KRAKEN_SECRET))
    if path and (key or secret):
        raise ConfigError(f"{KRAKEN_FILE} and {KRAKEN_KEY} or {KRAKEN_SECRET} are both set; expected one way only")
    if path:
        return _from_file(Path(path).expanduser())
    missing = [name for name, text in ((KRAKEN_KEY, key), (KRAKEN_SECRET, secret)) if not text]
    if missing:
        raise ConfigError(
            f"no API key of Kraken: {' and '.join(missing)} not set; set {KRAKEN_KEY} and {KRAKEN_SECRET}, "
            f"or name a private file with {KRAKEN_FILE}"
        )
    return KrakenKey(Secret(key), Secret(secret))


def s3_credentials(environment: Mapping[str, str] | None = None) -> S3Key:
    """Return the access key of the object storage, from the variables every S3 tool reads.

    Errors: ConfigError saying which variable is missing.
    """
    given = os.environ if environment is None else environment
    key, secret, token = (Secret(given.get(name, "").strip()) for name in (S3_KEY, S3_SECRET, S3_TOKEN))
    missing = [name for name, text in ((S3_KEY, key), (S3_SECRET, secret)) if not text]
    if missing:
        raise ConfigError(
            f"no access key of the object storage: {' and '.join(missing)} not set; set {S3_KEY} and {S3_SECRET}, "
            "or say that the bucket is public: --set s3.is_unsigned=true"
        )
    return S3Key(key, secret, token)


def _from_file(path: Path) -> KrakenKey:
    try:
        with path.open("rb") as file:  # looked at as it is open, so that it cannot be another file a moment later
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode) or status.st_size > LARGEST_FILE:
                raise ConfigError(f"{path}: named by {KRAKEN_FILE}, but no small file; expected two lines of text")
            _refuse_public(path, status)
            text = file.read(LARGEST_FILE).decode("utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: named by {KRAKEN_FILE}, but cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: named by {KRAKEN_FILE}, but it is not text; expected two lines") from None
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    if len(lines) != 2:
        raise ConfigError(f"{path}: {len(lines)} lines; expected two: the API key, then its secret")
    return KrakenKey(Secret(lines[0]), Secret(lines[1]))


def _refuse_public(path: Path, status: os.stat_result) -> None:
    """Refuse a file that others can read, as ssh does; where there are no such modes there is nothing to look at."""
    if os.name == "nt":  # pragma: no cover - rights are lists there, not modes
        return
    if status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        mode = stat.S_IMODE(status.st_mode)
        raise ConfigError(f"{path}: others can open it (mode {mode:04o}); expected 0600; run: chmod 600 {path}")
    if status.st_uid not in (os.getuid(), 0):
        raise ConfigError(f"{path}: belongs to another user; expected a file of your own")
