"""`tradecore data push` and `data pull`: share a lake through a bucket or a folder. `data` registers them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tradecore.interfaces.cli.lab import open_lab
from tradecore.interfaces.cli.options import Json, Workspace
from tradecore.interfaces.cli.screen import Screen

if TYPE_CHECKING:
    from tradecore.market.sync import Sync

Url = Annotated[str, typer.Argument(help="s3://bucket/prefix, or file:///folder.", metavar="URL", show_default=False)]
DryRun = Annotated[bool, typer.Option("--dry-run", "-n", help="Say what would be done, and do nothing.")]
Endpoint = Annotated[
    str | None, typer.Option("--endpoint", help="Address of an S3-compatible store.", show_default="from settings")
]
Replace = Annotated[
    list[str] | None,
    typer.Option("--replace", metavar="VENUE/BASE-QUOTE", help="Replace this market, whoever changed it; repeatable."),
]


def push(
    url: Url,
    is_dry: DryRun = False,
    replace: Replace = None,
    endpoint: Endpoint = None,
    as_json: Json = False,
    workspace: Workspace = None,
) -> None:
    """Send the lake to a bucket or folder: only what is not there yet, in one commit. Deletes nothing there.

    Example: tradecore data push s3://my-bucket/lake --dry-run
    """
    from tradecore.control import sync

    screen = Screen(as_json)
    lab = open_lab(workspace, _settings(endpoint))
    with screen.progress() as progress:
        done = sync.push(lab, url, replace=replace or (), is_dry=is_dry, progress=progress)
    _show(screen, done, "push")


def pull(
    url: Url,
    is_dry: DryRun = False,
    replace: Replace = None,
    endpoint: Endpoint = None,
    as_json: Json = False,
    workspace: Workspace = None,
) -> None:
    """Fetch a lake from a bucket or folder: only what is not here yet, checked byte by byte, in one commit.

    Example: tradecore data pull s3://my-bucket/lake
    """
    from tradecore.control import sync

    screen = Screen(as_json)
    lab = open_lab(workspace, _settings(endpoint))
    with screen.progress() as progress:
        done = sync.pull(lab, url, replace=replace or (), is_dry=is_dry, progress=progress)
    _show(screen, done, "pull")


def _settings(endpoint: str | None) -> dict[str, str]:
    return {} if endpoint is None else {"s3.endpoint": endpoint}


def _show(screen: Screen, done: Sync, verb: str) -> None:
    from tradecore.market.sync import size_text

    rows = [
        (one.market, one.state, len(one.ours), len(one.theirs), _step(done, verb, one.market)) for one in done.changes
    ]
    figures = ("datasets here", "there")
    screen.table(("market", "state", *figures, verb), rows, right=figures, fold=("market",))
    moved = f"{done.files:,} files, {size_text(done.bytes)}"
    if not done.is_done:
        screen.say(f"dry run: {moved} to {verb}; commit {done.commit} of {done.address}")
    elif done.moved:
        screen.say(f"{moved} {verb}ed; commit {done.commit} of {done.address}")
    else:
        screen.say(f"nothing to {verb}; {done.address} is at commit {done.commit}")
    newer = [one.market for one in done.changes if one.state == ("theirs newer" if verb == "push" else "ours newer")]
    left = [name for name in newer if name not in done.moved]
    if left:
        screen.say(f"newer {'there' if verb == 'push' else 'here'}: {', '.join(left)}")
    screen.answer(
        {
            "address": done.address,
            "commit": done.commit,
            "is_done": done.is_done,
            "files": done.files,
            "bytes": done.bytes,
            "moved": done.moved,
            "markets": done.changes,
        }
    )


def _step(done: Sync, verb: str, market: str) -> str:
    if market not in done.moved:
        return ""
    return f"{verb}ed" if done.is_done else "would"
