"""Objects: named bytes in a bucket of an S3-compatible store (`s3://`) or in a folder (`file://`). Knows no lake.

`market.sync` calls it; `transfer` moves whole files through it. Invariants: an object is seen whole or not at all;
`create` never replaces what is there, whoever else writes at that moment; no key or secret stands in any message, name
or representation.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn, Protocol
from urllib.parse import unquote, urlsplit

from filelock import FileLock

from tradecore.core.errors import NothingThereError, StorageError, UsageError
from tradecore.core.secret import Secret
from tradecore.storage.atomic_io import TEMP_SUFFIX, replace_file, temp_beside, write_bytes

LOCK = ".lock"
ATTEMPTS = 4
"""How often a request is sent before the store counts as unreachable; all of ours may be sent twice."""
_WHY_LETTERS = 200

log = logging.getLogger(__name__)


class Objects(Protocol):
    """A place for named bytes. Names are paths with slashes, relative, in plain letters."""

    @property
    def address(self) -> str:
        """What people are told the place is."""
        ...

    @property
    def identity(self) -> str:
        """What tells this place from every other."""
        ...

    def sizes(self, folder: str) -> dict[str, int]:
        """Return the size in bytes of every object whose name begins with `folder` and a slash."""
        ...

    def stream(self, name: str) -> Iterator[bytes]:
        """Yield an object's bytes in parts. Errors: NothingThereError when there is none of that name."""
        ...

    def create(self, name: str, data: bytes) -> bool:
        """Put a new object and return True; return False, and change nothing, when one of that name is there."""
        ...

    def put(self, name: str, parts: Iterable[bytes]) -> None:
        """Put an object from parts, whole or not at all; when `parts` raises, nothing is put."""
        ...


@dataclass(frozen=True, slots=True)
class S3Access:
    """How a bucket is reached; without a key, requests go unsigned. An empty endpoint is Amazon's for the region."""

    key: Secret | None = None
    secret: Secret | None = None
    token: Secret | None = None
    endpoint: str = ""
    region: str = "us-east-1"
    has_bucket_in_host: bool = False
    part_bytes: int = 8 * 1024 * 1024
    timeout_s: float = 60.0


def open_folder(url: str) -> Objects:
    """Open a folder named by `file:///path`. Errors: UsageError for another URL."""
    parts = _split(url)
    if parts.scheme != "file" or parts.netloc or not parts.path.startswith("/") or parts.path == "/":
        raise UsageError(f"{url}: expected a folder as file:///full/path, or a bucket as s3://bucket/prefix")
    return Folder(Path(unquote(parts.path)))


def open_bucket(url: str, access: S3Access) -> Objects:
    """Open a bucket named by `s3://bucket/prefix`. Nothing is asked of the store yet.

    Errors: UsageError for another URL, or when the library is not installed.
    """
    parts = _split(url)
    if parts.scheme != "s3" or not parts.netloc:
        raise UsageError(f"{url}: expected a bucket as s3://bucket/prefix")
    return Bucket(parts.netloc, parts.path.strip("/"), access)


def _split(url: str) -> Any:
    parts = urlsplit(url)
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise UsageError(
            f"a {parts.scheme}:// address with a name, password or parameters in it; expected s3://bucket/prefix; "
            "keys come from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        )
    return parts


class Folder:
    """Objects as files below a folder, for a disk or a share that several people reach."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @property
    def address(self) -> str:
        """The folder as a URL."""
        return self.root.resolve().as_uri()

    @property
    def identity(self) -> str:
        """The folder as a URL: nothing else tells one from another."""
        return self.address

    def sizes(self, folder: str) -> dict[str, int]:
        """Return the sizes of the files below a folder; temp files of a killed writer are not among them."""
        found = (path for path in (self.root / folder).rglob("*") if path.is_file() and path.suffix != TEMP_SUFFIX)
        return {path.relative_to(self.root).as_posix(): path.stat().st_size for path in found}

    def stream(self, name: str, part_bytes: int = 1024 * 1024) -> Iterator[bytes]:
        """Yield a file's bytes in parts. Errors: NothingThereError."""
        try:
            with (self.root / name).open("rb") as file:
                while part := file.read(part_bytes):
                    yield part
        except FileNotFoundError:
            raise NothingThereError(f"{self.address}: no object {name}") from None
        except OSError as error:
            raise StorageError(f"{self.root / name}: cannot be read ({error.strerror}); check the disk") from None

    def create(self, name: str, data: bytes) -> bool:
        """Put a new file under a lock that every writer of this folder takes. Errors: as `atomic_io.write_bytes`."""
        with self._locked():
            if (self.root / name).exists():
                return False
            write_bytes(self.root / name, data)
            return True

    def put(self, name: str, parts: Iterable[bytes]) -> None:
        """Put a file from parts. Errors: as `atomic_io.write_bytes`."""
        with temp_beside(self.root / name) as temp:
            with temp.open("wb") as file:
                for part in parts:
                    file.write(part)
            replace_file(temp, self.root / name)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.root / LOCK)
            lock.acquire()
        except OSError as error:
            raise StorageError(f"{self.root}: cannot be written ({error.strerror}); choose another folder") from None
        try:
            yield
        finally:
            lock.release()


