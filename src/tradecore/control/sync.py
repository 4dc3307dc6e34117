"""Verbs of sharing a lake: push it to, or pull it from, a bucket or a folder. `market.sync` does the work."""

from __future__ import annotations

from collections.abc import Sequence

from tradecore.config.secrets import S3Key, s3_credentials
from tradecore.control.lab import Lab, Progress, no_progress
from tradecore.core.errors import UsageError
from tradecore.market import sync
from tradecore.market.manifest import DatasetKey
from tradecore.market.sync import How, Sync
from tradecore.storage.objectstore import Objects, S3Access, open_bucket, open_folder
from tradecore.storage.transfer import interruptible


def push(
    lab: Lab, url: str, *, replace: Sequence[str] = (), is_dry: bool = False, progress: Progress = no_progress
) -> Sync:
    """Send what moved on here. Errors: UsageError for a URL or market that cannot be meant; as `market.sync.push`."""
    place, how = _place(lab, url), _how(lab, replace, is_dry, progress)
    return interruptible(lambda: sync.push(lab.lake, place, how))


def pull(
    lab: Lab, url: str, *, replace: Sequence[str] = (), is_dry: bool = False, progress: Progress = no_progress
) -> Sync:
    """Fetch what moved on there. Errors: UsageError for a URL or market that cannot be meant; as `market.sync.pull`."""
    place, how = _place(lab, url), _how(lab, replace, is_dry, progress)
    return interruptible(lambda: sync.pull(lab.lake, place, how))


def _place(lab: Lab, url: str) -> Objects:
    """Open what a URL names, with the settings and, for a bucket, the keys of the environment."""
    if not url.startswith("s3://"):
        place = open_folder(url)
        if lab.lake.root.resolve().as_uri().startswith(place.address):
            raise UsageError(f"{url}: the lake lies in that folder; expected one outside of the workspace")
        return place
    settings = lab.settings.s3
    key: S3Key | None = None if settings.is_unsigned else s3_credentials()
    access = S3Access(
        key=key.key if key else None,
        secret=key.secret if key else None,
        token=key.token if key else None,
        endpoint=settings.endpoint,
        region=settings.region,
        has_bucket_in_host=settings.has_bucket_in_host,
        part_bytes=settings.part_megabytes * 1024 * 1024,
        timeout_s=settings.timeout_s,
    )
    return open_bucket(url, access)


def _how(lab: Lab, replace: Sequence[str], is_dry: bool, progress: Progress) -> How:
    markets = frozenset(_market(text) for text in replace)
    return How(
        replace=markets,
        at_once=lab.settings.s3.transfers,
        is_dry=is_dry,
        told=lambda what, done, total: progress(what, float(done), float(total)),
    )


def _market(text: str) -> str:
    """Return venue/BASE-QUOTE in the lake's spelling. Errors: UsageError."""
    return str(DatasetKey.parse(f"{text}/trades")).rpartition("/")[0]
