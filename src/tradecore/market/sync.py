"""Share a lake: send what the other side lacks and fetch what it has, market by market, never mixing two changes.

Files and manifests are named by their content, so that a sync is a set difference. The unit is a market, that is one
pair of one venue: its trades, bars and tiers are made from one another and travel together. Called by `control.sync`.
Invariants: the other side changes by one commit and the lake by one rename of its index, both last; what both sides
changed since they last agreed is named and left alone.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from tradecore.core.errors import DataError, NothingThereError, StateRefusedError, UsageError
from tradecore.market import commits
from tradecore.market.commits import Commit
from tradecore.market.lake import Lake
from tradecore.market.manifest import DatasetKey, FileEntry, Manifest, index_text, manifest_from_text
from tradecore.market.store import INDEX
from tradecore.storage.atomic_io import write_json, write_text
from tradecore.storage.objectstore import Objects
from tradecore.storage.transfer import Content, Work, fetch, run_all, send

REMOTES = "remotes"
"""The folder of the lake in which stands what each place and the lake last agreed on."""
Index: TypeAlias = Mapping[str, str]
State: TypeAlias = Literal["same", "ours newer", "theirs newer", "both changed"]
Told: TypeAlias = Callable[[str, int, int], None]
"""What a sync tells its progress to: what it does, bytes done, bytes in all."""

log = logging.getLogger(__name__)


class DivergedError(StateRefusedError):
    """Both sides changed the same market since they last agreed; nothing was transferred."""


@dataclass(frozen=True, slots=True)
class Change:
    """One market on both sides: its datasets here and there, and which side has moved on."""

    market: str
    state: State
    ours: Index
    theirs: Index


@dataclass(frozen=True, slots=True)
class Sync:
    """A sync, done or only planned: each market, what was or would be transferred, and the commit it ends with."""

    address: str
    changes: tuple[Change, ...]
    moved: tuple[str, ...]
    files: int
    bytes: int
    commit: int
    is_done: bool


@dataclass(frozen=True, slots=True)
class How:
    """How a sync is done: markets to take from one side whatever the other has, files at once, and whether at all."""

    replace: Collection[str] = ()
    at_once: int = 4
    is_dry: bool = False
    told: Told = lambda what, done, total: None


def push(lake: Lake, objects: Objects, how: How = How()) -> Sync:
    """Send every market that moved on here. A market that moved on there stays as it is there.

    Errors: NothingThereError when the lake is empty; DivergedError; OvertakenError when somebody else pushed meanwhile;
    DataError for a damaged file on either side; StorageError.
    """
    index, head = lake.store.index(), commits.newest(objects)
    if not index:
        raise NothingThereError(f"{lake.root}: the lake holds no dataset to push; run: tradecore data import FILE")
    agreed = _agreed(lake, objects, head)
    changes = compare(index, head, objects, agreed)
    chosen = _chosen(changes, "ours newer", how.replace, objects, "push")
    ours = {key: name for one in chosen for key, name in one.ours.items()}
    theirs = {key: name for one in changes if one not in chosen for key, name in one.theirs.items()}
    try:
        manifests = [lake.store.manifest(name) for name in ours.values()]
        lacking = _lacking(objects, manifests)
        commit = Commit(head.number + 1, head.hash if head.number else "", theirs | ours) if chosen else head
        if how.is_dry:
            return _outcome(objects, changes, chosen, lacking, commit, False)
        texts = {f"manifests/{one.hash}.json" for one in manifests}
        files = [one for one in lacking if one.name not in texts]
        _run(_sending(objects, lake.root), files, "pushing", how)
        _run(_sending(objects, lake.root), [one for one in lacking if one.name in texts], "naming", how)
    except FileNotFoundError as error:
        raise StateRefusedError(
            f"{error.filename or error}: gone: the lake changed while it was pushed; nothing was committed; push again"
        ) from None
    if chosen:
        commits.make(objects, commit, (f"manifests/{manifests[0].hash}.json", manifests[0].text.encode()))
        log.info("commit_made number=%d address=%s", commit.number, objects.address)
    _agree(lake, objects, agreed, index, commit)
    return _outcome(objects, changes, chosen, lacking, commit, True)


def pull(lake: Lake, objects: Objects, how: How = How()) -> Sync:
    """Fetch every market that moved on there. A market that moved on here stays as it is here.

    Errors: NothingThereError when nothing was ever pushed there; DivergedError; DataError for a damaged object, in
    which case the lake is as it was; StateRefusedError when another process is writing to the lake; StorageError.
    """
    head = commits.newest(objects)
    if not head.number:
        raise NothingThereError(f"{objects.address}: nothing was ever pushed there; run: tradecore data push")
    if how.is_dry:
        return _pull(lake, objects, head, how)
    with lake.locked():
        lake.store.begin()
        return _pull(lake, objects, head, how)


def _pull(lake: Lake, objects: Objects, head: Commit, how: How) -> Sync:
    index = lake.store.index()
    agreed = _agreed(lake, objects, head)
    changes = compare(index, head, objects, agreed)
    chosen = _chosen(changes, "theirs newer", how.replace, objects, "pull")
    theirs = {key: name for one in chosen for key, name in one.theirs.items()}
    manifests = {key: _manifest(objects, key, name) for key, name in theirs.items()}
    lacking = [one for one in _files(manifests.values()) if not _is_there(lake.root, one)]
    if how.is_dry:
        return _outcome(objects, changes, chosen, lacking, head, False)
    _run(_fetching(objects, lake.root), lacking, "pulling", how)
    gone = {key for one in chosen for key in one.ours} - set(theirs)
    updated = {key: name for key, name in index.items() if key not in gone} | theirs
    for manifest in manifests.values():
        lake.store.write_manifest(manifest)
    if updated != index:
        write_text(lake.root / INDEX, index_text(updated))
    lake.store.clean(updated)
    _agree(lake, objects, agreed, updated, head)
    return _outcome(objects, changes, chosen, lacking, head, True)


def compare(ours: Index, head: Commit, objects: Objects, agreed: Index | None) -> tuple[Change, ...]:
    """Say of every market which side has moved on since both had the same.

    Where no agreement is on record, a side that holds everything of the other is the newer one, and so is the other
    side where it once had what this one has now.
    """
    here, there = _markets(ours), _markets(head.datasets)
    common = _markets(agreed or {})
    unknown = [
        name
        for name in here
        if name in there and here[name] != there[name] and _judge(name, here, there, common) is None
    ]
    past: set[tuple[str, str]] = set()
    if unknown:
        past = {
            (name, _canonical(held))
            for one in commits.before(objects, head)
            for name, held in _markets(one.datasets).items()
        }
    found = []
    for name in sorted(here | there):
        state = _judge(name, here, there, common)
        if state is None:
            state = "theirs newer" if (name, _canonical(here[name])) in past else "both changed"
        found.append(Change(name, state, here.get(name, {}), there.get(name, {})))
    return tuple(found)


def _judge(
    name: str, here: Mapping[str, Index], there: Mapping[str, Index], common: Mapping[str, Index]
) -> State | None:
    """Return which side moved on; None when neither content nor record can say."""
    one, other, base = here.get(name, {}), there.get(name, {}), common.get(name)
    if one == other:
        return "same"
    if not one or one == base:
        return "theirs newer"
    if not other or other == base:
        return "ours newer"
    if one.items() <= other.items():
        return "theirs newer"
    if one.items() >= other.items():
        return "ours newer"
    return None if base is None else "both changed"


def _canonical(held: Index) -> str:
    """Return a market's datasets as text that is equal when they are."""
    return json.dumps(held, sort_keys=True)


