"""The commits of a shared lake: numbered objects, each an index of datasets, of which the newest one counts.

A commit is made by creating the object with the next number, which only one of two pushers can do; no commit is ever
changed or deleted, so that every earlier state stays known. It does not move data: `sync` does. Invariant: a `Commit`
that was read is what its pusher wrote, to the byte.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tradecore.core.errors import DataError, StateRefusedError, StorageError, UsageError
from tradecore.market.manifest import DatasetKey, OtherVersionError
from tradecore.storage.atomic_io import strict_json
from tradecore.storage.objectstore import Objects

SCHEMA_VERSION = 1
FOLDER = "commits"
_NAME = re.compile(rf"{FOLDER}/(\d{{8}})\.json")
_HASH = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Commit:
    """One state of a shared lake: its number from 1, the sha256 of the commit before, and dataset -> manifest hash."""

    number: int
    parent: str
    datasets: Mapping[str, str]

    @property
    def name(self) -> str:
        """The name of its object."""
        return f"{FOLDER}/{self.number:08d}.json"

    @property
    def text(self) -> str:
        """Its canonical JSON, with a check of everything else in it."""
        body = {"schema": SCHEMA_VERSION, "number": self.number, "parent": self.parent, "datasets": dict(self.datasets)}
        return strict_json(body | {"check": _check(body)}, sort_keys=True) + "\n"

    @property
    def hash(self) -> str:
        """The sha256 of its bytes."""
        return hashlib.sha256(self.text.encode()).hexdigest()


NOTHING = Commit(0, "", {})
"""What comes before the first commit."""


def newest(objects: Objects) -> Commit:
    """Return the newest commit, or NOTHING where none was made. Errors: as `read`."""
    numbers = [int(found[1]) for name in objects.sizes(FOLDER) if (found := _NAME.fullmatch(name))]
    return read(objects, max(numbers)) if numbers else NOTHING


def read(objects: Objects, number: int) -> Commit:
    """Return a commit by its number.

    Errors: NothingThereError; OtherVersionError for a newer layout; DataError when it is damaged.
    """
    name = Commit(number, "", {}).name
    text = b"".join(objects.stream(name))
    where = f"{objects.address}/{name}"
    try:
        body = json.loads(text)
        version, check = body.pop("schema"), body.pop("check")
        if version != SCHEMA_VERSION:
            raise OtherVersionError(
                f"{where}: schema {version!r}, this tradecore reads {SCHEMA_VERSION}; use a newer one"
            )
        commit = Commit(body["number"], body["parent"], body["datasets"])
        if commit.number != number or check != _check({"schema": version} | body):
            raise ValueError("its check does not fit")
        for key, manifest in commit.datasets.items():
            if str(DatasetKey.parse(key)) != key or not _HASH.fullmatch(manifest):
                raise ValueError(f"{key!r} names no dataset")
    except (ValueError, KeyError, TypeError, AttributeError, UsageError, DataError) as error:
        raise DataError(f"{where}: not a commit of a lake ({error}): it is damaged; restore it from a backup") from None
    return commit


def before(objects: Objects, commit: Commit) -> Iterator[Commit]:
    """Yield the commits before one, newest first. Errors: as `read`; DataError where the chain does not hold."""
    while commit.number > 1:
        earlier = read(objects, commit.number - 1)
        if earlier.hash != commit.parent:
            raise DataError(
                f"{objects.address}/{earlier.name}: not the commit that {commit.number} follows; it was altered"
            )
        yield earlier
        commit = earlier


class OvertakenError(StateRefusedError):
    """Somebody else made the commit that was to be made; nothing of theirs was touched, and nothing of ours is lost."""


def make(objects: Objects, commit: Commit, known: tuple[str, bytes]) -> None:
    """Put a commit, unless its number is taken.

    `known` is an object that is there, by name and content: a store that would put it again cannot tell two pushers
    apart, and some that call themselves compatible do.
    Errors: OvertakenError when somebody else made that commit first; StorageError for such a store.
    """
    if objects.create(*known):
        raise StorageError(
            f"{objects.address}: the store put an object that was there already although it was asked not to; expected "
            "one that knows `If-None-Match: *`, as Amazon's does: two pushers could overwrite one another; use another"
        )
    data = commit.text.encode()
    if objects.create(commit.name, data):
        return
    # A request that was answered too late is sent twice, and the second one is told that the object is there.
    if b"".join(objects.stream(commit.name)) != data:
        raise OvertakenError(
            f"{objects.address}: somebody else made commit {commit.number} meanwhile; theirs stands, your files are "
            "there but not named; run: tradecore data pull, then push again"
        )


def _check(body: Mapping[str, object]) -> str:
    return hashlib.sha256(strict_json(body, sort_keys=True).encode()).hexdigest()