class Bucket:
    """Objects of a bucket, through obstore. Holds credentials, so it can be neither shown in full nor pickled."""

    def __init__(self, bucket: str, prefix: str, access: S3Access) -> None:
        self._obstore = _library()
        self._bucket, self._prefix, self._access = bucket, prefix, access
        self._store = _s3_store(bucket, prefix, access)

    @property
    def address(self) -> str:
        """The bucket and prefix as a URL."""
        return f"s3://{self._bucket}/{self._prefix}".rstrip("/")

    @property
    def identity(self) -> str:
        """The URL and the endpoint: buckets of one name exist in many places."""
        return f"{self.address} at {self._access.endpoint or f'amazon {self._access.region}'}"

    def __repr__(self) -> str:
        return f"Bucket({self.identity!r})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Bucket cannot be pickled: it holds credentials; open it where it is needed")

    def sizes(self, folder: str) -> dict[str, int]:
        """Return the sizes of the objects below a prefix; the store tells a thousand at a time."""
        with self._told(folder):
            found = [one for page in self._obstore.list(self._store, folder) for one in page]
        return {str(one["path"]): int(one["size"]) for one in found}

    def stream(self, name: str) -> Iterator[bytes]:
        """Yield an object's bytes in parts. Errors: NothingThereError, StorageError."""
        with self._told(name):
            parts = self._obstore.get(self._store, name).stream(min_chunk_size=1024 * 1024)
        while True:
            with self._told(name):
                part = next(parts, None)
            if part is None:
                return
            yield bytes(part)

    def create(self, name: str, data: bytes) -> bool:
        """Put a new object by one conditional request. Errors: StorageError."""
        try:
            with self._told(name):
                self._obstore.put(self._store, name, data, mode="create")
        except _Exists:
            return False
        return True

    def put(self, name: str, parts: Iterable[bytes]) -> None:
        """Put an object in parts, two of them in memory. Errors: StorageError; what `parts` raises."""
        with self._told(name):
            self._obstore.put(
                self._store, name, iter(parts), chunk_size=self._access.part_bytes, max_concurrency=2
            )  # fmt: skip

    @contextmanager
    def _told(self, name: str) -> Iterator[None]:
        """Turn the library's errors into ours. Theirs hold whole replies, and those may repeat an access key."""
        kinds = self._obstore.exceptions
        try:
            yield
        except kinds.AlreadyExistsError:
            raise _Exists from None
        except FileNotFoundError as error:
            if "NoSuchBucket" in str(error):
                raise StorageError(f"{self.identity}: there is no such bucket; create it, or name another") from None
            raise NothingThereError(f"{self.address}: no object {name}") from None
        except (kinds.PermissionDeniedError, kinds.UnauthenticatedError):
            raise StorageError(
                f"{self.identity}: access denied; expected a key that may list, read and write there: check "
                "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and its rights"
            ) from None
        except kinds.BaseError as error:
            log.debug("storage_failed name=%s kind=%s", name, type(error).__name__)
            raise StorageError(f"{self.identity}: {_why(str(error))}; check the address and try again") from None


class _Exists(Exception):
    """The object is there already."""


def _why(text: str) -> str:
    """Return what the library says went wrong, without the store's reply."""
    if "NoSuchBucket" in text:
        return "there is no such bucket"
    code = re.search(r"<Code>(\w{1,60})</Code>", text)
    said = text.partition("\n")[0].partition(": <?xml")[0]
    said = re.sub(r"^Generic S3 error: |Error performing \w+ \S+ in ", "", said)
    return said[:_WHY_LETTERS] + (f" ({code[1]})" if code else "")


def _s3_store(bucket: str, prefix: str, access: S3Access) -> Any:
    key, secret, token = access.key, access.secret, access.token
    signing: dict[str, Any] = {"skip_signature": True}
    if key is not None and secret is not None:

        def credentials() -> dict[str, Any]:
            return {
                "access_key_id": key.reveal(),
                "secret_access_key": secret.reveal(),
                "token": token.reveal() if token else None,
                "expires_at": None,
            }

        signing = {"credential_provider": credentials}  # a function, so that the store's own settings hold no secret
    if access.endpoint:
        signing["endpoint"] = access.endpoint
    return import_module("obstore.store").S3Store(
        bucket,
        prefix=prefix or None,
        region=access.region,
        virtual_hosted_style_request=access.has_bucket_in_host,
        client_options={
            "allow_http": access.endpoint.startswith("http://"),
            "timeout": timedelta(seconds=access.timeout_s),
        },
        retry_config={"max_retries": ATTEMPTS, "retry_timeout": timedelta(seconds=2 * access.timeout_s)},
        **signing,
    )


def _library() -> Any:
    try:
        import_module("obstore.store")
        import_module("obstore.exceptions")
        return import_module("obstore")
    except ImportError:
        raise UsageError("s3:// needs a library that is not installed; run: pip install 'tradecore[s3]'") from None