def _markets(index: Index) -> dict[str, dict[str, str]]:
    """Return venue/pair -> its datasets."""
    found: dict[str, dict[str, str]] = {}
    for key, name in sorted(index.items()):
        found.setdefault(key.rpartition("/")[0], {})[key] = name
    return found


def _chosen(
    changes: Iterable[Change], newer: State, replace: Collection[str], objects: Objects, verb: str
) -> tuple[Change, ...]:
    """Return the markets that travel. Errors: DivergedError naming those that both sides changed."""
    changes = tuple(changes)
    unknown = set(replace) - {one.market for one in changes}
    if unknown:
        there = ", ".join(one.market for one in changes) or "nothing"
        raise UsageError(f"--replace {', '.join(sorted(unknown))}: no such market; expected one of {there}")
    nothing = [
        one.market for one in changes if one.market in replace and not (one.ours if verb == "push" else one.theirs)
    ]
    if nothing:
        where = "the lake" if verb == "push" else objects.address
        raise UsageError(f"--replace {', '.join(nothing)}: {where} holds nothing of it to put in its place")
    odd = [one.market for one in changes if one.state == "both changed" and one.market not in replace]
    if odd:
        raise DivergedError(
            f"{objects.address}: {', '.join(odd)} changed on both sides since they last agreed; nothing was moved; "
            f"say whose stays: tradecore data {verb} … --replace {odd[0]} takes "
            f"{'ours' if verb == 'push' else 'theirs, and drops ours'}; or push yours to another address first"
        )
    return tuple(one for one in changes if one.state == newer or (one.market in replace and one.state != "same"))


def _lacking(objects: Objects, manifests: Iterable[Manifest]) -> list[Content]:
    """Return what the other side lacks of some datasets. Errors: DataError for an object of another size."""
    manifests = list(manifests)
    there: dict[str, int] = {}
    for folder in sorted({one.key.folder for one in manifests} | ({"manifests"} if manifests else set())):
        there.update(objects.sizes(folder))
    texts = [Content(f"manifests/{one.hash}.json", len(one.text.encode()), one.hash) for one in manifests]
    found = []
    for content in [*_files(manifests), *texts]:
        size = there.get(content.name)
        if size is None:
            found.append(content)
        elif size != content.bytes:
            raise DataError(
                f"{objects.address}/{content.name}: {size:,} bytes; expected {content.bytes:,}: it is damaged; "
                "delete it there and push again"
            )
    return found


def _files(manifests: Iterable[Manifest]) -> list[Content]:
    return [Content(file.path, file.bytes, file.sha256) for one in manifests for file in one.files]


def _manifest(objects: Objects, key: str, name: str) -> Manifest:
    """Return a manifest of the other side. Errors: DataError when it, or a path in it, is not as it must be."""
    path = f"manifests/{name}.json"
    text = b"".join(objects.stream(path))
    where = f"{objects.address}/{path}"
    if hashlib.sha256(text).hexdigest() != name:
        raise DataError(f"{where}: its sha256 is not its name: it is damaged; delete it there and push it again")
    manifest = manifest_from_text(text.decode("utf-8"), where)
    if str(manifest.key) != key or manifest.hash != name:
        raise DataError(f"{where}: the manifest of {manifest.key}, named as that of {key}; it was altered")
    for file in manifest.files:
        if file.path != _path(manifest.key, file):
            raise DataError(f"{where}: it names the file {file.path!r}; expected {_path(manifest.key, file)!r}")
    return manifest


def _path(key: DatasetKey, file: FileEntry) -> str:
    """Return the one path a partition may have: another side's manifest must not say where we write."""
    partition = "".join(letter for letter in file.partition if letter in "0123456789-")
    return f"{key.folder}/year={partition[:4]}/{partition}-{file.sha256[:16]}.parquet"


def _is_there(root: Path, content: Content) -> bool:
    """Tell whether a file is there and whole; one left by a killed pull is as good as any other."""
    path = root / content.name
    if not path.is_file() or path.stat().st_size != content.bytes:
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == content.sha256


def _sending(objects: Objects, root: Path) -> Callable[[Content], Work]:
    return lambda content: lambda told: send(objects, root, content, told)


def _fetching(objects: Objects, root: Path) -> Callable[[Content], Work]:
    return lambda content: lambda told: fetch(objects, root, content, told)


def _run(work: Callable[[Content], Work], contents: list[Content], what: str, how: How) -> None:
    if not contents:
        return
    total = sum(one.bytes for one in contents)
    stage = f"{what} {len(contents)} files, {size_text(total)}"
    run_all([work(one) for one in contents], how.at_once, lambda done: how.told(stage, done, total))


def size_text(count: int) -> str:
    """Return a number of bytes as people read it: 3.4 MB."""
    size, unit = float(count), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if size < 1000:
            break
        size, unit = size / 1000, larger
    return f"{size:.1f} {unit}" if unit != "B" else f"{count} B"


def _agreed(lake: Lake, objects: Objects, head: Commit) -> Index | None:
    """Return what the lake and the place last agreed on; None when nothing is on record.

    Errors: StateRefusedError for a record that cannot be read, and for a place that went back behind it: what is older
    there would pass for a newer change.
    """
    path = _record(lake, objects)
    anew = f"delete {path}: what both sides hold is then compared anew"
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        number, agreed, datasets = int(data["commit"]), str(data["hash"]), dict(data["datasets"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StateRefusedError(f"{path}: not a record of a sync ({error}); {anew}") from None
    there = head if head.number <= number else commits.read(objects, number)
    if number and there.hash != agreed:
        raise StateRefusedError(
            f"{objects.address}: its commit {there.number} is not commit {number}, on which it and the lake agreed: it "
            f"was put back or replaced; {anew}"
        )
    return datasets


def _agree(lake: Lake, objects: Objects, before: Index | None, ours: Index, head: Commit) -> None:
    """Record the markets that are the same on both sides now; what was agreed on others still holds."""
    here, there = _markets(ours), _markets(head.datasets)
    held = _markets(before or {}) | {name: one for name, one in here.items() if there.get(name) == one}
    datasets = {key: name for one in held.values() for key, name in sorted(one.items())}
    record = {"place": objects.identity, "commit": head.number, "hash": head.hash, "datasets": datasets}
    write_json(_record(lake, objects), record)


def _record(lake: Lake, objects: Objects) -> Path:
    return lake.root / REMOTES / f"{hashlib.sha256(objects.identity.encode()).hexdigest()[:16]}.json"


def _outcome(
    objects: Objects, changes: tuple[Change, ...], chosen: tuple[Change, ...], moved: list[Content], commit: Commit,
    is_done: bool,
) -> Sync:  # fmt: skip
    return Sync(
        address=objects.address,
        changes=changes,
        moved=tuple(one.market for one in chosen),
        files=len(moved),
        bytes=sum(one.bytes for one in moved),
        commit=commit.number,
        is_done=is_done,
    )
